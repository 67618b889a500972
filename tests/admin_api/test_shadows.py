"""A candidate beside the live release: every receipt of the share once, in order, whatever breaks off in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from altyn.admin_api.backtests.jobs import BacktestJobs
from altyn.admin_api.shadows import worker
from altyn.admin_api.shadows.jobs import ShadowJobs
from altyn.admin_api.shadows.worker import Shadow, is_in_share, work
from altyn.infra.database import connect
from altyn.infra.settings import Settings
from tests.admin_api.console.browser import Browser
from tests.admin_api.console.conftest import browser, stranger
from tests.admin_api.console.test_receipt import sold
from tests.admin_api.desk import STORE, Desk
from tests.admin_api.test_backtests import BAKERY
from tests.cli.backtest.test_backtest import LARGER_CHANGE_MINOR, PAST

__all__ = ["browser", "stranger"]
SALES = 27


@pytest.fixture
async def shop(desk: Desk, schema_dsn: str) -> Desk:
    """Three days of the small shop, and a draft that gives its bakery a larger budget."""
    await desk.put("/v1/assets/bonus", json={})
    await sold(desk, schema_dsn, PAST.records)
    await desk.put("/v1/stores/s1", json=STORE)
    assert (await desk.post("/v1/promotions", json=BAKERY)).status_code == 201
    return desk


async def begun(desk: Desk, from_seq: int = 0, **asked: Any) -> int:
    """A shadow over what is sold after this place; its time is over, so that it ends when it has caught up."""
    answer = await desk.post("/v1/shadows", json={"promotion_ids": ["bakery"], "minutes": 1} | asked)
    assert answer.status_code == 202, answer.text
    job_id: int = answer.json()["job"]["job_id"]
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    await desk.rows(
        "UPDATE jobs SET given = (given::jsonb || jsonb_build_object('from_seq', $1::bigint, 'until', $2::text))::json",
        from_seq,
        over,
    )
    return job_id


async def found(desk: Desk, job_id: int) -> dict[str, Any]:
    told: dict[str, Any] = (await desk.get(f"/v1/shadows/{job_id}")).json()
    return told


async def test_every_receipt_is_compared_and_differs_as_worked_out_by_hand(shop: Desk, settings: Settings) -> None:
    job_id = await begun(shop)
    assert (await found(shop, job_id))["report"] is None
    assert await ShadowJobs(shop.office, settings).turn()
    told = await found(shop, job_id)
    job, report = told["job"], told["report"]
    assert (job["state"], job["kind"], job["done_count"]) == ("DONE", "SHADOW", SALES)
    assert (report["compared"], report["left_out"]) == (SALES, 0)
    change = report["discount_after_minor"] - report["discount_before_minor"]
    assert change == LARGER_CHANGE_MINOR
    assert sum(report["steps"]) == SALES and report["changed"] == 4
    middle = len(report["steps"]) // 2
    assert report["steps"][middle] == SALES - 4 and sum(report["steps"][:middle]) == 0
    assert [one["seq"] for one in report["top"]] == [12, 10, 6, 14]
    before, after = report["promotions"]["bakery"]
    assert after - before > 0
    assert report["until_seq"] == PAST.records[-1].seq
    assert "content" not in told["asked"]


async def test_same_rules_differ_nowhere_and_only_what_comes_after_the_beginning_counts(
    shop: Desk, settings: Settings
) -> None:
    same = BAKERY | {"limits": [{"budget": "38.00"}]}
    changed = await shop.put("/v1/promotions/bakery", json=same, headers={"if-match": '"1"'})
    assert changed.status_code == 200, changed.text
    job_id = await begun(shop, from_seq=PAST.records[len(PAST.records) // 2].seq)
    await ShadowJobs(shop.office, settings).turn()
    report = (await found(shop, job_id))["report"]
    assert 0 < report["compared"] < SALES
    assert (report["changed"], report["top"]) == (0, [])


async def test_batches_and_a_restart_find_what_one_run_finds(
    shop: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "BATCH_ROWS", 5)
    job_id = await begun(shop)
    [row] = await shop.rows("SELECT given FROM jobs WHERE job_id = $1", job_id)
    order = {**row["given"], "dsn": settings.postgres_dsn}
    whole = await work(order, lambda told: None)
    assert (whole["compared"], whole["changed"]) == (SALES, 4), "counters go on from batch to batch"
    connection = await connect(settings.postgres_dsn, name="test")
    try:
        first = Shadow(order)
        for _ in range(3):
            assert await first.turn(connection)
        second = Shadow(order | {"so_far": first.report})
        while await second.turn(connection):
            pass
    finally:
        await connection.close()
    assert second.report["compared"] == whole["compared"] == SALES
    assert second.report["until_seq"] == whole["until_seq"]
    assert sum(second.report["steps"]) == SALES


async def test_what_was_found_stays_when_it_is_stopped(shop: Desk, settings: Settings) -> None:
    job_id = await begun(shop)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await shop.rows(
        "UPDATE jobs SET given = (given::jsonb || jsonb_build_object('until', $1::text))::json WHERE job_id = $2",
        later,
        job_id,
    )
    turning = asyncio.create_task(ShadowJobs(shop.office, settings).turn())
    async with asyncio.timeout(60):
        while ((await found(shop, job_id))["report"] or {}).get("compared") != SALES:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await shop.post(f"/v1/jobs/{job_id}/cancel")
        assert await turning
    told = await found(shop, job_id)
    assert (told["job"]["state"], told["report"]["compared"]) == ("CANCELLED", SALES)


def test_share_is_spread_evenly_and_the_same_at_every_start() -> None:
    for share_ppm in (1, 100_000, 500_000):
        chosen = [seq for seq in range(1, 100_001) if is_in_share(seq, share_ppm)]
        assert abs(len(chosen) - share_ppm / 10) <= 100
        assert chosen == [seq for seq in range(1, 100_001) if is_in_share(seq, share_ppm)]
    assert all(is_in_share(seq, 1_000_000) for seq in range(1, 10_000))


async def test_share_out_of_range_and_unknown_promotions_are_refused(shop: Desk) -> None:
    for wrong in ({"share_ppm": 0}, {"share_ppm": 1_000_001}, {"minutes": 0}, {"minutes": 1441}):
        assert (await shop.post("/v1/shadows", json=wrong)).status_code == 422
    assert (await shop.post("/v1/shadows", json={"promotion_ids": ["nobody"]})).json()["reason"] == "PROMOTION_UNKNOWN"
    assert (await shop.get("/v1/shadows/999")).json()["reason"] == "JOB_UNKNOWN"


async def test_page_shows_the_histogram_and_leads_to_receipts_and_so_does_the_release(
    browser: Browser, shop: Desk, settings: Settings
) -> None:
    page = await browser.get("/console/promotions/bakery/review")
    begun_page = await browser.post("/console/shadows", page.changed({"share": "100", "minutes": "60"}))
    assert begun_page.status == 200 and "Nothing compared yet" in begun_page.text, begun_page.text
    [job] = await shop.rows("SELECT job_id, given ->> 'sha256' AS sha256 FROM jobs")
    await shop.rows(
        'UPDATE jobs SET given = (given::jsonb || \'{"from_seq": 0, "until": "2020-01-01T00:00:00+00:00"}\')::json'
    )
    await ShadowJobs(shop.office, settings).turn()
    page = await browser.get(f"/console/shadows/{job['job_id']}")
    assert 'href="/console/receipts/12"' in page.html and "How far discounts move" in page.text
    refused = await browser.post("/console/shadows", (await browser.get("/console/releases/1")).changed({"share": "x"}))
    assert refused.status in (403, 422)
    jobs = await browser.get("/console/jobs")
    assert f'href="/console/shadows/{job["job_id"]}"' in jobs.html
    # The same documents published: the release's page has the histogram.
    await shop.post("/v1/promotions/bakery/state", json={"state": "ACTIVE"})
    await shop.rows(
        "INSERT INTO rules_release (tenant, version, sha256, document, effective_at, published_by)"
        " SELECT 'demo', 2, sha256(convert_to(given ->> 'content', 'UTF8')), convert_to(given ->> 'content', 'UTF8'),"
        " now(), 'test' FROM jobs"
    )
    page = await browser.get("/console/releases/2")
    assert f'href="/console/shadows/{job["job_id"]}"' in page.html and f"{SALES} compared, 4 different" in page.text


async def test_backtests_leave_shadows_alone(shop: Desk, settings: Settings) -> None:
    await begun(shop)
    assert not await BacktestJobs(shop.office, settings, processes=1).turn()
