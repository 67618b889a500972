"""Conditions and product sets as values: what `when` and `of` of a document mean once they are read.

A value of these types is valid by itself. `path` is the place in the document, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from altyn.core.rules.words import CountBy, PurchaseCount, PurchaseWindow, SumBase


class Attribute(Enum):
    """What a product set may name of a line, besides the price."""

    SKU = "sku"
    CATEGORY = "category"
    BRAND = "brand"
    SUPPLIER = "supplier"


# A text names an attribute of the catalogue.
Member = Attribute | str


def word_of(member: Member) -> str:
    """Its name, for people."""
    return member.value if isinstance(member, Attribute) else member


@dataclass(frozen=True, slots=True)
class ProductSet:
    """Lines whose every given attribute is in its list, price within [price_from, price_to], and in none of
    `excepted`.
    """

    members: Mapping[Member, tuple[str, ...]] = field(default_factory=dict)
    price_from_minor: int | None = None
    price_to_minor: int | None = None
    excepted: tuple[ProductSet, ...] = ()
    favourite: bool = False  # of the customer's favourite categories
    personal: bool = False  # chosen for the customer in a grant of the promotion

    @property
    def is_all(self) -> bool:
        named = self.members or self.excepted or self.favourite or self.personal
        return not named and self.price_from_minor is None and self.price_to_minor is None

    @property
    def is_own(self) -> bool:
        """What is in it depends on the customer."""
        return self.favourite or self.personal or any(left_out.is_own for left_out in self.excepted)

    @property
    def asks_grant(self) -> bool:
        return self.personal or any(left_out.asks_grant for left_out in self.excepted)


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
    """One customer attribute: card_type, segment, tier, tier_from, id; or has_card with `flag`."""

    path: str
    attribute: str
    choice: Choice | None = None
    flag: bool | None = None


@dataclass(frozen=True, slots=True)
class Birthday:
    """The business date is at most so many days before or after the customer's birthday."""

    path: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Personal:
    """The customer has a grant of the promotion that is in force."""

    path: str


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
class Earlier:
    """Which earlier purchases are looked at: business dates, goods, stores. `days` belongs to the window DAYS."""

    window: PurchaseWindow = PurchaseWindow.ALWAYS
    days: int = 0
    of: ProductSet = ALL_GOODS
    at: tuple[tuple[str, Choice], ...] = ()  # store attributes: id, region, format, cluster
    same_store: bool = False


@dataclass(frozen=True, slots=True)
class Purchases:
    """How much was bought before, in thousandths whatever is counted."""

    path: str
    earlier: Earlier
    count_by: PurchaseCount
    from_milli: int | None
    below_milli: int | None


@dataclass(frozen=True, slots=True)
class Turnover:
    """For how much was bought before; `include_current`: and what this receipt has of the goods, on base GROSS."""

    path: str
    earlier: Earlier
    from_minor: int | None
    below_minor: int | None
    include_current: bool = False


@dataclass(frozen=True, slots=True)
class PurchaseNumber:
    """This receipt has goods that count, and its number is a multiple of `every` or one of `numbers`."""

    path: str
    earlier: Earlier
    every: int | None
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Validity:
    """Fewer than `days` have gone by since the customer's first use of a promotion (an id, or THIS), or since purchases
    reached a sum: one of the two.
    """

    path: str
    days: int
    first_use: str | None
    reached_minor: int | None = None
    earlier: Earlier = Earlier()


THIS = "this"


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


Historic = Purchases | Turnover | PurchaseNumber | Validity
Leaf = (
    Schedule
    | StoreIs
    | CustomerIs
    | Birthday
    | Personal
    | CouponIs
    | SeriesIs
    | ReceiptSum
    | Quantity
    | Balance
    | Historic
    | PaymentIs
    | RegisterIs
)
Condition = AllOf | AnyOf | NoneOf | Leaf
