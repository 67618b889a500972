"""The journal's reader against a real PostgreSQL: what calls look up before they are admitted."""

from __future__ import annotations

import asyncio

import asyncpg

from altyn.core.engine.types import Known, Lookup, Record
from altyn.server.journal import Journal
from altyn.server.journal_reader import JournalReader, JournalUnavailable
from tests.server.journal_world import admin, fill, opened, record, run


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
