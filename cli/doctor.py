"""``altyn doctor``: is this installation fit to take money? One line a finding, within ten seconds, changing nothing.

A finding is ok, warn, fail or skip; exit status 0 only when none is fail. A check that itself breaks is a finding.
An embedded cluster that is stopped is started for the look and stopped again; one that was never made is not made.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import stat
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Literal

import asyncpg
import orjson
import typer
from redis.exceptions import RedisError

from altyn.cli.archiving import archive_folder
from altyn.cli.options import AsJson, Var, settings_with
from altyn.infra.database import connect, read_durability
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.providers import find_postgres, find_valkey
from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.errors import Trouble
from altyn.infra.migrate import load_migrations, pending_migrations
from altyn.infra.partitions import AHEAD_WANTED, Partitions, read_partitions
from altyn.infra.redis_stream import open_client
from altyn.infra.settings import PREFIX, Settings
from altyn.server.journal_archive import JournalArchive
from altyn.server.snapshots import Snapshots

START_PATIENCE_S = 2.0
LOOK_PATIENCE_S = 1.5
DISK_WARN_PERCENT = 10
DISK_FAIL_PERCENT = 5
CLOCK_SKEW_MAX_S = 1.0
SNAPSHOT_BEHIND_MAX = 500_000
CLOCK_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
OTHER_VARIABLES = {"ALTYN_PG_BIN", "ALTYN_VALKEY_BIN", "ALTYN_DEBUG", "ALTYN_BUILD_JOBS", "ALTYN_PORTABLE_ONLY"}
# What it was made for (pyproject.toml): at least, and below.
PACKAGES: dict[str, tuple[str, str]] = {
    "grpcio": ("1.80", "2"),
    "protobuf": ("6.31", "8"),
    "asyncpg": ("0.31", "0.33"),
    "redis": ("6", "9"),
    "uvloop": ("0.21", "1"),
    "orjson": ("3.10", "4"),
    "pydantic": ("2.10", "3"),
}
PYTHON_MIN = (3, 11)
MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL", "skip": "skip"}

SERVERS = """
SELECT server_id, rules_version, refused_version FROM server_status
 WHERE tenant = $1 AND seen_at > now() - interval '30 seconds' ORDER BY server_id
"""

# The one in force: its document is hashed anew, since a table can be damaged below its checks.
RELEASE = """
SELECT version, sha256(document) = sha256 AS is_whole FROM rules_release
 WHERE tenant = $1 AND effective_at <= now() ORDER BY version DESC LIMIT 1
"""

State = Literal["ok", "warn", "fail", "skip"]

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw."""

    name: str
    state: State
    detail: str


@app.command()
def run(var: Var = None, as_json: AsJson = False) -> None:
    """Check settings, versions, PostgreSQL durability, disk, clock and the rules version."""
    start = time.monotonic()
    findings = examine(settings_with(var))
    failed = sum(finding.state == "fail" for finding in findings)
    if as_json:
        answer = {
            "ok": failed == 0,
            "seconds": round(time.monotonic() - start, 3),
            "checks": [asdict(finding) for finding in findings],
        }
        print(orjson.dumps(answer).decode())
    else:
        for finding in findings:
            print(f"{MARKS[finding.state]}  {finding.name:<12} {finding.detail}")
        print(f"{failed} failed" if failed else "fit")
    if failed:
        raise typer.Exit(1)


