"""Tiers: up at once, down at the end only; whatever the sweep has written, and after a replay, they are the same."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.engine import TierSweep, replay, same_decision
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from tests.core.engine.scarce_world import committed, image, sale
from tests.core.engine.tier_world import (
    EPOCH,
    TERMS,
    bought,
    bought_offline,
    day_of,
    noon,
    replayed,
    returned,
    shown,
    swept,
    tier_engine,
    tier_world,
    told,
    voided,
)
from tests.core.engine.transfers import merge
from tests.core.engine.world import DOCUMENT_SHA256, World

MEMBERS = """
promotion: gold
stage: card
when: {customer: {tier: gold}}
reward: [{percent: {rate: 10}}]
---
promotion: anybody-with-a-tier
stage: item
when: {customer: {tier_from: silver}}
reward: [{percent: {rate: 1}}]
"""


# UP


def test_a_tier_comes_with_the_sale_that_reaches_its_sum_and_holds_to_the_end_of_the_next_month() -> None:
    world = tier_world()
    bought(world, 1, 99, "2026-11-03")
    assert told(world, "2026-11-03") == ""
    assert shown(world, "2026-11-03") == ("", "", 99_00, 0, "")
    bought(world, 2, 1, "2026-11-30")
    assert told(world, "2026-11-30") == "silver"
    assert shown(world, "2026-11-30") == ("silver", "2026-12-31", 100_00, 0, "silver")


def test_a_kopeck_below_a_sum_is_not_the_tier_and_the_months_sums_are_apart() -> None:
    world = tier_world()
    committed(world, sale(1, price=99_99), noon("2026-11-03"))
    bought(world, 2, 99, "2026-12-01")
    assert told(world, "2026-12-01") == ""
    assert shown(world, "2026-12-01") == ("", "", 99_00, 99_99, "")


def test_a_higher_tier_comes_over_the_lower_one_at_once() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-03")
    bought(world, 2, 900, "2026-11-04")
    assert shown(world, "2026-11-04") == ("gold", "2026-12-31", 1000_00, 0, "gold")


def test_reaching_a_lower_sum_leaves_the_higher_tier_and_the_same_one_makes_it_hold_longer() -> None:
    world = tier_world()
    bought(world, 1, 1000, "2026-11-03")
    bought(world, 2, 100, "2026-12-04")
    assert shown(world, "2026-12-04") == ("gold", "2026-12-31", 100_00, 1000_00, "silver")
    bought(world, 3, 900, "2026-12-05")
    assert shown(world, "2026-12-05") == ("gold", "2027-01-31", 1000_00, 1000_00, "gold")


def test_the_day_is_the_programmes_not_that_of_utc() -> None:
    world = tier_world()
    committed(world, sale(1, price=100_00), noon("2026-11-30") + 12 * 3_600_000_000 + 1)
    assert shown(world, "2026-12-01") == ("silver", "2027-01-31", 100_00, 0, "silver")


def test_goods_that_earn_nothing_and_nobodys_receipts_do_not_count() -> None:
    world = tier_world()
    receipt = sale(1, price=100_00)
    receipt.lines[0].flags.no_accrual = True
    committed(world, receipt, noon("2026-11-03"))
    bought(world, 2, 100, "2026-11-03", card="")
    bought(world, 3, 100, "2026-11-03", card="1002")
    assert shown(world, "2026-11-03") is None
    assert not any(journal.Record.FromString(record.body).effects.tiers for record in world.records)


def test_points_earned_of_an_asset_may_be_what_counts() -> None:
    world = tier_world(by="POINTS", asset="bonus", tiers=[{"tier": "silver", "rank": 1, "sum": 5_00}])
    bought(world, 1, 499, "2026-11-03")
    assert shown(world, "2026-11-03") == ("", "", 4_99, 0, "")
    bought(world, 2, 1, "2026-11-03")
    assert shown(world, "2026-11-03") == ("silver", "2026-12-31", 5_00, 0, "silver")
    returned(world, 1, 901, "2026-11-04")
    assert shown(world, "2026-11-04") == ("silver", "2026-12-31", 1, 0, "")


# DOWN


@pytest.mark.parametrize("is_swept", [False, True])
def test_a_tier_falls_when_it_is_over_to_what_the_ended_month_made(is_swept: bool) -> None:
    world = tier_world()
    bought(world, 1, 1000, "2026-11-03")
    bought(world, 2, 100, "2026-12-04")
    assert told(world, "2026-12-31") == "gold"
    if is_swept:
        assert swept(world, "2026-12-31") == 0
        assert swept(world, "2027-01-01") == 1
        assert swept(world, "2027-01-01") == 0
    assert shown(world, "2027-01-01") == ("silver", "2027-01-31", 0, 100_00, "")
    assert told(world, "2027-01-31") == "silver"
    if is_swept:
        assert swept(world, "2027-02-01") == 1
        assert not journal.Record.FromString(world.records[-1].body).effects.tiers[0].rank
    assert told(world, "2027-02-01") == ""
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_who_bought_nothing_for_years_has_no_tier_and_the_sweep_forgets_them() -> None:
    world = tier_world()
    empty = state_digest(tier_engine().book)
    bought(world, 1, 1000, "2026-11-03")
    assert told(world, "2031-05-05") == ""
    assert shown(world, "2031-05-05") == ("", "", 0, 0, "")
    assert swept(world, "2031-05-05") == 1
    assert shown(world, "2031-05-05") is None
    lots = tier_world()
    lots.engine.facts.tiers.clear()
    bought(lots, 1, 1000, "2026-11-03")
    assert state_digest(lots.engine.book) == state_digest(world.engine.book) != empty


def test_a_tier_is_as_long_as_the_terms_say() -> None:
    world = tier_world(period="QUARTER", valid_periods=3)
    bought(world, 1, 100, "2026-11-03")
    assert shown(world, "2026-11-03") == ("silver", "2027-09-30", 100_00, 0, "silver")
    assert told(world, "2027-09-30") == "silver"
    assert told(world, "2027-10-01") == ""


# RETURNS


def test_a_return_takes_its_sum_out_and_leaves_the_tier_to_its_last_day() -> None:
    world = tier_world()
    bought(world, 1, 1000, "2026-11-03")
    returned(world, 1, 901, "2026-11-05", 500)
    assert shown(world, "2026-11-05") == ("gold", "2026-12-31", 500_00, 0, "silver")
    returned(world, 1, 902, "2026-12-05", 500)
    assert shown(world, "2026-12-05") == ("gold", "2026-12-31", 0, 0, "")
    assert told(world, "2027-01-01") == ""


def test_a_return_in_the_next_month_lowers_the_month_of_its_sale() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-03")
    bought(world, 2, 100, "2026-12-03")
    returned(world, 1, 901, "2026-12-05")
    assert shown(world, "2026-12-05") == ("silver", "2027-01-31", 100_00, 0, "silver")


def test_a_void_is_a_return_of_all() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-03")
    voided(world, 1, "2026-11-03")
    assert shown(world, "2026-11-03") == ("silver", "2026-12-31", 0, 0, "")


def test_what_was_bought_before_there_were_tiers_takes_nothing_when_it_comes_back() -> None:
    world = tier_world()
    world.engine.facts.tiers.clear()
    bought(world, 1, 500, "2026-11-03")
    world.engine.facts.tiers.put(TERMS)
    bought(world, 2, 100, "2026-11-03")
    returned(world, 1, 901, "2026-11-04")
    assert shown(world, "2026-11-04") == ("silver", "2026-12-31", 0, 0, "")


# LATE RECEIPTS


def test_an_offline_receipt_counts_in_its_own_month_and_makes_the_tier_of_it() -> None:
    world = tier_world()
    bought(world, 1, 60, "2026-12-01")
    bought_offline(world, 2, 100, "2026-11-30", "2026-12-02")
    assert shown(world, "2026-12-02") == ("silver", "2026-12-31", 60_00, 100_00, "")


def test_a_receipt_older_than_two_periods_counts_for_nothing() -> None:
    world = tier_world(period="DAYS", days=7)
    bought(world, 1, 60, "2026-12-20")
    bought_offline(world, 2, 5000, "2026-12-01", "2026-12-20")
    assert told(world, "2026-12-20") == ""


# MERGE


def test_a_merge_adds_the_sums_keeps_the_better_tier_and_leaves_no_row() -> None:
    world = tier_world()
    bought(world, 1, 1000, "2026-11-03", card="2001")
    bought(world, 2, 100, "2026-12-03")
    bought(world, 3, 250, "2026-12-03", card="2001")
    reply = merge(world, 80, 70, clock_us=noon("2026-12-04"))
    assert reply.is_done
    assert shown(world, "2026-12-04") == ("gold", "2026-12-31", 350_00, 1000_00, "silver")
    assert [row.account_id for row in journal.Record.FromString(world.records[-1].body).effects.tiers] == [80, 70]
    assert told(world, "2026-12-04", card="2001") == "gold"
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_a_merge_may_reach_a_tier_that_neither_had() -> None:
    world = tier_world()
    bought(world, 1, 60, "2026-12-03", card="2001")
    bought(world, 2, 40, "2026-12-03")
    merge(world, 80, 70, clock_us=noon("2026-12-04"))
    assert shown(world, "2026-12-04") == ("silver", "2027-01-31", 100_00, 0, "silver")


# RULES AND TERMS


def test_rules_see_the_tier_from_the_next_receipt_on_and_the_record_decides_the_same_again() -> None:
    world = tier_world()
    rules = Ruleset(image(MEMBERS))
    world.engine.take_ruleset(rules, DOCUMENT_SHA256, 0)
    paid = [bought(world, n, price, "2026-11-03").outcome.totals.to_pay_minor for n, price in ((1, 100), (2, 1000))]
    assert paid == [100_00, 990_00]
    # 100.00 − 1 % = 99.00, and 10 % of that: 990.00 and 100.00 are gold.
    assert bought(world, 3, 100, "2026-11-03").outcome.totals.to_pay_minor == 89_10
    evidence = [journal.Record.FromString(record.body).evidence for record in world.records]
    assert [list(one.tiers) for one in evidence] == [[], ["silver"], ["gold", "silver"]]
    assert all(same_decision(record.body, rules) for record in world.records)


def test_a_tier_that_is_no_more_is_the_next_lower_one() -> None:
    world = tier_world()
    bought(world, 1, 1000, "2026-11-03")
    world.engine.facts.tiers.put(TERMS | {"tiers": [{"tier": "bronze", "rank": 2, "sum": 1}]})
    assert told(world, "2026-11-03") == "bronze"
    world.engine.facts.tiers.clear()
    assert told(world, "2026-11-03") == ""
    assert TierSweep(world.engine).end_tiers(noon("2031-01-01"), 100) is None


# STATE


def test_a_snapshot_brings_rows_back_and_a_row_that_cannot_be_is_refused() -> None:
    world = tier_world()
    for number, card in enumerate(("1001", "2001", "2002", "2003"), 1):
        bought(world, number, 100 * number, "2026-11-03", card=card)
    blocks = list(write_snapshot(world.engine.book, Operations(), SnapshotHead(9, 1, 5, 1, bytes(32))))
    _, book, _ = load_snapshot(b"".join(blocks))
    assert state_digest(book) == state_digest(world.engine.book)


def test_damaged_rows_in_a_record_are_refused() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-03")
    record = journal.Record.FromString(world.records[0].body)
    for name, value in (("rank", 33), ("rank", -1), ("account_id", 0), ("until_day", 1 << 30), ("counted", 1 << 62)):
        damaged = journal.Record.FromString(world.records[0].body)
        setattr(damaged.effects.tiers[0], name, value)
        with pytest.raises(ValueError, match="TIER_RANGE"):
            replay(tier_engine(), 1, damaged.SerializeToString())
    record.effects.tiers.append(record.effects.tiers[0])
    with pytest.raises(ValueError, match="TIER_RANGE"):
        replay(tier_engine(), 1, record.SerializeToString())


# A PLAIN MODEL


class Model:
    """One account, in periods of ten days, a tier holding for two more; every period's sum is remembered."""

    STEPS = ((5, 1000), (1, 100))

    def __init__(self) -> None:
        self.sums: dict[int, int] = {}
        self.rank, self.until = 0, -1

    def rank_of(self, sum_: int) -> int:
        return next((rank for rank, least in self.STEPS if sum_ >= least), 0)

    def end(self, day: int) -> None:
        while self.rank and self.until < day:
            ended = self.until // 10
            self.rank = self.rank_of(self.sums.get(ended, 0))
            self.until = (ended + 3) * 10 - 1

    def count(self, then: int, sum_: int, today: int) -> None:
        self.end(today)
        period = then // 10
        self.sums[period] = max(self.sums.get(period, 0) + sum_, 0)
        rank, until = self.rank_of(self.sums[period]), (period + 3) * 10 - 1
        if sum_ > 0 and rank and until >= today and (rank, until) > (self.rank, self.until):
            self.rank, self.until = rank, until


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("sale", "late", "return", "sweep")),
        st.integers(0, 25),
        st.sampled_from((10, 60, 100, 700, 1000)),
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_tiers_are_those_of_a_model_that_remembers_everything(steps: list[tuple[str, int, int]]) -> None:
    world: World = tier_world(period="DAYS", days=10, valid_periods=2, tiers=[
        {"tier": "silver", "rank": 1, "sum": 100_00}, {"tier": "gold", "rank": 5, "sum": 1000_00},
    ])  # fmt: skip
    model = Model()
    today = (date(2026, 11, 18) - EPOCH).days
    sales: list[tuple[int, int, int]] = []
    for number, (act, days, roubles) in enumerate(steps, 1):
        today += days
        text = day_of(today)
        if act == "sale":
            bought(world, number, roubles, text)
            model.count(today, roubles, today)
            sales.append((number, today, roubles))
        elif act == "late" and today // 10 == (today - 8) // 10 + 1:
            then = day_of(today - 8)
            bought_offline(world, number, roubles, then, text)
            model.count(today - 8, roubles, today)
            sales.append((number, today - 8, roubles))
        elif act == "return" and sales:
            of, then_day, paid = sales.pop()
            if today // 10 - then_day // 10 <= 1:
                returned(world, of, number, text)
                model.count(then_day, -paid, today)
        elif act == "sweep":
            swept(world, text)
        model.end(today)
        assert told(world, text) == {0: "", 1: "silver", 5: "gold"}[model.rank]
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)
