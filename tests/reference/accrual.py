"""Stage 11: points (semantics §6.6, §6.11.25).

Decides points per rule, asset and line. Every rule is rounded down once; its base is what is left to pay for each
line, with or without what points paid.
"""

from dataclasses import dataclass, field
from typing import Any

from .board import Board
from .conditions import Answer, Situation, base_sum
from .discounts import other_than
from .documents import Asset, Group, Promotion, Rule
from .limits import Counters, allowed, is_barred
from .multipliers import UNCHANGED, Multiplied, ask
from .nudges import Nudges
from .numbers import MILLION, largest_remainder
from .redemption import Payments

# What one rule gives at most, in the smallest unit (§6.6).
POINTS_MAX = 10**12


@dataclass
class Bases:
    """What points are counted on: kopecks per line (line_no ascending) in every calc group."""

    by_group: list[dict[int, int]]

    def sums(self) -> list[int]:
        return [sum(lines.values()) for lines in self.by_group]


def bases_of(board: Board, payments: Payments, with_points_paid: bool) -> Bases:
    """What is left to pay; a no_accrual or neutral line has base 0."""
    by_group = []
    for number, group in enumerate(board.groups):
        lines: dict[int, int] = {}
        for place, unit in enumerate(group.units):
            base = group.running[place] + (payments.on((number, place)) if with_points_paid else 0)
            lines[unit.line.line_no] = lines.get(unit.line.line_no, 0) + (base if unit.line.accrues else 0)
        by_group.append(lines)
    return Bases(by_group)


@dataclass
class Points:
    """What was accrued: by line and asset, by rule and line, and one verdict per rule."""

    by_line: dict[int, dict[str, int]]
    lots: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def give(self, rule: Rule, points: int, weights: list[int], bases: Bases) -> None:
        """Spread a rule's points over calc groups (weights given), then over lines by base; they make one lot."""
        lot: dict[int, int] = {}
        for lines, share in zip(bases.by_group, largest_remainder(points, weights), strict=True):
            for line_no, part in zip(lines, largest_remainder(share, list(lines.values())), strict=True):
                if part:
                    assets = self.by_line[line_no]
                    assets[rule.asset] = assets.get(rule.asset, 0) + part
                    lot[line_no] = lot.get(line_no, 0) + part
        if lot:
            where = {"promotion_id": rule.promotion_id, "reward_no": rule.reward_no, "asset": rule.asset}
            self.lots.append({**where, "points": sum(lot.values()), "lines": lot})


@dataclass
class Trial:
    """A rule tried on the calc groups of its set: its points there, and the verdict if there are none."""

    promotion: Promotion
    rule: Rule
    answer: Answer
    bases: Bases
    weights: list[int]  # base × rate of each calc group; the bases for fixed points
    fixed: int  # points to give once per receipt
    points: int
    nothing: str = "ZERO"
    multiplied: Multiplied = UNCHANGED
    reached: tuple[bool, ...] = ()  # calc groups of the set with a base, whatever their rate


# Points, the weights they are spread by, and the verdict of a limit that lowered them.
Won = tuple[int, list[int], str]


@dataclass
class Candidate:
    rank: tuple[int, bytes]
    won: dict[int, Won]  # by the trial's place in the group
    names: tuple[str, ...] = ()  # the promotion, or who won a calc group by rank

    @property
    def total(self) -> int:
        return sum(points for points, _, _ in self.won.values())


