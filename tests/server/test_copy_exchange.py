"""A batch as one write over a connection of asyncpg, against a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from altyn.core.engine.types import Record
from altyn.server.copy_exchange import CopyExchange
from altyn.server.copy_rows import COLUMNS, CopyRows

PATIENCE_S = 30.0
WHOLE = 1 << 20  # bytes: what comes, comes as it came
TABLE = """
CREATE TABLE rows (seq bigint PRIMARY KEY, epoch bigint, instant_us bigint, shard smallint, kind smallint, op_id uuid,
    receipt_key uuid, natural_key uuid, hash bytea, body bytea, original_key uuid)
"""


def add_rows(rows: CopyRows, first: int, count: int, size: int = 100) -> None:
    for seq in range(first, first + count):
        rows.add(Record(seq, seq.to_bytes(16, "big"), 2, None, None, seq, bytes([seq % 256]) * size), 1, 0, bytes(32))


def batch_of(first: int, count: int, size: int = 100) -> CopyRows:
    rows = CopyRows()
    add_rows(rows, first, count, size)
    rows.close()
    return rows


@asynccontextmanager
async def held(dsn: str) -> AsyncIterator[None]:
    """PostgreSQL can take no row meanwhile."""
    other = await asyncpg.connect(dsn)
    lock = other.transaction()
    await lock.start()
    await other.execute("LOCK rows")
    try:
        yield
    finally:
        await lock.rollback()
        await other.close()


class InPieces(CopyExchange):
    """What comes, comes a few bytes at a time."""

    piece = WHOLE

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), self.piece):
            super().data_received(data[at : at + self.piece])


def run(dsn: str, test: Callable[[asyncpg.Connection[Any], CopyExchange], Awaitable[None]], piece: int = WHOLE) -> None:
    async def main() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(TABLE)
            exchange = InPieces(connection)
            exchange.piece = piece
            await exchange.prepare("rows", COLUMNS)
            async with asyncio.timeout(60):
                await test(connection, exchange)
        finally:
            connection.terminate()

    asyncio.run(main())


def test_batches_and_queries_take_turns_on_one_connection(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        for first, count, size in ((1, 1, 0), (2, 300, 3_000), (302, 2, 1_000_000)):
            await exchange.send(batch_of(first, count, size), PATIENCE_S)
            found = await connection.fetchrow(
                "SELECT count(*) AS n, max(length(body)) AS size FROM rows WHERE seq >= $1", first
            )
            assert found is not None and tuple(found) == (count, size)

    run(database_dsn, test)


def test_refused_batch_raises_what_postgresql_said_and_leaves_the_connection_usable(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        await exchange.send(batch_of(1, 5), PATIENCE_S)
        with pytest.raises(asyncpg.UniqueViolationError, match="rows_pkey") as caught:
            await exchange.send(batch_of(4, 500, 1_000), PATIENCE_S)
        assert (caught.value.sqlstate, caught.value.constraint_name) == ("23505", "rows_pkey")
        assert await connection.fetchval("SELECT count(*) FROM rows") == 5
        await exchange.send(batch_of(6, 3), PATIENCE_S)
        assert await connection.fetchval("SELECT count(*) FROM rows") == 8

    run(database_dsn, test)


def test_notices_and_settings_told_during_a_batch_reach_asyncpg(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        await connection.execute("""
            CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE WARNING 'told %', 'once';
                PERFORM set_config('application_name', 'renamed', false);
                RETURN NULL;
            END $$;
            CREATE TRIGGER tell AFTER INSERT ON rows FOR EACH STATEMENT EXECUTE FUNCTION tell()
        """)
        heard: list[str] = []
        connection.add_log_listener(lambda _, message: heard.append(message.message))
        await exchange.send(batch_of(1, 2), PATIENCE_S)
        assert connection.get_settings().application_name == "renamed"
        await asyncio.sleep(0)
        assert heard == ["told once"]

    run(database_dsn, test)


def test_backend_that_ends_in_mid_batch_is_an_oserror_and_tells_asyncpg(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        pid = connection.get_server_pid()
        other = await asyncpg.connect(database_dsn)
        lock = other.transaction()
        await lock.start()
        await other.execute("LOCK rows")
        sent = asyncio.ensure_future(exchange.send(batch_of(1, 200, 2_000), PATIENCE_S))
        waits = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND NOT granted"
        while not await other.fetchval(waits, pid):  # noqa: ASYNC110 - a lock wakes nobody here
            await asyncio.sleep(0.01)
        await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        with pytest.raises((OSError, asyncpg.AdminShutdownError)):
            await sent
        assert connection.is_closed()
        with pytest.raises(OSError):
            await exchange.send(batch_of(1, 1), PATIENCE_S)
        await lock.rollback()
        assert await other.fetchval("SELECT count(*) FROM rows") == 0
        await other.close()

    run(database_dsn, test)


def test_silence_ends_the_wait(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        async with held(database_dsn):
            with pytest.raises(TimeoutError, match=r"silent for 0\.05 s"):
                await exchange.send(batch_of(1, 1), 0.05)

    run(database_dsn, test)


@pytest.mark.parametrize("piece", [1, 3, 7, 64])
def test_answer_in_pieces_is_put_together(database_dsn: str, piece: int) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        await exchange.send(batch_of(1, 3), PATIENCE_S)
        with pytest.raises(asyncpg.UniqueViolationError):
            await exchange.send(batch_of(1, 3), PATIENCE_S)
        assert await connection.fetchval("SELECT count(*) FROM rows") == 3

    run(database_dsn, test, piece)


def test_batches_follow_one_another_until_the_end(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        batches = {batch.first_seq: batch for batch in (batch_of(1, 2), batch_of(3, 400, 3_000), batch_of(403, 1))}
        confirmed: list[int] = []

        def follow(batch: CopyRows) -> CopyRows | None:
            confirmed.append(batch.last_seq)
            if batch.last_seq == 403:
                exchange.end()
            return batches.get(batch.last_seq + 1)

        await exchange.send(batches[1], PATIENCE_S, follow)
        assert confirmed == [2, 402, 403]
        assert await connection.fetchval("SELECT count(*) FROM rows") == 403

    run(database_dsn, test)


def test_nothing_follows_a_batch_that_was_refused(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        following = [batch_of(6, 2), batch_of(2, 4)]
        confirmed: list[int] = []

        def follow(batch: CopyRows) -> CopyRows | None:
            confirmed.append(batch.last_seq)
            return following.pop()

        with pytest.raises(asyncpg.UniqueViolationError):
            await exchange.send(batch_of(1, 3), PATIENCE_S, follow)
        assert confirmed == [3] and len(following) == 1
        assert await connection.fetchval("SELECT count(*) FROM rows") == 3

    run(database_dsn, test)


def test_fault_of_whoever_is_told_ends_the_chain(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        def follow(batch: CopyRows) -> CopyRows | None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await exchange.send(batch_of(1, 3), PATIENCE_S, follow)
        assert await connection.fetchval("SELECT count(*) FROM rows") == 3

    run(database_dsn, test)


def test_chain_rests_goes_on_and_ends(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        confirmed: list[int] = []
        chain = asyncio.ensure_future(
            exchange.send(batch_of(1, 3), PATIENCE_S, lambda batch: confirmed.append(batch.last_seq))
        )
        for number in (1, 2):
            while len(confirmed) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert exchange.is_resting and not chain.done()
            if number == 1:
                exchange.go_on_with(batch_of(4, 2))
                assert not exchange.is_resting
        exchange.end()
        await chain
        assert not exchange.is_resting
        assert await connection.fetchval("SELECT count(*) FROM rows") == 5

    run(database_dsn, test)


def test_connection_that_is_lost_while_the_chain_rests_ends_it(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        pid = connection.get_server_pid()
        chain = asyncio.ensure_future(exchange.send(batch_of(1, 3), PATIENCE_S, lambda batch: None))
        while not exchange.is_resting:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        other = await asyncpg.connect(database_dsn)
        await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await other.close()
        with pytest.raises((OSError, asyncpg.AdminShutdownError)):
            await chain
        assert connection.is_closed() and not exchange.is_resting

    run(database_dsn, test)


@pytest.mark.parametrize("piece", [1, 5, WHOLE])
def test_batch_is_sent_as_it_grows_while_the_one_before_is_under_way(database_dsn: str, piece: int) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        confirmed: list[int] = []
        growing = CopyRows()

        def follow(batch: CopyRows) -> CopyRows | None:
            confirmed.append(batch.last_seq)
            if len(confirmed) > 1:
                exchange.end()
                return None
            add_rows(growing, 204, 3)
            growing.close()
            return growing

        async with held(database_dsn):
            chain = asyncio.ensure_future(exchange.send(batch_of(1, 3), PATIENCE_S, follow))
            await asyncio.sleep(0.01)
            for first, count, size in ((4, 1, 20_000), (5, 100, 500), (105, 1, 500), (106, 98, 500)):
                add_rows(growing, first, count, size)  # its memory moves meanwhile
                exchange.send_early(growing)
                await asyncio.sleep(0.01)
            assert confirmed == []
        await chain
        assert confirmed == [3, 206]
        found = await connection.fetch("SELECT seq, length(body) AS size FROM rows ORDER BY seq")
        sizes = [100] * 3 + [20_000] + [500] * 199 + [100] * 3
        assert [tuple(row) for row in found] == list(zip(range(1, 207), sizes, strict=True))

    run(database_dsn, test, piece)


@pytest.mark.parametrize("piece", [1, 5, WHOLE])
def test_what_was_sent_early_after_a_batch_that_is_refused_is_taken_back(database_dsn: str, piece: int) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        await exchange.send(batch_of(1, 3), PATIENCE_S)
        growing = CopyRows()
        add_rows(growing, 10, 50, 500)
        async with held(database_dsn):
            chain = asyncio.ensure_future(exchange.send(batch_of(3, 2), PATIENCE_S, lambda batch: growing))
            await asyncio.sleep(0.01)
            exchange.send_early(growing)
        with pytest.raises(asyncpg.UniqueViolationError, match="rows_pkey"):
            await chain
        assert await connection.fetchval("SELECT count(*) FROM rows") == 3
        growing.close()
        await exchange.send(growing, PATIENCE_S)  # whole
        assert await connection.fetchval("SELECT count(*) FROM rows") == 53

    run(database_dsn, test, piece)


def test_nothing_is_sent_early_when_nothing_is_under_way_or_nothing_will_follow(database_dsn: str) -> None:
    async def test(connection: asyncpg.Connection[Any], exchange: CopyExchange) -> None:
        growing = CopyRows()
        add_rows(growing, 10, 50, 500)
        exchange.send_early(growing)
        async with held(database_dsn):
            chain = asyncio.ensure_future(exchange.send(batch_of(1, 3), PATIENCE_S))
            await asyncio.sleep(0.01)
            exchange.send_early(growing)
        await chain
        assert await connection.fetchval("SELECT count(*) FROM rows") == 3

    run(database_dsn, test)
