"""One user's connection to the registers' door: raw bytes out, raw bytes in, each attempt measured and told.

What counts as the right answer is said by the caller, attempt by attempt: an ``Expect`` returns what is wrong with an
answer, or nothing. No answer at all (UNAVAILABLE, a deadline) is silence: counted, never taken for a wrong answer.
Nothing is retried here: a load test that retries measures its own patience.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from locust.env import Environment

from altyn.loadtests.ledger import Ledger
from altyn.loadtests.meter import Meter
from altyn.loadtests.settings import Identity, LoadSettings, tls_credentials
from altyn.pos.v1 import outcome_pb2, pos_service_pb2
from altyn.register import Attempt
from altyn.register.history import SteadyClock, request_hash

SERVICE = "altyn.pos.v1.PosService"
OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
EFFECTS = ("ReserveReceipt", "CommitReceipt", "CancelReceipt", "ReturnReceipt")
RESPONSES: dict[str, Any] = {
    method.name: getattr(pos_service_pb2, method.output_type.name)
    for method in pos_service_pb2.DESCRIPTOR.services_by_name["PosService"].methods
}


class WrongAnswer(Exception):
    """The server answered, and not as it must."""


class Silence(Exception):
    """No answer came in time."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one attempt. ``reply`` and ``response`` are None when gRPC gave an error."""

    reply: bytes | None
    response: Any
    code: grpc.StatusCode
    details: str = ""


Expect = Callable[[Said], str]


def answered(said: Said) -> str:
    """A plain answer: OK, or DECLINED with its reason."""
    return status_is(outcome_pb2.STATUS_OK, outcome_pb2.STATUS_DECLINED)(said)


def status_is(*wanted: int) -> Expect:
    """A reply with one of these statuses."""

    def look(said: Said) -> str:
        if said.response is None:
            return f"{said.code.name}: {said.details}"
        status = said.response.status
        return "" if status in wanted else f"status {status_name(status)}, reason {said.response.reason}"

    return look


def same_as(first: Said) -> Expect:
    """The very bytes that came before, when they came."""

    def look(said: Said) -> str:
        if said.reply is None or first.reply is None:
            return answered(said)
        return "" if said.reply == first.reply else "not the bytes of the first reply"

    return look


def refused_with(code: grpc.StatusCode) -> Expect:
    """A gRPC error of this code."""
    return lambda said: "" if said.code is code else f"{said.code.name} instead of {code.name}"


def status_name(status: int) -> str:
    try:
        return outcome_pb2.Status.Name(status).removeprefix("STATUS_")
    except ValueError:
        return str(status)


class Door:
    """One channel, one identity. ``clock`` is that of the whole process."""

    def __init__(
        self,
        settings: LoadSettings,
        identity: Identity,
        environment: Environment,
        meter: Meter,
        ledger: Ledger,
        clock: SteadyClock,
    ) -> None:
        credentials = tls_credentials(settings.tls)
        if credentials is None:
            self._channel = grpc.insecure_channel(settings.target, OPTIONS)
        else:
            self._channel = grpc.secure_channel(settings.target, credentials, OPTIONS)
        self._calls: dict[str, Any] = {call: self._channel.unary_unary(f"/{SERVICE}/{call}") for call in RESPONSES}
        self._key = identity.key
        self._timeout_s = settings.call_timeout_s
        self._environment = environment
        self._meter = meter
        self._ledger = ledger
        self._clock = clock

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def send(
        self,
        call: str,
        request: bytes,
        *,
        planned_us: int,
        expect: Expect = answered,
        name: str = "",
        op_id: bytes = b"",
        receipt_key: str = "",
        timeout_s: float | None = None,
        key: str | None = None,
    ) -> Said:
        """One attempt, told to meter, ledger and Locust under ``name`` (else the call's own)."""
        metadata = (("authorization", f"Bearer {self._key if key is None else key}"),)
        sent_us = self._clock.now_us()
        try:
            reply = bytes(self._calls[call](request, timeout=timeout_s or self._timeout_s, metadata=metadata))
            said = Said(reply, RESPONSES[call].FromString(reply), grpc.StatusCode.OK)
        except grpc.RpcError as error:
            said = Said(None, None, error.code(), error.details() or "")
        except DecodeError as error:
            said = Said(reply, None, grpc.StatusCode.INTERNAL, f"unreadable reply: {error}")
        except BaseException:
            # Stopped in the middle: nobody knows what the server did.
            self._tell(call, request, op_id, receipt_key, sent_us, None, "CANCELLED")
            raise
        done_us = self._tell(call, request, op_id, receipt_key, sent_us, said.reply, said.code.name)
        self._measure(name or call, said, expect(said), planned_us, sent_us, done_us)
        return said

    def _tell(
        self, call: str, request: bytes, op_id: bytes, receipt_key: str, sent_us: int, reply: bytes | None, error: str
    ) -> int:
        done_us = self._clock.now_us()
        if op_id and call in EFFECTS:
            why = "" if reply is not None else error
            self._ledger(Attempt(op_id, call, request_hash(request), sent_us, reply, done_us, why), receipt_key)
        return done_us

    def _measure(self, name: str, said: Said, problem: str, planned_us: int, sent_us: int, done_us: int) -> None:
        failure: Exception | None = None
        if not problem:
            self._meter.answered(name, planned_us, sent_us, done_us)
        elif said.code in SILENT:
            failure = Silence(said.code.name)
            self._meter.failed(name, "silent", done_us, said.details)
        else:
            failure = WrongAnswer(problem)
            self._meter.failed(name, "wrong", done_us, problem)
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type="grpc",
            name=name,
            response_time=(done_us - planned_us) / 1000,
            response_length=len(said.reply or b""),
            exception=failure,
            context={},
        )
