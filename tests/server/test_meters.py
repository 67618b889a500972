"""Call meters: where a time falls, what a reply's first bytes say, and what a scrape makes of it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from altyn.infra.exposition import Scale
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2
from altyn.server.meters import CallMeter, TimeMeter, monotonic_ns, time_scale
from altyn.server.metrics import CallMeters


@given(st.integers(0, 1 << 36))
def test_time_falls_into_the_bucket_whose_bounds_hold_it(elapsed_ns: int) -> None:
    meter = TimeMeter()
    meter.observe(elapsed_ns)
    schema, first, last = time_scale()
    assert len(meter.counts) == ((last - first) << schema) + 2
    place = meter.counts.index(1)
    lower = 0.0 if place == 0 else 2.0 ** (first + (place - 1) / (1 << schema))
    upper = math.inf if place == len(meter.counts) - 1 else 2.0 ** (first + place / (1 << schema))
    # Times are scaled to whole units: a bound is sharp to four millionths of it.
    assert lower * (1 - 4e-6) <= elapsed_ns / 1e9 <= upper * (1 + 4e-6)
    assert meter.sum_ns == elapsed_ns


def test_bounds_of_the_text_format_are_two_a_doubling() -> None:
    bounds = Scale(*time_scale()).bounds()
    assert [round(bound * 1e6, 2) for bound in bounds[:5]] == [15.26, 21.58, 30.52, 43.16, 61.04] and bounds[-1] == 16
    assert len(Scale(*time_scale()).shown(TimeMeter().counts)) == len(bounds) + 1


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
