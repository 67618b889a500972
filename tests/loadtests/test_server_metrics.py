"""The text format is read whatever the names, and two looks give what happened in between."""

from __future__ import annotations

import math

import pytest

from altyn.loadtests.server_metrics import Histogram, PageWrong, quantile, read_page, subtract


def page(commits: tuple[int, int, int], total: float, extra: str = "") -> str:
    low, middle, every = commits
    return f"""
# HELP altyn_call_duration_seconds Time of a call.
# TYPE altyn_call_duration_seconds histogram
altyn_call_duration_seconds_bucket{{method="CommitReceipt",le="0.001"}} {low}
altyn_call_duration_seconds_bucket{{method="CommitReceipt",le="0.002"}} {middle}
altyn_call_duration_seconds_bucket{{method="CommitReceipt",le="+Inf"}} {every}
altyn_call_duration_seconds_count{{method="CommitReceipt"}} {every}
altyn_call_duration_seconds_sum{{method="CommitReceipt"}} {total}
# TYPE batch_rows histogram
batch_rows_bucket{{le="1.0"}} 4.0
batch_rows_bucket{{le="+Inf"}} 4.0
batch_rows_count 4.0
batch_rows_sum 4.0
# TYPE up gauge
up 1 1732252800000
{extra}"""


def test_difference_of_two_looks_is_what_happened_in_between() -> None:
    [row] = subtract(read_page(page((10, 20, 20), 0.02)), read_page(page((60, 110, 120), 0.22)))
    assert (row.family, row.labels) == ("altyn_call_duration_seconds", (("method", "CommitReceipt"),))
    assert row.histogram.count == 100
    assert (row.unit, row.mean) == ("ms", pytest.approx(2.0))
    assert row.quantile(0.25) == pytest.approx(0.5)
    assert row.quantile(0.5) == pytest.approx(1.0)
    assert row.quantile(0.7) == pytest.approx(1.5)
    assert row.quantile(0.99) == pytest.approx(2.0)  # beyond the last bound: its lower end
    assert not row.restarted


def test_difference_over_a_restart_is_the_second_look_alone() -> None:
    rows = subtract(read_page(page((10, 20, 20), 0.02)), read_page(page((3, 5, 6), 0.01)))
    assert [(row.histogram.count, row.restarted) for row in rows] == [(6, True)]


def test_difference_without_calls_has_no_rows() -> None:
    assert subtract(read_page(page((1, 1, 1), 1)), read_page(page((1, 1, 1), 1))) == []


def test_page_with_escaped_labels_is_read() -> None:
    extra = '# TYPE odd_seconds histogram\nodd_seconds_count{path="a\\\\b\\"c\\nd",z="1"} 2\n'
    labels = next(labels for family, labels in read_page(page((1, 1, 1), 1, extra)) if family == "odd_seconds")
    assert labels == (("path", 'a\\b"c\nd'), ("z", "1"))


@pytest.mark.parametrize("line", ["<html>", "a_total one", "no value"])
def test_page_that_is_no_metrics_is_refused(line: str) -> None:
    text = "# TYPE a histogram\n" + line.replace("a_total", "a_count")
    with pytest.raises(PageWrong):
        read_page(text)


def test_quantile_of_nothing_is_not_a_number() -> None:
    assert math.isnan(quantile(Histogram(), 0.5))
