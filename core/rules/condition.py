"""Conditions and product sets as values: what `when` and `of` of a document mean once they are read.

A value of these types is valid by itself. `path` is the place in the document, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from altyn.core.rules.words import CountBy, SumBase


class Attribute(Enum):
    """What a product set may name, besides the price."""

    SKU = "sku"
    CATEGORY = "category"
    BRAND = "brand"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class ProductSet:
    """Lines whose every given attribute is in its list, price within [price_from, price_to], and in none of
    `excepted`.
    """

    members: Mapping[Attribute, tuple[str, ...]] = field(default_factory=dict)
    price_from_minor: int | None = None
    price_to_minor: int | None = None
    excepted: tuple[ProductSet, ...] = ()

    @property
    def is_all(self) -> bool:
        return not (self.members or self.excepted) and self.price_from_minor is None and self.price_to_minor is None


ALL_GOODS = ProductSet()


@dataclass(frozen=True, slots=True)
class Choice:
    """A value matches when it is in `any_of` (if given) and not in `none_of`."""

    any_of: tuple[str, ...] | None = None
    none_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    path: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    path: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    path: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Wall-clock schedule. Dates are days since 1970-01-01, moments microseconds since then by the same wall clock."""

    path: str
    from_date: int | None = None
    to_date: int | None = None  # included
    from_wall_us: int | None = None
    to_wall_us: int | None = None  # excluded
    windows: tuple[tuple[int, int], ...] = ()  # minutes of the day, end 1440 for 24:00; () is the whole day
    weekdays: tuple[int, ...] = ()  # Monday is 0; () is every day
    days_of_month: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreIs:
    """One store attribute; several attributes of one document condition are several StoreIs in an AllOf."""

    path: str
    attribute: str  # id, region, format, cluster
    choice: Choice


@dataclass(frozen=True, slots=True)
class CustomerIs:
    """One customer attribute: card_type, segment, id; or has_card with `flag`."""

    path: str
    attribute: str
    choice: Choice | None = None
    flag: bool | None = None


@dataclass(frozen=True, slots=True)
class CouponIs:
    path: str
    code: str  # trimmed, ASCII upper case


@dataclass(frozen=True, slots=True)
class SeriesIs:
    """A valid code of this coupon series is entered."""

    path: str
    series: str


@dataclass(frozen=True, slots=True)
class ReceiptSum:
    path: str
    from_minor: int | None
    below_minor: int | None
    base: SumBase
    of: ProductSet


@dataclass(frozen=True, slots=True)
class Quantity:
    path: str
    from_milli: int | None  # thousandths, also when counting units
    below_milli: int | None
    count_by: CountBy
    of: ProductSet


@dataclass(frozen=True, slots=True)
class Balance:
    """Points of the asset that may be spent, in its smallest unit."""

    path: str
    asset: str
    from_points: int | None
    below_points: int | None


@dataclass(frozen=True, slots=True)
class PaymentIs:
    """These types pay at least `from_ppm` of what is paid; None: more than nothing."""

    path: str
    types: tuple[int, ...]  # numbers of altyn.pos.v1.PaymentType
    from_ppm: int | None


@dataclass(frozen=True, slots=True)
class RegisterIs:
    """One attribute of the register: id or channel; several are several RegisterIs in an AllOf."""

    path: str
    attribute: str
    choice: Choice


Condition = (
    AllOf
    | AnyOf
    | NoneOf
    | Schedule
    | StoreIs
    | CustomerIs
    | CouponIs
    | SeriesIs
    | ReceiptSum
    | Quantity
    | Balance
    | PaymentIs
    | RegisterIs
)
