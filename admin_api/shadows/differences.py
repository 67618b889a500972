"""What a candidate would have decided otherwise, added up batch by batch. Adds and sorts; no amount is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altyn.core.backtest.depths import STEPS_PPM
from altyn.core.backtest.sums import COLUMNS

TOP_KEPT = 20
STEPS_COUNT = 2 * len(STEPS_PPM) + 3
SUMS = ("gross_minor", "discount_before_minor", "discount_after_minor", "to_pay_before_minor", "to_pay_after_minor")


def nothing(from_seq: int, sha256: str) -> dict[str, Any]:
    """A report of no receipts."""
    return {
        "sha256": sha256,
        "until_seq": from_seq,
        "compared": 0,
        "changed": 0,
        "left_out": 0,
        **dict.fromkeys(SUMS, 0),
        "points": {},
        "steps": [0] * STEPS_COUNT,
        "promotions": {},
        "top": [],
    }


def add(report: dict[str, Any], sums: Mapping[str, Any], depths: Mapping[str, Any]) -> None:
    """A batch as the Replayer and the Depths beside it tell it."""
    total = dict(zip(COLUMNS, sums["total"], strict=False))
    report["compared"] += total["receipts"]
    report["changed"] += total["changed"]
    report["left_out"] += sums["refused"]
    for name in SUMS:
        report[name] += total[name]
    for (asset, _), before, after in _points(sums["assets"], sums["total"]):
        points = report["points"].setdefault(asset, [0, 0])
        points[0] += before
        points[1] += after
    report["steps"] = [was + now for was, now in zip(report["steps"], depths["steps"], strict=True)]
    for side in (0, 1):
        for promotion_id, row in sums[("promotions_before", "promotions_after")[side]]:
            report["promotions"].setdefault(promotion_id, [0, 0])[side] += row[1]
    for seq, _, store_id, row in sums["top"]:
        named = dict(zip(COLUMNS, row, strict=False))
        report["top"].append(
            {
                "seq": seq,
                "store_id": store_id,
                "gross_minor": named["gross_minor"],
                "discount_before_minor": named["discount_before_minor"],
                "discount_after_minor": named["discount_after_minor"],
            }
        )
    report["top"].sort(key=lambda one: (-abs(one["discount_after_minor"] - one["discount_before_minor"]), one["seq"]))
    del report["top"][TOP_KEPT:]


def _points(assets: Any, total: Any) -> list[tuple[Any, int, int]]:
    """(asset, before, after) of each that a row of sums has."""
    first = len(COLUMNS)
    return [(asset, total[first + 2 * place], total[first + 2 * place + 1]) for place, asset in enumerate(assets)]
