from altyn.core.engine.step import Engine
from altyn.core.engine.types import Answer, Known, Lookup, Scope

def merge_accounts(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
def move_points(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
def convert_points(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
