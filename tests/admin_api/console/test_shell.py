"""The frame: sessions, forged forms, headers, language, colours, static files, addresses that are not there."""

from __future__ import annotations

import base64
import hmac
import html
import re
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest

from altyn.admin_api.console.assets import address_of, assets
from altyn.admin_api.console.pages import local_path
from altyn.admin_api.console.routes import page_routes
from tests.admin_api.console.browser import Browser
from tests.admin_api.desk import Desk
from tests.admin_api.test_edge import key_with

NEW_PASSWORD = "correct horse battery staple 7"


async def test_front_door_leads_a_stranger_to_the_sign_in_page_and_back(stranger: Browser, desk: Desk) -> None:
    page = await stranger.get("/console/promotions?state=DRAFT")
    assert page.path.startswith("/console/sign-in") and page.status == 200
    page = await stranger.post("/console/sign-in", page.form(key=desk.key))
    assert page.path == "/console/promotions?state=DRAFT"
    assert (await stranger.get("/")).path == "/console/overview"


async def test_no_page_answers_a_stranger(stranger: Browser) -> None:
    assert len(page_routes()) > 15
    for route in page_routes():
        response = await stranger.client.request(route.method, re.sub(r"{\w+}", "1", route.path))
        assert response.status_code == 303, route
        assert response.headers["location"].startswith("/console/sign-in?back=%2Fconsole%2F"), route


async def test_session_names_the_key_without_holding_it(stranger: Browser, desk: Desk) -> None:
    response = await stranger.send("/console/sign-in", [("key", desk.key)])
    cookie = response.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/console"} <= set(cookie.split("; "))
    assert desk.key not in cookie and "Secure" not in cookie
    response = await stranger.send("/console/sign-in", [("key", desk.key)], x_forwarded_proto="https")
    assert "Secure" in response.headers["set-cookie"]


async def test_spoiled_session_is_nobody(browser: Browser) -> None:
    cookie = browser.client.cookies["altyn_session"]
    packed, _, signature = cookie.partition(".")
    for spoiled in ("x" + cookie, "", ".", packed, f"{packed}.{'0' * len(signature)}", "A" * 1000):
        browser.client.cookies.clear()
        page = await browser.get("/console/promotions", cookie=f"altyn_session={spoiled}")
        assert page.path.startswith("/console/sign-in"), spoiled


async def test_revoked_key_ends_its_session(stranger: Browser, desk: Desk) -> None:
    made = (await desk.post("/v1/keys", json={"title": "marketer", "scopes": ["promotions:read"]})).json()
    await stranger.post("/console/sign-in", [("key", made["key"])])
    assert (await stranger.get("/console/promotions")).path == "/console/promotions"
    assert (await desk.delete(f"/v1/keys/{made['key_id']}")).status_code < 300
    assert (await stranger.get("/console/promotions")).path.startswith("/console/sign-in")


async def test_wrong_key_is_told_and_signing_out_forgets(browser: Browser) -> None:
    page = await browser.post("/console/sign-out", [])
    assert page.path == "/console/sign-in"
    page = await browser.post("/console/sign-in", [("key", "nobody's")])
    assert page.status == 401 and "Nobody has this key" in page.text
    assert (await browser.get("/console/promotions")).path.startswith("/console/sign-in")


async def person_named(desk: Desk, login: str, role: str) -> str:
    """Somebody with a role; the password given."""
    made = await desk.post("/v1/people", json={"person_id": login, "name": "Anna", "grants": [{"role": role}]})
    assert made.status_code == 201, made.text
    password: str = made.json()["password"]
    return password


