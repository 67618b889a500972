"""``altyn people``: the first administrator, roles with a place, the day nobody can come in."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from altyn.cli.people import app
from altyn.infra.database import connect
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.migrate import load_migrations, migrate


@pytest.fixture
def dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    async def make() -> None:
        await create_database(postgres_dsn, "cli_people")
        connection = await connect(embedded_postgres.dsn("cli_people"), name="test")
        await migrate(connection, load_migrations(resources.files("altyn.migrations")))
        await connection.close()

    asyncio.run(make())
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", embedded_postgres.dsn("cli_people"))
    monkeypatch.setenv("ALTYN_REDIS_URL", "redis://127.0.0.1:1")  # never asked
    return embedded_postgres.dsn("cli_people")


def rows(dsn: str, query: str) -> list[Any]:
    async def read() -> list[Any]:
        connection = await connect(dsn, name="test")
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_people_are_added_listed_and_reset_from_the_command_line(dsn: str, tmp_path: Path) -> None:
    def run(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--var", str(tmp_path)])

    made = run("add", "anna", "--role", "ADMINISTRATOR", "--name", "Anna")
    assert made.exit_code == 0, made.output
    assert len(made.stdout.strip()) == 20
    assert run("add", "oleg", "--role", "STORE_DIRECTOR", "--store", "s1").exit_code == 0
    listed = run("list").stdout.splitlines()
    assert [line.split() for line in listed] == [
        ["anna", "ACTIVE", "ADMINISTRATOR"],
        ["oleg", "ACTIVE", "STORE_DIRECTOR", "s1"],
    ]
    again = run("reset", "anna")
    assert again.exit_code == 0 and again.stdout.strip() != made.stdout.strip()
    told = rows(dsn, "SELECT actor, action, object_id FROM audit_log WHERE object_kind = 'person' ORDER BY audit_no")
    assert told == [
        ("cli", "people.add", "anna"),
        ("cli", "people.add", "oleg"),
        ("cli", "people.reset_second_factor", "anna"),
        ("cli", "people.reset_password", "anna"),
    ]
    exists, conflict = run("add", "anna", "--role", "AUDITOR"), run("add", "eva", "--role", "AUDITOR", "--role", "KING")
    assert "PERSON_EXISTS" in str(exists.exception)
    assert conflict.exit_code == 2
    for wrong in (("Anna",), ("eva", "--store", "s1", "--region", "msk")):
        assert run("add", *wrong, "--role", "AUDITOR").exit_code == 2
    assert "ROLES_CONFLICT" in str(run("add", "eva", "--role", "AUDITOR", "--role", "ADMINISTRATOR").exception)
    assert rows(dsn, "SELECT count(*) FROM people") == [(2,)]
