"""Jobs: asked for, seen, stopped, gone on with. What a kind of job does is its area's business.

Invariants: what a job is to do was complete when it was asked for; of what it did nothing is undone by stopping it, and
going on begins where it stopped; a DONE job stays so; each change is in the audit log.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.jobs import repository
from altyn.admin_api.jobs.errors import JobEnded, JobForgotten, JobGoesOn, JobsTooMany, JobUnknown
from altyn.admin_api.jobs.schemas import JobKind, JobState

UNFINISHED_MAX = 20
KEPT = timedelta(days=30)


async def make_room(call: Call, kind: JobKind, unfinished_max: int = UNFINISHED_MAX) -> None:
    """Before a job is made. Raises JobsTooMany."""
    if await repository.unfinished_count(call.connection, call.tenant, kind) >= unfinished_max:
        raise JobsTooMany(f"{unfinished_max} jobs are not finished yet; wait for one, or cancel one")
    await repository.forget(call.connection, call.tenant, call.now - KEPT)


async def make(call: Call, *, kind: JobKind, subject: str, given: dict[str, Any]) -> int:
    """Ask for a job; its id. Raises JobsTooMany."""
    await make_room(call, kind)
    job_id = await repository.insert(
        call.connection, call.tenant, kind=kind, subject=subject, given=given, actor=call.actor, now=call.now
    )
    call.record("jobs.make", "job", str(job_id), after={"kind": kind.value, "subject": subject})
    return job_id


async def find(call: Call, job_id: int) -> asyncpg.Record:
    """Raises JobUnknown."""
    found = await repository.find(call.connection, call.tenant, job_id)
    if found is None:
        raise JobUnknown(f"no job {job_id}", path="job_id")
    return found


async def cancel(call: Call, job_id: int) -> asyncpg.Record:
    """It does nothing more. Raises JobUnknown, JobEnded."""
    job = await find(call, job_id)
    if not await repository.cancel(call.connection, call.tenant, job_id, call.now):
        raise JobEnded("the job had ended before", path="job_id")
    return await _recorded(call, "jobs.cancel", job)


async def go_on(call: Call, job_id: int) -> asyncpg.Record:
    """A cancelled or failed job goes on where it stopped. Raises JobUnknown, JobGoesOn, JobForgotten, JobsTooMany."""
    job = await find(call, job_id)
    if job["state"] not in (JobState.CANCELLED, JobState.FAILED):
        raise JobGoesOn("only what was cancelled or has failed can be gone on with", path="job_id")
    await make_room(call, JobKind(job["kind"]))
    if not await repository.go_on(call.connection, call.tenant, job_id, call.now):
        raise JobForgotten("what it was to do is not kept any more", path="job_id")
    return await _recorded(call, "jobs.go_on", job)


async def _recorded(call: Call, action: str, before: asyncpg.Record) -> asyncpg.Record:
    after = await find(call, before["job_id"])
    told = {name: (before[name], after[name]) for name in ("state", "done_count", "attempts_count")}
    call.record(
        action,
        "job",
        str(before["job_id"]),
        before={name: was for name, (was, _) in told.items()},
        after={name: becomes for name, (_, becomes) in told.items()},
    )
    return after
