"""Seeded random product sets and conditions for given goods: valid, and close to the figures they will meet."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .goods import as_list, read_line, read_product_set, units_of
from .numbers import MILLION
from .oracle import paid_by_type
from .wallclock import WEEKDAYS

CODES = ("SALE", "COMEBACK", "X1", "A-5")
CARD_TYPES = ("gold", "plastic")
SEGMENTS = ("lapsed", "vip", "new")
TIERS = ("platinum", "gold", "silver")  # the highest first
REGISTERS = ("r-1", "r-2")
CHANNELS = ("pos", "self_checkout", "web")
PAYMENTS = ("cash", "card", "fast_transfer", "gift_card", "credit", "other")
# Digits after the point of each asset the documents name.
SCALES = {"bonus": 2, "stars": 0, "extra": 2}
Document = dict[str, Any]
# The totals of the case with these documents.
Probe = Callable[[list[Document]], Document]


def tiers_of(segments: list[str]) -> list[str]:
    """The tier that goes with the first segment, and the lower ones."""
    return list(TIERS[SEGMENTS.index(segments[0]) :]) if segments else []


def with_tiers(terms: Document) -> Document:
    """In two of three cases the same choice, asked of tiers: without a draw, so that what seeds make stays."""
    asked = str(terms.get("segment", ""))
    named = sorted(SEGMENTS, key=asked.find)[-1] if asked else ""
    key = {"vip": "tier", "new": "tier_from"}.get(named)
    if key is None:
        return terms
    text = json.dumps(terms.pop("segment"))
    for segment, tier in zip(SEGMENTS, TIERS, strict=True):
        text = text.replace(segment, tier)
    return terms | {key: json.loads(text)}


def money(amount_minor: int) -> str:
    """Kopecks as decimal text."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def milli(quantity: int) -> str:
    return f"{quantity // 1000}.{quantity % 1000:03d}"


def decimal(figure: int, digits: int) -> str:
    """A figure in units of 10**-digits as decimal text."""
    return f"{figure // 10**digits}.{figure % 10**digits:0{digits}d}" if digits else str(figure)