def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order of reading."""
    findings = [*look_at_settings(settings), *look_at_versions(), look_at_disk(settings), look_at_clock(settings)]
    with reachable_postgres(settings, findings) as dsn:
        if dsn:
            findings += asyncio.run(_bounded("postgres", look_at_postgres(dsn, settings)))
    with reachable_redis(settings, findings) as url:
        if url:
            findings += asyncio.run(_bounded("redis", look_at_redis(url)))
    return findings


def look_at_settings(settings: Settings) -> Iterator[Finding]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    shown = ", ".join(f"{name}={value}" for name, value in settings.describe().items())
    yield Finding("settings", "warn" if unknown else "ok", f"unknown: {', '.join(unknown)}" if unknown else shown)
    folder = settings.var / "secrets"
    loose = [file.name for file in folder.glob("*") if stat.S_IMODE(file.stat().st_mode) & 0o077]
    if loose:
        yield Finding("secrets", "fail", f"others may read {', '.join(sorted(loose))} in {folder}")
    elif folder.exists():
        yield Finding("secrets", "ok", f"private, in {folder}")
    else:
        yield Finding("secrets", "skip", "none made yet")


def look_at_versions() -> Iterator[Finding]:
    found: dict[str, str] = {}
    wrong = [] if sys.version_info >= PYTHON_MIN else [f"Python {platform.python_version()}"]
    for package, (least, below) in PACKAGES.items():
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            wrong.append(f"{package} is not installed")
            continue
        if not _numbers(least) <= _numbers(found[package]) < _numbers(below):
            wrong.append(f"{package} {found[package]} is not of {least} to {below}")
    with suppress(PackageNotFoundError):  # a tree that was never installed has no version of its own
        found = {"altyn": version("altyn"), **found}
    shown = ", ".join(f"{package} {number}" for package, number in found.items())
    detail = "; ".join(wrong) or f"Python {platform.python_version()} {platform.machine()}, {shown}"
    yield Finding("versions", "fail" if wrong else "ok", detail)
    from google.protobuf.internal import api_implementation

    backend = api_implementation.Type()
    state: State = "fail" if backend == "python" else "ok"
    yield Finding("protobuf", state, f"the {backend} implementation")


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers a version begins with."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])


def look_at_disk(settings: Settings) -> Finding:
    place = settings.var
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    if not os.access(place, os.W_OK):
        return Finding("disk", "fail", f"{place} cannot be written to")
    return judge_disk(usage.free, usage.total, str(place))


def judge_disk(free: int, total: int, place: str) -> Finding:
    """Of bytes: whether there is room left."""
    percent = free * 100 // total
    state: State = "fail" if percent < DISK_FAIL_PERCENT else "warn" if percent < DISK_WARN_PERCENT else "ok"
    return Finding("disk", state, f"{free >> 20} MiB free of {total >> 20} ({percent} %) at {place}")


def look_at_clock(settings: Settings, now: datetime | None = None) -> Finding:
    now = now or datetime.now(UTC)
    if now < CLOCK_BEFORE:
        return Finding("clock", "fail", f"{now.isoformat()} is in the past")
    return Finding("clock", "ok", f"{now.isoformat(timespec='seconds')}, calendar of {settings.tenant_zone}")


@contextmanager
def reachable_postgres(settings: Settings, findings: list[Finding]) -> Iterator[str]:
    """The address of the given or embedded PostgreSQL; empty when there is none to look at, and why is a finding."""
    if settings.postgres_dsn:
        yield settings.postgres_dsn
        return
    server = EmbeddedPostgres(settings.var, start_patience_s=START_PATIENCE_S)
    try:
        if not server.data.exists():
            programs = find_postgres()
            number = ".".join(map(str, programs.version))
            findings.append(Finding("postgres", "skip", f"no cluster yet; would be {programs.origin} {number}"))
            yield ""
            return
        server.start()
    except (Trouble, OSError) as error:
        findings.append(Finding("postgres", "fail", str(error)))
        yield ""
        return
    try:
        yield server.dsn()
    finally:
        server.stop()


@contextmanager
def reachable_redis(settings: Settings, findings: list[Finding]) -> Iterator[str]:
    """The address of the given or embedded Valkey; empty when there is none to look at, and why is a finding."""
    if settings.redis_url:
        yield settings.redis_url
        return
    server = EmbeddedValkey(settings.var, start_patience_s=START_PATIENCE_S)
    try:
        if not server.root.exists():
            program = find_valkey()
            number = ".".join(map(str, program.version))
            findings.append(Finding("redis", "skip", f"no store yet; would be {program.origin} {number}"))
            yield ""
            return
        server.start()
    except (Trouble, OSError) as error:
        findings.append(Finding("redis", "fail", str(error)))
        yield ""
        return
    try:
        yield server.url
    finally:
        server.stop()


async def look_at_postgres(dsn: str, settings: Settings) -> list[Finding]:
    connection = await connect(dsn, name="altyn doctor", command_timeout_s=LOOK_PATIENCE_S)
    try:
        number = await connection.fetchval("SELECT current_setting('server_version')")
        findings = [Finding("postgres", "ok", f"PostgreSQL {number}")]
        found = await read_durability(connection)
        shown = ", ".join(f"{name}={value}" for name, value in found.settings.items())
        state: State = "fail" if found.failures else "warn" if found.warnings else "ok"
        if found.failures and settings.unsafe_durability:
            state = "warn"
        findings.append(Finding("durability", state, "; ".join(found.failures + found.warnings) or shown))
        findings.append(judge_skew(await connection.fetchval("SELECT clock_timestamp()"), datetime.now(UTC)))
        findings += await _look_at_schema(connection, settings)
        return findings
    finally:
        await connection.close(timeout=LOOK_PATIENCE_S)


async def look_at_redis(url: str) -> list[Finding]:
    async with open_client(url) as client:
        server: dict[str, Any] = await client.info("server")
        engine = "Valkey" if "valkey_version" in server else "Redis"
        number = server.get("valkey_version") or server.get("redis_version")
        return [Finding("redis", "ok", f"{engine} {number}")]


async def _look_at_schema(connection: asyncpg.Connection[Any], settings: Settings) -> list[Finding]:
    findings = [await _look_at_migrations(connection)]
    if await connection.fetchval("SELECT to_regclass('shard_owner') IS NOT NULL"):
        findings.append(look_at_partitions(await read_partitions(connection)))
        findings.append(await _look_at_journal_clock(connection))
        findings += await _look_at_archive(connection, settings)
        findings.append(await _look_at_snapshots(connection, settings))
    if await connection.fetchval("SELECT to_regclass('rules_release') IS NULL"):
        findings.append(Finding("rules", "skip", "no table of releases yet"))
        return findings
    release = await connection.fetchrow(RELEASE, settings.tenant_id)
    findings.append(_judge_release(release, settings.tenant_id))
    findings += await _look_at_servers(connection, settings, release["version"] if release else 0)
    return findings


def _judge_release(release: asyncpg.Record | None, tenant: str) -> Finding:
    if release is None:
        return Finding("rules", "warn", f"nothing published for {tenant}")
    if not release["is_whole"]:
        return Finding("rules", "fail", f"version {release['version']} is not what was published: its hash differs")
    return Finding("rules", "ok", f"version {release['version']} is in force")


def look_at_partitions(found: Partitions) -> Finding:
    """Whether the journal can go on, and for how long without anybody making room."""
    detail = (
        f"{found.ahead_count} ahead of seq {found.last_seq}, {len(found.full)} full, {found.archived_count} in files"
    )
    leaving = [part.table for part in found.attached if part.is_leaving]
    if leaving:
        return Finding("partitions", "warn", f"{', '.join(leaving)} half detached: run altyn journal archive; {detail}")
    if not found.has_room:
        return Finding("partitions", "fail", f"no partition for seq {found.last_seq + 1}; {detail}")
    state: State = "warn" if found.ahead_count < AHEAD_WANTED and found.last_seq else "ok"
    return Finding("partitions", state, detail)


async def _look_at_journal_clock(connection: asyncpg.Connection[Any]) -> Finding:
    """Instants of the journal never go back: a server whose clock is behind them gives later effects its last one."""
    newest_us = await connection.fetchval("SELECT instant_us FROM journal ORDER BY seq DESC LIMIT 1")
    ahead_s = (newest_us or 0) / 1e6 - time.time()
    if ahead_s > CLOCK_SKEW_MAX_S:
        return Finding("journal", "fail", f"its last record is {ahead_s:.0f} s in the future: this clock is behind")
    return Finding("journal", "ok", f"its last record is {-ahead_s:.0f} s old" if newest_us else "empty")


async def _look_at_archive(connection: asyncpg.Connection[Any], settings: Settings) -> list[Finding]:
    if await connection.fetchval("SELECT to_regclass('journal_archive') IS NULL"):
        return []
    entered = {
        row["number"]: row["sha256"].hex()
        for row in await connection.fetch("SELECT number, sha256 FROM journal_archive")
    }
    if not entered:
        return []
    archive = JournalArchive(archive_folder(settings.var))
    here = {head.number: head for head in archive.heads()}
    bad = [
        str(number)
        for number, sha256 in sorted(entered.items())
        if number not in here
        or here[number].sha256 != sha256
        or not all(path.exists() for path in archive.files_of(here[number]))
    ]
    if bad:
        return [Finding("archive", "fail", f"partitions {', '.join(bad)} are not in {archive.folder}")]
    return [Finding("archive", "ok", f"{len(entered)} partitions in {archive.folder}")]


async def _look_at_snapshots(connection: asyncpg.Connection[Any], settings: Settings) -> Finding:
    newest = Snapshots(settings.var / "snapshots").newest()
    last_seq = await connection.fetchval("SELECT coalesce(max(last_seq), 0) FROM shard_owner")
    seq = newest.seq if newest else 0
    if seq > last_seq:
        return Finding("snapshots", "fail", f"the newest is of seq {seq}, the journal ends at {last_seq}: not its own")
    behind = last_seq - seq
    state: State = "warn" if behind > SNAPSHOT_BEHIND_MAX else "ok"
    return Finding("snapshots", state, f"the newest is of seq {seq}; a start would replay {behind} records")


async def _look_at_servers(connection: asyncpg.Connection[Any], settings: Settings, in_force: int) -> list[Finding]:
    rows = await connection.fetch(SERVERS, settings.tenant_id)
    if not rows:
        return [Finding("servers", "skip", "none reports")]
    refused = [row for row in rows if row["refused_version"] > row["rules_version"]]
    shown = ", ".join(f"{row['server_id']} runs {row['rules_version']}" for row in rows)
    if refused:
        return [Finding("servers", "fail", f"{shown}; refused {refused[0]['refused_version']}")]
    if any(row["rules_version"] < in_force for row in rows):
        return [Finding("servers", "warn", f"{shown}; version {in_force} is in force")]
    return [Finding("servers", "ok", shown)]


async def _look_at_migrations(connection: asyncpg.Connection[Any]) -> Finding:
    try:
        migrations = load_migrations(files("altyn.migrations"))
        pending = await pending_migrations(connection, migrations)
    except Trouble as error:
        return Finding("migrations", "fail", str(error))
    if pending:
        names = ", ".join(migration.name for migration in pending)
        return Finding("migrations", "warn", f"to apply: {names}; run altyn migrate")
    return Finding("migrations", "ok", f"{len(migrations)} applied")


def judge_skew(there: datetime, here: datetime) -> Finding:
    """PostgreSQL's clock against this machine's."""
    skew_s = (there - here).total_seconds()
    state: State = "warn" if abs(skew_s) > CLOCK_SKEW_MAX_S else "ok"
    return Finding("clock of PG", state, f"{skew_s:+.3f} s from this machine's")


async def _bounded(name: str, look: Coroutine[Any, Any, list[Finding]]) -> list[Finding]:
    """The findings of one look at something remote; a failure or a silence is a finding too."""
    try:
        return await asyncio.wait_for(look, LOOK_PATIENCE_S)
    except TimeoutError:
        return [Finding(name, "fail", f"no answer within {LOOK_PATIENCE_S} s")]
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, RedisError, Trouble) as error:
        return [Finding(name, "fail", str(error) or type(error).__name__)]
