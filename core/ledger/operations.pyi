from typing import final

@final
class Operations:
    complete_since_seq: int
    def __init__(
        self, *, entries_max: int = ..., horizon_us: int = ..., seed: int = 0, complete_since_seq: int = 1
    ) -> None: ...
    def __len__(self) -> int: ...
    def remember(
        self,
        op_id: bytes,
        seq: int,
        instant_us: int,
        content_sha256: bytes,
        *,
        natural_key: bytes = b"",
        receipt_key: bytes = b"",
        receipt_state: int = 0,
        register_key: bytes = b"",
        register_seq: int = -1,
        shift_number: int = -1,
        receipt_number: int = -1,
    ) -> None: ...
    def read_operation(self, op_id: bytes) -> tuple[int, bytes] | None: ...
    def read_natural(self, natural_key: bytes) -> int | None: ...
    def read_receipt(self, receipt_key: bytes) -> tuple[int, int] | None: ...
    def read_register(self, register_key: bytes) -> int | None: ...
    def read_is_new_receipt(self, register_key: bytes, shift_number: int, receipt_number: int) -> bool: ...
    @property
    def bytes_used(self) -> int: ...
