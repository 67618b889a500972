"""Jobs of every kind in one table: seen, stopped, gone on with; the version before goes on with its own."""

from __future__ import annotations

import asyncio
from importlib import resources

import pytest

from altyn.admin_api.jobs import service
from altyn.admin_api.jobs.runner import run_jobs
from altyn.admin_api.segments.jobs import MemberJobs
from altyn.infra.database import connect
from altyn.infra.migrate import load_migrations, migrate
from tests.admin_api.desk import Desk
from tests.admin_api.test_segment_jobs import listed, made, members

# As the version before writes, takes and cancels an upload.
MADE_BEFORE = """
INSERT INTO segment_jobs (tenant, segment, mode, state, add_ids, remove_ids, total_count, rows_count, wrong_count,
       problems, created_by, created_at, updated_at)
VALUES ('demo', 'vip', 'ADD', 'QUEUED', $1, '{}', $2, $2, 0, '[]', 'old', now(), now()) RETURNING *
"""
TAKEN_BEFORE = """
SELECT * FROM segment_jobs WHERE tenant = 'demo' AND state IN ('QUEUED', 'RUNNING') ORDER BY job_id LIMIT 1
   FOR UPDATE SKIP LOCKED
"""
CANCELLED_BEFORE = """
UPDATE segment_jobs SET state = 'CANCELLED', reason = NULL, updated_at = now(), add_ids = '{}', remove_ids = '{}'
 WHERE tenant = 'demo' AND job_id = $1 AND state IN ('QUEUED', 'RUNNING') RETURNING state
"""


@pytest.fixture(autouse=True)
async def vip(desk: Desk) -> None:
    """A segment, and customers 1 to 1,000."""
    await desk.put("/v1/segments/vip", json={"title": "VIP"})
    await desk.rows(
        "INSERT INTO customers (tenant, customer_id, account_id, version, valid_from)"
        " SELECT 'demo', n, n, 1, now() FROM generate_series(1, 1000) AS n"
    )


@pytest.fixture
def works(desk: Desk) -> MemberJobs:
    return MemberJobs(desk.office, 100)


async def test_cancelled_upload_goes_on_where_it_stopped(desk: Desk, works: MemberJobs) -> None:
    job = await made(desk, listed(1, 250))
    path = f"/v1/jobs/{job['job_id']}"
    await works.turn()
    cancelled = (await desk.post(f"{path}/cancel")).json()
    assert (cancelled["state"], cancelled["done_count"], cancelled["kind"]) == ("CANCELLED", 100, "SEGMENT_MEMBERS")
    assert not await works.turn()
    going = await desk.post(f"{path}/go-on")
    assert (going.status_code, going.json()["state"], going.json()["attempts_count"]) == (200, "QUEUED", 2)
    slices = 0
    while await works.turn():
        slices += 1
    assert (slices, await members(desk)) == (2, 250)
    done = (await desk.get(path)).json()
    assert (done["state"], done["done_count"], done["subject"]) == ("DONE", 250, "vip")
    told = (await desk.get(f"/v1/audit?object_kind=job&object_id={job['job_id']}")).json()["rows"]
    assert [row["action"] for row in told] == ["jobs.go_on", "jobs.cancel"]
    assert told[0]["before"] == {"state": "CANCELLED", "done_count": 100, "attempts_count": 1}


async def test_failed_upload_goes_on_once_its_segment_is_back(desk: Desk, works: MemberJobs) -> None:
    job = await made(desk, listed(1, 150))
    await works.turn()
    await desk.delete("/v1/segments/vip")
    await works.turn()
    failed = (await desk.get(f"/v1/jobs/{job['job_id']}")).json()
    assert (failed["state"], failed["reason"]) == ("FAILED", "SEGMENT_UNKNOWN")
    await desk.put("/v1/segments/vip", json={"title": "VIP"})
    await desk.post(f"/v1/jobs/{job['job_id']}/go-on")
    while await works.turn():
        pass
    done = (await desk.get(f"/v1/jobs/{job['job_id']}")).json()
    assert (done["state"], done["reason"], done["done_count"]) == ("DONE", None, 150)


async def test_jobs_are_listed_newest_first_and_filtered(desk: Desk, works: MemberJobs) -> None:
    first, second = await made(desk, listed(1, 2)), await made(desk, listed(3, 4))
    page = (await desk.get("/v1/jobs?limit=1")).json()
    assert ([job["job_id"] for job in page["jobs"]], page["next_before"]) == ([second["job_id"]], second["job_id"])
    page = (await desk.get(f"/v1/jobs?before={page['next_before']}")).json()
    assert [job["job_id"] for job in page["jobs"]] == [first["job_id"]]
    await desk.post(f"/v1/jobs/{first['job_id']}/cancel")
    for query, expected in (
        ("state=CANCELLED", [first["job_id"]]),
        ("state=QUEUED&kind=SEGMENT_MEMBERS", [second["job_id"]]),
        ("kind=BACKTEST", []),
    ):
        assert [job["job_id"] for job in (await desk.get(f"/v1/jobs?{query}")).json()["jobs"]] == expected


