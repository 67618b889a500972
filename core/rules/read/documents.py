"""The two kinds of documents, promotion and asset, and what their keys say to one another."""

from __future__ import annotations

from altyn.core.rules.condition import ReceiptSum
from altyn.core.rules.promotion import Asset, Exclusive, Floor, Gift, Group, Promotion
from altyn.core.rules.read.conditions import CONDITION, walk
from altyn.core.rules.read.forms import (
    Decimal,
    Fields,
    Flag,
    Form,
    Key,
    ListOf,
    MappingOf,
    Named,
    Schema,
    Titles,
    Whole,
    Word,
)
from altyn.core.rules.read.limits import LIMITS, usage_limits
from altyn.core.rules.read.multipliers import MAX_RATE, MULTIPLIERS, check_multipliers, check_rate_multipliers
from altyn.core.rules.read.notices import MESSAGES, SILENCE
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import AMOUNT_MAX, amount, rate
from altyn.core.rules.read.rewards import (
    ACCRUAL_KINDS,
    NOTICE_KINDS,
    RATE_KINDS,
    REWARD,
    REWARDS_MAX,
    SET_KINDS,
    kinds_of,
)
from altyn.core.rules.read.shared import (
    PRIORITY,
    PRIORITY_DEFAULT,
    SCALE_DEFAULT,
    SCALE_MAX,
    identifier,
    in_scale,
)
from altyn.core.rules.words import (
    ExclusiveOver,
    ExclusiveScope,
    GroupMode,
    GroupScope,
    LimitMeasure,
    OnReturn,
    Stage,
    SumBase,
)

RETURN_POLICIES = {policy.name: policy for policy in OnReturn}

# Stages a document may name; the others are not the marketer's (semantics §6.2).
STAGES = {
    stage.name.lower(): stage
    for stage in (
        Stage.PRICE,
        Stage.ITEM,
        Stage.SET,
        Stage.RECEIPT,
        Stage.COUPON,
        Stage.CARD,
        Stage.ACCRUAL,
        Stage.MESSAGE,
        Stage.RATE,
    )
}
UNSTAGED = {
    "accrual": "points are",
    "message": "messages, gifts and coupons alone are",
    "rate": "multipliers are",
}
UNPRICED = (Stage.ACCRUAL, Stage.MESSAGE, Stage.RATE)

GROUP_MAPPING: MappingOf[Group] = MappingOf(
    "group",
    [
        Key("name", identifier("a group's name"), required=True),
        Key("mode", Word({mode.name: mode for mode in GroupMode})),
        Key("scope", Word({scope.name: scope for scope in GroupScope})),
        Key("priority", PRIORITY),
    ],
    lambda fields, path: Group(fields["name"], fields["mode"], fields["scope"], fields["priority"]),
)


class _GroupForm(Form[Group]):
    """A name, or a mapping."""

    NAME = identifier("a group's name")

    def read(self, value: object, path: str, reading: Reading) -> Group | None:
        if isinstance(value, dict):
            return GROUP_MAPPING.read(value, path, reading)
        name = self.NAME.read(value, path, reading)
        return None if name is None else Group(name)

    def schema(self) -> Schema:
        return {"anyOf": [self.NAME.schema(), GROUP_MAPPING.schema()]}


def _one_floor(fields: Fields, path: str, reading: Reading) -> None:
    if fields["price"] is not None and fields["percent"] is not None:
        reading.add(path, Code.CONTRADICTION, "give price or percent, not both")


FLOOR: MappingOf[Floor] = MappingOf(
    "floor",
    [Key("price", amount("a price", 1)), Key("percent", rate("a rate in percent", 100))],
    lambda fields, path: Floor(fields["price"], fields["percent"]),
    check=_one_floor,
    some=True,
)


EXCLUSIVE_MAPPING: MappingOf[Exclusive] = MappingOf(
    "exclusive",
    [
        Key("over", Word({over.name: over for over in ExclusiveOver}), required=True),
        Key("scope", Word({scope.name: scope for scope in ExclusiveScope}), ExclusiveScope.UNIT),
    ],
    lambda fields, path: Exclusive(fields["over"], fields["scope"]),
)


