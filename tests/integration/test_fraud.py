"""Antifraud through real parts: a rule by the feed, a card that shops too often, kills of the server, a return, cases
in the projection, and a verification.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.projector import Projector
from altyn.cli.chaos.small_world import RULES, basket, publish
from altyn.cli.verify.checker import verify_async
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import TENANT, System, prepare

PAYMENT = "---\nlimit: pay\npayment: [{asset: bonus, up_to_percent: 50, anonymous: true}]\n"
DENIED = reasons_pb2.REASON_REDEMPTION_SUSPECTED
MAY_BE = 4


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "fraud"))
    dsn = embedded_postgres.dsn("fraud")
    asyncio.run(prepare(dsn))
    asyncio.run(lay(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def lay(dsn: str) -> None:
    """Points that pay; a rule that counts for ever, so that no midnight comes between; one that is off."""
    connection = await asyncpg.connect(dsn)
    await publish(connection, RULES + PAYMENT)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await connection.executemany(
            "INSERT INTO fraud_rules (tenant, version, valid_from, rule, kind, count_window, threshold, actions, state)"
            " VALUES ($1, $2, $3, $4, 'CARD_RECEIPTS', 'ALWAYS', $5, '{TAG,CASE,DECLINE_REDEMPTION}', $6)",
            [(TENANT, *stamp, "many", MAY_BE, "ACTIVE"), (TENANT, *stamp, "any", 0, "OFF")],
        )
        await connection.executemany(
            "INSERT INTO fraud_rules (tenant, version, valid_from, rule, kind, count_window, share_percent, actions,"
            " state) VALUES ($1, $2, $3, $4, $5, 'MONTH', $6, '{CASE}', 'ACTIVE')",
            [
                (TENANT, *stamp, "new", "CASHIER_ACTIVATIONS", 0),
                (TENANT, *stamp, "share", "CASHIER_CARD_SHARE", 99),
            ],
        )
    await connection.close()


class Till:
    """A register that numbers what it sends."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.seq = 0

    async def send(self, name: str, of: receipt_pb2.Receipt) -> Any:
        self.seq += 1
        request = getattr(pos, f"{name}Request")(op_id=uuid.uuid4().bytes, register_seq=self.seq, receipt=of)
        async with grpc.aio.insecure_channel(self.system.grpc_address) as channel:
            return await self.system.call(channel, name, request)

    async def sold(self, number: int, card: str = "1001", cashier: str = "") -> tuple[int, int, int]:
        """Paid with points as far as may be: (what points paid, why no more, points earned); both calls went well."""
        order = basket(number, card)
        order.points.add(asset="bonus", max=True)
        order.cashier_id = cashier
        held = await self.send("ReserveReceipt", order)
        paid = await self.send("CommitReceipt", order)
        assert (held.status, paid.status, list(paid.exceptions)) == (outcome_pb2.STATUS_OK, outcome_pb2.STATUS_OK, [])
        totals = paid.outcome.totals
        assert held.outcome.totals.points_paid_minor == totals.points_paid_minor
        return totals.points_paid_minor, paid.outcome.max_redeem[0].limited_by, totals.accrual[0].points


async def test_card_that_shops_too_often_earns_and_may_not_pay_whatever_happens_to_the_server(system: System) -> None:
    till = Till(system)
    for number in range(1, MAY_BE + 1):
        _, limited_by, earned = await till.sold(number)
        assert limited_by != DENIED and earned > 0
    system.kill()
    system.start()
    paid, limited_by, earned = await till.sold(5)
    assert (paid, limited_by, earned > 0) == (0, DENIED, True)

    back = basket(901, "")
    del back.lines[1:]
    back.lines[0].refund_of.line_no, back.lines[0].refund_of.qty_milli = 1, 1000
    back.original.shift_number, back.original.receipt_number = 1, 1
    assert (await till.send("ReturnReceipt", back)).status == outcome_pb2.STATUS_OK
    system.kill()
    system.start()
    assert (await till.sold(6))[:2] == (0, DENIED)
    # The first card that anybody has rung up in their own name: it is new, and all that they took.
    assert (await till.sold(7, "1002", cashier="anna"))[1] != DENIED

    async with await asyncpg.create_pool(system.dsn) as pool:
        projector = Projector(pool)
        while await projector.turn():
            pass
        cases = await pool.fetch(
            "SELECT rule, card_id, receipt_number, count, threshold FROM fraud_cases ORDER BY seq, case_no"
        )
        tagged = await pool.fetch("SELECT receipt_number FROM exceptions WHERE reason = 84 AND kind = 2 ORDER BY seq")
    assert [tuple(row) for row in cases] == [
        ("many", 1001, 5, 5, MAY_BE),
        ("many", 1001, 6, 6, MAY_BE),
        ("new", 1002, 7, 1, 0),
        ("share", 1002, 7, 100, 99),
    ]
    assert [row["receipt_number"] for row in tagged] == [5, 6]
    report = await verify_async(system.dsn)
    assert (report.violations, report.per_invariant["I13_decided_again"].checks >= 14) == (0, True), report.as_json()
