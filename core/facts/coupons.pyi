"""Coupons: which series a code belongs to, and whether it may be used. Only keyed hashes of codes, never a code."""

from typing import NamedTuple

from altyn.core.facts.copy import CopyRows

COUPON_SHARED: int
COUPON_UNIQUE: int
CODE_UNKNOWN: int
CODE_FOUND: int
CODE_BLOCKED: int
CODE_TOO_EARLY: int
CODE_TOO_LATE: int
SERIES_NO_MAX: int
SHAPES_MAX: int
NEVER_US: int

class SeriesFact(NamedTuple):
    """`series_no` 1…65535. Valid in [starts_at_us, ends_at_us), NEVER_US: for ever. `uses_max` of one code; 0: any.
    `template` of codes made for it (coupon_codes); empty: they are imported. `is_serial`: its codes are computed
    (serial_codes). `keeps_used`: a return lets no code be used again; else it is good for `grace_days` (0…3650) more.
    """

    series_no: int
    series: str
    kind: int
    is_blocked: bool
    starts_at_us: int
    ends_at_us: int
    uses_max: int
    template: str = ""
    is_serial: bool = False
    keeps_used: bool = False
    grace_days: int = 0

class CodeFact(NamedTuple):
    """`code_hash`: 16 bytes or more of the keyed hash. `code_id`: above 0, below 2^40."""

    code_hash: bytes
    code_id: int
    series_no: int
    is_blocked: bool = False

class CodeResolution(NamedTuple):
    """`result`: CODE_FOUND, or why not. `series_no` and `code_id`, or the serial, are 0 for CODE_UNKNOWN alone."""

    result: int
    series_no: int
    code_id: int

class Coupons:
    allocated_bytes: int
    def __init__(self) -> None: ...
    @property
    def codes_count(self) -> int: ...
    @property
    def series_count(self) -> int: ...
    def resolve(self, code_hash: bytes, instant_us: int) -> CodeResolution:
        """What a code is at an instant. ValueError for a hash of fewer than 16 bytes."""
    def resolve_range(self, series_no: int, serial: int, instant_us: int) -> CodeResolution:
        """What the code of a serial is at an instant."""
    def series_of_form(self, code: bytes) -> int:
        """The serial series that a normalised code has the form of; 0: none."""
    def series(self, series_no: int) -> SeriesFact | None: ...
    def upsert_series(self, series: SeriesFact) -> None: ...
    def remove_series(self, series_no: int) -> bool: ...
    def upsert_code(self, code: CodeFact) -> None: ...
    def remove_code(self, code_hash: bytes) -> bool: ...
    def upsert_range(self, series_no: int, first: int, last: int, is_blocked: bool = False) -> None:
        """A batch: serials `first` to `last` of a series. ValueError: some are another batch's, or out of range."""
    def remove_range(self, series_no: int, first: int) -> bool: ...
    def load_series(self, rows: CopyRows, rows_max: int) -> int:
        """Apply at most `rows_max` rows and return how many; fewer means: append the next chunk, or the end.

        Columns: series_no int4, series text, kind int2, is_blocked bool, starts_at_us int8, ends_at_us int8 or null,
        uses_max int4, template text, is_serial bool, keeps_used bool, grace_days int4, deleted bool. ValueError when a
        row is not of this shape.
        """
    def load_codes(self, rows: CopyRows, rows_max: int) -> int:
        """As load_series. Columns: code_hash bytea, code_id int8, series_no int4, is_blocked bool, deleted bool."""
    def load_ranges(self, rows: CopyRows, rows_max: int) -> int:
        """As load_series. Columns: series_no, first_serial, last_serial int4, is_blocked bool, deleted bool."""
