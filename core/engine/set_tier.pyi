from altyn.core.engine.step import Engine
from altyn.core.engine.types import Answer, Known, Lookup, Scope

def set_tier(engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None) -> Answer | Lookup: ...
