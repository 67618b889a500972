"""Metrics in Prometheus's binary format: families of `io.prometheus.client`, each after its length.

Its text format has no place for native histograms, whose buckets are powers of two and of which only those in use are
sent. What a scrape asks for in its Accept header decides which of the two it gets. Never here: what is measured.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
KINDS = {"counter": 0, "gauge": 1, "info": 1, "histogram": 4}
UNTYPED = 3
# Fields of a metric that hold its value, by kind.
VALUES = {0: 3, 1: 2, UNTYPED: 5}
CLASSIC_EVERY = 4  # of a doubling's eight: the text format shows two


@dataclass(frozen=True, slots=True)
class Scale:
    """Buckets 2**schema a doubling, from 2**first s to 2**last s, one below and one above."""

    schema: int
    first: int
    last: int

    def bounds(self) -> list[float]:
        """Upper bounds of those the text format shows, in seconds."""
        steps = 1 << self.schema
        count = (self.last - self.first) * steps
        return [2.0 ** (self.first + place / steps) for place in range(0, count + 1, CLASSIC_EVERY)]

    def quantile_s(self, counts: Sequence[int], share: float) -> float:
        """The time that `share` of the observations did not exceed, as Prometheus reads native histograms; 0: none."""
        rank = share * sum(counts)
        for place, count in enumerate(counts):
            if count and rank <= count:
                inside = (place - 1 + rank / count) / (1 << self.schema)
                return math.exp2(min(max(self.first + inside, self.first), self.last))
            rank -= count
        return 0.0

    def shown(self, counts: Sequence[int]) -> list[int]:
        """The counts of those, one more than there are bounds."""
        inside = counts[1:-1]
        return [
            counts[0],
            *(sum(inside[at : at + CLASSIC_EVERY]) for at in range(0, len(inside), CLASSIC_EVERY)),
            counts[-1],
        ]


class TimeHistograms(HistogramMetricFamily):
    """Times by label, told by both formats; `counts` are those of the scale's buckets."""

    def __init__(self, name: str, text: str, scale: Scale, labels: Sequence[str] = ()) -> None:
        super().__init__(name, text, labels=labels)
        self.scale = scale
        self.native: dict[tuple[str, ...], Sequence[int]] = {}

    def add_times(self, labels: Sequence[str], counts: Sequence[int], sum_s: float) -> None:
        self.native[tuple(labels)] = counts
        total, buckets = 0, []
        for bound, count in zip(self.scale.bounds(), self.scale.shown(counts), strict=False):
            total += count
            buckets.append((repr(bound), float(total)))
        buckets.append(("+Inf", float(sum(counts))))
        self.add_metric(labels, buckets, sum_value=sum_s)


def asked_for(head: bytes) -> bool:
    """Does the head of a request accept this format."""
    lines = head.lower().split(b"\r\n")
    return any(line.startswith(b"accept:") and b"io.prometheus.client.metricfamily" in line for line in lines)


def encode(family: Metric) -> bytes:
    """One family, after its length."""
    kind = KINDS.get(family.type, UNTYPED)
    name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
    body = _text(1, name) + _text(2, family.documentation) + _number(3, kind)
    metrics = _histograms(family) if kind == KINDS["histogram"] else _values(family, kind)
    body += b"".join(_bytes(4, metric) for metric in metrics)
    return _varint(len(body)) + body


def _values(family: Metric, kind: int) -> Iterator[bytes]:
    for sample in family.samples:
        if not sample.name.endswith("_created"):
            yield _labels(sample.labels) + _bytes(VALUES[kind], _double(1, sample.value))


def _histograms(family: Metric) -> Iterator[bytes]:
    """Samples of one histogram stand together; `le` is none of its labels."""
    found: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        found.setdefault(key, []).append(sample)
    for labels, samples in found.items():
        count = next(int(one.value) for one in samples if one.name.endswith("_count"))
        total = next((one.value for one in samples if one.name.endswith("_sum")), 0.0)
        told = _number(1, count) + _double(2, total)
        for one in samples:
            if one.name.endswith("_bucket"):
                told += _bytes(3, _number(1, int(one.value)) + _double(2, float(one.labels["le"])))
        if isinstance(family, TimeHistograms):
            told += _native(family.scale, family.native[tuple(value for _, value in labels)])
        yield _labels(dict(labels)) + _bytes(7, told)


def _native(scale: Scale, counts: Sequence[int]) -> bytes:
    """Buckets in use, as runs of neighbours and differences of their counts. What is below the scale is told as zero,
    what is above as the bucket next to it.
    """
    begin = scale.first * (1 << scale.schema) + 1
    told = _signed(5, scale.schema) + _double(6, 2.0**scale.first) + _number(7, counts[0])
    deltas, before, end = b"", 0, 0
    for run_begin, run in _runs(counts[1:]):
        told += _bytes(12, _signed(1, begin + run_begin - end) + _number(2, len(run)))
        end = begin + run_begin + len(run)
        for count in run:
            deltas += _signed(13, count - before)
            before = count
    return told + (deltas or _bytes(12, _signed(1, 0) + _number(2, 0)))


def _runs(counts: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    at = 0
    while at < len(counts):
        if not counts[at]:
            at += 1
            continue
        end = at
        while end < len(counts) and counts[end]:
            end += 1
        yield at, counts[at:end]
        at = end


def _labels(labels: Mapping[str, str]) -> bytes:
    pairs: Iterable[tuple[str, str]] = labels.items()
    return b"".join(_bytes(1, _text(1, name) + _text(2, value)) for name, value in pairs)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _signed(field: int, number: int) -> bytes:
    return _number(field, number << 1 if number >= 0 else (-number << 1) - 1)


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", number)


def _bytes(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())
