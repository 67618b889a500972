"""Partitions of ten rows, moved to files and back on a real PostgreSQL while the journal goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from altyn.cli import archiving
from altyn.cli.archiving import archive_folder
from altyn.cli.main import app
from altyn.cli.verify.checker import verify
from altyn.core.engine import Known, Lookup, Record
from altyn.core.ledger.snapshot import SnapshotHead
from altyn.infra.database import connect
from altyn.infra.partitions import read_partitions
from altyn.server import journal as journal_module
from altyn.server.journal_archive import ArchiveDamaged, JournalArchive
from altyn.server.journal_reader import JournalDoubt, JournalReader, JournalUnavailable
from altyn.server.snapshots import Snapshots
from tests.cli.journalled import busy_world, lay, write

ROWS = 10
MIGRATION = Path(__file__).resolve().parents[2] / "migrations" / "0009_originals.sql"


async def shrink_partitions(dsn: str) -> None:
    """The journal of the migrations, but with ten rows a partition."""
    text = MIGRATION.read_text("utf-8")
    function = text[
        text.index("CREATE OR REPLACE FUNCTION journal_make_partition") : text.index("SELECT journal_make_guard(")
    ]
    connection = await connect(dsn, name="test")
    await connection.execute("DROP TABLE journal_000000, journal_000001")
    await connection.execute("DROP FUNCTION journal_000000_guard, journal_000001_guard")
    await connection.execute(function.replace("4194304", "10"))
    await connection.close()


async def make_ahead(dsn: str) -> None:
    """The partition beyond the one in use, which a journal closed this early may not have come to."""
    connection = await connect(dsn, name="test")
    await connection.execute("SELECT journal_make_partition(4)")
    await connection.close()


@pytest.fixture
def installation(database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path, list[Record]]:
    """35 records: three full partitions and one in use; projected, with a snapshot of the end."""
    monkeypatch.setattr(journal_module, "PARTITION_ROWS", ROWS)
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", database_dsn)
    monkeypatch.setenv("ALTYN_VAR", str(tmp_path))
    world, _ = busy_world(5)

    async def make() -> bytes:
        await lay(database_dsn)
        await shrink_partitions(database_dsn)
        await write(database_dsn, world.records)
        await make_ahead(database_dsn)
        reader = JournalReader(database_dsn, 0)
        tail = await reader.tail()
        await reader.close()
        return tail.hash

    last_hash = asyncio.run(make())
    engine = world.engine
    head = SnapshotHead(len(world.records), 1, engine.last_instant_us, 1, last_hash)
    Snapshots(tmp_path / "snapshots").write(engine.book, engine.operations, head)
    return database_dsn, tmp_path, world.records


Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def altyn_journal(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> list[dict[str, Any]]:
        with pytest.raises(SystemExit) as ended:
            app(["journal", *words, "--json"])
        told = capsys.readouterr()
        assert ended.value.code in (0, None), told.err
        partitions: list[dict[str, Any]] = orjson.loads(told.out.splitlines()[-1])["partitions"]
        return partitions

    return run


def states(rows: list[dict[str, Any]]) -> dict[int, str]:
    return {row["number"]: row["state"] for row in rows}


def read_all(dsn: str, archive: JournalArchive | None) -> list[tuple[int, bytes]]:
    async def read() -> list[tuple[int, bytes]]:
        reader = JournalReader(dsn, 0, archive=archive)
        try:
            return [(row.seq, row.body) async for row in reader.read_from(0)]
        finally:
            await reader.close()

    return asyncio.run(read())


def test_old_partitions_leave_for_files_and_nothing_is_missed(
    installation: tuple[str, Path, list[Record]], altyn_journal: Run
) -> None:
    dsn, var, records = installation
    assert states(altyn_journal("archive", "--older-than-days", "0", "--dry-run")) == {
        0: "would be archived",
        1: "would be archived",
    }
    assert states(altyn_journal("archive", "--older-than-days", "0")) == {0: "archived", 1: "archived"}
    listed = states(altyn_journal("list"))
    assert listed.items() >= {0: "archived", 1: "archived", 2: "full", 3: "in use", 4: "ahead"}.items()
    assert states(altyn_journal("check")) == {0: "sound", 1: "sound"}
    archive = JournalArchive(archive_folder(var))
    assert read_all(dsn, archive) == [(record.seq, record.body) for record in records]
    report = verify(dsn, snapshots=var / "snapshots", archive=archive.folder)
    assert (report.violations, report.seq) == (0, len(records))
    with pytest.raises(JournalDoubt, match="seq 1 is missing"):
        read_all(dsn, None)


def test_journal_goes_on_and_finds_what_was_archived(
    installation: tuple[str, Path, list[Record]], altyn_journal: Run
) -> None:
    dsn, var, records = installation
    altyn_journal("archive", "--older-than-days", "0")

    async def look(archive: JournalArchive | None) -> list[bytes | None]:
        journal = await journal_module.Journal.open(dsn, 0, "again", archive=archive)
        try:
            found = []
            for record in (records[0], records[-1]):
                [known] = await journal.find([Lookup(record.op_id, record.natural_key, record.receipt_key, 0)])
                found.append(known.by_op_id)
            assert await journal.find([Lookup(bytes(16), None, None, 0)]) == [Known(None, None)]
            return found
        finally:
            await journal.close()

    assert asyncio.run(look(JournalArchive(archive_folder(var)))) == [records[0].body, records[-1].body]
    # A server that cannot see the file must not take a repeat for something new.
    with pytest.raises(JournalUnavailable, match="seq 1 is archived"):
        asyncio.run(look(None))

    async def look_at_once() -> list[object]:
        """Two ask together; only one's row is in a file that is not here."""
        reader = JournalReader(dsn, 0)
        asked = [[Lookup(record.op_id, None, None, 0)] for record in (records[0], records[-1])]
        try:
            return await asyncio.gather(*map(reader.find, asked), return_exceptions=True)
        finally:
            await reader.close()

    refused, found = asyncio.run(look_at_once())
    assert isinstance(refused, JournalUnavailable) and found == [Known(records[-1].body, None)]


