"""Returns of sales whose promotions say `on_return`: worked receipts (semantics §6.7.3, §6.11.26).

Bread costs 500.00, milk 300.00, in `scarce` worlds. No discount unless a test says so.
"""

from __future__ import annotations

import pytest

from altyn.core.engine import (
    Answer,
    Lookup,
    RulesWanted,
    cancel_receipt,
    commit_receipt,
    return_receipt,
    same_taking,
    settle_waiting,
)
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_counter, read_coupon
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine import issued_world
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import (
    balance,
    committed,
    give,
    image,
    new_engine,
    new_world,
    replayed,
    reserved,
)
from tests.core.engine.test_readjudicate_properties import is_declined
from tests.core.engine.world import DOCUMENT_SHA256, NOW_US, SCOPE, World, cancel, line, receipt
from tests.core.engine.world import image as later_image

OK, QUARANTINED, PARKED = 1, 4, 5
NOT_READJUDICATED, PARTIAL_RETURN_FORBIDDEN, DEBT_BOOKED, ISSUED_COUPON_USED = 79, 78, 47, 48
FREE, USED, CANCELLED = 1, 3, 4

HUNDRED_FROM_700 = """
promotion: hundred
on_return: READJUDICATE
when: {receipt_sum: {base: NET, from: 700.00}}
reward: [{points: {asset: bonus, fixed: 100}}]
---
promotion: earn
reward: [{points: {asset: bonus, percent: 1}}]
"""


def bread_and_milk(**fields: object) -> receipt_pb2.Receipt:
    return receipt(line(1, "loaf", 50_000), line(2, "milk", 30_000), **fields)


def returned(world: World, *what: tuple[int, int], number: int = 900, of: int = 1) -> pos.ReturnReceiptResponse:
    request = give_back(refund(*what, number=number, of=of), world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request))


def proven(world: World, text: str) -> None:
    """A replay gives the same book, and what returns took back is what they are decided to again."""
    assert state_digest(replayed(world, text).book) == state_digest(world.engine.book)
    taken = [r.body for r in world.records if journal.Record.FromString(r.body).effects.HasField("returned")]
    assert taken and all(same_taking(body, Ruleset(image(text))) for body in taken)


def test_threshold_that_the_rest_does_not_reach_takes_all_its_points_back() -> None:
    # 800.00 earn 100.00 fixed and 1 % = 8.00. Milk comes back: the rest, 500.00, is below 700.00, so all of the
    # 100.00 go; of the 8.00 the milk's 3.00 by its share: 108.00 − 100.00 − 3.00 = 5.00.
    world = new_world(HUNDRED_FROM_700)
    committed(world, bread_and_milk())
    assert balance(world)[0] == 10_800
    reply = returned(world, (2, 1000))
    assert (reply.status, reply.outcome.totals.to_pay_minor, list(reply.exceptions)) == (OK, 30_000, [])
    assert balance(world)[0] == 500
    returned(world, (1, 1000), number=901)
    assert balance(world)[0] == 0
    proven(world, HUNDRED_FROM_700)


def test_threshold_that_the_rest_still_reaches_keeps_its_points_whole() -> None:
    # Two loaves and a milk, 1300.00: 100.00 + 13.00. A loaf comes back: 800.00 are left, the 100.00 stay whole (a share
    # would take 100.00 × 500 ÷ 1300 = 38.46), of the 13.00 go 5.00.
    world = new_world(HUNDRED_FROM_700)
    committed(world, receipt(line(1, "loaf", 50_000, 2000), line(2, "milk", 30_000)))
    returned(world, (1, 1000))
    assert balance(world)[0] == 10_000 + 800


