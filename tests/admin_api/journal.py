"""A hand-made journal: records as a server would write them, appended through the fence."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import asyncpg

from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos

INSTANT_US = 1_800_000_000_000_000  # 2027-01-15 08:00 UTC
WALL_US = INSTANT_US + 20 * 3_600_000_000  # a store where it is the next day already
ISSUED_UNTIL_US = 1_801_440_000_000_000  # 2027-02-01 00:00 UTC
COLUMNS = ("shard", "seq", "epoch", "instant_us", "kind", "op_id", "hash", "body")


def op_id_of(seq: int) -> bytes:
    return hashlib.sha256(seq.to_bytes(8)).digest()[:16]


class Journal:
    """Shard 0, epoch 1."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, pool: asyncpg.Pool[Any]) -> Journal:
        await pool.execute("INSERT INTO shard_owner (shard, epoch, instance_id, pid) VALUES (0, 1, 'test', 1)")
        return cls(pool)

    async def append(self, *records: journal.Record) -> None:
        rows = [
            (0, one.seq, 1, one.instant_us, one.kind, UUID(bytes=one.op_id), bytes(32), one.SerializeToString())
            for one in records
        ]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL altyn.shard = '0'")
            await connection.copy_records_to_table("journal_000000", records=rows, columns=COLUMNS)

    async def append_raw(self, seq: int, body: bytes) -> None:
        row = (0, seq, 1, INSTANT_US, 1, UUID(bytes=op_id_of(seq)), bytes(32), body)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL altyn.shard = '0'")
            await connection.copy_records_to_table("journal_000000", records=[row], columns=COLUMNS)

    def accrual(self, seq: int, *, account_id: int, points: int) -> journal.Record:
        """A manual accrual: two postings that sum to zero."""
        issued = -journal.SYSTEM_ACCOUNT_ISSUED
        postings = [
            journal.Posting(account_id=account_id, asset_no=1, points=points, lot_id=seq),
            journal.Posting(account_id=issued, asset_no=1, points=-points),
        ]
        entry = journal.Entry(kind=journal.ENTRY_KIND_ACCRUAL, postings=postings)
        return journal.Record(
            format=1,
            kind=pos.OPERATION_KIND_ADJUST,
            seq=seq,
            op_id=op_id_of(seq),
            instant_us=INSTANT_US + seq,
            effects=journal.Effects(entries=[entry]),
        )

    def commit(self, seq: int) -> journal.Record:
        """A committed receipt of two lines, one of them known to the catalogue and discounted twice."""
        lines = [
            receipt_pb2.ReceiptLine(line_no=1, sku="milk", qty_milli=2000, price_minor=5000),
            receipt_pb2.ReceiptLine(line_no=7, sku="bag", qty_milli=1000, price_minor=700, group_id="bags"),
        ]
        receipt = receipt_pb2.Receipt(
            store_id="s1", register_id="r1", shift_number=3, receipt_number=seq, currency="RUB", lines=lines
        )
        discounts = [
            outcome_pb2.LineDiscount(promotion_id="ten", stage=outcome_pb2.STAGE_ITEM, amount_minor=1000),
            outcome_pb2.LineDiscount(
                promotion_id="two", reward_no=1, stage=outcome_pb2.STAGE_RECEIPT, amount_minor=180
            ),
        ]
        outcome = outcome_pb2.Outcome(
            totals=outcome_pb2.Totals(gross_minor=10700, discount_minor=1180, to_pay_minor=9520),
            lines=[
                outcome_pb2.LineOutcome(
                    line_no=1, gross_minor=10000, discount_minor=1180, net_minor=8820, discounts=discounts
                ),
                outcome_pb2.LineOutcome(line_no=7, gross_minor=700, net_minor=700),
            ],
        )
        evidence = journal.Evidence(
            rules_version=2,
            business_time_us=INSTANT_US - 1_000_000,
            store_wall_us=WALL_US,
            customer=journal.CustomerFacts(customer_id=11, account_id=7),
            lines=[journal.LineFacts(line_no=1, group_id="dairy", brand_id="cow")],
        )
        record = self.accrual(seq, account_id=7, points=95)
        record.kind = pos.OPERATION_KIND_COMMIT
        record.request.receipt.CopyFrom(receipt)
        record.evidence.CopyFrom(evidence)
        record.reply = pos.CommitReceiptResponse(status=outcome_pb2.STATUS_OK, outcome=outcome).SerializeToString()
        record.exceptions.append(25)
        return record

    def issued(self, seq: int, code_hash: bytes) -> journal.Record:
        """A receipt that issued a code of series 1, and used another of series 2."""
        record = self.commit(seq)
        reply = pos.CommitReceiptResponse.FromString(record.reply)
        reply.outcome.coupons.add(promotion_id="spring", state=outcome_pb2.COUPON_STATE_APPLIED)
        reply.outcome.issued_coupons.add(promotion_id="slip", code="####", expires_at_us=ISSUED_UNTIL_US)
        record.reply = reply.SerializeToString()
        used = bytes([seq]) * 16
        record.evidence.coupons.add(place=0, series="spring", series_no=2, code_hash=used)
        record.evidence.issues.add(promotion_id="closed", series="over", reason=35)
        record.evidence.issues.add(promotion_id="slip", series="slip", series_no=1, expires_at_us=ISSUED_UNTIL_US)
        record.effects.coupons.add(code_hash=used, series_no=2, use=journal.COUPON_USE_USED)
        record.effects.coupons.add(
            code_hash=code_hash,
            series_no=1,
            use=journal.COUPON_USE_FREE,
            issued=True,
            expires_at_us=ISSUED_UNTIL_US,
        )
        return record
