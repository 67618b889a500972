"""Pages of the programme: every list, thing and form, by the API's own calls, in both languages."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from pydantic import BaseModel

from altyn.admin_api.console.programme.all import PROGRAMME
from altyn.admin_api.console.programme.asking import body_of, parameters_of
from altyn.admin_api.console.programme.things import Act
from altyn.admin_api.console.programme.typed import label_of
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.edge.rights import Grant
from tests.admin_api.console.browser import Browser, Page, Reader
from tests.admin_api.console.test_sections import other
from tests.admin_api.console.test_watch import person
from tests.admin_api.desk import STORE, Desk
from tests.admin_api.test_gift_cards import SERIES as GIFT_SERIES

ROOT = "/console/programme"
COUPONS = {"kind": "UNIQUE", "template": "SPRING-########", "starts_at": "2026-01-01T00:00:00Z"}
SERIAL = {**COUPONS, "origin": "SERIAL", "template": "S##########"}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", "assets/bonus", {"title": {"en": "Bonus", "ru": "Бонус"}, "adjust_points_max": 12345}),
    ("PUT", "assets/gift", {"kind": "MONEY"}),
    ("PUT", "assets/bonus/rates/gift", {"from_points": 10, "to_points": 1}),
    ("PUT", "stores/s1", STORE),
    ("PUT", "stores/s1/registers/1", {"title": "Till"}),
    ("PUT", "product-groups/tea", {"title": "Tea"}),
    ("PUT", "segments/regulars", {"title": "Regulars"}),
    ("PUT", "card-series/plastic", {"template": "9#########?"}),
    ("PUT", "gift-card-series/plastic", GIFT_SERIES),
    ("PUT", "coupon-series/spring", COUPONS),
    ("PUT", "coupon-series/serials", SERIAL),
    ("POST", "coupon-series/serials/serials", {"count": 10, "title": "First"}),
    ("PUT", "tiers", {"by": "TURNOVER", "period": "YEAR", "tiers": [{"tier": "gold", "rank": 1, "sum": 100000}]}),
]
KEYS = {
    "asset": "bonus",
    "store_id": "s1",
    "register_id": "1",
    "group_id": "tea",
    "segment": "regulars",
    "sku": "milk",
    "batch_id": "1",
    "job_id": "1",
}
SERIES = {"card-series": "plastic", "gift-series": "plastic", "coupon-series": "spring"}


@pytest.fixture
async def chain(desk: Desk) -> None:
    """Something of each."""
    for method, path, body in CALLS:
        answer = await desk.call(method, f"/v1/{path}", json=body)
        assert answer.status_code < 300, (path, answer.text)
    csv = "sku,title,group_id,no_discount\nmilk,Milk 1 l,dairy,true\ntea,Green tea,tea,\n"
    answer = await desk.post("/v1/products/import", content=csv, headers={"content-type": "text/csv"})
    assert answer.json()["changed_count"] == 2
    csv = "customer_id\n1\nx\n"
    await desk.post("/v1/customers", json={"name": "Anna"})
    answer = await desk.post("/v1/segments/regulars/members/jobs", content=csv, headers={"content-type": "text/csv"})
    assert answer.status_code == 202, answer.text


def addresses() -> list[str]:
    """Every page that is read, of what the chain has."""
    found = []
    for route in PROGRAMME.pages.routes:
        if route.method == "GET":
            kind = route.path.split("/")[3]
            found.append(route.path.format(**KEYS, series=SERIES.get(kind, "")))
    return found


async def test_every_page_is_drawn_in_both_languages(browser: Browser, chain: None) -> None:
    for language in LANGUAGES:
        browser.language = language
        for address in addresses():
            page = await browser.get(address)
            assert page.status == 200, (address, page.text)
            assert "plain." not in page.text, address


# WHAT EVERY PAGE HAS


def forms() -> list[tuple[str, Act]]:
    """Every form with the name of its page."""
    tables = [*PROGRAMME.tables, *(part for one in PROGRAMME.things for part in one.parts)]
    found = [(one.name, act) for one in tables for act in (*one.make, *one.acts)]
    return found + [
        (one.name, act) for one in PROGRAMME.things for act in ((one.save, *one.acts) if one.save else one.acts)
    ]


def paths_of(shape: Any, above: str = "") -> set[str]:
    """Places of a body, those of shapes inside it included; lists and mappings are one place."""
    found: set[str] = set()
    for name, one in shape.model_fields.items():
        inner = one.annotation
        nested = isinstance(inner, type) and issubclass(inner, BaseModel)
        found |= paths_of(inner, f"{above}{name}.") if nested else {above + name}
    return found


@pytest.mark.parametrize(("owner", "act"), forms(), ids=lambda one: one if isinstance(one, str) else one.name)
def test_form_says_all_that_its_call_takes(owner: str, act: Act) -> None:
    shape, known = body_of(act.call), {one.path for one in act.fields} | set(act.given or ())
    wanted = (paths_of(shape) if shape else set()) - ({"zone"} if owner == "program" else set())  # it never changes
    told = {path for path in known if path in wanted} | {path.partition(".")[0] for path in known}
    assert all(path in told for path in wanted), (owner, wanted - told)
    others = {path.partition(".")[0] for path in known} - {path.partition(".")[0] for path in wanted}
    assert others <= {*parameters_of(act.call), "file"}, (owner, others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_every_page_has_a_text(language: str) -> None:
    t = texts_in(language)
    tables = [*PROGRAMME.tables, *(part for one in PROGRAMME.things for part in one.parts)]
    named = [(one.name, name) for one in tables for name, _ in one.columns]
    named += [(one.name, name) for one in PROGRAMME.things for name, _ in one.facts]
    for owner, act in forms():
        named += [(owner, one.path) for one in act.fields]
        named += [(owner, inner.path) for one in act.fields for inner in one.inner]
        assert t.has(f"plain.act.{owner}.{act.name}") or t.has(f"plain.act.{act.name}"), (owner, act.name)
        for one in act.fields:
            assert all(t.has(f"plain.word.{one.path}.{option}") for option in one.options), (owner, one.path)
    assert [one for one in named if label_of(t, *one) == one[1]] == []
    assert all(t.has(f"plain.{one.name}.short") for one in PROGRAMME.tabs)
    assert all(t.has(f"plain.{one.name}.title") and t.has(f"plain.{one.name}.says") for one in tables)
    assert all(t.has(f"plain.{one.name}.one_says") for one in PROGRAMME.things)


# FORMS


async def sent(browser: Browser, page: str, act: str, typed: dict[str, str], **more: str) -> Page:
    """One of a page's forms, with what a person types; what it had already stays."""
    address = f"{ROOT}/{act}"
    form = form_of((await browser.get(f"{ROOT}/{page}")).html, address)
    return await browser.post(address, changed(form, typed) + list(more.items()))


