"""The pulse: what was called between two looks at the meters, how fast, and how much of it is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.pos.v1 import outcome_pb2, pos_service_pb2
from altyn.server.calls import POS_SERVICE
from altyn.server.meters import CallMeter, TimeMeter, monotonic_ns
from altyn.server.metrics import SCALE, CallMeters
from altyn.server.pulse import INTERVAL_MIN_S, INTERVALS_MAX, Pulse

REPLY = pos_service_pb2.CommitReceiptResponse(status=outcome_pb2.STATUS_OK).SerializeToString()
BUCKET = 2 ** (1 / 8)


@given(st.lists(st.integers(16_000, 15_000_000_000), min_size=1, max_size=50), st.sampled_from([0.5, 0.99]))
def test_quantile_is_within_a_bucket_of_the_time_itself(times_ns: list[int], share: float) -> None:
    meter = TimeMeter()
    for one in times_ns:
        meter.observe(one)
    rank = -(-len(times_ns) * round(share * 100) // 100)
    exact_s = sorted(times_ns)[rank - 1] / 1e9
    assert exact_s / BUCKET / 1.001 <= SCALE.quantile_s(meter.counts, share) <= exact_s * BUCKET * 1.001


def test_quantile_of_nothing_and_of_what_is_beyond_the_scale() -> None:
    meter = TimeMeter()
    assert SCALE.quantile_s(meter.counts, 0.5) == 0.0
    meter.observe(1)
    assert SCALE.quantile_s(meter.counts, 0.99) == 2.0**SCALE.first
    for _ in range(9):
        meter.observe(60_000_000_000)
    assert SCALE.quantile_s(meter.counts, 0.99) == 2.0**SCALE.last


class Watch:
    """A clock that is set."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def meters() -> CallMeters:
    return CallMeters()


def call(meter: CallMeter, took_ms: int, count: int = 1) -> None:
    for _ in range(count):
        meter.answered(monotonic_ns() - took_ms * 1_000_000, REPLY)


def test_interval_tells_what_came_since_the_one_before_at_all_doors(meters: CallMeters, watch: Watch) -> None:
    grpc, json = (meters.of(service, "CommitReceipt") for service in (POS_SERVICE, f"json.{POS_SERVICE}"))
    meters.of(POS_SERVICE, "GetOperation")
    call(meters.of("altyn.ops.v1.OpsService", "GetRulesInForce"), 5)
    pulse = Pulse(meters, watch)
    call(grpc, 10, 30)
    call(json, 40, 10)
    grpc.refused(monotonic_ns(), "UNAVAILABLE", "OVERLOADED")
    watch.now_s += 5.0
    [first] = pulse.beat()
    [told] = first["calls"]
    assert (first["elapsed_ms"], told["method"]) == (5_000, "CommitReceipt")
    assert (told["calls_count"], told["refused_count"]) == (41, 1)
    assert 8_000 < told["p50_us"] < 12_000 and 35_000 < told["p99_us"] < 46_000
    call(grpc, 20, 2)
    watch.now_s += 6.0
    [_, second] = pulse.beat()
    assert [(one["calls_count"], one["refused_count"]) for one in second["calls"]] == [(2, 0)]
    assert second["elapsed_ms"] == 6_000 and second["at"] >= first["at"]
    watch.now_s += 6.0
    assert pulse.beat()[-1]["calls"] == []


def test_interval_is_never_so_short_that_its_rate_means_nothing(meters: CallMeters, watch: Watch) -> None:
    meter, pulse = meters.of(POS_SERVICE, "CommitReceipt"), Pulse(meters, watch)
    call(meter, 1)
    watch.now_s += INTERVAL_MIN_S - 0.1
    assert pulse.beat() == []
    call(meter, 1)
    watch.now_s += 0.1
    assert [one["calls"][0]["calls_count"] for one in pulse.beat()] == [2]
    assert len(pulse.beat()) == 1


def test_no_more_intervals_are_kept_than_are_shown(meters: CallMeters, watch: Watch) -> None:
    meter, pulse = meters.of(POS_SERVICE, "CommitReceipt"), Pulse(meters, watch)
    for count in range(1, INTERVALS_MAX + 4):
        call(meter, 1, count)
        watch.now_s += INTERVAL_MIN_S
        pulse.beat()
    counts = [one["calls"][0]["calls_count"] for one in pulse.beat()]
    assert counts == list(range(4, INTERVALS_MAX + 4))
