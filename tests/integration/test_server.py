"""A register's conversation with a real server: real gRPC, real PostgreSQL, real Valkey."""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid

import asyncpg
import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from prometheus_client.parser import text_string_to_metric_families

from altyn.infra.database import connect
from altyn.infra.processes import Child, start_children, stop_process
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.integration.system import OTHER_KEY, RULES, System, basket, publish


def commit(number: int, seq: int, card: str = "1001", register_id: str = "r1") -> pos.CommitReceiptRequest:
    return pos.CommitReceiptRequest(
        op_id=uuid.uuid4().bytes, register_seq=seq, receipt=basket(number, card, register_id)
    )


async def test_calculate_gives_the_price_at_once(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(1)))
    assert reply.outcome.totals.to_pay_minor == 14500
    assert [given.points for given in reply.outcome.totals.accrual] == [145]


async def test_commit_is_in_the_journal_when_it_is_answered(system: System) -> None:
    request = commit(10, 10)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "CommitReceipt", request)
    connection = await asyncpg.connect(system.dsn)
    found = await connection.fetchval("SELECT seq FROM operations WHERE op_id = $1", uuid.UUID(bytes=request.op_id))
    await connection.close()
    assert found == reply.seq


async def test_commit_sent_twice_at_once_is_one_effect_and_two_equal_answers(system: System) -> None:
    request = commit(20, 20, "1002").SerializeToString()
    async with (
        grpc.aio.insecure_channel(system.grpc_address) as one,
        grpc.aio.insecure_channel(system.grpc_address, options=[("grpc.use_local_subchannel_pool", 1)]) as two,
    ):
        replies = await asyncio.gather(
            *(system.call(channel, "CommitReceipt", request) for channel in (one, two) for _ in range(32))
        )
    assert len({reply.SerializeToString() for reply in replies}) == 1
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        balance = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=1002))
    assert balance.balances[0].active_points == 145


async def test_get_operation_after_a_lost_reply_gives_the_stored_bytes(system: System) -> None:
    request = commit(30, 30, "1003")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "CommitReceipt", request)
        asked = pos.GetOperationRequest(op_id=request.op_id, store_id="s1", register_id="r1")
        stored = await system.call(channel, "GetOperation", asked)
    assert stored.reply == reply.SerializeToString()


async def test_reserve_commit_and_cancel_follow_one_another(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        token = (
            await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(40)))
        ).calc_token
        reserve = pos.ReserveReceiptRequest(
            op_id=uuid.uuid4().bytes, register_seq=40, calc_token=token, receipt=basket(40)
        )
        assert (await system.call(channel, "ReserveReceipt", reserve)).status == 1
        cancel = pos.CancelReceiptRequest(
            op_id=uuid.uuid4().bytes,
            register_seq=41,
            store_id="s1",
            register_id="r1",
            shift_number=1,
            receipt_number=40,
        )
        assert (await system.call(channel, "CancelReceipt", cancel)).status == 1
        late = await system.call(channel, "CommitReceipt", commit(40, 42))
    assert (late.status, list(late.exceptions)) == (4, [23])


@pytest.mark.parametrize(
    ("key", "code", "reason"),
    [
        ("nobody", grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_UNKNOWN"),
        (OTHER_KEY, grpc.StatusCode.PERMISSION_DENIED, "FOREIGN_REGISTER"),
    ],
)
async def test_call_with_a_wrong_key_is_refused_with_a_reason(
    system: System, key: str, code: grpc.StatusCode, reason: str
) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(1)), key)
    assert refused.value.code() == code
    assert reasons_of(refused.value) == [reason]


def reasons_of(error: grpc.aio.AioRpcError) -> list[str]:
    found = []
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            found.append(info.reason)
    return found


async def test_malformed_and_out_of_range_requests_name_the_field_and_change_nothing(system: System) -> None:
    negative = basket(50)
    negative.lines[1].price_minor = -1
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as malformed:
            await system.call(channel, "CommitReceipt", b"\x22\xff\xff")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await system.call(
                channel,
                "CommitReceipt",
                pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=50, receipt=negative),
            )
        again = await system.call(channel, "CommitReceipt", commit(50, 50))
    assert reasons_of(malformed.value) == ["MALFORMED"]
    assert reasons_of(refused.value) == ["OUT_OF_RANGE"]
    assert "receipt.lines[1].price_minor" in (refused.value.details() or "")
    assert again.status == 1


async def test_oversized_message_is_refused_and_the_server_goes_on(system: System) -> None:
    huge = basket(51)
    huge.cashier_id = "x" * (2 << 20)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=huge))
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (
            await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(52)))
        ).status == 1


async def test_health_says_serving(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="altyn.pos.v1.PosService")
        )
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


async def in_force(system: System, channel: grpc.aio.Channel, version: int) -> None:
    """Wait until the server calculates with a release; without a hint it looks every few seconds."""
    for _ in range(200):
        reply = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(1)))
        if reply.outcome.rules_version == version:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"release {version} did not come into force in ten seconds")


async def test_published_release_arrives_and_a_token_keeps_the_shown_price(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        shown = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(60, "1004")))
        connection = await asyncpg.connect(system.dsn)
        await in_force(system, channel, await publish(connection, RULES.replace("rate: 10", "rate: 20")))
        now = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(60, "1004")))
        assert now.outcome.totals.to_pay_minor == 14000
        request = commit(60, 60, "1004")
        request.calc_token = shown.calc_token
        reply = await system.call(channel, "CommitReceipt", request)
        await in_force(system, channel, await publish(connection, RULES))
        await connection.close()
    assert reply.outcome.totals.to_pay_minor == 14500


