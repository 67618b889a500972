"""Call meters: where a time falls, what a reply's first bytes say, and what a scrape makes of it."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2
from altyn.server.meters import CallMeter, TimeMeter, bucket_bounds, monotonic_ns
from altyn.server.metrics import CallMeters


@given(st.integers(0, 1 << 50))
def test_time_falls_into_the_bucket_whose_bounds_hold_it(elapsed_ns: int) -> None:
    meter = TimeMeter()
    meter.observe(elapsed_ns)
    bounds_us = [round(bound * 1e6) for bound in bucket_bounds()]
    # Buckets hold whole microseconds below their bound.
    expected = bisect_left(bounds_us, elapsed_ns // 1000 + 1)
    assert meter.counts.index(1) == min(expected, len(bounds_us))
    assert meter.sum_ns == elapsed_ns


def test_bounds_grow_by_a_half_and_then_a_third() -> None:
    bounds = [round(bound * 1e6) for bound in bucket_bounds()]
    assert bounds[:6] == [16, 24, 32, 48, 64, 96] and bounds[-1] == 1 << 24
    assert len(TimeMeter().counts) == len(bounds) + 1


@given(
    st.sampled_from([s for s in outcome_pb2.Status.values() if s]), st.sampled_from(list(reasons_pb2.Reason.values()))
)
def test_status_and_reason_of_a_reply_are_counted_unless_it_is_ok(status: int, reason: int) -> None:
    meter = CallMeter("s", "m")
    reply = pos_service_pb2.CommitReceiptResponse(status=status, reason=reason, seq=9)
    meter.answered(meter.begin(), reply.SerializeToString())
    expected = {} if status == outcome_pb2.STATUS_OK else {(status, reason): 1}
    assert (meter.status_counts, meter.ok_count, meter.started_count) == (expected, 1, 1)


@given(st.binary(max_size=8))
def test_any_bytes_may_be_a_reply(reply: bytes) -> None:
    meter = CallMeter("s", "m")
    meter.answered(monotonic_ns(), reply)
    assert sum(meter.counts) == 1


def test_scrape_names_calls_codes_and_reasons() -> None:
    meters = CallMeters()
    meter = meters.of("altyn.pos.v1.PosService", "CommitReceipt")
    quarantined = pos_service_pb2.CommitReceiptResponse(
        status=outcome_pb2.STATUS_QUARANTINED, reason=reasons_pb2.REASON_NOT_APPLICABLE
    )
    meter.answered(meter.begin(), quarantined.SerializeToString())
    meter.refused(meter.begin(), "UNAVAILABLE", "OVERLOADED")
    meter.begin()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in meters.collect()
        for sample in family.samples
        if "le" not in sample.labels
    }
    place = ("CommitReceipt", "altyn.pos.v1.PosService")
    assert found == {
        ("grpc_server_started_total", *place, "unary"): 3,
        ("grpc_server_handled_total", "CommitReceipt", "OK", "altyn.pos.v1.PosService", "unary"): 1,
        ("grpc_server_handled_total", "CommitReceipt", "Unavailable", "altyn.pos.v1.PosService", "unary"): 1,
        ("grpc_server_handling_seconds_count", *place, "unary"): 2,
        ("grpc_server_handling_seconds_sum", *place, "unary"): found[
            "grpc_server_handling_seconds_sum", *place, "unary"
        ],
        ("altyn_replies_total", "CommitReceipt", "NOT_APPLICABLE", "QUARANTINED"): 1,
        ("altyn_calls_refused_total", "CommitReceipt", "OVERLOADED", "UNAVAILABLE"): 1,
    }
