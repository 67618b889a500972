"""Stages 1–7: which rules take something, and in what order (semantics §6.2, §6.11.7–10, §6.11.21).

Decides group modes, exclusivity and verdicts. Every amount is fixed once, at the rule's turn.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .application import FULL, take_rule, why_nothing, within_maxima
from .board import Amounts, Board, Slot, split
from .conditions import Answer, Situation, read_condition
from .documents import Group, Promotion, Rule
from .goods import PLAIN_FLOOR, Line, read_product_set
from .limits import Counters
from .mechanics import NOTHING, Restraints, Taking, Workbench, measure, percent_of
from .multipliers import UNCHANGED, Multiplied, Multipliers, ask
from .nudges import Nudges
from .optimal import COMBINATIONS_MAX, WORK_MAX, at_most, combinations_of, formed, rivals, wanted_units

WITHOUT_MAXIMA = Restraints(maxima=False)
# The cashier's discount stands as a rule of nobody's: everything that shuts others shuts it too.
CASHIER = Rule("", 0, "line", read_product_set(None))
NOBODYS = Promotion(
    "", 0, "external", read_condition(None), PLAIN_FLOOR, (CASHIER,), (), (), None, False, {}, {}, Multipliers()
)


@dataclass
class Applied:
    """What one rule took, as later stages may still cut it. `kind` is promotion, external or manual."""

    promotion_id: str
    reward_no: int
    kind: str
    stage: str
    amounts: Amounts
    marked: set[Slot] = field(default_factory=set)
    qualifying: set[Slot] = field(default_factory=set)
    cut: int = 0
    capped: int = 0
    is_set: bool = False

    @property
    def total(self) -> int:
        return sum(self.amounts.values())


@dataclass
class Ledger:
    """What was decided, in order: everything applied, and one verdict per rule looked at."""

    applied: list[Applied] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    unplaced: dict[int, int] = field(default_factory=dict)
    # An OPTIMAL group had too many combinations.
    not_searched: bool = False

    def judge(
        self, rule: Rule, answer: Answer, verdict: str, tried: int, by: str = "", applied: Applied | None = None,
        multiplied: Multiplied = UNCHANGED, targets: Iterable[Line] = (),
    ) -> None:  # fmt: skip
        """`amount_minor` is what was given, `tried_minor` what the rule alone would have given, `codes` held by."""
        self.verdicts.append(
            {
                "promotion_id": rule.promotion_id,
                "reward_no": rule.reward_no,
                "verdict": verdict,
                "amount_minor": applied.total if applied else 0,
                "tried_minor": tried,
                "cut_minor": applied.cut if applied else 0,
                "capped_minor": 0,
                "by_promotion_id": by,
                "codes": answer.codes,
                "multiplied": multiplied,
                "targets": list(targets),
                "condition": answer.path,
                "actual": answer.actual,
                "needed": answer.needed,
                "greedy": False,
                "applied": applied,
            }
        )

    def close(self) -> None:
        """After the caps: a rule cut to 0 counts as not applied (§6.11.20)."""
        for row in self.verdicts:
            applied = row.pop("applied")
            if applied is not None:
                row |= {"amount_minor": applied.total, "cut_minor": applied.cut, "capped_minor": applied.capped}
                if not applied.total:
                    row["verdict"] = "CAP"


@dataclass
class Trial:
    """A rule tried: what its condition said, what it takes, and the verdict if that is nothing."""

    rule: Rule
    answer: Answer
    taking: Taking
    nothing: str = ""
    by: str = ""
    multiplied: Multiplied = UNCHANGED


Tried = tuple[Promotion, list[Trial]]
Won = dict[tuple[str, int], Taking]


@dataclass
class Candidate:
    """One competitor of a group: a promotion, or all line winners together, whose ids `names` holds by rank."""

    rank: tuple[int, bytes]
    names: tuple[str, ...]
    won: Won

    @property
    def total(self) -> int:
        return sum(taking.total for taking in self.won.values())


@dataclass
class Stages:
    """The run of the discount stages over one receipt."""

    board: Board
    situation: Situation
    counters: Counters
    ledger: Ledger
    nudges: Nudges
    # Combinations × calc groups that OPTIMAL groups may still take.
    work_left: int = WORK_MAX

    def run(self, stage: str, groups: Iterable[Group]) -> None:
        """One stage, groups in their order."""
        self.board.begin_stage()
        for group in groups:
            if group.mode in ("CASCADE", "ADD"):
                self._all(group)
            elif group.mode == "OPTIMAL":
                self._optimal(group)
            else:
                self._one(group)

    def _all(self, group: Group) -> None:
        if group.mode == "ADD":
            self.board.entry = [list(calc_group.running) for calc_group in self.board.groups]
        for promotion in group.promotions:
            for rule in promotion.rules:
                trial = self.try_rule(rule, promotion)
                self._settle(promotion, trial, trial.taking, ())
        self.board.entry = None

    def _optimal(self, group: Group) -> None:
        """The combination of applications with the greatest total, or a cascade when there are too many (§6.11.14)."""
        alone = [self.try_alone(promotion)[0] for promotion in group.promotions]
        counts = [formed(trial.rule, trial.taking) for trial in alone]
        combinations = combinations_of(counts)
        work = combinations * len(self.board.groups)
        if combinations > COMBINATIONS_MAX or work > self.work_left:
            looked_at = len(self.ledger.verdicts)
            self._all(group)
            self.ledger.not_searched = True
            for row in self.ledger.verdicts[looked_at:]:
                row["greedy"] = True
            return
        self.work_left -= work
        wanted = [
            wanted_units(promotion, self.board, self.situation) if count else set()
            for promotion, count in zip(group.promotions, counts, strict=True)
        ]
        _, times = self._best_combination(group.promotions, counts)
        won: list[Trial] = []
        restore = self.board.snapshot()
        for promotion, count in zip(group.promotions, times, strict=True):
            won.append(self._at_most(promotion, count))
            self._book(promotion, won[-1].taking)
        restore()
        for place, (promotion, trial) in enumerate(zip(group.promotions, alone, strict=True)):
            given = won[place].taking
            applied = [other for other, one in enumerate(won) if one.taking.total]
            near = [other for other in applied if other in rivals(place, wanted)] or applied
            winners = tuple(group.promotions[other].promotion_id for other in near)
            if given.total:
                trial.answer = won[place].answer
            self._settle(promotion, trial, given, winners)
            row = self.ledger.verdicts[-1]
            if row["verdict"] == "BEATEN":
                row["margin_minor"] = sum(won[other].taking.total for other in near) - trial.taking.total

    def _best_combination(self, promotions: list[Promotion], counts: list[int]) -> tuple[int, tuple[int, ...]]:
        """All of them, the greatest combination first, so that an equal later one never wins.

        Who forms fewer applications than allowed does the same with any bound down to those: it is not tried again.
        """
        if not promotions:
            return 0, ()
        best: tuple[int, tuple[int, ...]] = (-1, ())
        count = counts[0]
        while count >= 0:
            restore = self.board.snapshot()
            taking = self._at_most(promotions[0], count).taking
            self._book(promotions[0], taking)
            total, times = self._best_combination(promotions[1:], counts[1:])
            restore()
            if taking.total + total > best[0]:
                best = taking.total + total, (count, *times)
            count = min(count, formed(promotions[0].rules[0], taking)) - 1
        return best

    def _at_most(self, promotion: Promotion, count: int) -> Trial:
        """A member at its turn with so many applications."""
        (rule,) = promotion.rules
        answer = promotion.condition(self.situation)
        if answer.failure is not None or not count:
            return Trial(rule, answer, NOTHING)
        taking = take_rule(at_most(rule, count), promotion, self.board, self.situation, self.counters)
        return Trial(rule, answer, taking)

    def try_rule(self, rule: Rule, promotion: Promotion, restraints: Restraints = FULL) -> Trial:
        answer = promotion.condition(self.situation)
        self.nudges.look(promotion, rule, answer, self.situation, self.board)
        multiplied = ask(promotion.multipliers, self.situation)
        if answer.failure is not None:
            return Trial(rule, answer, NOTHING, multiplied=multiplied)
        taking = take_rule(rule, promotion, self.board, self.situation, self.counters, restraints)
        if taking.total:
            return Trial(rule, answer, taking, multiplied=multiplied)
        why = why_nothing(rule, promotion, self.board, self.situation, self.counters)
        return Trial(rule, answer, taking, *why, multiplied)

    def try_alone(self, promotion: Promotion, restraints: Restraints = FULL) -> list[Trial]:
        """All rewards of a promotion from here on, one after another; the board is left as it was."""
        restore = self.board.snapshot()
        trials = []
        for rule in promotion.rules:
            trial = self.try_rule(rule, promotion, restraints)
            self._book(promotion, trial.taking)
            trials.append(trial)
        restore()
        return trials

    def _book(self, promotion: Promotion, taking: Taking) -> None:
        """What an application leaves on the board."""
        if not taking.total:
            return
        board, own = self.board, promotion.promotion_id
        marked = taking.marked()
        board.lower(taking.amounts)
        board.used |= taking.used()
        board.mark_discounted(marked, own)
        board.add_given(own, amount=taking.total, quantity=measure(marked, board))
        if promotion.exclusive is not None:
            board.shut(promotion.exclusive, marked, own)

    def _settle(self, promotion: Promotion, trial: Trial, won: Taking, winners: tuple[str, ...]) -> None:
        """Book what a rule won (perhaps nothing) and its verdict."""
        self._book(promotion, won)
        verdict, by, applied = "APPLIED", "", None
        if trial.answer.failure is not None:
            verdict = trial.answer.failure
        elif won.total:
            applied = Applied(
                trial.rule.promotion_id, trial.rule.reward_no, "promotion", promotion.stage, dict(won.amounts),
                won.marked(), won.qualifying(), won.cut, is_set=won.uses_up,
            )  # fmt: skip
            self.ledger.applied.append(applied)
        elif trial.taking.total:
            verdict, by = "BEATEN", other_than(promotion.promotion_id, winners)
        else:
            verdict, by = trial.nothing, trial.by
        targets = [self.board.groups[number].line for number, _ in trial.taking.targets()] if applied else []
        self.ledger.judge(trial.rule, trial.answer, verdict, trial.taking.total, by, applied, trial.multiplied, targets)

    def _one(self, group: Group) -> None:
        """BEST, FIRST, MIN: every candidate is tried alone from group entry, one wins."""
        tried: list[Tried] = []
        by_line: list[Tried] = []
        candidates: list[Candidate] = []
        for promotion in group.promotions:
            if group.mode == "BEST" and group.by_line and promotion.is_line_promotion(promotion.rules):
                tried.append((promotion, self.try_alone(promotion, WITHOUT_MAXIMA)))
                by_line.append(tried[-1])
                continue
            tried.append((promotion, self.try_alone(promotion)))
            won = {trial.rule.key: trial.taking for trial in tried[-1][1]}
            candidates.append(Candidate(promotion.rank, (promotion.promotion_id,), won))
            self.nudges.is_over |= group.mode == "FIRST" and candidates[-1].total > 0
        self.nudges.is_over = False
        if by_line:
            candidates.append(self._composite(by_line))
        winner = _choose(group.mode, candidates)
        for promotion, trials in tried:
            for trial in trials:
                won_taking = winner.won.get(trial.rule.key, NOTHING) if winner else NOTHING
                self._settle(promotion, trial, won_taking, winner.names if winner else ())

    def _composite(self, tried: list[Tried]) -> Candidate:
        """In each calc group the promotion that takes most wins; ranked by its best-ranked winner (§6.11.9)."""
        winners: dict[int, tuple[int, Promotion]] = {}
        for promotion, trials in tried:  # in order of rank, so an equal later one never displaces
            sums: dict[int, int] = {}
            for trial in trials:
                for (number, _), amount in trial.taking.amounts.items():
                    sums[number] = sums.get(number, 0) + amount
            for number, amount in sums.items():
                if amount > (winners[number][0] if number in winners else 0):
                    winners[number] = (amount, promotion)
        won: Won = {}
        restore = self.board.snapshot()
        for promotion, trials in tried:
            numbers = {number for number, (_, winner) in winners.items() if winner is promotion}
            for trial in trials:
                taking = within_maxima(trial.taking.within(numbers), promotion, self.board, self.counters)
                won[trial.rule.key] = taking
                self._book(promotion, taking)
                if taking.cut and not taking.total:
                    trial.taking, trial.nothing = taking, taking.cut_verdict
        restore()
        ranks = sorted({promotion.rank for _, promotion in winners.values()})
        return Candidate(ranks[0] if ranks else (0, b""), tuple(name.decode() for _, name in ranks), won)

    # Stage 7

    def till_discounts(self) -> None:
        """The till's own discounts as given up to the floors, then the cashier's (§6.11.21)."""
        self.board.begin_stage()
        for number, group in enumerate(self.board.groups):
            if group.line.external:
                self._external(number, sum(group.line.external))
        for number, group in enumerate(self.board.groups):
            if group.line.manual_ppm is not None or group.line.manual_amount is not None:
                self._manual(number)

    def _external(self, number: int, amount: int) -> None:
        board = self.board
        line = board.groups[number].line
        slots = [(number, place) for place in range(len(board.groups[number].units))] if line.is_discountable else []
        amounts = split(amount, slots, board.running, lambda slot: board.room(slot, PLAIN_FLOOR))
        self._give(amounts, "external")
        missing = amount - sum(amounts.values())
        if missing:
            self.ledger.unplaced[line.line_no] = self.ledger.unplaced.get(line.line_no, 0) + missing

    def _manual(self, number: int) -> None:
        """As a percent or amount-per-line rule, subject to exclusivity."""
        board = self.board
        group = board.groups[number]
        bench = Workbench(CASHIER, NOBODYS, board, self.situation, FULL, PLAIN_FLOOR, None)
        slots = [(number, place) for place in range(len(group.units))]
        slots = [slot for slot in slots if bench.is_target(slot)]
        if group.line.manual_ppm is not None:
            self._give(percent_of(slots, group.line.manual_ppm, bench), "manual")
        elif group.line.manual_amount is not None:
            self._give(split(group.line.manual_amount, slots, bench.price, bench.room), "manual")

    def _give(self, amounts: Amounts, kind: str) -> None:
        amounts = {slot: amount for slot, amount in amounts.items() if amount}
        if amounts:
            self.board.lower(amounts)
            last = self.ledger.applied[-1] if self.ledger.applied else None
            if kind == "manual" and last is not None and last.kind == kind:
                last.amounts |= amounts
            else:
                self.ledger.applied.append(Applied("", 0, kind, "external", amounts))


def other_than(promotion_id: str, winners: tuple[str, ...]) -> str:
    """Who beat a promotion: the best-ranked winner but itself, whose other rewards may have won."""
    return next(one for one in winners if one != promotion_id)


def _choose(mode: str, candidates: list[Candidate]) -> Candidate | None:
    """Who gives something wins, else what limits left of the line winners; ties go to the better rank."""
    giving = [candidate for candidate in candidates if candidate.total]
    if mode == "BEST":
        # The composite stands last.
        return min(giving or candidates[-1:], key=lambda candidate: (-candidate.total, candidate.rank))
    if mode == "FIRST":
        return min(giving, key=lambda candidate: candidate.rank, default=None)
    assert mode == "MIN", mode
    return min(giving, key=lambda candidate: (candidate.total, candidate.rank), default=None)
