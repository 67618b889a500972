"""Seeded random promotion documents for given goods: valid, and close to the figures they will meet."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .generator_conditions import ConditionAuthor, Document, Probe, money

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

    def __init__(
        self, rng: random.Random, receipt: Document, wall: datetime, store: Document, balances: Document, probe: Probe
    ) -> None:
        super().__init__(rng, receipt, wall, store, balances, probe)
        self.declared: set[str] = set()

    def discount(self) -> Document:
        rng = self.rng
        if rng.random() < 0.55:
            return {"percent": self.with_goods({"rate": rng.choice(RATES)}, 0.5)}
        total = max(1, sum(line.gross for line in self.lines))
        one = self.rng.choice(self.lines).price
        off = rng.choice(
            (1, 2, 3, 10, 100, 1000, 10000, max(1, total // 10), total, max(1, total * 3 // 4), max(1, one // 3), one)
        )
        terms = self.with_goods({"off": money(off)}, 0.5)
        spread = rng.choice(("unit", "line", "receipt", None))
        if spread:
            terms["spread"] = spread
        return {"amount": terms}

    def points(self) -> Document:
        rng = self.rng
        asset = rng.choice(("bonus", "bonus", "stars", "extra"))
        terms: Document = {"asset": asset}
        if rng.random() < 0.65:
            terms["percent"] = rng.choice(RATES)
        else:
            terms["fixed"] = rng.choice(("1", "7", "60", "80", "300") + (("0.5", "12.3") if asset != "stars" else ()))
        if rng.random() < 0.2:
            terms["exclude_points_paid"] = rng.random() < 0.5
        if rng.random() < 0.2:
            terms["if_paid_with_points"] = rng.choice(("ACCRUE", "SKIP_RECEIPT"))
        if rng.random() < 0.2:
            terms["active_after"] = {"days": rng.randint(1, 30)}
        if rng.random() < 0.3:
            terms["expires"] = rng.choice(
                ({"days": 180}, {"date": "2028-01-31"}, {"end_of_month": 2}, {"end_of_year": 1})
            )
        return {"points": self.with_goods(terms, 0.5)}

    def promotion(self, promotion_id: str, teams: list[Team]) -> Document:
        rng = self.rng
        stage = rng.choice(STAGES) if rng.random() < 0.7 else "accrual"
        team = rng.choice(teams) if teams and rng.random() < 0.6 else None
        document = self.head(promotion_id, team.stage if team else stage, team)
        if rng.random() < 0.65:
            document["when"] = self.when(team.stage if team else stage)
        count = rng.choice((1, 1, 1, 1, 2, 3))
        points = (team.stage if team else stage) == "accrual"
        document["reward"] = [self.points() if points else self.discount() for _ in range(count)]
        if not points:
            self.floors(document)
        return document

    def head(self, promotion_id: str, stage: str, team: Team | None) -> Document:
        """Everything of a promotion that says where it stands."""
        document: Document = {"promotion": promotion_id}
        if team:
            document["group"] = self.membership(team)
        if stage != "accrual" or self.rng.random() < 0.5:
            document["stage"] = stage
        if self.rng.random() < 0.7:
            document["priority"] = self.rng.choice((10, 10, 20, 20, 100, 0, 1_000_000))
        return document

    def duel(self, names: list[str]) -> list[Document]:
        """A BEST group of rules of one line each, and a receipt-wide rival of just their total, or a step beside it."""
        rng = self.rng
        stage = rng.choice((*STAGES[:3], "receipt", "accrual", "accrual"))
        team = Team("duel", stage, "BEST", rng.choice(("LINE", "LINE", "LINE", "RECEIPT")), None)
        documents = []
        for name in names[1:]:
            document = self.head(name, stage, team)
            if rng.random() < 0.15:
                document["when"] = self.when(stage)
            rate = {"percent" if stage == "accrual" else "rate": rng.choice(RATES)}
            goods = {"of": {"sku": self.maybe_list([line.sku for line in self.lines])}} if rng.random() < 0.6 else {}
            if stage == "accrual":
                document["reward"] = [{"points": {"asset": "bonus", **rate, **goods}}]
            else:
                off = {"off": money(rng.choice((1, 5, 100, 1000))), "spread": rng.choice(("unit", "line"))}
                document["reward"] = [rng.choice(({"percent": {**rate, **goods}}, {"amount": {**off, **goods}}))]
            documents.append(document)
        document = self.head(names[0], stage, team)
        document["reward"] = [self.rival(stage, documents)]
        return [*documents, document]

    def rival(self, stage: str, documents: list[Document]) -> Document:
        totals = self.probe(documents)
        beside = self.rng.choice((0, 0, 0, 1, -1))
        if stage == "accrual":
            return {"points": {"asset": "bonus", "fixed": money(max(1, totals["accrual"].get("bonus", 0) + beside))}}
        return {"amount": {"off": money(max(1, totals["discount_minor"] + beside)), "spread": "receipt"}}

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


def documents(author: Author) -> list[Document]:
    """Assets and 0–25 promotions for the author's goods."""
    rng = author.rng
    teams = [_team(rng, number) for number in range(rng.choice((0, 1, 1, 2, 3)))]
    names = rng.sample([f"{head}{number}" for head in ("p", "q-", "1.", "a_") for number in range(12)], 25)
    result: list[Document] = []
    if rng.random() < 0.25:
        result += author.duel([names.pop() for _ in range(rng.randint(2, 5))])
        count = rng.choice((0, 0, 0, 1, 2, 4))
    else:
        count = rng.choice((0, 1, 2, 3, 4, 5, 6, 8, rng.randint(0, 12), rng.randint(0, 25)))
    for name in names[:count]:
        author.written = result
        result.append(author.promotion(name, teams))
    return [*assets(rng), *result]


def assets(rng: random.Random) -> list[Document]:
    """`bonus` keeps its two digits, `stars` has none, `extra` stays undeclared."""
    bonus: Document = {"asset": "bonus", "title": {"en": "Bonus"}}
    bonus |= rng.choice(({}, {"scale": 2}, {"scale": 2, "step": "1"}, {"step": "0.05"}))
    stars: Document = {"asset": "stars", "scale": 0}
    return [bonus, stars | ({"step": "5"} if rng.random() < 0.2 else {})]


def _team(rng: random.Random, number: int) -> Team:
    stage = rng.choice((*STAGES, "accrual", "accrual", "accrual"))
    mode = rng.choice(("BEST", "BEST", "BEST", "CASCADE"))
    scope = rng.choice(("RECEIPT", "LINE", "LINE", None))
    if mode == "CASCADE" and stage != "accrual" and scope == "LINE":
        scope = "RECEIPT"
    return Team(f"g{number}", stage, mode, scope, rng.choice((None, None, 10, 20)))
