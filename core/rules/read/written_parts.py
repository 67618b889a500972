"""How single values are written in a document: the inverse of the forms that read them."""

from __future__ import annotations

from typing import Any

from altyn.core.rules.condition import Attribute, Choice, ProductSet
from altyn.core.rules.promotion import Expiry
from altyn.core.rules.read.dates import date_text
from altyn.core.rules.read.forms import decimal_text

Document = dict[str, Any]


def present(**fields: object) -> Document:
    """The fields that are given; a name that is a Python word ends in an underscore here."""
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}


def money_text(minor: int | None) -> str | None:
    return None if minor is None else decimal_text(minor, 2)


def points_text(points: int | None, scale: int) -> str | None:
    return None if points is None else decimal_text(points, scale)


def milli_text(milli: int | None, digits: int) -> str | None:
    """Thousandths as a quantity, of 3 digits after the point or of none."""
    if milli is None:
        return None
    text = decimal_text(milli, 3)
    return text if digits else text[:-4]


def percent_text(rate_ppm: int | None) -> str | None:
    return None if rate_ppm is None else decimal_text(rate_ppm, 4).rstrip("0").rstrip(".")


def product_set(of: ProductSet) -> Document:
    made: Document = {one.value: list(texts) for one, texts in of.members.items() if isinstance(one, Attribute)}
    if attributes := {one: list(texts) for one, texts in of.members.items() if isinstance(one, str)}:
        made["attribute"] = attributes
    if of.favourite:
        made["favourite"] = True
    if of.personal:
        made["personal"] = True
    if of.price_from_minor is not None or of.price_to_minor is not None:
        made["unit_price"] = present(from_=money_text(of.price_from_minor), to=money_text(of.price_to_minor))
    if of.excepted:
        made["except"] = [product_set(excepted) for excepted in of.excepted]
    return made


def choice_of(choice: Choice) -> Document:
    return present(
        any_of=None if choice.any_of is None else list(choice.any_of),
        none_of=list(choice.none_of) or None,
    )


def written_expiry(expiry: Expiry) -> Document | None:
    made = present(
        days=None if expiry.days is None else str(expiry.days),
        date=None if expiry.date is None else date_text(expiry.date),
        end_of_month=None if expiry.end_of_month is None else str(expiry.end_of_month),
        end_of_year=None if expiry.end_of_year is None else str(expiry.end_of_year),
    )
    return made or None
