"""The promotion as values: what a document means once it is read, with every default written out.

`definition` makes these from documents, `compile` turns them into a ruleset image. Numbers are integers in the units
their
names end with; nothing here is a float. Invariant: a value of these types is valid by itself (ranges, vocabulary);
what needs the other documents (groups that agree, assets) is checked by `compile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum


class Stage(IntEnum):
    """Lanes of the calculation; numbers are those of altyn.pos.v1.Stage."""

    PRICE = 1
    ITEM = 2
    SET = 3
    RECEIPT = 4
    COUPON = 5
    CARD = 6
    EXTERNAL = 7
    CAP = 8
    POINTS = 9
    ROUNDING = 10
    ACCRUAL = 11
    MESSAGE = 12


class GroupMode(IntEnum):
    CASCADE = 0
    BEST = 1


class GroupScope(IntEnum):
    RECEIPT = 0
    LINE = 1


class SumBase(IntEnum):
    GROSS = 0
    STAGE_ENTRY = 1
    RUNNING = 2
    NET = 3


class CountBy(IntEnum):
    UNITS = 0
    WEIGHT = 1


class AmountSpread(IntEnum):
    UNIT = 0
    LINE = 1
    RECEIPT = 2


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


Condition = AllOf | AnyOf | NoneOf | Schedule | StoreIs | CustomerIs | CouponIs | ReceiptSum | Quantity


@dataclass(frozen=True, slots=True)
class Percent:
    path: str
    rate_ppm: int
    of: ProductSet


@dataclass(frozen=True, slots=True)
class Amount:
    path: str
    off_minor: int
    spread: AmountSpread
    of: ProductSet


@dataclass(frozen=True, slots=True)
class Expiry:
    """At most one is given; all None is "never"."""

    days: int | None = None
    date: int | None = None  # days since 1970-01-01, the last day
    end_of_month: int | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """`rate_ppm` of the base (1 % = 10 000) or `fixed_points` per receipt, in the asset's smallest unit."""

    path: str
    asset: str
    rate_ppm: int | None
    fixed_points: int | None
    of: ProductSet
    exclude_points_paid: bool
    skip_if_paid_with_points: bool
    active_after_days: int
    expiry: Expiry


Reward = Percent | Amount | Points


@dataclass(frozen=True, slots=True)
class Floor:
    """A unit never goes below `price_minor` (per 1.000 of measure) nor below `rate_ppm` of its gross."""

    price_minor: int | None = None
    rate_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What a member declares; None is left to the other members and the defaults."""

    name: str
    mode: GroupMode | None = None
    scope: GroupScope | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    promotion_id: str
    title: Mapping[str, str]
    stage: Stage
    group: Group | None
    priority: int
    when: Condition | None
    rewards: tuple[Reward, ...]
    allow_free: bool = False
    floor: Floor = Floor()
    cost_floor: bool = False


@dataclass(frozen=True, slots=True)
class Asset:
    """A points currency. One point on paper is 10**scale of the smallest unit; `step_points` is in the smallest
    unit.
    """

    asset: str
    title: Mapping[str, str]
    scale: int = 2
    step_points: int = 1
