"""The header and the ways to look at many promotions in a headless Chromium: no rule of axe is broken, light and dark,
in both languages, on a screen and on a tablet. ``ALTYN_WRITE_SCREENSHOTS=1`` writes the pictures of
docs/console/README.md anew. Without Chromium it is skipped, except in CI.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.admin_api.console.test_backtest_story import is_good
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS, PICTURE_BYTES_MAX, running

__all__ = ["running"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)

PICTURES = Path(__file__).parents[3] / "docs" / "console" / "many"
PAGES = {
    "calendar": "/console/calendar?view=0",
    "week": "/console/calendar?span=week&store=central",
    "quarter": "/console/calendar?span=quarter",
    "overlaps": "/console/overlaps?view=0",
    "hits": "/console/products/hits?sku=green-tea&store=central",
    "history": "/console/promotions/tea-hours/history?before=1&after=3",
}
TEA = {"reward": [{"percent": {"rate": "5", "of": {"category": "tea"}}}], "stage": "item"}
MORE: list[dict[str, object]] = [
    {
        **TEA,
        "promotion": "tea-hours",
        "title": {"en": "Tea in the morning", "ru": "Чай по утрам"},
        "group": {"name": "tea", "mode": "BEST"},
        "when": {"schedule": {"weekdays": ["mon", "wed", "fri"], "hours": ["08:00-11:30"]}},
    },
    {
        **TEA,
        "promotion": "tea-weekend",
        "title": {"en": "Tea on the weekend", "ru": "Чай в выходные"},
        "group": {"name": "tea", "mode": "BEST"},
        "when": {"schedule": {"weekdays": ["fri", "sat", "sun"]}},
    },
    {
        **TEA,
        "promotion": "night",
        "title": {"en": "By night", "ru": "Ночью"},
        "exclusive": {"over": "ALL"},
        "when": {"schedule": {"hours": ["22:00-02:00"]}},
    },
]
DRAFT = {**TEA, "promotion": "next-month", "title": {"en": "Next month", "ru": "Со следующего месяца"}}
#: The faces that docs/console shows; the others are only looked at.
SHOWN = {"header-en-light-1280", "calendar-en-light-1280", "overlaps-en-light-1280"}
SHOWN |= {"week-ru-dark-1280", "calendar-ru-light-768"}
FACES = (("en", "light", 1280), ("ru", "dark", 1280), ("ru", "light", 768))
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
        lay(url, key)
        keep_a_view(page, url, folder)
        act_on_several(page, url, folder)
        for language, theme, width in FACES:
            page.goto(f"{url}/console/choose/language/{language}?back=/console/")
            page.goto(f"{url}/console/choose/theme/{theme}?back=/console/promotions")
            page.set_viewport_size({"width": width, "height": 800})
            face = f"{language}-{theme}-{width}"
            header_is_one_line(page, kept(folder, "header", face))
            for name, address in PAGES.items():
                page.goto(url + address)
                is_good(page, kept(folder, name, face))
            page.goto(f"{url}/console/promotions?view=0")
            look_for_a_customer(page)
            is_good(page, kept(folder, "search", face))
        browser.close()
    assert troubles == []
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert max(sizes.values()) <= PICTURE_BYTES_MAX, sizes


def kept(folder: Path, name: str, face: str) -> Path:
    """Where a picture goes: those of the documentation by their name, the others beside."""
    if f"{name}-{face}" in SHOWN:
        return folder / (f"{name}.png" if face == "en-light-1280" else f"{name}-{face}.png")
    others = Path(tempfile.gettempdir()) if folder == PICTURES else folder
    return others / f"{name}-{face}.png"


def lay(url: str, key: str) -> None:
    """Promotions that meet, one of them with a history, and a draft."""
    with httpx.Client(base_url=f"{url}/v1/", headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        numbers = itertools.count(1)

        def send(method: str, path: str, body: object, **headers: str) -> None:
            keys = {"idempotency-key": f"many-{next(numbers)}", **headers}
            answer = client.request(method, path, json=body, headers=keys)
            assert answer.status_code < 300, answer.text

        for one in MORE:
            send("POST", "promotions?state=ACTIVE", one)
        for priority in ("90", "80"):
            etag = client.get("promotions/tea-hours").headers["etag"]
            send("PUT", "promotions/tea-hours", {**MORE[0], "priority": priority}, **{"if-match": etag})
        send("POST", "promotions", DRAFT)
        send("POST", "releases", {})


def keep_a_view(page: Page, url: str, folder: Path) -> None:
    """Filters under a name, begun with from now on; then all promotions again."""
    page.goto(f"{url}/console/promotions?state=ACTIVE&group=tea")
    views = page.locator(".page-head details.menu")
    views.locator("summary").click()
    page.locator("[name=name]").fill("Tea at the tills")
    page.locator(".menu-act [name=default]").last.check()
    page.locator("text=Keep the view").click()
    expect(views.locator("summary")).to_have_text("Tea at the tills")
    page.goto(f"{url}/console/promotions")
    expect(page.locator(".row-title")).to_have_count(2)
    views.locator("summary").click()
    is_good(page, folder / "views.png")
    page.locator("text=Begin with all promotions").click()
    page.goto(f"{url}/console/promotions")
    expect(page.locator(".row-title")).to_have_count(6)


def act_on_several(page: Page, url: str, folder: Path) -> None:
    """Two that are at the tills and a draft: the draft is left as it is."""
    page.goto(f"{url}/console/promotions")
    expect(page.locator("#bulk")).to_be_hidden()
    for name in ("next-month", "tea-weekend", "night"):
        page.locator(f"[name=pick][value={name}]").check()
    is_good(page, folder / "picked.png")
    page.locator("#bulk >> text=Suspend").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("[name=reason]").fill("Wrong price on the shelf")
    is_good(page, kept(folder, "bulk", "asked"))
    page.locator("main form button >> text=Suspend").click()
    expect(page.locator(".bulk-done")).to_have_count(2)
    is_good(page, folder / "bulk-done.png")
    page.goto(f"{url}/console/promotion-acts/resume?pick=tea-weekend&pick=night")
    page.locator("main form button >> text=Resume").click()
    expect(page.locator(".bulk-done")).to_have_count(2)


def look_for_a_customer(page: Page) -> None:
    """The box by the keyboard: nothing is looked up before it is asked for, and an unknown number is nobody's."""
    page.keyboard.press("Control+k")
    page.keyboard.type("2200 1234 5678 0000")
    expect(page.locator("#found .search-row")).to_have_count(1)


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
    page.locator(".shell-menu summary").first.click()
    is_good(page, picture)
