from altyn.core.engine.step import Engine
from altyn.core.engine.types import Answer, Known, Lookup, RulesWanted, Scope

def reserve_receipt(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup | RulesWanted: ...
def commit_receipt(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup | RulesWanted: ...
def cancel_receipt(
    engine: Engine, request: bytes, scope: Scope, clock_us: int, known: Known | None
) -> Answer | Lookup: ...
