from collections.abc import Callable
from typing import final

from altyn.core.engine import Scope

BURST_S: int
NS: int

@final
class Pace:
    def __init__(self, calls_per_s: int, clock_ns: Callable[[], int] | None = None) -> None: ...
    def take(self, scope: Scope) -> None: ...
