"""A draft is tried on a month that was sold, in a headless Chromium against a real back office: watched, stopped, gone
on with, read and taken along. ``ALTYN_WRITE_SCREENSHOTS=1`` writes the pictures of docs/console/backtest.md anew.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from altyn.admin_api.bootstrap import admin_key_path
from altyn.infra.database import connect
from altyn.infra.processes import Child, start_children, stop_children
from altyn.infra.settings import Settings
from tests.admin_api.console import month
from tests.admin_api.console.accessible import complaints
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS, PICTURE_BYTES_MAX, READY_S

PICTURES = Path(__file__).parents[3] / "docs" / "console" / "work"
WRONG = "status of 422"  # a form that is shown again says so to the browser too
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(address of a back office with a month behind it, first key)."""
    asyncio.run(month.lay(settings.postgres_dsn))
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    log = tmp_path / "admin.log"
    child = Child("admin", [sys.executable, "-m", "altyn.admin_api"], log=log, environment=environment)
    try:
        url = str(start_children([child], READY_S)["admin"]["url"])
        key = admin_key_path(settings).read_text().strip()
        month.load_facts(url, key)
        yield url, key
    finally:
        stop_children([child])


def is_good(page: Page, path: Path) -> None:
    """Everybody can read it, and nothing sticks out; then it is kept as a picture."""
    assert complaints(page) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.screenshot(path=path)


def sees(page: Page, selector: str, text: str) -> None:
    expect(page.locator(selector).first).to_contain_text(text, timeout=PATIENCE_MS)


def drawn(page: Page) -> int:
    """Charts with something in them: a canvas of more than one colour."""
    # Not wait_for_function: when it has to ask again it does so by eval, which the page forbids.
    expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_timeout(300)
    return int(
        page.evaluate(
            """() => [...document.querySelectorAll('[data-chart] canvas')].filter(canvas => {
                 const seen = new Set(new Uint32Array(
                   canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer))
                 return seen.size > 3
               }).length"""
        )
    )


def test_draft_is_tried_on_a_month_and_its_report_is_read(
    running: tuple[str, str], tmp_path: Path, settings: Settings
) -> None:
    url, key = running
    folder = PICTURES if os.environ.get("ALTYN_WRITE_SCREENSHOTS") == "1" else tmp_path
    folder.mkdir(exist_ok=True)
    troubles: list[str] = []
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US", reduced_motion="reduce")
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console", lambda one: troubles.append(one.text) if one.type == "error" and WRONG not in one.text else None
        )
        page.on("request", lambda one: None if one.url.startswith((url, "data:")) else troubles.append(one.url))
        page.goto(url)
        page.locator("text=Or by a key").click()
        page.locator("#key").fill(key)
        page.locator("text=Come in").click()
        look_around(page, folder)
        watch_servers(page, settings.postgres_dsn)
        ask_and_watch(page, url, folder)
        take_along(page)
        other_faces(page, url, folder)
        browser.close()
    assert [one for one in troubles if WRONG not in one] == []
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert max(sizes.values()) <= PICTURE_BYTES_MAX, sizes


def look_around(page: Page, folder: Path) -> None:
    """The first page: today, the last 30 days, servers, what waits, budgets."""
    sees(page, "h1", "Overview")
    sees(page, ".figures", "Receipts today")
    sees(page, ".budget-full", "Fresh bread")
    assert drawn(page) == page.locator("[data-chart]").count() == 6
    page.set_viewport_size({"width": 1280, "height": 1000})
    is_good(page, folder / "overview.png")
    page.set_viewport_size({"width": 1280, "height": 800})


