"""Pages of the programme: every list, thing and form, by the API's own calls, in both languages."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Collection
from typing import Any

import pytest
from pydantic import BaseModel

from altyn.admin_api.console import uploads
from altyn.admin_api.console.programme.all import PROGRAMME
from altyn.admin_api.console.programme.asking import body_of, parameters_of
from altyn.admin_api.console.programme.things import Act
from altyn.admin_api.console.programme.typed import label_of
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.reports.sheets import FORMULA_SIGNS
from altyn.admin_api.segments.jobs import MemberJobs
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
    ("POST", "card-series/plastic/batches", {"count": 3}),
    ("POST", "gift-card-series/plastic/batches", {"count": 3}),
    ("POST", "customers", {"name": "Anna"}),
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
    answer = await desk.post("/v1/segments/regulars/members/jobs", content=csv, headers={"content-type": "text/csv"})
    assert answer.status_code == 202, answer.text


def addresses(leave_out: Collection[str] = ()) -> list[str]:
    """Every page that is read, of what the chain has."""
    found = []
    for route in PROGRAMME.pages.routes:
        if route.method == "GET" and route.path.removeprefix("/console") not in leave_out:
            kind = route.path.split("/")[3]
            found.append(route.path.format(**KEYS, series=SERIES.get(kind, "")))
    return found


async def test_every_page_is_drawn_in_both_languages(browser: Browser, chain: None) -> None:
    parts = {part.path for thing in PROGRAMME.things for part in thing.parts}
    lists_under_things = set(addresses()) - set(addresses(parts))
    for language in LANGUAGES:
        browser.language = language
        for address in addresses():
            page = await browser.get(address)
            assert page.status == 200, (address, page.text)
            assert "plain." not in page.text, address
            assert page.html.partition("<main")[2].count('aria-current="page"') == 1 or address in lists_under_things, (
                address
            )


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


# FILES


def multipart(fields: list[tuple[str, str]], name: str, content: bytes) -> tuple[bytes, str]:
    """A form with a file, as browsers send it."""
    mark = "----a-boundary-of-a-form"
    parts = [
        f'--{mark}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields
    ]
    head = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n'
    parts += [f"{head}content-type: application/octet-stream\r\n\r\n".encode(), content, f"\r\n--{mark}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


async def uploaded(browser: Browser, page: str, act: str, name: str, content: bytes, **typed: str) -> Page:
    address = f"{ROOT}/{act}"
    form = [one for one in form_of((await browser.get(f"{ROOT}/{page}")).html, address) if one[0] != "file"]
    body, kind = multipart(changed(form, typed), name, content)
    answer = await browser.client.post(
        address, content=body, headers={"content-type": kind, "accept-language": "en"}, follow_redirects=True
    )
    return browser._read(answer)


IMPORT = ("products", "products/-/import")


async def test_file_is_read_and_told_by_line(browser: Browser, desk: Desk, chain: None) -> None:
    content = "sku,title,min_price_minor\nmilk,=1+1,100\nbad id/,x,\ncheese,Сыр,dear\nmilk,again,\n".encode("utf-8-sig")
    page = await uploaded(browser, *IMPORT, "goods.CSV", content)
    assert page.status == 200 and "Rows 4" in page.text and "Changed 1" in page.text and "Wrong rows 3" in page.text
    assert "3 sku" in page.text and "4 min_price_minor" in page.text and "the same stands in line 2" in page.text
    assert (await desk.get("/v1/products/milk")).json()["title"] == "=1+1"
    page = await uploaded(browser, *IMPORT, "goods.csv", content, all_or_nothing="true")
    assert page.status == 422 and "IMPORT_REFUSED" in page.text
    page = await uploaded(browser, *IMPORT, "goods.ndjson", b'{"sku": "rye"}\n{"sku": 5}\n')
    assert page.status == 200 and (await desk.get("/v1/products/rye")).status_code == 200


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("goods.csv", "sku,title\nmilk,Молоко\n".encode("cp1251"), "the file is not UTF-8"),
        ("goods.csv", "sku,title\nmilk,Молоко\n".encode("utf-16"), "the file is not UTF-8"),
        ("goods.csv", b"sku;title\nmilk;Milk\n", "the first line names columns"),
        ("goods.csv", b"", "the first line names columns"),
        ("goods.csv", b'sku,title\nmilk,"Milk\n', "not CSV"),
        ("goods.xlsx", b"PK\x03\x04", "the name ends in none of"),
        ("goods", b"sku\nmilk\n", "the name ends in none of"),
        ("", b"", "Choose a file"),
        ("goods.csv", b"sku,title\nmilk,\x00\n", ""),
    ],
    ids=["cp1251", "utf-16", "semicolons", "empty", "quotes", "xlsx", "no ending", "no file", "nul"],
)
async def test_file_that_cannot_be_read_is_told_over_the_form(
    browser: Browser, desk: Desk, name: str, content: bytes, says: str
) -> None:
    page = await uploaded(browser, *IMPORT, name, content)
    assert says in page.text
    assert (page.status == 422 and 'role="alert"' in page.html) or "Wrong rows 1" in page.text
    assert (await desk.get("/v1/products")).json()["products"] == []


async def test_file_that_is_too_large_or_of_a_stranger_is_refused(
    browser: Browser, stranger: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "FILE_BYTES_MAX", 100)
    page = await uploaded(browser, *IMPORT, "goods.csv", b"sku\n" + b"a\n" * 50)
    assert page.status == 413 and "TOO_LARGE" in page.text
    monkeypatch.setattr(uploads, "UPLOAD_BYTES_MAX", 1_000)
    page = await uploaded(browser, *IMPORT, "goods.csv", b"a" * 2_000)
    assert page.status == 413
    body, kind = multipart([("token", "forged"), ("once", "1")], "goods.csv", b"sku\nmilk\n")
    answer = await browser.client.post(f"{ROOT}/products/-/import", content=body, headers={"content-type": kind})
    assert answer.status_code == 403 and "FORM_FORGED" in answer.text
    for field in (b"", b"--x\r\ncontent-disposition: form-data\r\n\r\n1\r\n--x--", b"--x\r\n" * 50):
        broken = await browser.client.post(
            f"{ROOT}/products/-/import", content=field, headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert broken.status_code in (403, 422), broken.text
    assert (await desk.get("/v1/products")).json()["products"] == []


async def test_list_of_members_is_written_behind_the_page_and_stopped(
    browser: Browser, desk: Desk, chain: None
) -> None:
    page = await uploaded(
        browser, "segments/regulars", "segments/regulars/uploads/-/upload", "a.csv", b"customer_id\n1\nzz\n", mode="ADD"
    )
    assert (
        page.path == f"{ROOT}/segments/regulars/uploads/2"
        and "Waiting" in page.text
        and 'hx-trigger="every 2s"' in page.html
    )
    assert "3 customer_id" in page.text and "0 of 1" in page.text
    assert await MemberJobs(desk.office).turn() and await MemberJobs(desk.office).turn()
    page = await browser.get(page.path, hx_request="true")
    assert "Done" in page.text and "1 of 1" in page.text and "<html" not in page.html and "every 2s" not in page.html
    page = await uploaded(
        browser, "segments/regulars", "segments/regulars/uploads/-/upload", "a.csv", b"customer_id\n1\n", mode="REMOVE"
    )
    page = await sent(browser, "segments/regulars/uploads/3", "segments/regulars/uploads/3/cancel", {})
    assert page.status == 200 and "Stopped" in page.text
    assert "1" in (await browser.get(f"{ROOT}/segments/regulars/members")).text
    page = await sent(browser, "segments/regulars", "segments/regulars/members/-/change", {"remove": "1, x"})
    assert page.status == 422 and "x is no whole number" in page.text
    page = await sent(browser, "segments/regulars", "segments/regulars/members/-/change", {"remove": "1"})
    assert page.status == 200, page.text
    assert (await desk.get("/v1/segments/regulars")).json()["members_count"] == 0
    page = await sent(browser, "segments/regulars", "segments/regulars/delete", {}, sure="yes")
    assert page.path == f"{ROOT}/segments"


# NUMBERS AND CODES


async def saved(browser: Browser, page: str, act: str, typed: dict[str, str]) -> list[list[str]]:
    """Rows of the file that an act is answered with, none of which a spreadsheet takes for a formula."""
    address = f"{ROOT}/{act}"
    form = changed(form_of((await browser.get(f"{ROOT}/{page}")).html, address), typed)
    answer = await browser.send(address, form)
    assert answer.status_code == 201 and answer.headers["content-type"].startswith("text/csv"), answer.text
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+\.csv"', answer.headers["content-disposition"])
    rows = list(csv.reader(answer.text.splitlines()))
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA_SIGNS)]
    assert (await browser.send(address, form)).status_code == 409
    return rows


async def test_runs_of_cards_are_printed_blocked_and_let_be_used_again(
    browser: Browser, desk: Desk, chain: None
) -> None:
    rows = await saved(browser, "card-series/plastic", "card-series/plastic/batches/-/print", {"count": "2"})
    assert rows[0] == ["card_id", "card_number"] and len(rows) == 3
    one = f"{ROOT}/card-batches/2"
    assert rows[1][1] not in (await browser.get(one)).html and rows[1][1][-4:] in (await browser.get(one)).text
    await desk.post(f"/v1/cards/{rows[1][0]}/block", json={"reason": "by itself"})
    page = await sent(browser, "card-batches/2", "card-batches/2/block", {"reason": "x"})
    assert page.status == 422 and page.value("doc.reason|long") == "x"
    page = await sent(browser, "card-batches/2", "card-batches/2/block", {"reason": "lost on the way"})
    assert (
        page.status == 200
        and "Print run 2 Blocked" in page.text
        and "run 2: lost on the way" in page.text
        and "card_series.block" in page.text
    )
    page = await sent(browser, "card-batches/2", "card-batches/2/unblock", {"reason": "found"})
    assert page.status == 200
    states = {row["card_id"]: row["state"] for row in (await desk.get("/v1/cards?batch_id=2")).json()["cards"]}
    assert states == {int(rows[1][0]): "BLOCKED", int(rows[2][0]): "NEW"}
    assert f'href="{ROOT}/card-batches/2"' in (await browser.get(f"{ROOT}/card-series/plastic/batches")).html


async def test_runs_of_gift_cards_are_ordered_made_by_another_and_blocked(
    browser: Browser, desk: Desk, chain: None
) -> None:
    page = await sent(
        browser, "gift-series/plastic", "gift-series/plastic/batches/-/order", {"count": "2", "title": "May"}
    )
    assert page.status == 200 and "May" in page.text and "Ordered" in page.text
    own = await sent(browser, "gift-series/plastic", "gift-series/plastic/batches/2/issue", {})
    assert own.status == 403 and "FOUR_EYES" in own.text
    director = await person(desk, "gina", Grant("MARKETING_DIRECTOR", "NETWORK"))
    rows = await saved(director, "gift-series/plastic", "gift-series/plastic/batches/2/issue", {})
    assert len(rows) == 3 and "gift-batches/2/block" not in (await director.get(f"{ROOT}/gift-batches/2")).html
    await desk.post(f"/v1/gift-cards/{rows[1][0]}/block", json={"reason": "by itself"})
    guard = await person(desk, "olga", Grant("ANTIFRAUD", "NETWORK"))
    page = await sent(guard, "gift-batches/2", "gift-batches/2/block", {"reason": "stolen"})
    assert page.status == 200 and "run 2: stolen" in page.text
    assert (await desk.post("/v1/gift-card-batches/2/block", json={"reason": "again"})).json()[
        "reason"
    ] == "GIFT_BATCH_STATE"
    assert (await sent(guard, "gift-batches/2", "gift-batches/2/unblock", {"reason": "found"})).status == 200
    cards = (await desk.get("/v1/gift-card-batches/2/cards")).json()["cards"]
    assert [one["is_blocked"] for one in cards] == [True, False]
    assert (await desk.post("/v1/gift-card-batches/1/block", json={"reason": "not made"})).status_code == 409


async def test_codes_are_drawn_imported_exported_by_four_eyes_and_blocked(
    browser: Browser, desk: Desk, chain: None
) -> None:
    rows = await saved(browser, "coupon-series/spring", "coupon-series/spring/batches/-/generate", {"count": "3"})
    assert len(rows) == 4
    page = await uploaded(
        browser,
        "coupon-series/spring",
        "coupon-series/spring/batches/-/import",
        "c.csv",
        b"code\n=cmd\nLUCKY\n",
    )
    assert page.status == 200 and "Codes 2" in page.text
    page = await sent(browser, "coupon-batches/2", "coupon-batches/2/block", {"reason": "leaked"})
    assert page.status == 200 and "coupon_batches.set_state" in page.text and "Let it be used again" in page.text
    assert (await desk.get("/v1/coupon-batches/2")).json()["state"] == "BLOCKED"
    gina = await person(desk, "gina", Grant("MARKETING_DIRECTOR", "NETWORK"))
    igor = await person(desk, "igor", Grant("MARKETING_DIRECTOR", "NETWORK"))
    for expected in ("Approved", "Waits for another"):
        page = await sent(gina, "coupon-batches/1", "coupon-batches/1/exports/-/ask", {"reason": "for the printer"})
        assert page.status == 200 and expected in page.text
    codes = await saved(gina, "coupon-batches/1", "coupon-batches/1/exports/1/codes", {})
    assert len(codes) == 10
    page = await sent(gina, "coupon-batches/1", "coupon-batches/1/exports/2/approve", {})
    assert page.status == 403 and "FOUR_EYES" in page.text
    assert (await sent(igor, "coupon-batches/1", "coupon-batches/1/exports/2/approve", {})).status == 200
    assert await saved(gina, "coupon-batches/1", "coupon-batches/1/exports/2/codes", {}) == codes
