"""Seeded random documents with everything the vocabulary has: sets, tiers, limits, caps, payment, messages.

Valid, and close to the figures they will meet: thresholds reached exactly, limits and caps that cut half a rule, sets
that want the same units, chains of exclusivity.
"""

import random

from .documents import Asset, read_rules
from .generator_conditions import SCALES, Document, money
from .generator_rules import RATES, Author, Team, assets

STAGES = ("price", "item", "item", "set", "set", "set", "set", "set", "receipt", "coupon", "card")
SERIES = ("spring", "gift")
UNIQUE = ("U-1", "U-2", "U-3", "U-4")
STATES = ("FREE", "FREE", "FREE", "HELD_HERE", "HELD", "USED", "EXPIRED", "NOT_YET_VALID", "BLOCKED")
ASSETS = ("bonus", "bonus", "stars", "extra")
WINDOWS = ("day", "week", "month", "year", "always")
TEXTS = ("{{ promotion }}", "−{{ discount }}", "{{to_pay}} ₽", "Thank you")


class WideAuthor(Author):
    """Writes promotions with every reward, and the documents of kind limit."""

    # How often a promotion joins a team, and has limits.
    joining = 0.6
    limiting = 0.35

    def chance(self, rate: float) -> bool:
        return self.rng.random() < rate

    def with_goods(self, terms: Document, rate: float) -> Document:
        return super().with_goods(terms, rate * 0.7)

    def gross(self) -> int:
        return max(2, sum(line.gross for line in self.lines))

    def discount(self) -> Document:
        if self.chance(0.2):
            return self.fixed_price()
        reward = super().discount()
        ((kind, terms),) = reward.items()
        if kind == "percent" and self.chance(0.35):
            del terms["rate"]
            terms |= self.tiers("rate", "item")
            self.progressive(terms)
        elif kind == "amount" and self.chance(0.2):
            del terms["off"]
            terms |= self.tiers("off", "item")
        return reward

    def progressive(self, terms: Document) -> None:
        """Most tiers of percents go by parts, sometimes from the first kopeck on."""
        if self.chance(0.6):
            terms["progressive"] = True
            if self.chance(0.2):
                terms["tiers"][0]["from"] = "0.01"
        elif self.chance(0.1):
            terms["progressive"] = False

    def fixed_price(self) -> Document:
        price = self.rng.choice(self.lines).price
        below = self.rng.choice((price, price - 1, price + 1, price * 9 // 10, price // 2, 1))
        return {"fixed_price": self.with_goods({"price": money(max(1, below))}, 0.6)}

    def tiers(self, number: str, stage: str) -> Document:
        """Steps around a sum of the receipt, one of them often reached to the kopeck."""
        rng = self.rng
        terms: Document = {}
        if self.chance(0.4):
            bases = ("GROSS", "STAGE_ENTRY", "RUNNING")
            terms["base"] = rng.choice((*bases, "NET") if stage == "accrual" else bases)
        total = self.gross()
        if self.chance(0.3):
            terms["over"] = self.goods()
        elif terms.get("base", "GROSS") != "GROSS" and self.chance(0.7):
            total = max(2, self.probe(self.written)["to_pay_minor"])
        marks = {max(1, total + rng.choice((0, 0, 1, -1))), max(1, total // rng.choice((2, 3, 4))), total * 2}
        rates, amounts = RATES[:6], ("0.01", "1.00", "15.50", "100.00")
        numbers = {"rate": rates, "percent": rates, "off": amounts, "fixed": ("1", "7", "60")}
        marks.add(max(marks) + 1)
        terms["tiers"] = [{"from": money(mark), number: rng.choice(numbers[number])} for mark in sorted(marks)]
        return terms

    def points(self) -> Document:
        reward = super().points()
        if self.chance(0.25):
            terms = reward["points"]
            number = "percent" if "percent" in terms else "fixed"
            del terms[number]
            terms |= self.tiers(number, "accrual")
        return reward

    # Set rewards

    def set_reward(self) -> Document:
        result: Document = self.some(
            (3, self.multi_buy), (3, self.bundle), (2.5, self.buy_get), (2.5, self.ladder)
        )  # fmt: skip
        ((kind, terms),) = result.items()
        if self.chance(0.25):
            terms["share_units"] = self.chance(0.8)
        if kind != "ladder" and self.chance(0.3):
            terms["max_applications"] = self.rng.randint(1, 3)
        return result

    def multi_buy(self) -> Document:
        rng = self.rng
        take = rng.choice((2, 2, 3, 3, 4, 5))
        terms: Document = {"take": take, "pay": rng.randint(1, take - 1)}
        if self.chance(0.3):
            terms["free"] = rng.choice(("BLOCK_CHEAPEST", "GLOBAL_CHEAPEST", "GLOBAL_CHEAPEST"))
        if self.chance(0.3):
            terms["allocate"] = rng.choice(("SPREAD", "ON_FREE", "ON_FREE"))
        if self.chance(0.3):
            terms["count_by"] = rng.choice(("UNITS", "LINES", "LINES"))
        return {"multi_buy": self.with_goods(terms, 0.5)}

    def given(self, per: int) -> Document:
        """Percent, amount or price, the last close to a sum of `per` prices."""
        rng = self.rng
        one = self.rng.choice(self.lines).price
        price = max(1, one * per + rng.choice((0, -1, 1, -100, -one // 3)))
        off = max(1, one // rng.choice((1, 2, 5)))
        return rng.choice(({"percent": rng.choice(RATES)}, {"amount": money(off)}, {"price": money(price)}))

    def part(self) -> Document:
        document: Document = {"quantity": self.rng.choice((1, 1, 1, 2, 3))}
        return self.with_goods(document, 0.5)

    def bundle(self) -> Document:
        parts = [self.part() for _ in range(self.rng.choice((2, 2, 2, 3)))]
        terms: Document = {"parts": parts, **self.given(sum(part["quantity"] for part in parts))}
        if self.chance(0.3):
            terms["allocate_to"] = "TARGETS"
            for part in self.rng.sample(parts, self.rng.randint(1, len(parts) - 1)):
                part["target"] = True
        return {"bundle": terms}

    def buy_get(self) -> Document:
        buy, get = self.part(), self.part()
        if self.chance(0.2):
            get["quantity"] = "ALL"
        terms: Document = {"buy": buy, "get": get, **self.given(1)}
        if self.chance(0.3):
            terms["reusable_qualifiers"] = True
        return {"buy_get": terms}

    def ladder(self) -> Document:
        rng = self.rng
        by = rng.choice((None, "percent", "amount", "price"))
        price = rng.choice(self.lines).price
        numbers = {
            "amount": ("0", "1.00", money(max(1, price // 3)), money(price)),
            "price": (money(max(1, price - 1)), money(max(1, price // 2)), money(price + 1), "1.00"),
        }.get(by or "percent", ("0", "10", "20", "33.3333", "100"))
        rungs = [rng.choice(numbers) for _ in range(rng.randint(1, 4))]
        if all(rung == "0" for rung in rungs):
            rungs[-1] = numbers[1]
        terms: Document = {"rungs": rungs} | ({"by": by} if by else {})
        if self.chance(0.4):
            terms["after_last"] = rng.choice(("CLAMP", "REPEAT", "REPEAT"))
        if self.chance(0.5):
            terms["order"] = rng.choice(("PRICE_DESC", "PRICE_ASC", "SCAN"))
        return {"ladder": self.with_goods(terms, 0.5)}

    # Promotions

    def condition(self, stage: str, depth: int = 0) -> Document:
        if depth == 0 and self.chance(0.06) and stage != "message":
            return {"coupon": {"series": self.rng.choice(SERIES)}}
        document: Document = super().condition(stage, depth)
        return document

    def promotion(self, promotion_id: str, teams: list[Team]) -> Document:
        rng = self.rng
        stage = rng.choice(STAGES) if self.chance(0.72) else "accrual"
        team = rng.choice(teams) if teams and self.chance(self.joining) else None
        stage = team.stage if team else stage
        document = self.head(promotion_id, stage, team)
        if self.chance(0.25):
            document["when"] = self.when(stage)
        count = rng.choice((1, 1, 1, 1, 2, 3))
        make = self.points if stage == "accrual" else self.discount
        if stage == "set" and self.chance(0.85):
            make = self.set_reward
        document["reward"] = [make() for _ in range(count)]
        if stage != "accrual":
            self.floors(document)
            self.stacking(document)
        if self.chance(self.limiting):
            self.limits(document, stage)
        if self.chance(0.2):
            self.spoken(document)
        return document

    def stacking(self, document: Document) -> None:
        rng = self.rng
        if self.chance(0.25):
            over = rng.choice(("STAGE", "STAGE", "ALL"))
            forms = (over, {"over": over}, {"over": over, "scope": "UNIT"}, {"over": over, "scope": "RECEIPT"})
            document["exclusive"] = rng.choice(forms)
        if self.chance(0.15):
            document["skip_discounted"] = True

    def limits(self, document: Document, stage: str) -> None:
        """One to three limits of different measures, their caps close to what the promotion wants."""
        rng = self.rng
        rewards = [next(iter(reward.items())) for reward in document["reward"]]
        if stage == "accrual":
            measures = ["times"] + (["points", "budget"] if len({terms["asset"] for _, terms in rewards}) == 1 else [])
        else:
            measures = ["times", "amount", "budget"]
            if all(_may_count_units(kind, terms) for kind, terms in rewards):
                measures.append("quantity")
        chosen = rng.sample(measures, min(len(measures), rng.choice((1, 1, 1, 2, 3))))
        if self.chance(0.25):
            chosen.append(rng.choice([measure for measure in chosen if measure != "budget"] or measures))
        limits = {_counter_of(limit): limit for limit in (self.limit(one, document, stage) for one in chosen)}
        document["limits"] = list(limits.values())

    def limit(self, measure: str, document: Document, stage: str) -> Document:
        rng = self.rng
        pers = ("customer", "card", "promotion") + (() if measure == "times" else ("receipt", "receipt"))
        limit: Document = {"per": "promotion" if measure == "budget" else rng.choice(pers)}
        if limit["per"] != "receipt" and (measure != "budget" or self.chance(0.5)):
            limit["window"] = rng.choice(WINDOWS)
        if measure == "times":
            limit["times"] = rng.choice((1, 2, 5))
        elif measure == "quantity":
            pieces = sum(max(1, line.qty // 1000) for line in self.lines)
            limit["quantity"] = rng.choice(("1", "2", "3", "4", "6", "1.500", str(pieces), str(max(1, pieces - 1))))
        elif stage == "accrual":
            limit[measure] = rng.choice(("1", "5", "60", "100"))
        else:
            lone = {key: value for key, value in document.items() if key not in ("when", "group", "limits")}
            wanted = max(2, self.probe([lone])["discount_minor"])
            limit[measure] = money(rng.choice((wanted, wanted - 1, wanted + 1, max(1, wanted // 2), 100)))
        if measure not in ("times", "quantity") and self.chance(0.4):
            limit["on_short"] = rng.choice(("SKIP", "SKIP", "PARTIAL"))
        return limit

    def spoken(self, document: Document) -> None:
        """Something to say."""
        rng = self.rng
        if self.chance(0.5):
            document["title"] = {"en": f"The {document['promotion']}", "ru": "Акция"}
        if self.chance(0.7):
            channels = rng.sample(("slip", "cashier", "customer_display"), rng.randint(1, 2))
            document["messages"] = {channel: self.text(document) for channel in channels}
        if self.chance(0.15):
            terms = {"series": rng.choice(SERIES), "expires": {"days": 30}, "text": {"en": "Your code {{ coupon }}"}}
            document["reward"].append({"issue_coupon": terms})
            document.setdefault("stage", "accrual")
        if self.chance(0.5):
            document["reward"].append(self.message(document))
            document.setdefault("stage", "accrual")

    def text(self, document: Document) -> dict[str, str]:
        assets_named = {reward["points"]["asset"] for reward in document["reward"] if "points" in reward}
        texts = (*TEXTS, "+{{ points }}", "{{ balance }}") if len(assets_named) == 1 else TEXTS
        languages = self.rng.choice((("en",), ("ru",), ("en", "ru")))
        return {language: self.rng.choice(texts) for language in languages}

    def message(self, document: Document) -> Document:
        to = self.rng.choice(("slip", "cashier", "customer_display"))
        terms: Document = {"to": to, "text": self.text(document)}
        if self.chance(0.5):
            terms["priority"] = self.rng.choice((0, 5, 1000))
        if self.chance(0.2):
            terms["barcode"] = "4600000000017"
        return {"message": terms}

    def speaker(self, promotion_id: str) -> Document:
        """A promotion of nothing but a message, sometimes with a condition on the final amounts."""
        document: Document = {"promotion": promotion_id, "stage": "message", "reward": []}
        document["reward"].append(self.message(document))
        if self.chance(0.6):
            document["when"] = self.some(
                (2, lambda: self.receipt_sum("message")), (1, self.customer), (1, self.quantity),
                (1, self.balance_condition),
            )  # fmt: skip
        return document

    # Documents of kind limit

    def cap(self, limit_id: str) -> Document:
        """Often an amount that cuts some rule in the middle."""
        rng = self.rng
        given = max(2, self.probe(self.written)["discount_minor"])
        amount = rng.choice((given, given - 1, max(1, given // 2), max(1, given * 9 // 10)))
        size = rng.choice(({"percent": rng.choice(("10", "40", "60", "5.5", "100"))}, {"amount": money(amount)}))
        terms: Document = {"per": rng.choice(("receipt", "receipt", "receipt", "line")), **size}
        if self.chance(0.4):
            terms["include_points"] = True
        return {"limit": limit_id, "priority": rng.choice((10, 20, 100)), "cap": self.with_goods(terms, 0.3)}

    def payment(self, limit_id: str) -> Document:
        rules = [self.payment_rule(asset) for asset in self.rng.sample(ASSETS, self.rng.choice((1, 2, 3)))]
        document: Document = {"limit": limit_id, "payment": rules}
        return document | ({"priority": self.rng.choice((10, 20))} if self.chance(0.5) else {})

    def payment_rule(self, asset: str) -> Document:
        rng = self.rng
        rule: Document = {"asset": asset}
        options: dict[str, tuple[str, ...]] = {
            "rate": ("1.00", "0.10", "0.30", "2.5", "0.0133"),
            "step": ("1", "5"),
            "min": ("1", "10", "100"),
            "up_to_percent": ("30", "50", "33.3333", "99"),
            "receipt_percent": ("50", "20", "99.9"),
            "max": ("1", "7", "100"),
        }
        for key, values in options.items():
            if self.chance(0.25):
                rule[key] = rng.choice(values)
        if float(rule.get("max", 100)) < float(rule.get("min", 0)):
            del rule["min"]
        if self.chance(0.3):
            rule.update(rng.choice(({"of": self.goods()}, {"except": self.goods() or {"sku": "nothing"}})))
        if self.chance(0.15):
            rule["when"] = self.some((2, self.customer), (1, self.payment_condition), (1, self.register_condition))
        if self.chance(0.15):
            rule["deny_input"] = rng.sample(("scan", "manual", "phone", "qr"), 2)
        return rule


def _may_count_units(kind: str, terms: Document) -> bool:
    """Not what is spread over the receipt, as a percent by parts is."""
    if kind == "amount":
        return terms.get("spread", "receipt") != "receipt" and "tiers" not in terms
    return not terms.get("progressive", False)


def _counter_of(limit: Document) -> tuple[str, str, str]:
    """Two limits of one promotion may not count the same: a budget is an amount, or points, of everyone."""
    measure = next(name for name in ("times", "quantity", "amount", "points", "budget") if name in limit)
    shared = measure in ("amount", "points", "budget")
    window = limit.get("window", "always" if measure == "budget" else "")
    return "shared" if shared else measure, limit["per"], window


def wide_documents(author: WideAuthor) -> list[Document]:
    """Assets, 1–9 promotions, caps and payment rules for the author's goods."""
    rng = author.rng
    teams = [wide_team(rng, number) for number in range(rng.choice((0, 1, 1, 1, 2)))]
    if teams and rng.random() < 0.4:
        author.joining = 0.95
    if rng.random() < 0.2:
        author.limiting = 0.9
    names = rng.sample([f"{head}{number}" for head in ("p", "q-", "1.", "a_") for number in range(12)], 25)
    result: list[Document] = []
    for name in names[: rng.choice((1, 2, 2, 3, 3, 4, 5, 6, 9))]:
        author.written = result
        result.append(author.promotion(name, teams) if rng.random() < 0.94 else author.speaker(name))
    author.written = result
    for number in range(rng.choice((0, 0, 0, 1, 1, 2))):
        result.append(author.cap(f"cap-{number}"))
    for number in range(rng.choice((0, 1, 1, 2))):
        result.append(author.payment(f"pay-{number}"))
    return [*assets(rng), *result]


def wide_team(rng: random.Random, number: int) -> Team:
    stage = rng.choice((*STAGES, "accrual", "accrual", "accrual"))
    others = ("FIRST", "FIRST", "CASCADE") if stage == "accrual" else ("ADD", "FIRST", "MIN")
    mode = rng.choice(("BEST", "BEST", "ADD", *others))
    knows_lines = mode == "BEST" or stage == "accrual"
    scope = rng.choice(("RECEIPT", "LINE", "LINE", None)) if knows_lines else rng.choice(("RECEIPT", None))
    return Team(f"g{number}", stage, mode, scope, rng.choice((None, None, 10, 20)))


# What the book knows


def balances_held(rng: random.Random) -> Document:
    """What the customer has of each asset, if the book knows it, and what of it is held."""
    balances = {}
    for asset, scale in SCALES.items():
        unit = 10**scale
        active = rng.choice((0, 1, 5 * unit, 100 * unit, rng.randint(1, 100_000), 10**9))
        if rng.random() < 0.85:
            balances[asset] = {"active": active, "held": rng.choice((0, 0, 0, 1, active // 2)) if active else 0}
    return balances


def holdings(
    rng: random.Random, documents: list[Document], balances: Document, assets_by_id: dict[str, Asset]
) -> Document:  # fmt: skip
    """The balances, counters close to their caps, and coupons in all states."""
    counters = counters_of(rng, documents, assets_by_id)
    coupons = {code: {"series": rng.choice(SERIES), "state": rng.choice(STATES)} for code in UNIQUE[:3]}
    return {"balances": balances, "counters": counters, "coupons": coupons}


def counters_of(rng: random.Random, documents: list[Document], assets_by_id: dict[str, Asset]) -> list[Document]:
    """What some limits of the documents have used up and held."""
    return [row for document in documents for row in _counters(rng, document, assets_by_id)]


def _counters(rng: random.Random, document: Document, assets_by_id: dict[str, Asset]) -> list[Document]:
    if not document.get("limits"):
        return []
    (promotion,) = read_rules([*_asset_documents(assets_by_id), document]).promotions()
    rows = []
    for limit in promotion.limits:
        if limit.per != "receipt" and rng.random() < 0.6:
            used = rng.choice((0, limit.cap, max(0, limit.cap - 1), limit.cap // 2, limit.cap * 3 // 4, limit.cap + 1))
            held = rng.choice((0, 0, 0, 1, limit.cap // 4))
            row = {"promotion_id": limit.promotion_id, "measure": limit.measure, "per": limit.per}
            rows.append({**row, "window": limit.window, "used": used, "held": held})
    return rows


def _asset_documents(assets_by_id: dict[str, Asset]) -> list[Document]:
    return [{"asset": name, "scale": asset.scale} for name, asset in assets_by_id.items()]
