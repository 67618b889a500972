"""What a processing server tells about itself: the meters of its doors and the state of its parts, as metrics.

Read only when somebody scrapes; docs/operations/metrics.md says what each means and when to worry. Names of calls
follow the go-grpc-prometheus convention, so that public dashboards work. It must never change what it reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from altyn.infra.exposition import Scale, TimeHistograms
from altyn.infra.metrics import histogram_of
from altyn.pos.v1 import outcome_pb2, reasons_pb2
from altyn.server.calls import POS_SERVICE
from altyn.server.meters import CallMeter, time_scale

if TYPE_CHECKING:
    from altyn.core.engine import Engine
    from altyn.server.feeds.feeds import Feeds
    from altyn.server.feeds.past_rules import PastRulesLoader
    from altyn.server.journal import Journal
    from altyn.server.slots import ReplySlots
    from altyn.server.snapshots import Snapshots
    from altyn.server.stages import Stages

SCALE = Scale(*time_scale())
# gRPC's names of codes, as the convention has them.
_CODES = {"OK": "OK", "INVALID_ARGUMENT": "InvalidArgument", "UNAUTHENTICATED": "Unauthenticated"} | {
    "PERMISSION_DENIED": "PermissionDenied",
    "UNAVAILABLE": "Unavailable",
    "UNIMPLEMENTED": "Unimplemented",
    "NOT_FOUND": "NotFound",
    "RESOURCE_EXHAUSTED": "ResourceExhausted",
    "CANCELLED": "Canceled",
    "INTERNAL": "Internal",
    "DEADLINE_EXCEEDED": "DeadlineExceeded",
}


class Connections(Protocol):
    """What a door knows of its connections."""

    connections: set[Any]
    connections_max: int
    sent_away: dict[str, int]

    @property
    def request_bytes(self) -> int: ...


class CallMeters:
    """The meters of all doors, one a method."""

    def __init__(self) -> None:
        self._meters: list[CallMeter] = []
        self._doors: dict[str, Connections] = {}

    def of(self, service: str, method: str) -> CallMeter:
        """A new meter."""
        meter = CallMeter(service, method)
        self._meters.append(meter)
        return meter

    def watch(self, service: str, door: Connections) -> None:
        """Tell of a door's connections too. `service`: one it serves."""
        self._doors[service] = door

    def by_method(self) -> dict[str, tuple[list[int], int]]:
        """The registers' calls at all doors: how many by bucket of their time, and how many of them were refused."""
        found: dict[str, tuple[list[int], int]] = {}
        for meter in self._meters:
            if meter.service.endswith(POS_SERVICE):
                counts, refused = found.get(meter.method, ([0] * len(meter.counts), 0))
                both = [one + other for one, other in zip(counts, meter.counts, strict=True)]
                found[meter.method] = both, refused + sum(meter.refused_counts.values())
        return found

    def collect(self) -> Iterator[Metric]:
        yield from self._collect_calls()
        if self._doors:
            yield from self._collect_connections()

    def _collect_connections(self) -> Iterator[Metric]:
        labels = ["grpc_service"]
        are_open = GaugeMetricFamily("altyn_connections", "Connections of a door.", labels=labels)
        room = GaugeMetricFamily("altyn_connections_max", "Connections a door takes at a time.", labels=labels)
        held = GaugeMetricFamily("altyn_connections_request_bytes", "Announced and not yet begun.", labels=labels)
        away = CounterMetricFamily(
            "altyn_connections_sent_away", "Connections ended because of what the peer did.", labels=[*labels, "reason"]
        )
        for service, door in self._doors.items():
            are_open.add_metric([service], len(door.connections))
            room.add_metric([service], door.connections_max)
            held.add_metric([service], door.request_bytes)
            for reason, count in door.sent_away.items():
                away.add_metric([service, reason], count)
        yield from (are_open, room, held, away)

    def _collect_calls(self) -> Iterator[Metric]:
        labels = ["grpc_type", "grpc_service", "grpc_method"]
        started = CounterMetricFamily("grpc_server_started", "Calls that have begun.", labels=labels)
        handled = CounterMetricFamily("grpc_server_handled", "Calls ended, by code.", labels=[*labels, "grpc_code"])
        took = TimeHistograms(
            "grpc_server_handling_seconds",
            "From the request's bytes to the reply's, waiting for the journal included.",
            SCALE,
            labels,
        )
        replies = CounterMetricFamily(
            "altyn_replies",
            "Replies whose status is not OK, by status and reason.",
            labels=["grpc_method", "status", "reason"],
        )
        refused = CounterMetricFamily(
            "altyn_calls_refused",
            "Calls that could not be answered, by code and reason.",
            labels=["grpc_method", "code", "reason"],
        )
        for meter in self._meters:
            place = ["unary", meter.service, meter.method]
            started.add_metric(place, meter.started_count)
            handled.add_metric([*place, "OK"], meter.ok_count)
            codes: dict[str, int] = {}
            for (code, reason), count in meter.refused_counts.items():
                codes[code] = codes.get(code, 0) + count
                refused.add_metric([meter.method, code, reason], count)
            for code, count in codes.items():
                handled.add_metric([*place, _CODES.get(code, "Unknown")], count)
            for (status, why), count in meter.status_counts.items():
                replies.add_metric([meter.method, *verdict_names(status, why)], count)
            if meter.started_count:
                took.add_times(place, meter.counts, meter.sum_ns / 1e9)
        yield from (started, handled, took, replies, refused)


