from altyn.core.engine.step import Engine
from altyn.core.engine.types import Answer, Known, Lookup, Scope

def reserve_receipt(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
def commit_receipt(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
def cancel_receipt(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
