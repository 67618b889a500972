"""Codes that are computed, never kept: a serial, permuted by its series' own key, in the form of the template."""

SERIALS_MAX: int
SERIAL_SYMBOLS_MIN: int
SERIAL_SYMBOLS_MAX: int

def serial_codes(pepper: bytes, tenant: str, series_no: int, template: str, first: int, count: int) -> bytes:
    """The codes of ``count`` serials from ``first`` on, each with a line feed: (len(template) + 1) bytes a code. At
    most 65,536 at once, without the interpreter's lock. ValueError: a template that has not 8 to 12 #, a serial outside
    1…SERIALS_MAX.
    """

def serial_of_code(pepper: bytes, tenant: str, series_no: int, template: str, code: str) -> int:
    """The serial whose code this is; 0: it has not the template's form, or is nobody's below SERIALS_MAX. Whether it
    has been given out is for who calls to say.
    """
