"""Set rewards: the worked numbers of semantics §6.4, §6.11.11–15, each named by its section."""

from typing import Any

import pytest

from .receipts import Document, discounts, line, nets, priced, rows, run, set_promotion


def multi_buy(take: int, pay: int, **terms: Any) -> Document:
    return {"multi_buy": {"take": take, "pay": pay, **terms}}


def ladder(*rungs: str, **terms: Any) -> Document:
    return {"ladder": {"rungs": list(rungs), **terms}}


def bundle(skus: tuple[str, ...], **terms: Any) -> Document:
    return {"bundle": {"parts": [{"quantity": 1, "of": {"sku": sku}} for sku in skus], **terms}}


FOUR = priced(10000, 9000, 8000, 7000)
FIVE = priced(10000, 9000, 8000, 7000, 6000)
SET = priced(29990, 19990, 14990)
SKUS = ("sku-001", "sku-002", "sku-003")


def test_four_for_three_is_spread_over_the_block_6_4() -> None:
    assert discounts(run([set_promotion("m", multi_buy(4, 3))], FOUR)) == [2059, 1853, 1647, 1441]


def test_four_for_three_with_floors_loses_what_does_not_fit_6_11_12() -> None:
    floors = (8500, 8500, 7900, 6900)
    lines = [one | {"min_price_minor": floor} for one, floor in zip(FOUR, floors, strict=True)]
    assert discounts(run([set_promotion("m", multi_buy(4, 3))], lines)) == [1500, 500, 100, 100]


def test_four_for_three_on_the_free_unit_leaves_its_floor_6_11_12() -> None:
    rules = [set_promotion("m", multi_buy(4, 3, allocate="ON_FREE"))]
    assert discounts(run(rules, FOUR)) == [0, 0, 0, 6999]
    assert discounts(run([rules[0] | {"allow_free": True}], FOUR)) == [0, 0, 0, 7000]


def test_four_for_three_of_five_takes_the_upper_block_6_11_12() -> None:
    result = run([set_promotion("m", multi_buy(4, 3))], FIVE)
    assert result["totals"]["discount_minor"] == 7000
    assert discounts(result)[4] == 0


def test_global_cheapest_leaves_the_middle_out_6_11_12() -> None:
    result = run([set_promotion("m", multi_buy(4, 3, free="GLOBAL_CHEAPEST"))], FIVE)
    assert discounts(result) == [1818, 1636, 1455, 0, 1091]
    assert [row["participates_as"] for row in result["lines"]][3] == []


def test_lines_are_counted_for_weighted_goods_only_when_asked_6_11_12() -> None:
    lines = [line(1, 39900, 512, unit="KG", sku="x"), line(2, 39900, 430, unit="KG", sku="x")]
    assert discounts(run([set_promotion("m", multi_buy(2, 1, count_by="LINES"))], lines)) == [9325, 7832]
    assert discounts(run([set_promotion("m", multi_buy(2, 1))], lines)) == [0, 0]


def test_later_set_rewards_take_what_is_left_6_11_11() -> None:
    rules = [set_promotion("a", multi_buy(3, 2), priority=1), set_promotion("b", multi_buy(2, 1), priority=2)]
    result = run(rules, FIVE)
    assert sum(rows(result, "a")) == 8000
    assert rows(result, "b")[:3] == [0, 0, 0]
    assert sum(rows(result, "b")) == 6000


def test_sharing_reward_takes_used_units_too_6_11_11() -> None:
    rules = [
        set_promotion("a", multi_buy(3, 2), priority=1),
        set_promotion("b", multi_buy(2, 1, share_units=True, max_applications=1), priority=2),
    ]
    assert rows(run(rules, FIVE), "b")[0] > 0


def test_used_units_are_free_again_in_the_next_stage_6_11_11() -> None:
    later = set_promotion("b", {"percent": {"rate": "10"}}, stage="receipt")
    result = run([set_promotion("a", multi_buy(4, 3)), later], FOUR)
    assert all(rows(result, "b"))


def test_bundle_for_a_price_is_spread_by_prices_6_4() -> None:
    result = run([set_promotion("b", bundle(SKUS, price="500.00"))], SET)
    assert discounts(result) == [6910, 4606, 3454]
    assert nets(result) == [23080, 15384, 11536]


def test_bundle_percent_is_rounded_once_6_11_13() -> None:
    assert discounts(run([set_promotion("b", bundle(SKUS, percent="10"))], SET)) == [2999, 1999, 1499]


def test_bundle_price_not_below_the_sum_ends_the_applications_6_11_13() -> None:
    assert discounts(run([set_promotion("b", bundle(SKUS, price="649.70"))], SET)) == [0, 0, 0]


