"""Nudges: what little is missing, told before anybody pays (promotion-document «Rewards»).

Decides which promotions nudge, and in what order. Looks at each where it has its turn; changes nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from .board import Board
from .conditions import Answer, Missing, Situation, base_sum
from .documents import Promotion, Rule
from .limits import Counters, is_barred
from .messages import money, render

NUDGES_MAX = 3


@dataclass
class Nudges:
    """What each promotion with a text for it misses, by its id."""

    counters: Counters
    found: dict[str, tuple[Missing, Promotion]] = field(default_factory=dict)
    # Somebody of a FIRST group gave: nobody after it is nudged.
    is_over: bool = False

    def look(
        self, promotion: Promotion, rule: Rule | None, answer: Answer, situation: Situation, board: Board
    ) -> None:  # fmt: skip
        """A rule at its turn, or a promotion of stage message; of several rewards the nearest is told."""
        if self.is_over or "nudge" not in promotion.messages or self._is_used_up(promotion, board):
            return
        if not _finds_goods(promotion, situation):
            return
        missing = answer.missing if answer.failure is not None else _to_next_step(rule, situation)
        if missing is not None:
            nearest, _ = self.found.get(promotion.promotion_id, (missing, promotion))
            self.found[promotion.promotion_id] = min(nearest, missing), promotion

    def _is_used_up(self, promotion: Promotion, board: Board) -> bool:
        """A limit leaves nothing."""
        if is_barred(promotion.limits, self.counters, board):
            return True
        return any(not self.counters.left(limit, board) for limit in promotion.limits if limit.measure != "times")

    def told(self) -> list[dict[str, Any]]:
        """The three nearest, a row for each language."""
        nearest = sorted(self.found.values(), key=lambda pair: (pair[0], pair[1].rank))[:NUDGES_MAX]
        return [
            {
                "promotion_id": promotion.promotion_id,
                "distance_minor": 0 if missing.is_quantity else missing.distance,
                "distance_milli": missing.distance if missing.is_quantity else 0,
                "language": language,
                "text": render(text, _values(promotion, language, missing)),
            }
            for missing, promotion in nearest
            for language, text in promotion.messages["nudge"].items()
        ]


def _finds_goods(promotion: Promotion, situation: Situation) -> bool:
    """Has one of its rewards goods in the receipt: of a bundle every part, of buy_get both sides."""
    lines = [unit.line for group in situation.groups for unit in group.units if not unit.line.is_neutral]

    def finds(rule: Rule) -> bool:
        sets = [part.goods for part in rule.parts] or [rule.goods]
        return all(any(map(goods, lines)) for goods in sets)

    return not promotion.rules or any(map(finds, promotion.rules))


def _to_next_step(rule: Rule | None, situation: Situation) -> Missing | None:
    if rule is None or rule.tiers is None:
        return None
    base = base_sum(situation.groups, rule.tiers.base, rule.tiers.over)
    step = rule.tiers.next_from(base)
    return None if step is None or not base else Missing(False, step - base)


def _values(promotion: Promotion, language: str, missing: Missing) -> dict[str, str]:
    written = quantity_text(missing.distance) if missing.is_quantity else money(missing.distance)
    return {"promotion": promotion.titled(language), "distance": written}


def quantity_text(milli: int) -> str:
    """Thousandths, whole ones without digits after the point."""
    return f"{milli // 1000}.{milli % 1000:03d}" if milli % 1000 else str(milli // 1000)
