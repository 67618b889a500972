"""Taking sales back through the step function: refunds, points, voids, returns that come first."""

from __future__ import annotations

import pytest

from altyn.core.engine import (
    Answer,
    CallRefused,
    Lookup,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    find_owed,
    return_receipt,
    settle_waiting,
)
from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.view import read_balances
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.returns import give_back, refund, refunds
from tests.core.engine.world import (
    NOW_US,
    SCOPE,
    World,
    basket,
    cancel,
    commit,
    line,
    new_engine,
    new_op_id,
    new_world,
    receipt,
    replayed,
)

OK, DECLINED, QUARANTINED, PARKED = 1, 2, 4, 5


@pytest.fixture
def world() -> World:
    return new_world()


def sold(world: World, of: receipt_pb2.Receipt | None = None, op_id: bytes | None = None) -> pos.CommitReceiptResponse:
    request = commit(of or basket(), world.next_seq(), op_id)
    return pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, request))


def returned(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.ReturnReceiptResponse:
    request = give_back(of, world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, clock_us))


def voided(world: World, number: int = 1) -> pos.CancelReceiptResponse:
    return pos.CancelReceiptResponse.FromString(world.effect(cancel_receipt, cancel(number, world.next_seq())))


def preview(world: World, of: receipt_pb2.Receipt) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    lookup = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(lookup, Lookup)
    reply = calculate_receipt(world.engine, request, SCOPE, NOW_US, world.known(lookup))
    assert isinstance(reply, bytes)
    return pos.CalculateReceiptResponse.FromString(reply)


def settle(world: World) -> None:
    """As the server's task does it."""
    while world.engine.owed:
        answer = settle_waiting(world.engine, NOW_US, None)
        if isinstance(answer, Lookup):
            answer = settle_waiting(world.engine, NOW_US, world.known(answer))
        if isinstance(answer, Answer) and answer.record is not None:
            world.records.append(answer.record)


def points(world: World, account_id: int = 70) -> tuple[int, int]:
    """Active points and debt."""
    active, _, _, debt = read_balances(world.engine.book, account_id, NOW_US).get(1, (0, 0, 0, 0))
    return active, debt


def test_whole_return_gives_the_net_back_and_cancels_the_points(world: World) -> None:
    sold(world)
    assert points(world) == (145, 0)
    reply = returned(world, refund((1, 1000), (2, 1000)))
    assert (reply.status, refunds(reply), reply.outcome.totals.to_pay_minor) == (OK, [4500, 10000], 14500)
    assert points(world) == (0, 0)


def test_thirds_of_ten_roubles_are_333_333_334(world: World) -> None:
    sold(world, receipt(line(1, "milk", 334, 3000)))
    sold_net = 1002
    parts = [refunds(returned(world, refund((1, 1000), number=900 + k)))[0] for k in range(3)]
    assert sum(parts) == sold_net
    world = new_world()
    cheaper = line(1, "milk", 333, 3000)
    cheaper.gross_minor = 1000
    sold(world, receipt(cheaper))
    assert [refunds(returned(world, refund((1, 1000), number=900 + k)))[0] for k in range(3)] == [333, 333, 334]


def test_return_by_the_commits_op_id_alone_finds_the_sale(world: World) -> None:
    op_id = new_op_id()
    sold(world, op_id=op_id)
    assert refunds(returned(world, refund((2, 1000), op_id=op_id))) == [10000]
    assert world.records[-1].original_key == world.records[0].receipt_key


def test_return_of_more_than_was_sold_is_stored_and_its_excess_moves_nothing(world: World) -> None:
    sold(world)
    reply = returned(world, refund((1, 3000)))
    assert (reply.status, list(reply.exceptions), refunds(reply)) == (OK, [42], [4500])
    before = state_digest(world.engine.book)
    again = returned(world, refund((1, 1000), number=901))
    assert (again.status, again.reason, refunds(again)) == (QUARANTINED, 42, [0])
    assert state_digest(world.engine.book) == before


def test_return_of_an_unknown_line_is_stored_and_moves_nothing(world: World) -> None:
    sold(world)
    reply = returned(world, refund((7, 1000)))
    assert (reply.status, reply.reason, list(reply.exceptions)) == (QUARANTINED, 43, [43])
    assert points(world) == (145, 0)


