"""The call table: method → core call, the same for every door.

A door hands over request bytes and the caller's scope and gets reply bytes, or a future of them when the answer
depends on records that are not durable yet. Invariants: capacity is checked before anything is applied; between the
engine's decision and the journal's queue nothing is awaited; a call that the engine cannot place is looked up in the
journal first and decided after, at most `LOOKUPS_AT_ONCE_MAX` at a time. Never here: amounts, rules, sockets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from altyn.core.engine import (
    Answer,
    CallRefused,
    Engine,
    Known,
    Lookup,
    Record,
    RulesWanted,
    Scope,
    authorize_customer,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    get_operation,
    reserve_receipt,
    return_receipt,
    settle_waiting,
)
from altyn.server.effects import Effects, overloaded
from altyn.server.forecasts import Forecasts
from altyn.server.journal_reader import JournalUnavailable
from altyn.server.meters import clock_us
from altyn.server.slots import ReplySlots
from altyn.server.uploads import CANCEL, COMMIT, RETURN, Fact, LookedUpAhead, upload_receipts

Reply = bytes | Awaitable[bytes]
Call = Callable[[bytes, Scope], Reply]
Decide = Callable[[Engine, bytes, Scope, int, Known | None], Answer | Lookup | RulesWanted]
BringRules = Callable[[RulesWanted], Awaitable[None]]

# Calls that may wait for PostgreSQL at a time, to ask the journal or for past rules: each holds a request.
LOOKUPS_AT_ONCE_MAX = 1_024
# Times one operation asks again: it was admitted elsewhere meanwhile, or needs the rules of its time as well.
ASKED_MAX = 5

UPLOADED: dict[int, Decide] = {COMMIT: commit_receipt, RETURN: return_receipt, CANCEL: cancel_receipt}

POS_SERVICE = "altyn.pos.v1.PosService"


class JournalSide(Protocol):
    """What the call table needs of the journal."""

    @property
    def has_room(self) -> bool: ...
    def append(self, record: Record) -> None: ...
    async def find(self, asked: Sequence[Lookup]) -> list[Known]: ...


class Calls:
    """The conversation of `altyn.pos.v1` over one engine and one journal."""

    def __init__(
        self,
        engine: Engine,
        journal: JournalSide,
        slots: ReplySlots,
        clock: Callable[[], int] = clock_us,
        beside: Mapping[str, Call] = MappingProxyType({}),
        bring_rules: BringRules | None = None,
    ) -> None:
        """`beside`: calls that need more than the engine and the journal, by name; without them there are none.
        `bring_rules`: gives the engine what was in force at a time, or decided a sale.
        """
        self._engine = engine
        self._journal = journal
        self._slots = slots
        self._clock = clock
        self._beside = beside
        self._bring_rules = bring_rules or no_past_rules
        # Answered at once, also when PostgreSQL is away.
        self.calculate_receipt: Call = Forecasts(engine, clock, self._ask_for_preview).calculate_receipt
        self._effects = Effects(engine, journal, slots, clock, self._ask_for_effect)
        self._lookups_count = 0

    def table(self) -> dict[str, Call]:
        """Method name → call."""
        table: dict[str, Call] = {
            "AuthorizeCustomer": self.authorize_customer,
            "CalculateReceipt": self.calculate_receipt,
            "ReserveReceipt": self.effect(reserve_receipt),
            "CommitReceipt": self.effect(commit_receipt),
            "CancelReceipt": self.effect(cancel_receipt),
            "GetOperation": self.effect(get_operation),
            "ReturnReceipt": self.effect(return_receipt),
            "UploadReceipts": self.upload_receipts,
        }
        return table | dict(self._beside)

    def _ask_for_preview(self, request: bytes, scope: Scope, reply: Lookup) -> Reply:
        """A forecast of a return reads its sale first."""
        self._make_room_to_ask()
        return self._preview_return(request, scope, reply)

    async def _preview_return(self, request: bytes, scope: Scope, lookup: Lookup) -> bytes:
        for _ in range(ASKED_MAX):
            known = await self._look_up(lookup)
            reply = calculate_receipt(self._engine, request, scope, self._clock(), known)
            if isinstance(reply, bytes):
                return reply
            lookup = reply
        raise being_admitted()

    def authorize_customer(self, request: bytes, scope: Scope) -> Reply:
        self._admit()
        return self.read(authorize_customer(self._engine, request, scope, self._clock()))

    def read(self, answer: Answer) -> Reply:
        """An answer that changed nothing waits for what it saw."""
        return self._slots.hold(answer.seq, answer.reply)

    def effect(self, decide: Decide) -> Call:
        """Decide, journal, and answer when durable."""
        return self._effects.of(decide)

    def _ask_for_effect(self, decide: Decide, request: bytes, scope: Scope, wanted: Lookup | RulesWanted) -> Reply:
        self._make_room_to_ask()
        return self._effect_after_asking(decide, request, scope, wanted)

    def upload_receipts(self, request: bytes, scope: Scope) -> Reply:
        """Facts a register had to keep: each as the call it stands for, one after the other."""
        self._admit()
        return upload_receipts(request, scope, self._admit_fact, self._look_up_all, self._clock)

    async def _admit_fact(self, fact: Fact, scope: Scope, ahead: LookedUpAhead) -> Reply:
        decide = UPLOADED.get(fact.kind)
        if decide is None:
            raise CallRefused("INVALID_ARGUMENT", "FIELD_REQUIRED", "receipts", "an uploaded receipt says what it is")
        self._admit_late()
        answer = decide(self._engine, fact.request, scope, self._clock(), None)
        if isinstance(answer, Answer):
            return self._settle(answer)
        self._make_room_to_ask()
        return await self._admit_after_asking(decide, fact.request, scope, answer, ahead)

    async def _effect_after_asking(
        self, decide: Decide, request: bytes, scope: Scope, wanted: Lookup | RulesWanted
    ) -> bytes:
        reply = await self._admit_after_asking(decide, request, scope, wanted)
        return reply if isinstance(reply, bytes) else await reply

    async def _admit_after_asking(
        self,
        decide: Decide,
        request: bytes,
        scope: Scope,
        wanted: Lookup | RulesWanted,
        ahead: LookedUpAhead | None = None,
    ) -> Reply:
        """The same operation may be admitted by another connection while the journal is asked: then ask once more."""
        known: Known | None = None
        for _ in range(ASKED_MAX):
            if isinstance(wanted, Lookup):
                known = (ahead and await ahead.find(wanted)) or await self._look_up(wanted)
            else:
                await self._bring(wanted)
            self._admit()
            answer = decide(self._engine, request, scope, self._clock(), known)
            if isinstance(answer, Answer):
                return self._settle(answer)
            wanted = answer
        raise being_admitted()

    async def settle_waiting(self) -> bool:
        """Decide one return that had waited for its sale. False: none waits, or it cannot be decided now."""
        answer = settle_waiting(self._engine, self._clock(), None)
        known: Known | None = None
        for _ in range(ASKED_MAX):
            if isinstance(answer, Lookup):
                known = await self._look_up(answer)
            elif isinstance(answer, RulesWanted):
                await self._bring(answer)
            else:
                break
            self._admit()
            answer = settle_waiting(self._engine, self._clock(), known)
        if isinstance(answer, Answer) and answer.record is not None:
            self._journal.append(answer.record)
        return bool(self._engine.owed)

    async def _look_up(self, lookup: Lookup) -> Known:
        return (await self._look_up_all([lookup]))[0]

    async def _look_up_all(self, lookups: Sequence[Lookup]) -> list[Known]:
        self._lookups_count += 1
        try:
            return await self._journal.find(lookups)
        except JournalUnavailable as away:
            raise CallRefused("UNAVAILABLE", "RETRY", "", "the journal is away; send the same op_id again") from away
        finally:
            self._lookups_count -= 1

    async def _bring(self, wanted: RulesWanted) -> None:
        self._lookups_count += 1
        try:
            await self._bring_rules(wanted)
        finally:
            self._lookups_count -= 1

    def _make_room_to_ask(self) -> None:
        if self._lookups_count >= LOOKUPS_AT_ONCE_MAX:
            raise overloaded()

    def _settle(self, answer: Answer) -> Reply:
        if answer.record is not None:
            self._journal.append(answer.record)
        return self._slots.hold(answer.seq, answer.reply)

    def _admit_late(self) -> None:
        """A fact that has waited can wait: half of the room is for those who have a customer before them."""
        self._admit()
        if self._slots.waiting_count * 2 >= self._slots.slots_max:
            raise overloaded()

    def _admit(self) -> None:
        if self._slots.is_full or not self._journal.has_room:
            raise overloaded()


def being_admitted() -> CallRefused:
    return CallRefused("UNAVAILABLE", "RETRY", "", "this operation is being admitted; send the same op_id again")


async def no_past_rules(wanted: RulesWanted) -> None:
    raise CallRefused("UNAVAILABLE", "RETRY", "", "the rules of this receipt's time cannot be brought; send it again")
