from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from altyn.server.copy_rows import CopyRows

class CopyExchange:
    table: str
    def __init__(self, connection: asyncpg.Connection[Any]) -> None: ...
    async def prepare(self, table: str, columns: Sequence[str]) -> None: ...
    async def send(
        self, batch: CopyRows, patience_s: float, confirmed: Callable[[CopyRows], CopyRows | None] = ...
    ) -> None: ...
