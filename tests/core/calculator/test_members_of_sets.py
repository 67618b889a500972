"""Which lines a product set holds: receipts of any length, lists of any length, several attributes at once."""

from __future__ import annotations

from random import Random

import pytest

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.condition import Attribute, ProductSet
from altyn.core.rules.promotion import Amount, Promotion
from altyn.core.rules.ruleset import Ruleset
from altyn.core.rules.words import AmountSpread, Stage

LINES = (1, 15, 16, 17, 63, 64, 65, 128, 200)
NOW = (0, 0, 0)


def goods(number: int) -> tuple[str, str, str]:
    return f"sku-{number:03}", f"category-{number % 7}", f"brand-{number % 5}"


def chosen(random: Random, count: int) -> tuple[str, ...]:
    return tuple(f"sku-{number:03}" for number in random.sample(range(220), count))


def sets(random: Random) -> list[ProductSet]:
    few, many = chosen(random, 3), chosen(random, 60)
    categories = ("category-1", "category-4")
    return [
        ProductSet({Attribute.SKU: few}),
        ProductSet({Attribute.SKU: many}),
        ProductSet({Attribute.CATEGORY: categories}),
        ProductSet({Attribute.CATEGORY: ("category-2",), Attribute.SKU: many}),
        ProductSet({Attribute.BRAND: ("brand-1", "brand-2"), Attribute.CATEGORY: categories}),
        ProductSet({Attribute.BRAND: ("brand-3",)}, excepted=(ProductSet({Attribute.CATEGORY: categories}),)),
        ProductSet({}, excepted=(ProductSet({Attribute.SKU: many}),)),
    ]


def holds(products: ProductSet, named: tuple[str, str, str]) -> bool:
    places = {Attribute.SKU: 0, Attribute.CATEGORY: 1, Attribute.BRAND: 2}
    return all(named[places[attribute]] in texts for attribute, texts in products.members.items()) and not any(
        holds(excepted, named) for excepted in products.excepted
    )


@pytest.mark.parametrize("count", LINES)
def test_a_receipt_of_any_length_gives_exactly_on_the_lines_of_each_set(count: int) -> None:
    random = Random(count)
    products = sets(random)
    # Powers of two: a line's discount tells which sets hold it. Every set is asked for by two promotions.
    promotions = [
        Promotion(f"p{number}-{again}", {}, Stage.ITEM, None, 1, None, (amount,))
        for number, of in enumerate(products)
        for again in range(2)
        for amount in [Amount("reward[0].amount", 1 << number, AmountSpread.LINE, of)]
    ]
    named = [goods(number) for number in random.sample(range(220), count)]
    lines = [
        {
            "line_no": place,
            "sku": sku,
            "group_id": group,
            "brand_id": brand,
            "price_minor": 10_000,
            "qty_milli": 1000,
        }
        for place, (sku, group, brand) in enumerate(named, start=1)
    ]
    out = evaluate(Ruleset(compile_ruleset(promotions, version=1)), {"lines": lines}, {}, None, NOW)
    expected = [2 * sum(1 << number for number, of in enumerate(products) if holds(of, one)) for one in named]
    assert [line["gross_minor"] - line["net_minor"] for line in out["lines"]] == expected
