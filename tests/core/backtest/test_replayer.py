"""Sales decided again by a draft: by the same rules nothing differs, by others what the hand works out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.backtest.replayer import MISSING, Replayer
from altyn.core.engine import recalculate
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2
from tests.core.backtest.past import RULES, basket, busy_past, extracted, image, named, new_engine, replayed, ruleset
from tests.core.engine.scarce_world import committed
from tests.core.engine.world import World, line, receipt
from tests.core.engine.world import new_engine as new_plain_engine

PAST = busy_past()
SALES = 27


def by_name(rows: list[tuple[Any, list[int]]]) -> dict[Any, dict[str, Any]]:
    return {name: named(row) for name, row in rows}


# THE SAME RULES


def test_same_rules_change_no_receipt_by_a_kopeck_though_budgets_run_out_and_holds_stand_between() -> None:
    found = replayed(PAST)
    total = named(found["total"])
    assert (total["receipts"], total["changed"], found["refused"]) == (SALES, 0, 0)
    assert total["discount_before_minor"] == 11_900
    for kind in ("dates", "stores", "categories", "segments"):
        for row in by_name(found[kind]).values():
            assert row["changed"] == 0
            assert row["discount_before_minor"] == row["discount_after_minor"]
            assert row["points_paid_before_minor"] == row["points_paid_after_minor"]
            assert row["to_pay_before_minor"] == row["to_pay_after_minor"]
            assert row["points"][0] == row["points"][1]
    assert dict(found["promotions_before"]) == dict(found["promotions_after"])
    assert found["counters_from_nothing"] == 0
    assert found["top"] == []


def test_sums_of_dates_stores_and_categories_are_the_total() -> None:
    found = replayed(PAST, RULES.replace("budget: 38.00", "budget: 50.00"))
    for kind in ("dates", "stores"):
        assert [sum(column) for column in zip(*(row for _, row in found[kind]), strict=True)] == found["total"]
    lines = [sum(column) for column in zip(*(row for _, row in found["categories"]), strict=True)]
    assert lines[2:] == found["total"][2:]


# OTHER RULES


def test_larger_budget_gives_what_the_journal_had_to_refuse() -> None:
    """Worked out by hand. The journal's budget of 38.00 left 3.00 of 5.00 to the fourth basket and nothing to the next
    three sales, until a return gave 5.00 back. With 50.00, friends 1 % and the code 10 % come after the bakery:

    | sale | bakery before, after | all before | all after |
    | 6: basket | 3.00, 5.00 | 3.00 + 0.47 + 1.00 | 5.00 + 0.45 + 1.00 |
    | 10: bread of 30.00 | 0, 3.00 | 0.30 | 3.00 + 0.27 |
    | 12: basket, paid with points | 0, 5.00 | 0.50 + 1.00 | 5.00 + 0.45 + 1.00 |
    | 14: basket with a code | 0, the last 2.00 | 15.00 + 1.35 | 2.00 + 4.80 + 10.00 + 0.43 + 0.90 |
    """
    found = replayed(PAST, RULES.replace("budget: 38.00", "budget: 50.00"))
    total = named(found["total"])
    assert total["changed"] == 4
    assert total["discount_after_minor"] - total["discount_before_minor"] == 198 + 297 + 495 + 178
    changes = {seq: named(row) for seq, _, _, row in found["top"]}
    assert {seq: (row["discount_before_minor"], row["discount_after_minor"]) for seq, row in changes.items()} == {
        6: (447, 645),
        10: (30, 327),
        12: (150, 645),
        14: (1635, 1813),
    }
    assert dict(found["promotions_after"])["bakery"] == [9, 4_300 + 200 + 300 + 500 + 200, 0]
    budget = [row for row in found["limits"] if row[0] == "bakery"]
    # cap, date, taken, receipts, counted: a return of 5.00 stands between
    assert [row[4:9] for row in budget] == [
        (5_000, 20_775, 5_500, 9, 5_000),
        (5_000, 20_776, 0, 0, 5_000),
        (5_000, 20_777, 0, 0, 5_000),
    ]


def test_rates_of_points_change_points_alone() -> None:
    world = World(new_plain_engine())
    for number in range(1, 4):
        committed(world, basket(number, card="1001" if number < 3 else ""))
    draft = """
