"""A day at the call centre in a headless Chromium, against a real server and a real back office with a month of sales
behind them: a customer is found, looked at and helped. axe looks at every page, light and dark, in both languages, on a
screen and on a tablet. ``ALTYN_WRITE_SCREENSHOTS=1`` writes the pictures of docs/console/README.md anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from altyn.admin_api.bootstrap import admin_key_path
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import repository
from altyn.admin_api.people.sessions import begin_session
from altyn.infra.database import connect
from altyn.infra.processes import Child, start_children, stop_children
from altyn.infra.settings import Settings
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.admin_api.console import month
from tests.admin_api.console.test_backtest_story import is_good, sees
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS, PICTURE_BYTES_MAX, READY_S
from tests.core.engine.world import commit, line, receipt

CARD = "2900 0000 0000 5103"
TRIES_MAX = 300
PICTURES = Path(__file__).parents[3] / "docs" / "console" / "customers"
WRONG = ("status of 409", "status of 422")  # a form that is shown again says so to the browser too
TIERS = {
    "by": "TURNOVER",
    "period": "YEAR",
    "tiers": [
        {"tier": "silver", "rank": 1, "sum": 1_000_00, "title": {"en": "Silver", "ru": "Серебро"}},
        {"tier": "gold", "rank": 2, "sum": 4_000_00, "title": {"en": "Gold", "ru": "Золото"}},
    ],
}
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(address of the back office, session by person)."""
    asyncio.run(lay(settings.postgres_dsn))
    free = dict.fromkeys(("grpc_listen", "ops_listen", "metrics_listen", "admin_metrics_listen"), "127.0.0.1:0")
    environment = {
        **os.environ,
        **settings.model_copy(update=free).environment(),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    children: list[Child] = []
    till = ""
    try:
        for name, module in (("server", "altyn.server"), ("admin", "altyn.admin_api")):
            log = tmp_path / f"{name}.log"
            children.append(Child(name, [sys.executable, "-m", module], log=log, environment=environment))
            ready = start_children(children[-1:], READY_S)[name]
            if name == "server":
                environment["ALTYN_OPS_LISTEN"], till = str(ready["ops"]), str(ready["grpc"])
        url, key = str(ready["url"]), admin_key_path(settings).read_text().strip()
        month.load_facts(url, key)
        asyncio.run(sell(till, load_people(url, key)))
        yield url, asyncio.run(sessions(settings))
    finally:
        stop_children(children[::-1])


async def lay(dsn: str) -> None:
    """The month, and its members with their cards."""
    await month.lay(dsn)
    connection: asyncpg.Connection[Any] = await connect(dsn, name="test")
    await connection.execute(
        "INSERT INTO customers (tenant, customer_id, account_id, version, valid_from)"
        f" SELECT 'demo', 100 + n, 1000 + n, 1, now() FROM generate_series(1, {month.MEMBERS}) AS n"
    )
    await connection.execute(
        "INSERT INTO cards (tenant, card_id, number_hash, last4, state, customer_id, account_id, version, valid_from)"
        " SELECT 'demo', 100 + n, sha256(n::text::bytea), (5000 + n)::text, 'ACTIVE', 100 + n, 1000 + n, 1, now()"
        f" FROM generate_series(1, {month.MEMBERS}) AS n"
    )
    await connection.execute(  # before the server starts, or it refuses the release
        "INSERT INTO assets (tenant, asset, asset_no, scale, version, valid_from)"
        " VALUES ('demo', 'bonus', 1, 2, 1, now())"
    )
    await connection.execute("SELECT next_feed_version('demo')")
    await connection.execute("SELECT setval('customer_ids', 900), setval('card_ids', 900), setval('account_ids', 9000)")
    await connection.close()


def load_people(url: str, key: str) -> str:
    """Somebody with a card, tiers, limits, a rate, a family; the key of a till."""
    card = {"number": "2900 0000 0000 1234", "card_type": "gold"}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "assets/bonus", {"title": {"en": "Bonus"}, "adjust_points_max": 500_00}),
        ("PUT", "assets/gift", {"kind": "MONEY"}),
        ("PUT", "assets/bonus/rates/gift", {"from_points": 100, "to_points": 50}),
        ("PUT", "tiers", TIERS),
        ("POST", "customers", {"name": "Anna Petrova", "phone": "+7 916 123-45-67", "card": card}),
        ("POST", "families", {"head_customer_id": 103, "title": "Ivanovs"}),
        ("POST", "families/1/members", {"customer_id": 104, "reason": "asked for"}),
        ("PUT", "customers/103/favourites", {"favourites": ["coffee"]}),
        ("PUT", "customers/103/grants/coffee-week", {"ends_at": "2040-01-01T00:00:00Z"}),
        ("POST", "cards", {"number": CARD, "customer_id": 103}),
        ("PUT", "stores/central/registers/r1", {}),
    ]
    with httpx.Client(base_url=f"{url}/v1/", headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        for number, (method, path, body) in enumerate(calls):
            answer = client.request(method, path, json=body, headers={"idempotency-key": f"people-{number}"})
            assert answer.status_code < 300, (path, answer.text)
        issued = client.post("stores/central/registers/r1/keys", headers={"idempotency-key": "till"})
        assert issued.status_code == 201, issued.text
        return str(issued.json()["key"])


async def sell(address: str, key: str) -> None:
    """What counts towards a tier, once the server knows the key, the card and its rules: until then it says so."""
    sold = receipt(line(1, "beans", 89_900, 2_000), number=9_001, card=CARD)
    sold.store_id = "central"
    asked = pos.AuthorizeCustomerRequest(store_id="central", register_id="r1", identity=sold.identity)
    fact, metadata = commit(sold, 1), (("authorization", f"Bearer {key}"),)
    async with grpc.aio.insecure_channel(address) as channel:
        ask = channel.unary_unary(
            "/altyn.pos.v1.PosService/AuthorizeCustomer",
            request_serializer=pos.AuthorizeCustomerRequest.SerializeToString,
            response_deserializer=pos.AuthorizeCustomerResponse.FromString,
        )
        tell = channel.unary_unary(
            "/altyn.pos.v1.PosService/CommitReceipt", response_deserializer=pos.CommitReceiptResponse.FromString
        )
        for _ in range(TRIES_MAX):
            with contextlib.suppress(grpc.aio.AioRpcError):
                if (await ask(asked, metadata=metadata, timeout=10)).customer_id == 103:
                    assert (await tell(fact, metadata=metadata, timeout=10)).reason == 0
                    return
            await asyncio.sleep(0.1)
    raise AssertionError("the server did not get to know the customer")


async def sessions(settings: Settings) -> dict[str, str]:
    """Tokens of two who have signed in."""
    connection: asyncpg.Connection[Any] = await connect(settings.postgres_dsn, name="test")
    made = {}
    now = await connection.fetchval("SELECT now()")
    for name, role in (("vera", "CALL_CENTRE"), ("boris", "MARKETING_DIRECTOR")):
        await connection.execute(
            "INSERT INTO people (tenant, person_id, name, password_is_given, factor_salt, factor_is_set, created_at,"
            " created_by) VALUES ('demo', $1, $2, false, $3, true, $4, 'test')",
            name,
            name.capitalize(),
            bytes(16),
            now,
        )
        await repository.put_grants(connection, "demo", name, [Grant(role, "NETWORK")], "test", now)
        row = await repository.find_person(connection, "demo", name)
        assert row is not None
        made[name] = (await begin_session(connection, "demo", row, now=now, request_id="test")).token
    await connection.close()
    return made


def page_of(browser: Browser, url: str, token: str, troubles: list[str]) -> Page:
    """Of somebody who is signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US", reduced_motion="reduce")
    context.add_cookies([{"name": "altyn_session", "value": token, "url": url}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda one: troubles.append(one.text) if one.type == "error" else None)
    page.on("request", lambda one: None if one.url.startswith((url, "data:")) else troubles.append(one.url))
    return page


def test_customer_is_found_looked_at_and_helped(running: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, tokens = running
    folder = PICTURES if os.environ.get("ALTYN_WRITE_SCREENSHOTS") == "1" else tmp_path
    folder.mkdir(exist_ok=True)
    troubles: list[str] = []
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        vera, boris = (page_of(browser, url, tokens[name], troubles) for name in ("vera", "boris"))
        find(vera, url, tmp_path)
        look(vera, url, folder, tmp_path)
        help_with_points(vera, boris, url, folder, tmp_path)
        help_with_cards(vera, url, tmp_path)
        merge(vera, url, folder, tmp_path)
        other_faces(vera, url, folder, tmp_path)
        browser.close()
    assert [one for one in troubles if not any(known in one for known in WRONG)] == []
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert max(sizes.values()) <= PICTURE_BYTES_MAX, sizes


def find(page: Page, url: str, aside: Path) -> None:
    page.goto(url)
    page.goto(f"{url}/console/customers")
    page.locator("[name=key]").fill("2900 9999")
    page.locator("main >> text=Find").click()
    sees(page, "#found-customers", "Nobody is found")
    is_good(page, aside / "find.png")
    page.locator("[name=key]").fill("2900 0000 0000 1234")
    page.keyboard.press("Enter")
    sees(page, "#cards", "•••• 1234")
    assert page.url.endswith("/console/customers/901") and "Petrova" not in page.content()


def look(page: Page, url: str, folder: Path, aside: Path) -> None:
    page.goto(f"{url}/console/customers/103")
    sees(page, "#tier", "more make Gold")
    sees(page, "#family", "Ivanovs")
    sees(page, "#lots", "To spend from")
    page.set_viewport_size({"width": 1280, "height": 1180})
    is_good(page, folder / "customer.png")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#receipts >> text=All of them").click()
    sees(page, "#totals", "receipts, to pay")
    is_good(page, folder / "receipts.png")
    page.locator("tbody a.row-title").first.click()
    sees(page, "h1", "Replayed: equal")
    page.goto(f"{url}/console/customers/103/entries")
    sees(page, "#rows", "Earned")
    is_good(page, aside / "entries.png")


def help_with_points(page: Page, boris: Page, url: str, folder: Path, aside: Path) -> None:
    """Wrong first, with what was typed kept; then more than one gives alone; a double click asks once."""
    page.goto(f"{url}/console/customers/103")
    page.locator(".head-acts >> text=Points by hand").click()
    page.locator("[name=asset]").select_option("bonus")
    page.locator("[name=points]").fill("six hundred")
    page.locator("[name=reason]").fill("Apology for a long queue")
    page.locator("form .btn-primary").click()
    sees(page, "[id='wrong-points']", "as many digits after the point")
    expect(page.locator("[name=reason]")).to_have_value("Apology for a long queue")
    is_good(page, folder / "mend.png")
    page.locator("[name=points]").fill("600")
    page.locator("form .btn-primary").dblclick()
    sees(page, ".alert-success", "somebody else has to agree within 72 hours")
    page.locator("text=asks for 600.00 bonus").click()
    sees(page, ".alert-info", "Somebody else decides")
    boris.goto(f"{url}/console/overview")
    boris.goto(f"{url}/console/adjustments")
    expect(boris.locator("tbody tr")).to_have_count(1)
    is_good(boris, aside / "waiting.png")
    boris.locator("tbody a.row-title").click()
    is_good(boris, folder / "decide.png")
    boris.locator("form .btn-success").click()
    sees(boris, ".alert-info", "Done: Boris")
    page.goto(f"{url}/console/customers/103/convert")
    page.locator("[name=to_asset]").select_option("gift")
    page.locator("[name=points]").fill("100")
    page.locator("[name=reason]").fill("asked for")
    page.locator("form .btn-primary").click()
    sees(page, ".alert-success", "The points were converted.")
    sees(page, ".figures", "50.00")
    sees(page, "#entries", "Converted")


def help_with_cards(page: Page, url: str, aside: Path) -> None:
    page.goto(f"{url}/console/customers/103")
    page.locator("#card-103 >> text=Block").click()
    page.locator("[name=reason]").fill("Lost on the way home")
    is_good(page, aside / "block.png")
    page.locator("form .btn-primary").click()
    sees(page, "#card-103", "Lost on the way home")
    page.locator("#card-103 >> text=Replace").click()
    page.locator("[name=number]").fill("2900 0000 0000 7777")
    page.locator("[name=reason]").fill("Lost on the way home")
    page.locator("form .btn-primary").click()
    sees(page, "#cards", "•••• 7777")
    sees(page, "#card-103", "Closed")


def merge(page: Page, url: str, folder: Path, aside: Path) -> None:
    """Both are looked at, the number is typed, and who asked comes to the one who stays."""
    page.goto(f"{url}/console/customers/901/merge")
    page.locator("[name=into_customer_id]").fill("105")
    page.locator("[name=reason]").fill("One person with two cards")
    page.locator("form .btn-primary").click()
    sees(page, "#gone", "•••• 1234")
    sees(page, "#kept", "•••• 5005")
    is_good(page, folder / "merge.png")
    page.locator("[name=confirm]").fill("901")
    page.locator("form .btn-danger").click()
    sees(page, ".alert", "merge")
    sees(page, "#cards", "•••• 5005")
    sees(page, "#cards", "•••• 1234")
    page.goto(f"{url}/console/customers/104/leave")
    page.locator("[name='points.bonus']").fill("1")
    page.locator("[name=reason]").fill("asked for")
    is_good(page, aside / "leave.png")
    page.locator("form .btn-primary").click()
    sees(page, "#family", "In no family")


def other_faces(page: Page, url: str, folder: Path, aside: Path) -> None:
    """In Russian and dark, and on a tablet."""
    page.goto(f"{url}/console/choose/language/ru?back=/console/")
    page.goto(f"{url}/console/choose/theme/dark?back=/console/")
    page.goto(f"{url}/console/customers/103")
    sees(page, "#tier", "будет Золото")
    is_good(page, folder / "customer-russian-dark.png")
    for address, name in (
        ("customers", "find"),
        ("customers/103/receipts", "receipts"),
        ("customers/103/entries", "entries"),
        ("customers/103/adjust", "adjust"),
        ("customers/105/merge", "merge"),
        ("adjustments?state=ALL", "adjustments"),
        ("adjustments/1", "adjustment"),
    ):
        page.goto(f"{url}/console/{address}")
        is_good(page, aside / f"{name}-dark.png")
    page.goto(f"{url}/console/choose/theme/light?back=/console/")
    page.set_viewport_size({"width": 768, "height": 1100})
    page.goto(f"{url}/console/customers/103")
    sees(page, "#tier", "будет Золото")
    is_good(page, folder / "customer-tablet.png")
    for address in ("customers", "customers/103/receipts", "customers/103/adjust", "adjustments?state=ALL"):
        page.goto(f"{url}/console/{address}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
