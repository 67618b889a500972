"""``altyn journal``: the journal's partitions: list them, move old ones to files, prove the files, load one back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
import typer

from altyn.cli.archiving import (
    DAY_US,
    SHARD,
    archive_folder,
    archive_partition,
    attach_partition,
    drop,
    why_not,
)
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.verify.command import reachable_postgres
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.infra.partitions import read_partitions, table_of
from altyn.server.journal_archive import JournalArchive
from altyn.server.snapshots import Snapshots

KEEP_FULL = 1
OLDER_THAN_DAYS = 90
LOCK_TIMEOUT_MS = 30_000

app = typer.Typer(add_completion=False, no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--archive", metavar="DIR", help="Where archived files are [VAR/archive].")
]
Work = Callable[["asyncpg.Connection[Any]"], Coroutine[Any, Any, list[dict[str, Any]]]]


@app.command("list")
def list_partitions(var: Var = None, archive: Folder = None, as_json: AsJson = False) -> None:
    """Every partition: in the database, made ahead, or in a file."""
    settings = settings_with(var)
    files = JournalArchive(archive or archive_folder(settings.var))
    here = {head.number: head for head in files.heads()}

    async def look(connection: asyncpg.Connection[Any]) -> list[dict[str, Any]]:
        found = await read_partitions(connection)
        rows = [
            {
                "number": part.number,
                "first_seq": part.seq_from,
                "last_seq": part.seq_to - 1,
                "bytes": part.bytes_count,
                "state": "full" if part in found.full else "ahead" if part.seq_from > found.last_seq + 1 else "in use",
            }
            for part in found.attached
        ]
        for row in await connection.fetch("SELECT * FROM journal_archive ORDER BY number"):
            state = "archived" if row["number"] in here else "archived, file not here"
            rows.append({key: row[key] for key in ("number", "first_seq", "last_seq", "bytes")} | {"state": state})
        return sorted(rows, key=lambda row: row["number"])

    _tell(_on_database(settings_with(var).var, look), as_json)


@app.command("archive")
def archive_old(
    var: Var = None,
    archive: Folder = None,
    older_than_days: Annotated[int, typer.Option(min=0, help="Age of a partition's last record.")] = OLDER_THAN_DAYS,
    keep: Annotated[int, typer.Option(min=0, help="Full partitions that stay in the database.")] = KEEP_FULL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move old full partitions to files, proven, while everything runs."""
    settings = settings_with(var)
    files = JournalArchive(archive or archive_folder(settings.var))
    snapshots = Snapshots(settings.var / "snapshots")
    before_us = time.time_ns() // 1000 - older_than_days * DAY_US

    async def work(connection: asyncpg.Connection[Any]) -> list[dict[str, Any]]:
        await _finish(connection)
        told = []
        found = await read_partitions(connection)
        for part in found.full[: max(0, len(found.full) - keep)]:
            reason = await why_not(connection, found, part, snapshots, before_us)
            if reason:
                told.append({"number": part.number, "state": f"stays: {reason}"})
                break
            if dry_run:
                told.append({"number": part.number, "state": "would be archived"})
                continue
            say(f"archiving {part.table}")
            head = await archive_partition(connection, files, part)
            told.append({"number": part.number, "state": "archived", "sha256": head.sha256})
        return told

    _tell(_on_database(settings.var, work), as_json)


@app.command("check")
def check_files(var: Var = None, archive: Folder = None, as_json: AsJson = False) -> None:
    """Prove every archived file: checksums, chain, and that files follow one another."""
    files = JournalArchive(archive or archive_folder(settings_with(var).var))
    told, last = [], None
    for head in files.heads():
        files.check(head)
        if last is not None and (last.last_seq + 1, last.hash_last) != (head.first_seq, head.hash_before):
            raise Trouble(f"{head.name} does not follow from {last.name}")
        last = head
        told.append(asdict(head) | {"state": "sound"})
    _tell(told, as_json)


@app.command("attach")
def attach(number: int, var: Var = None, archive: Folder = None, as_json: AsJson = False) -> None:
    """Load an archived partition back into the database."""
    files = JournalArchive(archive or archive_folder(settings_with(var).var))

    async def work(connection: asyncpg.Connection[Any]) -> list[dict[str, Any]]:
        head = await attach_partition(connection, files, number)
        return [{"number": number, "state": "in the journal again", "last_seq": head.last_seq}]

    _tell(_on_database(settings_with(var).var, work), as_json)


@app.command("read")
def read_row(seq: int, var: Var = None, archive: Folder = None) -> None:
    """Print one archived record as JSON, its body decoded."""
    from google.protobuf.json_format import MessageToDict

    from altyn.journal.v1 import record_pb2

    files = JournalArchive(archive or archive_folder(settings_with(var).var))
    row = files.find(SHARD, seq)
    if row is None:
        raise Trouble(f"no file in {files.folder} holds seq {seq}")
    shown = {"seq": row.seq, "epoch": row.epoch, "kind": row.kind, "op_id": str(UUID(bytes=row.op_id))}
    body = MessageToDict(record_pb2.Record.FromString(row.body), preserving_proto_field_name=True)
    print(orjson.dumps(shown | {"hash": row.hash.hex(), "record": body}).decode())


async def _finish(connection: asyncpg.Connection[Any]) -> None:
    """What an interrupted run left: entered in the archive, and not yet out of the database."""
    found = await read_partitions(connection)
    leaving = [part for part in found.attached if part.is_leaving]
    for part in leaving:
        say(f"finishing {part.table}")
        await connection.execute(f"ALTER TABLE journal DETACH PARTITION {part.table} FINALIZE", timeout=None)
    attached = {part.number for part in found.attached} - {part.number for part in leaving}
    for number in [row["number"] for row in await connection.fetch("SELECT number FROM journal_archive")]:
        if number not in attached and await connection.fetchval("SELECT to_regclass($1)", table_of(number)):
            await drop(connection, number)


def _on_database(var: Path, work: Work) -> list[dict[str, Any]]:
    async def run(dsn: str) -> list[dict[str, Any]]:
        connection = await connect(dsn, name="altyn journal", command_timeout_s=None, lock_timeout_ms=LOCK_TIMEOUT_MS)
        try:
            if await connection.fetchval("SELECT to_regclass('journal_archive') IS NULL"):
                raise Trouble("this database has no journal_archive; run altyn migrate")
            return await work(connection)
        finally:
            connection.terminate()

    with reachable_postgres(settings_with(var)) as dsn:
        return asyncio.run(run(dsn))


def _tell(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(orjson.dumps({"partitions": rows}).decode())
        return
    for row in rows:
        seqs = f"{row['first_seq']}-{row['last_seq']}" if "first_seq" in row else ""
        size = f"{row['bytes'] >> 20} MiB" if "bytes" in row else ""
        print(f"{table_of(row['number'])}  {seqs:<24} {size:>12}  {row['state']}")
    if not rows:
        print("nothing to tell")
