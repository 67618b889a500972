from altyn.core.engine.step import Engine
from altyn.core.engine.types import Answer, Known, Lookup, Record, Scope

def adjust_points(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
def expire_holds(engine: Engine, clock_us: int, count_max: int) -> list[Record]: ...
