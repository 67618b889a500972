"""The binary format of metrics, read back by a message of the published field numbers and no code of ours."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.decoder import _DecodeVarint32  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily

from altyn.infra.exposition import Scale, TimeHistograms, asked_for, encode

# name: (number, type) of io.prometheus.client, as Prometheus publishes them.
FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "LabelPair": {"name": (1, "STRING"), "value": (2, "STRING")},
    "Value": {"value": (1, "DOUBLE")},
    "Bucket": {"cumulative_count": (1, "UINT64"), "upper_bound": (2, "DOUBLE")},
    "BucketSpan": {"offset": (1, "SINT32"), "length": (2, "UINT32")},
    "Histogram": {
        "sample_count": (1, "UINT64"),
        "sample_sum": (2, "DOUBLE"),
        "bucket": (3, "*Bucket"),
        "schema": (5, "SINT32"),
        "zero_threshold": (6, "DOUBLE"),
        "zero_count": (7, "UINT64"),
        "positive_span": (12, "*BucketSpan"),
        "positive_delta": (13, "*SINT64"),
    },
    "Metric": {
        "label": (1, "*LabelPair"),
        "gauge": (2, ".Value"),
        "counter": (3, ".Value"),
        "untyped": (5, ".Value"),
        "histogram": (7, ".Histogram"),
    },
    "MetricFamily": {"name": (1, "STRING"), "help": (2, "STRING"), "type": (3, "INT32"), "metric": (4, "*Metric")},
}


def family_message() -> Any:
    told = descriptor_pb2.FileDescriptorProto(name="published.proto", package="published", syntax="proto2")
    field = descriptor_pb2.FieldDescriptorProto
    for name, fields in FIELDS.items():
        message = told.message_type.add(name=name)
        for label, (number, kind) in fields.items():
            one = message.field.add(name=label, number=number, label=field.LABEL_OPTIONAL)
            if kind.startswith("*"):
                one.label = field.LABEL_REPEATED
            kind = kind.lstrip("*.")
            if kind in FIELDS:
                one.type, one.type_name = field.TYPE_MESSAGE, f".published.{kind}"
            else:
                one.type = getattr(field, f"TYPE_{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(told)  # type: ignore[no-untyped-call]
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("published.MetricFamily"))  # type: ignore[no-untyped-call]


Family = family_message()


def read(body: bytes) -> Any:
    size, at = _DecodeVarint32(body, 0)
    assert at + size == len(body)
    return Family.FromString(body[at:])


def native_of(histogram: Any) -> dict[int, int]:
    """Bucket number → count, by the published rules of spans and deltas."""
    counts, at, numbers = list(accumulate(histogram.positive_delta)), 0, []
    for span in histogram.positive_span:
        at += span.offset
        numbers += range(at, at + span.length)
        at += span.length
    return dict(zip(numbers, counts, strict=True))


SCALE = Scale(3, -16, 4)


@given(st.lists(st.integers(0, 1 << 40), min_size=162, max_size=162))
def test_times_are_told_bucket_by_bucket(counts: list[int]) -> None:
    sparse = [count if place % 3 else 0 for place, count in enumerate(counts)]
    family = TimeHistograms("took_seconds", "How long.", SCALE, ["method"])
    family.add_times(["M"], sparse, 1.5)
    found = read(encode(family)).metric[0].histogram
    assert (found.sample_count, found.sample_sum, found.schema) == (sum(sparse), 1.5, 3)
    assert (found.zero_count, found.zero_threshold) == (sparse[0], 2**-16)
    # Bucket n of schema 3 ends at 2 ** (n / 8): the first after the zero bucket is number -127.
    assert native_of(found) == {place - 128: count for place, count in enumerate(sparse) if place and count}
    assert found.zero_count + sum(native_of(found).values()) == found.sample_count
    # The text format's buckets are there too, each a sum of four.
    assert found.bucket[-1].upper_bound == math.inf and found.bucket[-1].cumulative_count == sum(sparse)
    assert found.bucket[1].upper_bound == 2**-15.5 and found.bucket[1].cumulative_count == sum(sparse[:5])


def test_nothing_observed_is_still_a_native_histogram() -> None:
    family = TimeHistograms("took_seconds", "How long.", SCALE)
    family.add_times([], [0] * 162, 0.0)
    found = read(encode(family)).metric[0].histogram
    assert len(found.positive_span) == 1 and native_of(found) == {}


def test_other_families_are_told_by_name_and_kind() -> None:
    counter = CounterMetricFamily("calls", "Calls.", labels=["method"])
    counter.add_metric(["A"], 3)
    counter.add_metric(["Б"], 4)
    told = read(encode(counter))
    assert (told.name, told.type, told.help) == ("calls_total", 0, "Calls.")
    assert [(one.label[0].value, one.counter.value) for one in told.metric] == [("A", 3), ("Б", 4)]
    gauge = read(encode(GaugeMetricFamily("room", "Room.", value=-1.5)))
    assert (gauge.name, gauge.type, gauge.metric[0].gauge.value) == ("room", 1, -1.5)
    info = InfoMetricFamily("server", "Who.", {"id": "s"})
    assert read(encode(info)).name == "server_info" and read(encode(info)).metric[0].gauge.value == 1
    classic = HistogramMetricFamily("batch", "Of one.")
    classic.add_metric([], [("1.0", 2.0), ("+Inf", 3.0)], sum_value=9)
    found = read(encode(classic)).metric[0].histogram
    assert [(one.upper_bound, one.cumulative_count) for one in found.bucket] == [(1, 2), (math.inf, 3)]
    assert not found.HasField("schema")


@pytest.mark.parametrize(
    ("accept", "is_asked"),
    [
        (b"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6", True),
        (b"text/plain;version=0.0.4", False),
    ],
)
def test_accept_header_decides(accept: bytes, is_asked: bool) -> None:
    assert asked_for(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + accept + b"\r\n\r\n") is is_asked
