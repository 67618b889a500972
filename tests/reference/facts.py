"""Facts about goods and the customer (semantics §6.3; promotion-document «Product sets», `birthday`, `personal`).

Decides what is known of a line and of the customer at a moment. What nobody knows is in no product set.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from .goods import Line
from .wallclock import EPOCH

Grant = dict[str, Any]


def grants_in_force(customer: dict[str, Any] | None, at: int) -> list[Grant]:
    """Grants whose [from, to) holds an instant; a side left out is open."""
    grants: list[Grant] = (customer or {}).get("personal") or []
    return [
        grant
        for grant in grants
        if (grant.get("from") is None or instant(grant["from"]) <= at)
        and (grant.get("to") is None or at < instant(grant["to"]))
    ]


def instant(value: Any) -> int:
    """UTC microseconds of a text with its offset."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return (moment - EPOCH) // timedelta(microseconds=1)


def with_facts(lines: Iterable[Line], customer: dict[str, Any] | None, grants: list[Grant]) -> list[Line]:
    """The lines, knowing whether the customer favours them and which promotions they are granted in."""
    favourites = {str(one) for one in (customer or {}).get("favourites") or ()}
    return [
        replace(line, is_favourite=line.category in favourites, granted=_granted(line, grants)) for line in lines
    ]  # fmt: skip


def _granted(line: Line, grants: list[Grant]) -> frozenset[str]:
    return frozenset(
        str(grant["promotion"])
        for grant in grants
        if line.sku in (grant.get("skus") or ()) or line.category in (grant.get("categories") or ())
    )


def days_from_birthday(today: date, birthday: str) -> int:
    """The business date less the nearest birthday; 29 February is the 28th in a year without it."""
    month, day = (int(part) for part in birthday.split("-"))
    years = (today.year - 1, today.year, today.year + 1)
    return min(((today - _birthday(year, month, day)).days for year in years), key=abs)


def _birthday(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, 2, 28)


def named_after(document: Any, promotion_id: str) -> Any:
    """A promotion's document with `personal` and «this» saying whose they are."""
    if isinstance(document, list | tuple):
        return [named_after(part, promotion_id) for part in document]
    if not isinstance(document, dict):
        return document
    named: dict[str, Any] = {}
    for key, value in document.items():
        if key == "personal" and value is True:
            named[key] = promotion_id
        elif key == "first_use" and value == "this":
            named |= {key: promotion_id, "is_own": True}
        else:
            named[key] = value if key == "attribute" else named_after(value, promotion_id)
    return named
