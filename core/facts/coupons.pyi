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
NEVER_US: int

class SeriesFact(NamedTuple):
    """`series_no` 1…65535. Valid in [starts_at_us, ends_at_us), NEVER_US: for ever. `uses_max` of one code; 0: any.
    `template` of codes made for it (coupon_codes); empty: they are imported.
    """

    series_no: int
    series: str
    kind: int
    is_blocked: bool
    starts_at_us: int
    ends_at_us: int
    uses_max: int
    template: str = ""

class CodeFact(NamedTuple):
    """`code_hash`: 16 bytes or more of the keyed hash. `code_id`: above 0, below 2^40."""

    code_hash: bytes
    code_id: int
    series_no: int
    is_blocked: bool = False

class CodeResolution(NamedTuple):
    """`result`: CODE_FOUND, or why not. `series_no` and `code_id` are 0 for CODE_UNKNOWN alone."""

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
    def series(self, series_no: int) -> SeriesFact | None: ...
    def upsert_series(self, series: SeriesFact) -> None: ...
    def remove_series(self, series_no: int) -> bool: ...
    def upsert_code(self, code: CodeFact) -> None: ...
    def remove_code(self, code_hash: bytes) -> bool: ...
    def load_series(self, rows: CopyRows, rows_max: int) -> int:
        """Apply at most `rows_max` rows and return how many; fewer means: append the next chunk, or the end.

        Columns: series_no int4, series text, kind int2, is_blocked bool, starts_at_us int8, ends_at_us int8 or null,
        uses_max int4, template text, deleted bool. ValueError when a row is not of this shape.
        """
    def load_codes(self, rows: CopyRows, rows_max: int) -> int:
        """As load_series. Columns: code_hash bytea, code_id int8, series_no int4, is_blocked bool, deleted bool."""