def test_later_return_gives_points_back_that_the_rest_earns_again() -> None:
    # 2 % unless there is milk; first the sale has milk on it and earns nothing by `no-milk`; a READJUDICATE promotion
    # never gives more than it gave: min(0, ...) = 0.
    text = """
promotion: no-milk
on_return: READJUDICATE
when: {none: [{quantity: {of: {sku: milk}, from: 1}}]}
reward: [{points: {asset: bonus, percent: 2}}]
"""
    world = new_world(text)
    committed(world, bread_and_milk())
    returned(world, (2, 1000))
    assert balance(world)[0] == 0
    # Two of milk or none: an even number, said as 'from 2, or none at all'.
    text = """
promotion: pairs
on_return: READJUDICATE
when: {any: [{quantity: {of: {sku: milk}, from: 2}}, {none: [{quantity: {of: {sku: milk}, from: 1}}]}]}
reward: [{points: {asset: bonus, fixed: 60}}]
"""
    world = new_world(text)
    committed(world, receipt(line(1, "loaf", 50_000), line(2, "milk", 30_000, 2000)))
    assert balance(world)[0] == 6_000
    returned(world, (2, 1000))  # one milk is left: 60.00 − min(60.00, 0) = 60.00 are cancelled
    assert balance(world)[0] == 0
    returned(world, (2, 1000), number=901)  # none is left: 60.00 − min(60.00, 60.00) = 0, all come again
    assert balance(world)[0] == 6_000
    returned(world, (1, 1000), number=902)
    assert balance(world)[0] == 0
    proven(world, text)


def test_points_that_come_again_pay_the_debt_first() -> None:
    # 60.00 earned and all spent: the first return books 60.00 as a debt, the second pays it.
    text = """
promotion: pairs
on_return: READJUDICATE
when: {any: [{quantity: {of: {sku: milk}, from: 2}}, {none: [{quantity: {of: {sku: milk}, from: 1}}]}]}
reward: [{points: {asset: bonus, fixed: 60}}]
---
limit: pay
payment: [{asset: bonus, up_to_percent: 50}]
"""
    world = new_world(text)
    committed(world, receipt(line(1, "loaf", 50_000), line(2, "milk", 30_000, 2000)))
    spent = receipt(line(1, "milk", 30_000), number=2)  # one milk: it earns nothing by `pairs`
    spent.points.add(asset="bonus", requested_points=6_000)
    reserved(world, spent)
    committed(world, spent)
    assert balance(world) == (0, 0, 0, 0)
    assert list(returned(world, (2, 1000)).exceptions) == [DEBT_BOOKED]
    assert balance(world) == (0, 0, 0, 6_000)
    returned(world, (2, 1000), number=901)
    assert balance(world) == (0, 0, 0, 0)
    proven(world, text)


def test_loser_of_the_sale_that_wins_on_the_rest_keeps_its_points() -> None:
    # MAX of 100.00 from 700.00 and 20.00 always: the sale has 100.00. Of the rest, 500.00, the 20.00 win:
    # 100.00 − min(100.00, 20.00) = 80.00 are cancelled.
    text = """
promotion: hundred
on_return: READJUDICATE
group: {name: g, mode: BEST}
when: {receipt_sum: {from: 700.00}}
reward: [{points: {asset: bonus, fixed: 100}}]
---
promotion: twenty
on_return: READJUDICATE
group: {name: g, mode: BEST}
reward: [{points: {asset: bonus, fixed: 20}}]
"""
    world = new_world(text)
    committed(world, bread_and_milk())
    assert balance(world)[0] == 10_000
    returned(world, (2, 1000))
    assert balance(world)[0] == 2_000
    proven(world, text)


def test_goods_paid_with_points_are_still_goods_on_the_rest() -> None:
    # 800.00, 400.00 of it by points: 250.00 on the bread, 150.00 on the milk. A count of goods is one of units, so
    # the bread alone, of which 250.00 were paid in money, still has its 50.00; 1 % of 250.00 more would be KEEP.
    text = """
promotion: bread-lover
on_return: READJUDICATE
when: {quantity: {of: {sku: loaf}, from: 1}}
reward: [{points: {asset: bonus, fixed: 50}}]
---
limit: pay
payment: [{asset: bonus, up_to_percent: 50}]
"""
    world = new_world(text)
    give(world, 40_000)
    sale = bread_and_milk()
    sale.points.add(asset="bonus", requested_points=40_000)
    reserved(world, sale)
    assert committed(world, sale).outcome.totals.to_pay_minor == 40_000
    assert balance(world)[0] == 5_000
    returned(world, (2, 1000))  # 150.00 of points come back
    assert balance(world)[0] == 5_000 + 15_000
    returned(world, (1, 1000), number=901)
    assert balance(world)[0] == 40_000
    proven(world, text)


