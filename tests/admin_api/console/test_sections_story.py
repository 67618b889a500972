"""The pages of events, points for many, families and batches in a headless Chromium: no rule of axe is broken, light
and dark, in both languages, on a screen and on a tablet. Without Chromium it is skipped, except in CI.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from altyn.admin_api.console.sections import SECTIONS
from tests.admin_api.console.accessible import complaints
from tests.admin_api.console.test_backtest_story import is_good
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS, running
from tests.admin_api.test_gift_cards import SERIES
from tests.admin_api.test_tiers import TIERS

__all__ = ["running"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)

FACES = (("en", "light", 1280), ("ru", "dark", 820))


def lay(url: str, key: str) -> None:
    """Something of each."""
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "assets/bonus", {}),
        ("PUT", "assets/gift", {"kind": "MONEY"}),
        ("PUT", "events/birthday", {"kind": "BIRTHDAY", "asset": "bonus", "points": 20000}),
        ("POST", "customers", {"name": "Anna"}),
        ("POST", "customers", {"name": "Boris"}),
        ("PUT", "tiers", TIERS),
        ("POST", "families", {"head_customer_id": 1, "title": "Ivanovs"}),
        ("POST", "families/1/members", {"customer_id": 2, "reason": "asked for"}),
        ("PUT", "gift-card-series/plastic", SERIES),
        ("POST", "gift-card-series/plastic/batches", {"count": 3}),
    ]
    with httpx.Client(base_url=f"{url}/v1/", headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        for number, (method, path, body) in enumerate(calls):
            answer = client.request(method, path, json=body, headers={"idempotency-key": f"pages-{number}"})
            assert answer.status_code < 300, answer.text


def test_pages_break_no_rule_of_axe_and_a_form_is_sent(running: tuple[str, str], tmp_path: Path) -> None:
    url, key = running
    lay(url, key)
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
        page.locator("nav summary >> text=Programme").click()
        page.locator("nav .menu-item >> text=Events").click()
        propose(page)
        for language, theme, width in FACES:
            page.goto(f"{url}/console/choose/language/{language}?back=/console/")
            page.goto(f"{url}/console/choose/theme/{theme}?back=/console/")
            page.set_viewport_size({"width": width, "height": 900})
            for section in SECTIONS:
                page.goto(url + section.address)
                expect(page.locator(".page-head .btn-primary")).to_have_attribute("aria-current", "page")
                is_good(page, tmp_path / f"{section.name}-{language}.png")
        browser.close()
    assert troubles == []


def propose(page: Page) -> None:
    """Wrong first, with what was typed kept; then right."""
    page.locator("nav.head-acts >> text=For many").click()
    for name, text in (("title", "Jubilee"), ("reason", "jubilee"), ("points", "five"), ("customer_ids", "1 2")):
        page.locator(f"[name={name}]").fill(text)
    page.locator("form >> text=Propose").last.click()
    expect(page.locator(".alert-danger")).to_contain_text("five is no number of points")
    assert complaints(page) == []
    page.locator("[name=points]").fill("5.50")
    page.locator("form >> text=Propose").last.click()
    expect(page.locator("#row-1")).to_contain_text("5.50 bonus")
    expect(page.locator("#row-1")).to_contain_text("Waits for another")
