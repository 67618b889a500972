from typing import final

COLUMNS: tuple[str, ...]

@final
class CopyRows:
    count: int
    first_seq: int
    last_seq: int
    last_hash: bytes
    def __init__(self, room: int = 65536) -> None: ...
    def add(
        self,
        seq: int,
        epoch: int,
        instant_us: int,
        shard: int,
        kind: int,
        op_id: bytes,
        receipt_key: bytes | None,
        natural_key: bytes | None,
        hash: bytes,
        body: bytes,
        original_key: bytes | None = None,
    ) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
