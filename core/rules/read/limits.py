"""Limits of a promotion, and `limit` documents: caps and payment with points."""

from __future__ import annotations

from altyn.core.rules.condition import (
    ALL_GOODS,
    Balance,
    CouponIs,
    Historic,
    Personal,
    ProductSet,
    Quantity,
    ReceiptSum,
    SeriesIs,
)
from altyn.core.rules.promotion import Amount, Cap, Limit, PaymentRule, Points, Reward, UsageLimit, is_progressive
from altyn.core.rules.read.conditions import CONDITION, QUANTITY_MAX_MILLI, walk
from altyn.core.rules.read.forms import (
    Decimal,
    Fields,
    Flag,
    Key,
    ListOf,
    MappingOf,
    Named,
    Schema,
    Titles,
    UniqueOf,
    Whole,
    Word,
)
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import EXCEPTED, OF, amount, rate
from altyn.core.rules.read.shared import PRIORITY, PRIORITY_DEFAULT, OneOf, identifier, in_scale, points_number
from altyn.core.rules.words import AmountSpread, LimitMeasure, LimitPer, LimitWindow, OnShort

LIMITS_MAX = 8
PAYMENT_RULES_MAX = 8
TIMES_MAX = 1_000_000_000
# Money for one point: up to a million, in ten-thousandths.
POINT_RATE_MAX = 10**10
# Numbers of altyn.pos.v1.InputMethod.
INPUTS = {"scan": 1, "manual": 2, "phone": 3, "qr": 4, "phone_code": 5}

MEASURES = {
    "times": LimitMeasure.TIMES,
    "amount": LimitMeasure.AMOUNT,
    "quantity": LimitMeasure.QUANTITY,
    "points": LimitMeasure.POINTS,
}
WINDOWS = {window.name.lower(): window for window in LimitWindow if window is not LimitWindow.NONE}

# A limit as written: what it measures depends on the promotion's rewards, which `usage_limits` knows.
Written = tuple[str, Fields]


def _check_limit(fields: Fields, path: str, reading: Reading) -> None:
    budget, per, window = fields["budget"] is not None, fields["per"], fields["window"]
    if budget and per not in (None, LimitPer.PROMOTION):
        reading.add(f"{path}.per", Code.CONTRADICTION, "a budget is per promotion: write amount for another one")
    elif not budget and per is None and "per" not in fields["bad"]:
        reading.add(f"{path}.per", Code.REQUIRED, f"say per what: {', '.join(p.name.lower() for p in LimitPer)}")
    if per is LimitPer.RECEIPT and window is not None:
        reading.add(f"{path}.window", Code.CONTRADICTION, "a receipt has no window: leave the key out")
    elif per not in (None, LimitPer.RECEIPT) and window is None and not budget and "window" not in fields["bad"]:
        reading.add(f"{path}.window", Code.REQUIRED, f"say in which window: {', '.join(WINDOWS)}")
    if per is LimitPer.RECEIPT and fields["times"] is not None:
        reading.add(f"{path}.times", Code.CONTRADICTION, "once per receipt is what a promotion gives: leave it out")
    if fields["on_short"] is not None and (fields["times"] is not None or fields["quantity"] is not None):
        reading.add(f"{path}.on_short", Code.CONTRADICTION, "on_short belongs to amount, points and budget")


