from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations

class SnapshotDamaged(ValueError): ...

class SnapshotHead(NamedTuple):
    seq: int
    epoch: int
    instant_us: int
    complete_since_seq: int
    chain_hash: bytes

def write_snapshot(book: Book, operations: Operations, head: SnapshotHead) -> Iterator[bytes]: ...
def load_snapshot(
    source: bytes | bytearray | memoryview | mmap, *, entries_max: int = ..., horizon_us: int = ..., seed: int = 0
) -> tuple[SnapshotHead, Book, Operations]: ...