def test_code_is_free_again_when_the_rest_does_not_need_it() -> None:
    # The code gives 100.00 points from 700.00; with the milk back it gives nothing, so nothing is used of it.
    text = """
promotion: code-points
on_return: READJUDICATE
when: {all: [{coupon: {series: spring}}, {receipt_sum: {from: 700.00}}]}
reward: [{points: {asset: bonus, fixed: 100}}]
limits: [{per: customer, window: day, times: 1}]
"""
    world = new_world(text)
    sale = bread_and_milk()
    sale.coupons.add(code="AAA")
    reserved(world, sale)
    committed(world, sale)
    code = journal.Record.FromString(world.records[-1].body).effects.coupons[0].code_hash
    day = journal.Record.FromString(world.records[-1].body).effects.counters[0].key.window_day
    counter = ("code-points", 1, 1, 1, 7, day)
    assert (read_coupon(world.engine.book, code)[0], read_counter(world.engine.book, counter)[0]) == (USED, 1)
    returned(world, (2, 1000))
    assert balance(world)[0] == 0
    assert (read_coupon(world.engine.book, code)[0], read_counter(world.engine.book, counter)[0]) == (FREE, 0)
    returned(world, (1, 1000), number=901)
    assert (read_coupon(world.engine.book, code)[0], read_counter(world.engine.book, counter)[0]) == (FREE, 0)
    proven(world, text)


def test_issued_code_is_cancelled_when_the_rest_would_not_bring_it() -> None:
    # `slip` issues a code from 50.00, decided again; `gift` from 200.00, kept. Milk for 190.00 and bread for 40.00:
    # without the milk 40.00 are left, below both. The slip's code is cancelled, the gift's stays until all is back.
    text = issued_world.RULES.replace("promotion: slip\n", "promotion: slip\non_return: READJUDICATE\n")
    world = World(issued_world.new_engine(text))
    request = pos.CommitReceiptRequest(
        op_id=b"c" * 16, register_seq=world.next_seq(), receipt=receipt(line(1, "loaf", 4_000), line(2, "milk", 19_000))
    )
    world.effect(commit_receipt, request.SerializeToString())
    sold = journal.Record.FromString(world.records[-1].body)
    assert [one.promotion_id for one in sold.evidence.return_policies] == ["slip"]
    codes = {
        issue.series: change.code_hash for issue, change in zip(sold.evidence.issues, sold.effects.coupons, strict=True)
    }
    returned(world, (2, 1000))
    assert read_coupon(world.engine.book, codes["slip"])[0] == CANCELLED
    assert read_coupon(world.engine.book, codes["gift"])[0] == FREE
    returned(world, (1, 1000), number=901)
    assert {read_coupon(world.engine.book, code)[0] for code in codes.values()} == {CANCELLED}


def test_void_takes_everything_back_whatever_the_policy_and_asks_no_rules() -> None:
    world = new_world(HUNDRED_FROM_700)
    committed(world, bread_and_milk())
    returned(world, (2, 1000))
    forget_rules(world)
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert balance(world) == (0, 0, 0, 0)


def forget_rules(world: World) -> None:
    """Later releases come; the sale's is not held any more."""
    for version in range(2, 12):
        world.engine.take_ruleset(Ruleset(later_image(version=version)), b"e" * 32, NOW_US - 1)
        world.engine.look(NOW_US)


def test_return_waits_for_the_rules_of_its_sale_and_goes_by_shares_without_them() -> None:
    world = new_world(HUNDRED_FROM_700)
    committed(world, bread_and_milk())
    committed(world, bread_and_milk(number=2))
    forget_rules(world)
    request = give_back(refund((2, 1000), number=900), world.next_seq())
    lookup = return_receipt(world.engine, request, SCOPE, NOW_US, None)
    assert isinstance(lookup, Lookup)
    digest = state_digest(world.engine.book)
    wanted = return_receipt(world.engine, request, SCOPE, NOW_US, world.known(lookup))
    assert isinstance(wanted, RulesWanted) and wanted.version == 1
    assert state_digest(world.engine.book) == digest
    world.engine.take_release(1, Ruleset(image(HUNDRED_FROM_700)), DOCUMENT_SHA256)
    before = balance(world)[0]
    assert not returned(world, (2, 1000)).exceptions
    assert before - balance(world)[0] == 10_300
    # The other sale's return finds that they cannot be had: shares, 100.00 × 300 ÷ 800 = 37.50, and 3.00.
    world.engine.take_release(1, None, b"")
    before = balance(world)[0]
    assert list(returned(world, (2, 1000), number=901, of=2).exceptions) == [NOT_READJUDICATED]
    assert before - balance(world)[0] == 3_750 + 300
    # They are there again: the rest is mended, 100.00 − 37.50, though only a part of the bread comes back: 1 % of it.
    world.engine.take_release(1, Ruleset(image(HUNDRED_FROM_700)), DOCUMENT_SHA256)
    before = balance(world)[0]
    assert not returned(world, (1, 500), number=902, of=2).exceptions
    assert before - balance(world)[0] == 6_250 + 250