async def test_person_comes_in_by_login_and_is_named(stranger: Browser, desk: Desk) -> None:
    given = await person_named(desk, "anna", "MARKETER")
    page = await stranger.post("/console/sign-in", [("login", "Anna"), ("password", "wrong"), ("back", "")])
    assert page.status == 401 and "is not right" in page.text
    assert page.value("login") == "Anna" and page.value("password") == ""
    page = await stranger.post("/console/sign-in", [("login", "anna"), ("password", given)])
    assert page.path == "/console/me" and "Change the password you were given first" in page.text
    for new, again, says in ((NEW_PASSWORD, "other", "differ"), ("short", "short", "password")):
        wrong = await stranger.post("/console/me/password", page.form(present=given, new=new, again=again))
        assert wrong.status in (422, 403) and says in wrong.text
    page = await stranger.post("/console/me/password", page.form(present=given, new=NEW_PASSWORD, again=NEW_PASSWORD))
    assert page.path == "/console/me?done=password"
    page = await stranger.get("/console/")
    assert page.path == "/console/overview" and "Anna" in page.html
    page = await stranger.get("/console/promotions/new?card=points-percent")
    page = await stranger.post("/console/promotions", page.fields)
    assert page.status == 200 and "changed by Anna" in page.text
    token = stranger.client.cookies["altyn_session"]
    await stranger.post("/console/sign-out", [])
    stranger.client.cookies.set("altyn_session", token)
    assert (await stranger.get("/console/promotions")).path.startswith("/console/sign-in")


async def test_second_factor_is_set_up_by_its_owner(stranger: Browser, desk: Desk) -> None:
    given = await person_named(desk, "anna", "MARKETER")
    await stranger.post("/console/sign-in", [("login", "anna"), ("password", given)])
    page = await stranger.get("/console/me")
    page = await stranger.post("/console/me/password", page.form(present=given, new=NEW_PASSWORD, again=NEW_PASSWORD))
    page = await stranger.post("/console/me/second-factor", page.form(password=NEW_PASSWORD))
    assert page.status == 200 and "otpauth://" in page.html
    picture = html.unescape(re.search(r'<img class="qr" src="data:image/svg\+xml[^,]*,([^"]+)"', page.html)[1])  # type: ignore[index]
    drawn = ElementTree.fromstring(unquote(picture))
    assert int(drawn.attrib["width"]) >= 5 * (41 + 8)  # so many modules does an address of this length take
    secret = urlsplit(html.unescape(re.search(r"otpauth://[^\"]+", page.html)[0])).query  # type: ignore[index]
    wrong = await stranger.post("/console/me/second-factor/confirm", page.form(code="000000"))
    assert wrong.status == 422 and "The code the app shows" in wrong.text
    code = code_of(parse_qs(secret)["secret"][0], desk.office.clock().timestamp())
    page = await stranger.post("/console/me/second-factor/confirm", wrong.form(code=code))
    assert page.path == "/console/me?done=factor"
    assert "0 recovery codes are left" in page.text
    wrong = await stranger.post("/console/me/recovery-codes", page.form(password="no"))
    assert wrong.status == 403 and "codes are left" in wrong.text
    page = await stranger.post("/console/me/recovery-codes", page.form(password=NEW_PASSWORD))
    codes = re.findall(r"<li><code>([a-z0-9-]{11})</code>", page.html)
    assert len(set(codes)) == 10 and "10 recovery codes are left" in page.text
    assert codes[0] not in (await stranger.get("/console/me")).html
    again = [("login", "anna"), ("password", NEW_PASSWORD)]
    assert (await stranger.post("/console/sign-in", again)).status == 401
    page = await stranger.post("/console/sign-in", [*again, ("code", codes[3]), ("back", "/console/me")])
    assert page.path == "/console/me" and "9 recovery codes are left" in page.text


