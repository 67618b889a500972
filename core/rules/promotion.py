"""The promotion as values: what a document means once it is read, with every default written out.

`definition` makes these from documents, `compile` turns them into a ruleset image. Numbers are integers in the units
their names end with; nothing here is a float. Invariant: a value of these types is valid by itself (ranges,
vocabulary); what needs the other documents (groups that agree, assets) is checked by `compile`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    ADD = 2
    FIRST = 3
    MIN = 4


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


class DiscountBy(IntEnum):
    """What the number of a set reward or of a rung is."""

    PERCENT = 0  # millionths
    AMOUNT = 1  # minor units off
    PRICE = 2  # minor units left to pay


class FreeUnits(IntEnum):
    BLOCK_CHEAPEST = 0
    GLOBAL_CHEAPEST = 1


class Allocate(IntEnum):
    SPREAD = 0
    ON_FREE = 1


class BlockUnit(IntEnum):
    UNITS = 0
    LINES = 1


class AllocateTo(IntEnum):
    ALL = 0
    TARGETS = 1


class AfterLast(IntEnum):
    CLAMP = 0
    REPEAT = 1


class UnitOrder(IntEnum):
    PRICE_DESC = 0
    PRICE_ASC = 1
    SCAN = 2


class Channel(IntEnum):
    """Where a message is shown; numbers are those of altyn.pos.v1.Channel."""

    SLIP = 1
    CASHIER = 2
    CUSTOMER_DISPLAY = 3


class ExclusiveOver(IntEnum):
    STAGE = 1
    ALL = 2


class ExclusiveScope(IntEnum):
    UNIT = 0
    RECEIPT = 1


class LimitMeasure(IntEnum):
    """Numbers are those of altyn.journal.v1.LimitMeasure."""

    TIMES = 1
    AMOUNT = 2
    QUANTITY = 3
    POINTS = 4


class LimitPer(IntEnum):
    """Numbers are those of altyn.journal.v1.LimitPer; RECEIPT needs no counter."""

    RECEIPT = 0
    CUSTOMER = 1
    CARD = 2
    PROMOTION = 3


class LimitWindow(IntEnum):
    """Numbers are those of altyn.journal.v1.LimitWindow; NONE stands with `per: receipt` only."""

    NONE = 0
    DAY = 1
    WEEK = 2
    MONTH = 3
    YEAR = 4
    ALWAYS = 5


class OnShort(IntEnum):
    PARTIAL = 0
    SKIP = 1


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


@dataclass(frozen=True, slots=True)
class Tier:
    """`value` is the reward's number (rate, amount, points) from a base of `from_minor` on."""

    from_minor: int
    value: int


@dataclass(frozen=True, slots=True)
class Tiers:
    """The highest reached step holds for the whole or, `progressive`, each part of the base gets its own step's rate;
    `base` is summed over `over`. Steps ascend."""

    steps: tuple[Tier, ...]
    base: SumBase
    over: ProductSet
    progressive: bool = False


@dataclass(frozen=True, slots=True)
class Percent:
    """`rate_ppm` is None when `tiers` give it; so with the numbers of Amount and Points."""

    path: str
    rate_ppm: int | None
    of: ProductSet
    tiers: Tiers | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    path: str
    off_minor: int | None
    spread: AmountSpread
    of: ProductSet
    tiers: Tiers | None = None


@dataclass(frozen=True, slots=True)
class FixedPrice:
    path: str
    price_minor: int  # per 1.000 of measure
    of: ProductSet


@dataclass(frozen=True, slots=True)
class SetDiscount:
    """What one application of a bundle, or a target of buy_get, gets: millionths or minor units by `by`."""

    by: DiscountBy
    value: int


@dataclass(frozen=True, slots=True)
class MultiBuy:
    path: str
    take: int
    pay: int
    of: ProductSet
    free: FreeUnits = FreeUnits.BLOCK_CHEAPEST
    allocate: Allocate = Allocate.SPREAD
    count_by: BlockUnit = BlockUnit.UNITS
    max_applications: int | None = None
    share_units: bool = False


@dataclass(frozen=True, slots=True)
class BundlePart:
    quantity: int
    of: ProductSet
    target: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    path: str
    parts: tuple[BundlePart, ...]
    discount: SetDiscount
    allocate_to: AllocateTo = AllocateTo.ALL
    max_applications: int | None = None
    share_units: bool = False


@dataclass(frozen=True, slots=True)
class BuyGet:
    """`get_quantity` None is ALL."""

    path: str
    buy_quantity: int
    buy_of: ProductSet
    get_quantity: int | None
    get_of: ProductSet
    discount: SetDiscount
    reusable_qualifiers: bool = False
    max_applications: int | None = None
    share_units: bool = False


