"""What one rule takes from which units: targets and item rewards (semantics §6.4, §6.11.5–7).

Decides who is a target or a qualifier, and the amounts of percents, amounts off and fixed prices. Changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from .board import Amounts, Board, Slot, by_group_of, split
from .conditions import Situation, base_sum
from .documents import SET_KINDS, Promotion, Rule, Tiers
from .goods import FloorPolicy, ProductSet
from .multipliers import Multiplied, ask
from .numbers import MILLION, largest_remainder, per_measure, round_half_up


@dataclass(frozen=True)
class Restraints:
    """Which steps of §6.11.5 are taken. Leaving some out tells what stood in the way."""

    exclusions: bool = True
    counts: bool = True
    floors: bool = True
    maxima: bool = True


@dataclass(frozen=True)
class Application:
    """Targets that share one discount (of an item rule: those of one calc group), and qualifiers used up for it."""

    targets: tuple[Slot, ...]
    qualifiers: tuple[Slot, ...] = ()
    consumes_qualifiers: bool = True


@dataclass(frozen=True)
class Taking:
    """Amounts by unit and the applications they come from."""

    amounts: Amounts = field(default_factory=dict)
    applications: tuple[Application, ...] = ()
    # Only set rewards use units up.
    uses_up: bool = False
    cut: int = 0
    cut_verdict: str = ""

    @property
    def total(self) -> int:
        return sum(self.amounts.values())

    def giving(self) -> list[Application]:
        """The applications that gave > 0."""
        return [one for one in self.applications if any(self.amounts.get(slot) for slot in one.targets)]

    def marked(self) -> set[Slot]:
        """The targets of what gave > 0, also those whose share is 0 (§6.11.10)."""
        return {slot for one in self.giving() for slot in one.targets}

    def targets(self) -> set[Slot]:
        return {slot for one in self.applications for slot in one.targets}

    def qualifying(self) -> set[Slot]:
        return {slot for one in self.giving() for slot in one.qualifiers}

    def used(self) -> set[Slot]:
        if not self.uses_up:
            return set()
        consumed = {slot for one in self.giving() if one.consumes_qualifiers for slot in one.qualifiers}
        return self.marked() | consumed

    def within(self, numbers: set[int]) -> "Taking":
        """The part on some calc groups."""
        amounts = {slot: amount for slot, amount in self.amounts.items() if slot[0] in numbers}
        kept = tuple(one for one in self.applications if one.targets and one.targets[0][0] in numbers)
        return replace(self, amounts=amounts, applications=kept)


NOTHING = Taking()


@dataclass
class Workbench:
    """Everything one application of a rule looks at."""

    rule: Rule
    promotion: Promotion
    board: Board
    situation: Situation
    restraints: Restraints
    floor: FloorPolicy
    # Thousandths of quantity that may still get the discount.
    quantity: int | None

    def price(self, slot: Slot) -> int:
        return self.board.price(slot)

    def room(self, slot: Slot) -> int:
        return self.board.room(slot, self.floor)

    def number(self) -> int:
        """The rate or the amount: the reward's own, or that of the reached tier."""
        rule = self.rule
        if rule.tiers is None:
            return rule.ppm or rule.value
        return rule.tiers.reached(self.base(rule.tiers))

    @cached_property
    def multiplied(self) -> Multiplied:
        return ask(self.promotion.multipliers, self.situation)

    def number_on(self, number: int, group: int) -> int:
        """The multiplied rate of a calc group."""
        return self.multiplied.number(number, self.rule.kind, self.board.groups[group].line)

    def base(self, tiers: Tiers) -> int:
        """Kopecks of the sum that tiers look at, now."""
        return base_sum(self.situation.groups, tiers.base, tiers.over)

    def is_offered(self, slot: Slot) -> bool:
        """Not used up by an earlier set reward of the stage."""
        shares = self.rule.kind not in SET_KINDS or self.rule.terms.get("share_units", False)
        return bool(shares) or slot not in self.board.used

    def is_target(self, slot: Slot) -> bool:
        """By everything but the product set (§6.11.5b)."""
        board, own = self.board, self.promotion.promotion_id
        if not self.is_discountable(slot) or not board.running(slot) or not self.is_offered(slot):
            return False
        if self.promotion.skip_discounted and board.discounted.get(slot, frozenset()) - {own}:
            return False
        return not self.is_shut(slot)

    def is_shut(self, slot: Slot) -> bool:
        return self.restraints.exclusions and self.board.shut_by(slot, self.promotion.promotion_id) is not None

    def is_qualifier(self, slot: Slot) -> bool:
        return self.board.unit(slot).line.is_counted and self.is_offered(slot) and not self.is_shut(slot)

    def is_discountable(self, slot: Slot) -> bool:
        return self.board.groups[slot[0]].line.is_discountable

    def targets(self) -> list[Slot]:
        return [slot for slot in self.of(self.rule.goods) if self.is_target(slot)]

    def of(self, goods: ProductSet) -> list[Slot]:
        """Units of a product set, in order of groups and units."""
        groups = self.board.groups
        return [
            (number, place)
            for number, group in enumerate(groups)
            if goods(group.line)
            for place in range(len(group.units))
        ]

    def fitting(self, ordered: Iterable[Slot]) -> list[Slot]:
        """The first units the quantity is enough for; one that does not fit wholly is passed over (§6.11.19)."""
        left = self.quantity
        if left is None:
            return list(ordered)
        chosen = []
        for slot in ordered:
            if self.board.unit(slot).qty <= left:
                chosen.append(slot)
                left -= self.board.unit(slot).qty
        return chosen

    def fits(self, slots: Iterable[Slot], taken: int) -> bool:
        """Whether all these units fit beside what earlier applications took."""
        return self.quantity is None or taken + self.measure(slots) <= self.quantity

    def measure(self, slots: Iterable[Slot]) -> int:
        return measure(slots, self.board)


