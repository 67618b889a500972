"""One report of a run: Locust's side and the server's, side by side, for a terminal, a browser and a program.

Every latency is told twice: from the planned moment (what a customer waits) and from sending (what a closed loop would
have measured). Where they part, the load generator or the server could not keep up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from altyn.loadtests.html import digits, page
from altyn.loadtests.meter import Meter, percentile_us
from altyn.loadtests.server_metrics import Row
from altyn.loadtests.thresholds import Verdict

#: The server's own histogram of its calls, from the request's bytes to the reply's.
HANDLING = "grpc_server_handling_seconds"
PERMILLES = (("p50", 500), ("p95", 950), ("p99", 990), ("p999", 999))


@dataclass(slots=True)
class Report:
    """What is told. ``marks`` are stages of the shape: name and second of the run."""

    meter: Meter
    verdicts: list[Verdict]
    server: list[Row]
    target: str
    pacing: str
    shape: str = "steady"
    marks: list[tuple[str, float]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    began_us: int = 0

    @property
    def passed(self) -> bool:
        return all(verdict.holds for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """Latencies in milliseconds."""
        meter = self.meter
        return {
            "passed": self.passed,
            "target": self.target,
            "pacing": self.pacing,
            "shape": self.shape,
            "seconds": len(self.timeline()),
            "receipts_planned": meter.begun_count + meter.owed_count,
            "receipts_begun": meter.begun_count,
            "receipts_dropped": meter.dropped_count,
            "achieved_share": round(meter.achieved_share, 4),
            "backlog_max": meter.backlog_max,
            "answered": meter.answered_count,
            "silent": meter.silent_count,
            "wrong": meter.wrong_count,
            "error_share": round(meter.error_share, 6),
            "unsent": meter.unsent_count,
            "calls": {name: _call_figures(meter, name, self.server) for name in sorted(meter.calls)},
            "server": [_row_figures(row, _telling(row, self.server)) for row in self.server],
            "thresholds": [
                {"name": one.name, "limit": one.limit, "found": one.found, "holds": one.holds} for one in self.verdicts
            ],
            "timeline": self.timeline(),
            "stages": [{"name": name, "at_s": round(at_s, 1)} for name, at_s in self.marks],
            "remarks": self.remarks,
            "wrong_examples": meter.examples,
        }

    def timeline(self) -> list[dict[str, Any]]:
        """Second by second, from the first in which anything happened; silent seconds are there too."""
        seconds = self.meter.seconds
        if not seconds:
            return []
        found = []
        for at in range(min(seconds), max(seconds) + 1):
            one = seconds.get(at)
            found.append(
                {
                    "at_s": at - min(seconds),
                    "answered": one.planned.total() if one else 0,
                    "failed": one.failed_count if one else 0,
                    "begun": one.begun_count if one else 0,
                    "backlog": one.backlog_max if one else 0,
                    "p50_ms": _ms(percentile_us(one.planned, 500)) if one else None,
                    "p99_ms": _ms(percentile_us(one.planned, 990)) if one else None,
                }
            )
        return found

    def as_text(self) -> str:
        """For a terminal."""
        told = self.as_json()
        lines = [f"{'ms, p50 / p95 / p99':<38}{'answers':>9}{'failed':>8}   {'planned':<24}{'sent':<24}in the server"]
        for name, call in told["calls"].items():
            failed = call["silent"] + call["wrong"]
            parts = (f"{_three(call[kind]):<24}" if kind in call else "" for kind in ("planned", "sent", "server"))
            lines.append(f"{name:<38}{call['answered']:>9}{failed:>8}   {''.join(parts)}".rstrip())
        if self.server:
            lines += ["", f"{'inside the server':<62}{'count':>9}   p50 / p95 / p99"]
        for row in told["server"]:
            values = " / ".join(digits(row[name]) for name in ("p50", "p95", "p99"))
            lines.append(f"{row['name'][:61]:<62}{row['count']:>9}   {values} {row['unit']}")
        lines += [
            "",
            f"receipts: {told['receipts_begun']} begun of {told['receipts_planned']} planned "
            f"({told['achieved_share']:.1%}), {told['receipts_dropped']} dropped, "
            f"backlog {told['backlog_max']} at most",
            f"attempts: {told['answered']} answered, {told['silent']} silent, {told['wrong']} wrong",
        ]
        lines += [f"  wrong: {example}" for example in told["wrong_examples"]]
        lines += [f"  remark: {remark}" for remark in self.remarks]
        lines += [f"  {'ok    ' if verdict.holds else 'BROKEN'} {verdict}" for verdict in self.verdicts]
        return "\n".join([*lines, "passed" if self.passed else "FAILED"])

    def write(self, folder: Path) -> tuple[Path, Path]:
        """report.json and report.html in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        told = self.as_json()
        as_json, as_html = folder / "report.json", folder / "report.html"
        as_json.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        as_html.write_text(page(told), "utf-8")
        return as_json, as_html


def _call_figures(meter: Meter, name: str, server: list[Row]) -> dict[str, Any]:
    call = meter.calls[name]
    figures: dict[str, Any] = {
        "answered": call.planned.total(),
        "silent": call.failed["silent"],
        "wrong": call.failed["wrong"],
    }
    for kind, latencies in (("planned", call.planned), ("sent", call.sent)):
        figures[kind] = {f"{label}_ms": _ms(percentile_us(latencies, permille)) for label, permille in PERMILLES}
    inside = [row for row in server if row.family == HANDLING and ("grpc_method", name) in row.labels]
    if len(inside) == 1:
        figures["server"] = {f"{label}_ms": inside[0].quantile(permille / 1000) for label, permille in PERMILLES}
    return figures


def _telling(row: Row, rows: list[Row]) -> list[tuple[str, str]]:
    """The labels that tell a row from its family's others; all of them when it is alone."""
    family = [other for other in rows if other.family == row.family]
    return [label for label in row.labels if len(family) == 1 or any(label not in other.labels for other in family)]


def _row_figures(row: Row, telling: list[tuple[str, str]]) -> dict[str, Any]:
    labels = ", ".join(f"{name}={value}" for name, value in telling)
    return {
        "name": f"{row.family}{{{labels}}}" if labels else row.family,
        "family": row.family,
        "labels": dict(row.labels),
        "unit": row.unit,
        "count": int(row.histogram.count),
        "mean": row.mean,
        "p50": row.quantile(0.5),
        "p95": row.quantile(0.95),
        "p99": row.quantile(0.99),
        "restarted": row.restarted,
    }


def _ms(latency_us: int | None) -> float | None:
    return None if latency_us is None else latency_us / 1000


def _three(figures: dict[str, float | None]) -> str:
    return " / ".join(digits(figures[f"{part}_ms"]) for part in ("p50", "p95", "p99"))