@dataclass
class AccrualStage:
    """The run of stage 11; inside a group that chooses, every asset has its own winner."""

    board: Board
    situation: Situation
    counters: Counters
    assets: dict[str, Asset]
    payments: Payments
    points: Points
    nudges: Nudges

    def run(self, groups: list[Group]) -> None:
        self.board.begin_stage()
        for group in groups:
            places = [(promotion, rule) for promotion in group.promotions for rule in promotion.rules]
            if group.mode in ("CASCADE", "ADD"):
                for promotion, rule in places:
                    trial = self._try(promotion, rule)
                    self._settle(trial, self._granted(trial, trial.points, trial.weights), ())
                continue
            trials = [self._try(promotion, rule) for promotion, rule in places]
            won, winners = self._choose(group, trials)
            for trial, outcome in zip(trials, won, strict=True):
                self._settle(trial, outcome, winners[trial.rule.asset])

    def _asset(self, rule: Rule) -> Asset:
        return self.assets.get(rule.asset, Asset())

    def _granted(self, trial: Trial, points: int, weights: list[int]) -> Won:
        """What limits leave of it, again a multiple of the step."""
        granted, verdict = allowed(points, "points", trial.promotion.limits, self.counters, self.board)
        step = self._asset(trial.rule).step
        return granted // step * step if verdict else points, weights, verdict

    def _granted_in_turn(self, wanted: list[tuple[Trial, int, list[int]]]) -> list[Won]:
        """Rewards of one promotion, each seeing what limits leave after those before it."""
        restore = self.board.snapshot()
        result = []
        for trial, points, weights in wanted:
            result.append(self._granted(trial, points, weights))
            self.board.add_given(trial.rule.promotion_id, points=result[-1][0])
        restore()
        return result

    def _rule_points(self, rule: Rule, fixed: int, weights: list[int]) -> int:
        """Points in the smallest unit, rounded down to the asset's step on the rule's total."""
        weight = sum(weights)
        if not weight:
            return 0
        asset = self._asset(rule)
        # Kopecks × rate / 10⁶, a hundred kopecks making one whole point.
        by_rate = weight * 10**asset.scale // (MILLION * 100)
        points = min(fixed if rule.kind == "points_fixed" else by_rate, POINTS_MAX)
        return points // asset.step * asset.step

    def _try(self, promotion: Promotion, rule: Rule) -> Trial:
        answer = promotion.condition(self.situation)
        self.nudges.look(promotion, rule, answer, self.situation, self.board)
        bases = bases_of(self.board, self.payments, not rule.terms.get("exclude_points_paid", True))
        nowhere = [0] * len(self.board.groups)
        multiplied = ask(promotion.multipliers, self.situation)
        if answer.failure is not None:
            return Trial(promotion, rule, answer, bases, nowhere, 0, 0, multiplied=multiplied)
        number = rule.ppm or rule.value
        if rule.tiers is not None:
            number = rule.tiers.reached(base_sum(self.board.groups, rule.tiers.base, rule.tiers.over))
        skips = rule.terms.get("if_paid_with_points", "ACCRUE") == "SKIP_RECEIPT" and bool(self.payments.points)
        weights, fixed, reached = list(nowhere), 0, [False] * len(nowhere)
        for place, (group, base) in enumerate(zip(self.board.groups, bases.sums(), strict=True)):
            rate = multiplied.number(number, rule.kind, group.line)
            if rule.kind == "points_fixed":
                rate, fixed = 1, rate
            if rule.goods(group.line) and not skips:
                weights[place], reached[place] = base * rate, base > 0
        points = self._rule_points(rule, fixed, weights)
        if is_barred(promotion.limits, self.counters, self.board):
            nothing = "LIMIT" if points else "ZERO"
            return Trial(promotion, rule, answer, bases, nowhere, fixed, 0, nothing, multiplied)
        return Trial(
            promotion, rule, answer, bases, weights, fixed, points, multiplied=multiplied, reached=tuple(reached)
        )

    def _settle(self, trial: Trial, won: Won, winners: tuple[str, ...]) -> None:
        points, weights, cut_verdict = won
        rule = trial.rule
        self.points.give(rule, points, weights or trial.weights, trial.bases)
        self.board.add_given(rule.promotion_id, points=points)
        earning = [group.line for group, is_one in zip(self.board.groups, trial.reached, strict=False) if is_one]
        verdict, by = "APPLIED", ""
        if trial.answer.failure is not None:
            verdict = trial.answer.failure
        elif not points and cut_verdict:
            verdict = cut_verdict
        elif not points and trial.points:
            verdict, by = "BEATEN", other_than(rule.promotion_id, winners)
        elif not points:
            verdict = trial.nothing
        self.points.verdicts.append(
            {
                "promotion_id": rule.promotion_id,
                "reward_no": rule.reward_no,
                "verdict": verdict,
                "asset": rule.asset,
                "points": points,
                "tried_points": trial.points,
                "by_promotion_id": by,
                "codes": trial.answer.codes,
                "multiplied": trial.multiplied,
                "targets": earning if points else [],
                "condition": trial.answer.path,
                "actual": trial.answer.actual,
                "needed": trial.answer.needed,
            }
        )

    # Groups that choose

    def _choose(self, group: Group, trials: list[Trial]) -> tuple[list[Won], dict[str, tuple[str, ...]]]:
        """What every trial won and who won each asset."""
        result: list[Won] = [(0, [], "")] * len(trials)
        winners: dict[str, tuple[str, ...]] = {}
        for asset_id in dict.fromkeys(trial.rule.asset for trial in trials):
            by_promotion: dict[str, list[int]] = {}
            for place, trial in enumerate(trials):
                if trial.rule.asset == asset_id:
                    by_promotion.setdefault(trial.promotion.promotion_id, []).append(place)
            sides = list(by_promotion.values())
            if group.mode == "FIRST" and group.by_line:
                winner = self._in_turn(sides, trials)
            else:
                winner = self._winner(group, sides, trials)
            winners[asset_id] = winner.names
            for place, outcome in winner.won.items():
                result[place] = outcome
        return result, winners

    def _winner(self, group: Group, sides: list[list[int]], trials: list[Trial]) -> Candidate:
        """MAX: the candidate with most points; PRIORITY of a whole receipt: the first that gives any."""
        whole, by_line = [], []
        for places in sides:
            if group.by_line and self._is_line_side(places, trials):
                by_line.append(places)
            else:
                whole.append(self._whole(places, trials))
        if by_line:
            whole.append(self._composite(by_line, trials))
        if group.mode == "FIRST":
            return min(whole, key=lambda candidate: (not candidate.total, candidate.rank))
        # The line winners stand last: where limits leave nobody anything, it is they who won.
        giving = [candidate for candidate in whole if candidate.total] or (whole[-1:] if by_line else whole)
        return min(giving, key=lambda candidate: (-candidate.total, candidate.rank))

    def _is_line_side(self, places: list[int], trials: list[Trial]) -> bool:
        promotion = trials[places[0]].promotion
        return promotion.is_line_promotion(trials[place].rule for place in places)

    def _whole(self, places: list[int], trials: list[Trial]) -> Candidate:
        """A promotion with its limits: what they take away was never there to compete with."""
        promotion = trials[places[0]].promotion
        wanted = [(trials[place], trials[place].points, trials[place].weights) for place in places]
        granted = self._granted_in_turn(wanted)
        for place, (points, _, verdict) in zip(places, granted, strict=True):
            trials[place].points = points
            trials[place].nothing = verdict or trials[place].nothing
        return Candidate(promotion.rank, dict(zip(places, granted, strict=True)), (promotion.promotion_id,))

    def _composite(self, by_line: list[list[int]], trials: list[Trial]) -> Candidate:
        """Per calc group the greatest exact base × rate wins; the winners, each rounded down, stand together."""
        count = len(trials[0].weights)
        winner_of: list[list[int] | None] = [None] * count
        for number in range(count):
            highest = 0
            for places in by_line:  # in order of rank, so an equal later one never displaces
                exact_points = sum(trials[place].weights[number] for place in places)
                if exact_points > highest:
                    highest, winner_of[number] = exact_points, places
        won: dict[int, Won] = {}
        ranks, winners = [], []
        for places in by_line:
            mine = [winner is places for winner in winner_of]
            wanted = [self._on_part(trials[place], mine) for place in places]
            if any(mine):
                winners.append(trials[places[0]].promotion.promotion_id)
            if sum(points for _, points, _ in wanted):
                ranks.append(trials[places[0]].promotion.rank)
            granted = self._granted_in_turn(wanted)
            for place, (points, _, verdict) in zip(places, granted, strict=True):
                if verdict and not points:
                    trials[place].points, trials[place].nothing = 0, verdict
            won |= zip(places, granted, strict=True)
        return Candidate(min(ranks, default=(0, b"")), won, tuple(winners))

    def _on_part(self, trial: Trial, mine: list[bool]) -> tuple[Trial, int, list[int]]:
        """What a rule gives on some of the calc groups, rounded down by itself."""
        weights = [weight if is_mine else 0 for weight, is_mine in zip(trial.weights, mine, strict=True)]
        return trial, self._rule_points(trial.rule, trial.fixed, weights), weights

    def _in_turn(self, sides: list[list[int]], trials: list[Trial]) -> Candidate:
        """PRIORITY by line: each calc group belongs to the first promotion that gives > 0 there."""
        free = [True] * len(trials[0].weights)
        won: dict[int, Won] = {}
        winners: list[str] = []
        for places in sides:
            wanted = [self._on_part(trials[place], free) for place in places]
            granted = self._granted_in_turn(wanted)
            won |= zip(places, granted, strict=True)
            if sum(points for points, _, _ in granted):
                winners.append(trials[places[0]].promotion.promotion_id)
            for points, weights, _ in granted:
                free = [is_free and not (points and weight) for is_free, weight in zip(free, weights, strict=True)]
        return Candidate((0, b""), won, tuple(winners))
