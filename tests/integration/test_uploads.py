"""Uploads against a real server with many releases: each by the rules of its own day, nobody else kept waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import grpc.aio
import pytest

from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.integration.system import RULES, System, basket, publish
from tests.integration.test_returns import commit, give_back, upload

OK, PARKED = 1, 5
RELEASES = 25
DAY_US = 86_400_000_000


def rules(percent: int) -> str:
    return RULES.replace("rate: 10", f"rate: {percent}")


@pytest.fixture(scope="module")
def many_releases(system: System) -> Iterator[System]:
    """One release a day; release n takes n − 1 per cent off bread."""

    async def prepare() -> None:
        connection = await asyncpg.connect(system.dsn)
        for version in range(2, RELEASES + 1):
            ago = timedelta(days=RELEASES - version, hours=1)
            await publish(connection, rules(version - 1), effective_at=datetime.now(UTC) - ago)
        await connection.close()

    system.stop()
    asyncio.run(prepare())
    system.start()
    yield system


def days_ago(fact: pos.CommitReceiptRequest, days: int) -> pos.CommitReceiptRequest:
    fact.receipt.mode = receipt_pb2.MODE_OFFLINE
    fact.receipt.local_time_us = time.time_ns() // 1000 - days * DAY_US
    return fact


def sold(number: int, days: int) -> pos.CommitReceiptRequest:
    return days_ago(commit(number, "1001"), days)


async def judged(system: System, channel: grpc.aio.Channel, fact: pos.CommitReceiptRequest) -> tuple[int, int]:
    asked = pos.GetOperationRequest(op_id=fact.op_id, store_id="s1", register_id="r1")
    stored = await system.call(channel, "GetOperation", asked)
    outcome = pos.CommitReceiptResponse.FromString(stored.reply).outcome
    assert 24 not in outcome.flags  # RULES_VERSION_UNKNOWN
    return outcome.rules_version, outcome.totals.to_pay_minor


async def test_receipts_of_many_days_are_judged_by_the_rules_of_their_own(many_releases: System) -> None:
    system = many_releases
    facts = [sold(100 + days, days) for days in range(20)]
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "UploadReceipts", upload(*reversed(facts)), timeout_s=60.0)
        assert [result.status for result in reply.results] == [OK] * len(facts)
        for days, fact in enumerate(facts):
            version = RELEASES - days
            assert await judged(system, channel, fact) == (version, 15_000 - 50 * (version - 1))
        again = await system.call(channel, "UploadReceipts", upload(*facts), timeout_s=60.0)
    assert [r.seq for r in again.results] == [r.seq for r in reversed(reply.results)]


async def test_offline_receipt_sent_alone_is_judged_by_the_rules_of_its_own_day(many_releases: System) -> None:
    system = many_releases
    fact = sold(150, 17)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "CommitReceipt", fact)
    assert reply.outcome.rules_version == RELEASES - 17


async def test_live_calls_go_on_while_an_upload_waits_for_old_rules(many_releases: System) -> None:
    """Past releases cannot be read: a lock is on them. The upload waits; everybody else is answered."""
    system = many_releases
    lock = await asyncpg.connect(system.dsn)
    held = lock.transaction()
    await held.start()
    await lock.execute("LOCK TABLE rules_release IN ACCESS EXCLUSIVE MODE")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        waiting = asyncio.ensure_future(system.call(channel, "UploadReceipts", upload(sold(160, 10)), timeout_s=60.0))
        for number in range(161, 181):
            reply = await system.call(channel, "CommitReceipt", commit(number, "1002"))
            assert (reply.status, reply.outcome.rules_version) == (OK, RELEASES)
        assert not waiting.done()
        await held.rollback()
        try:
            reply = await waiting
        except grpc.aio.AioRpcError as later:
            assert later.code() == grpc.StatusCode.UNAVAILABLE
            reply = await system.call(channel, "UploadReceipts", upload(sold(160, 10)), timeout_s=60.0)
    await lock.close()
    assert [result.status for result in reply.results] == [OK]


async def test_upload_that_must_be_looked_up_asks_the_journal_once_a_chunk(many_releases: System) -> None:
    """Repeats after a restart, which has forgotten replies; returns, a void and new sales among them."""
    system = many_releases
    sales = [sold(200 + n, 1) for n in range(30)]
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        first = await system.call(channel, "UploadReceipts", upload(*sales), timeout_s=60.0)
    system.kill()
    system.start()
    before = await questions(system)
    backs = [give_back(sale.receipt, 300 + n, (1, 1000)) for n, sale in enumerate(sales[:10])]
    early = give_back(basket(400), 401, (1, 1000))
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "UploadReceipts", upload(*sales, *backs, early), timeout_s=60.0)
        again = await system.call(channel, "UploadReceipts", upload(*backs), timeout_s=60.0)
    assert [result.seq for result in reply.results[:30]] == [result.seq for result in first.results]
    assert [result.status for result in reply.results[30:]] == [OK] * 10 + [PARKED]
    assert [result.seq for result in again.results] == [result.seq for result in reply.results[30:40]]
    assert await questions(system) - before <= 8


async def questions(system: System) -> int:
    """Queries the server has sent for old operations."""
    return int(await counter(system, "altyn_journal_questions_total"))


async def counter(system: System, name: str) -> float:
    host, port = system.metrics_address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    text = (await reader.read()).partition(b"\r\n\r\n")[2].decode()
    writer.close()
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))
