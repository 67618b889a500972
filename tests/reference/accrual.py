"""Stage 11: points (semantics §6.6, §6.11.25), without points payment and multipliers.

Decides points per rule, asset and line. Bases are what is to pay for each line; every rule is rounded down once.
"""

from dataclasses import dataclass, field
from typing import Any

from .conditions import Answer, Situation
from .documents import Asset, Group, Promotion, Rule
from .goods import CalcGroup
from .numbers import MILLION, largest_remainder


@dataclass
class Bases:
    """What points are counted on: kopecks per line (line_no ascending) in every calc group."""

    by_group: list[dict[int, int]]

    def sums(self) -> list[int]:
        return [sum(lines.values()) for lines in self.by_group]


def bases_of(groups: list[CalcGroup]) -> Bases:
    """Running after stage 10; a no_accrual or neutral line has base 0."""
    by_group = []
    for group in groups:
        lines: dict[int, int] = {}
        for unit, running in zip(group.units, group.running, strict=True):
            base = running if unit.line.accrues else 0
            lines[unit.line.line_no] = lines.get(unit.line.line_no, 0) + base
        by_group.append(lines)
    return Bases(by_group)


@dataclass
class Points:
    """What was accrued: by line and asset, and one verdict per rule."""

    by_line: dict[int, dict[str, int]]
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def give(self, rule: Rule, points: int, shares: list[int], bases: Bases) -> None:
        """Spread a rule's points over calc groups (weights given), then over lines by base."""
        for lines, share in zip(bases.by_group, largest_remainder(points, shares), strict=True):
            for line_no, part in zip(lines, largest_remainder(share, list(lines.values())), strict=True):
                if part:
                    assets = self.by_line[line_no]
                    assets[rule.asset] = assets.get(rule.asset, 0) + part


@dataclass
class Trial:
    """A rule tried on the calc groups of its set: its points there."""

    promotion: Promotion
    rule: Rule
    answer: Answer
    weights: list[int]
    points: int


def rule_points(rule: Rule, asset: Asset, weights: list[int]) -> int:
    """Points in the smallest unit, rounded down to the asset's step on the rule's total."""
    base = sum(weights)
    if not base:
        return 0
    # Kopecks × rate / 10⁶, a hundred kopecks making one whole point.
    by_rate = base * rule.ppm * 10**asset.scale // (MILLION * 100)
    points = rule.value if rule.kind == "points_fixed" else by_rate
    return points // asset.step * asset.step


def run_accrual(stage: list[Group], situation: Situation, assets: dict[str, Asset], points: Points) -> None:
    """All accrual groups in their order; inside a BEST group every asset has its own winner."""
    for group in situation.groups:
        group.stage_entry = list(group.running)
    bases = bases_of(situation.groups)
    for rule_group in stage:
        trials = [
            _try(promotion, rule, situation, bases, assets)
            for promotion in rule_group.promotions
            for rule in promotion.rules
        ]
        won = [(trial.points, trial.weights) for trial in trials]
        if rule_group.mode == "BEST":
            won = _best(rule_group, trials, assets)
        for trial, (amount, weights) in zip(trials, won, strict=True):
            points.give(trial.rule, amount, weights, bases)
            verdict = trial.answer.failure or ("APPLIED" if amount else "BEATEN" if trial.points else "ZERO")
            points.verdicts.append(
                {
                    "promotion_id": trial.rule.promotion_id,
                    "reward_no": trial.rule.reward_no,
                    "verdict": verdict,
                    "asset": trial.rule.asset,
                    "points": amount,
                    "tried_points": trial.points,
                    "codes": trial.answer.codes,
                }
            )


def _try(
    promotion: Promotion, rule: Rule, situation: Situation, bases: Bases, assets: dict[str, Asset]
) -> Trial:  # fmt: skip
    answer = promotion.condition(situation)
    weights = [0] * len(situation.groups)
    if answer.failure is None:
        sums = zip(situation.groups, bases.sums(), strict=True)
        weights = [base if rule.goods(group.line) else 0 for group, base in sums]
    return Trial(promotion, rule, answer, weights, rule_points(rule, assets.get(rule.asset, Asset()), weights))


Won = tuple[int, list[int]]


@dataclass
class Candidate:
    rank: tuple[int, bytes]
    won: dict[int, Won]  # by the trial's place in the group

    @property
    def total(self) -> int:
        return sum(points for points, _ in self.won.values())


def _best(rule_group: Group, trials: list[Trial], assets: dict[str, Asset]) -> list[Won]:
    """MAX: for every asset the candidate with most points, ties by rank."""
    result: list[Won] = [(0, [])] * len(trials)
    for asset_id in {trial.rule.asset for trial in trials}:
        of_promotion: dict[str, list[int]] = {}
        for place, trial in enumerate(trials):
            if trial.rule.asset == asset_id:
                of_promotion.setdefault(trial.promotion.promotion_id, []).append(place)
        whole, by_line = [], []
        for places in of_promotion.values():
            if rule_group.by_line and all(trials[place].rule.is_line_rule for place in places):
                by_line.append(places)
            else:
                won = {place: (trials[place].points, trials[place].weights) for place in places}
                whole.append(Candidate(trials[places[0]].promotion.rank, won))
        if by_line:
            whole.append(_composite(by_line, trials, assets.get(asset_id, Asset())))
        winner = min(whole, key=lambda candidate: (-candidate.total, candidate.rank))
        for place, outcome in winner.won.items():
            result[place] = outcome
    return [(points, weights or trial.weights) for (points, weights), trial in zip(result, trials, strict=True)]


def _composite(by_line: list[list[int]], trials: list[Trial], asset: Asset) -> Candidate:
    """Per calc group the greatest exact base × rate wins; the winners, each rounded down, stand together."""
    count = len(trials[0].weights)
    winner_of: list[list[int] | None] = [None] * count
    for number in range(count):
        highest = 0
        for places in by_line:  # in order of rank, so an equal later one never displaces
            exact_points = sum(trials[place].weights[number] * trials[place].rule.ppm for place in places)
            if exact_points > highest:
                highest, winner_of[number] = exact_points, places
    won: dict[int, Won] = {}
    ranks = []
    for places in by_line:
        for place in places:
            weights = [
                weight if winner_of[number] is places else 0 for number, weight in enumerate(trials[place].weights)
            ]
            won[place] = (rule_points(trials[place].rule, asset, weights), weights)
        if sum(won[place][0] for place in places):
            ranks.append(trials[places[0]].promotion.rank)
    return Candidate(min(ranks, default=(0, b"")), won)
