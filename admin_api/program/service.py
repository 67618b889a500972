"""Use cases of the program. Its zone is a setting of the installation and never changes."""

from __future__ import annotations

import orjson

from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import PROGRAM_LIMITS
from altyn.admin_api.program import repository
from altyn.admin_api.program.errors import ZoneFixed
from altyn.admin_api.program.schemas import ProgramIn, ProgramLimits


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


async def read_limits(call: Call) -> ProgramLimits:
    found = await repository.find_limits(call.connection, call.tenant)
    return ProgramLimits.model_validate({subject.lower(): limits for subject, limits in found.items()})


async def put_limits(call: Call, *, asked: ProgramLimits) -> None:
    """Change what the program allows where no promotion decides."""
    await call.feed.lock()
    before = (await read_limits(call)).model_dump()
    after = asked.model_dump()
    rows = [(subject.upper(), orjson.dumps(limits).decode()) for subject, limits in after.items()]
    if await call.feed.put(PROGRAM_LIMITS, rows):
        call.record("program.put_limits", "program", call.tenant, before=before, after=after)
