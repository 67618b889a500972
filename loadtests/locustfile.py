"""Tills as Locust users: each has one connection and works at a steady pace. How to run it: README.md beside this.

A user asks with raw bytes (no message objects on the way out of gRPC) and counts as failed what is no answer:
a gRPC status other than OK, or a reply whose status is neither OK nor DECLINED. Nothing is retried here: a load test
that retries measures its own patience.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]
import grpc.experimental.gevent as grpc_gevent

grpc_gevent.init_gevent()

import grpc  # noqa: E402
from locust import User, constant_throughput, events, task  # noqa: E402
from locust.env import Environment  # noqa: E402

from altyn.loadtests.receipts import Numbering, Stock  # noqa: E402
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2  # noqa: E402
from altyn.register import LocalTime  # noqa: E402

SERVICE = "altyn.pos.v1.PosService"
TARGET = os.environ.get("ALTYN_LOAD_TARGET", "127.0.0.1:50051")
RECEIPTS_PER_S = float(os.environ.get("ALTYN_LOAD_RECEIPTS_PER_S", "1"))
BASKETS_COUNT = int(os.environ.get("ALTYN_LOAD_BASKETS", "2000"))
TIMEOUT_S = float(os.environ.get("ALTYN_LOAD_TIMEOUT_S", "5"))
OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.enable_retries", 0),
)
ANSWERED = (outcome_pb2.STATUS_OK, outcome_pb2.STATUS_DECLINED)


class UnexpectedStatus(Exception):
    """The reply's status is no plain answer."""


class Shared:
    """What all users of this process share, made before the first of them."""

    stock: ClassVar[Stock]
    registers: ClassVar[itertools.cycle[dict[str, str]]]


@events.init.add_listener  # type: ignore[untyped-decorator]
def prepare(environment: Environment, **_: object) -> None:
    """Load baskets and credentials, before the clock of the run starts.

    ALTYN_LOAD_REGISTERS names a JSON list of {store_id, register_id, key}.
    """
    registers = json.loads(Path(os.environ["ALTYN_LOAD_REGISTERS"]).read_text())
    Shared.registers = itertools.cycle(registers)
    Shared.stock = Stock(BASKETS_COUNT)
    # Loading blocks for seconds; the loop's idea of now is older than that, and --run-time would count it.
    gevent.get_hub().loop.update_now()


class RegisterUser(User):
    """A till: four forecasts a receipt, as goods are scanned and changed, then the commit."""

    wait_time = constant_throughput(RECEIPTS_PER_S)
    forecasts_per_receipt = 4

    def on_start(self) -> None:
        """One channel per user: as many connections as tills."""
        identity = next(Shared.registers)
        if os.environ.get("ALTYN_LOAD_TLS") == "1":
            self.channel = grpc.secure_channel(TARGET, grpc.ssl_channel_credentials(), OPTIONS)
        else:
            self.channel = grpc.insecure_channel(TARGET, OPTIONS)
        self.numbering = Numbering(identity["store_id"], identity["register_id"])
        self.metadata = (("authorization", f"Bearer {identity['key']}"),)
        self.calls: dict[str, Any] = {
            call: self.channel.unary_unary(f"/{SERVICE}/{call}") for call in ("CalculateReceipt", "CommitReceipt")
        }
        # Users begin at different places of the stock, or all would send the same basket at once.
        self.place = hash((identity["register_id"], time.time_ns())) % len(Shared.stock)

    def on_stop(self) -> None:
        """Close the connection."""
        self.channel.close()

    @task
    def sell(self) -> None:
        """One receipt: ever more of the basket, then all of it, then sold."""
        self.place += 1
        receipt = Shared.stock.receipt(self.place, LocalTime.now())
        self.numbering.next_receipt(receipt)
        token = b""
        for step in range(1, self.forecasts_per_receipt + 1):
            shown = self.send("CalculateReceipt", self.forecast(receipt, step))
            if shown is None:
                return
            token = shown.calc_token
        self.send("CommitReceipt", self.numbering.commit(receipt, token))

    def forecast(self, receipt: receipt_pb2.Receipt, step: int) -> bytes:
        """The bytes of a forecast over the first ``step`` quarters of the basket."""
        part = receipt
        lines_count = -(-len(receipt.lines) * step // self.forecasts_per_receipt)
        if lines_count < len(receipt.lines):
            part = receipt_pb2.Receipt()
            part.CopyFrom(receipt)
            del part.lines[lines_count:]
        return bytes(pos_service_pb2.CalculateReceiptRequest(receipt=part).SerializeToString())

    def send(self, call: str, request: bytes) -> Any:
        """Send and tell Locust; the reply, or None."""
        begin = time.perf_counter()
        reply, response = b"", None
        failure: Exception | None = None
        try:
            reply = self.calls[call](request, timeout=TIMEOUT_S, metadata=self.metadata)
            response = getattr(pos_service_pb2, call + "Response").FromString(reply)
            if response.status not in ANSWERED:
                failure = UnexpectedStatus(outcome_pb2.Status.Name(response.status))
        except grpc.RpcError as error:
            failure = error
        self.environment.events.request.fire(
            request_type="grpc",
            name=call,
            response_time=(time.perf_counter() - begin) * 1000,
            response_length=len(reply),
            exception=failure,
            context={},
        )
        return response
