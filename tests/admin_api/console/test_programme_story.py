"""The pages of the programme in a headless Chromium: made, changed, a file read, a key shown once; no rule of axe is
broken, light and dark, in both languages, on a screen and on a tablet.

``ALTYN_WRITE_SCREENSHOTS=1`` writes the pictures of docs/console anew. Without Chromium it is skipped, except in CI.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from altyn.admin_api.console.programme.all import PROGRAMME
from tests.admin_api.console.accessible import complaints
from tests.admin_api.console.test_backtest_story import is_good
from tests.admin_api.console.test_programme import CALLS, ROOT, addresses
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS, PICTURES, running

__all__ = ["running"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)

FACES = (("en", "light", 1280), ("ru", "dark", 768))
#: Pages whose pictures docs/console shows.
SHOWN = {
    f"{ROOT}/currencies/bonus": "programme-currency",
    f"{ROOT}/limits": "programme-limits",
    f"{ROOT}/stores/s1/registers/1": "programme-register",
    f"{ROOT}/segments/regulars": "programme-segment",
}


def lay(url: str, key: str) -> None:
    """Something of each."""
    with httpx.Client(base_url=f"{url}/v1/", headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        for number, (method, path, body) in enumerate(CALLS):
            answer = client.request(method, path, json=body, headers={"idempotency-key": f"lay-{number}"})
            assert answer.status_code < 300, answer.text


@pytest.fixture
def page(running: tuple[str, str]) -> Iterator[Page]:
    """Somebody who may do everything, in the programme; nothing is loaded from elsewhere, and no script fails."""
    url, key = running
    lay(url, key)
    troubles: list[str] = []
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(
            base_url=url, viewport={"width": 1280, "height": 900}, locale="en-US", reduced_motion="reduce"
        )
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith((url, "data:")) else troubles.append(one.url))
        page.goto("/")
        page.locator("text=Or by a key").click()
        page.locator("#key").fill(key)
        page.locator("text=Come in").click()
        page.locator("nav summary >> text=Programme").click()
        page.locator("nav .menu-item >> text=Currencies").click()
        yield page
        browser.close()
    assert troubles == []


def test_a_currency_a_key_and_files_are_made_where_they_are_shown(page: Page, tmp_path: Path) -> None:
    make_a_currency(page)
    show_a_key_once(page, tmp_path)
    read_a_list(page, tmp_path)


@pytest.mark.parametrize(("language", "theme", "width"), FACES)
def test_pages_break_no_rule_of_axe(page: Page, tmp_path: Path, language: str, theme: str, width: int) -> None:
    page.goto(f"/console/choose/language/{language}?back=/console/")
    page.goto(f"/console/choose/theme/{theme}?back=/console/")
    page.set_viewport_size({"width": width, "height": 900})
    parts = {part.path for thing in PROGRAMME.things for part in thing.parts}
    for number, address in enumerate(addresses(leave_out=parts | {"/programme/segments/{segment}/uploads/{job_id}"})):
        answer = page.goto(address)
        assert answer is not None and answer.status == 200, address
        page.evaluate("document.querySelectorAll('details.act-card').forEach(one => one.open = true)")
        picture = tmp_path / f"{number}-{language}.png"
        is_good(page, picture)
        keep(picture, SHOWN.get(address, "") if language == "en" else "")


def make_a_currency(page: Page) -> None:
    """Wrong first, told at its field with what was typed; then right."""
    page.locator("summary >> text=A new currency").click()
    for field, text in (("asset", "miles"), ("scale", "two"), ("step_points", "1")):
        page.locator(f"#currencies-{field}").fill(text)
    page.locator("#currencies-make button").click()
    expect(page.locator("#currencies-scale-says")).to_contain_text("two is no whole number")
    assert page.locator("#currencies-asset").input_value() == "miles"
    assert complaints(page) == []
    page.locator("#currencies-scale").fill("0")
    page.locator("#currencies-make button").click()
    expect(page.locator("h1")).to_contain_text("miles")
    expect(page.locator(".changes")).to_contain_text("assets.put")


def show_a_key_once(page: Page, folder: Path) -> None:
    page.goto(f"{ROOT}/stores/s1/registers/1")
    page.locator("summary >> text=Issue a key").click()
    page.locator("#keys-issue button").click()
    assert len(page.locator("#secret").inner_text()) == 64
    is_good(page, folder / "key.png")
    keep(folder / "key.png", "programme-key")
    page.locator("text=I have copied it").click()
    expect(page.locator("section[aria-label='Keys and certificates'] tbody tr")).to_have_count(1)


def read_a_list(page: Page, folder: Path) -> None:
    """A file with a wrong line: what it became, and what is wrong, by line."""
    page.goto(f"{ROOT}/segments/regulars")
    page.locator("summary >> text=Upload a list").click()
    file = folder / "list.csv"
    file.write_text("customer_id\n1\nnobody\n")
    page.locator("#uploads-file").set_input_files(file)
    page.locator("#uploads-mode").select_option("ADD")
    page.locator("#uploads-upload button").click()
    expect(page.locator("h1 .badge")).to_contain_text("Done")
    expect(page.locator(".facts table tbody tr")).to_contain_text("3")
    is_good(page, folder / "list.png")
    page.goto(f"{ROOT}/products")
    page.locator("summary >> text=Import a file").click()
    file = folder / "products.csv"
    file.write_text("sku,title,min_price_minor\nmilk,Milk 1 l,9900\ncheese,Cheese,dear\n")
    page.locator("#products-file").set_input_files(file)
    page.locator("#products-import button").click()
    expect(page.locator("table tbody tr")).to_contain_text("min_price_minor")
    is_good(page, folder / "import.png")
    keep(folder / "import.png", "programme-import")


def keep(picture: Path, name: str) -> None:
    if name and os.environ.get("ALTYN_WRITE_SCREENSHOTS"):
        shutil.copy(picture, PICTURES / "work" / f"{name}.png")
