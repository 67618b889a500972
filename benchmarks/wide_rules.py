"""Rulesets and receipts for the core's benchmark where many promotions matter to one receipt.

Three of them: 500 relevant promotions of the plain kinds; 20 relevant promotions that use units up (sets, ladders,
OPTIMAL groups); a receipt of 1,000 lines and 10,000 units that every set promotion wants whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from altyn.benchmarks.core_rules import Row, item_promotion, sku
from altyn.core.rules.condition import ALL_GOODS, AllOf, Attribute, Condition, ProductSet, ReceiptSum
from altyn.core.rules.promotion import (
    Amount,
    Bundle,
    BundlePart,
    BuyGet,
    Group,
    Ladder,
    MultiBuy,
    Percent,
    Promotion,
    Reward,
    SetDiscount,
    SetReward,
)
from altyn.core.rules.words import (
    AfterLast,
    AmountSpread,
    DiscountBy,
    FreeUnits,
    GroupMode,
    GroupScope,
    Stage,
)

# Of few categories, so that each is wanted by many.
CATEGORIES = 20
LINES_MAX = 1_000
UNITS_OF_A_LINE = 10


def goods_line(number: int, random: Random, units: int) -> tuple[bytes, bytes, bytes, int, int]:
    """A line of good `number`."""
    category, brand = f"category-{number % CATEGORIES}", f"brand-{number % 5}"
    return sku(number).encode(), category.encode(), brand.encode(), random.randrange(1_000, 100_000), 1000 * units


def receipts(how_many: int, random: Random) -> list[Row]:
    """Of 20 lines, one of each category in any order; two in five have several pieces."""
    return [
        [
            goods_line(category + CATEGORIES * random.randrange(2), random, random.choice((1, 1, 1, 2, 3)))
            for category in random.sample(range(CATEGORIES), CATEGORIES)
        ]
        for _ in range(how_many)
    ]


def plain_promotions(random: Random) -> Iterator[Promotion]:
    """500, as `core_rules` has them, with goods that every receipt has: by category and by brand."""
    for number in range(500):
        promotion = item_promotion(number, 500, random)
        of = some(number, number + 7)
        if number % 10 == 9:
            of = ProductSet({Attribute.BRAND: (f"brand-{number % 5}",)})
        reward = promotion.rewards[0]
        assert isinstance(reward, Percent | Amount)
        yield replace(promotion, when=over(promotion.when, of), rewards=(replace(reward, of=of),))


def over(when: Condition | None, of: ProductSet) -> Condition | None:
    """The condition with its sum taken over other goods."""
    if not isinstance(when, AllOf):
        return when
    parts = (replace(one, of=of) if isinstance(one, ReceiptSum) else one for one in when.conditions)
    return replace(when, conditions=tuple(parts))


def some(*categories: int) -> ProductSet:
    return ProductSet({Attribute.CATEGORY: tuple(f"category-{number % CATEGORIES}" for number in categories)})


def set_reward(kind: int, begin: int) -> SetReward:
    """One of the kinds that are applied so and so often, on goods around category `begin`."""
    path = "reward[0]"
    if kind == 0:
        return MultiBuy(path, 3, 2, some(begin, begin + 1, begin + 2))
    if kind == 1:
        parts = (BundlePart(1, some(begin)), BundlePart(1, some(begin + 1, begin + 2)))
        return Bundle(path, parts, SetDiscount(DiscountBy.PERCENT, 200_000))
    half = SetDiscount(DiscountBy.PERCENT, 500_000)
    return BuyGet(path, 1, some(begin, begin + 1), 1, some(begin + 1, begin + 2), half)


def set_promotions() -> Iterator[Promotion]:
    """20: six sets and six ladders by themselves, and two OPTIMAL groups of four that overlap."""
    for number in range(6):
        yield set_promotion(f"set-{number}", None, set_reward(number % 3, 3 * number))
        ladder = Ladder("reward[0]", (0, 100_000, 200_000), DiscountBy.PERCENT, some(3 * number, 3 * number + 1))
        yield set_promotion(f"steps-{number}", None, ladder)
    for number in range(8):
        group = Group(f"best-{number // 4}", GroupMode.OPTIMAL, GroupScope.RECEIPT, 50)
        yield set_promotion(f"best-{number}", group, set_reward(number % 3, 10 * (number // 4) + 2 * (number % 4)))


def set_promotion(name: str, group: Group | None, *rewards: Reward) -> Promotion:
    return Promotion(name, {}, Stage.SET, group, 100, None, rewards)


def long_receipts(how_many: int, random: Random) -> list[Row]:
    """Each of as many lines and units as a receipt may have, every line another good."""
    return [[goods_line(number, random, UNITS_OF_A_LINE) for number in range(LINES_MAX)] for _ in range(how_many)]


def hungry_promotions() -> Iterator[Promotion]:
    """Everything that looks at every unit: competitions of lines, OPTIMAL groups as large as are searched and larger,
    ladders that repeat, shared units."""
    for number in range(8):
        line = Percent("reward[0]", 10_000 * (number + 1), some(number, number + 1, number + 2))
        group = Group("lines", GroupMode.BEST, GroupScope.LINE)
        yield Promotion(f"line-{number}", {}, Stage.ITEM, group, number, None, (line,))
    off = Amount("reward[0]", 100_003, AmountSpread.RECEIPT, ALL_GOODS)
    yield Promotion("spread", {}, Stage.ITEM, None, 200, None, (off,))
    cent = SetDiscount(DiscountBy.PERCENT, 10_000)
    for number in range(12):
        # Of every member one application, so that 4,096 combinations are left.
        parts = (BundlePart(1, some(*range(number, number + 10))), BundlePart(2, ALL_GOODS))
        yield set_promotion(
            f"once-{number}",
            Group("searched", GroupMode.OPTIMAL, GroupScope.RECEIPT, 1),
            Bundle("reward[0]", parts, cent, max_applications=1),
        )
    for number in range(4):
        yield set_promotion(
            f"twice-{number}",
            Group("small", GroupMode.OPTIMAL, GroupScope.RECEIPT, 2),
            BuyGet("reward[0]", 1, some(number), 1, ALL_GOODS, cent, max_applications=2),
        )
    for number in range(4):
        free = FreeUnits.GLOBAL_CHEAPEST if number % 2 else FreeUnits.BLOCK_CHEAPEST
        rungs = (10_000, 20_000, 30_000)
        steps = Ladder("reward[0]", rungs, DiscountBy.PERCENT, ALL_GOODS, AfterLast.REPEAT, share_units=True)
        yield set_promotion(f"blocks-{number}", None, MultiBuy("reward[0]", 10, 9, ALL_GOODS, free, share_units=True))
        yield set_promotion(f"ladder-{number}", None, steps)
