"""Remarks on documents that can be read: every code has documents it is told of, and a neighbour it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from altyn.core.rules.checks import goods, stacks
from altyn.core.rules.condition import Attribute
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.lint import KINDS, Known, Product, Severity, remarks

ROOT = Path(__file__).resolve().parents[3]
TODAY = 20_819  # 2027-01-01
MILK = Product({Attribute.SKU: "milk", Attribute.CATEGORY: "dairy"}, 10_000, 0, 7_000)
BREAD = Product({Attribute.SKU: "bread", Attribute.CATEGORY: "bakery", Attribute.BRAND: "acme"}, 5_000, 0, None)
SHOP = Known((MILK, BREAD), frozenset({"spring"}), TODAY)


SOMEDAY = Known(today=TODAY)


def told(text: str, known: Known = SOMEDAY) -> list[tuple[str, str]]:
    return [(one.path, one.code) for one in remarks(read_documents(load_documents(text)), known)]


def percent(name: str, rate: str, more: str = "", of: str = "{}") -> str:
    """A promotion of stage item, `rate` % off `of`; `more` are further keys."""
    stage = "" if "stage:" in more else "stage: item, "
    return f"{{promotion: {name}, {stage}{more and more + ', '}reward: [{{percent: {{rate: {rate}, of: {of}}}}}]}}"


def when(condition: str) -> str:
    return percent("p", "5", f"when: {condition}")


def gives(reward: str, more: str = "stage: item") -> str:
    return f"{{promotion: p, {more and more + ', '}reward: [{reward}]}}"


A_CARD = "when: {customer: {has_card: true}}"
A_DAY = "limits: [{per: card, window: day, times: 1}]"
POINTS = "{asset: a}, "
DEAD_ALL = "{all: [{store: {region: msk}}, {store: {region: spb}}]}"

# code: documents in which it is told (all paths), and documents like them in which nothing is.
CASES: dict[str, tuple[str, list[str], str]] = {
    "NEVER_HOLDS": (when(DEAD_ALL), ["p: when"], when(DEAD_ALL.replace("all", "any"))),
    "DEAD_BRANCH": (
        when(f"{{any: [{DEAD_ALL}, {{store: {{id: s1}}}}]}}"),
        ["p: when.any[0]"],
        when("{any: [{store: {region: msk}}, {store: {id: s1}}]}"),
    ),
    "SCHEDULE_EMPTY": (
        when("{schedule: {from: 2027-02-01, to: 2027-02-28, days_of_month: 31}}"),
        ["p: when.schedule"],
        when("{schedule: {from: 2027-02-01, to: 2027-03-31, days_of_month: 31}}"),
    ),
    "SCHEDULE_OVER": (
        when("{schedule: {to: 2026-12-31}}"),
        ["p: when.schedule"],
        when('{schedule: {to: 2026-12-31, hours: "22:00-02:00"}}'),
    ),
    "ALREADY_EXPIRED": (
        POINTS + gives("{points: {asset: a, percent: 1, expires: {date: 2026-12-31}}}", ""),
        ["p: reward[0].points.expires.date"],
        POINTS + gives("{points: {asset: a, percent: 1, expires: {date: 2027-01-01}}}", ""),
    ),
    "OUT_OF_REACH": (
        when("{quantity: {from: 11001}}"),
        ["p: when.quantity.from"],
        when("{quantity: {from: 1100}}"),
    ),
    "TIER_OUT_OF_REACH": (
        gives(
            "{percent: {tiers: [{from: 10, rate: 1}, {from: 100, rate: 2}]}}",
            "stage: item, when: {receipt_sum: {below: 100}}",
        ),
        ["p: reward[0].percent.tiers[1].from"],
        gives(
            "{percent: {tiers: [{from: 10, rate: 1}, {from: 99.99, rate: 2}]}}",
            "stage: item, when: {receipt_sum: {below: 100}}",
        ),
    ),
    "NO_GOODS": (
        percent("p", "5", of="{category: fish}"),
        ["p: reward[0].percent.of"],
        percent("p", "5", of="{category: dairy}"),
    ),
    "UNKNOWN_SKU": (
        percent("p", "5", of="{sku: [milk, mlik]}"),
        ["p: reward[0].percent.of.sku"],
        percent("p", "5", of="{sku: [milk, bread]}"),
    ),
    "UNKNOWN_SERIES": (
        when("{coupon: {series: autumn}}"),
        ["p: when.coupon.series"],
        when("{coupon: {series: spring}}"),
    ),
    "SERIES_NOT_ISSUED": (
        when("{coupon: {series: autumn}}"),
        ["p: when.coupon.series"],
        when("{coupon: {series: autumn}}")
        + ", {promotion: q, when: {receipt_sum: {from: 1}}, reward: [{issue_coupon: {series: autumn}}]}",
    ),
    "SERIES_NOT_TAKEN": (
        gives("{issue_coupon: {series: autumn}}", "when: {receipt_sum: {from: 1}}"),
        ["p: reward[0].issue_coupon.series"],
        gives("{issue_coupon: {series: autumn}}", "when: {receipt_sum: {from: 1}}")
        + ", " + percent("q", "1", "when: {coupon: {series: autumn}}"),
    ),
    "NO_COUPON": (
        percent("p", "1", "stage: coupon"),
        ["p: stage"],
        percent(
            "p",
            "1",
            "stage: coupon, when: {any: [{coupon: {code: x}}]}, limits: [{budget: 9}, {amount: 1, per: receipt}]",
        ),
    ),
    "UNDECLARED_ASSET": (
        gives("{points: {asset: a, percent: 1}}", ""),
        ["p: reward[0].points.asset"],
        POINTS + gives("{points: {asset: a, percent: 1}}", ""),
    ),
    "BELOW_STEP": (
        "{asset: a, step: 1}, " + gives("{points: {asset: a, fixed: 0.99}}", "when: {receipt_sum: {from: 1}}"),
        ["p: reward[0].points.fixed"],
        "{asset: a, step: 1}, " + gives("{points: {asset: a, fixed: 1}}", "when: {receipt_sum: {from: 1}}"),
    ),
    "FLOOR_REFUSES_ALL": (
        percent("p", "5", "floor: {percent: 100}"), ["p: floor.percent"], percent("p", "5", "floor: {percent: 95}"),
    ),
    "FLOOR_CUTS": (
        percent("p", "5", "floor: {percent: 96}"), ["p: floor.percent"], percent("p", "5", "floor: {percent: 95}"),
    ),
    "EQUAL_PRIORITY": (
        percent("a", "5", "group: g") + ", " + percent("b", "7", "group: g"),
        ["b: priority"],
        percent("a", "5", "group: g") + ", " + percent("b", "7", "group: g, priority: 5"),
    ),
    "EQUAL_GROUP_PRIORITY": (
        percent("a", "5") + ", " + gives("{amount: {off: 1, spread: unit}}"),
        ["p: priority"],
        percent("a", "5") + ", " + gives("{amount: {off: 1, spread: unit}}", "stage: item, priority: 5"),
    ),
    "NEVER_BEST": (
        percent("a", "5", "group: {name: g, mode: BEST}", "{sku: x}")
        + ", " + percent("b", "7", "group: g, priority: 5", "{sku: [x, y]}"),
        ["a: reward[0].percent.rate"],
        percent("a", "5", "group: {name: g, mode: BEST}", "{sku: [x, y]}")
        + ", " + percent("b", "7", "group: g, priority: 5", "{sku: x}"),
    ),
    "NEVER_FIRST": (
        percent("a", "5", "priority: 1, group: {name: g, mode: FIRST}") + ", " + percent("b", "7", "group: g"),
        ["b: priority"],
        percent("a", "5", "priority: 1, group: {name: g, mode: FIRST}, when: {store: {id: s}}")
        + ", " + percent("b", "7", "group: g"),
    ),
    "SAME_REWARD": (
        percent("a", "5") + ", " + percent("b", "5"),
        ["b: reward"],
        percent("a", "5", "when: {store: {id: s1}}") + ", " + percent("b", "5", "when: {store: {id: s2}}"),
    ),
    "FREE_GOODS": (
        percent("p", "100"),
        ["p: reward[0].percent.rate"],
        percent("p", "100", "limits: [{per: receipt, quantity: 1}]"),
    ),
    "FREE_GOODS_IF": (
        percent("p", "100", A_CARD),
        ["p: reward[0].percent.rate"],
        percent("p", "100", f"{A_CARD}, limits: [{{per: receipt, quantity: 1}}]"),
    ),
    "FREE_AFTER_LAST": (
        gives("{ladder: {rungs: [0, 100]}}", "stage: set"),
        ["p: reward[0].ladder.rungs"],
        gives("{ladder: {rungs: [0, 100], after_last: REPEAT}}", "stage: set"),
    ),
    "AMOUNT_WITHOUT_SUM": (
        gives("{amount: {off: 5}}", "stage: receipt, when: {receipt_sum: {from: 5}}"),
        ["p: reward[0].amount.off"],
        gives("{amount: {off: 5}}", "stage: receipt, when: {receipt_sum: {from: 5.01}}"),
    ),
    "POINTS_WITHOUT_SUM": (
        POINTS + gives("{points: {asset: a, fixed: 5}}", ""),
        ["p: reward[0].points.fixed"],
        POINTS + gives("{points: {asset: a, fixed: 5}}", "limits: [{per: promotion, window: day, times: 9}]"),
    ),
    "POINTS_WORTH_PRICE": (
        POINTS + "{limit: l, payment: [{asset: a, rate: 10}]}, " + gives("{points: {asset: a, percent: 10}}", ""),
        ["p: reward[0].points.percent"],
        POINTS + "{limit: l, payment: [{asset: a, rate: 9.9999}]}, " + gives("{points: {asset: a, percent: 10}}", ""),
    ),
    "SHARED_CODE_UNLIMITED": (
        when("{coupon: {code: x}}"),
        ["p: when.coupon.code"],
        percent("p", "5", "when: {coupon: {code: x}, customer: {has_card: true}}, "
                "limits: [{per: customer, window: day, times: 1}]"),
    ),
    "CODE_FOR_ALL": (
        gives("{issue_coupon: {series: spring}}", "") + ", " + percent("q", "1", "when: {coupon: {series: spring}}"),
        ["p: reward[0].issue_coupon"],
        gives("{issue_coupon: {series: spring}}", "when: {receipt_sum: {from: 9}}")
        + ", " + percent("q", "1", "when: {coupon: {series: spring}}"),
    ),
    "DEEP_FOR_ALL": (percent("p", "50"), ["p: reward[0].percent.rate"], percent("p", "50", of="{sku: x}")),
    "BUDGET_FOR_ONE": (
        percent("p", "5", "limits: [{budget: 100}]"),
        ["p: limits[0]"],
        percent("p", "5", "limits: [{budget: 100}, {per: receipt, amount: 10}]"),
    ),
    "STACK_FREE": (
        gives("{amount: {off: 60, spread: unit}}") + ", "
        + "{promotion: q, stage: card, reward: [{amount: {off: 60, spread: unit, of: {category: dairy}}}]}",
        ["p: reward"],
        gives("{amount: {off: 20, spread: unit}}", "stage: item, floor: {percent: 90}"),
    ),
    "STACK_BELOW_COST": (
        percent("p", "31", of="{sku: milk}"), ["p: reward"], percent("p", "30", of="{sku: milk}"),
    ),
    "STACK_BELOW_FLOOR": (
        percent("a", "30", "floor: {percent: 60}, priority: 5", "{sku: bread}")
        + ", " + percent("b", "20", of="{sku: bread}"),
        ["a: reward"],
        percent("a", "30", "floor: {percent: 60}, priority: 5", "{sku: bread}")
        + ", " + percent("b", "14", of="{sku: bread}"),
    ),
    "STACK_DEEP": (
        percent("a", "50", "priority: 5", "{sku: bread}") + ", " + percent("b", "40", of="{category: bakery}"),
        ["a: reward"],
        percent("a", "50", "priority: 5", "{sku: bread}") + ", " + percent("b", "39", of="{category: bakery}"),
    ),
    "STACKS_NOT_TRIED": (
        percent("p", "5"), ["documents: promotions"], percent("p", "5", of="{sku: milk}"),
    ),
    "LIMIT_NEVER_BINDS": (
        percent("p", "5", f"{A_CARD}, {A_DAY.replace(']', ', {per: card, window: week, times: 7}]')}"),
        ["p: limits[1]"],
        percent("p", "5", f"{A_CARD}, {A_DAY.replace(']', ', {per: card, window: week, times: 6}]')}"),
    ),
    "LIMIT_NEEDS_CARD": (
        percent("p", "5", "limits: [{per: card, window: day, times: 1}]"),
        ["p: limits[0].per"],
        percent("p", "5", f"{A_CARD}, limits: [{{per: card, window: day, times: 1}}]"),
    ),
    "CAP_NEVER_BINDS": (
        "{limit: l, cap: {per: receipt, percent: 100}}",
        ["l: cap.percent"],
        "{limit: l, cap: {per: receipt, percent: 99}}",
    ),
    "CAP_SHADOWED": (
        "{limit: l, cap: {per: receipt, percent: 50}}, {limit: m, cap: {per: line, percent: 50}}",
        ["l: cap"],
        "{limit: l, cap: {per: receipt, percent: 49}}, {limit: m, cap: {per: line, percent: 50}}",
    ),
    "PAYMENT_SHADOWED": (
        "{limit: l, payment: [{asset: a}]}, {limit: m, payment: [{asset: a}]}",
        ["m: payment[0]"],
        "{limit: l, payment: [{asset: a, when: {store: {id: s}}}]}, {limit: m, payment: [{asset: a}]}",
    ),
    "RATE_NEVER_MULTIPLIED": (
        percent("p", "5", "max_rate: 10"),
        ["p: max_rate"],
        percent("p", "5", "max_rate: 10, multiplier: [{times: 2}]"),
    ),
    "GIFT_FOR_ALL": (
        gives("{gift: {sku: x}}", ""),
        ["p: reward[0].gift"],
        gives("{gift: {sku: x}}", "limits: [{per: promotion, window: day, times: 9}]"),
    ),
    "NOTHING_MULTIPLIED": (
        percent("p", "5") + ", {promotion: q, reward: [{multiplier: {times: 2, promotion: o}}]}",
        ["q: reward[0].multiplier.promotion"],
        percent("p", "5") + ", {promotion: q, reward: [{multiplier: {times: 2, promotion: p}}]}",
    ),
    "ROUNDING_SHADOWED": (
        "{rounding: r, to: 1.00}, {rounding: s, to: 0.10}",
        ["s: when"],
        "{rounding: r, to: 1.00, when: {store: {id: s}}}, {rounding: s, to: 0.10}",
    ),
    "BROAD_PART_FIRST": (
        gives("{bundle: {percent: 5, parts: [{of: {sku: [x, y]}}, {of: {sku: x}}]}}", "stage: set"),
        ["p: reward[0].bundle.parts[1]"],
        gives("{bundle: {percent: 5, parts: [{of: {sku: x}}, {of: {sku: [x, y]}}]}}", "stage: set"),
    ),
    "TIER_NOT_BETTER": (
        gives("{percent: {tiers: [{from: 10, rate: 2}, {from: 100, rate: 2}]}}"),
        ["p: reward[0].percent.tiers[1]"],
        gives("{percent: {tiers: [{from: 10, rate: 2}, {from: 100, rate: 2.0001}]}}"),
    ),
    "TEXT_NEVER_FILLED": (
        percent("p", "5", "messages: {slip: {en: '{{points}}'}}"),
        ["p: messages.slip.en"],
        percent("p", "5", "messages: {slip: {en: '{{discount}}'}}"),
    ),
    "NUDGE_NEVER_TOLD": (
        percent("p", "5", "when: {none: [{receipt_sum: {from: 10}}]}, messages: {nudge: {en: '{{distance}}'}}"),
        ["p: messages.nudge"],
        percent("p", "5", "when: {receipt_sum: {from: 10}}, messages: {nudge: {en: '{{distance}}'}}"),
    ),
    "TITLE_MISSING": (
        percent("p", "5", "title: {en: Five}, messages: {slip: {ru: '{{promotion}}'}}"),
        ["p: title.ru"],
        percent("p", "5", "title: {en: Five}, messages: {slip: {en: '{{promotion}}'}}"),
    ),
}  # fmt: skip
NEED_A_SHOP = {
    "NO_GOODS",
    "UNKNOWN_SKU",
    "UNKNOWN_SERIES",
    "STACK_FREE",
    "STACK_BELOW_COST",
    "STACK_BELOW_FLOOR",
    "STACK_DEEP",
}


def known_to(code: str) -> Known:
    if code == "STACKS_NOT_TRIED":
        return Known((MILK, BREAD), None, TODAY, stacks_max=1)
    return SHOP if code in NEED_A_SHOP else SOMEDAY


@pytest.mark.parametrize("code", KINDS)
def test_code_is_told_where_it_belongs(code: str) -> None:
    text, paths, _ = CASES[code]
    assert [path for path, found in told(f"[{text}]", known_to(code)) if found == code] == paths


@pytest.mark.parametrize("code", KINDS)
def test_nothing_is_told_of_documents_that_are_nearly_the_same(code: str) -> None:
    assert told(f"[{CASES[code][2]}]", known_to(code)) == []


@pytest.mark.parametrize("code", KINDS)
def test_texts_are_whole_in_both_languages_and_speak_of_the_same_details(code: str) -> None:
    kind = KINDS[code]
    for texts in (kind.says, kind.mend):
        assert set(texts) == {"en", "ru"}
        names = {language: set(re.findall(r"\{(\w+)\}", text.replace("{{", ""))) for language, text in texts.items()}
        assert names["en"] == names["ru"]
        assert re.search("[а-яё]", texts["ru"])
    rules = read_documents(load_documents(f"[{CASES[code][0]}]"))
    one = next(one for one in remarks(rules, known_to(code)) if one.code == code)
    for language in ("en", "ru"):
        for said in (one.say(language), one.mend(language)):
            assert said
            assert not re.search(r"\{\w+\}", said.replace("{{", "").replace("{series: ", ""))


def test_multiplier_of_another_promotion_counts_as_its_own() -> None:
    text = (
        "[" + percent("p", "5", "max_rate: 10") + ", {promotion: q, reward: [{multiplier: {times: 2, promotion: p}}]}]"
    )
    assert told(text, SOMEDAY) == []


def test_gift_the_catalogue_does_not_know_is_told() -> None:
    text = "[" + gives("{gift: {sku: [milk, milkk]}}", "when: {receipt_sum: {from: 9}}") + "]"
    assert told(text, SHOP) == [("p: reward[0].gift.sku", "UNKNOWN_SKU")]


def test_worst_remarks_come_first() -> None:
    text = (
        f"[{percent('a', '100')}, {percent('b', '5', 'stage: coupon')}, {percent('c', '5', 'limits: [{budget: 1}]')}]"
    )
    severities = [one.severity for one in remarks(read_documents(load_documents(text)))]
    assert severities == sorted(severities, key=list(Severity).index)
    assert set(severities) == set(Severity)


def test_limits_of_a_request_are_those_of_the_core() -> None:
    header = (ROOT / "core/limits.pxd").read_text()
    for name in ("PRICE_MINOR_MAX", "QTY_MILLI_MAX", "UNITS_MAX"):
        found = re.search(rf"^\s*{name} = ([0-9_]+)$", header, re.MULTILINE)
        assert found and int(found[1]) == getattr(goods, name)
    for name in ("FAVOURITES_MAX", "GRANTS_MAX", "GRANT_GOODS_MAX"):
        found = re.search(rf"^\s*{name} = ([0-9]+)\b", header, re.MULTILINE)
        assert found and int(found[1]) == getattr(stacks, name)


def test_stack_names_the_product_the_price_and_those_who_add_up() -> None:
    rules = read_documents(load_documents(f"[{CASES['STACK_DEEP'][0]}]"))
    (one,) = remarks(rules, SHOP)
    # 50.00 − 50 % = 25.00, − 40 % = 15.00: 70 % off
    assert one.details["sku"] == "bread"
    assert (one.details["price"], one.details["gross"], one.details["percent"]) == ("15.00", "50.00", "70.0")
    assert one.details["promotions"] == "a, b"


@pytest.mark.parametrize(
    "own", ["when: {birthday: {}}", "when: {personal: true}", "of: {personal: true}", "of: {favourite: true}"]
)
def test_stack_is_that_of_the_luckiest_customer(own: str) -> None:
    shop = Known(products=(Product({Attribute.SKU: "bread", Attribute.CATEGORY: "bakery"}, 5000),))
    of, more = (own.removeprefix("of: "), "") if own.startswith("of") else ("{}", own)
    text = f"[{percent('a', '50', 'priority: 1')}, {percent('b', '40', more, of)}]"
    found = [one for one in remarks(read_documents(load_documents(text)), shop) if one.code == "STACK_DEEP"]
    assert [one.details["percent"] for one in found] == ["70.0"]


def test_set_by_attributes_is_empty_when_no_product_has_them() -> None:
    red = Known(products=(Product({Attribute.SKU: "mug", "colour": "red"}, 5000),))
    assert told(f"[{percent('a', '5', of='{attribute: {colour: red}}')}]", red) == []
    assert ("a: reward[0].percent.of", "NO_GOODS") in told(
        f"[{percent('a', '5', of='{attribute: {colour: blue}}')}]", red
    )


def test_stack_of_promotions_that_cannot_meet_is_not_told() -> None:
    apart = CASES["STACK_DEEP"][0].replace("priority: 5", "priority: 5, when: {store: {id: s1}}")
    text = apart.replace("promotion: b,", "promotion: b, when: {store: {id: s2}},")
    assert told(f"[{text}]", SHOP) == []


def test_stack_in_a_best_group_is_only_the_best() -> None:
    text = CASES["STACK_DEEP"][0].replace("stage: item", "stage: item, group: {name: g, mode: BEST}")
    assert [code for _, code in told(f"[{text}]", SHOP) if code.startswith("STACK")] == []


def test_stack_reaches_the_quantity_a_set_and_a_threshold_ask_for() -> None:
    text = (
        "[{promotion: a, stage: set, reward: [{multi_buy: {take: 3, pay: 1, of: {sku: bread}}}]},"
        "{promotion: b, stage: receipt, when: {receipt_sum: {from: 140}}, reward: [{amount: {off: 20}}]}]"
    )
    (one,) = (one for one in remarks(read_documents(load_documents(text)), SHOP) if one.code == "STACK_DEEP")
    # 3 × 50.00 − 100.00 = 50.00, − 20.00 = 30.00: 80 % off
    assert (one.details["sku"], one.details["price"], one.details["percent"]) == ("bread × 3", "30.00", "80.0")


def test_stack_without_a_catalogue_is_of_shares_alone() -> None:
    deep = CASES["STACK_DEEP"][0]
    assert ("a: reward", "STACK_DEEP") in told(f"[{deep.replace('category: bakery', 'sku: bread')}]")
    money = "[{promotion: a, stage: item, reward: [{amount: {off: 90, spread: unit, of: {sku: bread}}}]}]"
    assert told(money) == []


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{customer: {has_card: false}, none: [{customer: {has_card: false}}]}", False),
        ("{customer: {segment: a}, none: [{customer: {segment: a}}]}", False),
        ("{customer: {segment: [a, b]}, none: [{customer: {segment: a}}]}", True),
        ("{all: [{customer: {card_type: a}}, {customer: {card_type: b}}]}", False),
        ("{all: [{customer: {segment: a}}, {customer: {segment: b}}]}", True),
        ("{all: [{store: {id: a}}, {store: {id: {none_of: a}}}]}", False),
        ("{store: {id: a}, none: [{store: {id: a}}]}", False),
        ("{store: {id: a}, none: [{store: {region: a}}]}", True),
        ("{all: [{receipt_sum: {from: 10}}, {receipt_sum: {below: 10}}]}", False),
        ("{all: [{receipt_sum: {from: 10, of: {sku: x}}}, {receipt_sum: {below: 10}}]}", False),
        ("{all: [{receipt_sum: {from: 10}}, {receipt_sum: {below: 10, of: {sku: x}}}]}", True),
        ("{all: [{receipt_sum: {from: 10, base: RUNNING}}, {receipt_sum: {below: 10}}]}", False),
        ("{all: [{receipt_sum: {from: 10}}, {receipt_sum: {below: 10, base: RUNNING}}]}", True),
        ("{all: [{quantity: {from: 3, of: {sku: x}}}, {quantity: {below: 3, of: {sku: [x, y]}}}]}", False),
        ("{quantity: {from: 3}, none: [{quantity: {from: 2}}]}", False),
        ("{customer: {has_card: false}, birthday: {after: 3}}", False),
        ("{customer: {has_card: false}, personal: true}", False),
        ("{customer: {has_card: false}, none: [{personal: true}]}", True),
        ("{birthday: {after: 3}, personal: true, customer: {segment: a}}", True),
        ("{personal: true, none: [{personal: true}]}", False),
        ("{all: [{receipt_sum: {from: 10, of: {favourite: true}}}, {receipt_sum: {below: 10}}]}", False),
        ("{all: [{receipt_sum: {from: 10}}, {receipt_sum: {below: 10, of: {favourite: true}}}]}", True),
        ("{all: [{quantity: {from: 3, of: {attribute: {a: x}}}}, "
            "{quantity: {below: 3, of: {attribute: {a: [x, y]}}}}]}", False),
        ("{all: [{quantity: {from: 3, of: {attribute: {a: x}}}}, "
            "{quantity: {below: 3, of: {attribute: {b: x}}}}]}", True),
        ("{coupon: {code: x}, none: [{coupon: {code: ' X '}}]}", False),
        ("{all: [{schedule: {weekdays: fri}}, {schedule: {weekdays: sat}}]}", False),
        # Saturday 01:00 belongs to the window of Friday.
        ('{all: [{schedule: {weekdays: fri, hours: "22:00-02:00"}}, {schedule: {weekdays: sat}}]}', True),
        ('{all: [{schedule: {hours: "10:00-12:00"}}, {schedule: {hours: "12:00-14:00"}}]}', False),
        ('{all: [{schedule: {hours: "10:00-12:00"}}, {schedule: {hours: "11:59-14:00"}}]}', True),
    ],
)  # fmt: skip
def test_contradiction_is_told_exactly_where_there_is_one(condition: str, holds: bool) -> None:
    found = [code for _, code in told(f"[{when(condition)}]") if code in ("NEVER_HOLDS", "DEAD_BRANCH")]
    assert found == ([] if holds else ["NEVER_HOLDS"])
