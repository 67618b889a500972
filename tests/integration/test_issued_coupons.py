"""A coupon's way through real parts: series by the feed, code by the Commit, a server that is killed, the next receipt,
its return, the projection and a verification.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.projector import Projector
from altyn.cli.chaos.small_world import PEPPER
from altyn.cli.verify.checker import verify_async
from altyn.core.facts.coupon_codes import code_hash, is_code_of
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.register.history import Attempt, JsonLines, request_hash
from tests.integration.system import RULES, TENANT, System, basket, prepare, publish

TEMPLATE = "SL-##########?"
ISSUING = (
    RULES
    + """
---
promotion: slip
when: {receipt_sum: {from: 100.00}}
reward: [{issue_coupon: {series: slip, expires: {days: 30}, text: {en: "Next time: {{ coupon }}"}}}]
---
promotion: slip-discount
stage: coupon
when: {coupon: {series: slip}}
reward: [{amount: {off: 10.00}}]
"""
)


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "issued_coupons"))
    dsn = embedded_postgres.dsn("issued_coupons")
    asyncio.run(prepare(dsn))
    asyncio.run(lay(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def lay(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await connection.execute(
            "INSERT INTO coupon_series (tenant, version, valid_from, series, series_no, kind, template, starts_at)"
            " VALUES ($1, $2, $3, 'slip', 1, 'UNIQUE', $4, '2020-01-01Z')",
            TENANT,
            *stamp,
            TEMPLATE,
        )
    await publish(connection, ISSUING)
    await connection.close()


def commit(number: int, code: str = "") -> pos.CommitReceiptRequest:
    made = pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=10 * number + 1, receipt=basket(number))
    if code:
        made.receipt.coupons.add(code=code)
    return made


def give_back(sale: receipt_pb2.Receipt, number: int) -> pos.ReturnReceiptRequest:
    made = pos.ReturnReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=10 * number + 1, receipt=sale)
    made.receipt.receipt_number = number
    made.receipt.ClearField("coupons")
    for line in made.receipt.lines:
        line.refund_of.line_no, line.refund_of.qty_milli = line.line_no, line.qty_milli
    made.receipt.original.shift_number, made.receipt.original.receipt_number = sale.shift_number, sale.receipt_number
    return made


async def use_of(system: System, *codes: str) -> list[str]:
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        hashes = [code_hash(bytes.fromhex(PEPPER), code) for code in codes]
        told = await system.ask(channel, "GetCoupons", ops.GetCouponsRequest(code_hashes=hashes))
    return [ops.CouponUse.Name(one.use).removeprefix("COUPON_USE_") for one in told.coupons]


async def test_coupon_is_issued_used_and_taken_back_whatever_happens_to_the_server(
    system: System, tmp_path: Path
) -> None:
    first, second, history = commit(1), commit(2), tmp_path / "history"
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        told = [await system.call(channel, "CommitReceipt", one) for one in (first, second)]
    slip, other = (reply.outcome.issued_coupons[0].code for reply in told)
    assert is_code_of(TEMPLATE, slip) and slip != other
    assert told[0].outcome.issued_coupons[0].message.text == f"Next time: {slip}"
    assert await use_of(system, slip, other, "NOBODY") == ["FREE", "FREE", "FREE"]

    system.kill()
    system.start()
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        again = await system.call(channel, "CommitReceipt", first)
        assert again.SerializeToString() == told[0].SerializeToString()
        third = commit(3, slip)
        reserve = pos.ReserveReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=30, receipt=third.receipt)
        assert (await system.call(channel, "ReserveReceipt", reserve)).status == outcome_pb2.STATUS_OK
        assert await use_of(system, slip) == ["RESERVED"]
        system.kill()
        system.start()
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        assert await use_of(system, slip) == ["RESERVED"]
        sold = await system.call(channel, "CommitReceipt", third)
        assert (sold.status, sold.outcome.totals.to_pay_minor) == (outcome_pb2.STATUS_OK, 13500)
        back = await system.call(channel, "ReturnReceipt", give_back(second.receipt, 900))
        assert (back.status, list(back.exceptions)) == (outcome_pb2.STATUS_OK, [])
        fresh = sold.outcome.issued_coupons[0].code
    system.kill()
    system.start()
    assert await use_of(system, slip, other, fresh) == ["USED", "CANCELLED", "FREE"]

    with JsonLines(history) as write_line:
        for request, reply in ((first, told[0]), (first, again), (second, told[1]), (third, sold)):
            content, answer = request_hash(request.SerializeToString()), reply.SerializeToString()
            write_line(Attempt(request.op_id, "CommitReceipt", content, 1, answer, 2))
    await require_sound(system.dsn, history, [slip, other, fresh])


async def require_sound(dsn: str, history: Path, codes: list[str]) -> None:
    async with await asyncpg.create_pool(dsn) as pool:
        projector = Projector(pool)
        while await projector.turn():
            pass
        changes = await pool.fetch("SELECT use, issued, promotion_id FROM coupon_changes ORDER BY seq, change_no")
        bodies = await pool.fetch("SELECT body FROM journal")
    issued, used = (journal.COUPON_USE_FREE, True, "slip"), (journal.COUPON_USE_USED, False, "slip-discount")
    cancelled = (journal.COUPON_USE_CANCELLED, False, "")
    assert [tuple(row) for row in changes] == [issued, issued, used, issued, cancelled]
    for code in codes:
        assert not any(code.encode() in row["body"] for row in bodies)
    report = await verify_async(dsn, histories=[history], pepper=bytes.fromhex(PEPPER))
    assert (report.violations, report.per_invariant["I3_stable_answers"].checks) == (0, 3), report.as_json()
