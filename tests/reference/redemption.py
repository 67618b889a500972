"""Stage 9: payment with points (semantics §6.5, §6.11.23; promotion-document «payment»).

Decides how many points pay for what, asset by asset. Never converts one asset into another.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .board import Amounts, Board, Slot, split
from .caps import Cap, areas, discounts_on, limit_of
from .conditions import Condition, Situation, read_condition
from .discounts import Ledger
from .documents import Asset
from .goods import PLAIN_FLOOR, ProductSet, as_list, read_product_set
from .numbers import MILLION, exact, largest_remainder, ppm_of_percent, whole


@dataclass(frozen=True)
class PaymentRule:
    """How an asset pays. `rate` is kopecks for one smallest unit, exact; points are in the smallest unit."""

    asset: str
    rate: Fraction
    step: int
    minimum: int
    line_ppm: int
    receipt_ppm: int
    maximum: int | None
    goods: ProductSet
    condition: Condition
    denied: frozenset[str]
    anonymous: bool


@dataclass
class Payments:
    """What was paid: kopecks by unit and points by asset, and what might have been."""

    amounts: dict[str, Amounts] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    max_redeem: list[dict[str, Any]] = field(default_factory=list)

    def on(self, slot: Slot) -> int:
        return sum(amounts.get(slot, 0) for amounts in self.amounts.values())


def read_payment_rules(documents: Iterable[dict[str, Any]], assets: dict[str, Asset]) -> list[PaymentRule]:
    """In (priority, id, place) order."""
    return [_payment_rule(row, assets) for document in documents for row in document.get("payment") or ()]


def _payment_rule(document: dict[str, Any], assets: dict[str, Asset]) -> PaymentRule:
    asset = assets.get(str(document["asset"]), Asset())
    unit = 10**asset.scale
    goods = dict(document.get("of") or {})
    if "except" in document:
        goods["except"] = [*as_list(goods.get("except", [])), *as_list(document["except"])]
    return PaymentRule(
        asset=str(document["asset"]),
        rate=exact(document.get("rate", "1.00")) * 100 / unit,
        step=whole(exact(document["step"]) * unit) if "step" in document else asset.step,
        minimum=whole(exact(document.get("min", 0)) * unit),
        line_ppm=ppm_of_percent(document.get("up_to_percent", 100)),
        receipt_ppm=ppm_of_percent(document.get("receipt_percent", 100)),
        maximum=whole(exact(document["max"]) * unit) if "max" in document else None,
        goods=read_product_set(goods),
        condition=read_condition(document.get("when")),
        denied=frozenset(name.upper() for name in document.get("deny_input") or ()),
        anonymous=document.get("anonymous") is True,
    )


@dataclass
class Cashdesk:
    """Stage 9 over one receipt."""

    board: Board
    situation: Situation
    ledger: Ledger
    caps: list[Cap]
    available: dict[str, int]
    input_method: str
    anonymous: bool
    payments: Payments = field(default_factory=Payments)
    entry: list[int] = field(default_factory=list)

    def run(self, rules: list[PaymentRule], requests: list[dict[str, Any]]) -> Payments:
        """The first rule of each asset whose condition holds; assets in the order of their rules."""
        self.entry = [sum(group.running) for group in self.board.groups]
        wishes = {row["asset"]: None if row.get("max") else row.get("requested_points", 0) for row in requests}
        chosen: dict[str, PaymentRule] = {}
        for rule in rules:
            if rule.asset not in chosen and rule.condition(self.situation).failure is None:
                chosen[rule.asset] = rule
        for rule in chosen.values():
            self._asset(rule, rule.asset in wishes, wishes.get(rule.asset))
        for asset in wishes:
            if asset not in chosen:
                self._tell(asset, 0, 0, "NO_PAYMENT_RULE")
        return self.payments

    def _asset(self, rule: PaymentRule, is_wished: bool, wish: int | None) -> None:
        line_max = self._line_maxima(rule)
        points, reason = self._most(rule, line_max)
        self._tell(rule.asset, points, int(points * rule.rate), reason)
        if not is_wished:
            return
        paid = points if wish is None else min(points, wish)
        paid = paid // rule.step * rule.step
        kopecks = int(paid * rule.rate)
        if paid < rule.minimum or not kopecks:
            return
        amounts = self._spread(kopecks, line_max)
        self.board.lower(amounts)
        self.payments.amounts[rule.asset] = amounts
        self.payments.points[rule.asset] = paid

    def _tell(self, asset: str, points: int, amount: int, reason: str) -> None:
        self.payments.max_redeem.append(
            {"asset": asset, "points": points, "amount_minor": amount, "limited_by": reason}
        )  # fmt: skip

    def _payable(self, rule: PaymentRule) -> list[int]:
        groups = enumerate(self.board.groups)
        return [
            number
            for number, group in groups
            if not group.line.flags & {"gift", "no_redeem"} and rule.goods(group.line)
        ]

    def _line_maxima(self, rule: PaymentRule) -> dict[int, int]:
        """Kopecks each calc group may be paid with, after the caps that count points."""
        maxima = {}
        for number in self._payable(rule):
            share = rule.line_ppm * self.entry[number] // MILLION
            maxima[number] = min(share, sum(self.board.groups[number].caps(PLAIN_FLOOR)))
        for cap in self.caps:
            for numbers in areas(cap, self.board) if cap.counts_points else []:
                self._lower(maxima, numbers, limit_of(cap, numbers, self.board))
        return maxima

    def _lower(self, maxima: dict[int, int], numbers: list[int], limit: int) -> None:
        """Discounts and points together stay within a cap's limit on its calc groups."""
        paid = sum(
            amount
            for amounts in self.payments.amounts.values()
            for (number, _), amount in amounts.items()
            if number in numbers
        )
        room = max(0, limit - discounts_on(numbers, self.ledger) - paid)
        mine = [number for number in numbers if number in maxima]
        if sum(maxima[number] for number in mine) > room:
            weights = [sum(self.board.groups[number].running) for number in mine]
            shares = largest_remainder(room, weights, [maxima[number] for number in mine])
            maxima.update(zip(mine, shares, strict=True))

    def _most(self, rule: PaymentRule, line_max: dict[int, int]) -> tuple[int, str]:
        """The most points that may pay, and what holds it down last."""
        of_goods = rule.receipt_ppm * sum(self.entry[number] for number in line_max) // MILLION
        share = min(sum(line_max.values()), of_goods)
        most, reason = int(share / rule.rate), "LIMITED_BY_SHARE"
        available = self.available.get(rule.asset, 0)
        if self.input_method in rule.denied or (self.anonymous and not rule.anonymous):
            return 0, "REDEMPTION_NOT_ALLOWED"
        if available < most:
            most, reason = available, "POINTS_SHORT"
        if rule.maximum is not None and rule.maximum < most:
            most, reason = rule.maximum, "LIMITED_BY_MAXIMUM"
        stepped = most // rule.step * rule.step
        if stepped < most:
            most, reason = stepped, "LIMITED_BY_STEP"
        if 0 < most < rule.minimum:
            return 0, "POINTS_BELOW_MINIMUM"
        return most, reason

    def _spread(self, kopecks: int, line_max: dict[int, int]) -> Amounts:
        """LR over calc groups within their maxima, then over the units of each within their floors."""
        numbers = list(line_max)
        weights = [sum(self.board.groups[number].running) for number in numbers]
        amounts: Amounts = {}
        for number, share in zip(numbers, largest_remainder(kopecks, weights, list(line_max.values())), strict=True):
            slots = [(number, place) for place in range(len(self.board.groups[number].units))]
            amounts |= split(share, slots, self.board.running, lambda slot: self.board.room(slot, PLAIN_FLOOR))
        return amounts
