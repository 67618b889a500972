"""Reports as pages: the API's numbers with words and links that hold, charts, files, and everybody's own stores."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest

from altyn.admin_api.console import reported
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.reports.definitions import REPORTS
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import Desk
from tests.admin_api.test_reports import SPAN, written

__all__ = ["written"]


def links(page: Page, path: str) -> list[str]:
    """Addresses of a page that begin so, in order, each once."""
    found = [html.unescape(one) for one in re.findall(r'href="([^"]*)"', page.html)]
    return list(dict.fromkeys(one for one in found if one.startswith(path)))


def charts(page: Page) -> dict[str, dict[str, Any]]:
    found = re.findall(r'data-chart="([^"]*)" role="img" aria-label="([^"]*)"', page.html)
    return {html.unescape(label): json.loads(html.unescape(spec)) for spec, label in found}


async def person(stranger: Browser, desk: Desk, *grants: Grant) -> Browser:
    """Signed in with these roles."""
    stranger.client.cookies.set("altyn_session", await desk.token_of("vera", *grants))
    return stranger


@pytest.mark.parametrize("name", REPORTS)
async def test_every_report_is_drawn_by_all_it_goes_by_in_both_languages(browser: Browser, name: str) -> None:
    for language in LANGUAGES:
        browser.language, texts = language, texts_in(language)
        for by in REPORTS[name].by:
            page = await browser.get(f"/console/reports/{name}?{SPAN}&by={by}")
            assert page.status == 200, page.text
            assert charts(page) and texts(f"report.title.{name}") in page.text
            for column in REPORTS[name].columns:
                assert texts(f"report.word.{column.name}") in page.text
            assert re.search(rf'value="{by}" selected', page.html) and texts.has(f"report.word.{by}")


async def test_days_of_a_report_are_counted_out_once_whatever_its_rows(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each cell made a year by day take seconds."""
    asked: list[object] = []
    count_out = reported.spans_of
    monkeypatch.setattr(reported, "spans_of", lambda report: asked.append(report) or count_out(report))
    page = await browser.get(f"/console/reports/summary?{SPAN}&by=DAY")
    assert page.html.count("/console/receipts?day=") > 1 and len(asked) == 1


async def test_numbers_are_those_of_the_api_as_people_write_them(browser: Browser, desk: Desk) -> None:
    page = await browser.get(f"/console/reports/summary?{SPAN}&by=STORE")
    assert "Turnover 476.00 RUB" in page.text and "Receipts 5" in page.text
    assert "=Second 2 1 4 214.00" in page.text
    drawn = charts(await browser.get(f"/console/reports/summary?{SPAN}&by=MONTH"))
    assert drawn["Turnover"]["names"] == ["Jan 2027", "Feb 2027"]
    assert drawn["Turnover"]["rows"][0]["values"] == [38_080, 9_520]
    days = charts(await browser.get(f"/console/reports/summary?{SPAN}&by=DAY"))["Turnover"]
    assert len(days["names"]) == 59 and sum(days["rows"][0]["values"]) == 47_600
    weeks = charts(await browser.get("/console/reports/summary?from_day=2026-12-28&to_day=2027-01-17&by=WEEK"))
    assert weeks["Turnover"]["names"] == ["week 53", "week 1", "week 2"]


async def test_days_are_the_last_thirty_until_somebody_says_others(browser: Browser, desk: Desk) -> None:
    desk.office.clock = lambda: datetime(2026, 11, 14, 22, 0, tzinfo=UTC)  # the 15th in Moscow
    page = await browser.get("/console/reports")
    assert page.path == "/console/reports/summary"
    assert (page.value("from_day"), page.value("to_day")) == ("2026-10-17", "2026-11-15")
    assert 'aria-current="true">last 30 days' in page.html and "last 365 days" in page.text