class _LimitForm(OneOf[Written]):
    """One measure, its subject and its window."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        fields["bad"] = {name for name in ("per", "window") if name in value and fields[name] is None}
        return fields

    def schema(self) -> Schema:
        budget, receipt = {"required": ["budget"]}, {"properties": {"per": {"enum": ["receipt"]}}, "required": ["per"]}
        whose = {"anyOf": [budget, {"required": ["per"]}]}
        when = {"anyOf": [budget, receipt, {"required": ["window"]}]}
        return {**super().schema(), "allOf": [whose, when]}


LIMIT = _LimitForm(
    "a limit",
    [
        Key("per", Word({per.name.lower(): per for per in LimitPer})),
        Key("window", Word(WINDOWS)),
        Key("times", Whole("a number of receipts", 1, TIMES_MAX), title="receipts in which the promotion gave"),
        Key("amount", amount("an amount", 1), title="money of discount"),
        Key(
            "quantity", Decimal("a quantity", 3, 1, QUANTITY_MAX_MILLI), title="units or measure that got the discount"
        ),
        Key("points", points_number(1), title="points of the promotion's asset"),
        Key("budget", points_number(1), title="amount or points for everyone together"),
        Key("on_short", Word({short.name: short for short in OnShort})),
    ],
    lambda fields, path: (path, fields),
    one_of=(*MEASURES, "budget"),
    check=_check_limit,
)
LIMITS: ListOf[Written] = ListOf(LIMIT, "limits", LIMITS_MAX, single=False)


def usage_limits(written: tuple[Written, ...], rewards: tuple[Reward, ...], reading: Reading) -> tuple[UsageLimit, ...]:
    """What the limits measure, by what the promotion gives; every contradiction is a problem."""
    points = [reward for reward in rewards if isinstance(reward, Points)]
    made: dict[tuple[LimitMeasure, LimitPer, LimitWindow], UsageLimit] = {}
    for path, fields in written:
        limit = _usage_limit(path, fields, points, reading)
        if limit is None:
            continue
        if limit.measure is LimitMeasure.QUANTITY:
            _check_quantity(limit, rewards, reading)
        key = (limit.measure, limit.per, limit.window)
        if made.setdefault(key, limit) is not limit:
            reading.add(path, Code.CONTRADICTION, "another limit has the same measure, per and window: keep one")
    return tuple(made.values())


def _usage_limit(path: str, fields: Fields, points: list[Points], reading: Reading) -> UsageLimit | None:
    name = next(name for name in (*MEASURES, "budget") if fields[name] is not None)
    cap: int | None = fields[name]
    measure = MEASURES.get(name) or (LimitMeasure.POINTS if points else LimitMeasure.AMOUNT)
    here = f"{path}.{name}"
    if measure is LimitMeasure.POINTS:
        assets = {reward.asset for reward in points}
        if len(assets) != 1:
            reading.add(here, Code.CONTRADICTION, "points are limited where all rewards are points of one asset")
            return None
        cap = in_scale(cap, assets.pop(), here, reading)
    elif measure is LimitMeasure.AMOUNT:
        if points:
            reading.add(here, Code.CONTRADICTION, "points are no amount: limit points or budget")
            return None
        if name == "budget":
            cap = _money(cap or 0, here, reading)
    if cap is None:
        return None
    per = LimitPer.PROMOTION if fields["per"] is None else fields["per"]
    window = fields["window"]
    if window is None:
        window = LimitWindow.NONE if per is LimitPer.RECEIPT else LimitWindow.ALWAYS
    return UsageLimit(path, per, window, measure, cap, fields["on_short"] or OnShort.PARTIAL)


def _money(ten_thousandths: int, path: str, reading: Reading) -> int | None:
    text = str(ten_thousandths).rjust(3, "0")
    if text.endswith("00"):
        return int(text[:-2])
    reading.add(path, Code.TOO_PRECISE, "an amount has at most 2 digits after the point")
    return None


def _check_quantity(limit: UsageLimit, rewards: tuple[Reward, ...], reading: Reading) -> None:
    """A quantity counts units that got the discount: it needs rewards that give by unit."""
    for reward in rewards:
        spread = isinstance(reward, Amount) and (reward.spread is AmountSpread.RECEIPT or reward.tiers is not None)
        spread = spread or is_progressive(reward)
        if spread or isinstance(reward, Points):
            message = "a quantity limits what is given by unit, not amounts spread over the receipt, tiers or points"
            reading.add(f"{limit.path}.quantity", Code.CONTRADICTION, message)
            return


def _refuse_grants(of: ProductSet | None, path: str, reading: Reading) -> None:
    if of is not None and of.asks_grant:
        reading.add(path, Code.CONTRADICTION, "personal goods are of a promotion: leave personal out")


CAP: OneOf[Cap] = OneOf(
    "cap",
    [
        Key("per", Word({"receipt": False, "line": True}), required=True),
        Key("percent", rate("a rate in percent", 100), title="% of the gross of the covered lines"),
        Key("amount", amount("an amount")),
        Key("of", OF.form, ALL_GOODS, title="the covered lines"),
        Key("include_points", Flag(), False, title="payment with points counts, and is lowered"),
    ],
    lambda fields, path: Cap(
        fields["per"], fields["percent"], fields["amount"], fields["of"], fields["include_points"]
    ),
    one_of=("percent", "amount"),
    check=lambda fields, path, reading: _refuse_grants(fields["of"], f"{path}.of", reading),
)


class _PaymentForm(MappingOf[PaymentRule]):
    """Points are in the asset's own scale; `except` is short for a set of all goods but some."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        for name in ("step", "min", "max"):
            fields[name] = in_scale(fields[name], fields["asset"], f"{path}.{name}", reading)
        if "of" in value and "except" in value:
            reading.add(f"{path}.except", Code.CONTRADICTION, "except belongs into of when both are given")
        elif fields["except"] is not None:
            fields["of"] = ProductSet(excepted=fields["except"])
            if any(left_out.is_all for left_out in fields["except"]):
                reading.add(f"{path}.except", Code.CONTRADICTION, "everything is left out: nothing can be paid")
        return fields


