"""Conditions: the table of kinds, and how they nest.

A mapping with several keys is short for `all`, and so are several attributes of a store or a customer; their parts
are taken in the order of the tables here, so the order of keys in a document never matters. Invariant: at most
DEPTH_MAX levels and CONDITIONS_MAX conditions, implied `all` counted.
"""

from __future__ import annotations

from typing import Any, cast

from altyn.core.rules.condition import (
    AllOf,
    AnyOf,
    Balance,
    Birthday,
    Choice,
    Condition,
    CouponIs,
    CustomerIs,
    NoneOf,
    PaymentIs,
    Personal,
    Quantity,
    ReceiptSum,
    RegisterIs,
    Schedule,
    SeriesIs,
    StoreIs,
)
from altyn.core.rules.read.forms import (
    DAY_MINUTES,
    MINUTE_US,
    Decimal,
    Fields,
    Flag,
    Form,
    Hours,
    Key,
    MappingOf,
    Moment,
    Schema,
    Text,
    UniqueOf,
    Whole,
    Word,
)
from altyn.core.rules.read.history import HISTORY
from altyn.core.rules.read.problems import Code, Reading, shown
from altyn.core.rules.read.products import OF, ChoiceOf, Only, amount, rate
from altyn.core.rules.read.shared import OneOf, identifier, in_scale, points_number
from altyn.core.rules.words import CountBy, SumBase

