"""Accumulations fed receipt by receipt, against sums over the whole history by Python's own calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import ReceiptError, evaluate
from altyn.core.plain_history import History
from tests.core.calculator.scenario import calculate, compiled, line

EPOCH = date(1970, 1, 1)
RULES = """
promotion: first
stage: card
when:
  all:
    - {purchases: {window: {days: 30}, from: 1}}
    - {purchases: {window: week, of: {category: coffee}, count_by: UNITS, from: 1}}
    - {purchases: {window: month, count_by: WEIGHT, from: 1, at: {format: hyper, region: {none_of: spb}}}}
    - {turnover: {window: year, of: {category: [coffee, tea], except: {sku: b}}, from: 1}}
    - {turnover: {window: always, at: same_store, from: 1}}
    - {validity: {days: 3, after: {first_use: this}}}
    - {validity: {days: 3, after: {turnover: {sum: 5.00, of: {category: coffee}}}}}
    - {validity: {days: 3, after: {turnover: {sum: 5.00, at: same_store}}}}
reward: [{percent: {rate: 1}}]
"""
RULESET = compiled(RULES)
Receipt = dict[str, Any]

lines = st.builds(
    lambda sku, group, unit, qty, paid, flag: {
        "sku": sku,
        "group_id": group,
        "unit": unit,
        "qty_milli": qty,
        "paid_minor": paid,
        "flags": {flag: True} if flag else {},
    },
    st.sampled_from(["a", "b", "unknown"]),
    st.sampled_from(["coffee", "tea", "bread", ""]),
    st.sampled_from(["PIECE", "KG"]),
    st.sampled_from([1, 500, 1000, 1500, 2000, 7000]),
    st.integers(0, 400),
    st.sampled_from(["", "", "", "gift", "no_threshold", "no_discount"]),
)
# Around the ends of weeks, of months, of a year and of a February with 29 days.
near = st.sampled_from([date(2027, 12, 31), date(2028, 2, 29), date(2027, 3, 1), date(2026, 2, 28), date(2027, 12, 5)])
dates = st.builds(lambda day, off: day + timedelta(off), near, st.integers(-31, 31))
receipts = st.builds(
    lambda day, store, format, region, rows, gave: {
        "date": str(day),
        "store": {"store_id": store, "format": format, "region": region},
        "lines": rows,
        "gave": gave,
    },
    dates,
    st.sampled_from(["s1", "s2"]),
    st.sampled_from(["hyper", "small", ""]),
    st.sampled_from(["spb", "msk", ""]),
    st.lists(lines, min_size=1, max_size=3),
    st.lists(st.sampled_from(["first", "second"]), max_size=2),
)


def counted(receipt: Receipt, of: Callable[[Receipt], bool] = lambda row: True) -> list[Receipt]:
    return [row for row in receipt["lines"] if not row["flags"].keys() & {"gift", "no_threshold"} and of(row)]


def units(row: Receipt) -> int:
    return row["qty_milli"] if row["unit"] == "PIECE" and row["qty_milli"] % 1000 == 0 else 1000


def paid(rows: Sequence[Receipt]) -> int:
    return sum(row["paid_minor"] for row in rows)


def is_coffee(row: Receipt) -> bool:
    return row["group_id"] == "coffee"


def drinks_but_b(row: Receipt) -> bool:
    return row["group_id"] in ("coffee", "tea") and row["sku"] != "b"


def reached(parts: dict[date, int], needed: int) -> int | None:
    """The first date with which the running sum is as much as needed."""
    for day in sorted(parts):
        needed -= parts[day]
        if needed <= 0:
            return (day - EPOCH).days
    return None


def by_hand(history: Sequence[Receipt], today: date, store: str) -> list[int | None]:
    """What every accumulation of RULES is, in the order of the conditions."""
    dated = [(date.fromisoformat(one["date"]), one) for one in history]
    monday = today - timedelta(today.weekday())
    month = [one for day, one in dated if (day.year, day.month) == (today.year, today.month)]
    hyper = [one for one in month if one["store"]["format"] == "hyper" and one["store"]["region"] != "spb"]
    uses = {day: 1 for day, one in dated if "first" in one["gave"]}
    coffee: dict[date, int] = {}
    here: dict[date, int] = {}
    for day, one in dated:
        coffee[day] = coffee.get(day, 0) + paid(counted(one, is_coffee))
        if one["store"]["store_id"] == store:
            here[day] = here.get(day, 0) + paid(counted(one))
    return [
        sum(bool(counted(one)) for day, one in dated if today - timedelta(30) < day <= today),
        sum(
            units(row) for day, one in dated if monday <= day < monday + timedelta(7) for row in counted(one, is_coffee)
        ),
        sum(row["qty_milli"] for one in hyper for row in counted(one)),
        sum(paid(counted(one, drinks_but_b)) for day, one in dated if day.year == today.year),
        sum(here.values()),
        reached(uses, 1),
        reached(coffee, 500),
        reached(here, 500),
    ]


def fed(history: Sequence[Receipt], back: Sequence[Receipt] = ()) -> History:
    kept = History(RULESET)
    for one in history:
        kept.take_in(one)
    for one in back:
        kept.take_out(one)
    return kept


@given(st.lists(receipts, max_size=12), dates, st.sampled_from(["s1", "s2", "s3"]))
@settings(deadline=None)
def test_receipts_one_by_one_come_to_what_the_whole_history_says(
    history: list[Receipt], today: date, store: str
) -> None:
    assert fed(history).values((today - EPOCH).days, store) == by_hand(history, today, store)


@given(st.lists(receipts, max_size=8), dates, st.randoms())
@settings(deadline=None)
def test_order_of_receipts_does_not_matter(history: list[Receipt], today: date, random: Any) -> None:
    other = list(history)
    random.shuffle(other)
    day = (today - EPOCH).days
    assert fed(other).values(day, "s1") == fed(history).values(day, "s1")


@given(st.lists(receipts, max_size=8), st.lists(receipts, max_size=4), dates)
@settings(deadline=None)
def test_what_is_taken_out_leaves_no_trace(history: list[Receipt], returned: list[Receipt], today: date) -> None:
    day = (today - EPOCH).days
    assert fed([*history, *returned], returned).values(day, "s1") == fed(history).values(day, "s1")


@given(st.lists(receipts, max_size=8), dates)
@settings(deadline=None)
def test_a_window_that_moves_on_needs_no_receipt_again(history: list[Receipt], today: date) -> None:
    kept = fed(history)
    for later in (0, 1, 6, 31, 366):
        day = today + timedelta(later)
        assert kept.values((day - EPOCH).days, "s2") == by_hand(history, day, "s2")


CONDITIONS = """
- promotion: a-bought
  stage: card
  when: {purchases: {window: always, from: 3}}
  reward: [{percent: {rate: 1}}]
