"""Backtests as jobs over a real journal: found amounts, periods, stopping, going on, processes that die."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from altyn.admin_api.backtests import jobs, worker
from altyn.admin_api.backtests.jobs import BacktestJobs
from altyn.admin_api.backtests.report import LISTS, ROWS_KEPT_MAX, shortened
from altyn.infra.settings import Settings
from tests.admin_api.console.test_receipt import sold
from tests.admin_api.desk import STORE, Desk
from tests.cli.backtest.test_backtest import LARGER_CHANGE_MINOR, PAST, change

BAKERY: dict[str, Any] = {
    "promotion": "bakery",
    "stage": "item",
    "when": {"store": {"region": "msk"}},
    "reward": [{"percent": {"rate": "10", "of": {"category": "bread"}}}],
    "limits": [{"budget": "50.00"}],
}
# The journal stands at 38.00 of the budget after the first day, so 12.00 of 50.00 are left to later ones: 5.00 to a
# stranger, 5.00 to a friend, whose 1 % is 0.05 less for it, 2.00 to a stranger.
LATER_CHANGE_MINOR = 1_200 - 5
IDLE = "tests.admin_api.idle_worker"


@pytest.fixture
async def shop(desk: Desk, schema_dsn: str) -> Desk:
    """Three days of the small shop in the journal, and a draft that gives its bakery a larger budget."""
    await sold(desk, schema_dsn, PAST.records)
    await desk.put("/v1/stores/s1", json=STORE)
    assert (await desk.post("/v1/promotions", json=BAKERY)).status_code == 201
    return desk


@pytest.fixture
def works(shop: Desk, settings: Settings) -> BacktestJobs:
    return BacktestJobs(shop.office, settings, processes=1)


async def begun(desk: Desk, **asked: Any) -> int:
    answer = await desk.post("/v1/promotions/bakery/backtests", json=asked or {"days": 30})
    assert answer.status_code == 202, answer.text
    job_id: int = answer.json()["job"]["job_id"]
    return job_id


async def found(desk: Desk, job_id: int) -> dict[str, Any]:
    told: dict[str, Any] = (await desk.get(f"/v1/backtests/{job_id}")).json()
    return told


async def until(condition: Callable[[dict[str, Any]], bool], desk: Desk, job_id: int) -> dict[str, Any]:
    """The job once it is so."""
    for _ in range(600):
        if condition(job := (await found(desk, job_id))["job"]):
            return job
        await asyncio.sleep(0.05)
    raise TimeoutError


async def test_draft_costs_what_was_worked_out_by_hand(shop: Desk, works: BacktestJobs) -> None:
    job_id = await begun(shop)
    told = await found(shop, job_id)
    assert (told["job"]["state"], told["report"], told["asked"]["document"]) == ("QUEUED", None, BAKERY)
    await shop.put("/v1/promotions/bakery", json=BAKERY | {"limits": []}, headers={"if-match": "*"})
    assert await works.turn() and not await works.turn()
    told = await found(shop, job_id)
    job, report = told["job"], told["report"]
    assert (job["state"], job["step"], job["done_count"], job["total_count"]) == ("DONE", "REPLAYING", 27, 27)
    assert (report["complete"], report["on_release"], report["left_out"]) == (True, 1, {})
    assert change(report["total"]) == LARGER_CHANGE_MINOR
    assert report["promotions"][0]["promotion"] == "bakery"


@pytest.mark.parametrize(
    ("asked", "receipts", "cost"),
    [
        ({"days": 1}, 9, LATER_CHANGE_MINOR),
        ({"first_day": "2026-11-18", "last_day": "2026-11-18"}, 9, LARGER_CHANGE_MINOR),
        ({"first_day": "2026-11-19", "last_day": "2026-12-31"}, 18, LATER_CHANGE_MINOR),
        ({"first_day": "2026-01-01", "last_day": "2026-11-17"}, 0, 0),
        ({"days": 30, "stores": ["s1"]}, 27, LARGER_CHANGE_MINOR),
        ({"days": 30, "stores": ["other"]}, 0, 0),
    ],
)
async def test_period_and_stores_are_those_that_were_asked_for(
    shop: Desk, works: BacktestJobs, asked: dict[str, Any], receipts: int, cost: int
) -> None:
    await shop.put("/v1/stores/other", json=STORE)
    job_id = await begun(shop, **asked)
    await works.turn()
    report = (await found(shop, job_id))["report"]
    assert (report["receipts"], change(report["total"])) == (receipts, cost)


async def test_cancelled_backtest_loses_its_process_and_goes_on_later(
    shop: Desk, works: BacktestJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await begun(shop)
    with monkeypatch.context() as changed:
        changed.setattr(jobs, "WORKER", IDLE)
        turning = asyncio.create_task(works.turn())
        job = await until(lambda job: job["step"] != "", shop, job_id)
        assert (job["state"], job["done_count"], job["total_count"]) == ("RUNNING", 3, 10)
        process = psutil.Process(int(job["step"]))
        await shop.post(f"/v1/jobs/{job_id}/cancel")
        async with asyncio.timeout(10):
            assert await turning
    assert not process.is_running()
    assert (await found(shop, job_id))["job"]["state"] == "CANCELLED"
    assert not await works.turn()
    await shop.post(f"/v1/jobs/{job_id}/go-on")
    await works.turn()
    told = await found(shop, job_id)
    assert (told["job"]["state"], told["job"]["attempts_count"]) == ("DONE", 2)
    assert change(told["report"]["total"]) == LARGER_CHANGE_MINOR


async def test_process_that_dies_fails_the_job_and_the_next_attempt_may_succeed(
    shop: Desk, works: BacktestJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await begun(shop)
    with monkeypatch.context() as changed:
        changed.setattr(jobs, "WORKER", IDLE)
        changed.setenv("ALTYN_TEST_WORKER", "dies")
        await works.turn()
    job = (await found(shop, job_id))["job"]
    assert (job["state"], job["reason"], job["told"]) == ("FAILED", "PROCESS_DIED", "the process ended with status 0")
    await shop.post(f"/v1/jobs/{job_id}/go-on")
    await works.turn()
    assert (await found(shop, job_id))["job"]["state"] == "DONE"


async def test_back_office_that_ends_lets_go_at_once_and_takes_its_process_with_it(
    shop: Desk, works: BacktestJobs, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await begun(shop)
    with monkeypatch.context() as changed:
        changed.setattr(jobs, "WORKER", IDLE)
        turning = asyncio.create_task(works.turn())
        process = psutil.Process(int((await until(lambda job: job["step"] != "", shop, job_id))["step"]))
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
    assert not process.is_running()
    assert (await found(shop, job_id))["job"]["state"] == "QUEUED"
    assert await BacktestJobs(shop.office, settings, processes=1).turn()
    assert (await found(shop, job_id))["job"]["state"] == "DONE"


async def test_job_of_a_back_office_that_went_silent_is_another_s(shop: Desk, works: BacktestJobs) -> None:
    job_id = await begun(shop)
    await shop.rows("UPDATE jobs SET state = 'RUNNING', holder = 'gone', held_until = now() + interval '20 s'")
    assert not await works.turn()
    now = datetime.now(UTC)
    shop.office.clock = lambda: now + timedelta(seconds=30)
    assert await works.turn()
    assert (await found(shop, job_id))["job"]["state"] == "DONE"


async def test_one_backtest_is_never_worked_at_twice(shop: Desk, works: BacktestJobs, settings: Settings) -> None:
    await begun(shop)
    turns = await asyncio.gather(works.turn(), BacktestJobs(shop.office, settings, processes=1).turn())
    assert sorted(turns) == [False, True]


async def test_draft_that_does_not_go_with_the_release_fails_with_its_path(shop: Desk, works: BacktestJobs) -> None:
    job_id = await begun(shop)
    broken = BAKERY | {"reward": [{"percent": {"rate": "1000"}}]}
    await shop.rows("UPDATE jobs SET given = (given::jsonb || jsonb_build_object('document', $1::jsonb))::json", broken)
    await works.turn()
    job = (await found(shop, job_id))["job"]
    assert (job["state"], job["reason"]) == ("FAILED", "DRAFT_REFUSED")
    assert "reward[0].percent.rate: " in job["told"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "INVALID"),
        ({"days": 0}, "INVALID"),
        ({"days": 7, "first_day": "2026-11-18", "last_day": "2026-11-18"}, "INVALID"),
        ({"first_day": "2026-11-18"}, "INVALID"),
        ({"first_day": "2026-11-19", "last_day": "2026-11-18"}, "INVALID"),
        ({"first_day": "2020-01-01", "last_day": "2026-11-18"}, "INVALID"),
        ({"days": 7, "stores": ["s1", "nowhere"]}, "STORES_UNKNOWN"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(shop: Desk, asked: dict[str, Any], reason: str) -> None:
    refused = await shop.post("/v1/promotions/bakery/backtests", json=asked)
    assert (refused.status_code, refused.json()["reason"]) == (422, reason)


async def test_unknown_promotion_and_job_are_told(shop: Desk) -> None:
    refused = await shop.post("/v1/promotions/nobody/backtests", json={"days": 7})
    assert (refused.status_code, refused.json()["reason"]) == (404, "PROMOTION_UNKNOWN")
    refused = await shop.get("/v1/backtests/999")
    assert (refused.status_code, refused.json()["reason"]) == (404, "JOB_UNKNOWN")


def test_worker_is_of_the_lowest_priority() -> None:
    """Whatever a marketer starts, the tills of this machine go first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", jobs.WORKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as waiting:
        process, until_s = psutil.Process(waiting.pid), time.monotonic() + 30
        while process.nice() != worker.NICENESS and time.monotonic() < until_s:
            time.sleep(0.05)
        niceness = process.nice()
        waiting.kill()
    assert niceness == worker.NICENESS == 19


def test_long_lists_are_shortened_and_what_was_left_out_is_counted() -> None:
    report: dict[str, Any] = {name: [] for name in LISTS}
    kept = shortened(report | {"stores": list(range(ROWS_KEPT_MAX + 3))})
    assert (len(kept["stores"]), kept["left_out"]) == (ROWS_KEPT_MAX, {"stores": 3})
