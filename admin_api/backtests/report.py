"""What a backtest found, as one mapping: sums of all files by name, what is missing, and what was assumed.

"Before" is what the journal decided, "after" what the draft decides. Adds and sorts; no amount is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from altyn.admin_api.backtests.extracts import Extract
from altyn.admin_api.backtests.work import Replayed
from altyn.core.backtest.replayer import MISSING
from altyn.core.backtest.sums import COLUMNS

TOP_SHOWN = 50
ROWS_KEPT_MAX = 2_000
LISTS = ("stores", "categories", "segments", "promotions", "limits")
DAY_ZERO = date(1970, 1, 1)
MEASURES = ("", "times", "amount", "quantity", "points")
PERS = ("receipt", "customer", "card", "promotion")
WINDOWS = ("", "day", "week", "month", "year", "always")
KINDS = ("dates", "stores", "categories", "segments")
ASSUMPTIONS = (
    "Customers are assumed to have bought exactly what they bought: a backtest cannot tell how other prices change "
    "what people buy.",
    "Sales are counted as they were sold; returns and voids are not taken off, neither before nor after.",
    "What customers had (segments, cards, balances of points) is what it was at the moment of each sale; points that "
    "the draft gives or takes otherwise do not change later balances.",
    "Limits and budgets are counted by the draft in the order of the journal, from where the journal's own counters "
    "stood; a limit the journal did not know begins from nothing at the first day.",
    "Earlier purchases are what the journal had counted of them; what it did not count is taken from the sales of "
    "these days themselves, at the prices they were sold at, less what came back of them by then.",
)
MISSING_TOLD = {
    "balances": "receipts where the draft reads a balance of points that the journal did not keep: taken as nothing",
    "segments": "receipts older than the history of a segment the draft names: the customer is taken as not in it",
    "goods": "receipts with goods whose category, brand and supplier were not known then",
    "codes": "receipts with a coupon code that nothing named then: the code was not kept",
    "history": "receipts where the draft asks for purchases of before the first day, which the journal did not count: "
    "taken as none",
}
SKIPPED_TOLD = {
    "not_applied": "commits that were stored for a person and moved nothing",
    "undecided": "commits without a decision",
    "unreadable": "records that cannot be read",
    "out_of_range": "receipts that today's limits refuse",
    "refused": "receipts the draft gives more rows than the limits allow",
}


def report_of(replayed: Iterable[Replayed], extracts: Sequence[Extract], *, complete: bool) -> dict[str, Any]:
    """The whole report. `extracts`: all that were wanted, replayed or not."""
    done = sorted(replayed, key=lambda one: (one.extract.day, one.extract.number))
    assets = sorted({(name, scale) for one in done for name, scale in one.sums["assets"]})
    total = empty_row(assets)
    named: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
    for one in done:
        add_row(total, one.sums["total"], one.sums["assets"])
        for kind in KINDS:
            for name, row in one.sums[kind]:
                key = day_text(name) if kind == "dates" else name
                add_row(named[kind].setdefault(key, empty_row(assets)), row, one.sums["assets"])
    seconds = sum(one.seconds for one in done)
    return {
        "complete": complete,
        "first_day": extracts[0].day if extracts else None,
        "last_day": extracts[-1].day if extracts else None,
        "receipts": total["receipts"],
        "changed": total["changed"],
        "skipped": {reason: count for reason, count in skipped_of(done).items() if count},
        "missing": {name: count for name in MISSING if (count := sum(one.sums["missing"][name] for one in done))},
        "returns": sum(one.extract.returns for one in done),
        "voids": sum(one.extract.voids for one in done),
        "counters_from_nothing": max((one.sums["counters_from_nothing"] for one in done), default=0),
        "rules_versions": sorted({version for one in done for version in one.extract.names["versions"]}),
        "assets": [{"asset": name, "scale": scale} for name, scale in assets],
        "total": total,
        "days": [{"day": name, **row} for name, row in sorted(named["dates"].items())],
        "stores": by_change("store", named["stores"]),
        "categories": by_change("category", named["categories"]),
        "segments": by_change("segment", named["segments"]),
        "promotions": promotions_of(done, assets),
        "limits": limits_of(done),
        "top": top_of(done, assets),
        "processor_seconds": round(seconds, 3),
        "assumptions": list(ASSUMPTIONS),
    }


def shortened(report: dict[str, Any]) -> dict[str, Any]:
    """The report with at most so many rows of a list, the largest changes, and how many were `left_out` of each."""
    left_out = {name: len(report[name]) - ROWS_KEPT_MAX for name in LISTS if len(report[name]) > ROWS_KEPT_MAX}
    return report | {name: report[name][:ROWS_KEPT_MAX] for name in LISTS} | {"left_out": left_out}


def empty_row(assets: Sequence[tuple[str, int]]) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS, 0) | {"points": {name: {"before": 0, "after": 0} for name, _ in assets}}


def add_row(row: dict[str, Any], sums: Sequence[int], assets: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Add sums, whose points are by a file's own assets."""
    for column, amount in zip(COLUMNS, sums, strict=False):
        row[column] += amount
    for place, (name, _) in enumerate(assets):
        points = row["points"][name]
        points["before"] += sums[len(COLUMNS) + 2 * place]
        points["after"] += sums[len(COLUMNS) + 2 * place + 1]
    return row


