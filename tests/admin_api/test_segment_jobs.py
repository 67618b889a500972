"""Long uploads of members: told how far they are, gone on with after a break, stopped when asked."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from altyn.admin_api.segments import jobs, repository
from altyn.admin_api.segments.jobs import UNFINISHED_MAX, MemberJobs
from tests.admin_api.desk import Desk

CSV = {"content-type": "text/csv"}
JOBS = "/v1/segments/vip/members/jobs"
SLICE = 100


@pytest.fixture(autouse=True)
async def vip(desk: Desk) -> None:
    """A segment, and customers 1 to 1,000."""
    await desk.put("/v1/segments/vip", json={"title": "VIP"})
    await desk.rows(
        "INSERT INTO customers (tenant, customer_id, account_id, version, valid_from)"
        " SELECT 'demo', n, n, 1, now() FROM generate_series(1, 1000) AS n"
    )


@pytest.fixture
def runner(desk: Desk) -> MemberJobs:
    return MemberJobs(desk.office, SLICE)


def listed(first: int, last: int) -> str:
    return "customer_id\n" + "\n".join(map(str, range(first, last + 1)))


async def made(desk: Desk, content: str, query: str = "") -> dict[str, Any]:
    answer = await desk.post(JOBS + query, content=content.encode(), headers=CSV)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{JOBS}/{found['job_id']}"
    return found


async def now(desk: Desk, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"{JOBS}/{job['job_id']}")).json()
    return found


async def members(desk: Desk) -> int:
    count: int = (await desk.get("/v1/segments/vip")).json()["members_count"]
    return count


async def test_job_tells_how_far_it_is_and_ends_with_every_member(desk: Desk, runner: MemberJobs) -> None:
    job = await made(desk, listed(1, 250) + "\n7777\n")
    assert (job["state"], job["done_count"], job["total_count"], job["wrong_count"]) == ("QUEUED", 0, 250, 1)
    assert [(one["line"], one["code"]) for one in job["problems"]] == [(252, "CUSTOMER_UNKNOWN")]
    assert await members(desk) == 0
    seen = []
    while await runner.turn():
        found = await now(desk, job)
        seen.append((found["state"], found["done_count"], await members(desk)))
    assert seen == [("RUNNING", 100, 100), ("RUNNING", 200, 200), ("DONE", 250, 250)]
    done = await now(desk, job)
    assert (done["changed_count"], done["reason"]) == (250, None)
    [clock] = await desk.rows("SELECT version FROM feed_clock")
    assert done["feed_version"] == clock["version"]
    [kept] = await desk.rows("SELECT cardinality(add_ids) + cardinality(remove_ids) AS count FROM jobs")
    assert kept["count"] == 0


async def test_replacing_job_adds_before_it_removes(desk: Desk, runner: MemberJobs) -> None:
    await desk.post("/v1/segments/vip/members", json={"add": list(range(1, 151))})
    job = await made(desk, listed(101, 300), "?mode=REPLACE")
    assert job["total_count"] == 200 + 100
    counts = []
    while await runner.turn():
        counts.append(await members(desk))
    assert counts == [200, 300, 200]
    found = (await desk.get("/v1/segments/vip/members?limit=1000")).json()["customer_ids"]
    assert found == list(range(101, 301))
    assert (await now(desk, job))["changed_count"] == 150 + 100


async def test_back_office_that_ends_in_the_middle_of_a_slice_goes_on_where_it_was(
    desk: Desk, runner: MemberJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await made(desk, listed(1, 250))
    assert await runner.turn()

    async def die(*_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "move_job", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await runner.turn()
    assert ((await now(desk, job))["done_count"], await members(desk)) == (100, 100)
    another = MemberJobs(desk.office, SLICE)
    while await another.turn():
        pass
    assert ((await now(desk, job))["state"], await members(desk)) == ("DONE", 250)


async def test_cancelled_job_writes_nothing_more_and_keeps_what_it_wrote(desk: Desk, runner: MemberJobs) -> None:
    job = await made(desk, listed(1, 250))
    await runner.turn()
    cancelled = await desk.post(f"{JOBS}/{job['job_id']}/cancel")
    assert (cancelled.json()["state"], cancelled.json()["done_count"]) == ("CANCELLED", 100)
    assert not await runner.turn()
    assert await members(desk) == 100
    again = await desk.post(f"{JOBS}/{job['job_id']}/cancel")
    assert (again.status_code, again.json()["reason"]) == (409, "SEGMENT_JOB_ENDED")
    [newest] = (await desk.get("/v1/audit?object_kind=segment&object_id=vip&limit=1")).json()["rows"]
    assert (newest["action"], newest["after"]["done_count"]) == ("segments.cancel_job", 100)


async def test_two_back_offices_never_write_one_slice_twice(desk: Desk) -> None:
    for first in (1, 251, 501):
        await made(desk, listed(first, first + 249))

    async def work() -> int:
        count = 0
        runner = MemberJobs(desk.office, SLICE)
        while await runner.turn():
            count += 1
        return count

    counts = await asyncio.gather(work(), work())
    assert sum(counts) == 9
    assert await members(desk) == 750
    assert {job["state"] for job in (await desk.get(JOBS)).json()["jobs"]} == {"DONE"}


async def test_job_of_a_segment_that_has_gone_fails_with_a_reason(desk: Desk, runner: MemberJobs) -> None:
    job = await made(desk, listed(1, 250))
    await runner.turn()
    assert (await desk.delete("/v1/segments/vip")).status_code == 204
    await runner.turn()
    failed = await now(desk, job)
    assert (failed["state"], failed["reason"], failed["done_count"]) == ("FAILED", "SEGMENT_UNKNOWN", 100)


async def test_customer_deleted_meanwhile_is_left_out(desk: Desk, runner: MemberJobs) -> None:
    job = await made(desk, listed(1, 150))
    await desk.rows("UPDATE customers SET deleted = true WHERE customer_id = 150")
    while await runner.turn():
        pass
    done = await now(desk, job)
    assert (done["done_count"], done["changed_count"], await members(desk)) == (150, 149, 149)


async def test_jobs_are_bounded_listed_and_refused_when_wrong(
    desk: Desk, runner: MemberJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "UNFINISHED_MAX", 2)
    assert UNFINISHED_MAX == 20
    first, second = await made(desk, listed(1, 2)), await made(desk, listed(3, 4))
    refused = await desk.post(JOBS, content=listed(5, 6).encode(), headers=CSV)
    assert (refused.status_code, refused.json()["reason"]) == (409, "SEGMENT_JOBS_TOO_MANY")
    page = (await desk.get(f"{JOBS}?limit=1")).json()
    assert ([job["job_id"] for job in page["jobs"]], page["next_before"]) == ([second["job_id"]], second["job_id"])
    page = (await desk.get(f"{JOBS}?before={page['next_before']}")).json()
    assert [job["job_id"] for job in page["jobs"]] == [first["job_id"]]
    while await runner.turn():
        pass
    nothing = await made(desk, "customer_id\n9999\n")
    assert (nothing["state"], nothing["total_count"]) == ("DONE", 0)
    whole = await desk.post(f"{JOBS}?all_or_nothing=true", content=b"customer_id\n9999\n", headers=CSV)
    assert whole.status_code == 422
    unknown: httpx.Response = await desk.get(f"{JOBS}/999")
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "SEGMENT_JOB_UNKNOWN")
