"""The seam of the call table: any door, any journal. What is answered when, whatever carries the bytes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import pytest

from altyn.core.engine import CallRefused, Engine, Known, Lookup, Record, Scope
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server import calls as call_table
from altyn.server import uploads
from altyn.server.calls import Calls
from altyn.server.journal_reader import JournalUnavailable
from altyn.server.ops import OPS_SCOPE, OpsCalls
from altyn.server.slots import ReplySlots
from tests.core.engine.returns import give_back, refund
from tests.core.engine.world import NOW_US, SCOPE, basket, cancel, commit, look_up, new_engine, new_op_id, reserve


@dataclass
class HeldJournal:
    """A journal whose durability is the test's decision."""

    slots: ReplySlots
    records: list[Record] = field(default_factory=list)
    durable_seq: int = 0
    has_room: bool = True
    is_away: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, record: Record) -> None:
        assert record.seq == len(self.records) + 1
        self.records.append(record)

    async def durable(self, seq: int) -> None:
        while self.durable_seq < seq:
            await self.moved.wait()
            self.moved.clear()

    async def find(self, asked: Sequence[Lookup]) -> list[Known]:
        if self.is_away:
            raise JournalUnavailable("away")
        await self.durable(max(lookup.after_seq for lookup in asked))
        return [look_up(lookup, self.records[: self.durable_seq]) for lookup in asked]

    def make_durable(self, seq: int) -> None:
        self.durable_seq = seq
        self.moved.set()
        self.slots.release(seq)


class Door:
    """A door without a network: request bytes in, reply bytes out."""

    def __init__(self, slots_max: int = 100, journal: type[HeldJournal] = HeldJournal) -> None:
        self.engine: Engine = new_engine()
        self.slots = ReplySlots(slots_max)
        self.journal = journal(self.slots)
        self.calls = Calls(self.engine, self.journal, self.slots, clock=lambda: NOW_US)
        office = OpsCalls(self.engine, self.calls, ops.GetRulesInForceResponse, lambda: NOW_US)
        self.table = self.calls.table() | office.table()

    def call(self, name: str, request: bytes, scope: Scope = SCOPE) -> bytes | Awaitable[bytes]:
        return self.table[name](request, scope)

    def waiting(self, name: str, request: bytes, scope: Scope = SCOPE) -> asyncio.Task[bytes]:
        """A call that must not have its answer yet."""
        reply = self.call(name, request, scope)
        assert not isinstance(reply, bytes)

        async def wait() -> bytes:
            return await reply

        return asyncio.ensure_future(wait())


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def calculate(number: int = 1) -> bytes:
    return pos.CalculateReceiptRequest(receipt=basket(number)).SerializeToString()


def authorize() -> bytes:
    identity = receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_CARD, value="1001")
    return pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=identity).SerializeToString()


def asked(op_id: bytes) -> bytes:
    return pos.GetOperationRequest(op_id=op_id, store_id="s1", register_id="r1").SerializeToString()


async def test_effects_are_answered_only_when_durable_and_in_order() -> None:
    door = Door()
    answered: list[int] = []
    requests = [
        ("ReserveReceipt", reserve(basket(1), 1)),
        ("CommitReceipt", commit(basket(1), 2)),
        ("ReserveReceipt", reserve(basket(2), 3)),
        ("CancelReceipt", cancel(2, 4)),
    ]
    tasks = [door.waiting(name, request) for name, request in requests]
    for number, task in enumerate(tasks, 1):
        task.add_done_callback(lambda _, number=number: answered.append(number))
    assert [record.seq for record in door.journal.records] == [1, 2, 3, 4]
    await settle()
    assert answered == []
    door.journal.make_durable(2)
    await settle()
    assert answered == [1, 2]
    door.journal.make_durable(4)
    await settle()
    assert answered == [1, 2, 3, 4]
    replies = [
        getattr(pos, f"{name}Response").FromString(task.result())
        for (name, _), task in zip(requests, tasks, strict=True)
    ]
    assert [(reply.status, reply.seq) for reply in replies] == [(1, 1), (1, 2), (1, 3), (1, 4)]


