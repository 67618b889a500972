"""Seeded random promotion documents for given goods: valid, and close to the figures they will meet."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .generator_conditions import ConditionAuthor, Document, money
from .goods import Line

STAGES = ("price", "item", "item", "item", "set", "receipt", "receipt", "coupon", "card")
RATES = ("10", "5", "3", "15", "50", "100", "33.3333", "0.5", "1.25", "0.0001", "10.00")


@dataclass(frozen=True)
class Team:
    """A named group: every member joins it in this way."""

    name: str
    stage: str
    mode: str
    scope: str | None
    priority: int | None


class Author(ConditionAuthor):
    """Writes whole promotions; a team's first member declares what the team is."""

    def __init__(self, rng: random.Random, lines: list[Line], wall: datetime, store: Document) -> None:
        super().__init__(rng, lines, wall, store)
        self.declared: set[str] = set()

    def discount(self) -> Document:
        rng = self.rng
        if rng.random() < 0.55:
            return {"percent": self.with_goods({"rate": rng.choice(RATES)}, 0.6)}
        total = max(1, sum(line.gross for line in self.lines))
        one = self.rng.choice(self.lines).price
        off = rng.choice((1, 2, 3, 10, 100, 1000, 10000, max(1, total // 10), total, max(1, one // 3), one))
        terms = self.with_goods({"off": money(off)}, 0.6)
        spread = rng.choice(("unit", "line", "receipt", None))
        if spread:
            terms["spread"] = spread
        return {"amount": terms}

    def points(self, scales: dict[str, int]) -> Document:
        rng = self.rng
        asset = rng.choice(("bonus", "bonus", "stars", "extra"))
        terms: Document = {"asset": asset}
        if rng.random() < 0.65:
            terms["percent"] = rng.choice(RATES)
        else:
            terms["fixed"] = rng.choice(("1", "7", "60", "80", "300") + (("0.5", "12.3") if scales[asset] else ()))
        if rng.random() < 0.2:
            terms["exclude_points_paid"] = rng.random() < 0.5
        if rng.random() < 0.2:
            terms["if_paid_with_points"] = rng.choice(("ACCRUE", "SKIP_RECEIPT"))
        if rng.random() < 0.2:
            terms["active_after"] = {"days": rng.randint(1, 30)}
        if rng.random() < 0.3:
            terms["expires"] = rng.choice(({"days": 180}, {"date": "2028-01-31"}, {"end_of_month": 2}))
        return {"points": self.with_goods(terms, 0.5)}

    def promotion(self, promotion_id: str, teams: list[Team], scales: dict[str, int]) -> Document:
        rng = self.rng
        stage = rng.choice(STAGES) if rng.random() < 0.7 else "accrual"
        document: Document = {"promotion": promotion_id}
        if teams and rng.random() < 0.6:
            team = rng.choice(teams)
            stage = team.stage
            document["group"] = self.membership(team)
        if stage != "accrual" or rng.random() < 0.5:
            document["stage"] = stage
        if rng.random() < 0.7:
            document["priority"] = rng.choice((10, 10, 20, 20, 100, 0, 1_000_000))
        if rng.random() < 0.65:
            document["when"] = self.when(stage)
        count = rng.choice((1, 1, 1, 1, 2, 3))
        points = stage == "accrual"
        document["reward"] = [self.points(scales) if points else self.discount() for _ in range(count)]
        if stage != "accrual":
            self.floors(document)
        return document

    def membership(self, team: Team) -> Any:
        """The first member says everything, later ones may leave things out."""
        full: Document = {"name": team.name, "mode": team.mode}
        if team.scope:
            full["scope"] = team.scope
        if team.priority is not None:
            full["priority"] = team.priority
        partial = {key: value for key, value in full.items() if key == "name" or self.rng.random() < 0.5}
        if team.name not in self.declared:
            self.declared.add(team.name)
            return full
        return self.rng.choice((full, partial, team.name))

    def when(self, stage: str) -> Document:
        parts = [self.condition(stage) for _ in range(self.rng.choice((1, 1, 2, 3)))]
        if stage == "coupon" and self.rng.random() < 0.7:
            parts[0] = {"coupon": {"code": self.code()}}
        short: Document = {}
        for part in parts:
            short.update(part)
        return short if len(short) == len(parts) or len(parts) == 1 else {"all": parts}

    def floors(self, document: Document) -> None:
        rng = self.rng
        if rng.random() < 0.2:
            document["allow_free"] = rng.random() < 0.8
        if rng.random() < 0.15:
            price = max(1, rng.choice(self.lines).price * rng.choice((5, 9, 10)) // 10)
            document["floor"] = rng.choice(({"price": money(price)}, {"percent": rng.choice(("50", "90", "33.3333"))}))
        if rng.random() < 0.15:
            document["cost_floor"] = True


def documents(rng: random.Random, lines: list[Line], wall: datetime, store: Document) -> list[Document]:
    """Assets and 0–25 promotions for these goods."""
    author = Author(rng, lines, wall, store)
    result, scales = _assets(rng)
    teams = [_team(rng, number) for number in range(rng.choice((0, 1, 1, 2, 3)))]
    count = rng.choice((0, 1, 2, 3, 4, 5, 6, 8, rng.randint(0, 12), rng.randint(0, 25)))
    names = rng.sample([f"{head}{number}" for head in ("p", "q-", "1.", "a_") for number in range(12)], count)
    return result + [author.promotion(name, teams, scales) for name in names]


def _assets(rng: random.Random) -> tuple[list[Document], dict[str, int]]:
    scales = {"bonus": 2, "stars": 0, "extra": 2}
    stars: Document = {"asset": "stars", "scale": 0}
    bonus: Document = {"asset": "bonus", "title": {"en": "Bonus"}}
    bonus |= rng.choice(({}, {"scale": 2}, {"scale": 2, "step": "1"}, {"step": "0.05"}))
    return [bonus, stars | ({"step": "5"} if rng.random() < 0.2 else {})], scales


def _team(rng: random.Random, number: int) -> Team:
    stage = rng.choice((*STAGES, "accrual", "accrual", "accrual"))
    mode = rng.choice(("BEST", "BEST", "BEST", "CASCADE"))
    scope = rng.choice(("RECEIPT", "LINE", "LINE", None))
    return Team(f"g{number}", stage, mode, scope, rng.choice((None, None, 10, 20)))
