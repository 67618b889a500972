"""``altyn people``: who may sign in to the back office, for the first administrator and for the day nobody can.

It works on the database itself, so whoever may run it is trusted with everything; what it does is audited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from altyn.admin_api.bootstrap import prepare
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.people import repository, service
from altyn.admin_api.people.roles import ReachKind, Role
from altyn.admin_api.people.schemas import PersonIn
from altyn.cli.options import Var, say, settings_with
from altyn.infra.database import connect
from altyn.infra.embedded import embedded_services
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings

ACTOR = "cli"
LISTED_MAX = 10_000

Made = TypeVar("Made")
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="For ever: the audit log names it.")]

app = typer.Typer(add_completion=False, help="Who may sign in to the back office.", no_args_is_help=True)


@app.command()
def add(
    login: Login,
    role: Annotated[list[Role], typer.Option(help="May be given more than once.")],
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    email: Annotated[str, typer.Option(help="By which an identity provider finds them.")] = "",
    region: Annotated[str, typer.Option(help="The roles hold in this region only.")] = "",
    store: Annotated[str, typer.Option(help="The roles hold in this store only.")] = "",
    var: Var = None,
) -> None:
    """Let somebody in, and print the password to give them; they change it at the first sign-in."""
    if region and store:
        raise typer.BadParameter("give --region or --store, not both")
    reach = ReachKind.REGION if region else ReachKind.STORE if store else ReachKind.NETWORK
    grants = [Grant(one.value, reach.value, region or store) for one in role]
    try:
        person = PersonIn(person_id=login, name=name, email=email, grants=[])
    except ValidationError as error:
        raise typer.BadParameter("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())) from None
    password = _run(
        settings_with(var),
        lambda call: service.add_person(
            call, person_id=person.person_id, name=person.name, grants=grants, email=person.email
        ),
    )
    print(password)


@app.command()
def reset(login: Login, var: Var = None) -> None:
    """Print a new password for somebody, forget their second factor, end their sessions."""

    async def both(call: Call) -> str:
        await service.reset_second_factor(call, person_id=login)
        return await service.reset_password(call, person_id=login)

    print(_run(settings_with(var), both))


@app.command(name="list")
def list_people(var: Var = None) -> None:
    """Everybody who has a login, with their roles."""

    async def read(call: Call) -> list[str]:
        rows = await repository.list_people(call.connection, call.tenant, "", LISTED_MAX)
        grants = await repository.grants_of(call.connection, call.tenant, [row["person_id"] for row in rows])
        return [
            f"{row['person_id']:<20} {row['state']:<8} "
            + ", ".join(f"{one.role} {one.place}".strip() for one in grants[row["person_id"]])
            for row in rows
        ]

    for line in _run(settings_with(var), read):
        print(line)


def _run(settings: Settings, work: Callable[[Call], Awaitable[Made]]) -> Made:
    with embedded_services(settings, say, valkey=False) as endpoints:
        return asyncio.run(in_call(settings, endpoints.postgres_dsn, work))


async def in_call(settings: Settings, dsn: str, work: Callable[[Call], Awaitable[Made]]) -> Made:
    """One audited transaction. Raises Trouble for a refusal, OSError, asyncpg.PostgresError."""
    connection = await connect(dsn, name="altyn people")
    try:
        now = datetime.now(UTC)
        await prepare(connection, settings, now)
        async with connection.transaction():
            call = Call(connection, settings.tenant_id, ACTOR, frozenset(SCOPES), ACTOR, now)
            made = await work(call)
            await call.finish()
        return made
    except Refusal as refusal:
        raise Trouble(f"{refusal.reason}: {refusal.message}") from None
    finally:
        await connection.close()
