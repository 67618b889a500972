"""What multiplies the rates of a promotion or of another one, and how far."""

from __future__ import annotations

from altyn.core.rules.condition import ALL_GOODS
from altyn.core.rules.promotion import (
    Message,
    Multiplier,
    Notice,
    Percent,
    Points,
    RateMultiplier,
    Reward,
    is_progressive,
)
from altyn.core.rules.read.conditions import CONDITION
from altyn.core.rules.read.forms import Decimal, Fields, Key, ListOf, MappingOf, Named
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import OF, rate
from altyn.core.rules.read.shared import identifier

MULTIPLIERS_MAX = 8
TIMES_MAX = 1_000_000
RATE_MAX_PERCENT = 10_000

TIMES = Key("times", Decimal("a multiplier", 4, 1, TIMES_MAX), required=True, title="the rate is multiplied by this")
RATE_MULTIPLIER: MappingOf[Reward] = MappingOf(
    "multiplier",
    [TIMES, Key("promotion", identifier("a promotion's id"), required=True, title="whose rate is multiplied"), OF],
    lambda fields, path: RateMultiplier(path, fields["times"], fields["promotion"], fields["of"]),
)
# What says something of a price or of other promotions has no place beside it.
APART = ("group", "limits", "multiplier", "max_rate")

MULTIPLIER: MappingOf[Multiplier] = MappingOf(
    "a multiplier",
    [
        TIMES,
        Key("when", Named("condition", lambda: CONDITION)),
        OF,
    ],
    lambda fields, path: Multiplier(path, fields["times"], fields["when"], fields["of"]),
)
MULTIPLIERS: ListOf[Multiplier] = ListOf(MULTIPLIER, "multipliers", MULTIPLIERS_MAX, single=False)
MAX_RATE = rate("a rate in percent", RATE_MAX_PERCENT)


def check_multipliers(fields: Fields, reading: Reading) -> None:
    """Only rates and fixed points are multiplied, and only rates have a group of their own or a bound."""
    rewards: tuple[Reward, ...] = fields["reward"] or ()
    given = [name for name in ("multiplier", "max_rate") if fields[name]]
    if not given or not rewards:
        return
    giving = [one for one in rewards if not isinstance(one, Notice)]
    if not giving:
        reading.add(given[0], Code.CONTRADICTION, "there is no rate to multiply: messages and coupons have none")
    for reward in giving:
        if not isinstance(reward, Percent | Points):
            message = "only percent and points are multiplied: write two promotions"
            reading.add(reward.path, Code.CONTRADICTION, message)
            continue
        fixed = isinstance(reward, Points) and reward.is_fixed
        if fixed and fields["max_rate"]:
            reading.add("max_rate", Code.CONTRADICTION, "fixed points have no rate: leave the key out")
        if fixed or is_progressive(reward):
            _refuse_sets(fields["multiplier"] or (), reading)


def check_rate_multipliers(fields: Fields, reading: Reading) -> None:
    """A promotion that multiplies another one does nothing else but say so."""
    rewards: tuple[Reward, ...] = fields["reward"] or ()
    if not any(isinstance(one, RateMultiplier) for one in rewards):
        return
    for one in rewards:
        if not isinstance(one, RateMultiplier | Message):
            reading.add(one.path, Code.CONTRADICTION, "multiplier has only message beside it: write two promotions")
        elif isinstance(one, RateMultiplier) and one.promotion == fields["promotion"]:
            message = "a promotion multiplies its own rate by the key multiplier: name another one"
            reading.add(f"{one.path}.promotion", Code.CONTRADICTION, message)
    for name in APART:
        if fields[name] not in (None, ()):
            reading.add(name, Code.CONTRADICTION, "the promotion it multiplies has these: leave the key out")
    if fields["messages"] is not None and fields["messages"].nudge:
        message = "who multiplies another promotion nudges nobody: leave the key out"
        reading.add("messages.nudge", Code.CONTRADICTION, message)


def _refuse_sets(multipliers: tuple[Multiplier, ...], reading: Reading) -> None:
    for one in multipliers:
        if one.of != ALL_GOODS:
            message = "fixed points and progressive tiers are of the receipt: leave `of` out"
            reading.add(f"{one.path}.of", Code.CONTRADICTION, message)
