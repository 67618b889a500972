"""Returns against a real server: real gRPC, real PostgreSQL, and a server that is killed in between."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.projector import Projector
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.integration.system import System, basket

OK, QUARANTINED, PARKED = 1, 4, 5


def commit(number: int, card: str) -> pos.CommitReceiptRequest:
    return pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=basket(number, card, "r1"))


def refund(sale: receipt_pb2.Receipt, number: int, *what: tuple[int, int]) -> receipt_pb2.Receipt:
    """(line_no, qty_milli) of the sale."""
    made = receipt_pb2.Receipt()
    made.CopyFrom(sale)
    made.receipt_number = number
    made.ClearField("identity")
    del made.lines[:]
    for place, (line_no, qty_milli) in enumerate(what, 1):
        line = made.lines.add(line_no=place, sku="loaf", qty_milli=qty_milli, unit=receipt_pb2.UNIT_PIECE)
        line.refund_of.line_no, line.refund_of.qty_milli = line_no, qty_milli
    made.original.shift_number, made.original.receipt_number = sale.shift_number, sale.receipt_number
    return made


def give_back(sale: receipt_pb2.Receipt, number: int, *what: tuple[int, int]) -> pos.ReturnReceiptRequest:
    return pos.ReturnReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=refund(sale, number, *what))


def void(sale: receipt_pb2.Receipt, seq: int) -> pos.CancelReceiptRequest:
    return pos.CancelReceiptRequest(
        op_id=uuid.uuid4().bytes,
        register_seq=seq,
        store_id=sale.store_id,
        register_id=sale.register_id,
        shift_number=sale.shift_number,
        receipt_number=sale.receipt_number,
    )


def upload(*facts: object) -> pos.UploadReceiptsRequest:
    made = pos.UploadReceiptsRequest(store_id="s1", register_id="r1")
    for fact in facts:
        one = made.receipts.add()
        if isinstance(fact, pos.CommitReceiptRequest):
            one.commit.CopyFrom(fact)
        elif isinstance(fact, pos.ReturnReceiptRequest):
            getattr(one, "return").CopyFrom(fact)
        else:
            one.cancel.CopyFrom(fact)
    return made


def offline(fact: pos.CommitReceiptRequest) -> pos.CommitReceiptRequest:
    fact.receipt.mode = receipt_pb2.MODE_OFFLINE
    return fact


async def points(system: System, account_id: int) -> int:
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        balance = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=account_id))
    return sum(asset.active_points for asset in balance.balances)


async def reaches(system: System, account_id: int, expected: int) -> bool:
    for _ in range(100):
        if await points(system, account_id) == expected:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_return_in_two_parts_gives_back_the_whole_and_is_refused_beyond_it(system: System) -> None:
    sale = commit(500, "1010")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        await system.call(channel, "CommitReceipt", sale)
        asked = pos.CalculateReceiptRequest(receipt=refund(sale.receipt, 501, (1, 1000)))
        shown = await system.call(channel, "CalculateReceipt", asked)
        first = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 501, (1, 1000)))
        second = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 502, (2, 1000)))
        beyond = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 503, (1, 1000)))
    assert shown.outcome.totals.to_pay_minor == first.outcome.totals.to_pay_minor == 4500
    assert (first.status, second.status, beyond.status, beyond.reason) == (OK, OK, QUARANTINED, 42)
    assert first.outcome.totals.to_pay_minor + second.outcome.totals.to_pay_minor == 14500
    assert await points(system, 1010) == 0


async def test_return_sent_twice_at_once_is_one_effect_and_two_equal_answers(system: System) -> None:
    sale = commit(510, "1011")
    request = give_back(sale.receipt, 511, (2, 1000))
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        await system.call(channel, "CommitReceipt", sale)
        replies = await asyncio.gather(*(system.call(channel, "ReturnReceipt", request) for _ in range(8)))
    assert len({reply.SerializeToString() for reply in replies}) == 1
    assert await points(system, 1011) == 45


async def test_many_returns_of_one_sale_at_once_give_back_no_more_than_was_sold(system: System) -> None:
    sale = commit(520, "1012")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        await system.call(channel, "CommitReceipt", sale)
        requests = [give_back(sale.receipt, 521 + n, (2, 400)) for n in range(3)]
        replies = await asyncio.gather(*(system.call(channel, "ReturnReceipt", request) for request in requests))
    assert sum(reply.outcome.totals.to_pay_minor for reply in replies) == 10000
    assert await points(system, 1012) == 45


async def test_void_after_print_takes_the_sale_back(system: System) -> None:
    sale = commit(530, "1013")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        await system.call(channel, "CommitReceipt", sale)
        assert await points(system, 1013) == 145
        request = void(sale.receipt, 531)
        replies = [await system.call(channel, "CancelReceipt", request) for _ in range(2)]
        late = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 532, (1, 1000)))
    assert [reply.status for reply in replies] == [OK, OK]
    assert await points(system, 1013) == 0
    assert (late.status, late.reason) == (QUARANTINED, 44)


async def test_return_that_came_first_is_applied_when_its_sale_comes(system: System) -> None:
    sale = commit(540, "1014")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        parked = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 541, (1, 1000)))
        await system.call(channel, "CommitReceipt", sale)
    assert (parked.status, parked.reason) == (PARKED, 41)
    assert await reaches(system, 1014, 100)


async def test_killed_server_goes_on_with_returns_that_wait_and_repeats_none(system: System) -> None:
    sale = commit(550, "1015")
    waiting = give_back(sale.receipt, 551, (1, 1000))
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        await system.call(channel, "ReturnReceipt", waiting)
        await system.call(channel, "CommitReceipt", sale)
    system.kill()
    system.start()
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        again = await system.call(channel, "ReturnReceipt", waiting)
    assert again.status == PARKED
    assert await reaches(system, 1015, 100)
    system.kill()
    system.start()
    await asyncio.sleep(0.5)
    assert await points(system, 1015) == 100
    connection = await asyncpg.connect(system.dsn)
    count = await connection.fetchval(
        "SELECT count(*) FROM operations WHERE original_key = (SELECT receipt_key FROM operations WHERE op_id = $1)",
        uuid.UUID(bytes=sale.op_id),
    )
    await connection.close()
    assert count == 2


async def test_upload_books_every_fact_once_in_any_order_and_tells_each_result(system: System) -> None:
    sales = [offline(commit(600 + n, "1016")) for n in range(3)]
    part = give_back(sales[1].receipt, 610, (1, 1000))
    bad = offline(commit(605, "1016"))
    bad.receipt.lines[0].price_minor = -1
    facts = [part, *sales, bad, void(sales[2].receipt, 611)]
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "UploadReceipts", upload(*facts))
        assert [result.status for result in reply.results] == [PARKED, OK, OK, OK, 2, OK]
        assert [result.op_id for result in reply.results] == [fact.op_id for fact in facts]
        again = await system.call(channel, "UploadReceipts", upload(*reversed(facts)))
        assert [r.seq for r in reversed(again.results)] == [r.seq for r in reply.results]
        online = await system.call(channel, "CommitReceipt", sales[0])
        assert online.seq == reply.results[1].seq
    assert await reaches(system, 1016, 145 + 100)


async def test_upload_of_another_register_or_without_a_fact_is_refused(system: System) -> None:
    foreign = upload()
    foreign.register_id = "r2"
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await system.call(channel, "UploadReceipts", foreign)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        empty = upload()
        empty.receipts.add()
        assert [r.status for r in (await system.call(channel, "UploadReceipts", empty)).results] == [2]


async def project(system: System) -> asyncpg.Pool:
    """The back office's projector, for as long as a test asks of it."""
    pool = await asyncpg.create_pool(system.dsn, min_size=1, max_size=2)
    while await Projector(pool).turn():
        pass
    return pool


