"""``altyn backup``: everything that cannot be made again, in one folder, taken while tills sell.

A backup holds the database (a `pg_dump` of one snapshot, so journal, operations and facts agree), the archived
partitions, and a manifest: the journal's end in that very snapshot, and the SHA-256 of every file. Secrets are never in
it: the pepper beside the hashes would undo them; `--secrets-to` copies them elsewhere. Snapshots and Valkey are not
saved: they are made again. Invariants: a folder without a manifest is no backup (it is written last, on the disk
before the command ends); nothing in the database is changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import orjson
import typer

from altyn.cli.archiving import SHARD, archive_folder
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.verify.command import reachable_postgres
from altyn.infra.database import connect
from altyn.infra.embedded.dumps import run_tool
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from altyn.server.journal_archive import JournalArchive

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
ARCHIVE = "archive"
SECRETS = ("pepper", "token_key", "ops_key")
JOBS = 2

app = typer.Typer(add_completion=False)


@app.command()
def run(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Folder in which the backup's own folder is made.")],
    var: Var = None,
    secrets_to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also copy the secrets, to another place than DIR.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save database and archived partitions, live, with checksums."""
    settings = settings_with(var)
    if secrets_to is not None and _is_inside(secrets_to, target):
        raise Trouble("secrets belong to another place than the backup: name another --secrets-to")
    folder = target.absolute() / f"altyn-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with reachable_postgres(settings) as dsn:
        manifest = asyncio.run(take_backup(dsn, settings, folder))
    if secrets_to is not None:
        save_secrets(settings, secrets_to.absolute())
    if as_json:
        print(orjson.dumps({"folder": str(folder)} | {k: v for k, v in manifest.items() if k != "files"}).decode())
    else:
        print(f"{folder}: journal up to seq {manifest['journal']['last_seq']}, {len(manifest['files'])} files")
        print("secrets are not in it; keep var/secrets elsewhere" if secrets_to is None else f"secrets: {secrets_to}")


async def take_backup(dsn: str, settings: Settings, folder: Path) -> dict[str, Any]:
    """Make one backup in `folder`, which must not be there yet; its manifest."""
    await asyncio.to_thread(folder.mkdir, 0o700, True)
    connection = await connect(dsn, name="altyn backup", command_timeout_s=None, idle_in_transaction_ms=0)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            point = await read_point(connection)
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            await asyncio.to_thread(dump, dsn, folder / DATABASE, snapshot)
    finally:
        connection.terminate()
    archived = save_archive(JournalArchive(archive_folder(settings.var)), folder / ARCHIVE, point["archived"])
    manifest = {
        "format": FORMAT,
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tenant": settings.tenant_id,
        **point,
        "archived": archived,
        "secrets": fingerprints(settings),
        "files": {str(path.relative_to(folder)): describe(path) for path in sorted(files_of(folder))},
    }
    sync_tree(folder)
    draft = folder / f"{MANIFEST}.draft"
    with draft.open("wb") as file:
        file.write(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / MANIFEST)
    sync_folder(folder)
    return manifest


async def read_point(connection: asyncpg.Connection[Any]) -> dict[str, Any]:
    """Where everything is in this snapshot: what a restored database must say too."""
    if await connection.fetchval("SELECT to_regclass('shard_owner') IS NULL"):
        raise Trouble("there is no journal in this database; run altyn migrate")
    tail = await connection.fetchrow("SELECT seq, hash FROM journal WHERE shard = $1 ORDER BY seq DESC LIMIT 1", SHARD)
    owner = await connection.fetchrow("SELECT epoch, last_seq FROM shard_owner WHERE shard = $1", SHARD)
    seq, last_hash = (tail["seq"], tail["hash"].hex()) if tail else (0, "")
    if owner is not None and owner["last_seq"] != seq:
        raise Trouble(f"the journal ends at seq {seq}, but {owner['last_seq']} was written: run altyn verify")
    archived = []
    if await connection.fetchval("SELECT to_regclass('journal_archive') IS NOT NULL"):
        archived = [row["number"] for row in await connection.fetch("SELECT number FROM journal_archive ORDER BY 1")]
    return {
        "postgres": await connection.fetchval("SELECT current_setting('server_version')"),
        "schema": await connection.fetchval("SELECT coalesce(max(number), 0) FROM schema_migration"),
        "journal": {"last_seq": seq, "hash": last_hash, "epoch": owner["epoch"] if owner else 0},
        "operations": await connection.fetchval("SELECT count(*) FROM operations"),
        "archived": archived,
    }


def dump(dsn: str, target: Path, snapshot: str) -> None:
    """`pg_dump` of one exported snapshot. Trouble with what it said."""
    run_tool(
        *("pg_dump", dsn, "--format=directory", f"--jobs={JOBS}", f"--snapshot={snapshot}"),
        *("--no-owner", "--no-privileges", "--compress=gzip:1", f"--file={target}"),
    )


def save_archive(archive: JournalArchive, target: Path, numbers: list[int]) -> list[int]:
    """Copy the archived partitions the snapshot knows of. Trouble when one is not here."""
    here = {head.number: head for head in archive.heads()}
    missing = [str(number) for number in numbers if number not in here]
    if missing:
        raise Trouble(f"archived partitions {', '.join(missing)} are not in {archive.folder}: they must be saved too")
    for number in numbers:
        target.mkdir(exist_ok=True)
        for path in archive.files_of(here[number]):
            shutil.copyfile(path, target / path.name)
    return numbers


def fingerprints(settings: Settings) -> dict[str, str]:
    """By which a restore knows that the keys it is given are the ones; nothing can be learnt from them."""
    found = {}
    for name in SECRETS:
        path = settings.var / "secrets" / name
        key = getattr(settings, name) or (path.read_text("ascii").strip() if path.exists() else "")
        if key:
            found[name] = fingerprint(name, bytes.fromhex(key))
    return found


def fingerprint(name: str, key: bytes) -> str:
    """Eight bytes of a digest over 16 random bytes or more."""
    return hashlib.sha256(b"altyn fingerprint " + name.encode() + b"\0" + key).hexdigest()[:16]


def save_secrets(settings: Settings, target: Path) -> None:
    """The keys of this installation, each in a file only its owner may read."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SECRETS:
        path = settings.var / "secrets" / name
        key = getattr(settings, name) or (path.read_text("ascii").strip() if path.exists() else "")
        if not key:
            continue
        handle = os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
    say(f"secrets copied to {target}")


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def sync_tree(folder: Path) -> None:
    """Every file and folder on the disk."""
    for path in folder.rglob("*"):
        sync_folder(path)


def sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_inside(path: Path, folder: Path) -> bool:
    return path.absolute().is_relative_to(folder.absolute())
