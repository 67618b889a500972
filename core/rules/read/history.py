"""Conditions on earlier purchases: which of them, and how many, how much, the how-manieth, since when.

Invariant: what is asked is the same for every receipt of a customer, so a product set here names nothing that only the
receipt at the till or the customer of the moment has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from altyn.core.rules.condition import (
    Choice,
    Earlier,
    ProductSet,
    PurchaseNumber,
    Purchases,
    Turnover,
    Validity,
)
from altyn.core.rules.read.forms import (
    Decimal,
    Fields,
    Flag,
    Form,
    Key,
    MappingOf,
    Schema,
    Text,
    UniqueOf,
    Whole,
    Word,
)
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import OF, ChoiceOf, amount
from altyn.core.rules.read.shared import OneOf, identifier
from altyn.core.rules.words import PurchaseCount, PurchaseWindow

DAYS_MAX = 366
NUMBER_MAX = 1_000
COUNT_MAX_MILLI = 10**12
SAME_STORE = "same_store"
STORE_KEYS = ("id", "region", "format", "cluster")
WINDOWS = {window.name.lower(): window for window in PurchaseWindow if window is not PurchaseWindow.DAYS}
DAYS = Whole("a number of days", 1, DAYS_MAX)

Window = tuple[PurchaseWindow, int]
Stores = tuple[tuple[tuple[str, Choice], ...], bool]


class _WindowForm(Form[Window]):
    """A word, or ``{days: n}``."""

    word = Word(WINDOWS)
    mapping: MappingOf[Window] = MappingOf(
        "a window", [Key("days", DAYS, required=True)], lambda fields, path: (PurchaseWindow.DAYS, fields["days"])
    )

    def read(self, value: object, path: str, reading: Reading) -> Window | None:
        if isinstance(value, dict):
            return self.mapping.read(value, path, reading)
        window = self.word.read(value, path, reading)
        return None if window is None else (window, 0)

    def schema(self) -> Schema:
        return {"anyOf": [self.word.schema(), self.mapping.schema()]}


class _StoresForm(Form[Stores]):
    """``same_store``, or attributes of stores."""

    word = Word({SAME_STORE: True})
    mapping: MappingOf[Stores] = MappingOf(
        "at",
        [Key(name, ChoiceOf(Text(f"a store's {name}"))) for name in STORE_KEYS],
        lambda fields, path: (tuple((name, fields[name]) for name in STORE_KEYS if fields[name] is not None), False),
        some=True,
    )

    def read(self, value: object, path: str, reading: Reading) -> Stores | None:
        if isinstance(value, dict):
            return self.mapping.read(value, path, reading)
        return None if self.word.read(value, path, reading) is None else ((), True)

    def schema(self) -> Schema:
        return {"anyOf": [self.word.schema(), self.mapping.schema()]}


WINDOW = Key("window", _WindowForm(), required=True, title="{days: n}, week, month, year or always")
AT = Key("at", _StoresForm(), ((), False), title="stores of the earlier receipts, or same_store")


def _earlier(fields: Fields) -> Earlier:
    window, days = fields.get("window") or (PurchaseWindow.ALWAYS, 0)
    return Earlier(window, days, fields["of"], *fields["at"])


def _check_goods(fields: Fields, path: str, reading: Reading) -> None:
    if fields["of"] is not None:
        for place in _of_the_moment(fields["of"], f"{path}.of"):
            reading.add(place, Code.CONTRADICTION, "earlier purchases keep no such thing: leave the key out")


def _of_the_moment(of: ProductSet, path: str) -> Iterator[str]:
    """Places that name what only the receipt or the customer of the moment has."""
    if of.price_from_minor is not None or of.price_to_minor is not None:
        yield f"{path}.unit_price"
    if of.favourite:
        yield f"{path}.favourite"
    if of.personal:
        yield f"{path}.personal"
    for number, excepted in enumerate(of.excepted):
        yield from _of_the_moment(excepted, f"{path}.except" + (f"[{number}]" if len(of.excepted) > 1 else ""))


def _check_edges(fields: Fields, path: str, reading: Reading) -> None:
    low, below = fields["from"], fields["below"]
    if low is not None and below is not None and low >= below:
        reading.add(path, Code.CONTRADICTION, "from is not below `below`: nothing is in between")


# Window, goods and stores alone, as the name of an accumulation tells them.
EARLIER: MappingOf[Earlier] = MappingOf("earlier purchases", [WINDOW, OF, AT], lambda fields, path: _earlier(fields))


class _EdgesForm(MappingOf[Any]):
    """At least one of `from` and `below`, or what stands for both."""

    exactly: str | None = None

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if isinstance(value, dict):
            edges = [name for name in ("from", "below") if name in value]
            exactly = self.exactly is not None and self.exactly in value
            if not edges and not exactly:
                known = f"from, below or {self.exactly}" if self.exactly else "from, below or both"
                reading.add(path, Code.REQUIRED, f"give {known}")
            elif edges and exactly:
                reading.add(
                    f"{path}.{self.exactly}", Code.CONTRADICTION, "count is from and below in one: leave it out"
                )
        return super().read(value, path, reading)

    def schema(self) -> Schema:
        names = ("from", "below", *([self.exactly] if self.exactly else []))
        return {**super().schema(), "anyOf": [{"required": [name]} for name in names]}


class _PurchasesForm(_EdgesForm):
    exactly = "count"

    def fields(self, value: dict[Any, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        step = 1 if fields["count_by"] is PurchaseCount.WEIGHT else 1_000
        if fields["count"] is not None and not any(name in value for name in ("from", "below")):
            fields["from"], fields["below"] = fields["count"], fields["count"] + step
        return fields


def _check_purchases(fields: Fields, path: str, reading: Reading) -> None:
    _check_goods(fields, path, reading)
    _check_edges(fields, path, reading)
    if fields["count_by"] in (PurchaseCount.RECEIPTS, PurchaseCount.UNITS):
        for name in ("count",) if fields["count"] is not None else ("from", "below"):
            # Thousandths of whole numbers end in three zeros.
            if fields[name] and not str(fields[name]).endswith("000"):
                message = "receipts and units are whole: count_by: WEIGHT sums quantities"
                reading.add(f"{path}.{name}", Code.TOO_PRECISE, message)


PURCHASES = _PurchasesForm(
    "purchases",
    [
        WINDOW,
        OF,
        AT,
        Key("count_by", Word({by.name: by for by in PurchaseCount}), PurchaseCount.RECEIPTS),
        Key("from", Decimal("a count", 3, 0, COUNT_MAX_MILLI), title="the count is at least this"),
        Key("below", Decimal("a count", 3, 1, COUNT_MAX_MILLI), title="the count is less than this"),
        Key("count", Decimal("a count", 3, 0, COUNT_MAX_MILLI - 1_000), title="the count is exactly this"),
    ],
    lambda fields, path: Purchases(path, _earlier(fields), fields["count_by"], fields["from"], fields["below"]),
    check=_check_purchases,
)


def _check_turnover(fields: Fields, path: str, reading: Reading) -> None:
    _check_goods(fields, path, reading)
    _check_edges(fields, path, reading)


TURNOVER = _EdgesForm(
    "turnover",
    [
        WINDOW,
        OF,
        AT,
        Key("from", amount("a sum"), title="the sum is at least this"),
        Key("below", amount("a sum", 1), title="the sum is less than this"),
        Key("include_current", Flag(), False, title="what this receipt has of the goods counts too"),
    ],
    lambda fields, path: Turnover(
        path, _earlier(fields), fields["from"], fields["below"], bool(fields["include_current"])
    ),
    check=_check_turnover,
)

PURCHASE_NUMBER: OneOf[PurchaseNumber] = OneOf(
    "purchase_number",
    [
        Key("every", Whole("a number of purchases", 2, NUMBER_MAX), title="every n-th purchase"),
        Key("is", UniqueOf(Whole("a number of a purchase", 1, NUMBER_MAX), "numbers", NUMBER_MAX)),
        Key("window", _WindowForm(), (PurchaseWindow.ALWAYS, 0), title=WINDOW.title),
        OF,
        AT,
    ],
    lambda fields, path: PurchaseNumber(path, _earlier(fields), fields["every"], tuple(sorted(fields["is"] or ()))),
    one_of=("every", "is"),
    check=_check_goods,
)

Start = tuple[str | None, int | None, Earlier]
REACHED: MappingOf[Start] = MappingOf(
    "turnover",
    [Key("sum", amount("a sum", 1), required=True, title="what purchases come to"), OF, AT],
    lambda fields, path: (None, fields["sum"], _earlier(fields)),
    check=_check_goods,
)
AFTER: OneOf[Start] = OneOf(
    "after",
    [
        Key("first_use", identifier("a promotion's id"), title="the first receipt in which this promotion gave"),
        Key("turnover", REACHED, title="the receipt with which purchases reached a sum"),
    ],
    lambda fields, path: fields["turnover"] or (fields["first_use"], None, Earlier()),
    one_of=("first_use", "turnover"),
)
VALIDITY: MappingOf[Validity] = MappingOf(
    "validity",
    [
        Key("days", DAYS, required=True, title="for how many days from the start on, the start included"),
        Key("after", AFTER, required=True, title="what starts it"),
    ],
    lambda fields, path: Validity(path, fields["days"], *fields["after"]),
)
HISTORY: dict[str, MappingOf[Any]] = {
    "purchases": PURCHASES,
    "turnover": TURNOVER,
    "purchase_number": PURCHASE_NUMBER,
    "validity": VALIDITY,
}