async def test_calculate_never_waits() -> None:
    door = Door(slots_max=1)
    held = door.waiting("CommitReceipt", commit(basket(1), 1))
    door.journal.has_room = False
    reply = door.call("CalculateReceipt", calculate(2))
    assert isinstance(reply, bytes)
    assert pos.CalculateReceiptResponse.FromString(reply).outcome.totals.to_pay_minor == 14500
    assert not held.done()
    held.cancel()


@pytest.mark.parametrize(
    ("name", "request_bytes", "scope"),
    [
        ("AuthorizeCustomer", authorize(), SCOPE),
        ("GetBalance", ops.GetBalanceRequest(account_id=70).SerializeToString(), OPS_SCOPE),
    ],
)
async def test_reads_wait_for_what_they_saw_and_for_no_more(name: str, request_bytes: bytes, scope: Scope) -> None:
    door = Door()
    assert isinstance(door.call(name, request_bytes, scope), bytes)
    first = door.waiting("CommitReceipt", commit(basket(1), 1))
    read = door.waiting(name, request_bytes, scope)
    second = door.waiting("CommitReceipt", commit(basket(2), 2))
    await settle()
    assert not read.done()
    door.journal.make_durable(1)
    await settle()
    assert first.done() and read.done() and not second.done()
    form = ops.GetBalanceResponse if name == "GetBalance" else pos.AuthorizeCustomerResponse
    assert form.FromString(read.result()).balances[0].active_points == 145
    second.cancel()


async def test_full_table_or_journal_sheds_before_anything_is_applied() -> None:
    door = Door(slots_max=2)
    held = [door.waiting("CommitReceipt", commit(basket(number), number)) for number in (1, 2)]
    calls = [
        ("CommitReceipt", commit(basket(3), 3)),
        ("ReserveReceipt", reserve(basket(3), 3)),
        ("CancelReceipt", cancel(3, 3)),
        ("AuthorizeCustomer", authorize()),
        ("GetOperation", asked(new_op_id())),
    ]
    for full in ("slots", "journal"):
        for name, request in calls:
            with pytest.raises(CallRefused) as refused:
                door.call(name, request)
            assert (refused.value.code, refused.value.reason) == ("UNAVAILABLE", "OVERLOADED"), full
        assert door.engine.last_seq == len(door.journal.records) == 2
        door.journal.make_durable(2)
        await settle()
        assert all(task.done() for task in held)
        door.journal.has_room = False
    door.journal.has_room = True
    accepted = door.waiting("CommitReceipt", calls[0][1])
    assert door.engine.last_seq == 3
    accepted.cancel()


async def test_cancelled_caller_leaves_the_operation_applied_and_its_answer_for_the_next() -> None:
    door = Door()
    request = commit(basket(1), 1)
    gone = door.waiting("CommitReceipt", request)
    await settle()
    gone.cancel()
    await settle()
    assert gone.cancelled()
    again = door.waiting("CommitReceipt", request)
    other = door.waiting("CommitReceipt", commit(basket(2), 2))
    door.journal.make_durable(1)
    await settle()
    assert pos.CommitReceiptResponse.FromString(again.result()).seq == 1
    assert len(door.journal.records) == 2 and not other.done()
    door.journal.make_durable(2)
    assert pos.CommitReceiptResponse.FromString(await other).seq == 2


async def test_get_operation_of_an_operation_not_yet_durable_gives_the_stored_reply_once_it_is() -> None:
    door = Door()
    op_id = new_op_id()
    sent = door.waiting("CommitReceipt", commit(basket(1), 1, op_id))
    question = door.waiting("GetOperation", asked(op_id))
    await settle()
    assert not question.done()
    door.journal.make_durable(1)
    found = pos.GetOperationResponse.FromString(await question)
    assert (found.status, found.seq, found.reply) == (1, 1, await sent)


async def test_journal_that_cannot_be_asked_means_send_it_again_and_nothing_is_applied() -> None:
    door = Door()
    door.journal.is_away = True
    with pytest.raises(CallRefused) as refused:
        await door.waiting("GetOperation", asked(new_op_id()))
    assert (refused.value.code, refused.value.reason) == ("UNAVAILABLE", "RETRY")
    assert door.engine.last_seq == 0


