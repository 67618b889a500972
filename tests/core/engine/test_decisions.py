"""What a sale spent without a hold, and a person's decision about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from altyn.cli.verify.pages import sale_of
from altyn.cli.verify.taken_back import wrongs_of
from altyn.cli.verify.tenders import wrong_refund
from altyn.core.engine import CallRefused, Scope, cancel_receipt, decide_exception, merge_accounts, return_receipt
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_balances
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2
from tests.core.engine import scarce_world, tender_world
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import balance, committed, give, new_world, replayed, reserved, sale
from tests.core.engine.world import NOW_US, World, cancel, new_op_id

OPS = Scope("", "", "")
NOT_RESERVED = reasons_pb2.REASON_NOT_RESERVED


@pytest.fixture
def world() -> World:
    made = new_world()
    give(made, 4000)
    give(made, 3000, expires_at_us=NOW_US + scarce_world.DAY_US)
    return made


def decision(of: int = 1, *, seq: int, apply: bool = True, **fields: object) -> bytes:
    request = ops.DecideExceptionRequest(
        seq=seq,
        exception="NOT_RESERVED",
        store_id="s1",
        register_id="r1",
        shift_number=1,
        receipt_number=of,
        apply=apply,
        note="asked the shop",
        actor="u-1",
    )
    for name, value in fields.items():
        setattr(request, name, value)
    return request.SerializeToString()


def decide(world: World, of: int = 1, *, seq: int, apply: bool = True, **fields: object) -> ops.DecideExceptionResponse:
    answer = world.effect(decide_exception, decision(of, seq=seq, apply=apply, **fields), scope=OPS)
    return ops.DecideExceptionResponse.FromString(answer)


def returned(world: World, *lines: tuple[int, int], of: int = 1, number: int = 900) -> pos.ReturnReceiptResponse:
    request = give_back(refund(*lines, of=of, number=number), world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request))


def voided(world: World, number: int) -> pos.CancelReceiptResponse:
    return pos.CancelReceiptResponse.FromString(world.effect(cancel_receipt, cancel(number, world.next_seq())))


def digest(world: World) -> bytes:
    return state_digest(world.engine.book)


def proven(world: World) -> None:
    """A replay gives the same book, and verification finds nothing wrong with what was taken and given back."""
    assert state_digest(replayed(world).book) == digest(world)
    records = [journal.Record.FromString(record.body) for record in world.records]
    assert [wrong for record in records if record.evidence.HasField("original") for wrong in wrongs_of(record)] == []


def last(world: World) -> journal.Record:
    return journal.Record.FromString(world.records[-1].body)


def test_commit_without_a_hold_notes_what_waits_and_moves_none_of_it(world: World) -> None:
    reply = committed(world, sale(1, 2500, "AAA"))
    assert list(reply.exceptions) == [NOT_RESERVED]
    assert balance(world)[0] == 7065  # with what the sale earned
    noted = last(world).evidence.unreserved
    assert [(row.asset_no, row.points, row.amount_minor) for row in noted.points] == [(1, 2500, 2500)]
    assert list(noted.codes) == [0]


def test_reserved_commit_notes_nothing(world: World) -> None:
    reserved(world, sale(1, 2500))
    committed(world, sale(1, 2500))
    assert not last(world).evidence.HasField("unreserved")


def test_applied_decision_is_as_if_the_sale_had_been_reserved(world: World) -> None:
    reply = committed(world, sale(1, 2500, "AAA"))
    done = decide(world, seq=reply.seq)
    assert (done.applied, done.reason, done.sum_minor) == (True, "", 2500)
    other = new_world()
    give(other, 4000)
    give(other, 3000, expires_at_us=NOW_US + scarce_world.DAY_US)
    reserved(other, sale(1, 2500, "AAA"))
    committed(other, sale(1, 2500, "AAA"))
    assert balance(world) == balance(other)
    # The code is used: a second receipt cannot have it.
    assert (
        scarce_world.committed(world, sale(2, None, "AAA")).outcome.coupons[0].reason == reasons_pb2.REASON_COUPON_USED
    )
    proven(world)


def test_rejected_decision_moves_nothing_and_stands(world: World) -> None:
    reply = committed(world, sale(1, 2500))
    before = digest(world)
    assert decide(world, seq=reply.seq, apply=False).applied
    assert digest(world) == before
    assert last(world).request.decision.note == "asked the shop"
    again = decide(world, seq=reply.seq)
    assert (again.applied, again.reason) == (False, "CONTENT_DIFFERS")


def test_same_decision_again_has_the_same_answer_and_no_second_effect(world: World) -> None:
    reply = committed(world, sale(1, 2500))
    first = decide(world, seq=reply.seq)
    count, before = len(world.records), digest(world)
    assert decide(world, seq=reply.seq) == first
    assert (len(world.records), digest(world)) == (count, before)


@pytest.mark.parametrize("parts", [[1000], [400, 600], [300, 300, 400]])
def test_return_after_the_decision_gives_back_what_was_taken(world: World, parts: list[int]) -> None:
    before = balance(world)
    reply = committed(world, sale(1, 2500, "AAA"))
    decide(world, seq=reply.seq)
    for number, qty in enumerate(parts, 900):
        assert returned(world, (1, qty), number=number).status == 1
    assert balance(world) == before
    assert (
        scarce_world.committed(world, sale(2, None, "AAA")).outcome.coupons[0].reason != reasons_pb2.REASON_COUPON_USED
    )
    proven(world)


def test_void_after_the_decision_takes_it_back(world: World) -> None:
    before = balance(world)
    reply = committed(world, sale(1, 2500))
    decide(world, seq=reply.seq)
    assert voided(world, 1).status == 1
    assert balance(world) == before
    proven(world)


def bring_back(world: World) -> None:
    returned(world, (1, 500))


def void(world: World) -> None:
    voided(world, 1)


@pytest.mark.parametrize("take_back", [bring_back, void])
def test_what_was_taken_back_is_not_spent_any_more(world: World, take_back: Callable[[World], None]) -> None:
    reply = committed(world, sale(1, 2500))
    take_back(world)
    before, count = digest(world), len(world.records)
    declined = decide(world, seq=reply.seq)
    assert (declined.applied, declined.reason) == (False, "SALE_TAKEN_BACK")
    assert (digest(world), len(world.records)) == (before, count)


def test_more_than_the_limit_is_not_applied_and_may_be_asked_again(world: World) -> None:
    reply = committed(world, sale(1, 2500))
    declined = decide(world, seq=reply.seq, sum_max_minor=2499)
    assert (declined.applied, declined.reason, declined.sum_minor) == (False, "DECISION_BEYOND_LIMIT", 2500)
    assert decide(world, seq=reply.seq, sum_max_minor=2500).applied


def test_points_spent_meanwhile_become_a_debt(world: World) -> None:
    reply = committed(world, sale(1, 2500))
    for number in (2, 3):
        reserved(world, sale(number, -1))
        committed(world, sale(number, -1))
    left = balance(world)[0]
    assert left < 2500
    assert decide(world, seq=reply.seq).applied
    active, _, _, debt = balance(world)
    assert (active, debt) == (0, 2500 - left)
    assert list(last(world).exceptions) == [reasons_pb2.REASON_DEBT_BOOKED]
    proven(world)


def test_code_used_meanwhile_is_told(world: World) -> None:
    reply = committed(world, sale(1, None, "AAA"))
    reserved(world, sale(2, None, "AAA"))
    committed(world, sale(2, None, "AAA"))
    assert decide(world, seq=reply.seq).applied
    assert list(last(world).exceptions) == [reasons_pb2.REASON_COUPON_USED]


def test_what_waits_for_nothing_is_declined(world: World) -> None:
    reply = committed(world, sale(1))
    assert decide(world, seq=reply.seq).reason == "NOTHING_TO_DECIDE"
    assert decide(world, 77, seq=5).reason == "NOTHING_TO_DECIDE"
    other = committed(world, sale(2, 2500))
    assert decide(world, 2, seq=other.seq + 1).reason == "NOTHING_TO_DECIDE"
    assert decide(world, 2, seq=other.seq, exception="DEBT_BOOKED").reason == "NOTHING_TO_DECIDE"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"seq": 0}, "seq"),
        ({"exception": ""}, "exception"),
        ({"note": ""}, "reason"),
        ({"sum_max_minor": -1}, "sum_max_minor"),
    ],
)
def test_unreadable_decision_names_the_field(world: World, fields: dict[str, object], field: str) -> None:
    with pytest.raises(CallRefused) as refused:
        decide_exception(world.engine, decision(**{"seq": 1, **fields}), OPS, NOW_US, None)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_gift_card_that_was_not_kept_pays_after_all_and_gets_its_money_back() -> None:
    world = tender_world.new_world()
    tender_world.sold(world, tender_world.A, 5_000, 1)
    of = tender_world.basket(2, 10_000)
    reply = tender_world.committed(world, tender_world.offered(of, tender_world.A, 3_000))
    assert NOT_RESERVED in reply.exceptions
    assert tender_world.money(world, tender_world.ACCOUNTS[tender_world.A])[0] == 5_000
    done = decide(world, 2, seq=reply.seq)
    assert (done.applied, done.sum_minor) == (True, 3_000)
    assert tender_world.money(world, tender_world.ACCOUNTS[tender_world.A])[0] == 2_000
    assert returned(world, (1, 1000), of=2).status == 1
    assert tender_world.money(world, tender_world.ACCOUNTS[tender_world.A])[0] == 5_000
    tender_world.prove(world)
    records = [journal.Record.FromString(record.body) for record in world.records]
    assert [wrong for record in records if record.evidence.HasField("original") for wrong in wrongs_of(record)] == []
    assert [
        wrong
        for record in records[2:]
        if record.kind == pos.OPERATION_KIND_RETURN
        for wrong in wrong_refund(record, sale_of(record))
    ] == []


def join(world: World) -> None:
    """The account of the sale joins a family's."""
    request = ops.MergeAccountsRequest(op_id=new_op_id(), account_id=70, into_account_id=90, reason="family")
    world.effect(merge_accounts, request.SerializeToString(), scope=OPS)


def test_return_of_a_joined_accounts_sale_acts_on_the_family(world: World) -> None:
    reserved(world, sale(1, 2500))
    committed(world, sale(1, 2500))
    join(world)
    assert returned(world, (1, 1000)).status == 1
    assert read_balances(world.engine.book, 90, NOW_US)[1][0] == 7000
    assert read_balances(world.engine.book, 70, NOW_US).get(1, (0, 0, 0, 0)) == (0, 0, 0, 0)
    proven(world)


def test_decision_after_joining_takes_from_the_family_and_its_return_gives_back_to_it(world: World) -> None:
    reply = committed(world, sale(1, 2500))
    join(world)
    assert decide(world, seq=reply.seq).applied
    assert read_balances(world.engine.book, 90, NOW_US)[1][0] == 7075 - 2500
    assert returned(world, (1, 1000)).status == 1
    assert read_balances(world.engine.book, 90, NOW_US)[1][0] == 7000
    proven(world)
