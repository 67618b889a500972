"""A broken limit is named with what was found; what was not measured proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from altyn.loadtests.meter import Meter
from altyn.loadtests.thresholds import ThresholdWrong, judge, read_thresholds


@pytest.fixture
def meter() -> Meter:
    meter = Meter()
    for number in range(100):
        meter.begun(number, 0, 0)
        meter.answered("CommitReceipt", 0, 0, 1_000 * (number + 1))
    meter.owed(25, 5)
    meter.failed("CommitReceipt", "silent", 0, "UNAVAILABLE")
    return meter


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("commit_p99_ms=99", True),
        ("commit_p99_ms=98.9", False),
        ("commit_p50_ms=50", True),
        ("error_share=0.01", True),
        ("error_share=0", False),
        ("achieved_share=0.8", True),
        ("achieved_share=0.81", False),
        ("dropped=4", False),
        ("calculate_p99_ms=1000", False),
    ],
)
def test_threshold_holds_up_to_its_limit(meter: Meter, text: str, holds: bool) -> None:
    verdict = judge(read_thresholds(None, [text]), meter)[-1]
    assert verdict.holds is holds, str(verdict)


def test_thresholds_of_a_run_without_answers_are_broken() -> None:
    verdicts = judge(read_thresholds(None, ["achieved_share=0.1", "error_share=1", "commit_p50_ms=9"]), Meter())
    assert {verdict.name for verdict in verdicts if not verdict.holds} == {
        "achieved_share",
        "error_share",
        "commit_p50_ms",
    }


def test_thresholds_of_a_file_give_way_to_those_said(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text("commit_p99_ms: 50\nachieved_share: 0.95\n")
    limits = read_thresholds(file, ["commit_p99_ms=70"])
    assert limits == {"wrong_answers": 0, "unsent": 0, "commit_p99_ms": 70, "achieved_share": 0.95}


@pytest.mark.parametrize("text", ["commit_p98_ms=1", "sell_p99_ms=1", "speed=1", "backlog", "backlog=x", "backlog=-1"])
def test_threshold_nobody_can_check_is_refused_by_name(text: str) -> None:
    with pytest.raises(ThresholdWrong, match=text.partition("=")[0]):
        read_thresholds(None, [text])
