"""A till over raw bytes: one connection, some forecasts a receipt as goods are scanned, then the commit.

Each receipt has a planned moment, and each of its calls one ``scan_gap_us`` after the call before. Calls of one receipt
follow one another, as a till's do; when one is late, the later ones are late as well, and their latency says so.
"""

from __future__ import annotations

from random import Random

import gevent  # type: ignore[import-untyped]
from locust import User, task

from altyn.loadtests.door import Door, status_is
from altyn.loadtests.faults import FAULTS
from altyn.loadtests.load import current_load
from altyn.loadtests.receipts import Numbering, receipt_key
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2
from altyn.register import LocalTime


class RegisterUser(User):
    """One till. ``weight`` is set by the locustfile from ``--store-forward-ppm``."""

    def wait_time(self) -> float:
        """The pace waits, not Locust."""
        return 0.0

    def on_start(self) -> None:
        self.load = current_load(self.environment)
        self.settings = self.load.settings
        seed = self.load.new_seed()
        self.random = Random(seed)
        self.identity = self.load.take_register()
        self.door = Door(
            self.settings, self.identity, self.environment, self.load.meter, self.load.ledger, self.load.clock
        )
        self.numbering = Numbering(self.identity.store_id, self.identity.register_id)
        # Users begin at different places of the stock, or all would send the same basket at once.
        self.place = self.random.randrange(len(self.load.stock))
        self.pace = self.load.new_pace(seed, self.settings.receipt_us)

    def on_stop(self) -> None:
        """Close the connection; what was due and not begun is owed."""
        if not hasattr(self, "pace"):
            return  # stopped before it could begin
        owed = self.pace.owed(self.load.clock.now_us())
        self.load.meter.owed(owed.backlog_count + owed.dropped_count, owed.dropped_count)
        self.door.close()
        self.load.give_back(self.identity)

    @task
    def sell(self) -> None:
        """One receipt at its planned moment: ever more of the basket, then all of it, then sold."""
        start = self.pace.take(self.load.clock.now_us())
        self.wait_until(start.planned_us)
        self.load.meter.begun(self.load.clock.now_us(), start.backlog_count, start.dropped_count)
        self.place += 1
        receipt = self.load.stock.receipt(self.place, LocalTime.now())
        self.numbering.next_receipt(receipt)
        planned_us, token = self.pace.due(start.planned_us, self.load.clock.now_us()), b""
        for step in range(1, self.settings.forecasts + 1):
            said = self.door.send("CalculateReceipt", self.forecast(receipt, step), planned_us=planned_us)
            token = said.response.calc_token if said.response is not None else b""
            planned_us += self.settings.scan_gap_us
            self.wait_until(planned_us)
            planned_us = self.pace.due(planned_us, self.load.clock.now_us())
        if self.random.randrange(1_000_000) < self.settings.faults_ppm:
            self.random.choice(FAULTS)(self, receipt, token, planned_us)
        else:
            self.commit(receipt, token, planned_us)

    def commit(self, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
        op_id, request = self.numbering.tell("CommitReceipt", receipt, token)
        self.door.send(
            "CommitReceipt",
            request,
            planned_us=planned_us,
            expect=status_is(outcome_pb2.STATUS_OK),
            op_id=op_id,
            receipt_key=receipt_key(receipt),
        )

    def forecast(self, receipt: receipt_pb2.Receipt, step: int) -> bytes:
        """The bytes of a forecast over the first ``step`` parts of the basket."""
        part = receipt
        lines_count = -(-len(receipt.lines) * step // self.settings.forecasts)
        if lines_count < len(receipt.lines):
            part = receipt_pb2.Receipt()
            part.CopyFrom(receipt)
            del part.lines[lines_count:]
        return pos_service_pb2.CalculateReceiptRequest(receipt=part).SerializeToString()

    def wait_until(self, at_us: int) -> None:
        """Sleep until then; at once when it has passed."""
        gevent.sleep(max(0, at_us - self.load.clock.now_us()) / 1e6)
