from collections.abc import Iterable, Sequence
from typing import TypedDict

from altyn.core.ledger.book import Book

FLAWS: tuple[str, ...]

class EffectsFlawed(ValueError):
    flaw: str
    def __init__(self, flaw: str) -> None: ...

CounterKey = tuple[str, int, int, int, int, int]
Part = tuple[int, int, int] | tuple[str, int, CounterKey] | tuple[str, int, bytes]

class HoldView(TypedDict):
    hold_id: bytes
    receipt_key: bytes
    state: int
    account_id: int
    expires_at_us: int
    parts: list[Part]

def apply_effects(
    book: Book,
    instant_us: int,
    *,
    lots: Iterable[tuple[int, int, int, int, int, int]] = (),
    entries: Iterable[tuple[int, Iterable[tuple[int, int, int, int]]]] = (),
    holds: Iterable[tuple[bytes, int, int, int, bytes, Sequence[Part]]] = (),
    counters: Iterable[tuple[CounterKey, int]] = (),
    coupons: Iterable[tuple[bytes, int, int, int, bool]] = (),
    closed: Iterable[tuple[int, int, int]] = (),
    forward: tuple[int, int] | None = None,
) -> None: ...
def read_memory(book: Book) -> tuple[int, int]: ...
def read_leads_to(book: Book, account_id: int) -> int: ...
def read_counter(book: Book, key: CounterKey) -> tuple[int, int]: ...
def read_coupon(book: Book, code_hash: bytes) -> tuple[int, int, int, bool]: ...
def read_balances(book: Book, account_id: int, instant_us: int) -> dict[int, tuple[int, int, int, int]]: ...
def read_lots(book: Book, account_id: int) -> list[tuple[int, int, int, int, int, int, int]]: ...
def read_pick(
    book: Book, account_id: int, asset_no: int, points: int, instant_us: int
) -> list[tuple[int, int, int]]: ...
def read_hold(book: Book, hold_id: bytes) -> HoldView | None: ...
def read_due_hold(book: Book, instant_us: int) -> HoldView | None: ...
def read_due_lots(
    book: Book, cursor: int, instant_us: int, scanned_max: int
) -> tuple[int, list[tuple[int, int, int, int]]]: ...
def read_totals(book: Book, asset_no: int) -> dict[int, int]: ...
