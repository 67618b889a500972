"""Limits that a run must keep, and which of them it broke.

``commit_p99_ms=50`` and its like bound a percentile of one call, measured from the planned moment; the others bound
the whole run. ``achieved_share`` is a least value, all others are greatest values. A limit on a call that was never
answered is broken: nothing measured is no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from altyn.loadtests.meter import Meter, percentile_us

CALLS = {
    "authorize": "AuthorizeCustomer",
    "calculate": "CalculateReceipt",
    "reserve": "ReserveReceipt",
    "commit": "CommitReceipt",
    "cancel": "CancelReceipt",
    "till_commit": "till CommitReceipt",
}
PERMILLES = {"p50": 500, "p95": 950, "p99": 990, "p999": 999}
LEAST = "achieved_share"
#: What any run must keep; a run may loosen them by name.
ALWAYS = {"wrong_answers": 0.0, "unsent": 0.0}
_LATENCY = re.compile(rf"({'|'.join(CALLS)})_({'|'.join(PERMILLES)})_ms")
_WHOLE = ("error_share", LEAST, "wrong_answers", "dropped", "backlog", "unsent")


class ThresholdWrong(ValueError):
    """A threshold nobody can check; the text names it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit and what was found; ``found`` is None when nothing was measured."""

    name: str
    limit: float
    found: float | None

    @property
    def holds(self) -> bool:
        if self.found is None:
            return False
        return self.found >= self.limit if self.name == LEAST else self.found <= self.limit

    def __str__(self) -> str:
        found = "nothing measured" if self.found is None else f"{self.found:g}"
        return f"{self.name}: {found}, {'at least' if self.name == LEAST else 'at most'} {self.limit:g}"


def read_thresholds(file: Path | None, given: Iterable[str]) -> dict[str, float]:
    """The limits of a file (YAML or JSON, name: number) and then of ``name=number`` texts, over those of any run.

    Raises ThresholdWrong, OSError.
    """
    limits = dict(ALWAYS)
    if file is not None:
        try:
            found = yaml.safe_load(file.read_text("utf-8"))
        except yaml.YAMLError as error:
            raise ThresholdWrong(f"{file}: {error}") from error
        if not isinstance(found, dict):
            raise ThresholdWrong(f"{file}: not a mapping of names to numbers")
        limits |= {str(name): _number(str(name), value) for name, value in found.items()}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ThresholdWrong(f"{text}: write name=number")
        limits[name.strip()] = _number(name.strip(), value)
    return limits


def judge(limits: Mapping[str, float], meter: Meter) -> list[Verdict]:
    """One verdict a limit, in order of the limits."""
    return [Verdict(name, limit, _measured(name, meter)) for name, limit in limits.items()]


def _number(name: str, value: object) -> float:
    if not (_LATENCY.fullmatch(name) or name in _WHOLE):
        raise ThresholdWrong(f"{name}: no such threshold; there are {', '.join(_WHOLE)} and CALL_p99_ms")
    try:
        number = float(str(value))
    except ValueError as error:
        raise ThresholdWrong(f"{name}: {value!r} is not a number") from error
    if not 0 <= number < float("inf"):
        raise ThresholdWrong(f"{name}: {value!r} is not a number from 0 up")
    return number


def _measured(name: str, meter: Meter) -> float | None:
    latency = _LATENCY.fullmatch(name)
    if latency is not None:
        call = meter.calls.get(CALLS[latency[1]])
        found_us = percentile_us(call.planned, PERMILLES[latency[2]]) if call else None
        return None if found_us is None else found_us / 1000
    if name in ("error_share", LEAST) and not meter.calls:
        return None
    return {
        "error_share": meter.error_share,
        LEAST: meter.achieved_share,
        "wrong_answers": meter.wrong_count,
        "dropped": meter.dropped_count,
        "backlog": meter.backlog_max,
        "unsent": meter.unsent_count,
    }[name]
