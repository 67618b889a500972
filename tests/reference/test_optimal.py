"""OPTIMAL groups: every combination of applications, worked by hand (semantics §6.11.14, §6.9)."""

from typing import Any

from .receipts import Document, discounts, line, priced, rows, run, set_promotion, verdicts


def member(promotion_id: str, reward: Document, priority: int, **fields: Any) -> Document:
    return set_promotion(promotion_id, reward, group={"name": "sets", "mode": "OPTIMAL"}, priority=priority, **fields)


def multi_buy(take: int, pay: int, **terms: Any) -> Document:
    return {"multi_buy": {"take": take, "pay": pay, **terms}}


def pair(one: str, other: str, off: str, **terms: Any) -> Document:
    return {"bundle": {"parts": [{"of": {"sku": one}}, {"of": {"sku": other}}], "amount": off, **terms}}


def row_of(result: Document, promotion_id: str) -> Document:
    row: Document = next(row for row in result["rules"] if row["promotion_id"] == promotion_id)
    return row


FIVE = priced(10000, 9000, 8000, 7000, 6000)
A, B, C, D = "sku-001", "sku-002", "sku-003", "sku-004"


def test_two_pairs_beat_a_block_and_a_pair_6_11_14() -> None:
    result = run([member("three", multi_buy(3, 2), 1), member("two", multi_buy(2, 1), 2)], FIVE)
    assert discounts(result) == [4737, 4263, 3733, 3267, 0]
    beaten = row_of(result, "three")
    # Alone it would give 80.00; the pairs give 160.00.
    assert (beaten["verdict"], beaten["by_promotion_id"], beaten["margin_minor"]) == ("BEATEN", "two", 8000)


def test_of_equal_combinations_the_first_promotion_is_applied_more_often_6_11_14() -> None:
    rules = [member("ab", pair(A, B, "10.00"), 1), member("bc", pair(B, C, "10.00"), 2)]
    assert verdicts(run(rules, priced(5000, 5000, 5000))) == {"ab": "APPLIED", "bc": "BEATEN"}


def test_beaten_names_a_rival_by_way_of_others_6_9() -> None:
    """ab 5.00 – bc 9.00 – cd 5.00 want units of one another, ef of nobody: of those applied, ef is no rival."""
    rules = [
        member("ef", pair("sku-005", "sku-006", "50.00"), 0),
        member("ab", pair(A, B, "5.00"), 1),
        member("bc", pair(B, C, "9.00"), 2),
        member("cd", pair(C, D, "5.00"), 3),
    ]
    result = run(rules, priced(*[10000] * 6))
    beaten = row_of(result, "bc")
    assert verdicts(result) == {"ef": "APPLIED", "ab": "APPLIED", "bc": "BEATEN", "cd": "APPLIED"}
    assert (beaten["by_promotion_id"], beaten["margin_minor"]) == ("ab", 100)


def test_goods_by_weight_are_no_reason_to_compete_with_who_counts_pieces_6_11_12() -> None:
    """`weights` is about the two weighed lines alone: of those applied only `first` wants what `second` does."""
    lines = [line(1, 50000, 2200, sku="sku-001", unit="KG"), line(2, 40000, 500, sku="sku-002", unit="KG")]
    lines += [line(3, 30000, 4000, sku="sku-003")]
    rules = [
        member("weights", multi_buy(2, 1, count_by="LINES", of={"sku": ["sku-001", "sku-002"]}), 1),
        member("first", multi_buy(2, 1), 2),
        member("second", multi_buy(4, 2), 3),
    ]
    result = run(rules, lines)
    beaten = row_of(result, "second")
    assert verdicts(result) == {"weights": "APPLIED", "first": "APPLIED", "second": "BEATEN"}
    assert (beaten["by_promotion_id"], beaten["margin_minor"]) == ("first", 0)


def test_member_that_would_give_nothing_alone_keeps_its_own_verdict_6_9() -> None:
    rules = [
        member("pair", pair(A, B, "5.00"), 1),
        member("short", multi_buy(9, 1), 2),
        member("shut", pair(A, C, "5.00"), 3, when={"receipt_sum": {"from": "9999.00"}}),
    ]
    assert verdicts(run(rules, priced(100, 100, 100))) == {"pair": "APPLIED", "short": "ZERO", "shut": "NOT_MATCHED"}


def test_condition_that_fails_at_its_turn_only_leaves_it_beaten() -> None:
    """RUNNING is 200.00 at group entry and 180.00 after ab, so both are never applied together."""
    when = {"receipt_sum": {"from": "200.00", "base": "RUNNING"}}
    rules = [member("ab", pair(A, B, "20.00"), 1), member("cd", pair(C, D, "15.00"), 2, when=when)]
    result = run(rules, priced(5000, 5000, 5000, 5000))
    assert verdicts(result) == {"ab": "APPLIED", "cd": "BEATEN"}
    assert row_of(result, "cd")["by_promotion_id"] == "ab"


def test_skipping_amount_is_passed_below_by_fewer_applications_6_11_5() -> None:
    limits = [{"per": "receipt", "amount": "60.00", "on_short": "SKIP"}]
    lines = [line(1, 10000, 3000, sku=A), line(2, 5000, 3000, sku=B)]
    assert discounts(run([member("ab", pair(A, B, "30.00"), 1, limits=limits)], lines)) == [4000, 2000]


def test_more_than_4096_combinations_go_by_priority_6_11_14() -> None:
    """156 units: 53 × 79 = 4187 combinations, so all go into 52 blocks of three."""
    rules = [member("three", multi_buy(3, 2), 1), member("two", multi_buy(2, 1), 2)]
    result = run(rules, [line(1, 100, 156_000)])
    assert (discounts(result), result["not_searched"]) == ([5200], True)
    assert [row["greedy"] for row in result["rules"]] == [True, True]
    assert verdicts(result)["two"] == "ZERO"


def test_more_combinations_on_all_goods_than_are_searched_go_by_priority_6_11_14() -> None:
    """64 × 64 = 4096 combinations on 257 goods are 1 052 672, more than 1 048 576."""
    bounded = multi_buy(2, 1, max_applications=63)
    rules = [member("one", bounded, 1), member("other", bounded, 2)]
    result = run(rules, priced(*[100] * 257))
    assert result["not_searched"]
    assert [sum(rows(result, name)) for name in ("one", "other")] == [6300, 6300]


def test_searched_group_says_nothing_of_it() -> None:
    result = run([member("two", multi_buy(2, 1), 2)], FIVE)
    assert not result["not_searched"] and not any(row["greedy"] for row in result["rules"])


def test_units_of_the_combination_are_used_and_those_of_the_beaten_are_not_6_11_11() -> None:
    rules = [
        member("ab", pair(A, B, "20.00"), 1),
        member("bc", pair(B, C, "24.00"), 2),
        set_promotion("half", {"ladder": {"rungs": ["50"]}}, priority=10_000, group={"name": "late", "priority": 500}),
    ]
    assert discounts(run(rules, priced(8000, 8000, 4000))) == [4000, 1600, 800]
