"""The server's own histograms over a run: two looks at its Prometheus page, subtracted.

Locust on the machine of the server measures Locust as much as the server; these numbers are from inside. Any histogram
of the page is read, whatever its name: a row is one family with one set of labels that counted something in between. A
server that was restarted in between counts from zero again: then the second look alone is taken, and the row says so.
Quantiles are linear inside a bucket, as Prometheus does; in the last, open bucket the answer is its lower bound.
"""

from __future__ import annotations

import math
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

PAGE_BYTES_MAX = 8 << 20
PATIENCE_S = 5.0
_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$")
_LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?\s*')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = tuple[tuple[str, str], ...]


class PageWrong(ValueError):
    """Not a page of metrics; the text has the line."""


@dataclass(slots=True)
class Histogram:
    """Cumulative counts by upper bound."""

    buckets: dict[float, float] = field(default_factory=dict)
    count: float = 0.0
    total: float = 0.0


Page = dict[tuple[str, Labels], Histogram]


@dataclass(frozen=True, slots=True)
class Row:
    """One histogram over the run. Values have the family's own unit; ``in_ms`` tells that it is seconds."""

    family: str
    labels: Labels
    histogram: Histogram
    restarted: bool

    @property
    def scale(self) -> float:
        """What makes milliseconds of a family in seconds; 1 for other units."""
        return 1000.0 if self.family.endswith("_seconds") else 1.0

    @property
    def unit(self) -> str:
        return "ms" if self.family.endswith("_seconds") else self.family.rpartition("_")[2]

    @property
    def mean(self) -> float:
        return self.scale * self.histogram.total / self.histogram.count

    def quantile(self, share: float) -> float:
        return self.scale * quantile(self.histogram, share)


def fetch(url: str) -> Page:
    """Look at the page. Raises OSError, PageWrong."""
    if not url.startswith(("http://", "https://")):
        raise PageWrong(f"{url}: not an http address")
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        page = answer.read(PAGE_BYTES_MAX + 1)
    if len(page) > PAGE_BYTES_MAX:
        raise PageWrong(f"{url}: more than {PAGE_BYTES_MAX} bytes")
    return read_page(page.decode("utf-8", "replace"))


def read_page(text: str) -> Page:
    """The histograms of a page in the text format. Raises PageWrong."""
    families: set[str] = set()
    page: Page = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("#"):
            if len(words) == 4 and words[1] == "TYPE" and words[3] == "histogram":
                families.add(words[2])
            continue
        if not words:
            continue
        sample = _SAMPLE.match(line.strip())
        if sample is None:
            raise PageWrong(f"not a sample: {line[:200]!r}")
        family, _, part = sample[1].rpartition("_")
        value = _value(sample[3])
        if family in families and part in ("bucket", "count", "sum"):
            _take(page, family, part, _labels(sample[2] or ""), value)
    return page


def subtract(before: Page, after: Page) -> list[Row]:
    """What each histogram counted between the two looks, the fullest first."""
    rows = []
    for (family, labels), now in after.items():
        then = before.get((family, labels), Histogram())
        restarted = now.count < then.count or any(now.buckets.get(le, 0) < n for le, n in then.buckets.items())
        if restarted:
            then = Histogram()
        grown = Histogram(
            {le: count - then.buckets.get(le, 0.0) for le, count in now.buckets.items()},
            now.count - then.count,
            now.total - then.total,
        )
        if grown.count > 0:
            rows.append(Row(family, labels, grown, restarted))
    return sorted(rows, key=lambda row: (row.family, -row.histogram.count, row.labels))


def quantile(histogram: Histogram, share: float) -> float:
    """``share`` 0.99 is p99. NaN when nothing was counted."""
    bounds = sorted(histogram.buckets)
    if not bounds or not histogram.count:
        return math.nan
    rank = share * histogram.buckets[bounds[-1]]
    below, lower = 0.0, 0.0
    for bound in bounds:
        count = histogram.buckets[bound]
        if count >= rank:
            if math.isinf(bound):
                return lower
            return lower if count == below else lower + (bound - lower) * (rank - below) / (count - below)
        below, lower = count, bound
    return lower


def _take(page: Page, family: str, part: str, labels: Mapping[str, str], value: float) -> None:
    rest = tuple(sorted((name, text) for name, text in labels.items() if name != "le"))
    histogram = page.setdefault((family, rest), Histogram())
    if part == "bucket":
        histogram.buckets[_value(labels.get("le", ""))] = value
    elif part == "count":
        histogram.count = value
    else:
        histogram.total = value


def _labels(text: str) -> dict[str, str]:
    return {
        found[1]: re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], found[2]) for found in _LABEL.finditer(text)
    }


def _value(text: str) -> float:
    try:
        return float(text.replace("Inf", "inf"))
    except ValueError as error:
        raise PageWrong(f"not a number: {text!r}") from error
