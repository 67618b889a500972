"""PostgreSQL itself dies, freezes and comes back under load."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.server.journal import Journal, JournalLimits
from tests.server.journal_world import SCHEMA, expected, fill, stored


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A server that the test may kill."""
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.stop(immediately=True)
    shutil.rmtree(folder, ignore_errors=True)


async def start(server: EmbeddedPostgres, limits: JournalLimits) -> Journal:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(SCHEMA)
    await connection.close()
    return await Journal.open(server.dsn("postgres"), 0, "one", limits=limits)


def test_killed_and_frozen_postgresql_in_mid_load_loses_and_doubles_nothing(own_postgres: EmbeddedPostgres) -> None:
    async def test() -> None:
        limits = JournalLimits(write_patience_s=0.5, connect_patience_s=0.5, back_off_first_s=0.01, back_off_max_s=0.1)
        journal = await start(own_postgres, limits)
        records = []
        acked: list[int] = []
        journal.on_durable(acked.append)
        for fault in ("kill", "freeze", "kill"):
            for _ in range(60):
                records += fill(journal, 10)
                await asyncio.sleep(0.002)
            if fault == "kill":
                await asyncio.to_thread(own_postgres.kill)
                records += fill(journal, 50)
                assert journal.has_room
                own_postgres.start()  # on the main thread: the loop stalls meanwhile, as a busy one would
            else:
                frozen = [own_postgres.pid, *children(own_postgres.pid)]
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)
                records += fill(journal, 50)
                while not journal.is_degraded:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                durable = journal.durable_seq
                await asyncio.sleep(0.6)
                assert journal.durable_seq == durable
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
            await journal.durable(len(records))
            assert not journal.is_degraded
        await journal.close()
        assert acked == sorted(set(acked)) and acked[-1] == len(records)
        assert await stored(own_postgres.dsn("postgres")) == expected(records)

    asyncio.run(asyncio.wait_for(test(), 120))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