def test_other_rules_under_the_same_version_decide_nothing() -> None:
    world = new_world(HUNDRED_FROM_700)
    committed(world, bread_and_milk())
    forget_rules(world)
    world.engine.take_release(1, Ruleset(image(HUNDRED_FROM_700)), b"x" * 32)
    assert list(returned(world, (2, 1000)).exceptions) == [NOT_READJUDICATED]


def test_return_that_had_waited_for_its_sale_asks_for_rules_as_well() -> None:
    world = new_world(HUNDRED_FROM_700)
    assert returned(world, (2, 1000)).status == PARKED
    committed(world, bread_and_milk())
    forget_rules(world)
    lookup = settle_waiting(world.engine, NOW_US, None)
    assert isinstance(lookup, Lookup)
    known = world.known(lookup)
    assert settle_waiting(world.engine, NOW_US, known) == RulesWanted(NOW_US, 1)
    world.engine.take_release(1, Ruleset(image(HUNDRED_FROM_700)), DOCUMENT_SHA256)
    answer = settle_waiting(world.engine, NOW_US, known)
    assert isinstance(answer, Answer)
    assert balance(world)[0] == 500


FORBIDDEN = """
promotion: breakfast
stage: set
on_return: FORBID_PARTIAL
reward:
  - bundle:
      parts: [{quantity: 1, of: {sku: loaf}}, {quantity: 1, of: {sku: milk}}]
      amount: 100.00
"""


@pytest.mark.parametrize(
    ("what", "declined"),
    [
        (((1, 1000),), True),  # the milk stays
        (((2, 1000), (3, 1000)), True),
        (((3, 1000),), False),  # the tea is no part of the set
        (((1, 1000), (2, 1000)), False),
        (((1, 1000), (2, 1000), (3, 1000)), False),
    ],
)
def test_preview_refuses_a_part_of_a_set_that_comes_back_together(
    what: tuple[tuple[int, int], ...], declined: bool
) -> None:
    world = new_world(FORBIDDEN)
    committed(world, receipt(line(1, "loaf", 50_000), line(2, "milk", 30_000), line(3, "tea", 10_000)))
    assert is_declined(world, refund(*what, number=900)) == declined


def test_printed_return_of_a_part_is_booked_and_the_rest_may_follow() -> None:
    # 100.00 off 800.00: 62.50 on the bread, 37.50 on the milk; the milk's refund is 262.50 all the same.
    world = new_world(FORBIDDEN)
    committed(world, bread_and_milk())
    reply = returned(world, (2, 1000))
    assert (reply.status, reply.outcome.totals.to_pay_minor) == (OK, 26_250)
    assert list(reply.exceptions) == [PARTIAL_RETURN_FORBIDDEN]
    assert not is_declined(world, refund((1, 1000), number=901))
    assert list(returned(world, (1, 1000), number=901).exceptions) == []


def test_sale_without_such_promotions_keeps_no_policies() -> None:
    world = World(new_engine())
    committed(world, bread_and_milk())
    assert not journal.Record.FromString(world.records[-1].body).evidence.return_policies


def test_taking_that_was_altered_is_not_the_same() -> None:
    world = new_world(HUNDRED_FROM_700)
    committed(world, bread_and_milk())
    returned(world, (2, 1000))
    record = journal.Record.FromString(world.records[-1].body)
    record.effects.returned.readjudicated.cancelled_points[0] -= 1
    assert not same_taking(record.SerializeToString(), Ruleset(image(HUNDRED_FROM_700)))
    with pytest.raises(ValueError, match="takes nothing back"):
        same_taking(world.records[0].body, Ruleset(image(HUNDRED_FROM_700)))
