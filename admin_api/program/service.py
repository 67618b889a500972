"""Use cases of the program. Its zone is a setting of the installation and never changes."""

from __future__ import annotations

from altyn.admin_api.edge.call import Call
from altyn.admin_api.program import repository
from altyn.admin_api.program.errors import ZoneFixed
from altyn.admin_api.program.schemas import ProgramIn


async def put_program(call: Call, *, asked: ProgramIn) -> None:
    """Change title and money. Raises ZoneFixed."""
    row = await repository.find_program(call.connection, call.tenant, to_change=True)
    if asked.zone not in (None, row["zone"]):
        raise ZoneFixed(f"the program's zone is {row['zone']} for ever", path="zone")
    after = asked.model_dump(exclude={"zone"})
    before = {name: row[name] for name in after}
    if before != after:
        await repository.store_program(call.connection, call.tenant, **after)
        call.record("program.put", "program", call.tenant, before=before, after=after)
