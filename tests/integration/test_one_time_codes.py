"""A one-time code's way through real parts: asked for at a till, taken out of the outbox, raced for by 64 registers,
through a kill of the server and a verification.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import grpc.aio
import pytest

from altyn.cli.chaos.small_world import PEPPER, RULES, STORE, publish, register_key, register_name
from altyn.cli.code import take_code
from altyn.core.engine.identity import phone_hash
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.errors import Trouble
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.one_time_codes import CODES_OF_PHONE_MAX, CODES_OF_REGISTER_MAX
from tests.integration.system import TENANT, System, prepare
from tests.integration.test_gift_cards import REGISTERS, Tills, receipt, require_verified

PHONE = "+7 900 000-00-07"
NOBODYS = "+7 900 000-00-08"
ACCOUNT_ID = 7007
PEPPER_BYTES = bytes.fromhex(PEPPER)
PROVEN = RULES + "---\nlimit: points\npayment: [{asset: bonus, deny_input: [phone]}]\n"


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    name = f"one_time_codes_{uuid.uuid4().hex}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn, REGISTERS))
    asyncio.run(lay(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def lay(dsn: str) -> None:
    """A customer with a phone, and a rule that lets points go only where the phone is proven."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await connection.execute(
            "INSERT INTO customers (tenant, version, valid_from, customer_id, account_id, phone_hash, registered_at)"
            " VALUES ($1, $2, $3, 7, $4, $5, $3)",
            *(TENANT, *stamp, ACCOUNT_ID, phone_hash(PEPPER_BYTES, PHONE)),
        )
    await publish(connection, PROVEN)
    await connection.close()


async def ask(system: System, channel: grpc.aio.Channel, phone: str, till: int = 1) -> pos.SendOneTimeCodeResponse:
    request = pos.SendOneTimeCodeRequest(store_id=STORE, register_id=register_name(till))
    request.identity.kind, request.identity.value = receipt_pb2.TOKEN_KIND_PHONE, phone
    reply = await system.call(channel, "SendOneTimeCode", request, register_key(till))
    assert isinstance(reply, pos.SendOneTimeCodeResponse)
    return reply


def paid_with_points(till: int, number: int, code: str) -> receipt_pb2.Receipt:
    made = receipt(till, number, 10_000)
    method = receipt_pb2.INPUT_METHOD_PHONE_CODE
    made.identity.CopyFrom(
        receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value=PHONE, input_method=method, code=code)
    )
    made.points.add(asset="bonus", requested_points=1_000)
    return made


async def notices(dsn: str) -> list[tuple[int, str]]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT customer_id, state FROM notices ORDER BY notice_id")
    await connection.close()
    return [tuple(row) for row in rows]


async def test_code_is_asked_for_taken_and_redeemed_by_one_of_64_registers(system: System, tmp_path: Path) -> None:
    tills = Tills(system)
    async with grpc.aio.insecure_channel(system.ops_address) as office:
        given = ops.AdjustPointsRequest(
            op_id=b"p" * 16, account_id=ACCOUNT_ID, asset="bonus", points=100_000, reason="test"
        )
        await system.ask(office, "AdjustPoints", given)
    with pytest.raises(Trouble):
        await take_code(system.dsn, TENANT, PEPPER_BYTES, PHONE)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        assert (await ask(system, channel, PHONE)).status == outcome_pb2.STATUS_OK
        code = await take_code(system.dsn, TENANT, PEPPER_BYTES, PHONE)
        wrong = paid_with_points(2, 1, f"{(int(code) + 1) % 1_000_000:06d}")
        refused = await tills.send("ReserveReceipt", 2, wrong, channel)
        assert refused.reason == reasons_pb2.REASON_CODE_WRONG  # type: ignore[attr-defined]
        orders = {till: paid_with_points(till, 7, code) for till in range(1, REGISTERS + 1)}
        replies = await asyncio.gather(
            *(tills.send("ReserveReceipt", till, order, channel) for till, order in orders.items())
        )
    kept = [reply.outcome.totals.points_paid_minor for reply in replies]  # type: ignore[attr-defined]
    assert sorted(kept) == [0] * (REGISTERS - 1) + [1_000]
    system.kill()
    system.start()
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        again = paid_with_points(3, 8, code)
        used = await tills.send("ReserveReceipt", 3, again, channel)
        done = await asyncio.gather(
            *(tills.send("CommitReceipt", till, order, channel) for till, order in orders.items())
        )
    assert used.outcome.max_redeem[0].limited_by == reasons_pb2.REASON_TOKEN_USED  # type: ignore[attr-defined]
    assert [reply.outcome.totals.points_paid_minor for reply in done] == kept  # type: ignore[attr-defined]
    assert await notices(system.dsn) == [(7, "SENT")]
    await require_verified(system.dsn, tills.write(tmp_path / "history"), code, PHONE)


async def test_answer_tells_nobody_whether_a_phone_is_known_and_codes_are_bounded(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        replies = [await ask(system, channel, phone) for phone in (PHONE, NOBODYS) * (CODES_OF_PHONE_MAX + 2)]
        assert {reply.status for reply in replies} == {outcome_pb2.STATUS_OK}
        assert all(0 < reply.valid_until_us - reply.server_time_us <= 600_000_000 for reply in replies)
        with pytest.raises(grpc.aio.AioRpcError) as many:
            for _ in range(CODES_OF_REGISTER_MAX + 1):
                await ask(system, channel, NOBODYS)
        assert many.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await ask(system, channel, NOBODYS, till=2)).status == outcome_pb2.STATUS_OK
    assert await notices(system.dsn) == [(7, "NEW")] * CODES_OF_PHONE_MAX


async def test_code_goes_to_a_phone_and_nothing_else(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        for kind, value, code in (
            (receipt_pb2.TOKEN_KIND_CARD, PHONE, ""),
            (receipt_pb2.TOKEN_KIND_PHONE, "", ""),
            (receipt_pb2.TOKEN_KIND_PHONE, "7" * 65, ""),
            (receipt_pb2.TOKEN_KIND_PHONE, PHONE, "123456"),
        ):
            request = pos.SendOneTimeCodeRequest(
                store_id=STORE,
                register_id=register_name(1),
                identity=receipt_pb2.Identity(kind=kind, value=value, code=code),
            )
            with pytest.raises(grpc.aio.AioRpcError) as wrong:
                await system.call(channel, "SendOneTimeCode", request)
            assert wrong.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert await notices(system.dsn) == []
