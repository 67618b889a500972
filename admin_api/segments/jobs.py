"""Long uploads of members as jobs: taken whole, written slice by slice, stopped and gone on with.

A slice and the job's progress are one transaction, so a back office that ends in between goes on where it was, and two
of them never do one slice. What was written stays written when a job is cancelled; the rest is kept with it. Wrong rows
are known before the job begins. Never here: what a row of the file means, and what every job has (``admin_api/jobs``).
"""

from __future__ import annotations

import asyncpg

from altyn.admin_api.edge.bulk import Bulk
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.jobs import errors as job_errors
from altyn.admin_api.jobs import repository as jobs
from altyn.admin_api.jobs.schemas import JobKind
from altyn.admin_api.jobs.service import UNFINISHED_MAX, make_room
from altyn.admin_api.segments import repository, service
from altyn.admin_api.segments.errors import JobEnded, JobsTooMany, JobUnknown
from altyn.admin_api.segments.schemas import MemberIn, Mode

SLICE_ROWS = 5_000


async def make_job(
    call: Call, pepper: bytes, *, segment: str, found: Bulk[MemberIn], mode: Mode, all_or_nothing: bool
) -> asyncpg.Record:
    """Take a list in; nothing of it is written yet. Raises SegmentUnknown, FileRefused, JobsTooMany."""
    add, remove = await service.members_to_change(
        call, pepper, segment=segment, found=found, mode=mode, all_or_nothing=all_or_nothing
    )
    try:
        await make_room(call, JobKind.SEGMENT_MEMBERS, UNFINISHED_MAX)
    except job_errors.JobsTooMany as error:
        raise JobsTooMany(str(error), path="segment") from None
    made = await repository.insert_job(
        call.connection,
        call.tenant,
        segment=segment,
        mode=mode.value,
        add_ids=sorted(add),
        remove_ids=sorted(remove),
        counts=(found.rows_count, found.wrong_count),
        problems=[one.model_dump() for one in found.told_problems()],
        actor=call.actor,
        now=call.now,
    )
    told = {"mode": mode.value, "total_count": made["total_count"], **found.counts()}
    call.record("segments.make_job", "segment", segment, after={"job_id": made["job_id"], **told})
    return made


async def find_job(call: Call, *, segment: str, job_id: int) -> asyncpg.Record:
    """Raises JobUnknown."""
    found = await repository.find_job(call.connection, call.tenant, segment, job_id)
    if found is None:
        raise JobUnknown(f"segment {segment} has no job {job_id}", path="job_id")
    return found


async def cancel_job(call: Call, *, segment: str, job_id: int) -> None:
    """No further slice is written; those that were stay. Raises JobUnknown, JobEnded."""
    await find_job(call, segment=segment, job_id=job_id)
    if not await jobs.cancel(call.connection, call.tenant, job_id, call.now):
        raise JobEnded("the job had ended before", path="job_id")
    done = await find_job(call, segment=segment, job_id=job_id)
    call.record("segments.cancel_job", "segment", segment, after={"job_id": job_id, "done_count": done["done_count"]})


class MemberJobs:
    """Works off the uploads of one tenant, the oldest first."""

    kind = JobKind.SEGMENT_MEMBERS

    def __init__(self, office: Office, slice_rows: int = SLICE_ROWS) -> None:
        self._office = office
        self._slice_rows = slice_rows

    async def turn(self) -> bool:
        """Write one slice of one job; False when there is nothing to do."""
        office = self._office
        async with office.connected() as connection, connection.transaction():
            job = await repository.take_job(connection, office.tenant)
            if job is None:
                return False
            request_id = f"segment-job-{job['job_id']}"
            call = Call(connection, office.tenant, job["created_by"], frozenset(), request_id, office.clock())
            await self._write_slice(call, job)
            await call.finish()
        if call.feed.version:
            await office.wake(call.feed.version)
        return True

    async def _write_slice(self, call: Call, job: asyncpg.Record) -> None:
        await call.feed.lock()  # the segment cannot go while the slice is written
        known = await repository.known_segments(call.connection, call.tenant, [job["segment"]])
        if not known:
            await repository.fail_job(call.connection, call.tenant, job["job_id"], "SEGMENT_UNKNOWN", call.now)
            return
        begin, end = job["done_count"], min(job["done_count"] + self._slice_rows, job["total_count"])
        add_count = len(job["add_ids"])
        remove = job["remove_ids"][max(0, begin - add_count) : max(0, end - add_count)]
        # A customer may have been deleted since the list was taken.
        add = await repository.known_customers(call.connection, call.tenant, job["add_ids"][begin:end])
        changed = await service.change(call, job["segment"], add, remove)
        await repository.move_job(
            call.connection, call.tenant, job["job_id"], end, changed, call.feed.version, call.now
        )
