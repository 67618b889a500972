"""Gift cards in memory: whose account a number leads to."""

from typing import NamedTuple

from altyn.core.facts.copy import CopyRows

class GiftSeriesFact(NamedTuple):
    """`asset`: of kind MONEY. `valid_days`: after the date of sale; 0: the value does not end."""

    series_no: int
    series: str
    asset: str
    currency: str
    valid_days: int = 0
    is_blocked: bool = False

class GiftCardFact(NamedTuple):
    """`number_hash`, `pin_hash`: 16 bytes or more of the keyed hashes; without `pin_hash` no PIN is asked for."""

    number_hash: bytes
    gift_card_id: int
    account_id: int
    series_no: int
    last4: str = ""
    pin_hash: bytes = b""
    is_blocked: bool = False

class GiftCards:
    allocated_bytes: int
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def series(self, series_no: int) -> GiftSeriesFact | None: ...
    def card(self, number_hash: bytes) -> GiftCardFact | None: ...
    def upsert_series(self, series: GiftSeriesFact) -> None: ...
    def upsert(self, card: GiftCardFact) -> None:
        """Add or replace. ValueError names what is out of range."""
    def remove(self, number_hash: bytes) -> bool:
        """Forget a card; False when it was not there."""
    def load_series(self, rows: CopyRows, rows_max: int) -> int:
        """As `load`. Columns: series_no int4, series text, asset text, currency text, valid_days int4, is_blocked bool,
        deleted bool.
        """
    def load(self, rows: CopyRows, rows_max: int) -> int:
        """Apply at most `rows_max` rows and return how many; fewer means: append the next chunk, or the end.

        Columns: number_hash bytea, gift_card_id int8, account_id int8, series_no int4, last4 text, pin_hash bytea or
        null, is_blocked bool, deleted bool. ValueError when a row is not of this shape.
        """