def test_return_whose_payments_differ_from_the_refund_says_so(world: World) -> None:
    sold(world)
    paid = receipt_pb2.Payment(type=receipt_pb2.PAYMENT_TYPE_CASH, sum_minor=5000)
    assert list(returned(world, refund((1, 1000), payments=[paid])).exceptions) == [27]


def test_return_after_the_points_were_spent_leaves_a_debt(world: World) -> None:
    sold(world)
    spend(world, 145)
    reply = returned(world, refund((1, 1000), (2, 1000)))
    assert list(reply.exceptions) == [47]
    assert points(world) == (0, 145)


def spend(world: World, wanted: int) -> None:
    """A journal record that takes points away, as a redemption would."""
    lots = journal.Record.FromString(world.records[0].body).effects.lots
    record = journal.Record(
        format=1, kind=5, seq=world.engine.last_seq + 1, instant_us=NOW_US, op_id=new_op_id(), content_sha256=bytes(32)
    )
    entry = record.effects.entries.add(kind=2)
    entry.postings.add(account_id=70, asset_no=1, points=-wanted, lot_id=lots[0].lot_id)
    entry.postings.add(account_id=-2, asset_no=1, points=wanted)
    world.take(record)


def test_return_sent_twice_is_one_effect(world: World) -> None:
    sold(world)
    request = give_back(refund((1, 1000)), world.next_seq())
    first = world.effect(return_receipt, request)
    seq = world.engine.last_seq
    assert world.effect(return_receipt, request) == first
    assert world.engine.last_seq == seq


def test_return_without_an_original_is_refused(world: World) -> None:
    made = refund((1, 1000))
    made.ClearField("original")
    with pytest.raises(CallRefused) as found:
        returned(world, made)
    assert (found.value.reason, found.value.field) == ("FIELD_REQUIRED", "receipt.original")


def test_preview_refuses_what_a_return_would_only_remark(world: World) -> None:
    assert preview(world, refund((1, 1000))).reason == 41
    sold(world)
    before = state_digest(world.engine.book)
    fits = preview(world, refund((1, 1000)))
    assert (fits.status, fits.outcome.totals.to_pay_minor) == (OK, 4500)
    much = preview(world, refund((1, 1000), (2, 2000)))
    assert (much.status, much.reason, list(much.refused_lines)) == (DECLINED, 42, [2])
    assert preview(world, refund((9, 1000))).reason == 43
    assert state_digest(world.engine.book) == before
    voided(world)
    assert preview(world, refund((1, 1000))).reason == 44


def test_look_up_that_missed_a_return_is_asked_again(world: World) -> None:
    sold(world)
    late = give_back(refund((1, 1000), number=901), world.next_seq())
    lookup = return_receipt(world.engine, late, SCOPE, NOW_US, None)
    assert isinstance(lookup, Lookup)
    stale = world.known(lookup)
    returned(world, refund((1, 1000)))
    again = return_receipt(world.engine, late, SCOPE, NOW_US, stale)
    assert isinstance(again, Lookup) and again.after_seq == world.engine.last_seq
    answer = return_receipt(world.engine, late, SCOPE, NOW_US, world.known(again))
    assert isinstance(answer, Answer)
    assert pos.ReturnReceiptResponse.FromString(answer.reply).reason == 42


def test_certainly_new_return_asks_for_nothing_but_its_sale(world: World) -> None:
    sold(world)
    lookup = return_receipt(world.engine, give_back(refund((1, 1000)), world.next_seq()), SCOPE, NOW_US, None)
    assert isinstance(lookup, Lookup)
    assert (lookup.is_new, lookup.waiting, lookup.after_seq) == (True, False, 1)
    assert lookup.original_key == world.records[0].receipt_key


def test_sale_named_by_op_id_that_came_after_the_look_up_is_asked_for_again(world: World) -> None:
    op_id = new_op_id()
    back = give_back(refund((2, 1000), op_id=op_id), world.next_seq())
    lookup = return_receipt(world.engine, back, SCOPE, NOW_US, None)
    assert isinstance(lookup, Lookup) and lookup.after_seq == 0
    stale = world.known(lookup)
    sold(world, op_id=op_id)
    again = return_receipt(world.engine, back, SCOPE, NOW_US, stale)
    assert again == lookup._replace(after_seq=1)
    answer = return_receipt(world.engine, back, SCOPE, NOW_US, world.known(again))
    assert isinstance(answer, Answer)
    assert refunds(pos.ReturnReceiptResponse.FromString(answer.reply)) == [10000]


