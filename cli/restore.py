"""``altyn restore``: a backup back into an empty place, proven before anyone may sell on it.

Order: the files against the manifest, the database by `pg_restore`, archived partitions, secrets against their
fingerprints, the journal's end against the manifest, then `altyn verify`. Invariants: it writes only where nothing is
(no cluster, or a database without tables; no snapshots); when any step fails it says so and exits with 1: the place is
then not to be used.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import orjson
import typer

from altyn.cli.archiving import archive_folder
from altyn.cli.backup import (
    ARCHIVE,
    DATABASE,
    FORMAT,
    JOBS,
    MANIFEST,
    SECRETS,
    describe,
    files_of,
    fingerprint,
    read_point,
)
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.verify.checker import verify
from altyn.cli.verify.report import Report
from altyn.infra.database import connect
from altyn.infra.embedded import embedded_services
from altyn.infra.embedded.dumps import run_tool, tool_environment
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings, load_secrets
from altyn.server.journal_archive import JournalArchive

app = typer.Typer(add_completion=False)


@app.command()
def run(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", exists=True, file_okay=False, help="A backup's folder.")],
    var: Var = None,
    secrets: Annotated[
        Path | None,
        typer.Option(metavar="DIR", exists=True, file_okay=False, help="Saved secrets, to be put under VAR/secrets."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load a backup into an empty VAR (or the empty database of ALTYN_POSTGRES_DSN) and verify it."""
    settings = settings_with(var)
    report = restore(backup, settings, secrets)
    manifest = read_manifest(backup)
    if as_json:
        told = {"taken_at": manifest["taken_at"], "last_seq": report.seq, "verify": report.as_json()}
        print(orjson.dumps(told).decode())
    else:
        print(f"restored up to seq {report.seq}, as of {manifest['taken_at']}; {report.checks} checks")
        print("every invariant holds" if not report.violations else f"{report.violations} violations: see altyn verify")
    if report.violations:
        raise typer.Exit(1)


def restore(backup: Path, settings: Settings, secrets: Path | None = None) -> Report:
    """Restore and verify; call it outside an event loop. Trouble names what is wrong."""
    manifest = read_manifest(backup)
    say(f"checking {len(manifest['files'])} files")
    check_files(backup, manifest)
    check_place(settings)
    check_secrets(manifest, settings, secrets)
    if secrets is not None:
        put_secrets(settings, secrets)
    if manifest["secrets"]:
        load_secrets(settings)
    with empty_database(settings) as dsn:
        say("loading the database")
        load(dsn, backup / DATABASE)
        put_archive(backup / ARCHIVE, archive_folder(settings.var), manifest["archived"])
        asyncio.run(compare(dsn, manifest))
        say("verifying")
        return verify(dsn, snapshots=settings.var / "snapshots", archive=archive_folder(settings.var))


def read_manifest(backup: Path) -> dict[str, Any]:
    """Trouble when the folder is no finished backup."""
    path = backup / MANIFEST
    try:
        manifest: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Trouble(f"{path}: no finished backup: {error}") from error
    if manifest.get("format") != FORMAT:
        raise Trouble(f"{path}: format {manifest.get('format')} is not known here")
    return manifest


def check_files(backup: Path, manifest: dict[str, Any]) -> None:
    """Every file as it was written, and none besides."""
    found = {str(path.relative_to(backup)): path for path in files_of(backup)}
    found.pop(MANIFEST, None)
    for name, expected in manifest["files"].items():
        path = found.pop(name, None)
        if path is None:
            raise Trouble(f"{name} is missing from the backup")
        if describe(path) != expected:
            raise Trouble(f"{name} is not as it was written: its checksum differs")
    if found:
        raise Trouble(f"{next(iter(sorted(found)))} does not belong to the backup")


def check_place(settings: Settings) -> None:
    """Nothing may be there that would be mixed up with what comes."""
    snapshots = settings.var / "snapshots"
    if any(snapshots.glob("*.snapshot")):
        raise Trouble(f"{snapshots} holds snapshots of another journal: choose an empty --var")
    if JournalArchive(archive_folder(settings.var)).heads():
        raise Trouble(f"{archive_folder(settings.var)} holds archived partitions: choose an empty --var")
    if not settings.postgres_dsn and (settings.var / "postgres" / "data").exists():
        raise Trouble(f"{settings.var} has a cluster already: choose an empty --var")


def check_secrets(manifest: dict[str, Any], settings: Settings, secrets: Path | None) -> None:
    """The keys given must be those the data was made with; a lost pepper makes every card unknown."""
    for name in SECRETS:
        expected = manifest["secrets"].get(name)
        places = [secrets / name] if secrets is not None else [settings.var / "secrets" / name]
        key = next((path.read_text("ascii").strip() for path in places if path.exists()), "") or getattr(settings, name)
        if expected is None or (not key and name != "pepper"):
            continue  # the others can be made anew: tokens already given and the office's key end
        if not key:
            raise Trouble("the pepper is missing, and no card can be found without it: give --secrets or ALTYN_PEPPER")
        if fingerprint(name, bytes.fromhex(key)) != expected:
            raise Trouble(f"{name} is not the one this data was made with")


def put_secrets(settings: Settings, secrets: Path) -> None:
    """Copy saved keys under VAR/secrets."""
    folder = settings.var / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SECRETS:
        if (secrets / name).exists() and not (folder / name).exists():
            shutil.copyfile(secrets / name, folder / name)
            (folder / name).chmod(0o600)


@contextmanager
def empty_database(settings: Settings) -> Iterator[str]:
    """The given database, or that of a new embedded cluster. Trouble when it has tables."""
    with embedded_services(settings, say, valkey=False) as endpoints:
        count = asyncio.run(count_tables(endpoints.postgres_dsn))
        if count:
            raise Trouble(f"the database has {count} tables already: restore into an empty one")
        yield endpoints.postgres_dsn


async def count_tables(dsn: str) -> int:
    connection = await connect(dsn, name="altyn restore")
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        return count
    finally:
        connection.terminate()


def load(dsn: str, folder: Path) -> None:
    """`pg_restore`, ending at its first error; then fresh statistics."""
    run_tool(
        *("pg_restore", dsn, "--exit-on-error", "--no-owner", "--no-privileges", f"--jobs={JOBS}"),
        *(f"--dbname={tool_environment(dsn)['PGDATABASE']}", str(folder)),
    )
    asyncio.run(_analyze(dsn))


async def _analyze(dsn: str) -> None:
    connection = await connect(dsn, name="altyn restore", command_timeout_s=None)
    try:
        await connection.execute("ANALYZE")
    finally:
        connection.terminate()


def put_archive(source: Path, target: Path, numbers: list[int]) -> None:
    """Archived partitions to where they are read, proven."""
    if numbers:
        shutil.copytree(source, target, dirs_exist_ok=True)
    archive = JournalArchive(target)
    for number in numbers:
        archive.check(archive.head(number))


async def compare(dsn: str, manifest: dict[str, Any]) -> None:
    """The restored database must say of itself what the saved one said."""
    connection: asyncpg.Connection[Any] = await connect(dsn, name="altyn restore")
    try:
        point = await read_point(connection)
    finally:
        connection.terminate()
    for name in ("schema", "journal", "operations", "archived"):
        if point[name] != manifest[name]:
            raise Trouble(f"{name} is {point[name]} after the restore, {manifest[name]} was saved")
