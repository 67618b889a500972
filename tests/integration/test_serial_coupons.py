"""Codes of serials on a real server: given out by the feed, used once whoever is quicker, freed by a return, stopped by
their batch; and nothing of them is anywhere.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.projector import Projector
from altyn.cli.chaos.small_world import PEPPER, register_key, register_name
from altyn.cli.verify.checker import verify_async
from altyn.core.facts.coupon_codes import code_hash, serial_key
from altyn.core.facts.serial_codes import serial_codes
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import RULES, TENANT, System, basket, prepare, publish

TEMPLATE = "MR-##########?"
REGISTERS = 64
LAST = 10_000_000
DISCOUNT = (
    RULES
    + """
---
promotion: march
stage: coupon
when: {coupon: {series: march}}
reward: [{amount: {off: 10.00}}]
"""
)
OK = outcome_pb2.STATUS_OK
APPLIED = outcome_pb2.COUPON_STATE_APPLIED
_numbers = itertools.count(1)


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    name = f"serial_coupons_{next(_numbers)}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn, REGISTERS))
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
            "INSERT INTO coupon_series (tenant, version, valid_from, series, series_no, kind, origin, template,"
            " starts_at) VALUES ($1, $2, $3, 'march', 1, 'UNIQUE', 'SERIAL', $4, '2020-01-01Z')",
            TENANT,
            *stamp,
            TEMPLATE,
        )
        await put_range(connection, stamp, "ACTIVE")
    await publish(connection, DISCOUNT)
    await connection.close()


async def put_range(connection: asyncpg.Connection[Any], stamp: asyncpg.Record, state: str) -> None:
    await connection.execute(
        "UPDATE coupon_ranges SET valid_to = $2 WHERE tenant = $1 AND valid_to = 'infinity'", TENANT, stamp[1]
    )
    await connection.execute(
        "INSERT INTO coupon_ranges (tenant, version, valid_from, series_no, first_serial, last_serial, state)"
        " VALUES ($1, $2, $3, 1, 1, $4, $5)",
        TENANT,
        *stamp,
        LAST,
        state,
    )


def code_of(serial: int) -> str:
    return serial_codes(bytes.fromhex(PEPPER), TENANT, 1, TEMPLATE, serial, 1).decode().strip()


def sale(number: int, register: int, code: str) -> receipt_pb2.Receipt:
    made = basket(number, card=str(1001 + register % 20), register_id=register_name(register))
    made.coupons.add(code=code)
    return made


class Tills:
    """64 registers on one channel, each with its own key and its own sequence."""

    def __init__(self, system: System, channel: grpc.aio.Channel) -> None:
        self.system, self.channel = system, channel
        self.seqs = dict.fromkeys(range(1, REGISTERS + 1), 0)

    async def send(self, register: int, name: str, receipt: receipt_pb2.Receipt) -> Any:
        self.seqs[register] += 1
        request = getattr(pos, f"{name}Request")(
            op_id=uuid.uuid4().bytes, register_seq=self.seqs[register], receipt=receipt
        )
        return await self.system.call(self.channel, name, request, register_key(register))

    async def heard(self, register: int, code: str) -> str:
        """What a till hears of a code: APPLIED, or why not."""
        request = pos.CalculateReceiptRequest(receipt=sale(900_000, register, code))
        reply: Any = await self.system.call(self.channel, "CalculateReceipt", request, register_key(register))
        [one] = reply.outcome.coupons
        reason = str(reasons_pb2.Reason.Name(one.reason)).removeprefix("REASON_COUPON_")
        return "APPLIED" if one.state == APPLIED else reason


async def use_of(system: System, *serials: int) -> list[str]:
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        keys = [serial_key(1, serial) for serial in serials]
        told: Any = await system.ask(channel, "GetCoupons", ops.GetCouponsRequest(code_hashes=keys))
    return [str(ops.CouponUse.Name(one.use)).removeprefix("COUPON_USE_") for one in told.coupons]


def give_back(of: receipt_pb2.Receipt, number: int) -> receipt_pb2.Receipt:
    made = receipt_pb2.Receipt()
    made.CopyFrom(of)
    made.receipt_number = number
    made.ClearField("coupons")
    for line in made.lines:
        line.refund_of.line_no, line.refund_of.qty_milli = line.line_no, line.qty_milli
    made.original.shift_number, made.original.receipt_number = of.shift_number, of.receipt_number
    return made


async def test_code_of_ten_million_is_used_once_freed_by_its_return_and_stopped_by_its_batch(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        tills = Tills(system, channel)
        code, first = code_of(LAST), sale(1, 1, code_of(LAST))
        assert [await tills.heard(1, one) for one in (code, code_of(LAST + 1))] == ["APPLIED", "UNKNOWN"]
        assert (await tills.send(1, "ReserveReceipt", first)).status == OK
        assert await tills.heard(2, code) == "HELD"
        assert (await tills.send(1, "CommitReceipt", first)).status == OK
        assert await tills.heard(2, code) == "USED"
        second = await tills.send(2, "ReserveReceipt", sale(1, 2, code))
        assert (second.outcome.coupons[0].reason, second.outcome.totals.to_pay_minor) == (
            reasons_pb2.REASON_COUPON_USED,
            14_500,
        )
    system.kill()
    system.start()
    assert await use_of(system, LAST, LAST - 1) == ["USED", "FREE"]
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        tills.channel = channel
        assert (await tills.send(1, "ReturnReceipt", give_back(first, 2))).status == OK
        assert await tills.heard(2, code) == "APPLIED"
        await block(system.dsn)
        for _ in range(200):
            if await tills.heard(2, code) == "BLOCKED":
                break
            await asyncio.sleep(0.05)
        assert await tills.heard(2, code) == "BLOCKED"
    await require_sound(system.dsn, used=[LAST], freed=[LAST])


async def block(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await put_range(connection, stamp, "BLOCKED")
    await connection.close()


async def test_one_of_64_registers_has_a_code_that_all_of_them_want(system: System) -> None:
    serials = [7, 4_999_999]
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        tills = Tills(system, channel)
        for number, serial in enumerate(serials, 1):
            sales = {register: sale(number, register, code_of(serial)) for register in tills.seqs}
            held = await asyncio.gather(*(tills.send(one, "ReserveReceipt", sales[one]) for one in sales))
            states = [reply.outcome.coupons[0].state for reply in held]
            assert (states.count(APPLIED), len(states)) == (1, REGISTERS)
            paid = await asyncio.gather(*(tills.send(one, "CommitReceipt", sales[one]) for one in sales))
            assert all(reply.status == OK for reply in paid)
            assert [reply.outcome.totals.to_pay_minor for reply in paid].count(13_500) == 1
        # Tills that never asked are told so, and take nothing.
        rushed = await asyncio.gather(
            *(tills.send(one, "CommitReceipt", sale(3, one, code_of(8))) for one in tills.seqs)
        )
        assert all(reasons_pb2.REASON_NOT_RESERVED in reply.exceptions for reply in rushed)
    system.kill()
    system.start()
    assert await use_of(system, *serials, 8) == ["USED", "USED", "FREE"]
    await require_sound(system.dsn, used=serials, freed=[])
    await forget_ranges(system.dsn)
    told = (await verify_async(system.dsn, histories=[])).per_invariant["I10_coupons"].examples
    assert told == [f"code {serial} of series 1 was used, and no batch has given it out" for serial in serials]


async def forget_ranges(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("DELETE FROM coupon_ranges")
    await connection.close()


async def require_sound(dsn: str, *, used: list[int], freed: list[int]) -> None:
    async with await asyncpg.create_pool(dsn) as pool:
        projector = Projector(pool)
        while await projector.turn():
            pass
        changes = await pool.fetch("SELECT serial, use, code_hash, promotion_id FROM coupon_changes ORDER BY seq")
        bodies = [row["body"] for row in await pool.fetch("SELECT body FROM journal")]
    told = [(serial, journal.COUPON_USE_USED, b"", "march") for serial in used]
    assert [tuple(row) for row in changes] == told + [(serial, journal.COUPON_USE_FREE, b"", "") for serial in freed]
    for serial in used:
        code = code_of(serial)
        for secret in (code.encode(), code_hash(bytes.fromhex(PEPPER), code)):
            assert not [body for body in bodies if secret in body]
    report = await verify_async(dsn, histories=[], pepper=bytes.fromhex(PEPPER))
    assert report.violations == 0, report.as_json()
