"""The promotion as values: what a document means once it is read, with every default written out.

`definition` makes these from documents, `compile` turns them into a ruleset image. Numbers are integers in the units
their names end with; nothing here is a float. Invariant: a value of these types is valid by itself (ranges,
vocabulary); what needs the other documents (groups that agree, assets) is checked by `compile`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from altyn.core.rules.condition import Condition, ProductSet
from altyn.core.rules.words import (
    AfterLast,
    Allocate,
    AllocateTo,
    AmountSpread,
    BlockUnit,
    Channel,
    DiscountBy,
    ExclusiveOver,
    ExclusiveScope,
    FreeUnits,
    GroupMode,
    GroupScope,
    LimitMeasure,
    LimitPer,
    LimitWindow,
    OnReturn,
    OnShort,
    Stage,
    SumBase,
    UnitOrder,
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
    end_of_year: int | None = None


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


@dataclass(frozen=True, slots=True)
class RateMultiplier:
    """Multiplies the rates of another promotion on lines of `of`; `times` is in ten-thousandths."""

    path: str
    times: int
    promotion: str
    of: ProductSet


@dataclass(frozen=True, slots=True)
class Gift:
    """Promises `quantity` units of one of `skus`, as the customer chooses."""

    path: str
    skus: tuple[str, ...]
    quantity: int
    text: Mapping[str, str]


SetReward = MultiBuy | Bundle | BuyGet | Ladder
AppliedReward = MultiBuy | Bundle | BuyGet  # made of applications that can be counted
Notice = Message | IssueCoupon | Gift  # what takes nothing off and gives no points
Reward = Percent | Amount | FixedPrice | SetReward | Points | RateMultiplier | Notice


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
    elif not isinstance(reward, Notice):
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
class Multiplier:
    """What multiplies the rates of a promotion, on lines of `of`, while `when` holds; `times` is in ten-thousandths."""

    path: str
    times: int
    when: Condition | None
    of: ProductSet


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
    nudge: Mapping[str, str] = field(default_factory=dict)  # said when little is missing to it
    multipliers: tuple[Multiplier, ...] = ()
    max_rate_ppm: int | None = None
    on_return: OnReturn = OnReturn.KEEP

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The roots of all its conditions."""
        return tuple(when for when in (self.when, *(one.when for one in self.multipliers)) if when is not None)


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
    anonymous: bool = False  # cards that are nobody's may pay too


@dataclass(frozen=True, slots=True)
class Rounding:
    """A `rounding` document: what is to pay goes down to a multiple of `to_minor` (stage 10)."""

    rounding_id: str
    title: Mapping[str, str]
    priority: int
    to_minor: int
    when: Condition | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A `limit` document: a cap, or how assets pay."""

    limit_id: str
    title: Mapping[str, str]
    priority: int
    cap: Cap | None = None
    payment: tuple[PaymentRule, ...] = ()
