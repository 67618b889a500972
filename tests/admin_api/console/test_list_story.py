"""The header and the ways to look at many promotions in a headless Chromium: no rule of axe is broken, light and dark,
in both languages, on a screen and on a tablet. ``ALTYN_WRITE_SCREENSHOTS=1`` writes the pictures of
docs/console/README.md anew. Without Chromium it is skipped, except in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.admin_api.console.accessible import complaints
from tests.admin_api.console.test_backtest_story import is_good
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS, PICTURE_BYTES_MAX, running

__all__ = ["running"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)

PICTURES = Path(__file__).parents[3] / "docs" / "console" / "many"
FACES = (("en", "light", 1280), ("ru", "dark", 1280), ("ru", "light", 768), ("en", "dark", 768))
ONE_LINE_PX = 70


def test_many_promotions_are_looked_at(running: tuple[str, str], tmp_path: Path) -> None:
    url, key = running
    folder = PICTURES if os.environ.get("ALTYN_WRITE_SCREENSHOTS") == "1" else tmp_path
    folder.mkdir(exist_ok=True)
    troubles: list[str] = []
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US", reduced_motion="reduce")
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith((url, "data:")) else troubles.append(one.url))
        page.goto(url)
        page.locator("text=Or by a key").click()
        page.locator("#key").fill(key)
        page.locator("text=Come in").click()
        walk_by_keyboard(page)
        for language, theme, width in FACES:
            page.goto(f"{url}/console/choose/language/{language}?back=/console/")
            page.goto(f"{url}/console/choose/theme/{theme}?back=/console/promotions")
            page.set_viewport_size({"width": width, "height": 800})
            header_is_one_line(page, folder / f"header-{language}-{theme}-{width}.png")
        browser.close()
    assert troubles == []
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert max(sizes.values()) <= PICTURE_BYTES_MAX, sizes


def walk_by_keyboard(page: Page) -> None:
    """Into a menu, along it, out of it, and to a page."""
    menus = page.locator(".shell-menu")
    first, second = menus.nth(0), menus.nth(1)
    first.locator("summary").focus()
    page.keyboard.press("ArrowDown")
    expect(first).to_have_attribute("open", "")
    expect(first.locator(".menu-item").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(first.locator(".menu-item").last).to_be_focused()
    page.keyboard.press("Tab")
    expect(second.locator("summary")).to_be_focused()
    expect(first).not_to_have_attribute("open", "")
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(second).not_to_have_attribute("open", "")
    expect(second.locator("summary")).to_be_focused()
    first.locator("summary").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Promotions")
    expect(first.locator("[aria-current=page]")).to_have_text("Promotions")


def header_is_one_line(page: Page, picture: Path) -> None:
    """With every right; each menu lies within the window when it is open."""
    assert page.locator(".shell-bar").bounding_box()["height"] <= ONE_LINE_PX  # type: ignore[index]
    for menu in page.locator(".shell-menu").all():
        menu.locator("summary").click()
        box = menu.locator(".menu-body").bounding_box()
        assert box is not None and page.viewport_size is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
        assert complaints(page) == []
    page.locator(".shell-menu summary").first.click()
    is_good(page, picture)