@dataclass(frozen=True, slots=True)
class Ladder:
    path: str
    rungs: tuple[int, ...]  # millionths or minor units, by `by`
    by: DiscountBy
    of: ProductSet
    after_last: AfterLast = AfterLast.CLAMP
    order: UnitOrder = UnitOrder.PRICE_DESC
    share_units: bool = False


@dataclass(frozen=True, slots=True)
class Expiry:
    """At most one is given; all None is "never"."""

    days: int | None = None
    date: int | None = None  # days since 1970-01-01, the last day
    end_of_month: int | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """`rate_ppm` of the base (1 % = 10 000) or `fixed_points` per receipt, in the asset's smallest unit, or `tiers` of
    one of the two, which `tiers_fixed` tells.
    """

    path: str
    asset: str
    rate_ppm: int | None
    fixed_points: int | None
    of: ProductSet
    exclude_points_paid: bool
    skip_if_paid_with_points: bool
    active_after_days: int
    expiry: Expiry
    tiers: Tiers | None = None
    tiers_fixed: bool = False

    @property
    def is_fixed(self) -> bool:
        return self.tiers_fixed if self.tiers is not None else self.rate_ppm is None


@dataclass(frozen=True, slots=True)
class Message:
    path: str
    channel: Channel
    text: Mapping[str, str]
    priority: int = 100
    barcode: str | None = None


@dataclass(frozen=True, slots=True)
class IssueCoupon:
    path: str
    series: str
    expiry: Expiry
    text: Mapping[str, str]


Reward = Percent | Amount | FixedPrice | MultiBuy | Bundle | BuyGet | Ladder | Points | Message | IssueCoupon
SetReward = MultiBuy | Bundle | BuyGet | Ladder
Notice = Message | IssueCoupon  # what takes nothing off and gives no points


def is_progressive(reward: Reward) -> bool:
    """Does the reward spread one amount, made by rates of parts, over the receipt."""
    return isinstance(reward, Percent) and reward.tiers is not None and reward.tiers.progressive


def reward_sets(reward: Reward) -> Iterator[ProductSet]:
    """Every product set a reward names."""
    if isinstance(reward, Bundle):
        for part in reward.parts:
            yield part.of
    elif isinstance(reward, BuyGet):
        yield from (reward.buy_of, reward.get_of)
    elif not isinstance(reward, Message | IssueCoupon):
        yield reward.of
        if isinstance(reward, Percent | Amount | Points) and reward.tiers is not None:
            yield reward.tiers.over


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
class Exclusive:
    """What the promotion gave > 0 on is skipped by later promotions of the stage, or of all discount stages."""

    over: ExclusiveOver
    scope: ExclusiveScope = ExclusiveScope.UNIT


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """At most `cap` of the measure (minor units, thousandths, points or receipts) in a window. A budget is AMOUNT or
    POINTS per PROMOTION.
    """

    path: str
    per: LimitPer
    window: LimitWindow
    measure: LimitMeasure
    cap: int
    on_short: OnShort = OnShort.PARTIAL


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
    exclusive: Exclusive | None = None
    skip_discounted: bool = False
    limits: tuple[UsageLimit, ...] = ()
    messages: Mapping[Channel, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asset:
    """A points currency. One point on paper is 10**scale of the smallest unit; `step_points` is in the smallest
    unit.
    """

    asset: str
    title: Mapping[str, str]
    scale: int = 2
    step_points: int = 1


@dataclass(frozen=True, slots=True)
class Cap:
    """Discounts on the lines of `of` stay within `rate_ppm` of their gross, or `amount_minor`: one of the two."""

    by_line: bool
    rate_ppm: int | None
    amount_minor: int | None
    of: ProductSet
    include_points: bool = False


@dataclass(frozen=True, slots=True)
class PaymentRule:
    """How an asset pays. Points are in the asset's smallest unit; `point_ppm` is money for one point on paper, in
    millionths of a money unit (1.00 is 1 000 000); `denied_inputs` are numbers of altyn.pos.v1.InputMethod.
    """

    path: str
    asset: str
    point_ppm: int
    step_points: int | None  # None: the asset's
    min_points: int
    line_ppm: int
    receipt_ppm: int
    max_points: int | None
    of: ProductSet
    when: Condition | None
    denied_inputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """A `limit` document: a cap, or how assets pay."""

    limit_id: str
    title: Mapping[str, str]
    priority: int
    cap: Cap | None = None
    payment: tuple[PaymentRule, ...] = ()