async def test_shift_is_held_against_what_is_stored(system: System) -> None:
    sale = commit(700, "1017")
    sale.receipt.shift_number = 7
    kept, gone = commit(701, ""), commit(702, "")
    kept.receipt.shift_number = gone.receipt.shift_number = 7
    back = give_back(sale.receipt, 703, (1, 1000))
    lost = uuid.uuid4().bytes
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        for request in (sale, kept, gone):
            await system.call(channel, "CommitReceipt", request)
        await system.call(channel, "CancelReceipt", void(gone.receipt, 704))
        await system.call(channel, "ReturnReceipt", back)
        asked = pos.ReconcileShiftRequest(store_id="s1", register_id="r1", shift_number=7)
        with pytest.raises(grpc.aio.AioRpcError) as early:
            await system.call(channel, "ReconcileShift", asked)
        assert early.value.code() == grpc.StatusCode.UNAVAILABLE
        pool = await project(system)
        asked.receipts_count, asked.returns_count = 2, 1
        asked.sales_sum_minor, asked.returns_sum_minor = 29000, 4500
        equal = await system.call(channel, "ReconcileShift", asked)
        asked.op_ids.extend([sale.op_id, lost])
        differs = await system.call(channel, "ReconcileShift", asked)
    await pool.close()
    assert (equal.status, equal.reason) == (OK, 0)
    assert (differs.status, differs.reason, list(differs.missing_op_ids)) == (2, 49, [lost])
    assert {kept.op_id, back.op_id} < set(differs.extra_op_ids)
    assert sale.op_id not in differs.extra_op_ids
