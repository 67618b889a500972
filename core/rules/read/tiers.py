"""Tiers in place of a reward's number: the highest reached step holds for the whole, or each step for its part."""

from __future__ import annotations

from collections.abc import Sequence

from altyn.core.rules.condition import ALL_GOODS
from altyn.core.rules.promotion import Reward, Tier, Tiers
from altyn.core.rules.read.forms import Fields, Flag, Key, ListOf, Schema, Word
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import OF, amount
from altyn.core.rules.read.shared import OneOf
from altyn.core.rules.words import SumBase

TIERS_MIN = 2
TIERS_MAX = 32

# A step: (from, key of its number, the number).
Step = tuple[int, str, int]


class _Steps(ListOf[Step]):
    """Steps whose `from` grows and whose numbers stand under one key."""

    def read(self, value: object, path: str, reading: Reading) -> tuple[Step, ...] | None:
        steps = super().read(value, path, reading)
        if steps is None:
            return None
        if len(steps) < TIERS_MIN:
            reading.add(path, Code.EMPTY, f"tiers are at least {TIERS_MIN}: a single step is a condition receipt_sum")
            return None
        for number in range(1, len(steps)):
            if steps[number][0] <= steps[number - 1][0]:
                reading.add(f"{path}[{number}].from", Code.CONTRADICTION, "from grows from step to step")
            if steps[number][1] != steps[0][1]:
                reading.add(f"{path}[{number}]", Code.CONTRADICTION, f"all tiers give {steps[0][1]}, or none does")
        return steps

    def schema(self) -> Schema:
        return {**super().schema(), "minItems": TIERS_MIN}


def tier_keys(numbers: Sequence[Key]) -> list[Key]:
    """`tiers`, `base` and `over`; `numbers` are the keys a step may give, one of them."""
    step: OneOf[Step] = OneOf(
        "a tier",
        [Key("from", amount("a sum"), required=True, title="the base is at least this"), *numbers],
        lambda fields, path: next((fields["from"], key.name, fields[key.name]) for key in numbers if fields[key.name]),
        one_of=[key.name for key in numbers],
    )
    return [
        Key("tiers", _Steps(step, "tiers", TIERS_MAX, single=False), title="steps; the highest reached holds for all"),
        Key("base", Word({base.name: base for base in SumBase}), title="what the tiers are a sum of"),
        Key("over", OF.form, title="the product set the sum is taken over"),
    ]


PROGRESSIVE = Key("progressive", Flag(), title="each part of the base gets the rate of its own step")


class Tiered(OneOf[Reward]):
    """A reward with a number or tiers; `tiers` becomes a value, and `tiers_key` the key its steps use."""

    def __init__(self, *args: object, accrual: bool = False, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.accrual = accrual

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        if "tiers" not in value:
            for name in ("base", "over", "progressive"):
                if name in value:
                    reading.add(f"{path}.{name}", Code.CONTRADICTION, f"{name} belongs to tiers: leave the key out")
        if fields["base"] is SumBase.NET and not self.accrual:
            reading.add(f"{path}.base", Code.CONTRADICTION, "NET is known after the discounts: use GROSS or RUNNING")
        steps = fields["tiers"]
        fields["tiers_key"] = steps[0][1] if steps else None
        if steps:
            base, over = fields["base"], fields["over"]
            fields["tiers"] = Tiers(
                tuple(Tier(low, number) for low, _, number in steps),
                SumBase.GROSS if base is None else base,
                ALL_GOODS if over is None else over,
                bool(fields.get("progressive")),
            )
        return fields
