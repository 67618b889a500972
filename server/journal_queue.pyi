from collections.abc import Callable

from altyn.core.engine.answers import Record
from altyn.server.copy_exchange import CopyExchange
from altyn.server.copy_rows import CopyRows

class Overloaded(Exception): ...

class JournalQueue:
    shard: int
    epoch: int
    _seq: int
    _ending: bool
    _exchange: CopyExchange | None
    _goes_on: bool
    _wake: Callable[[], None] | None
    def __init__(
        self,
        shard: int,
        epoch: int,
        seq: int,
        hash: bytes,
        *,
        rows_max: int,
        bytes_max: int,
        batch_rows_max: int,
        batch_bytes_max: int,
        partition_rows: int,
        wait_ns_max: int,
    ) -> None: ...
    @property
    def next_seq(self) -> int: ...
    @property
    def has_room(self) -> bool: ...
    @property
    def queue_bytes(self) -> int: ...
    def append(self, record: Record) -> None: ...
    def take_batch(self) -> CopyRows | None: ...
    def _start(self) -> None: ...
    def settle(self, batch: CopyRows, elapsed_ns: int) -> None: ...
