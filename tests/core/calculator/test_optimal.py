"""OPTIMAL groups (semantics §6.11.14): the search against trying every combination, and what is told of it.

The check knows nothing of the search: it runs the members as a cascade with `max_applications` written into their
documents, once for every combination, and takes the best.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from tests.core.calculator.scenario import NOON, calculate, compiled, discounts, line, lines, nets, trace

COMBINATIONS_TRIED = 100


@dataclass(frozen=True)
class Member:
    """A promotion of the group: its reward, open at the end for `max_applications`, and other keys."""

    reward: str
    keys: str = ""

    def document(self, number: int, group: str, most: int | None = None) -> str:
        closing = "}" if most is None else f", max_applications: {most}}}"
        return (
            f"- {{promotion: p{number}, stage: set, group: {{name: g, mode: {group}}}, priority: {number},"
            f" {self.keys} reward: [{{{self.reward}{closing}}}]}}\n"
        )


THREE = Member("multi_buy: {take: 3, pay: 2")
PAIR = Member("multi_buy: {take: 2, pay: 1, of: {sku: [a, b, c]}")
CHEAPEST = Member("multi_buy: {take: 3, pay: 2, free: GLOBAL_CHEAPEST")
ON_FREE = Member("multi_buy: {take: 2, pay: 1, allocate: ON_FREE, of: {sku: [b, c, d]}")
AB = Member("bundle: {parts: [{of: {sku: a}}, {of: {sku: b}}], percent: 33")
BC = Member("bundle: {parts: [{of: {sku: b}}, {of: {sku: c}}], amount: 0.41")
WIDE = Member("bundle: {parts: [{of: {sku: [a, b]}}, {of: {sku: [b, c]}}, {of: {sku: [a, d]}}], price: 1.50")
TO_TARGETS = Member(
    "bundle: {parts: [{of: {sku: [a, c]}}, {of: {sku: [b, d]}, target: true}], percent: 60, allocate_to: TARGETS"
)
SECOND = Member("buy_get: {buy: {}, get: {}, percent: 50")
GET_PRICE = Member("buy_get: {buy: {of: {sku: a}}, get: {of: {sku: [b, c]}}, price: 0.50")
GET_ALL = Member("buy_get: {buy: {of: {sku: a}}, get: {quantity: ALL, of: {sku: [b, d]}}, percent: 21")
REUSING = Member("buy_get: {buy: {of: {sku: b}}, get: {quantity: 2}, amount: 0.20, reusable_qualifiers: true")
SHARING = Member("buy_get: {buy: {of: {sku: [a, c]}}, get: {of: {sku: [b, d]}}, percent: 40, share_units: true")


def keyed(member: Member, keys: str) -> Member:
    return Member(member.reward, keys)


GROUPS = (
    (THREE, PAIR),
    (AB, BC, PAIR),
    (WIDE, SECOND, GET_PRICE),
    (CHEAPEST, ON_FREE, AB),
    (TO_TARGETS, REUSING, THREE),
    (GET_ALL, SHARING, BC),
    (BC, TO_TARGETS, WIDE, GET_PRICE),
    (keyed(AB, "limits: [{per: receipt, amount: 1.00, on_short: SKIP}],"), PAIR),
    (
        keyed(SECOND, "limits: [{per: receipt, quantity: 2}],"),
        keyed(THREE, "limits: [{per: receipt, amount: 0.90}],"),
        BC,
    ),
    (keyed(AB, "exclusive: STAGE,"), SHARING, SECOND),
    (keyed(BC, "exclusive: {over: ALL, scope: RECEIPT},"), PAIR, AB),
    (keyed(SHARING, "skip_discounted: true,"), keyed(THREE, "exclusive: STAGE,"), REUSING),
    (PAIR, keyed(SECOND, "when: {receipt_sum: {from: 4.00, base: RUNNING}},"), AB),
    (keyed(PAIR, "floor: {percent: 70},"), keyed(AB, "allow_free: true,"), ON_FREE),
)
# Before the group, so that units of one good do not all cost the same.
EARLIER = (
    "",
    "- {promotion: odd, stage: item, reward: [{amount: {off: 0.07, spread: receipt}}]}\n",
    "- {promotion: steps, stage: item, reward: [{percent: {rate: 30, of: {sku: [a, d]}}}]}\n",
)
AFTER = "- {promotion: last, stage: set, priority: 9, group: {name: z}, reward: [{ladder: {rungs: [50]}}]}\n"
GOODS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from((99, 100, 140, 333)), st.integers(1, 3)), min_size=2, max_size=5
)


@cache
def ruleset(text: str) -> Ruleset:
    return compiled(text)


def group_of(members: Sequence[Member], mode: str, earlier: str, most: Sequence[int | None] | None = None) -> str:
    """Documents; a member that may be applied 0 times is left out."""
    wanted = most or [None] * len(members)
    found = [one.document(number, mode, wanted[number]) for number, one in enumerate(members) if wanted[number] != 0]
    return earlier + "".join(found) + AFTER


def given_by(outcome: dict[str, Any], members: Sequence[Member]) -> int:
    return sum(sum(discounts(outcome, f"p{number}")) for number in range(len(members)))


def best_of_all(members: Sequence[Member], earlier: str, bought: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The outcome of the best combination, the greatest of equal ones; None when there are too many to try."""
    alone = []
    for number in range(len(members)):
        only = [None if other == number else 0 for other in range(len(members))]
        outcome = calculate(ruleset(group_of(members, "CASCADE", earlier, only)), bought)
        alone.append(int(trace(outcome, f"p{number}")["applications"]))
    if prod(count + 1 for count in alone) > COMBINATIONS_TRIED:
        return None
    best: dict[str, Any] = {}
    for most in itertools.product(*(range(count, -1, -1) for count in alone)):
        # Of ALL targets there is one application: it is there or not.
        written = [None if members[number] == GET_ALL and count else count for number, count in enumerate(most)]
        outcome = calculate(ruleset(group_of(members, "CASCADE", earlier, written)), bought, explain=False)
        if not best or given_by(outcome, members) > given_by(best, members):
            best = outcome
    return best


