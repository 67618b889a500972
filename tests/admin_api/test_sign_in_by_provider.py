"""Signing in by an identity provider: a real one over HTTP, and everything it, or somebody between, may do wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from altyn.admin_api.people.groups import GroupsWrong, read_table
from altyn.admin_api.people.provider import Provider, Terms
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.conftest import stranger
from tests.admin_api.desk import Desk
from tests.admin_api.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider, new_key
from tests.admin_api.test_people import Clock, clock

__all__ = ["clock", "stranger"]

ANNA = {"sub": "a-1", "email": "Anna@Example.com", "email_verified": True, "amr": ["pwd", "mfa"]}


@pytest.fixture
def provider(desk: Desk, clock: Clock) -> Iterator[IdentityProvider]:
    with identity_provider(clock) as made:
        made.claims = dict(ANNA)
        terms = Terms(made.address, CLIENT, SECRET, "http://console")
        desk.office.provider = Provider(terms, clock)
        yield made


async def add(desk: Desk, login: str = "anna", role: str = "MARKETER", email: str = "anna@example.com") -> None:
    told = {"person_id": login, "name": "Anna", "email": email, "grants": [{"role": role}]}
    made = await desk.post("/v1/people", json=told)
    assert made.status_code == 201, made.text


async def away_and_back(browser: Browser, back: str = "/console/me") -> str:
    """Where the provider sends the browser back to."""
    began = await browser.client.get("/console/sign-in/oidc", params={"back": back})
    assert began.status_code == 303, began.text
    async with httpx.AsyncClient() as client:
        answer = await client.get(began.headers["location"])
    assert answer.status_code == 302, answer.text
    address = answer.headers["location"]
    assert address.startswith("http://console/console/sign-in/oidc/back?")
    return address.removeprefix("http://console")


async def come_in(browser: Browser) -> Page:
    return await browser.get(await away_and_back(browser))


def refused_by(page: Page) -> str:
    """The reason that is told over the form to sign in by; empty: they came in."""
    if page.path == "/console/me":
        return ""
    assert page.status >= 400 and 'name="login"' in page.html, page.text
    assert "altyn_session" not in page.response.headers.get("set-cookie", "")
    return page.text.partition("(")[2].partition(")")[0]


async def test_person_comes_in_by_a_verified_address_and_is_known_by_the_subject_from_then_on(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    await add(desk)
    assert "Sign in by your organisation" in (await stranger.get("/console/sign-in")).text
    page = await stranger.get(await away_and_back(stranger, "/console/promotions?state=DRAFT"))
    assert page.path == "/console/promotions?state=DRAFT" and page.status == 200
    assert "altyn_oidc" not in stranger.client.cookies
    shown = (await desk.get("/v1/people/anna")).json()
    assert (shown["email"], shown["has_provider"], shown["has_second_factor"]) == ("anna@example.com", True, False)
    provider.claims = {"sub": "a-1", "email": "other@example.com", "email_verified": False}
    assert (await come_in(stranger)).path == "/console/me"
    provider.claims = dict(ANNA) | {"sub": "somebody else"}
    assert refused_by(await come_in(stranger)) == "OIDC_PERSON_UNKNOWN"
    deeds = await desk.deeds()
    assert deeds[-3:] == ["people.bind_provider", "sessions.start", "sessions.start"]
    told = await desk.rows("SELECT before, after FROM audit_log")
    assert "example.com" not in str([tuple(row) for row in told])


async def test_nothing_is_open_without_a_provider(desk: Desk, stranger: Browser) -> None:
    assert "organisation" not in (await stranger.get("/console/sign-in")).text
    for path in ("/console/sign-in/oidc", "/console/sign-in/oidc/back?code=1&state=2"):
        page = await stranger.get(path)
        assert (page.status, refused_by(page)) == (404, "OIDC_OFF")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"iss": "https://other.example.com"}, "OIDC_ISSUER_WRONG"),
        ({"aud": "another application"}, "OIDC_AUDIENCE_WRONG"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "OIDC_AUDIENCE_WRONG"),
        ({"aud": [CLIENT, "another"]}, "OIDC_CLAIM_WRONG"),
        ({"nonce": "0" * 64}, "OIDC_NONCE_WRONG"),
        ({"exp": 1}, "OIDC_TOKEN_EXPIRED"),
        ({"iat": 1 << 40}, "OIDC_CLAIM_WRONG"),
        ({"exp": None}, "OIDC_CLAIM_WRONG"),
        ({"sub": "x" * 256}, "OIDC_CLAIM_WRONG"),
        ({"sub": 7}, "OIDC_CLAIM_WRONG"),
        ({"groups": "admins"}, "OIDC_CLAIM_WRONG"),
        ({"email_verified": "true"}, "OIDC_EMAIL_UNVERIFIED"),
        ({"email_verified": False}, "OIDC_EMAIL_UNVERIFIED"),
        ({"email": "nobody@example.com"}, "OIDC_PERSON_UNKNOWN"),
    ],
)
async def test_token_that_is_not_right_lets_nobody_in(
    desk: Desk, stranger: Browser, provider: IdentityProvider, spoil: dict[str, Any], reason: str
) -> None:
    await add(desk)
    provider.spoil = lambda claims: claims | spoil
    assert refused_by(await come_in(stranger)) == reason
    assert (await stranger.get("/console/me")).path.startswith("/console/sign-in")
    assert await desk.rows("SELECT FROM person_sessions") == []
    provider.spoil = lambda claims: claims
    assert refused_by(await come_in(stranger)) == ""


async def test_state_is_of_one_browser_once_and_for_ten_minutes(
    desk: Desk, stranger: Browser, provider: IdentityProvider, clock: Clock
) -> None:
    await add(desk)
    back = await away_and_back(stranger)
    secret = stranger.client.cookies["altyn_oidc"]
    assert refused_by(await stranger.get(back.replace("state=", "state=1"))) == "OIDC_STATE_UNKNOWN"
    assert refused_by(await stranger.get(back)) == "OIDC_STATE_UNKNOWN"  # the browser has given the secret up
    jar = {"cookie": f"altyn_oidc={secret}"}
    assert refused_by(await stranger.get(back, **jar)) == ""
    asked = list(provider.asked)
    stranger.client.cookies.clear()
    assert refused_by(await stranger.get(back, **jar)) == "OIDC_STATE_USED"
    assert provider.asked == asked  # nobody asked the provider again
    late = await away_and_back(stranger)
    clock.pass_by(seconds=601)
    assert refused_by(await stranger.get(late)) == "OIDC_STATE_UNKNOWN"
    assert len(await desk.rows("SELECT FROM oidc_states")) == 1


async def test_code_of_another_browser_is_refused(desk: Desk, stranger: Browser, provider: IdentityProvider) -> None:
    """Somebody slips a victim the answer that the provider gave to themselves."""
    await add(desk)
    foreign = await away_and_back(stranger)
    own = await away_and_back(stranger)
    code = foreign.partition("code=")[2].partition("&")[0]
    mixed = own.replace(own.partition("code=")[2].partition("&")[0], code)
    assert refused_by(await stranger.get(mixed)) == "OIDC_CODE_REFUSED"
    assert refused_by(await stranger.get(foreign)) == "OIDC_STATE_UNKNOWN"


async def test_provider_says_no_or_is_another_or_is_away(
    desk: Desk, stranger: Browser, provider: IdentityProvider, clock: Clock
) -> None:
    await add(desk)
    back = await away_and_back(stranger)
    no = back.partition("code=")[0] + "error=access_denied&state=" + back.partition("state=")[2]
    page = await stranger.get(no)
    assert refused_by(page) == "OIDC_DENIED"
    back = await away_and_back(stranger)
    assert refused_by(await stranger.get(back.partition("&iss=")[0] + "&iss=https://other")) == "OIDC_ISSUER_WRONG"
    provider.described = {"issuer": "https://other.example.com"}
    clock.pass_by(hours=1)
    assert refused_by(await stranger.get("/console/sign-in/oidc")) == "OIDC_ISSUER_WRONG"
    provider.described = {"token_endpoint": "http://elsewhere.example.com/token"}
    assert refused_by(await stranger.get("/console/sign-in/oidc")) == "OIDC_AWAY"
    provider.described = {"x": "y" * (1 << 18)}
    assert refused_by(await stranger.get("/console/sign-in/oidc")) == "OIDC_AWAY"
    assert desk.office.provider is not None
    desk.office.provider = Provider(Terms("http://127.0.0.1:1", CLIENT, SECRET, "http://console"), clock)
    assert refused_by(await stranger.get("/console/sign-in/oidc")) == "OIDC_AWAY"


async def test_keys_of_the_provider_may_be_changed_and_strangers_keys_are_not_asked_for_for_ever(
    desk: Desk, stranger: Browser, provider: IdentityProvider, clock: Clock
) -> None:
    await add(desk)
    assert refused_by(await come_in(stranger)) == ""
    provider.key = new_key("second")
    clock.pass_by(minutes=1)
    assert refused_by(await come_in(stranger)) == ""
    provider.key = new_key("second")  # of the same name
    clock.pass_by(minutes=1)
    assert refused_by(await come_in(stranger)) == ""
    provider.signs_with = new_key("second")
    read = provider.asked.count("/keys")
    for _ in range(3):
        assert refused_by(await come_in(stranger)) == "OIDC_SIGNATURE_WRONG"
    assert provider.asked.count("/keys") == read


async def test_token_without_a_signature_or_with_the_clients_secret_is_refused(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    await add(desk)
    told: dict[str, Any] = {}
    provider.spoil = lambda claims: told.update(claims) or claims

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def unsigned(nonce: str) -> str:
        IdentityProvider.token(provider, nonce)
        return f"{part({'alg': 'none'})}.{part(told)}."

    def by_secret(nonce: str) -> str:
        IdentityProvider.token(provider, nonce)
        key = OctKey.import_key(SECRET * 4)
        return jwt.encode({"alg": "HS256", "kid": "first"}, dict(told), key, algorithms=["HS256"])

    makers: list[Callable[[str], str]] = [unsigned, by_secret, lambda nonce: "no token"]
    for maker in makers:
        provider.token = maker  # type: ignore[method-assign]
        assert refused_by(await come_in(stranger)) == "OIDC_SIGNATURE_WRONG"


async def test_blocked_person_stays_out_and_an_open_session_ends(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    await add(desk)
    assert refused_by(await come_in(stranger)) == ""
    await desk.put("/v1/people/anna/state", json={"state": "BLOCKED"})
    assert (await stranger.get("/console/me")).path.startswith("/console/sign-in")
    assert refused_by(await come_in(stranger)) == "PERSON_BLOCKED"
    await add(desk, "boris", email="boris@example.com")
    await desk.put("/v1/people/boris/state", json={"state": "BLOCKED"})
    provider.claims = dict(ANNA) | {"sub": "b-1", "email": "boris@example.com"}
    assert refused_by(await come_in(stranger)) == "PERSON_BLOCKED"
    assert not (await desk.get("/v1/people/boris")).json()["has_provider"]
    await desk.put("/v1/people/anna/state", json={"state": "ACTIVE"})
    provider.claims = dict(ANNA)
    assert refused_by(await come_in(stranger)) == ""


async def test_role_that_needs_a_second_factor_needs_the_provider_to_ask_for_one(
    desk: Desk, stranger: Browser, provider: IdentityProvider, clock: Clock
) -> None:
    await add(desk, role="ADMINISTRATOR")
    for told in ({"amr": ["pwd"]}, {"amr": None}, {"amr": "mfa"}, {"acr": "silver"}):
        provider.claims = dict(ANNA) | {"amr": None} | told
        assert refused_by(await come_in(stranger)) == "OIDC_SECOND_FACTOR_MISSING", told
    assert not (await desk.get("/v1/people/anna")).json()["has_provider"]
    provider.claims = dict(ANNA)
    assert refused_by(await come_in(stranger)) == ""
    provider.claims = dict(ANNA) | {"amr": None, "acr": "gold"}
    for acr, is_two_factor in ((("gold",), False), ((), True)):
        terms = Terms(provider.address, CLIENT, SECRET, "http://console", acr=acr, is_two_factor=is_two_factor)
        desk.office.provider = Provider(terms, clock)
        assert refused_by(await come_in(stranger)) == ""
        assert (await stranger.get("/console/jobs")).path == "/console/jobs"  # they owe nothing


async def test_session_without_a_second_factor_loses_what_a_later_role_would_open(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    await add(desk)
    provider.claims = dict(ANNA) | {"amr": ["pwd"]}
    assert refused_by(await come_in(stranger)) == ""
    assert (await stranger.get("/console/jobs")).path == "/console/jobs"
    await desk.put("/v1/people/anna/grants", json={"grants": [{"role": "ADMINISTRATOR"}]})
    assert (await stranger.get("/console/jobs")).path == "/console/me"


async def test_own_second_factor_is_no_less_asked_for_by_the_provider(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    await add(desk)
    await desk.rows("UPDATE people SET factor_salt = $1, factor_is_set = true", bytes(16))
    provider.claims = dict(ANNA) | {"amr": ["pwd"]}
    assert refused_by(await come_in(stranger)) == "OIDC_SECOND_FACTOR_MISSING"


async def test_groups_give_and_take_the_roles_that_the_table_names(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    table = {"/marketing": ["MARKETER"], "shops": ["STORE_DIRECTOR@STORE:s1"], "it": ["ADMINISTRATOR"]}
    desk.office.roles_of_groups = read_table(json.dumps(table | {"audit": ["AUDITOR"]}))
    await add(desk, role="SALES_DIRECTOR")

    async def roles(*groups: str) -> list[tuple[str, str]]:
        provider.claims = dict(ANNA) | {"groups": list(groups)}
        assert refused_by(await come_in(stranger)) == ""
        return [(one["role"], one["place"]) for one in (await desk.get("/v1/people/anna")).json()["grants"]]

    by_hand = ("SALES_DIRECTOR", "")
    assert await roles("/marketing", "shops", "unknown") == [("MARKETER", ""), by_hand, ("STORE_DIRECTOR", "s1")]
    assert (await desk.deeds())[-2:] == ["people.grant", "sessions.start"]
    assert await roles("shops") == [by_hand, ("STORE_DIRECTOR", "s1")]
    assert await roles("it") == [("ADMINISTRATOR", ""), by_hand]
    provider.claims = dict(ANNA) | {"groups": ["it", "audit"]}
    assert refused_by(await come_in(stranger)) == "ROLES_CONFLICT"
    provider.claims = dict(ANNA) | {"groups": []}
    assert refused_by(await come_in(stranger)) == "LAST_ADMINISTRATOR"
    provider.claims = dict(ANNA)
    assert refused_by(await come_in(stranger)) == "OIDC_GROUPS_MISSING"
    await add(desk, "boss", "ADMINISTRATOR", "")
    assert await roles() == [by_hand]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": "MARKETER"}',
        *(
            json.dumps({"a": [role]})
            for role in ("KING", 7, "MARKETER@", "MARKETER@s1", "MARKETER@STORE:", "MARKETER@NETWORK:x")
        ),
        json.dumps({"a": ["MARKETER@STORE:" + "x" * 65]}),
    ],
)
def test_table_of_groups_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(GroupsWrong, match="ALTYN_OIDC_ROLES"):
        read_table(text)


async def test_address_is_one_persons_and_changing_it_forgets_the_provider(
    desk: Desk, stranger: Browser, provider: IdentityProvider
) -> None:
    await add(desk)
    assert refused_by(await come_in(stranger)) == ""
    told = {"person_id": "boris", "email": "ANNA@example.com"}
    assert (await desk.post("/v1/people", json=told)).json()["reason"] == "EMAIL_TAKEN"
    assert (await desk.put("/v1/people/anna/email", json={"email": "no address"})).json()["reason"] == "INVALID"
    changed = (await desk.put("/v1/people/anna/email", json={"email": "a@example.com"})).json()
    assert (changed["email"], changed["has_provider"]) == ("a@example.com", False)
    assert (await stranger.get("/console/me")).path.startswith("/console/sign-in")
    assert refused_by(await come_in(stranger)) == "OIDC_PERSON_UNKNOWN"
    assert (await desk.put("/v1/people/anna/email", json={"email": ""})).status_code == 200
