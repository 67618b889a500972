"""What the browser draws, as numbers and words: ``static/charts.js`` makes pictures of it, tables beside say the same.

Amounts travel in smallest units with their digits; the browser writes them as the language does. Nothing is decided
here, and no chart is the only place of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson

from altyn.admin_api.console.texts import Texts


def line(name: str, values: Sequence[int | None], look: str = "after", shape: str = "bar") -> dict[str, Any]:
    """One row of numbers. ``look``: before, after, left, cap; ``shape``: bar, line, area."""
    return {"name": name, "values": list(values), "look": look, "shape": shape}


def over_time(t: Texts, days: Sequence[str], rows: Sequence[dict[str, Any]], *, digits: int, unit: str = "") -> str:
    """Rows over the days, or over weeks or months."""
    return _made(t, "time", [told_day(t, day) for day in days], rows, digits, unit)


def over_seconds(t: Texts, times: Sequence[str], rows: Sequence[dict[str, Any]], *, digits: int, unit: str) -> str:
    """Rows over the last minutes, each time as it is shown."""
    return _made(t, "time", times, rows, digits, unit)


def by_name(t: Texts, names: Sequence[str], row: dict[str, Any], *, digits: int, unit: str = "") -> str:
    """One row of changes by name, the largest at the top."""
    return _made(t, "names", names, [row], digits, unit)


def told_day(t: Texts, day: str, *, with_year: bool = False) -> str:
    """2026-11-18 as the language writes it; so 2026-11, and 2026-W47."""
    if "W" in day:
        return t("week", number=int(day[6:])) + (f", {day[:4]}" if with_year else "")
    at = date.fromisoformat(day if len(day) > 7 else f"{day}-01")
    if len(day) == 7:
        return f"{t('month').split()[at.month - 1]} {at.year}"
    if t.language == "ru":
        return f"{at:%d.%m.%Y}" if with_year else f"{at:%d.%m}"
    return f"{at.day} {t('month').split()[at.month - 1]}" + (f" {at.year}" if with_year else "")


def _made(t: Texts, kind: str, names: Sequence[str], rows: Sequence[dict[str, Any]], digits: int, unit: str) -> str:
    told = {"kind": kind, "names": list(names), "rows": list(rows), "digits": digits, "unit": unit}
    return orjson.dumps(told | {"language": t.language}).decode()