@pytest.mark.parametrize("members", GROUPS)
@settings(max_examples=10, deadline=None)
@given(goods=GOODS, earlier=st.sampled_from(EARLIER))
def test_search_gives_what_trying_every_combination_gives(
    members: Sequence[Member], goods: list[tuple[str, int, int]], earlier: str
) -> None:
    bought = [line(number, sku, price, units * 1000) for number, (sku, price, units) in enumerate(goods, start=1)]
    expected = best_of_all(members, earlier, bought)
    if expected is None:
        return
    for explain in (False, True):
        outcome = calculate(ruleset(group_of(members, "OPTIMAL", earlier)), bought, explain=explain)
        assert outcome["lines"] == expected["lines"]
        assert outcome["flags"] == []


@pytest.mark.parametrize("members", GROUPS)
@settings(max_examples=3, deadline=None)
@given(goods=GOODS, earlier=st.sampled_from(EARLIER))
def test_cut_by_a_cap_finds_the_same_combination_unit_by_unit(
    members: Sequence[Member], goods: list[tuple[str, int, int]], earlier: str
) -> None:
    """Under a cap everything is calculated once more with a run for each unit; one kopeck is cut from who came last."""
    bought = [line(number, sku, price, units * 1000) for number, (sku, price, units) in enumerate(goods, start=1)]
    free = calculate(ruleset(group_of(members, "OPTIMAL", earlier)), bought)
    given_minor = free["totals"]["discount_minor"]
    if given_minor < 2:
        return
    text = group_of(members, "OPTIMAL", earlier) + (
        f"- {{limit: most, cap: {{per: receipt, amount: {(given_minor - 1) // 100}.{(given_minor - 1) % 100:02}}}}}\n"
    )
    rules = read_documents(load_documents(text))
    capped = Ruleset(compile_ruleset(rules.promotions, rules.assets, rules.limits, version=1))
    cut = evaluate(capped, {"lines": bought}, {}, None, NOON, True)
    assert cut["totals"]["discount_minor"] == given_minor - 1
    names = [row["promotion_id"] for row in free["explain"]["rules"]]
    moved = [sum(discounts(free, name)) - sum(discounts(cut, name)) for name in names]
    assert sorted(moved) == [0] * (len(names) - 1) + [1]


FIVE = lines(10000, 9000, 8000, 7000, 6000)
THREE_AND_TWO = group_of((THREE, Member("multi_buy: {take: 2, pay: 1")), "OPTIMAL", "")


def test_trace_tells_applications_and_who_beat_by_how_much() -> None:
    outcome = calculate(THREE_AND_TWO.replace(AFTER, ""), FIVE)
    assert nets(outcome) == [5263, 4737, 4267, 3733, 6000]
    won, lost = trace(outcome, "p1"), trace(outcome, "p0")
    assert (won["verdict"], won["applications"], won["amount_minor"]) == ("VERDICT_APPLIED", 2, 16000)
    # Alone it would give 80.00.
    assert (lost["verdict"], lost["by_promotion_id"], lost["margin_minor"]) == ("VERDICT_BEATEN", "p1", 8000)
    assert (lost["applications"], lost["amount_minor"], lost["lines"]) == (0, 0, [])
    assert not won["greedy"] and not lost["greedy"]