class ConditionAuthor:
    """Writes conditions about the receipt, the store, the hour and the balances they will be tried on."""

    def __init__(
        self, rng: random.Random, receipt: Document, wall: datetime, store: Document, balances: Document, probe: Probe
    ) -> None:
        self.rng = rng
        self.receipt = receipt
        self.lines = [read_line(line) for line in receipt["lines"]]
        self.wall = wall
        self.store = store
        self.balances = balances
        self.probe = probe
        self.written: list[Document] = []

    def some(self, *makers: tuple[float, Callable[[], Any]]) -> Any:
        """The result of one of the makers, chosen by weight."""
        weights = [weight for weight, _ in makers]
        return self.rng.choices([maker for _, maker in makers], weights)[0]()

    def maybe_list(self, values: list[str]) -> Any:
        """One value, or a list of distinct ones."""
        rng = self.rng
        if rng.random() < 0.5:
            return rng.choice(values)
        distinct = list(dict.fromkeys(values))
        return rng.sample(distinct, rng.randint(1, min(3, len(distinct))))

    # Product sets

    def goods(self, depth: int = 0) -> Document:
        rng, lines = self.rng, self.lines
        attributes = {
            "sku": [line.sku for line in lines] + ["nothing"],
            "category": [line.category for line in lines if line.category] + ["bakery"],
            "brand": [line.brand for line in lines if line.brand] + ["acme"],
            "supplier": [line.supplier for line in lines if line.supplier] + ["north"],
        }
        result: Document = {}
        for key in rng.sample(sorted(attributes), rng.choice((0, 1, 1, 1, 2))):
            result[key] = self.maybe_list(attributes[key])
        if rng.random() < 0.15:
            prices = sorted(rng.choices([line.price for line in lines], k=2))
            ends = {"from": money(prices[0]), "to": money(prices[1])}
            result["unit_price"] = {key: ends[key] for key in rng.choice((("from",), ("to",), ("from", "to")))}
        if depth == 0 and rng.random() < 0.15:
            one, two = self.goods(1), self.goods(1)
            left_out = rng.choice((one or {"sku": "nothing"}, [one or {"brand": "best"}, two or {"sku": "x"}]))
            kept = [part for part in as_list(left_out) if not leaves_nothing(part, result)]
            if kept:
                result["except"] = kept if isinstance(left_out, list) else kept[0]
        return result

    def with_goods(self, terms: Document, rate: float) -> Document:
        if self.rng.random() < rate:
            terms["of"] = self.goods()
        return terms

    # Conditions

    def condition(self, stage: str, depth: int = 0) -> Document:
        nested = 0.0 if depth >= 2 else 1.2
        result: Document = self.some(
            (2, lambda: self.receipt_sum(stage)),
            (2, self.quantity),
            (1.5, self.schedule),
            (1, self.store_condition),
            (1.5, self.customer),
            (0.8, self.balance_condition),
            (0.8, self.payment_condition),
            (0.6, self.register_condition),
            (1.2 if depth == 0 else 0.2, lambda: {"coupon": {"code": self.code()}}),
            (nested, lambda: self.nested(stage, depth)),
        )
        return result

    def nested(self, stage: str, depth: int) -> Document:
        rng = self.rng
        key = rng.choice(("all", "any", "none"))
        if key == "any" and rng.random() < 0.3:
            return {"any": [{"coupon": {"code": code}} for code in rng.sample(CODES, 2)]}
        return {key: [self.condition(stage, depth + 1) for _ in range(rng.randint(1, 3))]}

    def code(self) -> str:
        code = self.rng.choice(CODES)
        return self.rng.choice((code, code, code.lower()))

    def bounds(self, figure: int, text: Callable[[int], str]) -> Document:
        """`from` and `below` at the figure or one step beside it."""
        low = max(1, figure + self.rng.choice((0, 0, 0, -1, 1, -10)))
        high = max(low + 1, figure + self.rng.choice((1, 1, 0, 100)))
        kind = self.rng.random()
        if kind < 0.65:
            return {"from": text(low)}
        return {"below": text(high)} if kind < 0.85 else {"from": text(low), "below": text(high)}

    def receipt_sum(self, stage: str) -> Document:
        rng = self.rng
        goods = self.goods() if rng.random() < 0.4 else None
        test = read_product_set(goods)
        total = sum(line.gross for line in self.lines if line.is_counted and test(line))
        bases = ("GROSS", "GROSS", "STAGE_ENTRY", "RUNNING", "RUNNING")
        base = rng.choice((*bases, "NET", "NET") if stage == "accrual" else bases)
        if base != "GROSS":
            total = rng.choice((total, total, total * 9 // 10, total * 95 // 100, total // 2))
            if goods is None and rng.random() < 0.7:
                total = self.probe(self.written)["to_pay_minor"]
        terms = self.bounds(total, money)
        if base != "GROSS" or rng.random() < 0.3:
            terms["base"] = base
        if goods is not None:
            terms["of"] = goods
        return {"receipt_sum": terms}

    def quantity(self) -> Document:
        goods = self.goods() if self.rng.random() < 0.6 else None
        test = read_product_set(goods)
        counted = [line for line in self.lines if line.is_counted and test(line)]
        if self.rng.random() < 0.3:
            terms = self.bounds(sum(line.qty for line in counted), milli)
            terms["count_by"] = "WEIGHT"
        else:
            terms = self.bounds(sum(len(units_of(line)) for line in counted), str)
            if self.rng.random() < 0.2:
                terms["count_by"] = "UNITS"
        if goods is not None:
            terms["of"] = goods
        return {"quantity": terms}

    def choice_of(self, mine: list[str], others: tuple[str, ...]) -> Any:
        """A value, a list, any_of or none_of, often about the value at hand."""
        values = [value for value in mine if value] * 2 + list(others)
        chosen = self.maybe_list(values)
        as_list = chosen if isinstance(chosen, list) else [chosen]
        return self.rng.choice((chosen, chosen, {"any_of": as_list}, {"none_of": as_list}))

    def store_condition(self) -> Document:
        others = {"region": ("msk", "spb"), "format": ("super", "mini"), "cluster": ("a", "b"), "id": ("s-1", "s-2")}
        keys = self.rng.sample(sorted(others), self.rng.choice((1, 1, 2)))
        mine = {key: [self.store["store_id" if key == "id" else key]] for key in keys}
        return {"store": {key: self.choice_of(mine[key], others[key]) for key in keys}}

    def customer(self) -> Document:
        rng = self.rng
        if rng.random() < 0.4:
            return {"customer": {"has_card": rng.random() < 0.8}}
        others = {"card_type": CARD_TYPES, "segment": SEGMENTS, "id": ("c-1", "c-2")}
        keys = rng.sample(sorted(others), rng.choice((1, 1, 2)))
        terms = with_tiers({key: self.choice_of([], others[key]) for key in keys})
        return {"customer": terms | ({"has_card": True} if rng.random() < 0.2 else {})}

    def balance_condition(self) -> Document:
        """Around what the customer may spend."""
        asset = self.rng.choice(sorted(SCALES))
        row = self.balances.get(asset, {})
        free = row.get("active", 0) - row.get("held", 0)
        return {"balance": {"asset": asset, **self.bounds(free, lambda points: decimal(points, SCALES[asset]))}}

    def payment_condition(self) -> Document:
        """By types of which some are in the receipt, from around their part of it."""
        rng = self.rng
        told = paid_by_type(self.receipt)
        types = self.maybe_list([*told, *told, rng.choice(PAYMENTS)])
        terms: Document = {"type": types}
        if rng.random() < 0.7:
            paid = sum(told.get(kind, 0) for kind in as_list(types))
            part = paid * MILLION // max(1, sum(told.values()))
            ppm = rng.choice((part, part, part + 1, part - 1, MILLION // 2, MILLION))
            terms["from_percent"] = decimal(min(MILLION, max(1, ppm)), 4)
        return {"payment": terms}

    def register_condition(self) -> Document:
        mine = {"id": [self.receipt["register_id"]], "channel": [self.receipt["sales_channel"]]}
        others = {"id": REGISTERS, "channel": CHANNELS}
        keys = self.rng.sample(sorted(others), self.rng.choice((1, 1, 2)))
        return {"register": {key: self.choice_of(mine[key], others[key]) for key in keys}}

    def schedule(self) -> Document:
        rng, wall = self.rng, self.wall
        terms: Document = {}
        if rng.random() < 0.7:
            windows = list(dict.fromkeys(self.window() for _ in range(rng.choice((1, 1, 2)))))
            terms["hours"] = windows[0] if len(windows) == 1 else windows
        if rng.random() < 0.35:
            days = {WEEKDAYS[(wall + timedelta(days=rng.choice((0, 0, -1, 1)))).weekday()] for _ in range(2)}
            terms["weekdays"] = sorted(days, key=WEEKDAYS.index)
        if rng.random() < 0.25:
            terms["days_of_month"] = sorted({(wall + timedelta(days=rng.choice((0, 0, -1, 1)))).day for _ in range(2)})
        if rng.random() < 0.35:
            terms["from"] = self.boundary(-1)
        if rng.random() < 0.35:
            terms["to"] = self.boundary(1)
        if "from" in terms and "to" in terms and _instant(terms["from"], 0) >= _instant(terms["to"], 1):
            del terms["to"]
        return {"schedule": terms or {"hours": "00:00-24:00"}}

    def window(self) -> str:
        now = self.wall.hour * 60 + self.wall.minute
        near = [(now + self.rng.choice((0, 1, -1, 15, -15, 30, -30, 60, -60, 300, -300))) % 1440 for _ in range(2)]
        start, end = (minute // 15 * 15 if self.rng.random() < 0.5 else minute for minute in near)
        last = "24:00" if end == 0 and self.rng.random() < 0.5 else f"{end // 60:02d}:{end % 60:02d}"
        return f"{start // 60:02d}:{start % 60:02d}-{last}"

    def boundary(self, side: int) -> str:
        """A bare date or a date-time around the wall's time: `from` with side −1, `to` with side 1."""
        if self.rng.random() < 0.5:
            return (self.wall.date() + timedelta(days=side * self.rng.choice((0, 0, 1)))).isoformat()
        distance = timedelta(minutes=self.rng.choice((0, 1, 15, 30, 60, 90)))
        return (self.wall + side * distance).strftime("%Y-%m-%dT%H:%M")


def leaves_nothing(left_out: Document, goods: Document) -> bool:
    """Whether a set inside `except` plainly holds the whole of `goods`, which makes the document a contradiction."""
    return all(
        key in goods and key != "unit_price" and set(as_list(goods[key])) <= set(as_list(values))
        for key, values in left_out.items()
    )


def _instant(text: str, bare_days: int) -> datetime:
    """A boundary for comparing: a bare date stands for its midnight, or the one `bare_days` after."""
    days = bare_days if len(text) == 10 else 0
    return datetime.fromisoformat(text) + timedelta(days=days)
