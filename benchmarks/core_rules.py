"""Rulesets and receipts for the core's benchmark: the catalogue grows with the rules, so that about five matter to a
receipt.

Of the rules three quarters name a product, a fifth a category, the rest a brand; some have schedules, ask for a card
or compete in pairs. One threshold and one accrual concern every receipt.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from altyn.core.rules.condition import (
    ALL_GOODS,
    AllOf,
    Attribute,
    Condition,
    CustomerIs,
    ProductSet,
    ReceiptSum,
    Schedule,
)
from altyn.core.rules.promotion import Amount, Asset, Expiry, Group, Percent, Points, Promotion
from altyn.core.rules.words import AmountSpread, GroupMode, Stage, SumBase

Row = list[tuple[bytes, bytes, bytes, int, int]]

ASSETS = (Asset("bonus", {}),)


def sku(number: int) -> str:
    """A 13-digit code as scanners read them, spread over the range."""
    return f"46{number * 7_919 % 100_000_000_000:011}"


def promotions(count: int, random: Random) -> Iterator[Promotion]:
    """`count` promotions; two of them concern every receipt."""
    sum_from = ReceiptSum("when.receipt_sum", 500_000, None, SumBase.GROSS, ALL_GOODS)
    off = Amount("reward[0].amount", 10_000, AmountSpread.RECEIPT, ALL_GOODS)
    yield Promotion("threshold", {}, Stage.RECEIPT, None, 100, sum_from, (off,))
    points = Points("reward[0].points", "bonus", 30_000, None, ALL_GOODS, True, False, 0, Expiry(days=180))
    card = CustomerIs("when.customer.has_card", "has_card", flag=True)
    yield Promotion("accrual", {}, Stage.ACCRUAL, None, 100, card, (points,))
    for number in range(count - 2):
        yield item_promotion(number, count, random)


def item_promotion(number: int, count: int, random: Random) -> Promotion:
    kind = number % 20
    if kind < 15:
        products = ProductSet({Attribute.SKU: (sku(random.randrange(10 * count)),)})
    elif kind < 19:
        products = ProductSet({Attribute.CATEGORY: (f"category-{random.randrange(4 * count)}",)})
    else:
        products = ProductSet({Attribute.BRAND: (f"brand-{random.randrange(2 * count)}",)})
    when: Condition | None = None
    if number % 3 == 0:
        when = Schedule("when.schedule", from_date=20_000, to_date=30_000, windows=((420, 1380),))
    elif number % 7 == 0:
        card = CustomerIs("when.all[0].customer.has_card", "has_card", flag=True)
        when = AllOf("when", (card, ReceiptSum("when.all[1].receipt_sum", 10_000, None, SumBase.GROSS, products)))
    reward: Percent | Amount = Percent("reward[0].percent", random.randrange(1, 40) * 10_000, products)
    if number % 5 == 0:
        reward = Amount("reward[0].amount", random.randrange(100, 5_000), AmountSpread.UNIT, products)
    group = Group(f"pair-{number // 20}", GroupMode.BEST) if kind in (0, 15) else None
    stage = Stage.ITEM if kind in (0, 15) or number % 4 else Stage.CARD
    return Promotion(f"promotion-{number}", {}, stage, group, random.randrange(1, 1000), when, (reward,))


def receipts(how_many: int, count: int, random: Random) -> list[Row]:
    """Receipts of 20 lines over the catalogue that belongs to `count` promotions."""
    return [[line(count, random) for _ in range(20)] for _ in range(how_many)]


def line(count: int, random: Random) -> tuple[bytes, bytes, bytes, int, int]:
    product = random.randrange(10 * count)
    category, brand = f"category-{product % (4 * count)}", f"brand-{product % (2 * count)}"
    quantity = 1000 * random.choice((1, 1, 1, 1, 2, 3))
    return sku(product).encode(), category.encode(), brand.encode(), random.randrange(1_000, 100_000), quantity
