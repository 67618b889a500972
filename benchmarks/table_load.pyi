from collections.abc import Sequence
from typing import final

from altyn.core.engine import Scope
from altyn.server.calls import Call

class NotAnswered(Exception): ...

@final
class TableLoad:
    def __init__(self, scopes: Sequence[Scope], expected: bytes) -> None: ...
    async def run(self, call: Call, requests: list[list[bytes]]) -> list[float]: ...