class _ExclusiveForm(Form[Exclusive]):
    """STAGE, ALL, or a mapping."""

    WORD = Word({over.name: over for over in ExclusiveOver})

    def read(self, value: object, path: str, reading: Reading) -> Exclusive | None:
        if isinstance(value, dict):
            return EXCLUSIVE_MAPPING.read(value, path, reading)
        over = self.WORD.read(value, path, reading)
        return None if over is None else Exclusive(over)

    def schema(self) -> Schema:
        return {"anyOf": [self.WORD.schema(), EXCLUSIVE_MAPPING.schema()]}


class _PromotionForm(MappingOf[Promotion]):
    """Adds what needs the raw rewards: the default stage, and kinds that do not stand together."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        kinds = kinds_of(value.get("reward"))
        points, discounts = kinds & ACCRUAL_KINDS, kinds - ACCRUAL_KINDS - NOTICE_KINDS - RATE_KINDS
        only = "rate" if kinds & RATE_KINDS else "accrual" if points else "message" if kinds else None
        if "stage" not in value and only and not discounts:
            value = {**value, "stage": only}
        fields = super().fields(value, path, reading)
        stage = fields["stage"]
        if points and discounts:
            reading.add("reward", Code.CONTRADICTION, "discounts and points do not mix: write two promotions")
        elif only and not discounts and stage not in (None, STAGES[only]):
            reading.add("stage", Code.CONTRADICTION, f"{UNSTAGED[only]} given in stage {only}: leave the key out")
        elif discounts and stage in UNPRICED:
            message = f"stage {stage.name.lower()} gives no discounts: not {', '.join(sorted(discounts))}"
            reading.add("stage", Code.CONTRADICTION, message)
        elif discounts & SET_KINDS and stage not in (None, Stage.SET):
            message = f"{', '.join(sorted(discounts & SET_KINDS))} stand in stage set"
            reading.add("stage", Code.CONTRADICTION, message)
        elif stage is Stage.SET and discounts & SET_KINDS and discounts - SET_KINDS:
            message = f"a set reward has no {', '.join(sorted(discounts - SET_KINDS))} beside it: write two promotions"
            reading.add("reward", Code.CONTRADICTION, message)
        if kinds and not discounts:
            for name in ("allow_free", "floor", "cost_floor", "exclusive", "skip_discounted"):
                if fields[name] not in (None, False, Floor()):
                    reading.add(name, Code.CONTRADICTION, "nothing is taken off a price here: leave the key out")
        return fields


def _check_promotion(fields: Fields, path: str, reading: Reading) -> None:
    """NET is to pay after stage 10: no discount may depend on it."""
    if fields["limits"] and fields["reward"] is not None:
        fields["limits"] = usage_limits(fields["limits"], fields["reward"], reading)
    if fields["stage"] is Stage.MESSAGE:
        _check_gift_limits(fields, reading)
    if fields["stage"] is Stage.RATE:
        check_rate_multipliers(fields, reading)
    else:
        check_multipliers(fields, reading)
    _check_return(fields, reading)
    if fields["stage"] is None or fields["stage"] in UNPRICED:
        return
    for when in (fields["when"], *(one.when for one in fields["multiplier"] or ())):
        for condition in [] if when is None else walk(when):
            if isinstance(condition, ReceiptSum) and condition.base is SumBase.NET:
                message = "NET is known in stage accrual only: use GROSS or RUNNING"
                reading.add(f"{condition.path}.base", Code.CONTRADICTION, message)


def _check_return(fields: Fields, reading: Reading) -> None:
    """Points and issued coupons may be decided again, what is paid may not; only a discount has goods it stands on."""
    policy, stage = fields["on_return"], fields["stage"]
    if policy in (None, OnReturn.KEEP) or stage is None:
        return
    if policy is OnReturn.READJUDICATE and stage not in (Stage.ACCRUAL, Stage.MESSAGE):
        message = "only points and issued coupons are decided again, never what was paid: KEEP or FORBID_PARTIAL"
        reading.add("on_return", Code.CONTRADICTION, message)
    elif policy is OnReturn.FORBID_PARTIAL and stage in UNPRICED:
        message = "only a discount can ask for all of its goods: KEEP or READJUDICATE"
        reading.add("on_return", Code.CONTRADICTION, message)


def _check_gift_limits(fields: Fields, reading: Reading) -> None:
    """Messages and coupons have none; a gift is promised so and so often."""
    promises = any(isinstance(one, Gift) for one in fields["reward"] or ())
    if fields["limits"] and not promises:
        reading.add("limits", Code.CONTRADICTION, "limits are of discounts, points and gifts: leave the key out")
    for limit in fields["limits"] or ():
        if promises and limit.measure is not LimitMeasure.TIMES:
            reading.add(limit.path, Code.CONTRADICTION, "a gift takes no money: limit its times")


def _promotion(fields: Fields, path: str) -> Promotion:
    return Promotion(
        fields["promotion"],
        fields["title"],
        fields["stage"],
        fields["group"],
        fields["priority"],
        fields["when"],
        fields["reward"],
        fields["allow_free"],
        fields["floor"],
        fields["cost_floor"],
        fields["exclusive"],
        fields["skip_discounted"],
        fields["limits"],
        fields["messages"].messages,
        fields["messages"].nudge,
        fields["multiplier"] or (),
        fields["max_rate"],
        fields["on_return"],
    )


PROMOTION = _PromotionForm(
    "a promotion",
    [
        Key("promotion", identifier("a promotion's id"), required=True, title="stable id"),
        Key("title", Titles(), {}, title="text by language"),
        Key("stage", Word(STAGES), required=True, title=", ".join(STAGES)),
        Key("group", _GroupForm()),
        Key("priority", PRIORITY, PRIORITY_DEFAULT, title="smaller first; ties by id"),
        Key("when", Named("condition", lambda: CONDITION)),
        Key("reward", ListOf(REWARD, "rewards", REWARDS_MAX, single=False), required=True),
        Key("allow_free", Flag(), False, title="the discount may bring a unit to 0"),
        Key("floor", FLOOR, Floor()),
        Key("cost_floor", Flag(), False, title="no unit goes below its cost"),
        Key("exclusive", _ExclusiveForm(), title="later promotions skip what this one gave on"),
        Key("skip_discounted", Flag(), False, title="skips what earlier promotions gave on"),
        Key("limits", LIMITS, ()),
        Key("messages", MESSAGES, SILENCE, title="said when the promotion gave something, or nearly"),
        Key("multiplier", MULTIPLIERS, (), title="what multiplies its rates"),
        Key("max_rate", MAX_RATE, title="the multiplied rate is not above it"),
        Key("on_return", Word(RETURN_POLICIES), OnReturn.KEEP, title="what a return in parts does to it"),
    ],
    _promotion,
    check=_check_promotion,
)


def _asset(fields: Fields, path: str) -> Asset:
    return Asset(fields["asset"], fields["title"], fields["scale"], fields["step"])


class _AssetForm(MappingOf[Asset]):
    """The step is in the asset's own scale."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        scale, asset = fields["scale"], fields["asset"]
        if "step" not in value:
            fields["step"] = 1
        elif scale is not None and asset is not None:
            reading.scales = {**reading.scales, asset: scale}
            fields["step"] = in_scale(fields["step"], asset, "step", reading)
        return fields


ASSET = _AssetForm(
    "an asset",
    [
        Key("asset", identifier("an asset's id"), required=True, title="a points currency"),
        Key("title", Titles(), {}),
        Key("scale", Whole("a scale", 0, SCALE_MAX), SCALE_DEFAULT, title="digits after the point"),
        Key("step", Decimal("a step", SCALE_MAX, 1, AMOUNT_MAX), title="accrual is rounded down to a multiple of this"),
    ],
    _asset,
)
