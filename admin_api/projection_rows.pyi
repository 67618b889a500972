from typing import final

@final
class TableRows:
    count: int
    def close(self) -> TableRows: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class ProjectionRows:
    receipts: TableRows
    lines: TableRows
    discounts: TableRows
    entries: TableRows
    def add(self, seq: int, body: bytes) -> bool: ...