def test_archived_partition_is_attached_again_as_it_was(
    installation: tuple[str, Path, list[Record]], altyn_journal: Run
) -> None:
    dsn, var, records = installation
    altyn_journal("archive", "--older-than-days", "0", "--keep", "0")
    for number in (2, 1, 0):
        altyn_journal("attach", str(number))
    assert read_all(dsn, None) == [(record.seq, record.body) for record in records]
    assert verify(dsn, snapshots=var / "snapshots").violations == 0
    assert states(altyn_journal("archive", "--older-than-days", "0"))[0] == "archived"


def test_partition_that_is_young_or_needed_stays(
    installation: tuple[str, Path, list[Record]], altyn_journal: Run
) -> None:
    dsn, var, _ = installation
    # The world's clock stands in the past; a hundred years is older than any of it.
    assert "not old enough" in states(altyn_journal("archive", "--older-than-days", "36500"))[0]
    (snapshot,) = (var / "snapshots").iterdir()
    aside = snapshot.rename(var / snapshot.name)
    assert "oldest snapshot" in states(altyn_journal("archive", "--older-than-days", "0"))[0]
    aside.rename(snapshot)

    async def execute(query: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(query)
        await connection.close()

    asyncio.run(execute("UPDATE projector_checkpoint SET seq = 5"))
    assert "projector is at seq 5" in states(altyn_journal("archive", "--older-than-days", "0"))[0]
    asyncio.run(execute("UPDATE projector_checkpoint SET seq = 35"))
    asyncio.run(
        execute("ALTER TABLE journal_000000 DISABLE TRIGGER ALL; UPDATE journal SET body = '\\x00' WHERE seq = 4")
    )
    with pytest.raises(SystemExit) as ended:
        app(["journal", "archive", "--older-than-days", "0"])
    assert ended.value.code == 1
    assert 0 in states(altyn_journal("list")) and not list(archive_folder(var).glob("*.json"))


@pytest.mark.parametrize("fault", ["before the detach", "after the detach"])
def test_interrupted_archiving_is_finished_by_the_next_run(
    installation: tuple[str, Path, list[Record]],
    altyn_journal: Run,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    dsn, var, records = installation

    async def die(*_: object) -> None:
        raise ConnectionError("pulled out")

    with monkeypatch.context() as patched:
        patched.setattr(archiving, "detach" if fault == "before the detach" else "drop", die)
        with pytest.raises(SystemExit):
            app(["journal", "archive", "--older-than-days", "0"])
    assert read_all(dsn, JournalArchive(archive_folder(var))) == [(record.seq, record.body) for record in records]
    altyn_journal("archive", "--older-than-days", "0")

    async def left() -> tuple[list[int], int]:
        connection = await asyncpg.connect(dsn)
        found = await read_partitions(connection)
        tables = await connection.fetchval("SELECT count(*) FROM pg_class WHERE relname ~ '^journal_00000[01]$'")
        await connection.close()
        return [part.number for part in found.full], tables

    assert asyncio.run(left()) == ([2], 0)


@pytest.mark.parametrize("kind", ["copy", "places"])
@pytest.mark.parametrize("place", [3, 30, -40])
def test_damaged_file_is_found(
    installation: tuple[str, Path, list[Record]], altyn_journal: Run, kind: str, place: int
) -> None:
    _, var, _ = installation
    altyn_journal("archive", "--older-than-days", "0")
    archive = JournalArchive(archive_folder(var))
    path = archive.folder / f"journal_000000.{kind}"
    data = bytearray(path.read_bytes())
    data[place] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(ArchiveDamaged, match="SHA-256"):
        archive.check(archive.head(0))
    archive.check(archive.head(1))
