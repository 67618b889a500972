"""The one base of failures that are expected: told to a person by their text alone, without a traceback."""


class Trouble(RuntimeError):
    """Something outside the program is not as it must be; the text says what, and what to do."""
