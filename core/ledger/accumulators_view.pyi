from collections.abc import Iterable
from typing import NamedTuple

from altyn.core.ledger.book import Book

STATES: tuple[str, ...]

class AccumulationView(NamedTuple):
    accumulation_no: int
    state: str
    name: str
    from_seq: int
    counted_seq: int
    since_us: int

def apply_accumulators(
    book: Book,
    instant_us: int,
    *,
    accumulations: Iterable[tuple[int, str, str, int, int]] = (),
    stores: Iterable[tuple[int, str]] = (),
    differences: Iterable[tuple[int, int, int, int, int]] = (),
) -> None: ...
def read_accumulations(book: Book) -> list[AccumulationView]: ...
def read_stores(book: Book) -> list[str]: ...
def read_buckets(book: Book, account_id: int) -> list[tuple[int, int, int, int, str]]: ...
def read_value(book: Book, number: int, account_id: int, day: int, store_no: int = 0) -> int | None: ...
def accumulator_sizes(book: Book) -> tuple[int, int]: ...
def move_buckets(book: Book, from_account: int, to_account: int) -> None: ...