def code_of(secret: str, at: float) -> str:
    """What an app shows (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    hashed = hmac.new(key, int(at // 30).to_bytes(8, "big"), "sha1").digest()
    start = hashed[-1] & 15
    return f"{int.from_bytes(hashed[start : start + 4], 'big') % (1 << 31) % 1_000_000:06}"


async def test_guessing_passwords_is_slowed_down(stranger: Browser, desk: Desk) -> None:
    now = desk.office.clock()
    desk.office.clock = lambda: now
    for _ in range(7):
        page = await stranger.post("/console/sign-in", [("login", "nobody"), ("password", "guess")])
    assert page.status == 429 and "Too many attempts failed" in page.text


async def test_key_without_the_scope_is_refused_in_the_shell(stranger: Browser, desk: Desk) -> None:
    key = await key_with(desk, "promotions:read")
    page = await stranger.post("/console/sign-in", [("key", key), ("back", "/console/releases/new")])
    assert page.status == 403 and "Your key does not allow this" in page.text and "Promotions" in page.text
    page = await stranger.get("/console/promotions")
    assert "New promotion" not in page.text


async def test_forms_of_other_sites_and_other_sessions_are_refused(browser: Browser) -> None:
    page = await browser.get("/console/promotions/new?card=points-percent")
    for headers in ({"origin": "http://evil"}, {"sec_fetch_site": "cross-site"}):
        assert (await browser.post("/console/promotions", page.fields, **headers)).status == 403
    refused = await browser.post("/console/promotions", page.form(token="0" * 64))
    assert refused.status == 403 and "does not belong to your session" in refused.text
    assert (await browser.post("/console/promotions", [])).status == 403
    assert (await browser.post("/console/promotions", page.form(once=""))).status == 403
    assert (await browser.post("/console/sign-in", [("key", "x")], sec_fetch_site="cross-site")).status == 403
    assert "No promotions yet" in (await browser.get("/console/promotions")).text


async def test_every_answer_carries_the_security_headers(browser: Browser) -> None:
    for path in ("/console/promotions", "/console/sign-in", "/console/nothing", "/console/promotions/nobody"):
        headers = (await browser.get(path)).response.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"


async def test_pages_hold_no_inline_script_or_style(browser: Browser) -> None:
    for path in ("/console/promotions", "/console/promotions/new?card=n-plus-one", "/console/releases"):
        shown = (await browser.get(path)).html
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", shown)


async def test_what_is_not_there_is_told_in_the_shell(browser: Browser) -> None:
    for path, says in {
        "/console/nothing": "There is nothing here",
        "/console/promotions/nobody": "no such promotion",
        "/console/promotions/nobody/history": "no such promotion",
        "/console/promotions/new?from=nobody": "no such promotion",
        "/console/releases/7": "no such release",
        "/console/releases/x": "no such release",
        "/console/releases/99999999999999999999999": "no such release",
        "/console/releases/7/rollout": "no such release",
    }.items():
        page = await browser.get(path)
        assert page.status == 404, path
        assert says in page.text and "Releases" in page.text, path


async def test_language_follows_the_browser_until_it_is_chosen(stranger: Browser) -> None:
    assert "Access key" in (await stranger.get("/console/sign-in")).text
    stranger.language = "de,ru;q=0.8"
    assert "Ключ доступа" in (await stranger.get("/console/sign-in")).text
    page = await stranger.get("/console/choose/language/en?back=/console/sign-in")
    assert page.path == "/console/sign-in" and "Access key" in page.text
    page = await stranger.get("/console/choose/theme/dark?back=/console/sign-in")
    assert 'data-bs-theme="dark"' in page.html
    assert 'data-bs-theme="dark"' in (await stranger.get("/console/choose/theme/neon?back=/console/sign-in")).html


@pytest.mark.parametrize(
    "asked", ["https://evil", "//evil", "/console/\\evil", "/v1/keys", "", "/console/\nx", "/consolex"]
)
def test_coming_back_never_leaves_the_console(asked: str) -> None:
    assert local_path(asked) == "/console/"


async def test_static_files_are_kept_for_a_year_under_the_hash_of_their_contents(stranger: Browser) -> None:
    for asset in assets().values():
        response = await stranger.client.get(asset.address)
        assert response.status_code == 200 and "immutable" in response.headers["cache-control"]
        assert response.content == asset.plain
    assert (await stranger.client.get("/console/static/0000000000000000/console.css")).status_code == 404
    assert (
        await stranger.client.get(address_of("console.css").replace("console.css", "..%2Fwho.py"))
    ).status_code == 404