def measure(slots: Iterable[Slot], board: Board) -> int:
    """Thousandths of quantity: a piece is 1.000, anything else what it measures."""
    return sum(board.unit(slot).qty for slot in slots)


def item_reward(bench: Workbench) -> Taking:
    """Percent, amounts and fixed price: the quantity chooses units in ladder order."""
    kind, number = bench.rule.kind, bench.number()
    if not number:
        return NOTHING
    targets = bench.targets()
    if kind == "fixed_price":
        targets = [slot for slot in targets if bench.price(slot) > per_measure(number, bench.board.unit(slot).qty)]
    if bench.quantity is not None:
        targets = sorted(bench.fitting(bench.board.dearest_first(targets)))
    groups = by_group_of(targets)
    if kind == "percent":
        amounts = percent_of(targets, number, bench)
    elif kind == "receipt":
        amounts = split(number, targets, bench.price, bench.room)
    elif kind == "progressive":
        amounts = split(progressive(targets, bench), targets, bench.price, bench.room)
    elif kind == "line":
        amounts = {}
        for slots in groups.values():
            amounts |= split(number, slots, bench.price, bench.room)
    elif kind == "unit":
        amounts = {slot: amount_off(slot, number, bench) for slot in targets}
    else:
        assert kind == "fixed_price", kind
        amounts = {slot: down_to(slot, number, bench) for slot in targets}
    return Taking(amounts, tuple(Application(tuple(slots)) for slots in groups.values()))


def percent_of(targets: Iterable[Slot], ppm: int, bench: Workbench) -> Amounts:
    """Rounded once per calc group, shared without caps; what a floor refuses is lost (§6.11.6)."""
    amounts: Amounts = {}
    for slots in by_group_of(targets).values():
        prices = [bench.price(slot) for slot in slots]
        wanted = round_half_up(bench.number_on(ppm, slots[0][0]) * sum(prices), MILLION)
        for slot, share in zip(slots, largest_remainder(wanted, prices), strict=True):
            amounts[slot] = min(share, bench.room(slot))
    return amounts


def progressive(targets: Iterable[Slot], bench: Workbench) -> int:
    """Of what the whole base earns, the share of what the targets cost, rounded once (§6.11.18)."""
    tiers = bench.rule.tiers
    assert tiers is not None
    base = bench.base(tiers)
    if not base:
        return 0
    multiplied = replace(tiers, steps=tuple((start, bench.number_on(ppm, 0)) for start, ppm in tiers.steps))
    return round_half_up(multiplied.parts(base) * sum(map(bench.price, targets)), MILLION * base)


def amount_off(slot: Slot, amount: int, bench: Workbench) -> int:
    """An amount per 1.000 off one unit."""
    return min(per_measure(amount, bench.board.unit(slot).qty), bench.room(slot))


def down_to(slot: Slot, price: int, bench: Workbench) -> int:
    """What brings one unit to a price per 1.000; never raises."""
    target = per_measure(price, bench.board.unit(slot).qty)
    return min(max(0, bench.price(slot) - target), bench.room(slot))
