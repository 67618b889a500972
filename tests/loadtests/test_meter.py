"""Percentiles are nearest-rank within half a percent, and meters of several processes add up."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from altyn.loadtests.meter import Meter, percentile_us, rounded_us


@given(latency_us=st.integers(0, 10**10))
def test_rounded_latency_is_within_half_a_percent_and_has_three_digits(latency_us: int) -> None:
    kept = rounded_us(latency_us)
    assert abs(kept - latency_us) * 200 <= latency_us
    assert int(str(kept).rstrip("0") or "0") < 1000


@given(latencies=st.lists(st.integers(0, 999), min_size=1, max_size=200), permille=st.integers(1, 1000))
def test_percentile_is_the_nearest_rank_of_the_sorted_latencies(latencies: list[int], permille: int) -> None:
    rank = max(1, -(-len(latencies) * permille // 1000))
    assert percentile_us(Counter(latencies), permille) == sorted(latencies)[rank - 1]


def test_percentile_of_nothing_is_none() -> None:
    assert percentile_us(Counter(), 990) is None


def filled(seed: int) -> Meter:
    meter = Meter()
    for number in range(20):
        now_us = (number + seed) * 400_000
        meter.begun(now_us, number % 4, number % 2)
        meter.answered("CommitReceipt", now_us - 5_000, now_us - 2_000, now_us + seed)
    meter.failed("CommitReceipt", "silent", 1_000_000, "UNAVAILABLE")
    meter.failed("CommitReceipt", "wrong", 1_000_000, "status CONFLICT")
    meter.owed(3, 1)
    return meter


def test_meters_told_through_json_add_up_to_one() -> None:
    whole = filled(1)
    told = Meter()
    told.add(json.loads(json.dumps(whole.as_json())))
    assert told == whole
    told.add(json.loads(json.dumps(filled(2).as_json())))
    assert told.answered_count == 40
    assert (told.silent_count, told.wrong_count) == (2, 2)
    assert told.owed_count == 2 * whole.owed_count
    assert told.backlog_max == 3


def test_meter_tells_latency_from_the_plan_apart_from_latency_since_sending() -> None:
    call = filled(0).calls["CommitReceipt"]
    assert percentile_us(call.planned, 500) == 5_000
    assert percentile_us(call.sent, 500) == 2_000


def test_meter_shares_count_what_was_owed_and_what_failed() -> None:
    meter = filled(0)
    assert meter.achieved_share == 20 / (20 + 10 + 3)
    assert meter.error_share == 2 / 22