def form_of(html: str, address: str) -> list[tuple[str, str]]:
    """Fields of the form that is sent there."""
    part = html.partition(f'action="{address}"')[2].partition("</form>")[0]
    assert part, f"no form leads to {address}"
    reader = Reader()
    reader.feed(f"<form {part}</form>")
    return reader.fields


def changed(form: list[tuple[str, str]], typed: dict[str, str]) -> list[tuple[str, str]]:
    """By the place a field's name has in it."""
    by_place = {name.removeprefix("doc.").rpartition("|")[0] or name: name for name, _ in form}
    wanted = {by_place.get(place, f"doc.{place}|truth"): text for place, text in typed.items()}
    kept = [(name, wanted.pop(name, value)) for name, value in form]
    return kept + list(wanted.items())


async def test_store_is_made_changed_and_deleted_with_its_history(browser: Browser, desk: Desk, chain: None) -> None:
    page = await sent(
        browser, "stores", "stores/-/make", {"store_id": "s 2", "zone": "Mars/Olympus", "title": "Second"}
    )
    assert page.status == 422 and page.value("doc.title|text") == "Second" and 'id="stores-zone-says"' in page.html
    assert "is-invalid" in page.html.partition('id="stores-zone"')[0][-60:] and await stores(desk) == ["s1"]
    page = await sent(
        browser, "stores", "stores/-/make", {"store_id": "s 2", "zone": "Europe/Moscow", "title": "Second"}
    )
    assert page.status == 200 and page.path == f"{ROOT}/stores/s%202" and "stores.put" in page.text
    page = await sent(browser, "stores", "stores/-/make", {"store_id": "s 2", "zone": "Asia/Omsk"})
    assert page.status == 409 and "THING_EXISTS" in page.text and page.value("doc.zone|text") == "Asia/Omsk"
    page = await sent(browser, "stores/s%202", "stores/s%202/save", {"region": "msk"})
    assert page.status == 200 and page.value("doc.region|text") == "msk" and "region" in page.text
    assert (await desk.get("/v1/stores/s 2")).json()["title"] == "Second"
    page = await sent(browser, "stores/s%202", "stores/s%202/delete", {})
    assert page.status == 422 and "Tick the box first" in page.text and await stores(desk) == ["s 2", "s1"]
    page = await sent(browser, "stores/s%202", "stores/s%202/delete", {}, sure="yes")
    assert page.path == f"{ROOT}/stores" and await stores(desk) == ["s1"]
    page = await sent(browser, "stores/s1", "stores/s1/delete", {}, sure="yes")
    assert page.status == 409 and "STORE_IN_USE" in page.text