DEPTH_MAX = 8
CONDITIONS_MAX = 64
WINDOWS_MAX = 48
WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
QUANTITY_MAX_MILLI = 10**12
BRANCHES: dict[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
CUSTOMER_ID_MAX = 2**63 - 1


def sorted_unique(values: tuple[int, ...] | None) -> tuple[int, ...]:
    return tuple(sorted(set(values or ())))


# --- schedule


def _check_schedule(fields: Fields, path: str, reading: Reading) -> None:
    low, high = fields["from"], fields["to"]
    if low is None or high is None:
        return
    start = low[0] * DAY_MINUTES + (low[1] or 0)
    if high[1] is not None:
        end = high[0] * DAY_MINUTES + high[1]
    else:
        # A window that crosses midnight reaches into the day after the last one.
        spill = max((over for begin, over in fields["hours"] or () if over <= begin), default=0)
        end = (high[0] + 1) * DAY_MINUTES + (0 if low[1] is None else spill)
    if start >= end:
        reading.add(path, Code.CONTRADICTION, "from is not before to: the schedule never holds")


def _schedule(fields: Fields, path: str) -> Schedule:
    edges: dict[str, int] = {}
    for name in ("from", "to"):
        if fields[name] is not None:
            day, minute = fields[name]
            if minute is None:
                edges[f"{name}_date"] = day
            else:
                edges[f"{name}_wall_us"] = (day * DAY_MINUTES + minute) * MINUTE_US
    return Schedule(
        path,
        edges.get("from_date"),
        edges.get("to_date"),
        edges.get("from_wall_us"),
        edges.get("to_wall_us"),
        tuple(sorted(fields["hours"])),
        sorted_unique(fields["weekdays"]),
        sorted_unique(fields["days_of_month"]),
    )


SCHEDULE: MappingOf[Schedule] = MappingOf(
    "schedule",
    [
        Key("from", Moment(time_allowed=True), title="first date, or local date-time"),
        Key("to", Moment(time_allowed=True), title="last date (included), or local date-time (excluded)"),
        Key("hours", UniqueOf(Hours(), "windows", WINDOWS_MAX), (), title="07:00-10:00, or a list; may cross midnight"),
        Key("weekdays", UniqueOf(Word(WEEKDAYS), "weekdays", 7), ()),
        Key("days_of_month", UniqueOf(Whole("a day of the month", 1, 31), "days", 31), ()),
    ],
    _schedule,
    check=_check_schedule,
    some=True,
)


# --- store and customer

STORE_KEYS = ("id", "region", "format", "cluster")
STORE: MappingOf[tuple[StoreIs, ...]] = MappingOf(
    "store",
    [Key(name, ChoiceOf(Text(f"a store's {name}"))) for name in STORE_KEYS],
    lambda fields, path: tuple(
        StoreIs(f"{path}.{name}", name, fields[name]) for name in STORE_KEYS if fields[name] is not None
    ),
    some=True,
)


class _CustomerId(Form[str]):
    """An internal number of a customer, as text."""

    FORM = Whole("a customer's number", 1, CUSTOMER_ID_MAX)

    def read(self, value: object, path: str, reading: Reading) -> str | None:
        number = self.FORM.read(value, path, reading)
        return None if number is None else str(number)

    def schema(self) -> Schema:
        return self.FORM.schema()


def _check_customer(fields: Fields, path: str, reading: Reading) -> None:
    if fields["has_card"] is False and any(value is not None for name, value in fields.items() if name != "has_card"):
        reading.add(
            path, Code.CONTRADICTION, "has_card: false means that no customer is known, so the other keys never hold"
        )


def _customer(fields: Fields, path: str) -> tuple[CustomerIs, ...]:
    made = []
    for name, value in fields.items():
        if value is not None:
            choice = value if isinstance(value, Choice) else None
            made.append(CustomerIs(f"{path}.{name}", name, choice, None if choice else value))
    return tuple(made)


CUSTOMER: MappingOf[tuple[CustomerIs, ...]] = MappingOf(
    "customer",
    [
        Key("has_card", Flag(), title="an active card is (not) presented"),
        Key("card_type", ChoiceOf(Text("a card type"))),
        Key("segment", ChoiceOf(Text("a segment"))),
        Key("tier", ChoiceOf(Text("a tier")), title="the customer's tier"),
        Key("tier_from", ChoiceOf(Text("a tier")), title="this tier or a higher one"),
        Key("id", ChoiceOf(_CustomerId())),
    ],
    _customer,
    check=_check_customer,
    some=True,
)


# --- birthday and personal promotions

BIRTHDAY_DAYS_MAX = 60
BIRTHDAY: MappingOf[Condition] = MappingOf(
    "birthday",
    [
        Key("before", Whole("a number of days", 0, BIRTHDAY_DAYS_MAX), 0, title="days before the birthday"),
        Key("after", Whole("a number of days", 0, BIRTHDAY_DAYS_MAX), 0, title="days after the birthday"),
    ],
    lambda fields, path: Birthday(path, fields["before"], fields["after"]),
)


class _PersonalForm(Only, Form[Any]):
    def read(self, value: object, path: str, reading: Reading) -> Any:
        return Personal(path) if super().read(value, path, reading) else None


# --- coupon


class _CouponCode(Text):
    """A shared code: compared after trimming spaces and ASCII upper-casing."""

    def read(self, value: object, path: str, reading: Reading) -> str | None:
        text = super().read(value, path, reading)
        return text and "".join(c.upper() if c.isascii() else c for c in text.strip(" "))


def _coupon(fields: Fields, path: str) -> Condition:
    return CouponIs(path, fields["code"]) if fields["series"] is None else SeriesIs(path, fields["series"])


COUPON: OneOf[Condition] = OneOf(
    "coupon",
    [
        Key("code", _CouponCode("a coupon code", bytes_max=64), title="a shared code"),
        Key("series", identifier("a coupon series"), title="any valid code of this series"),
    ],
    _coupon,
    one_of=("code", "series"),
)


# --- sums and quantities


def _check_between(fields: Fields, path: str, reading: Reading) -> None:
    low, below = fields["from"], fields["below"]
    if low is not None and below is not None and low >= below:
        reading.add(path, Code.CONTRADICTION, "from is not below `below`: nothing is in between")


class _Between(MappingOf[Condition]):
    """A mapping with `from` and `below`, of which at least one is given."""

    def read(self, value: object, path: str, reading: Reading) -> Condition | None:
        if isinstance(value, dict) and "from" not in value and "below" not in value:
            reading.add(path, Code.REQUIRED, "give from, below or both")
        return super().read(value, path, reading)

    def schema(self) -> Schema:
        return {**super().schema(), "anyOf": [{"required": ["from"]}, {"required": ["below"]}]}


RECEIPT_SUM = _Between(
    "receipt_sum",
    [
        Key("from", amount("a sum"), title="the sum is at least this"),
        Key("below", amount("a sum", 1), title="the sum is less than this"),
        Key("base", Word({base.name: base for base in SumBase}), SumBase.GROSS),
        OF,
    ],
    lambda fields, path: ReceiptSum(path, fields["from"], fields["below"], fields["base"], fields["of"]),
    check=_check_between,
)


def _check_quantity(fields: Fields, path: str, reading: Reading) -> None:
    _check_between(fields, path, reading)
    if fields["count_by"] is CountBy.UNITS:
        for name in ("from", "below"):
            # Thousandths of whole units end in three zeros.
            if fields[name] and not str(fields[name]).endswith("000"):
                reading.add(f"{path}.{name}", Code.TOO_PRECISE, "units are whole: count_by: WEIGHT sums quantities")


QUANTITY = _Between(
    "quantity",
    [
        Key("from", Decimal("a quantity", 3, 0, QUANTITY_MAX_MILLI), title="the count is at least this"),
        Key("below", Decimal("a quantity", 3, 1, QUANTITY_MAX_MILLI), title="the count is less than this"),
        Key("count_by", Word({by.name: by for by in CountBy}), CountBy.UNITS),
        OF,
    ],
    lambda fields, path: Quantity(path, fields["from"], fields["below"], fields["count_by"], fields["of"]),
    check=_check_quantity,
)

# --- balance, payment, register


class _BalanceForm(_Between):
    """Points in the asset's own scale."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        for name in ("from", "below"):
            fields[name] = in_scale(fields[name], fields["asset"], f"{path}.{name}", reading)
        return fields


BALANCE = _BalanceForm(
    "balance",
    [
        Key("asset", identifier("an asset's id"), required=True, title="the points currency"),
        Key("from", points_number(0), title="the customer may spend at least this"),
        Key("below", points_number(1), title="the customer may spend less than this"),
    ],
    lambda fields, path: Balance(path, fields["asset"], fields["from"], fields["below"]),
    check=_check_between,
)

# Numbers of altyn.pos.v1.PaymentType.
PAYMENT_TYPES = {"cash": 1, "card": 2, "fast_transfer": 3, "gift_card": 4, "credit": 5, "other": 6}
PAYMENT: MappingOf[Condition] = MappingOf(
    "payment",
    [
        Key("type", UniqueOf(Word(PAYMENT_TYPES), "types of payment", len(PAYMENT_TYPES)), required=True),
        Key("from_percent", rate("a rate in percent", 100), title="% of what is paid; by default more than nothing"),
    ],
    lambda fields, path: PaymentIs(path, sorted_unique(fields["type"]), fields["from_percent"]),
)

REGISTER_KEYS = ("id", "channel")
REGISTER: MappingOf[tuple[RegisterIs, ...]] = MappingOf(
    "register",
    [Key(name, ChoiceOf(Text(f"a register's {name}"))) for name in REGISTER_KEYS],
    lambda fields, path: tuple(
        RegisterIs(f"{path}.{name}", name, fields[name]) for name in REGISTER_KEYS if fields[name] is not None
    ),
    some=True,
)

LEAVES: dict[str, Form[Any]] = {
    "schedule": SCHEDULE,
    "store": STORE,
    "customer": CUSTOMER,
    "birthday": BIRTHDAY,
    "personal": _PersonalForm(),
    "coupon": COUPON,
    "receipt_sum": RECEIPT_SUM,
    "quantity": QUANTITY,
    "balance": BALANCE,
    **HISTORY,
    "payment": PAYMENT,
    "register": REGISTER,
}
KINDS = (*BRANCHES, *LEAVES)


class ConditionForm(Form[Condition]):
    """A mapping of one key of KINDS, or of several, which all must hold."""

    def read(self, value: object, path: str, reading: Reading) -> Condition | None:
        before = reading.count
        made = self._read(value, path, reading, 1)
        if made is not None and reading.count == before and (count := sum(1 for _ in walk(made))) > CONDITIONS_MAX:
            reading.add(path, Code.TOO_LARGE, f"{count} conditions; at most {CONDITIONS_MAX} in a promotion")
        return made

    def _read(self, value: object, path: str, reading: Reading, depth: int) -> Condition | None:
        if not isinstance(value, dict):
            reading.add(
                path, Code.WRONG_TYPE, f"a condition is a mapping with one of {', '.join(KINDS)}, not {shown(value)!r}"
            )
            return None
        if not value:
            reading.add(
                path,
                Code.EMPTY,
                f"a condition needs one of {', '.join(KINDS)}; without `when` a promotion always holds",
            )
            return None
        before = reading.count
        for key in value:
            if key not in KINDS:
                reading.unknown_key(path, key, KINDS)
        kinds = [kind for kind in KINDS if kind in value]
        depth += len(kinds) > 1
        parts = [self._kind(kind, value[kind], f"{path}.{kind}", reading, depth) for kind in kinds]
        if reading.count > before:
            return None
        made = tuple(part for part in parts if part is not None)
        return made[0] if len(made) == 1 else AllOf(path, made)

    def _kind(self, kind: str, value: object, path: str, reading: Reading, depth: int) -> Condition | None:
        if depth > DEPTH_MAX:
            reading.add(path, Code.TOO_DEEP, f"conditions nest at most {DEPTH_MAX} deep")
            return None
        if kind in BRANCHES:
            return self._branch(kind, value, path, reading, depth)
        made = LEAVES[kind].read(value, path, reading)
        if not isinstance(made, tuple):
            return cast(Condition | None, made)
        if len(made) > 1 and depth == DEPTH_MAX:
            reading.add(path, Code.TOO_DEEP, f"several keys are an `all`: conditions nest at most {DEPTH_MAX} deep")
            return None
        return made[0] if len(made) == 1 else AllOf(path, made)

    def _branch(self, kind: str, value: object, path: str, reading: Reading, depth: int) -> Condition | None:
        if not isinstance(value, list | tuple):
            reading.add(path, Code.WRONG_TYPE, f"{kind} is a list of conditions")
            return None
        if not value:
            reading.add(path, Code.EMPTY, f"{kind} has no conditions: leave it out")
            return None
        if len(value) > CONDITIONS_MAX:
            reading.add(path, Code.TOO_LARGE, f"{len(value)} conditions; at most {CONDITIONS_MAX} in a promotion")
            return None
        before = reading.count
        parts = [self._read(one, f"{path}[{number}]", reading, depth + 1) for number, one in enumerate(value)]
        if reading.count > before:
            return None
        return BRANCHES[kind](path, tuple(part for part in parts if part is not None))

    def schema(self) -> Schema:
        nested = {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1, "maxItems": CONDITIONS_MAX}
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                **{kind: nested for kind in BRANCHES},
                **{kind: {"$ref": f"#/$defs/{kind}"} for kind in LEAVES},
            },
        }


CONDITION = ConditionForm()


def walk(condition: Condition) -> list[Condition]:
    """The condition and all inside it, outer first, in order."""
    found = [condition]
    if isinstance(condition, AllOf | AnyOf | NoneOf):
        for part in condition.conditions:
            found.extend(walk(part))
    return found
