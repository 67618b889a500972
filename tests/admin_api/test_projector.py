"""The projector on a hand-made journal: every row once, in order, whatever interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from altyn.admin_api import projector as module
from altyn.admin_api.projector import Projector
from altyn.infra.database import create_pool
from altyn.journal.v1 import record_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.admin_api.journal import INSTANT_US, Journal, op_id_of


@pytest.fixture
async def pool(schema_dsn: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    pool = await create_pool(schema_dsn, name="test", size_max=3)
    yield pool
    await pool.close()


async def test_commit_becomes_receipt_lines_discounts_and_entries(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    await journal.append(journal.commit(1))
    assert await Projector(pool).turn() == 1
    receipt = await pool.fetchrow("SELECT * FROM receipts")
    assert receipt is not None
    assert receipt["op_id"].bytes == op_id_of(1)
    assert (receipt["store_id"], receipt["register_id"], receipt["shift_number"], receipt["receipt_number"]) == (
        "s1",
        "r1",
        3,
        1,
    )
    assert receipt["business_time"] == datetime.fromtimestamp(INSTANT_US // 1_000_000 - 1, UTC)
    assert receipt["business_date"] == date(2027, 1, 16)
    assert (receipt["customer_id"], receipt["account_id"], receipt["currency"]) == (11, 7, "RUB")
    assert (receipt["gross_minor"], receipt["discount_minor"], receipt["to_pay_minor"]) == (10700, 1180, 9520)
    assert (receipt["lines_count"], receipt["rules_version"], receipt["status"], receipt["exceptions"]) == (
        2,
        2,
        1,
        [25],
    )
    lines = await pool.fetch("SELECT line_no, sku, group_id, brand_id, net_minor FROM receipt_lines ORDER BY line_no")
    assert [tuple(line) for line in lines] == [(1, "milk", "dairy", "cow", 8820), (7, "bag", "bags", "", 700)]
    discounts = await pool.fetch(
        "SELECT line_no, discount_no, promotion_id, reward_no, amount_minor FROM receipt_discounts"
    )
    assert [tuple(row) for row in discounts] == [(1, 0, "ten", 0, 1000), (1, 1, "two", 1, 180)]
    entries = await pool.fetch(
        "SELECT seq, posting_no, kind, account_id, points FROM ledger_entries ORDER BY posting_no"
    )
    assert [tuple(row) for row in entries] == [(1, 0, 1, 7, 95), (1, 1, 1, -1, -95)]


async def test_codes_issued_used_and_cancelled_become_changes(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    await journal.append(journal.issued(1, b"i" * 16), cancelling(journal, 2, b"i" * 16))
    await Projector(pool).turn()
    found = await pool.fetch(
        "SELECT seq, change_no, code_hash, series_no, use, issued, promotion_id, expires_at FROM coupon_changes"
        " ORDER BY seq, change_no"
    )
    until = datetime(2027, 2, 1, tzinfo=UTC)
    assert [tuple(row) for row in found] == [
        (1, 0, bytes([1]) * 16, 2, 3, False, "spring", None),
        (1, 1, b"i" * 16, 1, 1, True, "slip", until),
        (2, 0, b"i" * 16, 1, 4, False, "", None),
    ]


def cancelling(journal: Journal, seq: int, code_hash: bytes) -> record_pb2.Record:
    record = journal.accrual(seq, account_id=7, points=1)
    record.effects.coupons.add(code_hash=code_hash, series_no=1, use=record_pb2.COUPON_USE_CANCELLED)
    return record


async def test_turns_take_every_row_once_and_resume_after_a_stop(
    pool: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_PER_TURN_MAX", 3)
    journal = await Journal.open(pool)
    await journal.append(*(journal.commit(seq) for seq in range(1, 6)))
    assert await Projector(pool).turn() == 3
    again = Projector(pool)
    assert [await again.turn(), await again.turn(), again.seq] == [2, 0, 5]
    assert [row["seq"] for row in await pool.fetch("SELECT seq FROM receipts ORDER BY seq")] == [1, 2, 3, 4, 5]


async def test_two_projectors_at_once_project_every_row_once(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    await journal.append(*(journal.commit(seq) for seq in range(1, 20)))
    counts = await asyncio.gather(*(Projector(pool).turn() for _ in range(2)))
    assert sorted(counts) == [0, 19]


async def test_rebuilding_from_nothing_gives_the_same_rows(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    await journal.append(journal.commit(1), journal.accrual(2, account_id=9, points=5), journal.commit(3))
    projector = Projector(pool)
    await projector.turn()
    before = [await pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in module.COLUMNS]
    await pool.execute(f"TRUNCATE {', '.join(module.COLUMNS)}")
    await pool.execute("UPDATE projector_checkpoint SET seq = 0")
    await projector.turn()
    assert [await pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in module.COLUMNS] == before


async def test_row_that_cannot_be_read_stops_it_there_loudly(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    await journal.append(journal.commit(1))
    await journal.append_raw(2, b"\xff\xff")
    projector = Projector(pool)
    running = asyncio.create_task(projector.run())
    try:
        async with asyncio.timeout(10):
            while not projector.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
    assert projector.trouble == "ValueError: journal record 2 cannot be read: ?"
    assert await pool.fetchval("SELECT seq FROM projector_checkpoint") == 0
    async with pool.acquire() as connection:
        assert (await projector.lag(connection)).rows_count == 2  # type: ignore[arg-type]


async def test_line_without_an_outcome_and_a_receipt_without_a_customer_are_projected(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    made = journal.commit(1)
    made.evidence.ClearField("customer")
    reply = pos.CommitReceiptResponse.FromString(made.reply)
    reply.outcome.lines.reverse()  # found by their numbers, wherever they stand
    del reply.outcome.lines[0]
    made.reply = reply.SerializeToString()
    del made.exceptions[:]
    await journal.append(made)
    assert await Projector(pool).turn() == 1
    found = await pool.fetchrow("SELECT customer_id, account_id, exceptions FROM receipts")
    assert found is not None and tuple(found) == (None, None, [])
    lines = await pool.fetch("SELECT line_no, gross_minor, net_minor FROM receipt_lines ORDER BY line_no")
    assert [tuple(line) for line in lines] == [(1, 10000, 8820), (7, 0, 0)]


async def test_number_that_its_column_cannot_hold_stops_it_there(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    made = journal.accrual(1, account_id=7, points=5)
    made.effects.entries[0].postings[0].asset_no = 40_000
    await journal.append(made)
    with pytest.raises(ValueError, match="record 1 has a number that its column cannot hold"):
        await Projector(pool).turn()
    assert await pool.fetchval("SELECT count(*) FROM ledger_entries") == 0


async def test_reached_tells_whether_a_seq_came_in_time(pool: asyncpg.Pool[Any]) -> None:
    journal = await Journal.open(pool)
    projector = Projector(pool)
    waiting = asyncio.create_task(projector.reached(1, 10.0))
    await journal.append(journal.commit(1))
    await projector.turn()
    assert await waiting
    assert not await projector.reached(2, 0.01)