async def test_caller_that_goes_away_leaves_the_operation_whole(system: System) -> None:
    requests = [commit(number, number, "1005") for number in range(70, 90)]
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        calls = [system.call(channel, "CommitReceipt", request) for request in requests]
        await asyncio.sleep(0.001)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        replies = await asyncio.gather(*(system.call(channel, "CommitReceipt", request) for request in requests))
    assert {reply.status for reply in replies} == {1}
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        balance = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=1005))
    assert balance.balances[0].active_points == 145 * len(requests)


async def test_manual_accrual_through_ops_is_journalled_once(system: System) -> None:
    request = ops.AdjustPointsRequest(
        op_id=uuid.uuid4().bytes, account_id=1006, asset="bonus", points=777, reason="apology", actor="anna"
    )
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        first = await system.ask(channel, "AdjustPoints", request)
        assert await system.ask(channel, "AdjustPoints", request) == first
        balance = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=1006))
        in_force = await system.ask(channel, "GetRulesInForce", ops.GetRulesInForceRequest())
    assert balance.balances[0].active_points == 777
    assert in_force.durable_seq >= first.seq
    assert (in_force.rules_version >= 1, in_force.promotions_count) == (True, 2)


def test_stop_and_start_again_keeps_everything(system: System) -> None:
    async def balance() -> int:
        async with grpc.aio.insecure_channel(system.ops_address) as channel:
            reply = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=1006))
        return reply.balances[0].active_points

    before = asyncio.run(balance())
    assert system.stop() == 0
    system.start()
    assert asyncio.run(balance()) == before


def test_unknown_token_kind_still_sells(system: System) -> None:
    async def to_pay() -> int:
        stranger = basket(95, "no-such-card")
        stranger.identity.input_method = receipt_pb2.INPUT_METHOD_MANUAL
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            reply = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=stranger))
        return reply.outcome.totals.to_pay_minor

    assert asyncio.run(to_pay()) == 14500


def test_start_from_a_snapshot_and_the_records_after_it_gives_the_same_balances(system: System) -> None:
    async def commits(first: int, last: int) -> int:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            for number in range(first, last):
                await system.call(channel, "CommitReceipt", commit(number, number, "1007"))
        async with grpc.aio.insecure_channel(system.ops_address) as channel:
            reply = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=1007))
        return reply.balances[0].active_points

    asyncio.run(commits(200, 210))
    writer = Child(
        "snapshotter",
        [sys.executable, "-m", "altyn.server.snapshotter"],
        log=system.folder / "snapshotter.log",
        environment=system.settings().environment(),
    )
    start_children([writer], 30.0)
    stop_process(writer.process, [(signal.SIGTERM, 20.0)])
    assert len(list((system.folder / "snapshots").glob("*.snapshot"))) == 1
    before = asyncio.run(commits(210, 220))
    system.kill()
    system.start()
    assert asyncio.run(commits(220, 221)) == before + 145
    assert '"from_snapshot":0' not in system.child.log.read_text().splitlines()[-1]


async def test_metrics_count_the_calls_and_follow_the_journal(system: System) -> None:
    request = commit(900, 900)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "CommitReceipt", request)
        with pytest.raises(grpc.aio.AioRpcError):
            await system.call(channel, "CommitReceipt", request, key="wrong")
    host, port = system.metrics_address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    text = (await reader.read()).partition(b"\r\n\r\n")[2].decode()
    writer.close()
    found = {
        (sample.name, sample.labels.get("grpc_method", ""), sample.labels.get("grpc_code", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["grpc_server_handled_total", "CommitReceipt", "OK"] >= 1
    assert found["grpc_server_handled_total", "CommitReceipt", "Unauthenticated"] >= 1
    assert found["altyn_journal_durable_seq", "", ""] >= reply.seq
    assert found["altyn_journal_rows_total", "", ""] >= 1
    assert found["altyn_journal_partitions_ahead", "", ""] >= 2
    assert found["altyn_stage_seconds_count", "CommitReceipt", ""] >= 1
    waited, written = (
        found["altyn_journal_wait_seconds_count", "", ""],
        found["altyn_journal_batch_records_sum", "", ""],
    )
    assert waited >= 1 and written == found["altyn_journal_rows_total", "", ""]
    assert found["altyn_rules_version", "", ""] >= 1


async def test_pulse_beside_what_the_server_runs_tells_its_calls(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        await system.call(channel, "CommitReceipt", commit(950, 950))
    connection = await connect(system.dsn, name="test")
    async with asyncio.timeout(60):
        calls: list[dict[str, int]] = []
        while not calls:
            pulse = await connection.fetchval("SELECT pulse FROM server_status")
            calls = [one for part in pulse for one in part["calls"] if one["method"] == "CommitReceipt"]
            await asyncio.sleep(0.2)
    await connection.close()
    assert calls[-1]["calls_count"] >= 1 and 0 < calls[-1]["p50_us"] <= calls[-1]["p99_us"] <= 16_000_000
    assert all(part["elapsed_ms"] >= 4_000 for part in pulse)
