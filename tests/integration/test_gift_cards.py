"""A gift card's way through real parts: series and card by the feed, sold, raced for by 64 registers, through kills of
the server, back by a return, into the projection and through a verification.
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
from altyn.cli.chaos.small_world import PEPPER, STORE, register_key, register_name
from altyn.cli.verify.checker import verify_async
from altyn.cli.verify.report import Report
from altyn.core.engine.identity import gift_card_hash, pin_hash
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.register.history import Attempt, JsonLines, request_hash
from tests.integration.system import TENANT, System, prepare

REGISTERS = 64
NUMBERS = {"99000001": 9001, "99000002": 9002}
PIN = "4711"
OK, DECLINED = outcome_pb2.STATUS_OK, outcome_pb2.STATUS_DECLINED


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "gift_cards"))
    dsn = embedded_postgres.dsn("gift_cards")
    asyncio.run(prepare(dsn, REGISTERS))
    asyncio.run(lay(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def lay(dsn: str) -> None:
    """An asset of money, a series, two cards: the second has a PIN."""
    connection = await asyncpg.connect(dsn)
    pepper = bytes.fromhex(PEPPER)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await connection.execute(
            "INSERT INTO assets (tenant, version, valid_from, asset, asset_no, kind)"
            " VALUES ($1, $2, $3, 'gift', 9, 'MONEY')",
            TENANT,
            *stamp,
        )
        await connection.execute(
            "INSERT INTO gift_card_series (tenant, version, valid_from, series, series_no, template, asset, currency,"
            " valid_days) VALUES ($1, $2, $3, 'plastic', 1, '9900####', 'gift', 'RUB', 365)",
            TENANT,
            *stamp,
        )
        for gift_card_id, (number, account_id) in enumerate(NUMBERS.items(), 1):
            hidden = pin_hash(pepper, number, PIN) if gift_card_id == 2 else None
            await connection.execute(
                "INSERT INTO gift_cards (tenant, version, valid_from, gift_card_id, number_hash, last4, pin_hash,"
                " series_no, batch_id, account_id) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, $8)",
                *(TENANT, *stamp, gift_card_id, gift_card_hash(pepper, number), number[-4:], hidden, account_id),
            )
    await connection.close()


def receipt(till: int, number: int, price: int, **line: str) -> receipt_pb2.Receipt:
    made = receipt_pb2.Receipt(
        store_id=STORE,
        register_id=register_name(till),
        shift_number=1,
        receipt_number=number,
        currency="RUB",
        exponent=2,
    )
    made.lines.add(line_no=1, sku="milk", qty_milli=1000, unit=receipt_pb2.UNIT_PIECE, price_minor=price, **line)
    return made


def offer(of: receipt_pb2.Receipt, number: str, amount: int, pin: str = "") -> receipt_pb2.Receipt:
    of.tenders.add(kind=receipt_pb2.TENDER_KIND_GIFT_CARD, number=number, amount_minor=amount, pin=pin)
    return of


class Tills:
    """What registers send, and what they heard."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.seqs = dict.fromkeys(range(1, REGISTERS + 1), 0)
        self.heard: list[tuple[str, bytes, bytes, bytes]] = []

    async def send(self, name: str, till: int, of: receipt_pb2.Receipt, channel: grpc.aio.Channel) -> object:
        self.seqs[till] += 1
        request = getattr(pos, f"{name}Request")(op_id=uuid.uuid4().bytes, register_seq=self.seqs[till], receipt=of)
        reply = await self.system.call(channel, name, request, register_key(till))
        content = request_hash(request.SerializeToString())
        self.heard.append((name, request.op_id, content, reply.SerializeToString()))  # type: ignore[attr-defined]
        return reply

    def write(self, path: Path) -> Path:
        with JsonLines(path) as write_line:
            for name, op_id, content, reply in self.heard:
                write_line(Attempt(op_id, name, content, 1, reply, 2))
        return path


async def on_card(system: System, number: str) -> tuple[int, int]:
    """(free, held) as the server says it."""
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        told = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=NUMBERS[number]))
    mine = next((one for one in told.balances if one.asset == "gift"), ops.AssetBalance())  # type: ignore[attr-defined]
    return mine.active_points, mine.hold_points


async def test_gift_card_is_sold_raced_for_and_given_back_whatever_happens_to_the_server(
    system: System, tmp_path: Path
) -> None:
    first, second = NUMBERS
    tills = Tills(system)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        for till, number in ((1, first), (2, second)):
            card = receipt(till, 1, 10_000, gift_card=number)
            assert (await tills.send("ReserveReceipt", till, card, channel)).status == OK  # type: ignore[attr-defined]
            assert (await tills.send("CommitReceipt", till, card, channel)).status == OK  # type: ignore[attr-defined]
        wrong = await tills.send("ReserveReceipt", 2, offer(receipt(2, 2, 500), second, 500, "0000"), channel)
        assert (wrong.status, wrong.reason) == (DECLINED, 75)  # type: ignore[attr-defined]
        orders = [offer(receipt(till, 7, 1_000), first, 700) for till in range(1, REGISTERS + 1)]
        replies = await asyncio.gather(
            *(tills.send("ReserveReceipt", till, order, channel) for till, order in enumerate(orders, 1))
        )
    winners = [till for till, reply in enumerate(replies, 1) if reply.status == OK]  # type: ignore[attr-defined]
    assert len(winners) == 14  # 14 × 700 of 10,000
    assert await on_card(system, first) == (200, 9_800)

    system.kill()
    system.start()
    assert await on_card(system, first) == (200, 9_800)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        done = await asyncio.gather(
            *(tills.send("CommitReceipt", till, order, channel) for till, order in enumerate(orders, 1))
        )
    spent = {till: reply.outcome.totals.tendered_minor for till, reply in enumerate(done, 1)}  # type: ignore[attr-defined]
    assert {till for till, minor in spent.items() if minor} == set(winners)
    assert await on_card(system, first) == (200, 0)

    system.kill()
    system.start()
    back = receipt(winners[0], 900, 0)
    back.lines[0].refund_of.line_no, back.lines[0].refund_of.qty_milli = 1, 1000
    back.original.shift_number, back.original.receipt_number = 1, 7
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await tills.send("ReturnReceipt", winners[0], back, channel)
    assert (reply.status, reply.outcome.totals.tendered_minor) == (OK, 700)  # type: ignore[attr-defined]
    assert await on_card(system, first) == (900, 0)
    await require_sound(system.dsn, tills.write(tmp_path / "history"))


async def require_sound(dsn: str, history: Path) -> None:
    report = await require_verified(dsn, history, *NUMBERS, PIN)
    async with await asyncpg.create_pool(dsn) as pool:
        sums = await pool.fetch("SELECT account_id, sum(points) AS points FROM ledger_entries GROUP BY account_id")
    assert {row["account_id"]: row["points"] for row in sums if row["account_id"] > 9000} == {9001: 900, 9002: 10_000}
    assert report.per_invariant["I7_money"].checks > 60


async def require_verified(dsn: str, history: Path, *secrets: str) -> Report:
    """All is projected and in order, and the journal holds none of the secrets."""
    async with await asyncpg.create_pool(dsn) as pool:
        projector = Projector(pool)
        while await projector.turn():
            pass
        bodies = await pool.fetch("SELECT body FROM journal")
    for secret in secrets:
        assert not any(secret.encode() in row["body"] for row in bodies)
    report = await verify_async(dsn, histories=[history], pepper=bytes.fromhex(PEPPER))
    assert report.violations == 0, report.as_json()
    return report
