"""One fault each: what a register sees meanwhile, and what is true afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import grpc.aio
import pytest
import redis

from altyn.cli.chaos.acked_once import AckedOnce, Findings
from altyn.cli.chaos.kills import Stores
from altyn.cli.chaos.small_world import BASKET_POINTS, CARDS, RULES, STORE, TENANT, basket, publish, register_key
from altyn.infra.processes import wait_exit
from altyn.journal.v1 import record_pb2
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.register import Answer, Drained, Register
from tests.integration.system import System

PATIENCE_S = 30.0
CALCULATE = pos.CalculateReceiptRequest(receipt=basket(1))
_receipt_numbers = iter(range(1, 10_000))


def commit_request(card: int) -> pos.CommitReceiptRequest:
    number = next(_receipt_numbers)
    return pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=basket(number, str(card)))


def family(pid: int) -> list[int]:
    """A postmaster and its backends."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


@contextmanager
def frozen(stores: Stores) -> Iterator[None]:
    """PostgreSQL does not move, and its sockets stay open."""
    pids = family(stores.postgres.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def becomes(true: Callable[[], Any]) -> Any:
    """Wait for an async condition; what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := await true()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)
    return found


async def points_of(system: System, account_id: int) -> int:
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        answer = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=account_id))
    return sum(balance.active_points for balance in answer.balances)


async def stored_replies(dsn: str, op_id: bytes) -> list[bytes]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT body FROM journal WHERE op_id = $1", uuid.UUID(bytes=op_id))
    await connection.close()
    return [record_pb2.Record.FromString(row["body"]).reply for row in rows]


def test_look_finds_what_is_lost_differs_or_was_booked_otherwise(system: System) -> None:
    """The checker itself: told a lie, it does not nod."""
    card, request = CARDS[5], commit_request(CARDS[5])

    async def test() -> None:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            reply: Any = await system.call(channel, "CommitReceipt", request)
        told = {request.op_id: reply.SerializeToString()}

        async def look(replies: dict[bytes, bytes], points: int) -> Findings:
            return await AckedOnce(system.dsn, system.ops_address).look(replies, {card: points})

        assert (await look(told, BASKET_POINTS)).is_clean
        assert (await look(told | {b"x" * 16: b""}, BASKET_POINTS)).lost == {b"x" * 16}
        stranger = AckedOnce(system.dsn, system.ops_address)
        assert (await stranger.look(told, {card: BASKET_POINTS}, [*told, b"x" * 16])).lost == {b"x" * 16}
        assert (await look({request.op_id: b"another"}, BASKET_POINTS)).differing == {request.op_id}
        assert (await look(told, 0)).doubled_count == 1
        assert len((await look(told, 2 * BASKET_POINTS)).remarks) == 1

    asyncio.run(test())


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_without_postgresql_prices_go_on_and_effects_are_settled_when_it_is_back(
    stores: Stores, system: System, fault: str
) -> None:
    """Frozen for longer than the journal's patience: the connection is given up and the batch settled by its tail."""
    card = CARDS[0] if fault == "killed" else CARDS[1]
    request = commit_request(card)

    async def meanwhile() -> list[object]:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            effects = [system.call(channel, "CommitReceipt", request, timeout_s=1.0) for _ in range(4)]
            answers = await asyncio.gather(*effects, return_exceptions=True)
            until = time.monotonic() + (4.0 if fault == "frozen" else 0.0)
            while True:
                price = await system.call(channel, "CalculateReceipt", CALCULATE, timeout_s=5.0)
                assert price.outcome.totals.to_pay_minor == 14_500
                if time.monotonic() >= until:
                    return answers
                await asyncio.sleep(0.1)

    async def afterwards() -> bytes:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            reply: Any = await system.call(channel, "CommitReceipt", request, timeout_s=PATIENCE_S)
        return reply.SerializeToString()

    if fault == "killed":
        stores.postgres.kill()
        answers = asyncio.run(meanwhile())
        stores.postgres.start()
    else:
        with frozen(stores):
            answers = asyncio.run(meanwhile())
    assert all(isinstance(answer, grpc.aio.AioRpcError) for answer in answers)
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert codes <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
    system.require_running()
    reply = asyncio.run(afterwards())
    assert asyncio.run(stored_replies(system.dsn, request.op_id)) == [reply]
    assert asyncio.run(points_of(system, card)) == BASKET_POINTS


@pytest.mark.slow
def test_register_whose_server_is_killed_in_mid_commit_keeps_the_receipt_and_sends_it_once(
    stores: Stores, system: System, folder: Path
) -> None:
    card = CARDS[2]

    async def sell() -> Answer:
        receipt = basket(next(_receipt_numbers), str(card))
        async with open_register() as register:
            selling = asyncio.ensure_future(register.commit(receipt))
            await asyncio.sleep(0.5)
            system.kill()
            return await selling

    async def drain() -> Drained:
        async with open_register() as register:
            drained = await register.drain()
            while drained.left_count:
                await asyncio.sleep(0.1)
                drained = await register.drain()
        return drained

    def open_register() -> Register:
        return Register(
            system.grpc_address, store_id=STORE, register_id="r1", key=register_key(1), file=folder / "till.saf"
        )

    with frozen(stores):
        answer = asyncio.run(sell())
    assert answer.is_queued
    system.start()
    drained = asyncio.run(drain())
    assert [(told.op_id, told.request, told.status) for told in drained.answers] == [
        (answer.op_id, answer.request, "OK")
    ]
    assert asyncio.run(stored_replies(system.dsn, answer.op_id)) == [drained.answers[0].reply]
    assert asyncio.run(points_of(system, card)) == BASKET_POINTS


@pytest.mark.slow
def test_server_asked_to_stop_without_postgresql_says_what_it_leaves_and_ends_with_status_1(
    stores: Stores, system: System
) -> None:
    request = commit_request(CARDS[4])

    async def effect(timeout_s: float) -> Any:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            return await system.call(channel, "CommitReceipt", request, timeout_s=timeout_s)

    stores.postgres.kill()
    try:
        with pytest.raises(grpc.aio.AioRpcError):
            asyncio.run(effect(0.5))
        assert system.stop() == 1
    finally:
        stores.postgres.start()
    assert system.child is not None
    said = system.child.log.read_text()
    assert "server_in_doubt" in said and "Traceback" not in said
    system.start()
    assert asyncio.run(effect(PATIENCE_S)).status == 1
    assert asyncio.run(points_of(system, CARDS[4])) == BASKET_POINTS


@pytest.mark.slow
def test_older_of_two_servers_on_a_shard_acknowledges_nothing_more_and_ends(
    stores: Stores, system: System, folder: Path
) -> None:
    card = CARDS[3]
    lost, kept = commit_request(card), commit_request(card)
    (folder / "second").mkdir()
    second = System(system.dsn, system.redis_url, folder / "second")
    second.start()
    try:

        async def effect(on: System, request: object) -> Any:
            async with grpc.aio.insecure_channel(on.grpc_address) as channel:
                return await on.call(channel, "CommitReceipt", request)

        with pytest.raises(grpc.aio.AioRpcError):
            asyncio.run(effect(system, lost))
        assert system.child is not None
        assert wait_exit(system.child.process, PATIENCE_S)
        assert system.child.process.poll() == 1
        assert asyncio.run(stored_replies(system.dsn, lost.op_id)) == []
        assert asyncio.run(effect(second, kept)).status == 1
        assert asyncio.run(points_of(second, card)) == BASKET_POINTS
    finally:
        second.stop()


def test_rules_arrive_within_seconds_though_valkey_is_emptied_killed_and_gone(stores: Stores, system: System) -> None:
    async def publish_and_see(rate: int, to_pay_minor: int) -> None:
        connection = await asyncpg.connect(system.dsn)
        version = await publish(connection, RULES.replace("rate: 10", f"rate: {rate}"))
        await connection.close()
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:

            async def arrived() -> bool:
                reply: Any = await system.call(channel, "CalculateReceipt", CALCULATE)
                assert reply.status == 1
                if reply.outcome.rules_version != version:
                    return False
                assert reply.outcome.totals.to_pay_minor == to_pay_minor
                return True

            await becomes(arrived)

    with redis.Redis.from_url(stores.valkey.url) as client:
        client.flushall()
    asyncio.run(publish_and_see(20, 14_000))
    stores.valkey.kill()
    asyncio.run(publish_and_see(40, 13_000))
    stores.valkey.start()
    asyncio.run(publish_and_see(10, 14_500))


def test_damaged_release_is_refused_and_reported_and_the_rules_in_force_stay(system: System) -> None:
    async def test() -> None:
        async with (
            grpc.aio.insecure_channel(system.grpc_address) as tills,
            grpc.aio.insecure_channel(system.ops_address) as office,
        ):
            before: Any = await system.ask(office, "GetRulesInForce", ops.GetRulesInForceRequest())
            connection = await asyncpg.connect(system.dsn)
            await connection.execute("ALTER TABLE rules_release DROP CONSTRAINT rules_release_hash")
            damaged = await publish(connection, RULES.replace("rate: 10", "rate: 90"), sha256=b"?" * 32)

            async def refused() -> Any:
                told: Any = await system.ask(office, "GetRulesInForce", ops.GetRulesInForceRequest())
                return told if told.refused_version == damaged else None

            told = await becomes(refused)
            assert "hash" in told.refused_reason
            assert (told.rules_version, told.sha256) == (before.rules_version, before.sha256)

            async def reported() -> bool:
                query = "SELECT refused_reason FROM server_status WHERE tenant = $1 AND refused_version = $2"
                return await connection.fetchval(query, TENANT, damaged) == told.refused_reason

            await becomes(reported)
            price: Any = await system.call(tills, "CalculateReceipt", CALCULATE)
            assert price.outcome.totals.to_pay_minor == 14_500
            mended = await publish(connection, RULES)

            async def in_force() -> bool:
                now: Any = await system.ask(office, "GetRulesInForce", ops.GetRulesInForceRequest())
                return bool(now.rules_version == mended)

            await becomes(in_force)
            await connection.close()

    asyncio.run(test())
