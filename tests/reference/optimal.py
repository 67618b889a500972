"""OPTIMAL groups: who competes with whom, and rules applied at most so often (semantics §6.11.14, §6.9).

Decides nothing about amounts: the search itself is every combination, one after another, in `discounts`.
"""

from dataclasses import replace
from math import prod

from .board import Board, Slot
from .conditions import Situation
from .documents import Promotion, Rule
from .mechanics import Restraints, Taking, Workbench
from .set_mechanics import counted_targets

COMBINATIONS_MAX = 4096
# Combinations × calc groups that all OPTIMAL groups of a receipt may take together.
WORK_MAX = 1_048_576


def combinations_of(counts: list[int]) -> int:
    return prod(count + 1 for count in counts)


def at_most(rule: Rule, times: int) -> Rule:
    """The rule with at most so many applications, which is not above its own maximum."""
    return replace(rule, terms={**rule.terms, "max_applications": times})


def formed(rule: Rule, taking: Taking) -> int:
    """How many applications `max_applications` would count; all blocks of GLOBAL_CHEAPEST are one to a taking."""
    if rule.kind == "multi_buy":
        return sum(len(one.targets) for one in taking.applications) // int(rule.terms["take"])
    return len(taking.applications)


def wanted_units(promotion: Promotion, board: Board, situation: Situation) -> set[Slot]:
    """The units that may be target or qualifier of a member, as it finds them."""
    (rule,) = promotion.rules
    bench = Workbench(rule, promotion, board, situation, Restraints(), promotion.floor, None)
    if rule.kind == "multi_buy":
        return set(counted_targets(bench))
    wanted: set[Slot] = set()
    for number, part in enumerate(rule.parts):
        if rule.kind == "buy_get":
            is_target = number == 1
        else:
            is_target = part.is_target or rule.terms.get("allocate_to", "ALL") == "ALL"
        suits = bench.is_target if is_target else bench.is_qualifier
        wanted |= {slot for slot in bench.of(part.goods) if suits(slot)}
    return wanted


def rivals(place: int, wanted: list[set[Slot]]) -> set[int]:
    """Who competes for units with the member at a place, also by way of others; itself among them."""
    found = {place}
    units = set(wanted[place])
    while more := {other for other, mine in enumerate(wanted) if other not in found and mine & units}:
        found |= more
        units = units.union(*(wanted[other] for other in more))
    return found
