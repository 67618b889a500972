"""Spans of calls for OpenTelemetry: which method, how it ended, and where its time went. Of one call in some.

It stands around a service, its call table and who may call, as the stages do; a server that is not asked for spans has
nothing of it, not a branch, and does not load this. A call whose `traceparent` belongs to a trace that is kept is
always told; one whose trace is not kept never is. Invariants: what a call is given, answers and raises is untouched; a
span is made when the call has ended, and sent by a thread of the library's; spans wait in a bounded queue, and what
does not fit is dropped. Never here: cards, phones, keys, what was bought.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate
from altyn.server.calls import Call, Reply
from altyn.server.meters import monotonic_ns, verdict_of
from altyn.server.metrics import verdict_names
from altyn.server.refusals import who_called
from altyn.server.transport.door import Metadata, Service

QUEUE_MAX = 4_096
BATCH_MAX = 512
SEND_EVERY_MS = 2_000
SEND_PATIENCE_S = 5.0
STOP_PATIENCE_S = 2.0
FIELD = "traceparent"
# A fault of ours, as OpenTelemetry wants it of a server; other refusals are the caller's matter.
FAULTS = {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED"}


class Came(NamedTuple):
    """A call that has been authenticated: when it came (`wall_ns` UTC, `at_ns` of the meters' clock), what that took,
    and the `traceparent` it came with, or nothing.
    """

    wall_ns: int
    at_ns: int
    known_ns: int
    parent: str


# Of the call that is being begun: a door authenticates it and then calls, in one task or one turn.
_came: ContextVar[Came] = ContextVar("came")


class Tracing:
    """Where spans go. `stop` must be awaited."""

    def __init__(self, url: str, sampled_ppm: int, server_id: str) -> None:
        """`url`: an OTLP/HTTP address of traces. `sampled_ppm`: of calls that belong to no trace."""
        names = {"service.name": "altyn-server", "service.instance.id": server_id}
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create(names), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=url, timeout=SEND_PATIENCE_S)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=QUEUE_MAX,
                schedule_delay_millis=SEND_EVERY_MS,
                max_export_batch_size=BATCH_MAX,
            )
        )
        self.tracer = self._provider.get_tracer("altyn.server")
        self.share = sampled_ppm / 1_000_000
        self._propagator = TraceContextTextMapPropagator()

    def over(self, service: Service) -> Service:
        """The same service with its calls told."""
        table = {method: TracedCall(self, service.name, method, call).take for method, call in service.table.items()}
        authenticate = partial(note, service.authenticate)
        return replace(service, table=table, authenticate=authenticate, is_traced=True)

    def context_of(self, parent: str) -> Context | None:
        """Of the trace a call belongs to, a new one's where it belongs to none; None: this call is not told."""
        if parent:
            context = self._propagator.extract({FIELD: parent})
            found = get_current_span(context).get_span_context()
            if found.is_valid:
                return context if found.trace_flags.sampled else None
        return Context() if random.random() < self.share else None

    async def stop(self) -> None:
        """Send what waits, for STOP_PATIENCE_S at most."""
        last = threading.Thread(target=self._provider.shutdown, name="spans-stop", daemon=True)
        last.start()
        await asyncio.to_thread(last.join, STOP_PATIENCE_S)


def note(
    authenticate: Callable[[Metadata, Certificate | None], Scope], metadata: Metadata, certificate: Certificate | None
) -> Scope:
    """Authenticate, and keep for the call that follows when it came and which trace it belongs to."""
    wall_ns, at_ns = time.time_ns(), monotonic_ns()
    scope = authenticate(metadata, certificate)
    parent = next((value for name, value in metadata if name == FIELD and isinstance(value, str)), "")
    _came.set(Came(wall_ns, at_ns, monotonic_ns(), parent))
    return scope


class TracedCall:
    """One method of the table."""

    def __init__(self, tracing: Tracing, service: str, method: str, call: Call) -> None:
        self._tracing = tracing
        self._service = service
        self._method = method
        self._call = call

    def take(self, request: bytes, scope: Scope) -> Reply:
        """The call itself."""
        came = _came.get()
        context = self._tracing.context_of(came.parent)
        if context is None:
            return self._call(request, scope)
        tell = partial(self._tell, context, came, monotonic_ns(), who_called(request, scope))
        try:
            reply = self._call(request, scope)
        except BaseException as error:
            tell(monotonic_ns(), *_ended(error))
            raise
        decided_ns = monotonic_ns()
        if isinstance(reply, bytes):
            tell(decided_ns, *_answered(reply))
            return reply
        waiting = asyncio.ensure_future(reply)
        waiting.add_done_callback(partial(_settle, partial(tell, decided_ns)))
        return waiting

    def _tell(
        self,
        context: Context,
        came: Came,
        begun_ns: int,
        who: Mapping[str, str],
        decided_ns: int,
        code: str,
        status: str,
        reason: str,
    ) -> None:
        ended_ns = monotonic_ns()
        span = self._tracing.tracer.start_span(
            f"{self._service}/{self._method}",
            context,
            SpanKind.SERVER,
            {
                "rpc.service": self._service,
                "rpc.method": self._method,
                "altyn.code": code,
                "altyn.status": status,
                "altyn.reason": reason,
                "altyn.authenticate_us": (came.known_ns - came.at_ns) // 1_000,
                "altyn.decide_us": (decided_ns - begun_ns) // 1_000,
                "altyn.wait_us": (ended_ns - decided_ns) // 1_000,
                **{f"altyn.{name}": value for name, value in who.items()},
            },
            start_time=came.wall_ns,
        )
        if code in FAULTS:
            span.set_status(Status(StatusCode.ERROR, reason))
        span.end(came.wall_ns + ended_ns - came.at_ns)


def _settle(tell: Callable[[str, str, str], None], waiting: asyncio.Future[bytes]) -> None:
    if waiting.cancelled():
        tell("CANCELLED", "", "CALLER_LEFT")
        return
    error = waiting.exception()
    if error is not None:
        tell(*_ended(error))
    else:
        tell(*_answered(waiting.result()))


def _ended(error: BaseException) -> tuple[str, str, str]:
    """Code, no status, and reason of a call without a reply."""
    return (error.code, "", error.reason) if isinstance(error, CallRefused) else ("INTERNAL", "", "FAULT")


def _answered(reply: bytes) -> tuple[str, str, str]:
    """Code, status, and reason where there is one."""
    status, reason = verdict_of(reply)
    named, why = verdict_names(status, reason)
    return "OK", named, why if reason else ""
