"""The journal's writer against a real PostgreSQL: order, fence, lost connections, damaged rows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from altyn.core.engine.types import Known, Lookup, Record
from altyn.infra.database import connect
from altyn.server.journal import PARTITION_ROWS, Journal, JournalLimits, Overloaded
from altyn.server.journal_reader import JournalDoubt, JournalReader, JournalUnavailable

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
SCHEMA = "\n".join((MIGRATIONS / name).read_text("utf-8") for name in ("0002_journal.sql", "0009_originals.sql"))
QUICK = JournalLimits(back_off_first_s=0.005, back_off_max_s=0.05)


@pytest.fixture
def journal_dsn(database_dsn: str) -> str:
    async def make() -> None:
        connection = await asyncpg.connect(database_dsn)
        await connection.execute(SCHEMA)
        await connection.close()

    asyncio.run(make())
    return database_dsn


def record(
    journal: Journal,
    *,
    op_id: bytes | None = None,
    natural: bytes | None = None,
    receipt: bytes | None = None,
    size: int = 300,
    seq: int | None = None,
) -> Record:
    rng = random.Random(journal.next_seq)
    return Record(
        seq or journal.next_seq,
        op_id or rng.randbytes(16),
        2,
        natural,
        receipt,
        journal.next_seq * 10,
        rng.randbytes(size),
    )


def fill(journal: Journal, count: int, size: int = 300) -> list[Record]:
    records = []
    for _ in range(count):
        records.append(record(journal, size=size))
        journal.append(records[-1])
    return records


@asynccontextmanager
async def opened(dsn: str, name: str = "one", limits: JournalLimits = QUICK) -> AsyncIterator[Journal]:
    journal = await Journal.open(dsn, 0, name, limits=limits)
    try:
        yield journal
    finally:
        with suppress(JournalDoubt):
            await journal.close()


async def admin(dsn: str, query: str, *args: object) -> Any:
    connection = await connect(dsn, name="test")
    try:
        return await connection.fetch(query, *args)
    finally:
        await connection.close()


async def stored(dsn: str) -> list[tuple[int, bytes, bytes]]:
    reader = JournalReader(dsn, 0)
    try:
        return [(row.seq, row.op_id, row.body) async for row in reader.read_from(0)]
    finally:
        await reader.close()


def expected(records: list[Record]) -> list[tuple[int, bytes, bytes]]:
    return [(r.seq, r.op_id, r.body) for r in records]


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))  # type: ignore[arg-type]


def test_records_become_durable_in_order_and_are_read_back(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            seen: list[int] = []
            journal.on_durable(seen.append)
            records = fill(journal, 700, size=100) + fill(journal, 3, size=20_000)
            assert journal.durable_seq == 0
            await journal.durable(703)
            assert journal.durable_seq == 703 == seen[-1]
            assert seen == sorted(set(seen))
            assert await stored(journal_dsn) == expected(records)
            assert await admin(journal_dsn, "SELECT count(*) AS n, max(seq) AS m FROM operations") == [(703, 703)]

    run(test)


def test_reopened_journal_goes_on_with_the_next_seq_under_a_higher_epoch(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn, "one") as journal:
            records = fill(journal, 5)
        async with opened(journal_dsn, "two") as journal:
            assert (journal.epoch, journal.next_seq, journal.durable_seq) == (2, 6, 5)
            records += fill(journal, 5)
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_operations_are_found_by_each_of_their_keys(journal_dsn: str) -> None:
    async def test() -> None:
        receipt, naturals = b"r" * 16, [b"1" * 16, b"2" * 16]
        async with opened(journal_dsn) as journal:
            fill(journal, 3)
            first = record(journal, receipt=receipt, natural=naturals[0])
            journal.append(first)
            second = record(journal, receipt=receipt, natural=naturals[1])
            journal.append(second)
            taken = record(journal, receipt=receipt, natural=None)
            journal.append(taken)
            await journal.durable(6)
            asked = [
                Lookup(first.op_id, None, None, 0),
                Lookup(b"x" * 16, naturals[1], receipt, 0),
                Lookup(first.op_id, naturals[1], receipt, 0, receipt),
                Lookup(b"x" * 16, b"x" * 16, receipt, 0),
                Lookup(b"x" * 16, None, b"x" * 16, 0, b"x" * 16, b"y" * 16),
            ]
            assert await journal.find(asked) == [
                Known(first.body, None),
                Known(None, second.body),
                Known(first.body, second.body, first.body),
                Known(None, None),
                Known(None, None),
            ]
            assert await journal.find(asked[::-1]) == (await journal.find(asked))[::-1]

    run(test)


def test_sixty_four_lookups_at_once_are_all_answered(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            records = fill(journal, 32)
            await journal.durable(32)
            strangers = [bytes([number]) * 16 for number in range(32)]
            await journal.find([Lookup(strangers[0], None, None, 0)])
            sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'altyn-journal-reader'"
            sessions += " AND datname = current_database()"
            before = await admin(journal_dsn, sessions)
            answers = await asyncio.gather(
                *(journal.find([Lookup(op_id, None, None, 0)]) for op_id in [r.op_id for r in records] + strangers)
            )
            found = [known for answer in answers for known in answer]
            assert [known.by_op_id for known in found] == [r.body for r in records] + [None] * 32
            assert await admin(journal_dsn, sessions) == before and len(before) == 1

    run(test)


def test_look_up_waits_for_what_it_names_and_for_nothing_else(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            (first,) = fill(journal, 1)
            await journal.durable(1)
            holder = await asyncpg.connect(journal_dsn)
            async with holder.transaction():
                await holder.execute("SELECT FROM shard_owner FOR UPDATE")  # no batch can land
                (second,) = fill(journal, 1)
                later = asyncio.create_task(journal.find([Lookup(second.op_id, None, None, 2)]))
                assert await journal.find([Lookup(first.op_id, None, None, 1)]) == [
                    Known(first.body, None, after_seq=1)
                ]
                assert journal.durable_seq == 1 and not later.done()
            assert await later == [Known(second.body, None, after_seq=2)]
            await holder.close()

    run(test)


def test_operation_that_is_certainly_new_is_not_asked_for(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            stored = record(journal, receipt=b"r" * 16, natural=b"n" * 16)
            journal.append(stored)
            asked = Lookup(stored.op_id, b"n" * 16, b"r" * 16, 1, b"r" * 16)
            assert await journal.find([asked, asked._replace(is_new=True)]) == [
                Known(stored.body, stored.body, stored.body, after_seq=1),
                Known(None, None, stored.body, after_seq=1),
            ]

    run(test)


def test_reader_that_is_closed_refuses_those_who_asked(journal_dsn: str) -> None:
    async def test() -> None:
        reader, holder = JournalReader(journal_dsn, 0), await asyncpg.connect(journal_dsn)
        for turns in (1, 10):  # before the question has gone out, and while it is under way
            assert await reader.find([Lookup(bytes(16), None, None, 0)]) == [Known(None, None)]
            before = reader.questions_count
            async with holder.transaction():
                await holder.execute("LOCK operations IN ACCESS EXCLUSIVE MODE")
                asking = [asyncio.create_task(reader.find([Lookup(bytes(16), None, None, 0)])) for _ in range(3)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                assert reader.questions_count - before == (0 if turns == 1 else 1)
                await reader.close()
                told = await asyncio.gather(*asking, return_exceptions=True)
            assert [type(one) for one in told] == [JournalUnavailable] * 3
        await holder.close()

    run(test)


def test_sales_asked_for_at_once_each_get_their_own_answer(journal_dsn: str) -> None:
    """What many ask for while a question is under way goes out together, 64 at most."""

    def key(number: int, what: int) -> bytes:
        return bytes([number, what]) * 8

    def put(journal: Journal, number: int, what: int, *, kind: int, receipt: bytes, original: bytes | None) -> bytes:
        body = bytes([number, what])
        row = Record(journal.next_seq, key(number, what), kind, key(number, what), receipt, 1, body, original)
        journal.append(row)
        return body

    def ask(original: bytes, op_id: bytes | None = None, waiting: bool = True) -> list[Lookup]:
        return [Lookup(b"o" * 16, b"n" * 16, b"r" * 16, 0, original, op_id, waiting)]

    async def test() -> None:
        async with opened(journal_dsn) as journal:
            expected: dict[bytes, tuple[bytes | None, bytes | None, tuple[bytes, ...]]] = {}
            for number in range(1, 81):
                sale = key(number, 0)
                early = put(journal, number, 1, kind=5, receipt=key(number, 101), original=sale)
                named = put(journal, number, 2, kind=5, receipt=key(number, 102), original=key(number, 4))
                put(journal, number, 3, kind=1, receipt=sale, original=None)
                if number % 5 == 0:
                    expected[sale] = (None, None, (early,))  # the Commit it names has not come
                    continue
                sold = put(journal, number, 4, kind=2, receipt=sale, original=sale)
                back = None
                for again in range(number % 3):
                    back = put(journal, number, 5 + again, kind=5, receipt=key(number, 105 + again), original=sale)
                expected[sale] = (sold, back, (early, named))
            await journal.durable(journal.next_seq - 1)
            before = journal.reader.questions_count
            stranger = b"nobody's receipt"
            found = await asyncio.gather(*(journal.reader.find(ask(one)) for one in [*expected, stranger]))
            assert [known[2:5] for (known,) in found] == [*expected.values(), (None, None, ())]
            assert all(known[:2] == (None, None) for (known,) in found)
            assert journal.reader.questions_count - before <= 2 * 3
            (by_op_id,) = await journal.reader.find(ask(stranger, key(7, 4)))
            assert by_op_id[2:5] == expected[key(7, 0)]
            (other_op_id,) = await journal.reader.find(ask(key(8, 0), key(7, 1)))
            assert other_op_id[2:4] == expected[key(8, 0)][:2], "no Commit has that op_id: the receipt's is meant"
            before = journal.reader.questions_count
            (alone,) = await journal.reader.find(ask(key(8, 0), waiting=False))
            assert (alone[2:5], journal.reader.questions_count) == ((*expected[key(8, 0)][:2], ()), before + 1)

    run(test)


def test_second_owner_fences_the_first_which_then_stops(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn, "one") as first:
            records = fill(first, 4)
            await first.durable(4)
            async with opened(journal_dsn, "two") as second:
                fill(first, 3)
                with pytest.raises(JournalDoubt):
                    await first.durable(5)
                with pytest.raises(JournalDoubt):
                    await first.watch()
                assert not first.has_room
                with pytest.raises(Overloaded):
                    first.append(record(first))
                records += fill(second, 4)
                await second.durable(8)
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_batch_of_an_old_epoch_is_refused_by_the_guard_itself(journal_dsn: str) -> None:
    """The first owner keeps its connection and knows of nothing: only the guard stands between."""

    async def test() -> None:
        async with opened(journal_dsn, "one") as first:
            await admin(journal_dsn, "UPDATE shard_owner SET epoch = epoch + 1, instance_id = 'two', pid = 0")
            fill(first, 3)
            with pytest.raises(JournalDoubt, match="does not own shard 0"):
                await first.durable(1)
        assert await stored(journal_dsn) == []
        assert await admin(journal_dsn, "SELECT FROM operations") == []

    run(test)


def test_duplicate_op_id_or_natural_key_stops_the_writer_and_leaves_no_part_of_the_batch(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            records = fill(journal, 2)
            await journal.durable(2)
            fill(journal, 2)
            journal.append(record(journal, op_id=records[0].op_id))
            with pytest.raises(JournalDoubt, match="operations_pkey"):
                await journal.durable(5)
        async with opened(journal_dsn) as journal:
            kept = record(journal, receipt=b"r" * 16, natural=b"n" * 16)
            journal.append(kept)
            await journal.durable(3)
            journal.append(record(journal, receipt=b"r" * 16, natural=b"n" * 16))
            with pytest.raises(JournalDoubt, match="operations_receipt"):
                await journal.durable(4)
        assert await stored(journal_dsn) == expected([*records, kept])

    run(test)


@pytest.mark.parametrize("seq", [1, 4, 6])
def test_seq_that_does_not_go_on_is_refused_before_anything_is_queued(journal_dsn: str, seq: int) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            fill(journal, 4)
            with pytest.raises(ValueError, match="goes on with 5"):
                journal.append(record(journal, seq=seq))
            fill(journal, 1)
            await journal.durable(5)

    run(test)


def test_gap_is_refused_by_the_guard(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            fill(journal, 2)
            await journal.durable(2)
            journal._seq += 1  # what a bug would do
            fill(journal, 2)
            with pytest.raises(JournalDoubt, match="seqs 4 to 5 do not go on after 2"):
                await journal.durable(4)

    run(test)


def test_insert_into_the_journal_itself_is_refused(journal_dsn: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="copy into the partition"):
        asyncio.run(admin(journal_dsn, "INSERT INTO journal SELECT FROM shard_owner"))


def test_full_queue_refuses_and_drains(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn, limits=JournalLimits(queue_rows_max=10, batch_rows_max=3)) as journal:
            records = fill(journal, 10)
            assert not journal.has_room
            with pytest.raises(Overloaded):
                journal.append(record(journal))
            await journal.durable(10)
            assert journal.has_room and journal.batches_count == 4
            records += fill(journal, 1)
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_batches_end_with_their_partition_and_the_next_one_is_made_ahead(journal_dsn: str) -> None:
    async def test() -> None:
        start = PARTITION_ROWS * 3 - 2
        await admin(journal_dsn, "SELECT journal_make_partition(2)")
        await admin(journal_dsn, "INSERT INTO shard_owner VALUES (0, 1, 'before', 0, now(), $1)", start - 1)
        await admin(journal_dsn, "SELECT set_config('altyn.shard', '0', false)")
        connection = await connect(journal_dsn, name="test")
        await connection.execute("ALTER TABLE journal_000002 DISABLE TRIGGER guard")
        await connection.execute(
            "INSERT INTO journal_000002 VALUES ($1, 1, 1, 0, 1, gen_random_uuid(), NULL, NULL, $2, '')",
            start - 1,
            bytes(32),
        )
        await connection.execute("ALTER TABLE journal_000002 ENABLE TRIGGER guard")
        await connection.close()
        async with opened(journal_dsn) as journal:
            fill(journal, 10)
            await journal.durable(start + 9)
            rows = await admin(
                journal_dsn, "SELECT tableoid::regclass::text AS part, count(*) FROM journal GROUP BY 1 ORDER BY 1"
            )
            assert [tuple(row) for row in rows] == [("journal_000002", 4), ("journal_000003", 7)]
            for _ in range(100):
                if await admin(journal_dsn, "SELECT WHERE to_regclass('journal_000004') IS NOT NULL"):
                    break
                await asyncio.sleep(0.05)
                fill(journal, 1)
            assert await admin(journal_dsn, "SELECT to_regclass('journal_000004') IS NOT NULL AS made") == [(True,)]

    run(test)


def test_terminated_backends_in_mid_load_lose_and_double_nothing(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            records: list[Record] = []
            for number in range(12):
                for _ in range(10):
                    records += fill(journal, 20)
                    await asyncio.sleep(0.001)
                await admin(
                    journal_dsn,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'altyn-journal-0'"
                    " AND datname = current_database()",
                )
                while journal.reconnects_count <= number:  # what is not there again yet could not be ended once more
                    records += fill(journal, 20)
                    await asyncio.sleep(0.001)
            await journal.durable(len(records))
            assert journal.reconnects_count >= 12
            assert not journal.is_degraded
        assert await stored(journal_dsn) == expected(records)

    run(test)


class Cut:
    """A proxy for PostgreSQL's bytes that can swallow the answer to a batch and drop the line."""

    def __init__(self, dsn: str) -> None:
        from urllib.parse import parse_qs, urlsplit

        self.parts = urlsplit(dsn)
        query = parse_qs(self.parts.query)
        self.socket = f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}"
        self.swallow = False
        self.stall = False
        self.lines: list[asyncio.StreamWriter] = []

    async def start(self) -> str:
        self.server = await asyncio.start_server(self.line, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        return f"postgresql://{self.parts.username}:{self.parts.password}@127.0.0.1:{port}{self.parts.path}?sslmode=disable"

    async def line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(self.socket)
        self.lines += [writer, up_writer]
        await asyncio.gather(self.pump(reader, up_writer, False), self.pump(up_reader, writer, True))

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_answer: bool) -> None:
        try:
            while data := await reader.read(65536):
                while self.stall and is_answer:  # noqa: ASYNC110 - a frozen server wakes nobody
                    await asyncio.sleep(0.01)
                if self.swallow and is_answer and b"COPY " in data:
                    self.swallow = False
                    break
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        writer.close()

    async def stop(self) -> None:
        self.server.close()
        for writer in self.lines:
            writer.close()