def test_too_many_combinations_are_told_in_trace_and_flags() -> None:
    bought = [line(1, "a", 100, 156_000)]
    for explain in (False, True):
        outcome = calculate(THREE_AND_TWO.replace(AFTER, ""), bought, explain=explain)
        assert outcome["totals"]["discount_minor"] == 5200
        assert outcome["flags"] == ["REASON_NOT_SEARCHED"]
    assert trace(outcome, "p0")["greedy"] and trace(outcome, "p1")["greedy"]
    assert trace(outcome, "p0")["applications"] == 52


def pair(one: str, other: str, amount: str, number: int) -> str:
    """The document of a bundle of two goods."""
    return Member(f"bundle: {{parts: [{{of: {{sku: {one}}}}}, {{of: {{sku: {other}}}}}], amount: {amount}").document(
        number, "OPTIMAL"
    )


def test_thirteen_sets_are_too_many_and_twelve_are_not() -> None:
    def sets(count: int) -> str:
        """Each pair shares a good with the next one."""
        return "".join(pair(f"g{number}", f"g{number + 1}", f"0.{30 + number}", number) for number in range(count))

    bought = [line(number + 1, f"g{number}", 1000) for number in range(14)]
    # Every second one: 0.31 + 0.33 + … + 0.41 of twelve, as the last of the greater half.
    assert calculate(sets(12), bought[:13])["totals"]["discount_minor"] == sum(range(31, 42, 2))
    greedy = calculate(sets(13), bought)
    assert greedy["flags"] == ["REASON_NOT_SEARCHED"]
    assert greedy["totals"]["discount_minor"] == sum(range(30, 43, 2))


def test_receipt_of_many_goods_is_searched_as_far_as_its_steps_reach() -> None:
    # 32 × 32 = 1024 combinations: × 1000 calc groups fit into 1 048 576 steps once, and not with one combination more.
    pairs = "multi_buy: {take: 2, pay: 1, of: {brand: x}, share_units: true"
    rules = Member(pairs).document(0, "OPTIMAL") + Member(pairs).document(1, "OPTIMAL")
    bought = [line(number + 1, f"g{number}", 1000, brand_id="x") for number in range(62)]
    bought += [line(number + 1, f"g{number}", 1000) for number in range(62, 1000)]
    assert calculate(rules, bought, explain=False)["flags"] == []
    again = rules + rules.replace("p0", "q0").replace("p1", "q1").replace("name: g", "name: h")
    second = calculate(again, bought, explain=False)
    assert second["flags"] == ["REASON_NOT_SEARCHED"]
    # Every pair costs 20.00, then 10.00, 5.00 and 2.50: the members share units.
    assert second["totals"]["discount_minor"] == 31 * (1000 + 500 + 250 + 125)


def test_groups_that_share_no_goods_are_decided_apart() -> None:
    rules = group_of((AB, BC), "OPTIMAL", "").replace(AFTER, "")
    rules += "".join(
        pair("x", sku, amount, number) for number, (sku, amount) in enumerate((("y", "0.50"), ("z", "0.60")), start=2)
    )
    bought = [line(number, sku, 100) for number, sku in enumerate("abcxyz", start=1)]
    outcome = calculate(rules, bought)
    # 33 % of 2.00 = 0.66 against 0.41, and 0.60 against 0.50.
    assert [sum(discounts(outcome, f"p{number}")) for number in range(4)] == [66, 0, 0, 60]
    assert trace(outcome, "p2")["by_promotion_id"] == "p3"
    assert trace(outcome, "p2")["margin_minor"] == 10


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ("stage: set, reward: [{ladder: {rungs: [5]}}]", "reward[0].ladder"),
        ("stage: set, reward: [{percent: {rate: 5}}]", "reward[0].percent"),
        ("stage: set, reward: [{multi_buy: {take: 3, pay: 2}}, {multi_buy: {take: 2, pay: 1}}]", "reward[1].multi_buy"),
        ("stage: item, reward: [{percent: {rate: 5}}]", "group.mode"),
        ("reward: [{points: {asset: x, percent: 1}}]", "group.mode"),
    ],
)
def test_group_of_other_rewards_does_not_compile(keys: str, path: str) -> None:
    with pytest.raises(CompileError) as refused:
        compiled(f"- {{promotion: a, group: {{name: g, mode: OPTIMAL}}, {keys}}}")
    assert refused.value.path == f"a:{path}"


def test_member_may_issue_a_coupon_beside_its_set() -> None:
    rules = """{promotion: a, stage: set, group: {name: g, mode: OPTIMAL}, reward: [
        {issue_coupon: {series: next}}, {multi_buy: {take: 2, pay: 1}}, {message: {to: cashier, text: {en: "Two"}}}]}"""
    outcome = calculate(rules, FIVE)
    assert sum(discounts(outcome, "a")) == 16000
    assert trace(outcome, "a", 1)["applications"] == 2
    assert [row["series"] for row in outcome["issued_coupons"]] == ["next"]
    assert [row["text"] for row in outcome["messages"]] == ["Two"]
