"""The page shows what was measured, escapes what came from outside, and loses no spike however long the run was."""

from __future__ import annotations

import json
from pathlib import Path

from altyn.loadtests.html import COLUMNS_MAX, chart, digits, thinned
from altyn.loadtests.meter import Meter
from altyn.loadtests.report import Report
from altyn.loadtests.thresholds import Verdict


def report(meter: Meter) -> Report:
    return Report(meter, [Verdict("commit_p99_ms", 1.0, 2.5)], [], target="<script>", pacing="open")


def test_report_of_a_run_is_written_for_browsers_and_programs(tmp_path: Path) -> None:
    meter = Meter()
    meter.begun(1_000_000, 2, 0)
    meter.answered("CommitReceipt", 1_000_000, 1_001_000, 1_002_500)
    meter.failed("<b>", "wrong", 3_000_000, "status <CONFLICT>")
    as_json, as_html = report(meter).write(tmp_path)
    told, page = json.loads(as_json.read_text()), as_html.read_text()
    assert (told["passed"], told["seconds"], told["wrong"]) == (False, 3, 1)
    assert told["calls"]["CommitReceipt"]["planned"]["p99_ms"] == 2.5
    assert told["calls"]["CommitReceipt"]["sent"]["p99_ms"] == 1.5
    assert [second["answered"] for second in told["timeline"]] == [1, 0, 0]
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "status &lt;CONFLICT&gt;" in page


def test_report_of_a_run_without_answers_can_still_be_read(tmp_path: Path) -> None:
    empty = report(Meter())
    empty.write(tmp_path)
    assert "Nothing was measured" in (tmp_path / "report.html").read_text()
    assert "FAILED" in empty.as_text()


def test_chart_of_a_long_run_keeps_its_one_spike_and_its_gaps() -> None:
    seconds = [{"at_s": at, "p99_ms": None if 2000 <= at < 4000 else 1.0} for at in range(10_000)]
    seconds[7001]["p99_ms"] = 900.0
    kept = thinned(seconds)
    assert len(kept) <= COLUMNS_MAX
    assert max(one["p99_ms"] or 0 for one in kept) == 900.0
    assert chart(kept, [], (("p99_ms", "a"),)).count("<polyline") == 2


def test_digits_are_three_or_the_whole_number() -> None:
    assert [digits(value) for value in (None, float("nan"), 0.1234, 12.345, 2061.7)] == [
        "–",
        "–",
        "0.123",
        "12.3",
        "2062",
    ]
