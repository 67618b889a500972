"""Stages 1–7: what each rule takes from each unit (semantics §6.2, §6.4, §6.11.5–9, §6.11.21).

Decides discounts and their order. Every amount is fixed here once, at the rule's turn, under the floors of the rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .conditions import Answer, Situation
from .documents import Group, Promotion, Rule
from .goods import NO_FLOOR, PLAIN_FLOOR, CalcGroup, FloorPolicy
from .numbers import MILLION, largest_remainder, per_measure, round_half_up

# Kopecks per unit of a calc group, by the group's number.
Award = dict[int, list[int]]


def award_total(award: Award) -> int:
    return sum(sum(amounts) for amounts in award.values())


@dataclass
class Ledger:
    """What was decided, in order: discount rows of lines and one verdict per rule looked at."""

    rows: dict[int, list[dict[str, Any]]]
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    unplaced: dict[int, int] = field(default_factory=dict)

    def judge(self, rule: Rule, verdict: str, amount: int, tried: int, codes: frozenset[str]) -> None:
        """`amount_minor` is what was given, `tried_minor` what the rule alone would have given, `codes` held by."""
        self.verdicts.append(
            {
                "promotion_id": rule.promotion_id,
                "reward_no": rule.reward_no,
                "verdict": verdict,
                "amount_minor": amount,
                "tried_minor": tried,
                "codes": codes,
            }
        )


def reward_award(rule: Rule, floor: FloorPolicy, groups: list[CalcGroup]) -> Award:
    """What a rule takes at the running prices; units of running 0 have weight 0 and so get nothing."""
    targets = {
        number: group
        for number, group in enumerate(groups)
        if group.line.is_discountable and rule.goods(group.line)
    }  # fmt: skip
    if rule.kind == "receipt":
        return _receipt_amount(rule.value, floor, targets)
    if rule.kind == "percent":
        return {number: percent_off(rule.ppm, floor, group) for number, group in targets.items()}
    if rule.kind == "line":
        return {number: amount_off(rule.value, floor, group) for number, group in targets.items()}
    assert rule.kind == "unit", rule.kind
    return {
        number: [
            min(per_measure(rule.value, unit.qty), cap)
            for unit, cap in zip(group.units, group.caps(floor), strict=True)
        ]
        for number, group in targets.items()
    }


def percent_off(ppm: int, floor: FloorPolicy, group: CalcGroup) -> list[int]:
    """Rounded once per calc group, shared without caps; what a floor refuses is lost (§6.11.6)."""
    amount = round_half_up(ppm * sum(group.running), MILLION)
    shares = largest_remainder(amount, group.running)
    return [min(share, cap) for share, cap in zip(shares, group.caps(floor), strict=True)]


def amount_off(amount: int, floor: FloorPolicy, group: CalcGroup) -> list[int]:
    """An amount of one calc group, redistributed over its units within their floors."""
    return largest_remainder(amount, group.running, group.caps(floor))


def _receipt_amount(amount: int, floor: FloorPolicy, targets: dict[int, CalcGroup]) -> Award:
    """Two levels: over groups, then in each group over its units (§6.11.3)."""
    weights = [sum(group.running) for group in targets.values()]
    caps = [sum(group.caps(floor)) for group in targets.values()]
    shares = largest_remainder(amount, weights, caps)
    return {
        number: amount_off(share, floor, group)
        for (number, group), share in zip(targets.items(), shares, strict=True)
        if share
    }


@dataclass
class Trial:
    """A rule tried: what its condition said, what it takes, and whether floors refused all there was to take."""

    rule: Rule
    answer: Answer
    award: Award
    is_refused: bool


Tried = tuple[Promotion, list[Trial]]


def take(award: Award, groups: list[CalcGroup]) -> None:
    """Lower the running prices by an award."""
    for number, amounts in award.items():
        group = groups[number]
        group.running = [left - amount for left, amount in zip(group.running, amounts, strict=True)]


def try_rule(rule: Rule, promotion: Promotion, situation: Situation) -> Trial:
    answer = promotion.condition(situation)
    if answer.failure is not None:
        return Trial(rule, answer, {}, False)
    award = reward_award(rule, promotion.floor, situation.groups)
    is_refused = not award_total(award) and award_total(reward_award(rule, NO_FLOOR, situation.groups)) > 0
    return Trial(rule, answer, award, is_refused)


def try_alone(promotion: Promotion, situation: Situation) -> list[Trial]:
    """All rewards of a promotion from here on, one after another; the running prices are left as they were."""
    before = [group.running for group in situation.groups]
    trials = []
    for rule in promotion.rules:
        trial = try_rule(rule, promotion, situation)
        take(trial.award, situation.groups)
        trials.append(trial)
    for group, running in zip(situation.groups, before, strict=True):
        group.running = running
    return trials


def run_stage(stage: Iterable[Group], situation: Situation, ledger: Ledger) -> None:
    """One stage of discounts, groups in their order."""
    for group in situation.groups:
        group.stage_entry = list(group.running)
    for rule_group in stage:
        if rule_group.mode == "BEST":
            _run_best(rule_group, situation, ledger)
            continue
        for promotion in rule_group.promotions:
            for rule in promotion.rules:
                trial = try_rule(rule, promotion, situation)
                _settle(trial, trial.award, situation, ledger)


def _settle(trial: Trial, won: Award, situation: Situation, ledger: Ledger) -> None:
    """Book what a rule won (perhaps nothing) and its verdict."""
    amount, tried = award_total(won), award_total(trial.award)
    take(won, situation.groups)
    record(ledger, situation.groups, won, trial.rule.promotion_id, trial.rule.reward_no, "promotion")
    nothing = "FLOOR" if trial.is_refused else "ZERO"
    verdict = trial.answer.failure or ("APPLIED" if amount else "BEATEN" if tried else nothing)
    ledger.judge(trial.rule, verdict, amount, tried, trial.answer.codes)


def record(ledger: Ledger, groups: list[CalcGroup], award: Award, promotion_id: str, reward_no: int, kind: str) -> None:
    """One discount row on every line an award touches."""
    by_line: dict[int, int] = {}
    for number, amounts in award.items():
        for unit, amount in zip(groups[number].units, amounts, strict=True):
            by_line[unit.line.line_no] = by_line.get(unit.line.line_no, 0) + amount
    for line_no, amount in by_line.items():
        if amount:
            ledger.rows[line_no].append(
                {"promotion_id": promotion_id, "reward_no": reward_no, "amount_minor": amount, "kind": kind}
            )


@dataclass
class Candidate:
    """One competitor of a BEST group: a promotion, or all line winners together."""

    rank: tuple[int, bytes]
    awards: dict[tuple[str, int], Award]

    @property
    def total(self) -> int:
        return sum(award_total(award) for award in self.awards.values())


def _run_best(rule_group: Group, situation: Situation, ledger: Ledger) -> None:
    tried = [(promotion, try_alone(promotion, situation)) for promotion in rule_group.promotions]
    by_line: list[Tried] = []
    whole: list[Tried] = []
    for promotion, trials in tried:
        is_line_promotion = rule_group.by_line and all(rule.is_line_rule for rule in promotion.rules)
        (by_line if is_line_promotion else whole).append((promotion, trials))
    candidates = [
        Candidate(promotion.rank, {_rule_key(trial.rule): trial.award for trial in trials})
        for promotion, trials in whole
    ]
    if by_line:
        candidates.append(_composite(by_line))
    winner = min(candidates, key=lambda candidate: (-candidate.total, candidate.rank))
    for _, trials in tried:
        for trial in trials:
            _settle(trial, winner.awards.get(_rule_key(trial.rule), {}), situation, ledger)


def _rule_key(rule: Rule) -> tuple[str, int]:
    return rule.promotion_id, rule.reward_no


def _composite(tried: list[Tried]) -> Candidate:
    """In each calc group the promotion that takes most wins; ranked by its best-ranked winner (§6.11.9)."""
    winners: dict[int, tuple[int, Promotion, list[Trial]]] = {}
    for promotion, trials in tried:  # in order of rank, so an equal later one never displaces
        sums: dict[int, int] = {}
        for trial in trials:
            for number, amounts in trial.award.items():
                sums[number] = sums.get(number, 0) + sum(amounts)
        for number, amount in sums.items():
            if amount > (winners[number][0] if number in winners else 0):
                winners[number] = (amount, promotion, trials)
    awards: dict[tuple[str, int], Award] = {}
    for number, (_, _, trials) in winners.items():
        for trial in trials:
            if number in trial.award:
                awards.setdefault(_rule_key(trial.rule), {})[number] = trial.award[number]
    rank = min((promotion.rank for _, promotion, _ in winners.values()), default=(0, b""))
    return Candidate(rank, awards)


def run_till_discounts(situation: Situation, ledger: Ledger) -> None:
    """Stage 7: the till's own discounts as given up to the floors, then the cashier's (§6.11.21)."""
    numbered = list(enumerate(situation.groups))
    for number, group in numbered:
        wanted = group.line.external
        for amount in wanted:
            shares = amount_off(amount, PLAIN_FLOOR, group) if group.line.is_discountable else [0] * len(group.units)
            _give(number, shares, "external", situation, ledger)
            missing = amount - sum(shares)
            if missing:
                line_no = group.line.line_no
                ledger.unplaced[line_no] = ledger.unplaced.get(line_no, 0) + missing
    for number, group in numbered:
        line = group.line
        if not line.is_discountable:
            continue
        if line.manual_ppm is not None:
            _give(number, percent_off(line.manual_ppm, PLAIN_FLOOR, group), "manual", situation, ledger)
        elif line.manual_amount is not None:
            _give(number, amount_off(line.manual_amount, PLAIN_FLOOR, group), "manual", situation, ledger)


def _give(number: int, shares: list[int], kind: str, situation: Situation, ledger: Ledger) -> None:
    award = {number: shares}
    take(award, situation.groups)
    record(ledger, situation.groups, award, "", 0, kind)