async def test_what_cannot_be_stopped_or_gone_on_with_is_refused_by_name(desk: Desk, works: MemberJobs) -> None:
    job = await made(desk, listed(1, 50))
    path = f"/v1/jobs/{job['job_id']}"
    early = await desk.post(f"{path}/go-on")
    assert (early.status_code, early.json()["reason"]) == (409, "JOB_GOES_ON")
    await works.turn()
    for act, reason in (("cancel", "JOB_ENDED"), ("go-on", "JOB_GOES_ON")):
        refused = await desk.post(f"{path}/{act}")
        assert (refused.status_code, refused.json()["reason"]) == (409, reason)
    unknown = await desk.get("/v1/jobs/999")
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "JOB_UNKNOWN")


async def test_going_on_is_bounded_as_beginning_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = await made(desk, listed(1, 2))
    await desk.post(f"/v1/jobs/{job['job_id']}/cancel")
    monkeypatch.setattr(service.make_room, "__defaults__", (0,))
    refused = await desk.post(f"/v1/jobs/{job['job_id']}/go-on")
    assert (refused.status_code, refused.json()["reason"]) == (409, "JOBS_TOO_MANY")


async def test_upload_of_the_version_before_is_worked_off_and_its_cancelling_is_final(
    desk: Desk, works: MemberJobs
) -> None:
    [first] = await desk.rows(MADE_BEFORE, [1, 2, 3], 3)
    [second] = await desk.rows(MADE_BEFORE, [4, 5], 2)
    [seen] = await desk.rows(TAKEN_BEFORE)
    assert (seen["job_id"], seen["segment"], seen["add_ids"]) == (first["job_id"], "vip", [1, 2, 3])
    assert await desk.rows(CANCELLED_BEFORE, second["job_id"])
    while await works.turn():
        pass
    assert await members(desk) == 3
    assert (await desk.get(f"/v1/segments/vip/members/jobs/{first['job_id']}")).json()["state"] == "DONE"
    refused = await desk.post(f"/v1/jobs/{second['job_id']}/go-on")
    assert (refused.status_code, refused.json()["reason"]) == (409, "JOB_FORGOTTEN")


async def test_unfinished_upload_outlives_the_migration(database_dsn: str) -> None:
    migrations = load_migrations(resources.files("altyn.migrations"))
    connection = await connect(database_dsn, name="test")
    try:
        await migrate(connection, migrations[:18])
        await connection.execute("INSERT INTO tenants VALUES ('demo', 'Demo', 'Europe/Moscow')")
        before = await connection.fetchrow(MADE_BEFORE, [7, 8], 2)
        await migrate(connection, migrations[:19])
        [after] = await connection.fetch("SELECT * FROM jobs")
        assert before is not None
        assert {name: after[name] for name in ("job_id", "state", "add_ids", "total_count", "created_by")} == {
            name: before[name] for name in ("job_id", "state", "add_ids", "total_count", "created_by")
        }
        assert (after["kind"], after["subject"], after["attempts_count"]) == ("SEGMENT_MEMBERS", "vip", 1)
        again = await connection.fetchrow(MADE_BEFORE, [9], 1)
        assert again is not None and again["job_id"] == before["job_id"] + 1
    finally:
        await connection.close()


async def test_runner_waits_out_a_database_that_is_away_and_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Flaky(MemberJobs):
        turns = 0

        def __init__(self) -> None:
            pass

        async def turn(self) -> bool:
            self.turns += 1
            if self.turns == 1:
                raise ConnectionRefusedError("away")
            told.append(dict(troubles))
            if self.turns == 2:
                raise KeyError("a fault of ours")
            if self.turns == 5:
                raise asyncio.CancelledError
            return False

    for name in ("LOOK_EVERY_S", "BACK_OFF_S"):
        monkeypatch.setattr(f"altyn.admin_api.jobs.runner.{name}", 0)
    troubles: dict[str, str] = {}
    told: list[dict[str, str]] = []
    with pytest.raises(asyncio.CancelledError):
        await run_jobs(Flaky(), troubles)
    assert [one.get("SEGMENT_MEMBERS") for one in told] == [
        "ConnectionRefusedError: away",
        "KeyError: 'a fault of ours'",
        None,
        None,
    ]
