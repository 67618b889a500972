"""`rounding` documents: small change nobody is asked for (semantics §6.11.24)."""

from __future__ import annotations

from altyn.core.rules.condition import (
    AllOf,
    AnyOf,
    Condition,
    CustomerIs,
    NoneOf,
    PaymentIs,
    RegisterIs,
    Schedule,
    StoreIs,
)
from altyn.core.rules.promotion import Rounding
from altyn.core.rules.read.conditions import CONDITION, walk
from altyn.core.rules.read.forms import Decimal, Fields, Key, MappingOf, Named, Titles
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.shared import PRIORITY, PRIORITY_DEFAULT, identifier

TO_MAX_MINOR = 10_000


def _check(fields: Fields, path: str, reading: Reading) -> None:
    for condition in [] if fields["when"] is None else walk(fields["when"]):
        if not _is_known(condition):
            message = "rounding asks for schedule, store, register, payment and customer.has_card alone"
            reading.add(condition.path, Code.CONTRADICTION, message)


def _is_known(condition: Condition) -> bool:
    if isinstance(condition, CustomerIs):
        return condition.attribute == "has_card"
    return isinstance(condition, AllOf | AnyOf | NoneOf | Schedule | StoreIs | RegisterIs | PaymentIs)


ROUNDING: MappingOf[Rounding] = MappingOf(
    "a rounding",
    [
        Key("rounding", identifier("a rounding's id"), required=True, title="stable id"),
        Key("title", Titles(), {}),
        Key("priority", PRIORITY, PRIORITY_DEFAULT, title="smaller first; ties by id"),
        Key(
            "to", Decimal("an amount", 2, 1, TO_MAX_MINOR), required=True, title="what is to pay is a multiple of this"
        ),
        Key("when", Named("condition", lambda: CONDITION)),
    ],
    lambda fields, path: Rounding(
        fields["rounding"], fields["title"], fields["priority"], fields["to"], fields["when"]
    ),
    check=_check,
)