def cost_of(row: Mapping[str, Any]) -> int:
    """How much more is given away, in minor units; points apart."""
    change: int = row["discount_after_minor"] - row["discount_before_minor"]
    return change


def points_change(row: Mapping[str, Any]) -> int:
    return sum(abs(points["after"] - points["before"]) for points in row["points"].values())


def by_change(kind: str, rows: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The largest change first; of equal ones who gives more."""

    def weight(item: tuple[str, dict[str, Any]]) -> tuple[int, int, int, str]:
        name, row = item
        return -abs(cost_of(row)), -points_change(row), -row["discount_after_minor"], name

    ordered = sorted(rows.items(), key=weight)
    return [{kind: name, **row} for name, row in ordered]


def day_text(number: int) -> str:
    return (DAY_ZERO + timedelta(days=number)).isoformat()


def skipped_of(done: Sequence[Replayed]) -> dict[str, int]:
    found = dict.fromkeys(SKIPPED_TOLD, 0)
    for one in done:
        for reason, count in one.extract.skipped.items():
            found[reason] += count
        found["refused"] += one.sums["refused"]
    return found


def promotions_of(done: Sequence[Replayed], assets: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """What each promotion gave before and after, the largest change first."""
    rows: dict[str, dict[str, Any]] = {}
    for one in done:
        for side in ("before", "after"):
            for name, (receipts, discount_minor, *points) in one.sums[f"promotions_{side}"]:
                row = rows.setdefault(
                    name,
                    {
                        "receipts_before": 0,
                        "receipts_after": 0,
                        "discount_before_minor": 0,
                        "discount_after_minor": 0,
                        "points": {asset: {"before": 0, "after": 0} for asset, _ in assets},
                    },
                )
                row[f"receipts_{side}"] += receipts
                row[f"discount_{side}_minor"] += discount_minor
                for (asset, _), amount in zip(one.sums["assets"], points, strict=True):
                    row["points"][asset][side] += amount
    return by_change("promotion", rows)


def limits_of(done: Sequence[Replayed]) -> list[dict[str, Any]]:
    """Limits the draft counted: what was taken of each by day, how a budget stood in the end, when nothing was left."""
    limits: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in done:
        for promotion, measure, per, window, cap, day, taken, receipts, counted, full in one.sums["limits"]:
            names = MEASURES[measure], PERS[per], WINDOWS[window]
            limit = limits.setdefault(
                (promotion, *names, cap),
                {
                    "promotion": promotion,
                    "measure": names[0],
                    "per": names[1],
                    "window": names[2],
                    "cap": cap,
                    "taken": 0,
                    "receipts": 0,
                    "spent_on": None,
                    "days": {},
                },
            )
            limit["taken"] += taken
            limit["receipts"] += receipts
            text = day_text(day)
            at = limit["days"].setdefault(text, {"taken": 0, "receipts": 0, "counted": 0, "full": 0})
            at["taken"] += taken
            at["receipts"] += receipts
            at["full"] += full
            at["counted"] = counted
            if full and per == PERS.index("promotion"):
                limit["spent_on"] = min(limit["spent_on"] or text, text)
    return [
        {**limit, "days": [{"day": day, **row} for day, row in sorted(limit["days"].items())]}
        for limit in limits.values()
    ]


def top_of(done: Sequence[Replayed], assets: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Receipts with the largest change."""
    found = []
    for one in done:
        for seq, business_time_us, store, sums in one.sums["top"]:
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=business_time_us)
            row = add_row(empty_row(assets), sums, one.sums["assets"])
            found.append({"seq": seq, "business_time": at.isoformat(), "store": store, **row})
    return sorted(found, key=lambda row: (-abs(cost_of(row)), -points_change(row), row["seq"]))[:TOP_SHOWN]
