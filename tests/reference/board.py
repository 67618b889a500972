"""The units of a receipt with everything earlier rules left on them (semantics §6.11.3, §6.11.10, §6.11.11).

Decides nothing by itself: it remembers running prices, exclusivity, used units and what promotions gave so far, and
splits amounts over units. A snapshot brings all of it back after a trial.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .goods import CalcGroup, FloorPolicy, Unit
from .numbers import largest_remainder

# The number of a calc group and the place of a unit in it.
Slot = tuple[int, int]
Amounts = dict[Slot, int]


@dataclass
class Given:
    """What a promotion gave on this receipt so far: money, measure of the units, points."""

    amount: int = 0
    quantity: int = 0
    points: int = 0


@dataclass(frozen=True)
class Exclusive:
    """What a promotion shuts: later promotions of the stage or of all stages, on its units or the whole receipt."""

    over_all: bool
    whole_receipt: bool


@dataclass
class Board:
    """Marks on units are the promotion that put them there."""

    groups: list[CalcGroup]
    # Prices at group entry, while an ADD group is worked through.
    entry: list[list[int]] | None = None
    used: set[Slot] = field(default_factory=set)
    shut_in_stage: dict[Slot | None, str] = field(default_factory=dict)
    shut_for_good: dict[Slot | None, str] = field(default_factory=dict)
    discounted: dict[Slot, frozenset[str]] = field(default_factory=dict)
    given: dict[str, Given] = field(default_factory=dict)

    def begin_stage(self) -> None:
        for group in self.groups:
            group.stage_entry = list(group.running)
        self.used = set()
        self.shut_in_stage = {}

    def unit(self, slot: Slot) -> Unit:
        return self.groups[slot[0]].units[slot[1]]

    def running(self, slot: Slot) -> int:
        return self.groups[slot[0]].running[slot[1]]

    def price(self, slot: Slot) -> int:
        """What a mechanic counts on: running, in an ADD group the price at group entry (§6.11.7)."""
        return self.running(slot) if self.entry is None else self.entry[slot[0]][slot[1]]

    def room(self, slot: Slot, floor: FloorPolicy) -> int:
        """What may still be taken from a unit."""
        return self.groups[slot[0]].cap(floor, slot[1])

    def slots(self) -> list[Slot]:
        return [(number, place) for number, group in enumerate(self.groups) for place in range(len(group.units))]

    def dearest_first(self, slots: Iterable[Slot]) -> list[Slot]:
        """Ladder order: price descending, group number, unit number."""
        return sorted(slots, key=lambda slot: (-self.price(slot), slot))

    def shut_by(self, slot: Slot, promotion_id: str) -> str | None:
        """The other promotion that keeps this one from a unit, if any."""
        if not self.shut_in_stage and not self.shut_for_good:
            return None
        for key in (slot, None):  # a unit by itself was shut before the receipt was
            for shut in (self.shut_in_stage, self.shut_for_good):
                if shut.get(key, promotion_id) != promotion_id:
                    return shut[key]
        return None

    def shut(self, exclusive: Exclusive, slots: Iterable[Slot], promotion_id: str) -> None:
        """The first to shut a unit is remembered."""
        shut = self.shut_for_good if exclusive.over_all else self.shut_in_stage
        for key in [None] if exclusive.whole_receipt else slots:
            shut.setdefault(key, promotion_id)

    def mark_discounted(self, slots: Iterable[Slot], promotion_id: str) -> None:
        for slot in slots:
            self.discounted[slot] = self.discounted.get(slot, frozenset()) | {promotion_id}

    def lower(self, amounts: Amounts) -> None:
        """Take amounts off the running prices; negative ones put back."""
        for number in {number for number, _ in amounts}:
            # A new list: a snapshot may hold the old one.
            self.groups[number].running = list(self.groups[number].running)
        for (number, place), amount in amounts.items():
            self.groups[number].running[place] -= amount

    def given_by(self, promotion_id: str) -> Given:
        return self.given.get(promotion_id, Given())

    def add_given(self, promotion_id: str, amount: int = 0, quantity: int = 0, points: int = 0) -> None:
        old = self.given_by(promotion_id)
        self.given[promotion_id] = Given(old.amount + amount, old.quantity + quantity, old.points + points)

    def snapshot(self) -> Callable[[], None]:
        """A function that brings the board back to what it is now."""
        running = [group.running for group in self.groups]
        used, given, discounted = set(self.used), dict(self.given), dict(self.discounted)
        in_stage, for_good = dict(self.shut_in_stage), dict(self.shut_for_good)

        def restore() -> None:
            for group, prices in zip(self.groups, running, strict=True):
                group.running = prices
            self.used, self.given, self.discounted = used, given, discounted
            self.shut_in_stage, self.shut_for_good = in_stage, for_good

        return restore


def split(
    total: int, slots: Iterable[Slot], weight: Callable[[Slot], int], cap: Callable[[Slot], int] | None = None
) -> Amounts:  # fmt: skip
    """LR on two levels: over calc groups by their sums, then over the units of each (§6.11.3)."""
    members = list(by_group_of(slots).values())
    weights = [sum(weight(slot) for slot in group) for group in members]
    # A unit of weight 0 gets nothing, so its cap is no room of the group.
    caps = None if cap is None else [sum(cap(slot) for slot in group if weight(slot)) for group in members]
    amounts: Amounts = {}
    for group, share in zip(members, largest_remainder(total, weights, caps), strict=True):
        unit_caps = None if cap is None else [cap(slot) for slot in group]
        unit_shares = largest_remainder(share, [weight(slot) for slot in group], unit_caps)
        amounts.update((slot, amount) for slot, amount in zip(group, unit_shares, strict=True) if amount)
    return amounts


def by_group_of(slots: Iterable[Slot]) -> dict[int, list[Slot]]:
    """Slots by the number of their calc group, all in order."""
    groups: dict[int, list[Slot]] = {}
    for slot in sorted(slots):
        groups.setdefault(slot[0], []).append(slot)
    return groups
