"""Backups that must not be believed, and places that must not be written to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import orjson
import pytest

from altyn.cli import backup as backups
from altyn.cli.main import app
from altyn.cli.restore import restore
from altyn.infra.embedded.dumps import tool_environment
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings, load_secrets
from tests.cli.journalled import busy_world, lay, write


@pytest.fixture
def source(database_dsn: str, tmp_path: Path) -> Settings:
    """A small installation with 14 records."""
    settings = Settings(var=tmp_path / "var", postgres_dsn=database_dsn)
    load_secrets(settings)

    async def make() -> None:
        await lay(database_dsn)
        await write(database_dsn, busy_world(2)[0].records)

    asyncio.run(make())
    return settings


@pytest.fixture
def backup(source: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    asyncio.run(backups.take_backup(source.postgres_dsn, source, folder))
    return folder


@pytest.fixture
def place(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, tmp_path: Path) -> Settings:
    """Where nothing is yet."""
    name = f"restored_{abs(hash(str(tmp_path)))}"
    asyncio.run(create_database(postgres_dsn, name))
    return Settings(var=tmp_path / "new", postgres_dsn=embedded_postgres.dsn(name))


def test_restored_installation_has_the_same_journal_and_secrets_and_verifies(
    source: Settings, backup: Path, place: Settings, tmp_path: Path
) -> None:
    backups.save_secrets(source, tmp_path / "keys")
    report = restore(backup, place, tmp_path / "keys")
    assert (report.violations, report.seq) == (0, 14)
    assert load_secrets(place) == load_secrets(source)
    assert not any("pepper" in path.name for path in backups.files_of(backup))
    assert load_secrets(source).pepper.hex().encode() not in b"".join(
        path.read_bytes() for path in backups.files_of(backup)
    )
    with pytest.raises(Trouble, match="tables already"):
        restore(backup, place)


def flip(backup: Path) -> None:
    path = next(path for path in backups.files_of(backup) if path.suffix == ".gz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_manifest(backup: Path) -> None:
    (backup / "manifest.json").write_bytes(b"{")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flip, "checksum differs"),
        (lambda backup: (backup / "database" / "toc.dat").unlink(), "toc.dat is missing"),
        (lambda backup: (backup / "database" / "more").touch(), "does not belong"),
        (lambda backup: (backup / "manifest.json").unlink(), "no finished backup"),
        (cut_manifest, "no finished backup"),
    ],
)
def test_damaged_backup_is_refused_before_anything_is_loaded(
    source: Settings, backup: Path, place: Settings, damage: Callable[[Path], None], told: str
) -> None:
    damage(backup)
    with pytest.raises(Trouble, match=told):
        restore(backup, place, source.var / "secrets")
    assert asyncio.run(tables(place.postgres_dsn)) == 0


async def tables(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    count: int = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return count


def test_wrong_or_missing_pepper_and_foreign_snapshots_are_refused(
    backup: Path, place: Settings, tmp_path: Path
) -> None:
    with pytest.raises(Trouble, match="pepper is missing"):
        restore(backup, place)
    other = Settings(var=tmp_path / "other")
    load_secrets(other)
    with pytest.raises(Trouble, match="pepper is not the one"):
        restore(backup, place, other.var / "secrets")
    (place.var / "snapshots").mkdir(parents=True)
    (place.var / "snapshots" / f"{1:019d}.snapshot").touch()
    with pytest.raises(Trouble, match="another journal"):
        restore(backup, place)


def test_command_refuses_to_put_secrets_into_the_backup_and_tells_where_it_went(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", source.postgres_dsn)
    words = ["backup", str(tmp_path / "out"), "--var", str(source.var), "--json"]
    with pytest.raises(SystemExit) as ended:
        app([*words, "--secrets-to", str(tmp_path / "out" / "keys")])
    assert ended.value.code == 1 and not (tmp_path / "out").exists()
    with pytest.raises(SystemExit):
        app([*words, "--secrets-to", str(tmp_path / "keys")])
    told = orjson.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["journal"]["last_seq"] == 14 and (Path(told["folder"]) / "manifest.json").exists()
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {
        "pepper": 0o600,
        "token_key": 0o600,
        "ops_key": 0o600,
    }


def test_tools_get_the_password_by_environment_and_every_part_of_the_address() -> None:
    environment = tool_environment("postgresql://al%40n:p%2Fw@db.example:5433/shop?sslmode=verify-full")
    assert {name: environment[name] for name in environment if name.startswith("PG")} == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "al@n",
        "PGPASSWORD": "p/w",
        "PGDATABASE": "shop",
        "PGSSLMODE": "verify-full",
        "PGAPPNAME": "altyn",
    }
