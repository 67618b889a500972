"""``altyn audit``: the hash chain of the back office's audit log, read-only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated

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
def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER:HASH", help="A head that was noted before; may be given more than once."),
    ] = None,
    var: Var = None,
    as_json: AsJson = False,
) -> None:
    """Check every number and hash. Note the head elsewhere: given back here, it proves that no tail was cut."""
    noted = [_head(one) for one in head or ()]
    settings = settings_with(var)
    with embedded_services(settings, say, valkey=False) as endpoints:
        found = asyncio.run(verify_audit(endpoints.postgres_dsn, settings.tenant_id, noted))
    for violation in found.violations:
        say(violation)
    if as_json:
        told = {
            "checks": found.checks,
            "violations": len(found.violations),
            "head_no": found.head_no,
            "head_hash": found.head_hash,
        }
        print(orjson.dumps(told).decode())
    else:
        print(f"{found.checks} rows, {len(found.violations)} violations, head {found.head_no}:{found.head_hash}")
    if found.violations:
        raise typer.Exit(1)


def _head(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdecimal() and re.fullmatch("[0-9a-f]{64}", digest)):
        raise typer.BadParameter(f"{text!r} is no NUMBER:HASH as this command prints them")
    return int(number), digest


async def verify_audit(dsn: str, tenant: str, noted: Sequence[tuple[int, str]] = ()) -> Verification:
    """Raises OSError, asyncpg.PostgresError."""
    connection = await connect(dsn, name="altyn audit")
    try:
        return await verify_chain(connection, tenant, noted)
    finally:
        await connection.close()