async def test_rows_lead_nearer_and_numbers_to_what_they_count(browser: Browser) -> None:
    months = await browser.get(f"/console/reports/summary?{SPAN}&by=MONTH")
    [january, _] = [one for one in links(months, "/console/reports/summary?") if one.endswith("by=DAY")]
    assert january == "/console/reports/summary?from_day=2027-01-01&to_day=2027-01-31&by=DAY"
    days = await browser.get(january)
    assert "17 Jan 2027" in days.text
    day = "from_day=2027-01-16&to_day=2027-01-16"
    stores = await browser.get(f"/console/reports/summary?{day}&by=STORE")
    assert f"/console/reports/summary?{day}&by=STORE" in links(days, "/console/reports/summary")
    [first] = links(stores, "/console/receipts?")
    assert first == "/console/receipts?day=2027-01-16&store_id=s1"
    receipts = await browser.get(first)
    assert len(links(receipts, "/console/receipts/")) == 2 and receipts.value("day") == "2027-01-16"
    elsewhere = await browser.get("/console/receipts?day=2027-01-16&store_id=s2")
    assert "Nothing was sold here then." in elsewhere.text and elsewhere.value("store_id") == "s2"
    assert len(links(await browser.get("/console/receipts?day=2027-01-17"), "/console/receipts/")) == 2
    assert (await browser.get("/console/receipts?day=yesterday")).status == 422
    promotions = await browser.get(f"/console/reports/promotions?{SPAN}")
    assert links(promotions, "/console/promotions/ten") == ["/console/promotions/ten"]
    assert (await browser.get("/console/promotions/ten")).status == 200


@pytest.mark.parametrize(
    ("query", "says", "kept"),
    [
        ("from_day=2027-02-31&to_day=2027-03-01", "from_day", ("from_day", "2027-02-31")),
        ("from_day=2027-03-01&to_day=2027-02-01", "a report is of 1 to", ("to_day", "2027-02-01")),
        (f"{SPAN}&by=SERIES", "this report goes by", ("from_day", "2027-01-01")),
        (f"{SPAN}&store_id={'x' * 65}", "There is nothing in these days", ("store_id", "x" * 64)),
        (f"{SPAN}&store_id=%00s1%22%3E%3Cb%3E", "There is nothing in these days", ("store_id", 's1"><b>')),
    ],
)
async def test_what_cannot_be_asked_is_told_with_what_was_typed(
    browser: Browser, query: str, says: str, kept: tuple[str, str]
) -> None:
    page = await browser.get(f"/console/reports/summary?{query}")
    assert page.status in (200, 422) and says in page.text and page.value(kept[0]) == kept[1]
    assert "<b>" not in page.html


async def test_there_are_no_other_reports_and_files(browser: Browser) -> None:
    for path in ("sales", "summary/report.pdf", f"summary/report.csv?{SPAN}&by=SERIES"):
        assert (await browser.get(f"/console/reports/{path}")).status in (404, 422)


async def test_files_are_what_the_page_shows_and_hold_no_formulas(browser: Browser) -> None:
    browser.language = "ru"
    page = await browser.get(f"/console/reports/summary?{SPAN}&by=STORE")
    files = links(page, "/console/reports/summary/report.")
    assert [one.partition("?")[0][-4:] for one in files] == ["xlsx", ".csv"]
    workbook, table = [await browser.client.get(one, headers={"accept-language": "ru"}) for one in files]
    assert table.headers["content-disposition"] == 'attachment; filename="summary-2027-01-01-2027-02-28.csv"'
    assert table.headers["x-content-type-options"] == "nosniff"
    told = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert told[0][:3] == ["Магазин", "Название", "Чеки"] and told[-1][0] == "Всего"
    assert told[2][:3] == ["s2", "'=Second", "2"]
    with zipfile.ZipFile(io.BytesIO(workbook.content)) as book:
        sheet, texts = (book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings"))
    assert "<t>=Second</t>" in texts and "<f>" not in sheet and "Магазин" in texts


async def test_store_director_sees_his_stores_alone(stranger: Browser, desk: Desk) -> None:
    vera = await person(stranger, desk, Grant("STORE_DIRECTOR", "STORE", "s2"))
    page = await vera.get(f"/console/reports/summary?{SPAN}&by=STORE")
    assert "=Second" in page.text and "Turnover 190.40 RUB" in page.text and "First" not in page.text
    assert not links(page, "/console/reports/coupons")
    refused = await vera.get(f"/console/reports/coupons?{SPAN}")
    assert refused.status == 422 and "whole network" in refused.text
    taken = await vera.client.get(f"/console/reports/summary/report.csv?{SPAN}&by=STORE")
    assert [row[0] for row in csv.reader(io.StringIO(taken.content.decode("utf-8-sig")))][1:-1] == ["s2"]


async def test_who_has_no_right_to_receipts_is_neither_led_there_nor_let_in(stranger: Browser, desk: Desk) -> None:
    marketer = await person(stranger, desk, Grant("ADMINISTRATOR", "NETWORK"))
    assert not links(await marketer.get("/console/overview"), "/console/reports")
    assert (await marketer.get("/console/reports/summary")).status == 403