def watch_servers(page: Page, dsn: str) -> None:
    """What servers tell is told while the page is open: numbers, and the picture that was there already."""

    async def quicken() -> None:
        connection = await connect(dsn, name="test")
        told = month.pulse(3)
        told[-1]["calls"][1]["p99_us"] = 77_770
        await connection.execute("UPDATE server_status SET pulse = $1 WHERE server_id = 'till-server-1'", told)
        await connection.execute("UPDATE server_status SET pulse = '[]' WHERE server_id = 'till-server-2'")
        await connection.close()

    page.evaluate("document.querySelector('#speed-1 canvas').dataset.kept = 'yes'")
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, quicken()).result()
    sees(page, ".server-calls", "77.77")
    told = page.evaluate("echarts.getInstanceByDom(document.querySelector('#speed-1')).getOption().series[1].data")
    assert len(told) == 3 and told[-1] == 77.77
    assert page.locator("#speed-1 canvas[data-kept]").count() == 1 and page.locator("#speed-2").count() == 0
    assert drawn(page) == page.locator("[data-chart]").count() == 5


def ask_and_watch(page: Page, url: str, folder: Path) -> None:
    page.goto(f"{url}/console/promotions/fresh-bread")
    page.locator(".head-acts >> text=Backtest").click()
    sees(page, "h1", "What would it have cost")
    page.locator("[name=stores]").fill("central, nowhere")
    page.locator("button:has-text('Start')").click()
    sees(page, ".invalid-feedback", "There are no such stores: nowhere")
    page.locator("[name=stores]").fill("")
    is_good(page, folder / "backtest-ask.png")
    page.locator("button:has-text('Start')").click()
    sees(page, ".backtest-progress", "turn")
    page.locator("button:has-text('Stop')").click()
    sees(page, ".backtest-progress", "It was stopped")
    page.locator("button:has-text('Go on')").click()
    page.wait_for_selector(".backtest-progress, .figures")
    is_good(page, folder / "backtest-progress.png")
    sees(page, ".figures", "Discounts, change")
    sees(page, ".figures", "This promotion would give")
    sees(page, ".assumptions", "bought exactly what they bought")
    assert drawn(page) == page.locator("[data-chart]").count() >= 5
    page.set_viewport_size({"width": 1280, "height": 1200})
    is_good(page, folder / "backtest.png")
    page.locator("section:has(h2:text-is('Categories'))").screenshot(path=folder / "backtest-categories.png")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(".report-table tbody a[href^='/console/receipts/']").first.click()
    sees(page, "h1", "Replayed: equal")
    page.go_back()
    page.locator("nav >> text=Operations").click()
    page.locator("nav .menu-item >> text=Jobs").click()
    sees(page, "#jobs", "Backtest")
    sees(page, "#jobs", "Done")
    is_good(page, folder / "jobs.png")
    page.locator("#jobs a.row-title").first.click()


def take_along(page: Page) -> None:
    """The files a browser saves: a workbook with charts, tables as CSV."""
    with page.expect_download() as saving:
        page.locator("text=XLSX").click()
    book = zipfile.ZipFile(saving.value.path())
    assert saving.value.suggested_filename.endswith(".xlsx")
    assert [name for name in book.namelist() if name.startswith("xl/charts/")]
    with page.expect_download() as saving:
        page.locator("text=CSV").click()
    text = Path(saving.value.path()).read_text("utf-8-sig")
    assert ["By store"] in list(csv.reader(io.StringIO(text)))


def other_faces(page: Page, url: str, folder: Path) -> None:
    """In Russian and dark, and on a tablet."""
    here = page.url
    page.goto(f"{url}/console/choose/language/ru?back=/console/")
    page.goto(f"{url}/console/choose/theme/dark?back=/console/")
    sees(page, "h1", "Обзор")
    assert drawn(page) == 5
    is_good(page, folder / "overview-russian-dark.png")
    page.goto(here)
    sees(page, "h1", "Сколько бы это стоило")
    assert drawn(page) >= 5
    is_good(page, folder / "backtest-russian-dark.png")
    page.goto(f"{url}/console/choose/theme/light?back=/console/")
    page.set_viewport_size({"width": 820, "height": 1180})
    page.goto(here)
    assert drawn(page) >= 5
    is_good(page, folder / "backtest-tablet.png")
    page.goto(f"{url}/console/overview")
    assert drawn(page) == 5
    is_good(page, folder / "overview-tablet.png")