promotion: bakery
stage: item
when: {store: {region: msk}}
reward: [{percent: {rate: 10, of: {category: bread}}}]
---
promotion: base-points
reward: [{points: {asset: bonus, percent: 2, expires: {days: 30}}}]
---
promotion: gifts
reward: [{points: {asset: gifts, percent: 1, expires: {days: 30}}}]
---
asset: gifts
title: {en: Gifts}
scale: 0
"""
    found = replayed(world, draft)
    total = named(found["total"])
    # 145.00 to pay: 1.45, then 2.90, to two members and to nobody. A gift point is a whole one: 1.45 is 1.
    assert found["assets"] == [("bonus", 2), ("gifts", 0)]
    assert (total["changed"], total["points"]) == (2, [2 * 145, 2 * 290, 0, 2])
    assert total["discount_before_minor"] == total["discount_after_minor"] == 3 * 500
    assert dict(found["promotions_after"])["base-points"] == [2, 0, 580, 0]
    assert by_name(found["categories"])["dairy"]["points"][:2] == [200, 400]


DRAFTS = st.builds(
    """
promotion: a
stage: item
reward: [{{percent: {{rate: {rate}, of: {{category: {category}}}}}}}]
---
promotion: b
stage: receipt
when: {{receipt_sum: {{from: {least}.00}}}}
reward: [{{percent: {{rate: 3}}}}]
---
promotion: c
stage: coupon
when: {{coupon: {{series: spring}}}}
reward: [{{amount: {{off: {least}.00, spread: receipt}}}}]
---
promotion: earn
when: {{customer: {{segment: friends}}}}
reward: [{{points: {{asset: bonus, percent: {rate}, expires: {{days: 30}}}}}}]
""".format,
    rate=st.integers(1, 99),
    category=st.sampled_from(["bread", "dairy"]),
    least=st.integers(1, 250),
)


@given(DRAFTS)
@settings(max_examples=40, deadline=None)
def test_every_draft_gives_what_each_record_gives_when_it_is_decided_alone(draft: str) -> None:
    of_version = Ruleset(image(draft))
    discount = to_pay = points = 0
    for record in PAST.records:
        if journal.Record.FromString(record.body).kind == 2 and record.kind == 2:
            outcome = outcome_pb2.Outcome.FromString(recalculate(record.body, of_version))
            discount += outcome.totals.discount_minor
            to_pay += outcome.totals.to_pay_minor
            points += sum(row.points for row in outcome.totals.accrual)
    total = named(replayed(PAST, draft)["total"])
    assert (total["discount_after_minor"], total["to_pay_after_minor"], total["points"][1]) == (
        discount,
        to_pay,
        points,
    )


# FILE BY FILE


@pytest.mark.parametrize("at", [1, 9, 20])
def test_counters_go_on_from_one_file_to_the_next(at: int) -> None:
    text = RULES.replace("budget: 38.00", "budget: 50.00").replace("promotion: friends", "promotion: friends-2")
    text = text.replace("reward: [{percent: {rate: 1}}]", "reward: [{percent: {rate: 1}}]\nlimits: [{budget: 9.99}]")
    whole = replayed(PAST, text)
    cut = [record.seq for record in PAST.records if record.kind == 2][at]
    parts, counters = [], b""
    for records in ([r for r in PAST.records if r.seq < cut], [r for r in PAST.records if r.seq >= cut]):
        part = World(PAST.engine, records)
        items, extractor = extracted(part)
        replayer = Replayer(ruleset(text))
        assert replayer.needs_order
        replayer.restore(counters)
        replayer.open(items, extractor.names())
        assert replayer.run(3) == 3 if at > 1 else replayer.run(3)
        replayer.run(1_000)
        parts.append(replayer.result())
        counters = replayer.counters()
    assert [sum(column) for column in zip(*(part["total"] for part in parts), strict=True)] == whole["total"]
    assert parts[-1]["counters_from_nothing"] == whole["counters_from_nothing"] == 1
    taken = [
        sum(row[6] for part in parts for row in part["limits"] if row[0] == name) for name in ("bakery", "friends-2")
    ]
    assert taken == [5_500, 999]


def test_draft_without_counted_limits_needs_no_order() -> None:
    assert not Replayer(ruleset("promotion: a\nstage: item\nreward: [{percent: {rate: 1}}]\n")).needs_order
    per_receipt = "promotion: a\nstage: item\nreward: [{percent: {rate: 1}}]\nlimits: [{amount: 1.00, per: receipt}]\n"
    assert not Replayer(ruleset(per_receipt)).needs_order


def test_counters_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="counters"):
        Replayer(ruleset()).restore(b"12345")


@pytest.mark.parametrize("damage", [lambda items: items[:-8], lambda items: bytes(8) + items[8:]])
def test_damaged_items_are_told_by_their_place(damage: Any) -> None:
    items, extractor = extracted(PAST)
    replayer = Replayer(ruleset())
    replayer.open(damage(items), extractor.names())
    with pytest.raises(ValueError, match="at byte"):
        replayer.run(1_000)


def test_no_sale_is_no_row() -> None:
    replayer = Replayer(ruleset())
    items, extractor = extracted(World(new_engine()))
    replayer.open(items, extractor.names())
    assert replayer.run(10) == 0
    assert named(replayer.result()["total"])["receipts"] == 0


# WHAT IS MISSING


def test_balance_the_journal_did_not_keep_is_counted_and_taken_as_nothing() -> None:
    world = World(new_plain_engine())
    wishes = basket(1)
    wishes.points.add(asset="bonus").max = True
    for of in (wishes, basket(2), basket(3, card="")):
        committed(world, of)
    found = replayed(world, "limit: pay\npayment: [{asset: bonus}]\n")
    assert (found["missing"]["balances"], named(found["total"])["points_paid_after_minor"]) == (1, 0)
    asks = "promotion: rich\nstage: item\nwhen: {balance: {asset: bonus, from: 0}}\nreward: [{percent: {rate: 50}}]\n"
    assert replayed(world, asks)["missing"]["balances"] == 2


def test_receipts_older_than_a_segments_history_are_counted() -> None:
    draft = "promotion: a\nstage: item\nwhen: {customer: {segment: new}}\nreward: [{percent: {rate: 1}}]\n"
    members = 21
    first_day = PAST.records[1].instant_us + 50_000_000_000
    assert replayed(PAST, draft, 1 << 62)["missing"]["segments"] == members
    assert replayed(PAST, draft, first_day)["missing"]["segments"] == members // 3
    assert replayed(PAST, draft, 0)["missing"]["segments"] == 0


def test_goods_and_codes_nobody_knew_are_counted_when_the_draft_names_such() -> None:
    world = World(new_plain_engine())
    coded = basket(1)
    coded.coupons.add(code="summer")
    committed(world, coded)
    committed(world, receipt(line(1, "unknown", 100), number=2))
    nothing = dict.fromkeys(MISSING, 0)
    named_goods = "promotion: a\nstage: item\nreward: [{percent: {rate: 1, of: {brand: x}}}]\n"
    named_code = "promotion: a\nstage: item\nwhen: {coupon: {code: OTHER}}\nreward: [{percent: {rate: 1}}]\n"
    assert replayed(world, named_goods)["missing"] == nothing | {"goods": 1}
    assert replayed(world, named_code)["missing"] == nothing | {"codes": 1}
    every = "promotion: a\nstage: item\nreward: [{percent: {rate: 1}}]\n"
    assert set(replayed(world, every)["missing"].values()) == {0}


@pytest.mark.parametrize(("stores", "receipts"), [(None, SALES), ({"s1", "s2"}, SALES), ({"s2"}, 0), (set(), 0)])
def test_draft_is_tried_in_its_stores_alone(stores: set[str] | None, receipts: int) -> None:
    items, extractor = extracted(PAST)
    replayer = Replayer(ruleset(RULES.replace("budget: 38.00", "budget: 50.00")), 0, stores)
    replayer.open(items, extractor.names())
    assert replayer.run(1_000_000) == SALES
    found = replayer.result()
    assert named(found["total"])["receipts"] == receipts
    assert bool(found["top"]) == bool(found["limits"]) == bool(receipts)


def test_item_of_a_store_without_a_name_is_told() -> None:
    items, extractor = extracted(PAST)
    replayer = Replayer(ruleset())
    replayer.open(items, extractor.names() | {"stores": []})
    with pytest.raises(ValueError, match="of no store"):
        replayer.run(1)
