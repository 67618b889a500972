"""The two kinds of documents, promotion and asset, and what their keys say to one another."""

from __future__ import annotations

from altyn.core.rules.promotion import (
    Asset,
    Floor,
    Group,
    GroupMode,
    GroupScope,
    Promotion,
    ReceiptSum,
    Stage,
    SumBase,
)
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
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import AMOUNT_MAX, amount, rate
from altyn.core.rules.read.rewards import (
    ACCRUAL_KINDS,
    REWARD,
    REWARDS_MAX,
    SCALE_DEFAULT,
    SCALE_MAX,
    identifier,
    in_scale,
    kinds_of,
)

PRIORITY_MAX = 1_000_000
PRIORITY_DEFAULT = 100
# Stages a document may name; the others are not the marketer's (semantics §6.2).
STAGES = {
    stage.name.lower(): stage
    for stage in (Stage.PRICE, Stage.ITEM, Stage.SET, Stage.RECEIPT, Stage.COUPON, Stage.CARD, Stage.ACCRUAL)
}
PRIORITY = Whole("a priority", 0, PRIORITY_MAX)

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


class _PromotionForm(MappingOf[Promotion]):
    """Adds what needs the raw rewards: the default stage, and discounts mixed with points."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        kinds = kinds_of(value.get("reward"))
        points, discounts = kinds & ACCRUAL_KINDS, kinds - ACCRUAL_KINDS
        if "stage" not in value and points and not discounts:
            value = {**value, "stage": "accrual"}
        fields = super().fields(value, path, reading)
        stage = fields["stage"]
        if points and discounts:
            reading.add("reward", Code.CONTRADICTION, "discounts and points do not mix: write two promotions")
        elif points and stage not in (None, Stage.ACCRUAL):
            reading.add("stage", Code.CONTRADICTION, "points are given in stage accrual: leave the key out")
        elif discounts and stage is Stage.ACCRUAL:
            reading.add(
                "stage", Code.CONTRADICTION, f"stage accrual gives points only, not {', '.join(sorted(discounts))}"
            )
        if points and not discounts:
            for name in ("allow_free", "floor", "cost_floor"):
                if fields[name] not in (None, False, Floor()):
                    reading.add(name, Code.CONTRADICTION, "points take nothing off a price: leave the key out")
        return fields


def _check_promotion(fields: Fields, path: str, reading: Reading) -> None:
    """NET is to pay after stage 10: no discount may depend on it."""
    if fields["when"] is None or fields["stage"] in (None, Stage.ACCRUAL):
        return
    for condition in walk(fields["when"]):
        if isinstance(condition, ReceiptSum) and condition.base is SumBase.NET:
            reading.add(
                f"{condition.path}.base", Code.CONTRADICTION, "NET is known in stage accrual only: use GROSS or RUNNING"
            )


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
