"""Rewards: the table of kinds. To add one, see docs/howto/add-a-reward-kind.md."""

from __future__ import annotations

from altyn.core.rules.promotion import Amount, Expiry, FixedPrice, Percent, Points, Reward, Tier, Tiers
from altyn.core.rules.read.forms import Fields, Flag, Form, Key, MappingOf, Schema, Whole, Word
from altyn.core.rules.read.multipliers import RATE_MULTIPLIER
from altyn.core.rules.read.notices import GIFT, ISSUE_COUPON, MESSAGE
from altyn.core.rules.read.problems import Code, Reading, shown
from altyn.core.rules.read.products import OF, amount, rate
from altyn.core.rules.read.set_rewards import BUNDLE, BUY_GET, LADDER, MULTI_BUY
from altyn.core.rules.read.shared import EXPIRY, identifier, in_scale, points_number
from altyn.core.rules.read.tiers import PROGRESSIVE, Tiered, tier_keys
from altyn.core.rules.words import AmountSpread

REWARDS_MAX = 16
ACTIVE_AFTER_DAYS_MAX = 3_650
# A cheap asset (many points to a rouble) earns more than 100 %.
ACCRUAL_PERCENT_MAX = 10_000

RATE = Key("rate", rate("a rate in percent", 100), title="% off the running price, up to 4 digits after the point")
PERCENT = Tiered(
    "percent",
    [RATE, OF, *tier_keys([RATE]), PROGRESSIVE],
    lambda fields, path: Percent(path, fields["rate"], fields["of"], fields["tiers"]),
    one_of=("rate", "tiers"),
)

OFF = Key("off", amount("an amount", 1), title="what is taken off")
AMOUNT = Tiered(
    "amount",
    [
        OFF,
        Key("spread", Word({spread.name.lower(): spread for spread in AmountSpread}), AmountSpread.RECEIPT),
        OF,
        *tier_keys([OFF]),
    ],
    lambda fields, path: Amount(path, fields["off"], fields["spread"], fields["of"], fields["tiers"]),
    one_of=("off", "tiers"),
)

FIXED_PRICE: MappingOf[Reward] = MappingOf(
    "fixed_price",
    [Key("price", amount("a price"), required=True, title="what a unit costs; a lower price stays"), OF],
    lambda fields, path: FixedPrice(path, fields["price"], fields["of"]),
)

ACTIVE_AFTER: MappingOf[int] = MappingOf(
    "active_after",
    [Key("days", Whole("a number of days", 0, ACTIVE_AFTER_DAYS_MAX), required=True)],
    lambda fields, path: fields["days"],
)


class _PointsForm(Tiered):
    """Fixed points are in the asset's own scale."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        fields["fixed"] = in_scale(fields["fixed"], fields["asset"], f"{path}.fixed", reading)
        if fields["tiers_key"] == "fixed":
            tiers, asset = fields["tiers"], fields["asset"]
            steps = []
            for number, step in enumerate(tiers.steps):
                points = in_scale(step.value, asset, f"{path}.tiers[{number}].fixed", reading)
                steps.append(Tier(step.from_minor, points or 0))
            fields["tiers"] = Tiers(tuple(steps), tiers.base, tiers.over)
        return fields


def _check_points(fields: Fields, path: str, reading: Reading) -> None:
    expiry = fields["expires"]
    if expiry and expiry.days is not None and fields["active_after"] and expiry.days < fields["active_after"]:
        reading.add(f"{path}.expires.days", Code.CONTRADICTION, "the points expire before they become active")


def _points(fields: Fields, path: str) -> Points:
    return Points(
        path,
        fields["asset"],
        fields["percent"],
        fields["fixed"],
        fields["of"],
        fields["exclude_points_paid"],
        fields["if_paid_with_points"],
        fields["active_after"],
        fields["expires"],
        fields["tiers"],
        fields["tiers_key"] == "fixed",
    )


SHARE_OF_BASE = Key(
    "percent", rate("a rate in percent", ACCRUAL_PERCENT_MAX), title="% of the base: 3 gives 3.00 points for 100.00"
)
FIXED = Key("fixed", points_number(1), title="points per receipt")
POINTS = _PointsForm(
    "points",
    [
        Key("asset", identifier("an asset's id"), required=True, title="the points currency"),
        SHARE_OF_BASE,
        FIXED,
        OF,
        Key("exclude_points_paid", Flag(), True),
        Key("if_paid_with_points", Word({"ACCRUE": False, "SKIP_RECEIPT": True}), False),
        Key("active_after", ACTIVE_AFTER, 0),
        Key("expires", EXPIRY, Expiry()),
        *tier_keys([SHARE_OF_BASE, FIXED]),
    ],
    _points,
    one_of=("percent", "fixed", "tiers"),
    check=_check_points,
    accrual=True,
)

KINDS: dict[str, MappingOf[Reward]] = {
    "percent": PERCENT,
    "amount": AMOUNT,
    "fixed_price": FIXED_PRICE,
    "multi_buy": MULTI_BUY,
    "bundle": BUNDLE,
    "buy_get": BUY_GET,
    "ladder": LADDER,
    "points": POINTS,
    "multiplier": RATE_MULTIPLIER,
    "message": MESSAGE,
    "gift": GIFT,
    "issue_coupon": ISSUE_COUPON,
}
ACCRUAL_KINDS = frozenset({"points"})
SET_KINDS = frozenset({"multi_buy", "bundle", "buy_get", "ladder"})
NOTICE_KINDS = frozenset({"message", "gift", "issue_coupon"})
RATE_KINDS = frozenset({"multiplier"})


class RewardForm(Form[Reward]):
    """A mapping with exactly one key of KINDS."""

    def read(self, value: object, path: str, reading: Reading) -> Reward | None:
        if not isinstance(value, dict):
            reading.add(
                path, Code.WRONG_TYPE, f"a reward is a mapping with one of {', '.join(KINDS)}, not {shown(value)!r}"
            )
            return None
        before = reading.count
        for key in value:
            if key not in KINDS:
                reading.unknown_key(path, key, KINDS)
        made = [form.read(value[kind], f"{path}.{kind}", reading) for kind, form in KINDS.items() if kind in value]
        if not value:
            reading.add(path, Code.EMPTY, f"a reward needs one of {', '.join(KINDS)}")
        elif len(made) > 1:
            reading.add(path, Code.CONTRADICTION, "one reward gives one thing: write two rewards")
        return None if reading.count > before else made[0]

    def schema(self) -> Schema:
        return {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {kind: {"$ref": f"#/$defs/{kind}"} for kind in KINDS},
        }


REWARD = RewardForm()


def kinds_of(rewards: object) -> set[str]:
    """Known kinds written under `reward`, whatever else is wrong with them."""
    if not isinstance(rewards, list | tuple):
        return set()
    return {kind for reward in rewards if isinstance(reward, dict) for kind in KINDS if kind in reward}
