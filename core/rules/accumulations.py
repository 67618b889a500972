"""Accumulations: the distinct numbers that a ruleset's conditions on earlier purchases ask for.

Decides when two conditions ask for the same number. Invariant: the name of an accumulation is made of what it measures
alone, so it is the same in every release that asks for it, whatever else the release holds.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from altyn.core.rules.condition import Earlier
from altyn.core.rules.read.history import EARLIER
from altyn.core.rules.read.problems import Reading
from altyn.core.rules.read.written_history import earlier_of
from altyn.core.rules.words import AccumulationMeasure

ACCUMULATION_ROW = struct.Struct("<q5i16i3i")


@dataclass(frozen=True, slots=True)
class Accumulation:
    """`promotion` of FIRST_USE, `sum_minor` of REACHED."""

    measure: AccumulationMeasure
    earlier: Earlier
    promotion: str = ""
    sum_minor: int = 0

    @property
    def name(self) -> str:
        """Canonical JSON; equal for what is measured alike, in whatever order it was written."""
        if self.measure is AccumulationMeasure.FIRST_USE:
            told: dict[str, Any] = {"promotion": self.promotion}
        else:
            told = earlier_of(self.earlier)
            if self.measure is AccumulationMeasure.REACHED:
                told["sum_minor"] = self.sum_minor
        return _spelled(_sorted({"measure": self.measure.name, **told}))


def accumulation_named(name: str) -> Accumulation:
    """What a name measures, whatever release it came from. ValueError: it is the name of none."""
    try:
        told: dict[str, Any] = json.loads(name)
        measure = AccumulationMeasure[told.pop("measure")]
        if measure is AccumulationMeasure.FIRST_USE:
            made = Accumulation(measure, Earlier(), promotion=told.pop("promotion"))
        else:
            sum_minor = told.pop("sum_minor") if measure is AccumulationMeasure.REACHED else 0
            reading = Reading()
            earlier = EARLIER.read(told, "", reading)
            reading.raise_found()
            assert earlier is not None
            made = Accumulation(measure, earlier, sum_minor=sum_minor)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name} names no accumulation: {error!r}") from None
    if made.name != name:
        raise ValueError(f"{name} is not spelled as an accumulation is named")
    return made


def _sorted(value: Any) -> Any:
    """Lists of a product set and of a choice are sets."""
    if isinstance(value, dict):
        return {key: _sorted(one) for key, one in value.items()}
    return sorted((_sorted(one) for one in value), key=_spelled) if isinstance(value, list) else value


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
