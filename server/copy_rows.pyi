from typing import final

from altyn.core.engine.answers import Record

COLUMNS: tuple[str, ...]

@final
class CopyRows:
    count: int
    first_seq: int
    last_seq: int
    last_hash: bytes
    def __init__(self, room: int = 65536) -> None: ...
    def add(self, record: Record, epoch: int, shard: int, previous: bytes) -> bytes: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
