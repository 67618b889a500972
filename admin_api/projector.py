"""The projector: journal rows ▸ the tables people read.

A continuous loop in the back office. One transaction takes the next rows after the checkpoint, writes what they mean
by COPY, and moves the checkpoint: a crash repeats nothing and loses nothing. Its lag harms no till. It must never
write to the journal or decide anything.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from google.protobuf.message import DecodeError

from altyn.admin_api.projection_rows import ProjectionRows
from altyn.core.facts.coupon_codes import key_of
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2

PROJECTION = "receipts"
ROWS_PER_TURN_MAX = 500
IDLE_S = 0.1
BACKOFF_MAX_S = 5.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMMIT = pos.OPERATION_KIND_COMMIT
CANCEL = pos.OPERATION_KIND_CANCEL
RETURN = pos.OPERATION_KIND_RETURN
DECIDE = pos.OPERATION_KIND_DECIDE
ANSWERS: dict[int, Any] = {
    pos.OPERATION_KIND_RESERVE: pos.ReserveReceiptResponse,
    COMMIT: pos.CommitReceiptResponse,
    pos.OPERATION_KIND_CANCEL: pos.CancelReceiptResponse,
    pos.OPERATION_KIND_RETURN: pos.ReturnReceiptResponse,
}
DUPLICATE_NUMBER = reasons_pb2.REASON_DUPLICATE_NUMBER
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

log = structlog.get_logger(__name__)

COLUMNS = {
    "receipts": [
        "seq",
        "op_id",
        "store_id",
        "register_id",
        "shift_number",
        "receipt_number",
        "business_time",
        "business_date",
        "recorded_at",
        "customer_id",
        "account_id",
        "currency",
        "gross_minor",
        "discount_minor",
        "points_paid_minor",
        "rounding_minor",
        "to_pay_minor",
        "lines_count",
        "rules_version",
        "status",
        "exceptions",
    ],
    "receipt_returns": [
        "seq",
        "op_id",
        "sale_seq",
        "store_id",
        "register_id",
        "shift_number",
        "receipt_number",
        "recorded_at",
        "refund_minor",
        "is_void",
        "has_waited",
        "status",
        "exceptions",
    ],
    "receipt_lines": [
        "seq",
        "line_no",
        "sku",
        "group_id",
        "brand_id",
        "qty_milli",
        "price_minor",
        "gross_minor",
        "discount_minor",
        "net_minor",
    ],
    "receipt_discounts": ["seq", "line_no", "discount_no", "promotion_id", "reward_no", "stage", "amount_minor"],
    "exceptions": [
        "seq",
        "exception_no",
        "kind",
        "status",
        "reason",
        "store_id",
        "register_id",
        "shift_number",
        "receipt_number",
        "account_id",
        "recorded_at",
    ],
    "exception_decisions": ["seq", "exception_no", "decided_seq", "applied", "note", "actor", "recorded_at"],
    "coupon_changes": [
        "seq",
        "change_no",
        "code_hash",
        "series_no",
        "use",
        "issued",
        "promotion_id",
        "expires_at",
        "recorded_at",
        "serial",
    ],
    "fraud_cases": [
        "seq",
        "case_no",
        "rule",
        "kind",
        "operation_kind",
        "store_id",
        "register_id",
        "shift_number",
        "receipt_number",
        "cashier_id",
        "card_id",
        "customer_id",
        "account_id",
        "count",
        "threshold",
        "recorded_at",
    ],
    "ledger_entries": [
        "seq",
        "entry_no",
        "posting_no",
        "kind",
        "account_id",
        "asset_no",
        "points",
        "lot_id",
        "recorded_at",
    ],
}


def moment(instant_us: int) -> datetime:
    """UTC microseconds as an aware datetime."""
    return EPOCH + timedelta(microseconds=instant_us)


class Rows:
    """Rows of one turn: those of the large tables as COPY takes them, and those of the small ones as tuples."""

    def __init__(self) -> None:
        self.many = ProjectionRows()
        few = ("receipt_returns", "exceptions", "exception_decisions", "coupon_changes", "fraud_cases")
        self.few: dict[str, list[tuple[object, ...]]] = {table: [] for table in few}

    def add(self, seq: int, body: bytes) -> None:
        """What one journal row means."""
        if not self.many.add(seq, body):
            return
        record = journal.Record.FromString(body)
        if record.kind == RETURN or (record.kind == CANCEL and record.effects.HasField("returned")):
            self._add_return(seq, record)
        if record.kind == DECIDE:
            self._add_decision(seq, record)
        self._add_exceptions(seq, record)
        self._add_coupons(seq, record)
        self._add_cases(seq, record)

    async def copy(self, connection: asyncpg.Connection[Any] | PoolConnectionProxy[Any]) -> None:
        """Write them all."""
        many = {
            "receipts": self.many.receipts,
            "receipt_lines": self.many.lines,
            "receipt_discounts": self.many.discounts,
            "ledger_entries": self.many.entries,
        }
        for table, rows in many.items():
            if rows.count:
                source = memoryview(rows.close())
                await connection.copy_to_table(table, source=cast(Any, source), columns=COLUMNS[table], format="binary")
        for table, records in self.few.items():
            if records:
                await connection.copy_records_to_table(table, records=records, columns=COLUMNS[table])

    def _add_exceptions(self, seq: int, record: journal.Record) -> None:
        """Whatever kind of operation had them: reasons and kinds are kept by number, known to us or not."""
        if not record.exceptions:
            return
        about = record.request
        receipt: Any = about.receipt if about.HasField("receipt") else about.cancel
        if about.HasField("decision"):
            receipt = about.decision.receipt
        answer = ANSWERS.get(record.kind)
        status = answer.FromString(record.reply).status if answer is not None else 0
        for number, reason in enumerate(record.exceptions):
            self.few["exceptions"].append(
                (
                    seq,
                    number,
                    record.kind,
                    status,
                    reason,
                    receipt.store_id,
                    receipt.register_id,
                    receipt.shift_number,
                    receipt.receipt_number,
                    record.evidence.customer.account_id or None,
                    moment(record.instant_us),
                )
            )

    def _add_decision(self, seq: int, record: journal.Record) -> None:
        said = record.request.decision
        exceptions = list(journal.Record.FromString(record.evidence.original.sale).exceptions)
        row = (
            said.seq,
            exceptions.index(said.exception),
            seq,
            said.apply,
            said.note,
            said.actor,
            moment(record.instant_us),
        )
        self.few["exception_decisions"].append(row)

    def _add_coupons(self, seq: int, record: journal.Record) -> None:
        """Issued codes stand in the order of the evidence's issues, used ones are found by their hash or serial."""
        if not record.effects.coupons:
            return
        issuers = iter([issue.promotion_id for issue in record.evidence.issues if not issue.reason])
        users: dict[bytes, str] = {}
        sale = journal.Record.FromString(record.evidence.original.sale) if record.kind == DECIDE else record
        if sale.kind == COMMIT:
            entered = pos.CommitReceiptResponse.FromString(sale.reply).outcome.coupons
            users = {key_of(fact): entered[fact.place].promotion_id for fact in sale.evidence.coupons}
        for number, change in enumerate(record.effects.coupons):
            self.few["coupon_changes"].append(
                (
                    seq,
                    number,
                    change.code_hash,
                    change.series_no,
                    change.use,
                    change.issued,
                    next(issuers, "") if change.issued else users.get(key_of(change), ""),
                    moment(change.expires_at_us) if change.expires_at_us else None,
                    moment(record.instant_us),
                    change.serial or None,
                )
            )

    def _add_cases(self, seq: int, record: journal.Record) -> None:
        """A Reserve only asks: what it tripped its Commit trips again."""
        if record.kind not in (COMMIT, RETURN):
            return
        receipt, customer = record.request.receipt, record.evidence.customer
        for number, trip in enumerate(trip for trip in record.evidence.fraud.trips if trip.wants_case):
            self.few["fraud_cases"].append(
                (
                    seq,
                    number,
                    trip.rule,
                    trip.kind,
                    record.kind,
                    receipt.store_id,
                    receipt.register_id,
                    receipt.shift_number,
                    receipt.receipt_number,
                    receipt.cashier_id,
                    customer.card_id or None,
                    customer.customer_id or None,
                    customer.account_id or None,
                    trip.count,
                    trip.threshold,
                    moment(record.instant_us),
                )
            )

    def _add_return(self, seq: int, record: journal.Record) -> None:
        is_void = record.kind == CANCEL
        about = record.request.cancel if is_void else record.request.receipt
        reply: Any = (pos.CancelReceiptResponse if is_void else pos.ReturnReceiptResponse).FromString(record.reply)
        original, refund = record.evidence.original, 0
        if record.effects.HasField("returned"):
            refund = sum(line.refund_minor for line in record.effects.returned.lines)
            refund -= sum(line.refund_minor for line in original.before.lines)
        elif not is_void and record.request.receipt.original.without_receipt and not reply.reason:
            refund = reply.outcome.totals.to_pay_minor
        self.few["receipt_returns"].append(
            (
                seq,
                UUID(bytes=record.op_id),
                original.seq or None,
                about.store_id,
                about.register_id,
                about.shift_number,
                about.receipt_number,
                moment(record.instant_us),
                refund,
                is_void,
                not is_void and record.natural_key_taken and DUPLICATE_NUMBER not in record.exceptions,
                reply.status,
                list(record.exceptions),
            )
        )


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the projection is behind the journal: in rows, and for how long it has not caught up, in seconds."""

    rows_count: int
    seconds: float


class Projector:
    """Runs until cancelled; `seq` is how far it has come. One task runs it, any may ask."""

    def __init__(self, pool: asyncpg.Pool[Any], shard: int = 0) -> None:
        self._pool = pool
        self._shard = shard
        self._moved = asyncio.Condition()
        self._caught_up_at_s = time.monotonic()
        self.seq = 0
        self.trouble = ""

    async def run(self) -> None:
        """Project for ever. A lost database is waited for; a row that cannot be read stops it there, loudly, for a
        person.
        """
        delay_s = IDLE_S
        while True:
            try:
                count = await self.turn()
            except (*AWAY, DecodeError, ValueError) as error:
                self.trouble = f"{type(error).__name__}: {error}"
                log.warning("projector_stopped", seq=self.seq, error=self.trouble)
                delay_s = min(delay_s * 2, BACKOFF_MAX_S)
                await asyncio.sleep(delay_s)
                continue
            self.trouble, delay_s = "", IDLE_S
            if count < ROWS_PER_TURN_MAX:
                self._caught_up_at_s = time.monotonic()
                await asyncio.sleep(IDLE_S)

    async def lag(self, connection: asyncpg.Connection[Any]) -> Lag:
        """As the database tells it now."""
        last_seq = await connection.fetchval(
            "SELECT coalesce((SELECT last_seq FROM shard_owner WHERE shard = $1), 0)", self._shard
        )
        seq = await connection.fetchval("SELECT seq FROM projector_checkpoint WHERE projection = $1", PROJECTION)
        behind = max(0, last_seq - seq)
        return Lag(behind, round(time.monotonic() - self._caught_up_at_s, 1) if behind else 0.0)

    async def turn(self) -> int:
        """Project the next rows; how many there were."""
        async with self._pool.acquire() as connection, connection.transaction():
            checkpoint = await connection.fetchval(
                "SELECT seq FROM projector_checkpoint WHERE projection = $1 FOR UPDATE", PROJECTION
            )
            found = await connection.fetch(
                "SELECT seq, body FROM journal WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                self._shard,
                checkpoint,
                ROWS_PER_TURN_MAX,
            )
            rows = Rows()
            for seq, body in found:
                rows.add(seq, body)
            if found:
                await rows.copy(connection)
                await connection.execute("SELECT add_report_days($1, $2)", checkpoint, found[-1]["seq"])
                checkpoint = found[-1]["seq"]
                await connection.execute(
                    "UPDATE projector_checkpoint SET seq = $2, moved_at = now() WHERE projection = $1",
                    PROJECTION,
                    checkpoint,
                )
        async with self._moved:
            self.seq = checkpoint
            self._moved.notify_all()
        return len(found)

    async def reached(self, seq: int, timeout_s: float) -> bool:
        """Wait until the projection holds `seq`, at most `timeout_s`."""
        async with self._moved:
            try:
                await asyncio.wait_for(self._moved.wait_for(lambda: self.seq >= seq), timeout_s)
            except TimeoutError:
                return False
        return True
