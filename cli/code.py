"""``altyn code``: the one-time code a phone was to be sent. For trying registers out, where nothing sends messages.

It stands for the sender: takes the newest notice of the phone's owner out of the outbox, computes its code and marks
the notice as sent. A code nobody asked for is not told.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from altyn.cli.options import Var, settings_with
from altyn.cli.verify.command import reachable_postgres
from altyn.core.engine.identity import one_time_code, phone_hash
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.infra.settings import load_secrets

app = typer.Typer(add_completion=False)

_TAKE = """
UPDATE notices SET state = 'SENT' WHERE (tenant, notice_id) = (
    SELECT tenant, notice_id FROM notices WHERE tenant = $1 AND kind = 'ONE_TIME_CODE' AND customer_id IN (
        SELECT customer_id FROM customers
        WHERE tenant = $1 AND phone_hash = $2 AND valid_to = 'infinity' AND NOT deleted)
    ORDER BY notice_id DESC LIMIT 1)
RETURNING step
"""


@app.command()
def run(phone: Annotated[str, typer.Argument(help="As it was said at the till.")], var: Var = None) -> None:
    """Print the code that a register last asked to be sent to this phone."""
    settings = settings_with(var)
    with reachable_postgres(settings) as dsn:
        print(asyncio.run(take_code(dsn, settings.tenant_id, load_secrets(settings).pepper, phone)))


async def take_code(dsn: str, tenant: str, pepper: bytes, phone: str) -> str:
    """The newest code of the phone. Trouble: no register asked for one, or nobody has this phone."""
    hashed = phone_hash(pepper, phone)
    connection = await connect(dsn, name="altyn code")
    try:
        step = await connection.fetchval(_TAKE, tenant, hashed)
    finally:
        await connection.close()
    if step is None:
        raise Trouble("no register asked for a code of this phone")
    return one_time_code(pepper, hashed, step)
