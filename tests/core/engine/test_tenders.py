"""Gift cards and the customer's own money as means of payment, from their sale to their return."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.engine import adjust_points, reserve_receipt
from altyn.core.facts.gift_cards import GiftSeriesFact
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import refund
from tests.core.engine.tender_world import (
    ACCOUNTS,
    PIN,
    PINNED,
    RUB,
    A,
    B,
    C,
    amounts,
    basket,
    calculated,
    cancelled,
    card_fact,
    committed,
    expired,
    money,
    name,
    names,
    new_world,
    offered,
    paid,
    prove,
    reserved,
    returned,
    selling,
    sold,
    totals,
    whys,
)
from tests.core.engine.world import NOW_US, World, line, new_op_id

OK, DECLINED = outcome_pb2.STATUS_OK, outcome_pb2.STATUS_DECLINED
DAY_US = 86_400_000_000
HOLD_US = 900_000_000
NEW, ACTIVE, BLOCKED, FINISHED = (
    outcome_pb2.GIFT_CARD_STATE_NEW,
    outcome_pb2.GIFT_CARD_STATE_ACTIVE,
    outcome_pb2.GIFT_CARD_STATE_BLOCKED,
    outcome_pb2.GIFT_CARD_STATE_FINISHED,
)


def give(world: World, points: int, asset: str = "rub", account_id: int = 70) -> None:
    request = ops.AdjustPointsRequest(
        op_id=new_op_id(), account_id=account_id, asset=asset, points=points, reason="test"
    )
    world.effect(adjust_points, request.SerializeToString())


# ACTIVATION


def test_sale_of_a_gift_card_loads_its_net_and_takes_part_in_nothing() -> None:
    world = new_world()
    of = selling(1, A, 100_000)
    of.identity.kind, of.identity.value = receipt_pb2.TOKEN_KIND_CARD, "1001"
    of.lines.add().CopyFrom(line(2, "milk", 10_000))
    reply = paid(world, of)
    assert (reply.outcome.lines[0].net_minor, len(reply.outcome.lines[0].accrual)) == (100_000, 0)
    assert [one.points for one in reply.outcome.totals.accrual] == [100]  # of the milk alone
    assert money(world, ACCOUNTS[A]) == (100_000, 0)
    assert totals(world) == (100_000, 0, 0)
    prove(world)


def test_forecast_of_a_sale_asks_for_a_reserve_and_tells_a_card_that_cannot_be_sold() -> None:
    world = new_world()
    assert calculated(world, selling(1, A, 5_000)).outcome.reserve_required
    reply = calculated(world, selling(1, "0000", 5_000))
    assert (reply.status, name(reply.reason), list(reply.refused_lines)) == (DECLINED, "GIFT_CARD_UNKNOWN", [1])
    sold(world, A, 5_000, 1)
    assert name(calculated(world, selling(2, A, 5_000)).reason) == "GIFT_CARD_NOT_NEW"
    world.engine.facts.gift_cards.upsert(card_fact(B, ACCOUNTS[B], is_blocked=True))
    declined = reserved(world, selling(3, B, 5_000))
    assert (name(declined.reason), list(declined.refused_lines)) == ("GIFT_CARD_BLOCKED", [1])
    assert declined.outcome.totals.to_pay_minor == 5_000
    prove(world)


def test_card_being_sold_at_one_register_is_not_sold_at_another() -> None:
    world = new_world()
    assert reserved(world, selling(1, A, 5_000)).status == OK
    assert reserved(world, selling(1, A, 5_000), op_no=1).status == OK
    other = selling(9, A, 7_000, register="r2")
    assert name(reserved(world, other).reason) == "GIFT_CARD_NOT_NEW"
    assert names(committed(world, other).exceptions) == ["GIFT_CARD_NOT_NEW"]
    assert committed(world, selling(1, A, 5_000)).status == OK
    assert money(world, ACCOUNTS[A]) == (5_000, 0)
    prove(world)


def test_same_card_on_two_lines_is_sold_once() -> None:
    world = new_world()
    of = selling(1, A, 5_000)
    of.lines.add().CopyFrom(line(2, "milk", 3_000))
    of.lines[1].gift_card = A.replace(" ", "")
    assert names(committed(world, of).exceptions) == ["GIFT_CARD_NOT_NEW"]
    assert money(world, ACCOUNTS[A]) == (5_000, 0)
    prove(world)


def test_cancelled_sale_leaves_the_card_new_and_value_gone() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    assert cancelled(world, 1).status == OK
    assert (money(world, ACCOUNTS[A]), totals(world)) == ((0, 0), (0, 0, 0))
    sold(world, A, 6_000, 2)
    assert money(world, ACCOUNTS[A]) == (6_000, 0)
    prove(world)


# PAYMENT


def test_gift_card_pays_a_part_and_the_sum_to_pay_stays() -> None:
    world = new_world()
    sold(world, A, 30_000, 1)
    of = offered(basket(2, 20_000, 5_000), A, 8_000)
    shown = calculated(world, of).outcome
    assert (shown.totals.to_pay_minor, shown.totals.tendered_minor, shown.reserve_required) == (25_000, 8_000, True)
    [tender] = shown.tenders
    assert (tender.last4, tender.amount_minor, tender.left_minor, tender.state) == ("0001", 8_000, 22_000, ACTIVE)
    reply = paid(world, of)
    assert (amounts(reply.outcome), reply.outcome.tenders[0].left_minor) == ([8_000], 22_000)
    assert (money(world, ACCOUNTS[A]), totals(world)) == ((22_000, 0), (30_000, 8_000, 0))
    prove(world)


def test_several_cards_and_points_pay_in_order_and_never_more_than_is_to_pay() -> None:
    world = new_world()
    sold(world, A, 3_000, 1)
    sold(world, B, 9_000, 2)
    give(world, 1_000, asset="bonus")
    of = basket(3, 10_000, card="1001")
    of.points.add(asset="bonus", requested_points=1_000)
    for number in (A, B, C):
        offered(of, number, None if number != C else 0)
    shown = calculated(world, of).outcome
    assert (shown.totals.points_paid_minor, shown.totals.to_pay_minor) == (1_000, 9_000)
    assert amounts(shown) == [3_000, 6_000, 0]
    assert shown.tenders[1].left_minor == 3_000
    del of.tenders[2]
    paid(world, of)
    assert (money(world, ACCOUNTS[A])[0], money(world, ACCOUNTS[B])[0]) == (0, 3_000)
    assert calculated(world, offered(basket(4, 100), A, 100)).outcome.tenders[0].state == FINISHED
    prove(world)


def test_own_money_pays_with_the_customer_and_not_without() -> None:
    world = new_world()
    give(world, 4_000)
    of = offered(basket(1, 10_000, card="1001"), asset="rub", amount=2_500)
    paid(world, of)
    assert (money(world, 70, RUB), totals(world, RUB)[1]) == ((1_500, 0), 2_500)
    assert whys(calculated(world, offered(basket(2, 10_000), asset="rub")).outcome) == ["CUSTOMER_UNKNOWN"]
    for asset in ("bonus", "nothing"):
        shown = calculated(world, offered(basket(2, 10_000, card="1001"), asset=asset)).outcome
        assert whys(shown) == ["NO_PAYMENT_RULE"]
    prove(world)


def test_value_is_not_bought_with_value() -> None:
    world = new_world()
    sold(world, A, 30_000, 1)
    of = selling(2, B, 20_000)
    of.lines.add().CopyFrom(line(2, "milk", 1_000))
    assert amounts(calculated(world, offered(of, A)).outcome) == [1_000]


def test_one_card_offered_twice_pays_once() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    of = offered(offered(basket(2, 20_000), A, 4_000), A.replace(" ", "-"), 1_000)
    shown = calculated(world, of).outcome
    assert (amounts(shown), whys(shown)) == ([4_000, 0], ["UNSPECIFIED", "TENDER_SHORT"])


@pytest.mark.parametrize(
    ("number", "amount", "reason", "state"),
    [("0000", 100, "GIFT_CARD_UNKNOWN", 0), (B, 100, "GIFT_CARD_NOT_ACTIVE", NEW), (A, 5_001, "TENDER_SHORT", ACTIVE)],
)
def test_reserve_with_a_card_that_cannot_pay_is_declined(number: str, amount: int, reason: str, state: int) -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    reply = reserved(world, offered(basket(2, 20_000), number, amount))
    assert (reply.status, name(reply.reason), reply.hold_expires_at_us) == (DECLINED, reason, 0)
    assert (whys(reply.outcome), reply.outcome.tenders[0].state) == ([reason], state)
    assert money(world, ACCOUNTS[A]) == (5_000, 0)
    prove(world)


def test_blocked_card_and_series_pay_nothing_but_what_was_reserved() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    of = offered(basket(2, 20_000), A, 1_000)
    assert reserved(world, of).status == OK
    world.engine.facts.gift_cards.upsert(card_fact(A, ACCOUNTS[A], is_blocked=True))
    assert names(committed(world, of).exceptions) == []
    reply = reserved(world, offered(basket(3, 20_000), A, 1_000))
    assert (name(reply.reason), reply.outcome.tenders[0].state) == ("GIFT_CARD_BLOCKED", BLOCKED)
    world.engine.facts.gift_cards.upsert(card_fact(A, ACCOUNTS[A]))
    world.engine.facts.gift_cards.upsert_series(GiftSeriesFact(1, "cards", "gift", "RUB", 365, True))
    assert name(reserved(world, offered(basket(4, 20_000), A, 1_000)).reason) == "GIFT_CARD_BLOCKED"
    world.engine.facts.gift_cards.upsert_series(GiftSeriesFact(1, "cards", "gift", "KZT", 365))
    assert name(reserved(world, offered(basket(5, 20_000), A, 1_000)).reason) == "GIFT_CARD_UNKNOWN"
    assert money(world, ACCOUNTS[A]) == (4_000, 0)


def test_commit_takes_what_was_reserved_and_nothing_else() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    give(world, 1_000)
    reply = committed(world, offered(basket(2, 20_000), A, 1_000))
    assert (names(reply.exceptions), amounts(reply.outcome)) == (["NOT_RESERVED"], [0])
    of = offered(basket(3, 20_000, card="1001"), asset="rub")
    assert amounts(reserved(world, of).outcome) == [1_000]
    give(world, 500)
    assert amounts(calculated(world, of).outcome) == [1_500]
    reply = committed(world, of)
    assert (amounts(reply.outcome), reply.outcome.tenders[0].left_minor) == ([1_000], 500)
    assert (money(world, ACCOUNTS[A]), money(world, 70, RUB)) == ((5_000, 0), (500, 0))
    prove(world)


def test_all_there_is_of_nothing_pays_nothing_without_a_word() -> None:
    world = new_world()
    give(world, 100)
    of = offered(basket(1, 5_000, card="1001"), asset="rub")
    assert amounts(paid(world, of).outcome) == [100]
    assert amounts(paid(world, offered(basket(2, 5_000, card="1001"), asset="rub")).outcome) == [0]
    prove(world)


def test_reserve_made_anew_keeps_the_same_money() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    for op_no, amount in enumerate((4_000, 5_000, 1_000)):
        assert reserved(world, offered(basket(2, 20_000), A, amount), op_no=op_no).status == OK
        assert money(world, ACCOUNTS[A]) == (5_000 - amount, amount)
        prove(world)
    assert cancelled(world, 2).status == OK
    assert money(world, ACCOUNTS[A]) == (5_000, 0)
    prove(world)


def test_late_commit_takes_what_is_still_there() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    of = offered(basket(2, 20_000), A, 4_000)
    assert reserved(world, of).status == OK
    later = NOW_US + HOLD_US + 1
    expired(world, later)
    paid(world, offered(basket(3, 3_000, register="r2"), A, 3_000), later)
    reply = committed(world, of, later)
    assert (amounts(reply.outcome), set(names(reply.exceptions))) == ([2_000], {"HOLD_EXPIRED", "TENDER_SHORT"})
    assert (money(world, ACCOUNTS[A]), totals(world)) == ((0, 0), (5_000, 5_000, 0))
    prove(world)


def test_value_ends_with_its_day_and_the_card_stays_sold() -> None:
    world = new_world()
    sold(world, A, 5_000, 1)
    end = NOW_US + 367 * DAY_US
    shown = calculated(world, offered(basket(2, 1_000), A, 1_000), end).outcome
    assert (whys(shown), shown.tenders[0].state) == (["TENDER_SHORT"], FINISHED)
    expired(world, end)
    assert (money(world, ACCOUNTS[A]), totals(world)) == ((0, 0), (5_000, 0, 5_000))
    assert name(calculated(world, selling(3, A, 1_000), end).reason) == "GIFT_CARD_NOT_NEW"
    prove(world)


# PIN


def test_pin_is_asked_for_by_reserve_and_wrong_ones_are_bounded() -> None:
    world = new_world()
    sold(world, PINNED, 5_000, 1)
    of = offered(basket(2, 1_000), PINNED, 1_000)
    assert whys(calculated(world, of).outcome) == ["UNSPECIFIED"]
    for op_no in range(5):
        of.tenders[0].pin = f"000{op_no}"
        reply = reserved(world, of, op_no=op_no)
        assert (reply.status, name(reply.reason), reply.outcome.tenders[0].left_minor) == (DECLINED, "PIN_WRONG", 0)
    of.tenders[0].pin = PIN
    assert name(reserved(world, of, op_no=5).reason) == "PIN_LOCKED"
    assert whys(calculated(world, of).outcome) == ["PIN_LOCKED"]
    next_day = NOW_US + DAY_US
    assert reserved(world, of, next_day, op_no=6).status == OK
    of.tenders[0].pin = ""
    assert names(committed(world, of, next_day).exceptions) == []
    assert money(world, ACCOUNTS[PINNED]) == (4_000, 0)
    prove(world)


def test_wrong_pin_sent_again_is_one_try() -> None:
    world = new_world()
    sold(world, PINNED, 5_000, 1)
    request = pos.ReserveReceiptRequest(
        op_id=new_op_id(), register_seq=world.next_seq(), receipt=offered(basket(2, 1_000), PINNED, 500, pin="1")
    ).SerializeToString()
    first = world.effect(reserve_receipt, request)
    for _ in range(9):
        assert world.effect(reserve_receipt, request) == first
    assert reserved(world, offered(basket(2, 1_000), PINNED, 500, pin=PIN), op_no=1).status == OK


# RETURN


def test_return_gives_back_to_the_same_cards_in_reverse_order_of_use() -> None:
    world = new_world()
    sold(world, A, 3_000, 1)
    sold(world, B, 5_000, 2)
    paid(world, offered(offered(basket(3, 4_000, 6_000), A), B))  # 3,000 and 5,000 of 10,000
    preview = calculated(world, refund((1, 1000), of=3))
    assert (preview.status, amounts(preview.outcome), preview.outcome.totals.tendered_minor) == (OK, [0, 3_200], 3_200)
    reply = returned(world, refund((1, 1000), of=3))
    assert (amounts(reply.outcome), reply.outcome.tenders[1].left_minor) == ([0, 3_200], 3_200)
    assert (money(world, ACCOUNTS[A])[0], money(world, ACCOUNTS[B])[0]) == (0, 3_200)
    reply = returned(world, refund((2, 1000), of=3, number=901))
    assert amounts(reply.outcome) == [3_000, 1_800]
    assert (money(world, ACCOUNTS[A])[0], money(world, ACCOUNTS[B])[0]) == (3_000, 5_000)
    assert totals(world) == (8_000, 0, 0)
    prove(world)


def test_cancel_of_a_committed_receipt_gives_all_back() -> None:
    world = new_world()
    sold(world, A, 3_000, 1)
    give(world, 900)
    paid(world, offered(offered(basket(2, 10_000, card="1001"), A), asset="rub"))
    assert (money(world, ACCOUNTS[A])[0], money(world, 70, RUB)[0]) == (0, 0)
    assert cancelled(world, 2).status == OK
    assert (money(world, ACCOUNTS[A])[0], money(world, 70, RUB)[0]) == (3_000, 900)
    prove(world)


def test_money_back_to_what_has_expired_gets_days_of_grace() -> None:
    world = new_world()
    sold(world, A, 3_000, 1)
    paid(world, offered(basket(2, 3_000), A))
    end = NOW_US + 370 * DAY_US
    expired(world, end)
    assert returned(world, refund((1, 1000), of=2), end).status == OK
    assert money(world, ACCOUNTS[A], clock_us=end) == (3_000, 0)
    assert money(world, ACCOUNTS[A], clock_us=end + 31 * DAY_US) == (0, 0)
    prove(world)


def test_sold_card_comes_back_only_while_nothing_of_it_is_used() -> None:
    world = new_world()
    sold(world, A, 3_000, 1)
    assert calculated(world, refund((1, 1000), of=1)).status == OK
    paid(world, offered(basket(2, 1_000), A, 1_000))
    preview = calculated(world, refund((1, 1000), of=1))
    assert (preview.status, name(preview.reason), list(preview.refused_lines)) == (DECLINED, "GIFT_CARD_SPENT", [1])
    reply = returned(world, refund((1, 1000), of=1))
    assert (reply.status, names(reply.exceptions)) == (OK, ["GIFT_CARD_SPENT"])
    assert (money(world, ACCOUNTS[A]), totals(world)) == ((0, 0), (1_000, 1_000, 0))
    assert name(calculated(world, selling(4, A, 1_000)).reason) == "GIFT_CARD_NOT_NEW"
    prove(world)


def test_untouched_card_that_came_back_is_sold_again() -> None:
    world = new_world()
    sold(world, A, 3_000, 1)
    assert names(returned(world, refund((1, 1000), of=1)).exceptions) == []
    assert totals(world) == (0, 0, 0)
    sold(world, A, 2_000, 2)
    assert money(world, ACCOUNTS[A]) == (2_000, 0)
    prove(world)


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.integers(1, 999), min_size=1, max_size=4),
    quantities=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    loads=st.lists(st.integers(1, 2_000), min_size=1, max_size=3),
    seed=st.integers(0, 1 << 30),
)
def test_any_partition_of_a_return_gives_back_what_was_taken(
    prices: list[int], quantities: list[int], loads: list[int], seed: int
) -> None:
    world = new_world()
    cards = [A, B, C][: len(loads)]
    for place, (number, value) in enumerate(zip(cards, loads, strict=True), 1):
        sold(world, number, value, place)
    of = basket(10, *prices)
    for one, quantity in zip(of.lines, quantities, strict=False):
        one.qty_milli = 1000 * quantity
    for number in cards:
        offered(of, number)
    taken = paid(world, of).outcome.totals
    units = [one.line_no for one in of.lines for _ in range(one.qty_milli // 1000)]
    random.Random(seed).shuffle(units)
    back = refunded = 0
    for place, line_no in enumerate(units):
        totals_back = returned(world, refund((line_no, 1000), of=10, number=900 + place)).outcome.totals
        assert 0 <= totals_back.tendered_minor <= totals_back.to_pay_minor
        back += totals_back.tendered_minor
        refunded += totals_back.to_pay_minor
    assert (back, refunded) == (taken.tendered_minor, taken.to_pay_minor)
    assert [money(world, ACCOUNTS[number])[0] for number in cards] == loads


def test_64_registers_never_spend_more_than_is_on_the_card() -> None:
    world = new_world()
    sold(world, A, 10_000, 1)
    reserved_ok = 0
    orders = [offered(basket(7, 1_000, register=f"t{number}"), A, 700) for number in range(64)]
    shuffled = list(orders)
    random.Random(7).shuffle(shuffled)
    winners = []
    for of in shuffled:
        reply = reserved(world, of)
        reserved_ok += reply.status == OK
        winners += [of] if reply.status == OK else []
    assert reserved_ok == 14  # 14 × 700 of 10,000
    for of in orders:
        committed(world, of)
    assert (money(world, ACCOUNTS[A]), totals(world)) == ((200, 0), (10_000, 9_800, 0))
    prove(world)
