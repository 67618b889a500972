"""The same receipts and rules in plain Python with Decimal: the yardstick beside which the core is measured.

As anybody would write it: an index from SKU, category and brand to the rules, then stage by stage, piece by piece. It
knows the rules that `core_rules` makes and refuses others; its discounts are the core's to the kopeck, or its time
would mean nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from itertools import groupby
from operator import attrgetter

from altyn.benchmarks.core_rules import Row
from altyn.core.rules.condition import AllOf, Attribute, Condition, CustomerIs, ProductSet, ReceiptSum, Schedule
from altyn.core.rules.promotion import Amount, Percent, Points, Promotion
from altyn.core.rules.words import AmountSpread

KOPECK = Decimal("0.01")
ZERO = Decimal(0)
DAY, MINUTE = divmod(1_800_000_000 // 60, 24 * 60)
"""The wall clock at which the core is measured: days since 1970 and minutes of the day."""


@dataclass(slots=True)
class Line:
    """One line: what is left to pay for it, and for each of its pieces."""

    sku: str
    category: str
    brand: str
    gross: Decimal
    left: Decimal
    units: list[Decimal]


Goods = tuple[str, str, str, Decimal, int]
Shares = list[list[Decimal]]
"""What is taken off the pieces of each line."""


@dataclass(slots=True, eq=False)
class Rule:
    """A promotion as its one reward: `rate` of the price, `off` each unit or `off` the receipt, or points."""

    stage: int
    lane: tuple[int, str]
    place: tuple[int, str]
    products: ProductSet
    conditions: tuple[Condition, ...]
    rate: Decimal | None = None
    off: Decimal | None = None
    by_receipt: bool = False
    points: Decimal | None = None
    order: tuple[int, tuple[int, str], tuple[int, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.order = (self.stage, self.lane, self.place)


def goods(row: Row) -> list[Goods]:
    """A receipt as a till would hold it in Python."""
    return [
        (sku.decode(), category.decode(), brand.decode(), Decimal(price) / 100, quantity // 1000)
        for sku, category, brand, price, quantity in row
    ]


def read_rule(promotion: Promotion, lane: tuple[int, str]) -> Rule:
    when = promotion.when
    (reward,) = promotion.rewards
    if not isinstance(reward, Percent | Amount | Points):
        raise TypeError(f"{promotion.promotion_id}: the benchmark makes no such reward")
    rule = Rule(
        stage=promotion.stage,
        lane=lane,
        place=(promotion.priority, promotion.promotion_id),
        products=reward.of,
        conditions=() if when is None else when.conditions if isinstance(when, AllOf) else (when,),
    )
    if isinstance(reward, Percent) and reward.rate_ppm is not None:
        rule.rate = Decimal(reward.rate_ppm) / 1_000_000
    elif isinstance(reward, Amount) and reward.off_minor is not None:
        rule.off = Decimal(reward.off_minor) / 100
        rule.by_receipt = reward.spread is AmountSpread.RECEIPT
    elif isinstance(reward, Points) and reward.rate_ppm is not None:
        rule.points = Decimal(reward.rate_ppm) / 1_000_000
    else:
        raise TypeError(f"{promotion.promotion_id}: the benchmark makes no tiers")
    return rule


class PlainCalculator:
    """Discounts and points of receipts by rules that are indexed once."""

    def __init__(self, promotions: Iterable[Promotion]) -> None:
        promotions = list(promotions)
        first: dict[str, int] = {}
        for promotion in promotions:
            if promotion.group is not None:
                name = promotion.group.name
                first[name] = min(promotion.priority, first.get(name, promotion.priority))
        self.everywhere: list[Rule] = []
        self.by_sku: dict[str, list[Rule]] = defaultdict(list)
        self.by_category: dict[str, list[Rule]] = defaultdict(list)
        self.by_brand: dict[str, list[Rule]] = defaultdict(list)
        tables = {
            Attribute.SKU: self.by_sku,
            Attribute.CATEGORY: self.by_category,
            Attribute.BRAND: self.by_brand,
        }
        for promotion in promotions:
            group = promotion.group
            lane = (promotion.priority, promotion.promotion_id) if group is None else (first[group.name], group.name)
            rule = read_rule(promotion, lane)
            if not rule.products.members:
                self.everywhere.append(rule)
            for attribute, values in rule.products.members.items():
                for value in values:
                    tables[attribute][value].append(rule)

    def calculate(self, receipt: list[Goods]) -> tuple[Decimal, Decimal]:
        """What is taken off, and the points earned."""
        lines = [
            Line(sku, category, brand, price * count, price * count, [price] * count)
            for sku, category, brand, price, count in sorted(receipt)
        ]
        relevant: dict[Rule, list[Line]] = {rule: lines for rule in self.everywhere}
        for line in lines:
            for rules in (
                self.by_sku.get(line.sku, ()),
                self.by_category.get(line.category, ()),
                self.by_brand.get(line.brand, ()),
            ):
                for rule in rules:
                    relevant.setdefault(rule, []).append(line)
        earned = ZERO
        for _, lane in groupby(sorted(relevant, key=attrgetter("order")), key=attrgetter("stage", "lane")):
            best: Shares = []
            best_total, winner = ZERO, None
            for rule in lane:
                targets = relevant[rule]
                if not all(holds(condition, targets, lines) for condition in rule.conditions):
                    continue
                if rule.points is not None:
                    earned += sum(earn(rule.points, targets), ZERO)
                    continue
                shares = discount(rule, targets)
                total = sum((sum(parts, ZERO) for parts in shares), ZERO)
                if total > best_total:
                    best, best_total, winner = shares, total, rule
            if winner is not None:
                take(relevant[winner], best)
        return sum((line.gross - line.left for line in lines), ZERO), earned


def take(targets: list[Line], shares: Shares) -> None:
    for line, parts in zip(targets, shares, strict=True):
        line.units = [unit - part for unit, part in zip(line.units, parts, strict=True)]
        line.left -= sum(parts)


def holds(condition: Condition, targets: list[Line], lines: list[Line]) -> bool:
    """Everybody in the benchmark has a card, and it is always the same moment."""
    if isinstance(condition, ReceiptSum):
        counted = targets if condition.of.members else lines
        return sum(line.gross for line in counted) * 100 >= (condition.from_minor or 0)
    if isinstance(condition, Schedule):
        begin, end = condition.from_date or 0, condition.to_date or DAY
        return begin <= DAY <= end and any(start <= MINUTE < stop for start, stop in condition.windows)
    return isinstance(condition, CustomerIs) and condition.flag is True


def discount(rule: Rule, targets: list[Line]) -> Shares:
    """What a rule takes off; a kopeck of each piece always stays."""
    rate, off = rule.rate, rule.off
    if rate is not None:
        return [percent_off(rate, line) for line in targets]
    assert off is not None
    if not rule.by_receipt:
        return [[min(off, unit - KOPECK) for unit in line.units] for line in targets]
    amounts = split(off, [line.left for line in targets])
    if any(amount > line.left - KOPECK * len(line.units) for amount, line in zip(amounts, targets, strict=True)):
        raise ArithmeticError("the benchmark's receipts cost more than is taken off them")
    return [split(amount, line.units) for line, amount in zip(targets, amounts, strict=True)]


def percent_off(rate: Decimal, line: Line) -> list[Decimal]:
    off = (rate * line.left).quantize(KOPECK, ROUND_HALF_UP)
    return [min(part, unit - KOPECK) for part, unit in zip(split(off, line.units), line.units, strict=True)]


def earn(rate: Decimal, targets: list[Line]) -> list[Decimal]:
    """Points of what is left to pay for each line."""
    bases = [line.left for line in targets]
    return split((rate * sum(bases)).quantize(KOPECK, ROUND_DOWN), bases)


def split(total: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """Largest remainder (semantics §6.1.5): a kopeck each to the larger fraction, the larger weight, the first."""
    if len(weights) == 1:
        return [total]
    step = sum(weights) * KOPECK
    found = [divmod(total * weight, step) for weight in weights]
    left = int(total * 100 - sum(kopecks for kopecks, _ in found))
    parts = [kopecks * KOPECK for kopecks, _ in found]
    if left:
        ranks = zip((rest for _, rest in found), weights, range(0, -len(parts), -1), strict=True)
        for _, _, place in sorted(ranks, reverse=True)[:left]:
            parts[-place] += KOPECK
    return parts