def test_commit_whose_answer_was_lost_is_recognised_and_not_repeated(journal_dsn: str) -> None:
    async def test() -> None:
        cut = Cut(journal_dsn)
        dsn = await cut.start()
        async with opened(dsn) as journal:
            records: list[Record] = []
            for _ in range(10):
                cut.swallow = True
                records += fill(journal, 7)
                await journal.durable(len(records))
                assert not cut.swallow
            assert journal.reconnects_count == 10
        await cut.stop()
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_batch_that_never_reached_postgresql_is_sent_again_as_it_was(journal_dsn: str) -> None:
    async def test() -> None:
        cut = Cut(journal_dsn)
        dsn = await cut.start()
        async with opened(dsn) as journal:
            records = fill(journal, 5)
            await journal.durable(5)
            for writer in cut.lines:
                writer.close()
            records += fill(journal, 5)
            await journal.durable(10)
            assert journal.reconnects_count >= 1
        await cut.stop()
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_silent_postgresql_is_given_up_and_the_batch_settled_when_it_speaks_again(journal_dsn: str) -> None:
    async def test() -> None:
        cut = Cut(journal_dsn)
        dsn = await cut.start()
        limits = JournalLimits(
            write_patience_s=0.15, connect_patience_s=0.15, back_off_first_s=0.005, back_off_max_s=0.02
        )
        async with opened(dsn, limits=limits) as journal:
            records = fill(journal, 5)
            await journal.durable(5)
            cut.stall = True
            records += fill(journal, 5)
            while not journal.is_degraded:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert journal.durable_seq == 5
            records += fill(journal, 5)
            cut.stall = False
            await journal.durable(15)
            assert not journal.is_degraded
        await cut.stop()
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_lost_durable_rows_are_noticed_on_reconnecting(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            fill(journal, 5)
            await journal.durable(5)
            await admin(journal_dsn, "DELETE FROM journal_000000 WHERE seq = 5")
            await admin(journal_dsn, "DELETE FROM operations WHERE seq = 5")
            await admin(journal_dsn, "UPDATE shard_owner SET last_seq = 4")
            await admin(journal_dsn, "SELECT pg_terminate_backend(pid) FROM shard_owner")
            fill(journal, 1)
            with pytest.raises(JournalDoubt, match="seq 5 was durable"):
                await journal.durable(6)

    run(test)


BREAKS = [
    ("UPDATE journal_000000 SET body = body || 'x' WHERE seq = 7", "seq 7 was altered"),
    ("UPDATE journal_000000 SET hash = decode(repeat('00', 32), 'hex') WHERE seq = 7", "seq 7 was altered"),
    ("UPDATE journal_000000 SET epoch = 2 WHERE seq = 7", "seq 7 was altered"),
    ("UPDATE journal_000000 SET epoch = 0 WHERE seq = 7", "seq 7 is of epoch 0"),
    ("DELETE FROM journal_000000 WHERE seq = 7", "seq 7 is missing"),
    ("DELETE FROM journal_000000 WHERE seq = 1", "seq 1 is missing"),
]


@pytest.mark.parametrize(("damage", "reason"), BREAKS)
def test_altered_or_missing_row_is_found_where_it_is(journal_dsn: str, damage: str, reason: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            fill(journal, 10)
        await admin(journal_dsn, damage)
        with pytest.raises(JournalDoubt, match=reason):
            await stored(journal_dsn)

    run(test)


def test_missing_end_is_found_when_the_journal_is_opened(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            fill(journal, 10)
        await admin(journal_dsn, "DELETE FROM journal_000000 WHERE seq = 10")
        with pytest.raises(JournalDoubt, match="ends at seq 9, but 10 was written"):
            await Journal.open(journal_dsn, 0, "two")

    run(test)


def test_reading_after_a_snapshot_proves_that_it_belongs_to_this_journal(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            fill(journal, 10)
        reader = JournalReader(journal_dsn, 0)
        rows = [row async for row in reader.read_from(0)]
        assert [row.seq async for row in reader.read_from(4, rows[3].hash)] == [5, 6, 7, 8, 9, 10]
        assert [row.seq async for row in reader.read_from(10, rows[9].hash)] == []
        with pytest.raises(JournalDoubt, match="hash differs"):
            [row async for row in reader.read_from(4, rows[4].hash)]
        with pytest.raises(JournalDoubt, match="seq 11 is not in the journal"):
            [row async for row in reader.read_from(11)]
        assert (await reader.tail()) == (10, 1, rows[9].hash)
        await reader.close()

    run(test)


def test_all_that_waits_is_one_batch_up_to_its_bound(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            seen: list[int] = []
            journal.on_durable(seen.append)
            fill(journal, 512)
            await journal.durable(512)
            assert seen == [512]
            fill(journal, 1_500)
            await journal.durable(2_012)
            assert [seq - 512 for seq in seen[1:]] == [1_024, 1_500]

    run(test)
