"""Grants in memory: promotions given to single customers."""

from typing import NamedTuple

from altyn.core.facts.copy import CopyRows

class GrantRow(NamedTuple):
    """In force from `starts_at_us` until before `ends_at_us` (None: open). At most 32 `skus` and `categories`."""

    customer_id: int
    promotion_id: str
    starts_at_us: int | None = None
    ends_at_us: int | None = None
    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

class Grants:
    left_out: int
    allocated_bytes: int
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def upsert(self, grant: GrantRow) -> None:
        """Add or replace. ValueError names what is out of range."""
    def remove(self, customer_id: int, promotion_id: str) -> bool:
        """Forget a grant; False when it was not there."""
    def of(self, customer_id: int, instant_us: int) -> list[GrantRow]:
        """Those that hold at the instant, by promotion; without their times."""
    def load(self, rows: CopyRows, rows_max: int) -> int:
        """Apply at most `rows_max` rows and return how many; fewer means: append the next chunk, or the end.

        Columns: customer_id int8, promotion_id text, starts_at_us int8 or null, ends_at_us int8 or null, skus text,
        categories text (both one a line), deleted bool. ValueError when a row is not of this shape.
        """
