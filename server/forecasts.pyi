from collections.abc import Callable
from typing import final

from altyn.core.engine import Engine, Lookup, Scope
from altyn.server.calls import Reply

@final
class Forecasts:
    def __init__(
        self, engine: Engine, clock: Callable[[], int], ask: Callable[[bytes, Scope, Lookup], Reply]
    ) -> None: ...
    def calculate_receipt(self, request: bytes, scope: Scope) -> Reply: ...