async def stores(desk: Desk) -> list[str]:
    return [one["store_id"] for one in (await desk.get("/v1/stores")).json()["stores"]]


async def test_two_editors_notice_each_other(browser: Browser, desk: Desk, chain: None) -> None:
    address = f"{ROOT}/stores/s1"
    first = form_of((await browser.get(address)).html, f"{address}/save")
    second = form_of((await browser.get(address)).html, f"{address}/save")
    assert (await browser.post(f"{address}/save", changed(first, {"title": "Mine"}))).status == 200
    page = await browser.post(f"{address}/save", changed(second, {"title": "Yours"}))
    assert page.status == 412 and "REVISION_DIFFERS" in page.text and page.value("doc.title|text") == "Yours"
    assert (await desk.get("/v1/stores/s1")).json()["title"] == "Mine"
    again = await browser.post(f"{address}/save", form_of(page.html, f"{address}/save"))
    assert again.status == 200 and (await desk.get("/v1/stores/s1")).json()["title"] == "Yours"


async def test_form_sent_twice_acts_once_and_a_key_is_shown_once(browser: Browser, desk: Desk, chain: None) -> None:
    page = await browser.get(f"{ROOT}/stores/s1/registers/1")
    act = f"{ROOT}/stores/s1/registers/1/keys/-/issue"
    form = form_of(page.html, act)
    shown = await browser.post(act, form)
    [key] = (await desk.get("/v1/stores/s1/registers/1/keys")).json()["keys"]
    secret = shown.html.partition('id="secret"')[2].partition(">")[2].partition("<")[0]
    assert (
        hashlib.sha256(secret.encode()).hexdigest() == key["key_id"]
        and shown.response.headers["cache-control"] == "no-store"
    )
    again = await browser.post(act, form)
    assert again.status == 409 and secret not in again.html and "ANSWER_SHOWN_ONCE" in again.text
    assert len((await desk.get("/v1/stores/s1/registers/1/keys")).json()["keys"]) == 1
    assert secret not in (await browser.get(f"{ROOT}/stores/s1/registers/1")).html
    page = await sent(browser, "stores/s1/registers/1", "stores/s1/registers/1/keys/-/rotate", {"overlap_s": "60"})
    assert "The other keys end" in page.text and key["key_id"][:12] in page.text
    revoke = f"stores/s1/registers/1/keys/{key['key_id']}/revoke"
    assert (await sent(browser, "stores/s1/registers/1", revoke, {}, sure="yes")).status == 200
    keys = (await desk.get("/v1/stores/s1/registers/1/keys")).json()["keys"]
    assert [one["revoked"] for one in keys if one["key_id"] == key["key_id"]] == [True]
    assert f"{key['key_id']}/revoke" not in (await browser.get(f"{ROOT}/stores/s1/registers/1")).html


