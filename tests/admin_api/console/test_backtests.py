"""Pages of backtests and jobs: asked for, what was typed kept, read, taken along as files, stopped, gone on with."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

import pytest

from altyn.admin_api.backtests.jobs import BacktestJobs
from altyn.admin_api.backtests.report import ASSUMPTIONS, MISSING_TOLD, SKIPPED_TOLD
from altyn.admin_api.backtests.workbook import tables_of
from altyn.admin_api.console.drafts import slug
from altyn.admin_api.console.texts import texts_in
from altyn.admin_api.edge.rights import Grant
from altyn.infra.settings import Settings
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_receipt import sold
from tests.admin_api.desk import STORE, Desk
from tests.admin_api.test_backtests import BAKERY
from tests.cli.backtest.test_backtest import PAST

ASK = "/console/promotions/bakery/backtests"


@pytest.fixture
async def shop(desk: Desk, schema_dsn: str) -> Desk:
    """Three days of the small shop in the journal, and a draft that gives its bakery a larger budget."""
    await sold(desk, schema_dsn, PAST.records)
    await desk.put("/v1/stores/s1", json=STORE | {"title": "=Corner <b>shop</b>"})
    assert (await desk.post("/v1/promotions", json=BAKERY)).status_code == 201
    return desk


@pytest.fixture
def works(shop: Desk, settings: Settings) -> BacktestJobs:
    return BacktestJobs(shop.office, settings, processes=1)


async def begun(browser: Browser, **typed: str) -> Page:
    page = await browser.get(ASK)
    return await browser.post(ASK, page.form(**{"period": "30", **typed}))


async def test_backtest_is_asked_for_watched_and_read(browser: Browser, works: BacktestJobs) -> None:
    assert "/console/promotions/bakery/backtests" in (await browser.get("/console/promotions/bakery")).html
    page = await begun(browser)
    assert page.path == "/console/backtests/1" and "It waits for its turn" in page.text
    assert 'hx-get="/console/backtests/1/progress"' in page.html
    part = await browser.part("/console/backtests/1", [])
    assert part.status == 404 or part.status == 405
    await works.turn()
    ended = await browser.get("/console/backtests/1/progress", hx_request="true")
    assert ended.response.headers["hx-refresh"] == "true" and "hx-get" not in ended.html
    page = await browser.get("/console/backtests/1")
    for text in (
        "18 Nov 2026 – 20 Nov 2026",
        "+11.68 RUB",
        "119.00 → 130.68",
        "spent on 18 Nov 2026",
        "=Corner <b>shop</b>",
        "3 receipts with a coupon code nobody knew then",
        "bought exactly what they bought",
        "Returns (3) and voids (1) are taken off on neither side.",
        "release 1 with the draft in it",
    ):
        assert text in page.text, text
    assert "<b>shop</b>" not in page.html
    assert 'href="/console/receipts/12"' in page.html
    listed = await browser.get(ASK)
    assert "/console/backtests/1" in listed.html and "Done" in listed.text


async def test_page_of_a_report_holds_no_inline_script_or_style(browser: Browser, works: BacktestJobs) -> None:
    await begun(browser)
    for path in (ASK, "/console/backtests/1", "/console/jobs"):
        shown = (await browser.get(path)).html
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", shown)
    await works.turn()
    shown = (await browser.get("/console/backtests/1")).html
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", shown)
    assert "echarts.min.js" in shown and "echarts.min.js" not in (await browser.get("/console/jobs")).html


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"stores": "s1, nowhere; <b>"}, "There are no such stores: &lt;b&gt;, nowhere;"),
        ({"period": "own", "first_day": "2026-11-20", "last_day": "2026-11-18"}, "Choose a period of 1 to 366 days"),
        ({"period": "own", "first_day": "x", "last_day": "2026-11-18"}, "Choose a period of 1 to 366 days"),
        ({"period": "99999"}, "Choose a period of 1 to 366 days"),
        ({"period": ""}, "Choose a period of 1 to 366 days"),
    ],
)
async def test_form_that_cannot_be_taken_keeps_what_was_typed(
    browser: Browser, shop: Desk, typed: dict[str, str], says: str
) -> None:
    page = await begun(browser, **typed)
    assert page.status == 422 and says in page.html
    for name in ("first_day", "last_day", "stores"):
        assert page.value(name) == typed.get(name, "")
    assert await shop.rows("SELECT FROM jobs") == []


async def test_form_sent_twice_begins_one_backtest(browser: Browser, shop: Desk) -> None:
    page = await browser.get(ASK)
    for _ in range(2):
        assert (await browser.post(ASK, page.form(period="7"))).path == "/console/backtests/1"
    assert len(await shop.rows("SELECT FROM jobs")) == 1


async def test_report_is_taken_along_in_the_visitor_s_language_and_safe(browser: Browser, works: BacktestJobs) -> None:
    await begun(browser)
    assert (await browser.get("/console/backtests/1/report.csv")).status == 404
    await works.turn()
    await browser.get("/console/choose/language/ru")
    taken = await browser.client.get("/console/backtests/1/report.csv")
    assert taken.headers["content-disposition"] == 'attachment; filename="backtest-1.csv"'
    rows = list(csv.reader(io.StringIO(taken.content.decode("utf-8-sig"))))
    at = rows.index(["По дням"])
    day = dict(zip(rows[at + 1], rows[at + 2], strict=True))
    assert (day["день"], day["чеков"], day["изменение скидки"]) == ("2026-11-18", "9", "11.68")
    book = zipfile.ZipFile(io.BytesIO((await browser.client.get("/console/backtests/1/report.xlsx")).content))
    assert 'name="Лимиты и бюджеты"' in book.read("xl/workbook.xml").decode()
    for path in ("/console/backtests/1/report.doc", "/console/backtests/9/report.csv", "/console/backtests/x"):
        assert (await browser.get(path)).status == 404


async def test_every_word_of_a_workbook_is_in_both_catalogues(
    browser: Browser, shop: Desk, works: BacktestJobs
) -> None:
    await begun(browser)
    await works.turn()
    [row] = await shop.rows("SELECT result FROM jobs")
    said: set[str] = set()

    def say(text: str) -> str:
        said.add(text)
        return text

    every: dict[str, Any] = {"skipped": dict.fromkeys(SKIPPED_TOLD, 1), "missing": dict.fromkeys(MISSING_TOLD, 1)}
    for table in tables_of(row["result"] | every, say=say):
        said |= {table.title, *(head for head in table.heads if not head.startswith("bonus_"))}
    wanted = {f"sheet.{slug(text)}" for text in said | set(ASSUMPTIONS) if text}
    assert wanted <= set(texts_in("ru").entries)
    assert {texts_in("en")(f"sheet.{slug(text)}") for text in said if text} == {text for text in said if text}


async def test_backtest_is_stopped_and_gone_on_with_on_the_page_of_jobs(
    browser: Browser, shop: Desk, works: BacktestJobs
) -> None:
    await begun(browser)
    page = await browser.get("/console/jobs")
    assert "Waiting" in page.text and 'hx-trigger="every 2s"' in page.html and "Stop" in page.text
    page = await browser.post("/console/jobs/1/cancel", page.form(back="/console/jobs"))
    assert page.path == "/console/jobs" and "Stopped" in page.text and "every 2s" not in page.html
    again = await browser.get("/console/backtests/1")
    assert "It was stopped" in again.text and "Go on" in again.text
    page = await browser.post("/console/jobs/1/go-on", page.form(back="/console/backtests/1"))
    assert page.path == "/console/backtests/1" and "attempt" not in page.text
    assert "attempt 2" in (await browser.get("/console/jobs")).text
    await works.turn()
    page = await browser.get("/console/jobs?kind=BACKTEST&state=DONE")
    assert "27 of 27" in page.text and "Go on" not in page.text
    assert "No jobs" in (await browser.get("/console/jobs?state=FAILED")).text
    assert "bakery" in (await browser.get("/console/jobs?state=nonsense&before=x")).text


async def test_act_that_comes_too_late_is_told_over_the_list(browser: Browser, works: BacktestJobs) -> None:
    await begun(browser)
    page = await browser.get("/console/jobs")
    await works.turn()
    late = await browser.post("/console/jobs/1/cancel", page.form(back="/console/jobs"))
    assert late.status == 409 and "The job had ended before." in late.text and "Done" in late.text
    gone = await browser.post("/console/jobs/77/cancel", page.form(once="another"))
    assert gone.status == 404 and "There is no such job" in gone.text


async def test_failed_job_says_why_in_words(browser: Browser, shop: Desk, works: BacktestJobs) -> None:
    await begun(browser)
    await shop.rows("UPDATE jobs SET state = 'FAILED', reason = 'DRAFT_REFUSED', told = 'bakery: <i>rate</i>'")
    for path in ("/console/jobs", "/console/backtests/1"):
        page = await browser.get(path)
        assert "does not go together with the release" in page.text and "bakery: <i>rate</i>" in page.text
        assert "Try again" in page.text


@pytest.mark.parametrize(
    ("role", "reads", "begins", "sees_jobs", "stops"),
    [
        ("MARKETER", True, True, True, True),
        ("MARKETING_DIRECTOR", True, True, True, True),
        ("SALES_DIRECTOR", True, False, True, False),
        ("AUDITOR", True, False, True, False),
        ("ADMINISTRATOR", False, False, True, True),
        ("STORE_DIRECTOR", False, False, False, False),
        ("CALL_CENTRE", False, False, False, False),
        ("ANTIFRAUD", False, False, False, False),
    ],
)
async def test_each_role_sees_and_does_what_its_scopes_say(
    browser: Browser, shop: Desk, role: str, reads: bool, begins: bool, sees_jobs: bool, stops: bool
) -> None:
    await begun(browser)
    browser.client.cookies.set("altyn_session", await shop.token_of("somebody", Grant(role, "NETWORK")))
    page = await browser.get("/console/backtests/1")
    assert (page.status == 200) == reads
    asking = await browser.get(ASK)
    assert (asking.status == 200) == reads and ("Start" in asking.text) == begins
    jobs = await browser.get("/console/jobs")
    assert (jobs.status == 200) == sees_jobs and ("/console/jobs/1/cancel" in jobs.html) == stops
    assert ('href="/console/jobs"' in page.html) == sees_jobs


async def test_role_in_one_store_does_not_read_sums_of_the_whole_network(browser: Browser, shop: Desk) -> None:
    await begun(browser)
    browser.client.cookies.set("altyn_session", await shop.token_of("anna", Grant("MARKETER", "STORE", "s1")))
    for path in (ASK, "/console/backtests/1", "/console/backtests/1/report.csv", "/console/jobs"):
        assert (await browser.get(path)).status == 403
