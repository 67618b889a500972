"""The journal's writer against a real PostgreSQL: order, fence, lost connections, damaged rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import asyncpg
import pytest

from altyn.core.engine.types import Record
from altyn.infra.database import connect
from altyn.server.journal import PARTITION_ROWS, Journal, JournalLimits, Overloaded
from altyn.server.journal_queue import JournalQueue
from altyn.server.journal_reader import JournalDoubt, JournalReader
from tests.server.journal_world import admin, expected, fill, opened, record, run, stored


def fill_slowly(journal: Journal, count: int) -> list[Record]:
    """In one turn of the loop, long enough for PostgreSQL to answer within it and to be sent what there is."""
    records = []
    for _ in range(count):
        records += fill(journal, 1, size=20_000)
        time.sleep(0.0001)
    return records


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


def test_answers_are_noticed_and_batches_sent_in_a_turn_of_the_loop_that_does_not_end(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            records = fill(journal, 1)
            await journal.durable(1)
            records += fill(journal, 1)
            for _ in range(5):  # so that it is under way, and hardly more
                await asyncio.sleep(0)
            known = journal.batches_count
            given_up_at = time.monotonic() + 20
            while journal.batches_count < known + 5 and time.monotonic() < given_up_at:
                records += fill(journal, 1)  # whoever adds looks, and nobody else has a turn
                time.sleep(0.0002)  # noqa: ASYNC251
            assert journal.batches_count == known + 5
            assert 6 <= journal.durable_seq <= len(records)
        assert await stored(journal_dsn) == expected(records)

    run(test)


def test_connection_lost_while_nothing_is_written_is_no_fault(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            records = fill(journal, 1)
            await journal.durable(1)
            known = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1"
            assert len(await admin(journal_dsn, known, "altyn-journal-0")) == 1
            await asyncio.sleep(0.05)
            assert not journal.is_degraded and journal.has_room
            records += fill(journal, 2)
            await journal.durable(3)
            assert journal.reconnects_count == 1
        assert await stored(journal_dsn) == expected(records)

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


def test_what_follows_a_refused_batch_is_not_stored_though_it_was_sent(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn, "one") as first:
            records = fill_slowly(first, 50)
            await first.durable(50)
            await admin(journal_dsn, "UPDATE shard_owner SET epoch = epoch + 1, instance_id = 'two', pid = 0")
            fill(first, 1)
            await asyncio.sleep(0)
            fill_slowly(first, 50)
            with pytest.raises(JournalDoubt, match="does not own shard 0"):
                await first.durable(51)
        assert await stored(journal_dsn) == expected(records)

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


def test_queue_has_no_room_for_what_would_wait_longer_than_a_caller() -> None:
    queue = JournalQueue(
        0, 1, 0, bytes(32), rows_max=1 << 20, bytes_max=1 << 30, batch_rows_max=1 << 20, batch_bytes_max=1 << 30,
        partition_rows=1 << 30, wait_ns_max=200_000_000,
    )  # fmt: skip

    def put(count: int) -> None:
        for _ in range(count):
            queue.append(record(queue, size=1 << 14))

    def write(ns_of_a_kib: int) -> None:
        batch = queue.take_batch()
        assert batch is not None
        queue.settle(batch, len(batch) // 1024 * ns_of_a_kib)

    put(1_000)
    assert queue.has_room  # nobody knows yet how long that takes
    write(1_000_000)
    put(60)
    assert queue.has_room  # less than what may always wait
    put(60)
    assert not queue.has_room  # two seconds' worth
    write(0)
    assert queue.has_room
    put(120)
    assert not queue.has_room  # an outage told nothing of the pace
    for _ in range(4):
        write(10_000)
        put(120)
    assert queue.has_room
    write(10_000)
    put(1)
    write(1_000_000_000)  # a small batch waits for the disk
    put(120)
    assert queue.has_room


@pytest.mark.parametrize("fill_some", [fill, fill_slowly])
def test_batches_end_with_their_partition_and_the_next_one_is_made_ahead(
    journal_dsn: str, fill_some: Callable[[Journal, int], list[Record]]
) -> None:
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
            fill_some(journal, 10)
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
                    records += (fill if number % 2 else fill_slowly)(journal, 20)
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


def test_new_owner_does_not_wait_for_the_end_of_a_batch_that_was_begun(journal_dsn: str) -> None:
    """PostgreSQL stores rows by the thousand before that, of seqs that the new owner writes next."""

    async def test() -> None:
        cut = Cut(journal_dsn)
        dsn = await cut.start()
        async with opened(dsn, "one", JournalLimits(write_patience_s=60.0)) as first:
            records = fill(first, 1)
            await first.durable(1)
            cut.stall = True
            records += fill(first, 1)
            for _ in range(4):
                await asyncio.sleep(0.05)
                fill(first, 250)
                fill_slowly(first, 5)
            begun = (
                "SELECT FROM pg_stat_activity WHERE application_name = 'altyn-journal-0' AND wait_event = 'ClientRead'"
                " AND state = 'active' AND query LIKE 'COPY%' AND backend_xid IS NOT NULL"
            )
            while not await admin(journal_dsn, begun):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            async with opened(journal_dsn, "two") as second:
                assert second.durable_seq == 2
                records += fill(second, 3)
                await asyncio.wait_for(second.durable(5), 5)
            cut.stall = False
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


def test_all_that_waits_is_one_batch_up_to_its_bound_and_a_long_turn_is_several(journal_dsn: str) -> None:
    async def test() -> None:
        async with opened(journal_dsn) as journal:
            seen: list[int] = []
            journal.on_durable(seen.append)
            fill(journal, 512)
            await journal.durable(512)
            assert seen == [512]
            fill(journal, 1_500)
            await journal.durable(2_012)
            assert len(seen) > 2 and seen[-1] == 2_012
            assert all(after - before <= 1_024 for before, after in pairwise(seen))

    run(test)