def test_used_natural_key_is_asked_for_again_with_the_sale(world: World) -> None:
    """Memory has forgotten the return that has the number, and another one comes between."""
    sold(world, basket(card=""))
    returned(world, refund((1, 1000)))
    engine = new_engine()
    engine.restore(Book(), Operations(complete_since_seq=3), 2, NOW_US)
    world = World(engine, world.records)
    late = give_back(refund((2, 1000)), 10)
    lookup = return_receipt(engine, late, SCOPE, NOW_US, None)
    assert isinstance(lookup, Lookup) and not lookup.is_new
    stale = world.known(lookup)
    returned(world, refund((2, 500), number=901))
    again = return_receipt(engine, late, SCOPE, NOW_US, stale)
    assert again == lookup._replace(after_seq=3)
    answer = return_receipt(engine, late, SCOPE, NOW_US, world.known(again))
    assert isinstance(answer, Answer) and answer.record is not None and answer.record.natural_key is None
    reply = pos.ReturnReceiptResponse.FromString(answer.reply)
    assert (reply.status, reply.reason) == (QUARANTINED, 22)


def test_void_after_print_takes_everything_back_and_closes_the_receipt(world: World) -> None:
    sold(world)
    returned(world, refund((1, 1000)))
    assert voided(world).status == OK
    assert points(world) == (0, 0)
    after = returned(world, refund((2, 1000), number=901))
    assert (after.status, after.reason) == (QUARANTINED, 44)


def test_void_sent_twice_under_one_id_is_one_effect(world: World) -> None:
    sold(world)
    request = cancel(1, world.next_seq())
    first = world.effect(cancel_receipt, request)
    assert world.effect(cancel_receipt, request) == first
    assert len(world.records) == 2


@pytest.mark.parametrize("by_op_id", [False, True])
def test_return_before_its_sale_waits_and_is_applied_when_the_sale_comes(world: World, by_op_id: bool) -> None:
    op_id = new_op_id()
    parked = returned(world, refund((1, 1000), op_id=op_id if by_op_id else b""))
    assert (parked.status, parked.reason) == (PARKED, 41)
    sold(world, op_id=op_id)
    settle(world)
    record = journal.Record.FromString(world.records[-1].body)
    assert pos.ReturnReceiptResponse.FromString(record.reply).outcome.totals.to_pay_minor == 4500
    assert points(world) == (100, 0)


def test_two_returns_before_their_sale_are_both_applied_once(world: World) -> None:
    returned(world, refund((1, 1000)))
    returned(world, refund((2, 1000), number=901))
    sold(world)
    settle(world)
    assert (points(world), len(world.records)) == ((0, 0), 5)
    find_owed(world.engine)
    assert len(world.engine.owed) == 1
    settle(world)
    assert len(world.records) == 5


def test_server_that_stopped_between_the_sale_and_its_waiting_return_goes_on_with_it(world: World) -> None:
    returned(world, refund((1, 1000)))
    sold(world)
    world.engine = replayed(world)
    assert not world.engine.owed
    find_owed(world.engine)
    settle(world)
    assert points(world) == (100, 0)


def test_replay_of_returns_and_voids_makes_the_same_book_and_memory(world: World) -> None:
    returned(world, refund((1, 1000), of=2, number=800))
    for number in (1, 2, 3):
        sold(world, basket(number))
    settle(world)
    returned(world, refund((1, 1000), (2, 1000)))
    voided(world, 3)
    again = replayed(world)
    assert state_digest(again.book) == state_digest(world.engine.book)
    for record in world.records:
        if record.receipt_key:
            assert again.operations.read_receipt(record.receipt_key) == world.engine.operations.read_receipt(
                record.receipt_key
            )


def test_record_of_a_return_holds_no_card(world: World) -> None:
    sold(world)
    made = refund((1, 1000))
    made.identity.kind, made.identity.value = receipt_pb2.TOKEN_KIND_CARD, "1001"
    returned(world, made)
    assert not journal.Record.FromString(world.records[-1].body).request.receipt.HasField("identity")