def test_bundle_takes_the_dearest_of_each_part_and_repeats_6_4() -> None:
    lines = [line(1, 10000, sku="a"), line(2, 20000, sku="a", vat_code=2), line(3, 5000, 2000, sku="b")]
    result = run([set_promotion("b", bundle(("a", "b"), amount="60.00", max_applications=1))], lines)
    assert discounts(result) == [0, 4800, 1200]
    result = run([set_promotion("b", bundle(("a", "b"), amount="60.00"))], lines)
    assert discounts(result) == [4000, 4800, 3200]


def test_bundle_gives_only_to_its_targets_when_asked_6_4() -> None:
    reward = bundle(("sku-001", "sku-002"), percent="10", allocate_to="TARGETS")
    reward["bundle"]["parts"][1]["target"] = True
    result = run([set_promotion("b", reward)], SET)
    assert discounts(result) == [0, 1999, 0]
    assert [row["participates_as"] for row in result["lines"]] == [[("b", "QUALIFIER")], [("b", "TARGET")], []]


def buy_get(buy: Document, get: Document, **terms: Any) -> Document:
    return {"buy_get": {"buy": {"quantity": 1, **buy}, "get": {"quantity": 1, **get}, **terms}}


def test_second_pair_of_shoes_at_half_price_6_11_13() -> None:
    result = run([set_promotion("x", buy_get({}, {}, percent="50"))], FOUR)
    assert discounts(result) == [0, 4500, 0, 3500]


def test_qualifiers_outside_the_targets_come_first_6_11_13() -> None:
    lines = [line(1, 10000, sku="a"), line(2, 5000, sku="b")]
    rules = [set_promotion("x", buy_get({"of": {"sku": ["a", "b"]}}, {"of": {"sku": "a"}}, percent="50"))]
    assert discounts(run(rules, lines)) == [5000, 0]


def test_all_targets_follow_one_qualifier() -> None:
    rules = [set_promotion("x", buy_get({"of": {"sku": "sku-001"}}, {"quantity": "ALL"}, price="50.00"))]
    assert discounts(run(rules, FOUR)) == [0, 4000, 3000, 2000]


def test_reusable_qualifiers_serve_every_application() -> None:
    reward = buy_get({"of": {"sku": "sku-004"}}, {"of": {"sku": ["sku-001", "sku-002"]}}, amount="10.00")
    assert discounts(run([set_promotion("x", reward)], FOUR)) == [1000, 0, 0, 0]
    reward["buy_get"]["reusable_qualifiers"] = True
    assert discounts(run([set_promotion("x", reward)], FOUR)) == [1000, 1000, 0, 0]


def test_no_discount_line_qualifies_but_is_no_target_6_4() -> None:
    lines = [line(1, 10000, no_discount=True), line(2, 5000)]
    assert discounts(run([set_promotion("x", buy_get({}, {}, percent="50"))], lines)) == [0, 2500]
    rules = [set_promotion("x", buy_get({}, {"of": {"sku": "sku-002"}}, percent="50"))]
    assert discounts(run(rules, lines)) == [0, 2500]
    lines[0]["flags"]["no_threshold"] = True
    assert discounts(run(rules, lines)) == [0, 0]


@pytest.mark.parametrize(
    ("count", "price", "terms", "taken"),
    [
        (4, 10005, {}, [0, 1001, 2001, 2001]),
        (5, 10003, {}, [0, 1000, 2001, 2001, 2001]),
        (5, 10003, {"after_last": "REPEAT"}, [0, 1000, 2001, 0, 1000]),
    ],
)
def test_ladder_clamps_or_repeats_6_11_15(count: int, price: int, terms: Document, taken: list[int]) -> None:
    rules = [set_promotion("l", ladder("0", "10", "20", **terms))]
    result = run(rules, [line(1, price, count * 1000)])
    assert discounts(result) == [sum(taken)]
    assert sorted(price - net for net in result["lines"][0]["unit_nets"]) == sorted(taken)


@pytest.mark.parametrize(
    ("order", "taken"), [("PRICE_DESC", [0, 800, 900]), ("PRICE_ASC", [1000, 0, 900]), ("SCAN", [0, 800, 900])]
)
def test_ladder_orders_the_row_6_4(order: str, taken: list[int]) -> None:
    lines = priced(10000, 8000, 9000)
    result = discounts(run([set_promotion("l", ladder("0", "10", order=order))], lines))
    assert result == taken


def test_ladder_of_amounts_and_of_prices_6_11_15() -> None:
    lines = priced(10000, 9000, 8000)
    assert discounts(run([set_promotion("l", ladder("0", "15.00", by="amount"))], lines)) == [0, 1500, 1500]
    assert discounts(run([set_promotion("l", ladder("100", "70.00", by="price"))], lines)) == [0, 2000, 1000]


def test_ladder_shuts_all_its_eligible_units_6_11_10() -> None:
    rules = [
        set_promotion("l", ladder("0", "10"), exclusive="STAGE", priority=1),
        set_promotion("p", {"percent": {"rate": "50"}}, priority=2),
    ]
    rules[1]["stage"] = "set"
    result = run(rules, priced(10000, 9000, 8000))
    assert rows(result, "p") == [0, 0, 0]