def _check_payment(fields: Fields, path: str, reading: Reading) -> None:
    _refuse_grants(fields["of"], f"{path}.of", reading)
    for condition in [] if fields["when"] is None else walk(fields["when"]):
        if isinstance(condition, CouponIs | SeriesIs | ReceiptSum | Balance | Historic | Personal):
            reading.add(
                condition.path,
                Code.CONTRADICTION,
                "payment asks for no coupons, sums, balances, grants and earlier purchases",
            )
        elif isinstance(condition, Quantity):
            _refuse_grants(condition.of, f"{condition.path}.of", reading)
    if fields["min"] and fields["max"] is not None and fields["max"] < fields["min"]:
        reading.add(f"{path}.max", Code.CONTRADICTION, "max is below min: nothing can be paid")


def _payment(fields: Fields, path: str) -> PaymentRule:
    return PaymentRule(
        path,
        fields["asset"],
        fields["rate"] * 100,
        fields["step"],
        fields["min"],
        fields["up_to_percent"],
        fields["receipt_percent"],
        fields["max"],
        fields["of"],
        fields["when"],
        tuple(sorted(fields["deny_input"])),
        fields["anonymous"],
    )


PAYMENT = _PaymentForm(
    "a payment rule",
    [
        Key("asset", identifier("an asset's id"), required=True, title="the points currency"),
        Key("rate", Decimal("a rate", 4, 1, POINT_RATE_MAX), 10_000, title="money for one point"),
        Key("step", points_number(1), title="points are taken in multiples of this; the asset's step by default"),
        Key("min", points_number(0), 0, title="fewer are not taken at all"),
        Key("up_to_percent", rate("a rate in percent", 100), 1_000_000, title="most of each line's running price"),
        Key("receipt_percent", rate("a rate in percent", 100), 1_000_000, title="most of all lines that may be paid"),
        Key("max", points_number(1), title="most points in one receipt"),
        OF,
        Key("except", EXCEPTED, title="short for of: {except: …}"),
        Key("when", Named("condition", lambda: CONDITION)),
        Key("deny_input", UniqueOf(Word(INPUTS), "ways of identification", len(INPUTS), single=False), ()),
        Key("anonymous", Flag(), False, title="cards that are nobody's may pay too"),
    ],
    _payment,
    check=_check_payment,
)


def _limit(fields: Fields, path: str) -> Limit:
    return Limit(fields["limit"], fields["title"], fields["priority"], fields["cap"], fields["payment"] or ())


LIMIT_DOCUMENT: OneOf[Limit] = OneOf(
    "a limit",
    [
        Key("limit", identifier("a limit's id"), required=True, title="stable id"),
        Key("title", Titles(), {}),
        Key("priority", PRIORITY, PRIORITY_DEFAULT, title="smaller first; ties by id"),
        Key("cap", CAP, title="discounts stay within"),
        Key("payment", ListOf(PAYMENT, "payment rules", PAYMENT_RULES_MAX, single=False), title="how assets pay"),
    ],
    _limit,
    one_of=("cap", "payment"),
)