class StageTimes:
    """Where the time of calls goes, and how long certificates have left. `certificates`: door → when it ends, UTC s."""

    def __init__(self, stages: Stages, slots: ReplySlots, certificates: Callable[[], Mapping[str, int]]) -> None:
        self._stages = stages
        self._slots = slots
        self._certificates = certificates

    def collect(self) -> Iterator[Metric]:
        labels = ["grpc_method", "stage"]
        took = TimeHistograms("altyn_stage_seconds", "Decoding, sampled, and deciding.", SCALE, labels)
        for call in self._stages.calls:
            for stage, counts, sum_ns in (
                ("decode", call.decoded_counts, call.decoded_sum_ns),
                ("decide", call.decided_counts, call.decided_sum_ns),
            ):
                if any(counts):
                    took.add_times([call.method, stage], counts, sum_ns / 1e9)
        yield took
        wait = TimeHistograms("altyn_journal_wait_seconds", "From a decision to its being durable.", SCALE)
        wait.add_times([], self._slots.wait.counts, self._slots.wait.sum_ns / 1e9)
        yield wait
        left = GaugeMetricFamily(
            "altyn_certificate_left_seconds", "Until the certificate in force ends.", labels=["door"]
        )
        for door, ends_s in self._certificates().items():
            left.add_metric([door], ends_s - time.time())
        yield left