async def test_money_points_and_limits_are_typed_in_whole_units(browser: Browser, desk: Desk, chain: None) -> None:
    typed = {
        "offline.sum_max_minor": "1500,50",
        "offline.assets": "bonus, gift",
        "returns.sum_max_minor": "99999999999999",
    }
    page = await sent(browser, "limits", "limits/save", typed)
    assert page.status == 422 and 'id="limits-returns.sum_max_minor-says"' in page.html
    assert page.value("doc.offline.sum_max_minor|money") == "1500,50"
    page = await sent(browser, "limits", "limits/save", typed | {"returns.sum_max_minor": "10"})
    assert page.status == 200 and "offline.sum_max_minor" in page.text and "150050" in page.text
    found = (await desk.get("/v1/program/limits")).json()
    assert (found["offline"]["sum_max_minor"], found["offline"]["assets"]) == (150050, ["bonus", "gift"])
    assert found["returns"]["sum_max_minor"] == 1000
    page = await browser.get(f"{ROOT}/currencies/bonus")
    assert page.value("doc.adjust_points_max|points") == "123.45" and page.value("doc.title.ru|text") == "Бонус"
    page = await sent(
        browser, "currencies", "currencies/-/make", {"asset": "miles", "scale": "1", "adjust_points_max": "2.5"}
    )
    assert page.status == 200 and (await desk.get("/v1/assets/miles")).json()["adjust_points_max"] == 25
    page = await sent(browser, "currencies/bonus", "currencies/bonus/save", {"scale": "3"})
    assert page.status == 409 and "SCALE_FIXED" in page.text and page.value("doc.scale|number") == "3"
    page = await sent(
        browser,
        "currencies/bonus",
        "currencies/bonus/rates/-/put",
        {"to_asset": "miles", "from_points": "3", "to_points": "2"},
    )
    assert page.status == 200 and len((await desk.get("/v1/assets/bonus/rates")).json()["rates"]) == 2
    assert (await sent(browser, "currencies/bonus", "currencies/bonus/rates/gift/delete", {}, sure="yes")).status == 200
    assert len((await desk.get("/v1/assets/bonus/rates")).json()["rates"]) == 1


async def test_tiers_are_rows_and_a_wrong_one_is_told_in_its_place(browser: Browser, desk: Desk, chain: None) -> None:
    page = await browser.get(f"{ROOT}/tiers")
    assert page.value("doc.tiers.0.tier|text") == "gold" and page.value("doc.tiers.2.tier|text") == ""
    row = {"tiers.2.tier": "platinum", "tiers.2.rank": "two", "tiers.2.sum": "500000", "tiers.2.title.ru": "Платина"}
    page = await sent(browser, "tiers", "tiers/save", row)
    assert page.status == 422 and "two is no whole number" in page.text
    assert page.value("doc.tiers.1.rank|number") == "two" and page.value("doc.tiers.1.title.ru|text") == "Платина"
    page = await sent(browser, "tiers", "tiers/save", row | {"tiers.2.rank": "2"})
    assert page.status == 200, page.text
    assert [one["tier"] for one in (await desk.get("/v1/tiers")).json()["tiers"]] == ["gold", "platinum"]
    page = await sent(browser, "tiers", "tiers/delete", {}, sure="yes")
    assert page.status == 200 and page.value("doc.tiers.0.tier|text") == "" and "Do without tiers" not in page.text


# LISTS


