"""``altyn audit``: the hash chain of the back office's audit log, read-only."""

from __future__ import annotations

import asyncio

import orjson
import typer

from altyn.admin_api.edge.audit import Verification, verify_chain
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.infra.database import connect
from altyn.infra.embedded import embedded_services

app = typer.Typer(add_completion=False, help="The audit log of the back office.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """The audit log of the back office."""


@app.command()
def verify(var: Var = None, as_json: AsJson = False) -> None:
    """Check every number and hash. Note the head elsewhere: it proves later that no tail was cut."""
    settings = settings_with(var)
    with embedded_services(settings, say, valkey=False) as endpoints:
        found = asyncio.run(verify_audit(endpoints.postgres_dsn, settings.tenant_id))
    for violation in found.violations:
        say(violation)
    if as_json:
        told = {"checks": found.checks, "violations": len(found.violations), "head_hash": found.head_hash}
        print(orjson.dumps(told).decode())
    else:
        print(f"{found.checks} rows, {len(found.violations)} violations, head {found.head_no} {found.head_hash}")
    if found.violations:
        raise typer.Exit(1)


async def verify_audit(dsn: str, tenant: str) -> Verification:
    """Raises OSError, asyncpg.PostgresError."""
    connection = await connect(dsn, name="altyn audit")
    try:
        return await verify_chain(connection, tenant)
    finally:
        await connection.close()
