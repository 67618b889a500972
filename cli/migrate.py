"""``altyn migrate``: bring the database's schema to this version's, showing each file as it is applied."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import orjson
import typer

from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.infra.database import connect, require_durability
from altyn.infra.embedded import embedded_services
from altyn.infra.migrate import Migration, load_migrations, migrate
from altyn.infra.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def run(var: Var = None, as_json: AsJson = False) -> None:
    """Apply the numbered SQL migrations that the database does not have yet."""
    settings = settings_with(var)
    with embedded_services(settings, say, valkey=False) as endpoints:
        applied = asyncio.run(apply_migrations(endpoints.postgres_dsn, settings))
    if not applied:
        say("the schema is up to date")
    if as_json:
        print(orjson.dumps({"applied": [migration.name for migration in applied]}).decode())


async def apply_migrations(dsn: str, settings: Settings) -> list[Migration]:
    """Apply what is pending to a durable server; returns it. Raises NotDurable, MigrationError, OSError."""
    connection = await connect(dsn, name="altyn migrate")
    try:
        for warning in await require_durability(connection, unsafe=settings.unsafe_durability):
            say(f"warning: {warning}")
        migrations = load_migrations(files("altyn.migrations"))
        return await migrate(connection, migrations, on_apply=lambda migration: say(f"applying {migration.name}"))
    finally:
        await connection.close()