- promotion: b-spent
  stage: card
  when: {turnover: {window: always, below: 5.00, include_current: true}}
  reward: [{percent: {rate: 1}}]
- promotion: c-every
  stage: card
  when: {purchase_number: {every: 5}}
  reward: [{percent: {rate: 1}}]
- promotion: d-is
  stage: card
  when: {purchase_number: {is: [1, 2, 7, 9]}}
  reward: [{percent: {rate: 1}}]
- promotion: e-past
  stage: card
  when: {purchase_number: {is: 2}}
  reward: [{percent: {rate: 1}}]
- promotion: f-over
  stage: card
  when: {validity: {days: 10, after: {turnover: {sum: 1.00}}}}
  reward: [{percent: {rate: 1}}]
- promotion: g-never
  stage: card
  when: {validity: {days: 10, after: {first_use: f-over}}}
  reward: [{percent: {rate: 1}}]
- promotion: h-coffee
  stage: card
  when: {purchase_number: {every: 3, of: {category: coffee}}}
  reward: [{percent: {rate: 1}}]
"""


def test_failure_tells_what_there_was_and_what_was_needed() -> None:
    # Business date 2027-01-15, twelve days after the only date.
    one = {"date": "2027-01-03", "lines": [{"sku": "x", "qty_milli": 1000, "paid_minor": 200}]}
    told = failures(CONDITIONS, [one, one])
    assert told["a-bought"] == (2000, 3000, 1000)
    assert told["b-spent"] == (900, 500, -400)
    assert told["c-every"] == (3, 5, 2)
    assert told["d-is"] == (3, 7, 4)
    assert told["e-past"] == (3, 0, -3)
    assert told["f-over"] == (12, 10, -2)
    assert told["g-never"] == (0, 0, 0)
    assert told["h-coffee"] == (0, 0, 0)


def failures(rules: str, history: list[Receipt]) -> dict[str, tuple[int, int, int]]:
    receipt = {"lines": [line(1, "a", 500)]}
    clock = 1_800_000_000_000_000, 0, 0
    outcome = evaluate(compiled(rules), receipt, {}, {"customer_id": 1}, clock, True, {"history": history})
    assert "REASON_HISTORY_NOT_KEPT" not in outcome["flags"]
    return {
        row["promotion_id"]: (row["actual"], row["needed"], row["distance"])
        for row in outcome["explain"]["rules"]
        if row["verdict"] == "VERDICT_NOT_MATCHED"
    }


def test_customer_without_a_history_has_bought_nothing_yet() -> None:
    rules = "{promotion: p, stage: card, when: {purchase_number: {is: 1}}, reward: [{percent: {rate: 10}}]}"
    assert calculate(rules, [line(1, "a", 1000)], {"customer_id": 7})["totals"]["discount_minor"] == 100
    assert calculate(rules, [line(1, "a", 1000)])["totals"]["discount_minor"] == 0


ROW = {"date": "2027-01-01", "lines": [{"sku": "a", "qty_milli": 1000, "paid_minor": 1}]}


@pytest.mark.parametrize(
    ("history", "path", "code"),
    [
        ({"date": 1}, "history", "BAD_FORMAT"),
        ([ROW] * 1001, "history", "TOO_LARGE"),
        (["x"], "history[0]", "BAD_FORMAT"),
        ([ROW, {**ROW, "dates": 1}], "history[1].dates", "BAD_FORMAT"),
        ([{**ROW, "date": "2027-02-29"}], "history[0].date", "BAD_FORMAT"),
        ([{**ROW, "date": "20270228"}], "history[0].date", "BAD_FORMAT"),
        ([{"lines": ROW["lines"]}], "history[0].date", "BAD_FORMAT"),
        ([{**ROW, "store": "s1"}], "history[0].store", "BAD_FORMAT"),
        ([{**ROW, "store": {"id": "s1"}}], "history[0].store.id", "BAD_FORMAT"),
        ([{**ROW, "lines": []}], "history[0].lines", "FIELD_REQUIRED"),
        ([{**ROW, "lines": [7]}], "history[0].lines[0]", "BAD_FORMAT"),
        (
            [{**ROW, "lines": [{"qty_milli": 1, "paid_minor": 1, "price": 1}]}],
            "history[0].lines[0].price",
            "BAD_FORMAT",
        ),
        ([{**ROW, "lines": [{"qty_milli": 0, "paid_minor": 1}]}], "history[0].lines[0].qty_milli", "OUT_OF_RANGE"),
        ([{**ROW, "lines": [{"qty_milli": 1}]}], "history[0].lines[0].paid_minor", "FIELD_REQUIRED"),
        ([{**ROW, "lines": [{"qty_milli": 1, "paid_minor": 2**53 - 1}] * 2}], "history[0].lines", "OUT_OF_RANGE"),
        (
            [{**ROW, "lines": [{"qty_milli": 1, "paid_minor": 1, "flags": ["gift"]}]}],
            "history[0].lines[0].flags",
            "BAD_FORMAT",
        ),
        ([{**ROW, "gave": "p"}], "history[0].gave", "BAD_FORMAT"),
        ([{**ROW, "gave": [1]}], "history[0].gave[0]", "BAD_FORMAT"),
    ],
)
def test_history_that_cannot_be_read_is_refused_with_its_place(history: Any, path: str, code: str) -> None:
    rules = compiled("{promotion: p, stage: card, reward: [{percent: {rate: 10}}]}")
    clock = 1_800_000_000_000_000, 0, 0
    with pytest.raises(ReceiptError) as refused:
        evaluate(rules, {"lines": [line(1, "a", 1000)]}, {}, {"customer_id": 7}, clock, False, {"history": history})
    assert (refused.value.path, refused.value.code) == (path, code)


def test_the_largest_history_does_not_overflow() -> None:
    row = {"date": "2027-01-01", "lines": [{"sku": "a", "qty_milli": 10_000_000, "paid_minor": 2**53 - 1}]}
    told = failures(
        "{promotion: p, stage: card, reward: [{percent: {rate: 1}}],"
        " when: {turnover: {window: always, below: 1, include_current: true}}}",
        [row] * 1000,
    )
    assert told["p"][0] == 1000 * (2**53 - 1) + 500
