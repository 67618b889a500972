from typing import final

@final
class Record:
    seq: int
    op_id: bytes
    kind: int
    natural_key: bytes | None
    receipt_key: bytes | None
    instant_us: int
    body: bytes
    original_key: bytes | None
    def __init__(
        self,
        seq: int,
        op_id: bytes,
        kind: int,
        natural_key: bytes | None,
        receipt_key: bytes | None,
        instant_us: int,
        body: bytes,
        original_key: bytes | None = None,
    ) -> None: ...

@final
class Answer:
    reply: bytes
    record: Record | None
    seq: int
    def __init__(self, reply: bytes, record: Record | None, seq: int) -> None: ...
