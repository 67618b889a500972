from typing import final

@final
class Book:
    """Accounts, lots, holds and totals in C memory; read and changed from Python through `altyn.core.ledger.view`."""

    accounts_count: int
    def __init__(self) -> None: ...
    @property
    def holds_count(self) -> int: ...
    @property
    def lots_count(self) -> int: ...
    @property
    def bytes_used(self) -> int: ...