async def test_lookups_that_wait_for_the_journal_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_table, "LOOKUPS_AT_ONCE_MAX", 2)
    door = Door()
    sent = door.waiting("CommitReceipt", commit(basket(1), 1))
    questions = [door.waiting("GetOperation", asked(new_op_id())) for _ in range(2)]
    await settle()
    with pytest.raises(CallRefused) as refused:
        door.call("GetOperation", asked(new_op_id()))
    assert refused.value.reason == "OVERLOADED"
    door.journal.make_durable(1)
    await asyncio.gather(sent, *questions)
    assert pos.GetOperationResponse.FromString(await door.waiting("GetOperation", asked(new_op_id()))).seq == 0


def uploaded(*facts: bytes | pos.UploadedReceipt) -> bytes:
    request = pos.UploadReceiptsRequest(store_id="s1", register_id="r1")
    for fact in facts:
        if isinstance(fact, bytes):
            request.receipts.add().commit.MergeFromString(fact)
        else:
            request.receipts.append(fact)
    return request.SerializeToString()


def uploaded_return(of: receipt_pb2.Receipt, register_seq: int) -> pos.UploadedReceipt:
    made = pos.UploadedReceipt()
    getattr(made, "return").MergeFromString(give_back(of, register_seq))
    return made


async def test_return_of_a_sale_in_the_same_upload_finds_it_though_looked_up_before() -> None:
    door = Door()
    op_id = new_op_id()
    early = uploaded_return(refund((1, 1000), of=77, number=900), 1)
    back = uploaded_return(refund((2, 1000), number=901, op_id=op_id), 3)
    uploading = door.waiting("UploadReceipts", uploaded(early, commit(basket(1), 2, op_id), back))
    await settle()
    door.journal.make_durable(2)
    await settle()
    door.journal.make_durable(3)
    reply = pos.UploadReceiptsResponse.FromString(await uploading)
    assert [result.status for result in reply.results] == [
        outcome_pb2.STATUS_PARKED,
        outcome_pb2.STATUS_OK,
        outcome_pb2.STATUS_OK,
    ]


async def test_upload_takes_half_of_the_room_and_leaves_the_rest_for_live_calls() -> None:
    door = Door(slots_max=10)
    uploading = door.waiting("UploadReceipts", uploaded(*(commit(basket(n), n) for n in range(1, 9))))
    await settle()
    assert len(door.journal.records) == 5
    live = door.waiting("CommitReceipt", commit(basket(20), 20))
    with pytest.raises(CallRefused) as refused:
        await door.waiting("UploadReceipts", uploaded(commit(basket(21), 21)))
    assert (refused.value.code, refused.value.reason) == ("UNAVAILABLE", "OVERLOADED")
    door.journal.make_durable(6)
    assert pos.CommitReceiptResponse.FromString(await live).seq == 6
    reply = pos.UploadReceiptsResponse.FromString(await uploading)
    assert ([result.seq for result in reply.results], reply.push_back_us > 0) == ([1, 2, 3, 4, 5], True)
    rest = door.waiting("UploadReceipts", uploaded(*(commit(basket(n), n) for n in range(6, 9))))
    await settle()
    door.journal.make_durable(9)
    reply = pos.UploadReceiptsResponse.FromString(await rest)
    assert ([result.seq for result in reply.results], reply.push_back_us) == ([7, 8, 9], 0)


async def test_upload_lets_live_calls_in_between_its_facts() -> None:
    door = Door(slots_max=1_000)
    uploading = door.waiting("UploadReceipts", uploaded(*(commit(basket(n), n) for n in range(1, 201))))
    counts = []
    while len(door.journal.records) < 200:
        await asyncio.sleep(0)
        counts.append(len(door.journal.records))
    assert max(after - before for before, after in itertools.pairwise([0, *counts])) <= uploads.FACTS_A_TURN
    door.journal.make_durable(200)
    assert len(pos.UploadReceiptsResponse.FromString(await uploading).results) == 200


async def test_upload_that_takes_too_long_answers_for_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PATIENCE_S", -1.0)
    door = Door()
    uploading = door.waiting("UploadReceipts", uploaded(*(commit(basket(n), n) for n in range(1, 4))))
    await settle()
    door.journal.make_durable(1)
    reply = pos.UploadReceiptsResponse.FromString(await uploading)
    assert ([result.seq for result in reply.results], reply.push_back_us) == ([1], 0)
