"""Effect calls of the call table, compiled: decide, hand the record to the journal, answer when it is durable.

Invariants: capacity is checked before anything is applied; between the engine's decision and the journal's queue nothing
is awaited; what the engine cannot place without the journal, or without rules of another time, is handed on. Never here:
what is decided, PostgreSQL, sockets.
"""

cimport cython

from altyn.core.engine.answers cimport Answer
from altyn.server.slots cimport ReplySlots

from altyn.core.engine import CallRefused


def overloaded():
    """The refusal of an effect while too much waits for the journal."""
    return CallRefused(
        "UNAVAILABLE", "OVERLOADED", "", "too many operations wait for the journal; send the same op_id again"
    )


@cython.final
cdef class Effects:
    """`ask(decide, request, scope, wanted)` goes on with a call that wants something first: Lookup or RulesWanted."""

    cdef object engine
    cdef object journal
    cdef ReplySlots slots
    cdef object clock
    cdef object ask

    def __init__(self, engine not None, journal not None, ReplySlots slots not None, clock, ask):
        self.engine = engine
        self.journal = journal
        self.slots = slots
        self.clock = clock
        self.ask = ask

    def of(self, decide):
        """The call (request bytes, scope) → reply that `decide` of the engine makes."""
        return Effect(self, decide).take


@cython.final
cdef class Effect:
    """One call."""

    cdef Effects effects
    cdef object decide

    def __init__(self, Effects effects not None, decide):
        self.effects = effects
        self.decide = decide

    def take(self, bytes request not None, scope):
        """A PendingReply as a rule; reply bytes where nothing has to be waited for. CallRefused."""
        cdef Effects own = self.effects
        cdef Answer answer
        if own.slots.has_no_room() or not own.journal.has_room:
            raise overloaded()
        decided = self.decide(own.engine, request, scope, own.clock(), None)
        if type(decided) is not Answer:
            return own.ask(self.decide, request, scope, decided)
        answer = <Answer>decided
        if answer.record is not None:
            own.journal.append(answer.record)
        return own.slots.held(answer.seq, answer.reply)
