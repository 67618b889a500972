class MalformedMessage(ValueError):
    """Bytes that are not a message of the asked type."""

    code: int
    path: str
    def __init__(self, code: int, path: str) -> None: ...
