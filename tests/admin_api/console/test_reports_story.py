"""Reports, exceptions and rules against fraud in a headless Chromium over a month that was sold: charts are drawn, no
rule of axe is broken, light and dark, in both languages, on a screen and on a tablet. Without Chromium it is skipped,
except in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from altyn.admin_api.reports.definitions import REPORTS
from tests.admin_api.console.test_backtest_story import drawn, is_good, running, sees
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS

__all__ = ["running"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)
FACES = (("en", "light", 1280), ("ru", "dark", 820))
WATCHED = ("exceptions", "fraud/cases", "fraud/rules")


def test_pages_are_drawn_and_break_no_rule_of_axe(running: tuple[str, str], tmp_path: Path) -> None:
    url, key = running
    troubles: list[str] = []
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US", reduced_motion="reduce")
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith((url, "data:")) else troubles.append(one.url))
        page.goto(url)
        page.locator("text=Or by a key").click()
        page.locator("#key").fill(key)
        page.locator("text=Come in").click()
        page.locator("nav >> text=Reports").first.click()
        page.locator("nav .menu-item >> text=Reports").click()
        nearer(page)
        for language, theme, width in FACES:
            page.goto(f"{url}/console/choose/language/{language}?back=/console/")
            page.goto(f"{url}/console/choose/theme/{theme}?back=/console/")
            page.set_viewport_size({"width": width, "height": 900})
            for name in REPORTS:
                page.goto(f"{url}/console/reports/{name}")
                assert drawn(page) == page.locator("[data-chart]").count()
                is_good(page, tmp_path / f"{name}-{language}.png")
            for name in WATCHED:
                page.goto(f"{url}/console/{name}")
                is_good(page, tmp_path / f"{name.replace('/', '-')}-{language}.png")
        browser.close()
    assert troubles == []


def nearer(page: Page) -> None:
    """From the month to a store's day and its receipts."""
    sees(page, "h1", "Sales")
    assert drawn(page) == page.locator("[data-chart]").count() == 3
    page.locator("[name=by]").select_option("STORE")
    sees(page, "#rows thead", "Store")
    page.locator("#rows tbody a.row-title").first.click()
    sees(page, "#rows thead", "Day")
    page.locator("#rows tbody a[href^='/console/receipts']").first.click()
    sees(page, "h1", "Receipts")
    page.locator("tbody a.row-title").first.click()
    sees(page, "h1", "Replayed: equal")