class ServerState:
    """Journal, slots, engine, feeds and snapshots of one server."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        slots: ReplySlots,
        feeds: Feeds,
        past_rules: PastRulesLoader,
        snapshots: Snapshots,
        server_id: str,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._slots = slots
        self._feeds = feeds
        self._past_rules = past_rules
        self._snapshots = snapshots
        self._server_id = server_id

    def collect(self) -> Iterator[Metric]:
        yield from self._collect_journal()
        yield from self._collect_memory()
        yield from self._collect_facts()
        yield from self._collect_snapshots()

    def _collect_journal(self) -> Iterator[Metric]:
        journal, appended = self._journal, self._journal.next_seq - 1
        meters = journal.meters
        yield _gauge("altyn_journal_epoch", "Epoch under which this server owns the shard.", journal.epoch)
        yield _gauge("altyn_journal_appended_seq", "Seq of the last record decided.", appended)
        yield _gauge("altyn_journal_durable_seq", "Seq up to which records are durable.", journal.durable_seq)
        yield _gauge("altyn_journal_lag_records", "Decided and not yet durable.", appended - journal.durable_seq)
        yield _gauge("altyn_journal_queue_bytes", "Bytes waiting for PostgreSQL.", journal.queue_bytes)
        yield _gauge("altyn_journal_degraded", "1 while PostgreSQL does not take the journal.", journal.is_degraded)
        yield _counter("altyn_journal_reconnects", "Connections lost and opened again.", journal.reconnects_count)
        yield _counter("altyn_journal_questions", "Queries for old operations.", journal.reader.questions_count)
        yield _counter("altyn_journal_rows", "Rows made durable.", meters.rows_count)
        yield _counter("altyn_journal_bytes", "Bytes made durable.", meters.bytes_count)
        yield _gauge(
            "altyn_journal_partitions_ahead", "Partitions made beyond the one in use.", journal.partitions_ahead
        )
        flush = TimeHistograms("altyn_journal_flush_seconds", "One batch: from its COPY to its commit.", SCALE)
        flush.add_times([], meters.flush.counts, meters.flush.sum_ns / 1e9)
        yield flush
        batch = HistogramMetricFamily("altyn_journal_batch_records", "Records of one batch.")
        histogram_of(batch, [], meters.batch_bounds, meters.batch_counts, meters.rows_count)
        yield batch

    def _collect_memory(self) -> Iterator[Metric]:
        engine, book = self._engine, self._engine.book
        yield _gauge("altyn_slots_in_use", "Answers waiting for the journal.", self._slots.waiting_count)
        yield _gauge("altyn_slots_max", "Answers that may wait at a time.", self._slots.slots_max)
        yield _gauge("altyn_accounts", "Accounts in memory.", book.accounts_count)
        yield _gauge("altyn_lots", "Lots in memory.", book.lots_count)
        yield _gauge("altyn_holds", "Holds pending.", book.holds_count)
        yield _gauge("altyn_book_bytes", "Memory of accounts, lots and holds.", book.bytes_used)
        yield _gauge("altyn_operations", "Operations remembered in memory.", len(engine.operations))
        yield _gauge("altyn_operations_bytes", "Memory of the seen-before index.", engine.operations.bytes_used)
        yield _gauge("altyn_replies_kept", "Whole replies kept for repeats.", len(engine.replies))

    def _collect_facts(self) -> Iterator[Metric]:
        rules = self._feeds.rules
        yield _gauge("altyn_rules_version", "Release in force.", self._engine.rules_version)
        yield _gauge("altyn_rules_refused_version", "Newest release that was refused; 0: none.", rules.refused_version)
        yield _gauge("altyn_rules_promotions", "Promotions in force.", self._engine.promotions_count)
        releases = self._engine.releases
        yield _gauge("altyn_past_rules", "Past releases held for receipts that come late.", releases.past_count)
        yield _gauge("altyn_past_rules_bytes", "Memory of their images.", releases.past_bytes)
        yield _counter("altyn_past_rules_loads", "Past releases brought.", self._past_rules.loads_count)
        yield _gauge("altyn_feed_version", "Version of the facts in memory.", self._feeds.feed_version)
        yield _gauge(
            "altyn_feed_lag_seconds", "Since versions were last compared with PostgreSQL.", self._feeds.lag_us / 1e6
        )
        info = InfoMetricFamily("altyn_server", "Who this server is and what it runs.")
        info.add_metric([], {"server_id": self._server_id, "rules_sha256": self._engine.rules_sha256})
        yield info

    def _collect_snapshots(self) -> Iterator[Metric]:
        newest = self._snapshots.newest()
        yield _gauge("altyn_snapshot_seq", "Seq of the newest snapshot; 0: none.", newest.seq if newest else 0)
        if newest:
            age_s = max(0.0, time.time() - newest.written_at_s)
            yield _gauge("altyn_snapshot_age_seconds", "Since the newest snapshot was written.", age_s)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def verdict_names(status: int, reason: int) -> tuple[str, str]:
    """Of a reply's status and reason."""
    return _name(outcome_pb2.Status, status, "STATUS_"), _name(reasons_pb2.Reason, reason, "REASON_")


def _name(kinds: EnumTypeWrapper, number: int, prefix: str) -> str:
    """The name of an enum's value without its prefix; a newer one keeps its number."""
    known: Sequence[int] = kinds.values()
    return kinds.Name(number).removeprefix(prefix) if number in known else str(number)
