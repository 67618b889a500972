"""One application of a rule, step by step, and why it gave nothing (semantics §6.11.5, §6.9).

Decides quantities, floors and maxima around what a mechanic wants. Changes nothing.
"""

from dataclasses import replace

from .board import Board
from .conditions import Situation
from .documents import Promotion, Rule
from .goods import NO_FLOOR
from .limits import Counters, allowed, cut, is_barred, quantity_left
from .mechanics import NOTHING, Restraints, Taking, Workbench, item_reward
from .set_mechanics import SETS

FULL = Restraints()
# The first step after which nothing is left names the verdict of a rule that gives 0.
STEPS = (
    ("ZERO", Restraints(False, False, False, False)),
    ("EXCLUDED", Restraints(True, False, False, False)),
    ("LIMIT", Restraints(True, True, False, False)),
    ("FLOOR", Restraints(True, True, True, False)),
)


def take_rule(
    rule: Rule, promotion: Promotion, board: Board, situation: Situation, counters: Counters,
    restraints: Restraints = FULL,
) -> Taking:  # fmt: skip
    """What a rule whose conditions hold takes: targets, quantity, amounts, floors, maxima."""
    limits = promotion.limits
    if restraints.counts and is_barred(limits, counters, board):
        return NOTHING
    quantity = quantity_left(limits, counters, board) if restraints.counts else None
    floor = promotion.floor if restraints.floors else NO_FLOOR
    bench = Workbench(rule, promotion, board, situation, restraints, floor, quantity)
    taking = SETS[rule.kind](bench) if rule.kind in SETS else item_reward(bench)
    amounts = {slot: amount for slot, amount in taking.amounts.items() if amount}
    taking = replace(taking, amounts=amounts, uses_up=rule.kind in SETS)
    return within_maxima(taking, promotion, board, counters) if restraints.maxima else taking


def within_maxima(taking: Taking, promotion: Promotion, board: Board, counters: Counters) -> Taking:
    """Amount limits and budgets: the excess is taken away (§6.11.5f)."""
    granted, verdict = allowed(taking.total, "amount", promotion.limits, counters, board)
    excess = taking.total - granted
    if not excess:
        return taking
    return replace(taking, amounts=cut(taking.amounts, excess), cut=excess, cut_verdict=verdict)


def why_nothing(
    rule: Rule, promotion: Promotion, board: Board, situation: Situation, counters: Counters
) -> tuple[str, str]:  # fmt: skip
    """The verdict of a rule that gives 0, and who excluded it."""
    for verdict, restraints in STEPS:
        taking = take_rule(rule, promotion, board, situation, counters, restraints)
        if not taking.total:
            return verdict, _excluder(rule, promotion, board, situation, counters) if verdict == "EXCLUDED" else ""
    return take_rule(rule, promotion, board, situation, counters).cut_verdict, ""


def _excluder(
    rule: Rule, promotion: Promotion, board: Board, situation: Situation, counters: Counters
) -> str:  # fmt: skip
    """Who shut the first unit that would have been target or qualifier of something.

    What a progressive percent takes grows with its targets, so the shut ones may be all among those it gives nothing.
    """
    taking = take_rule(rule, promotion, board, situation, counters, STEPS[0][1])
    slots = sorted(taking.marked() | taking.qualifying()) + sorted(taking.targets())
    return next(one for slot in slots if (one := board.shut_by(slot, promotion.promotion_id)))