async def test_lists_are_found_in_and_paged_by_their_addresses(browser: Browser, desk: Desk, chain: None) -> None:
    for number in range(30):
        await desk.put(f"/v1/stores/n{number:02}", json=STORE | {"title": f"Shop {number}"})
    page = await browser.get(f"{ROOT}/stores")
    assert "n24" in page.text and "n25" not in page.text and f'href="{ROOT}/stores?at=n24"' in page.html
    page = await browser.get(f"{ROOT}/stores?at=n24")
    assert "n25" in page.text and "s1" in page.text and f'href="{ROOT}/stores"' in page.html
    page = await browser.get(f"{ROOT}/stores?text=shop+1")
    assert f'href="{ROOT}/stores/n11"' in page.html and f'href="{ROOT}/stores/n02"' not in page.html
    assert page.value("text") == "shop 1"
    assert "Nothing is like this" in (await browser.get(f"{ROOT}/stores?text=nowhere")).text
    page = await browser.get(f"{ROOT}/products?text=gREEn")
    assert f'href="{ROOT}/products/tea"' in page.html and f'href="{ROOT}/products/milk"' not in page.html
    assert f'href="{ROOT}/products/milk"' in (await browser.get(f"{ROOT}/products?group_id=dairy")).html
    assert f'href="{ROOT}/groups/dairy"' in (await browser.get(f"{ROOT}/groups?text=dai")).html
    assert f'href="{ROOT}/segments/regulars"' in (await browser.get(f"{ROOT}/segments?text=REG")).html
    page = await browser.get(f"{ROOT}/coupon-series?state=BLOCKED")
    assert page.status == 200 and f'href="{ROOT}/coupon-series/spring"' not in page.html
    page = await browser.get(f"{ROOT}/coupon-series?state=MAYBE")
    assert page.status == 422 and 'role="alert"' in page.html
    assert f'href="{ROOT}/currencies/bonus"' in (await browser.get(f"{ROOT}/currencies?text=бонус")).html
    for unknown in ("stores/nowhere", "coupon-batches/x", "coupon-batches/99", "segments/regulars/uploads/99"):
        assert (await browser.get(f"{ROOT}/{unknown}")).status in (404, 422)


# RIGHTS


async def test_only_what_the_visitor_may_do_is_offered(desk: Desk, chain: None) -> None:
    reader = await other(desk, "promotions:read", "catalogue:read", "stores:read")
    page = await reader.get(f"{ROOT}/stores/s1")
    assert page.status == 200 and "Save" not in page.text and "History" not in page.text and "Delete" not in page.text
    assert f'href="{ROOT}/segments"' not in page.html and (await reader.get(f"{ROOT}/segments")).status == 403
    page = await reader.get(f"{ROOT}/stores/s1/registers/1")
    assert "Issue a key" not in page.text and f"{ROOT}/stores/s1/registers/1/keys/-/issue" not in page.html
    assert "A new currency" not in (await reader.get(f"{ROOT}/currencies")).text
    token = [("token", page.value("token")), ("once", "x")] if "token" in dict(page.fields) else [("once", "x")]
    assert (await reader.post(f"{ROOT}/stores/s1/delete", [*token, ("sure", "yes")])).status == 403


async def test_director_of_a_store_sees_it_and_no_other(desk: Desk, chain: None) -> None:
    await desk.put("/v1/stores/s9", json=STORE | {"region": "spb"})
    director = await person(desk, "vera", Grant("STORE_DIRECTOR", "STORE", "s1"))
    page = await director.get(f"{ROOT}/stores")
    assert f'href="{ROOT}/stores/s1"' in page.html and f'href="{ROOT}/stores/s9"' not in page.html
    assert (await director.get(f"{ROOT}/stores/s1")).status == 200
    assert (await director.get(f"{ROOT}/stores/s9")).status == 403
    assert (await director.get(f"{ROOT}/stores/s9/registers")).status == 403
    keeper = await person(desk, "oleg", Grant("ADMINISTRATOR", "STORE", "s1"))
    page = await keeper.get(f"{ROOT}/stores/s1")
    assert "A new register" in page.text and "Save" not in page.text  # registers by store, stores by the network
