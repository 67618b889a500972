"""Rewards: the table of kinds. To add one, see docs/howto/add-a-reward-kind.md."""

from __future__ import annotations

from altyn.core.rules.promotion import Amount, AmountSpread, Expiry, Percent, Points, Reward
from altyn.core.rules.read.forms import Decimal, Fields, Flag, Form, Key, MappingOf, Moment, Schema, Text, Whole, Word
from altyn.core.rules.read.problems import Code, Reading, shown
from altyn.core.rules.read.products import AMOUNT_MAX, OF, amount, rate

REWARDS_MAX = 16
SCALE_MAX = 4
SCALE_DEFAULT = 2
ACTIVE_AFTER_DAYS_MAX = 3_650
EXPIRY_DAYS_MAX = 36_500
EXPIRY_MONTHS_MAX = 1_200
# A cheap asset (many points to a rouble) earns more than 100 %.
ACCRUAL_PERCENT_MAX = 10_000
ID_PATTERN = "[a-z0-9][a-z0-9._-]{0,63}"
ID_SHAPE = "small letters, digits, '.', '_', '-', at most 64, a letter or digit first"


def identifier(wanted: str) -> Text:
    return Text(wanted, bytes_max=64, pattern=ID_PATTERN, shape=ID_SHAPE)


def in_scale(number: int | None, asset: str | None, path: str, reading: Reading) -> int | None:
    """Ten-thousandths of a point → the asset's smallest unit; more digits than the asset has are a problem."""
    if number is None or asset is None:
        return None
    cut = SCALE_MAX - reading.scales.get(asset, SCALE_DEFAULT)
    text = str(number).rjust(SCALE_MAX + 1, "0")
    if cut and text[-cut:].strip("0"):
        reading.add(path, Code.TOO_PRECISE, f'points of "{asset}" have {SCALE_MAX - cut} digits after the point')
        return None
    return int(text[: len(text) - cut])


PERCENT: MappingOf[Reward] = MappingOf(
    "percent",
    [
        Key(
            "rate",
            rate("a rate in percent", 100),
            required=True,
            title="% off the running price, up to 4 digits after the point",
        ),
        OF,
    ],
    lambda fields, path: Percent(path, fields["rate"], fields["of"]),
)

AMOUNT: MappingOf[Reward] = MappingOf(
    "amount",
    [
        Key("off", amount("an amount", 1), required=True, title="what is taken off"),
        Key("spread", Word({spread.name.lower(): spread for spread in AmountSpread}), AmountSpread.RECEIPT),
        OF,
    ],
    lambda fields, path: Amount(path, fields["off"], fields["spread"], fields["of"]),
)


def _one_expiry(fields: Fields, path: str, reading: Reading) -> None:
    if sum(value is not None for value in fields.values()) > 1:
        reading.add(path, Code.CONTRADICTION, "give one of days, date, end_of_month")


EXPIRY: MappingOf[Expiry] = MappingOf(
    "expires",
    [
        Key("days", Whole("a number of days", 0, EXPIRY_DAYS_MAX)),
        Key("date", Moment(time_allowed=False)),
        Key("end_of_month", Whole("a number of months", 0, EXPIRY_MONTHS_MAX)),
    ],
    lambda fields, path: Expiry(fields["days"], fields["date"] and fields["date"][0], fields["end_of_month"]),
    check=_one_expiry,
    some=True,
)

ACTIVE_AFTER: MappingOf[int] = MappingOf(
    "active_after",
    [Key("days", Whole("a number of days", 0, ACTIVE_AFTER_DAYS_MAX), required=True)],
    lambda fields, path: fields["days"],
)


class _PointsForm(MappingOf[Reward]):
    """Needs exactly one of `percent` and `fixed`."""

    def read(self, value: object, path: str, reading: Reading) -> Reward | None:
        if isinstance(value, dict):
            given = [name for name in ("percent", "fixed") if name in value]
            if len(given) == 2:
                reading.add(path, Code.CONTRADICTION, "give percent or fixed, not both: two rewards may give both")
            elif not given:
                reading.add(path, Code.REQUIRED, "give percent (of the base) or fixed (per receipt)")
        return super().read(value, path, reading)

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        fields["fixed"] = in_scale(fields["fixed"], fields["asset"], f"{path}.fixed", reading)
        return fields

    def schema(self) -> Schema:
        return {**super().schema(), "oneOf": [{"required": ["percent"]}, {"required": ["fixed"]}]}


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
    )


POINTS = _PointsForm(
    "points",
    [
        Key("asset", identifier("an asset's id"), required=True, title="the points currency"),
        Key(
            "percent",
            rate("a rate in percent", ACCRUAL_PERCENT_MAX),
            title="% of the base: 3 gives 3.00 points for 100.00",
        ),
        Key("fixed", Decimal("a number of points", SCALE_MAX, 1, AMOUNT_MAX), title="points per receipt"),
        OF,
        Key("exclude_points_paid", Flag(), True),
        Key("if_paid_with_points", Word({"ACCRUE": False, "SKIP_RECEIPT": True}), False),
        Key("active_after", ACTIVE_AFTER, 0),
        Key("expires", EXPIRY, Expiry()),
    ],
    _points,
    check=_check_points,
)

KINDS: dict[str, MappingOf[Reward]] = {"percent": PERCENT, "amount": AMOUNT, "points": POINTS}
ACCRUAL_KINDS = frozenset({"points"})


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
