from collections.abc import Callable
from typing import final

from altyn.core.engine import CallRefused, Engine, Lookup, RulesWanted, Scope
from altyn.server.calls import Call, Decide, JournalSide, Reply
from altyn.server.slots import ReplySlots

def overloaded() -> CallRefused: ...

@final
class Effects:
    def __init__(
        self,
        engine: Engine,
        journal: JournalSide,
        slots: ReplySlots,
        clock: Callable[[], int],
        ask: Callable[[Decide, bytes, Scope, Lookup | RulesWanted], Reply],
    ) -> None: ...
    def of(self, decide: Decide) -> Call: ...
