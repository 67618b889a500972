"""The pages of people, sessions, roles, keys and the audit log: what they show, what they do, what they refuse."""

from __future__ import annotations

import re

import pytest

from altyn.admin_api.console import audit
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people.roles import ROLES
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import STORE, Desk

ADMINISTRATOR = Grant("ADMINISTRATOR", "NETWORK")
AUDITOR = Grant("AUDITOR", "NETWORK")


async def come_in(stranger: Browser, desk: Desk, *grants: Grant, login: str = "boss") -> None:
    stranger.client.cookies.set("altyn_session", await desk.token_of(login, *grants))


def secret_of(page: Page) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', page.html)
    assert page.status == 200 and found, page.text
    return found[1]


async def test_person_is_let_in_gets_roles_and_is_blocked(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, ADMINISTRATOR)
    page = await stranger.get("/console/people")
    wrong = await stranger.post("/console/people", page.form(person_id="Anna Petrova", role="MARKETER"))
    assert wrong.status == 422 and wrong.value("person_id") == "Anna Petrova"
    made = await stranger.post("/console/people", wrong.form(person_id="anna", name="Anna", email="a@example.com"))
    password = secret_of(made)
    signed = await desk.client.post("/v1/sessions", json={"login": "anna", "password": password})
    assert signed.json()["owes"] == "PASSWORD"
    page = await stranger.get("/console/people/anna")
    assert password not in page.html and "a@example.com" in page.html and "Marketer" in page.text
    grant = {"role": "STORE_DIRECTOR", "reach": "STORE", "place": ""}
    refused = await stranger.post("/console/people/anna/grant", page.form(**grant))
    assert refused.status == 422
    page = await stranger.post("/console/people/anna/grant", page.form(**grant | {"place": "s1"}))
    assert page.path == "/console/people/anna" and "Store: s1" in page.text
    told = {"token": page.value("token"), "once": "1", "role": "MARKETER", "reach": "NETWORK", "place": ""}
    page = await stranger.post("/console/people/anna/ungrant", list(told.items()))
    grants = (await desk.get("/v1/people/anna")).json()["grants"]
    assert [(one["role"], one["place"]) for one in grants] == [("STORE_DIRECTOR", "s1")]
    told = {"token": page.value("token"), "once": "2", "state": "BLOCKED"}
    page = await stranger.post("/console/people/anna/state", list(told.items()))
    assert "Blocked" in page.text and "None is open" in page.text
    page = await stranger.post("/console/people/anna/password", [("token", page.value("token")), ("once", "3")])
    assert secret_of(page) != password
    page = await stranger.get("/console/people/anna")
    page = await stranger.post(
        "/console/people/anna/email", [("token", page.value("token")), ("once", "4"), ("email", "b@example.com")]
    )
    assert "b@example.com" in page.text
    wanted = ["people.add", "people.grant", "people.grant", "people.state", "people.reset_password", "people.email"]
    assert [one for one in await desk.deeds() if one.startswith("people.")] == wanted


async def test_nobody_changes_themselves_and_the_last_administrator_stays(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, ADMINISTRATOR)
    page = await stranger.get("/console/people/boss")
    assert "somebody else changes your roles" in page.text and "/console/people/boss/grant" not in page.html
    told = [("token", page.value("token")), ("once", "1"), ("state", "BLOCKED")]
    refused = await stranger.post("/console/people/boss/state", told)
    assert (refused.status, "NOT_FOR_ONESELF" in refused.text) == (403, True)
    assert (await stranger.get("/console/people/nobody")).status == 404
    assert (await stranger.get("/console/people/%00")).status == 404


async def test_reader_sees_and_changes_nothing(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, AUDITOR)
    for path in ("people", "people/boss", "sessions", "roles", "api-keys", "register-keys", "audit", "audit-chain"):
        page = await stranger.get(f"/console/{path}")
        assert page.status == 200 and 'class="btn btn-primary mt-3"' not in page.html, path
    told = [("token", ""), ("once", "1"), ("state", "BLOCKED")]
    assert (await stranger.post("/console/people/boss/state", told)).status == 403


async def test_store_director_has_no_link_and_no_page(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, Grant("STORE_DIRECTOR", "STORE", "s1"))
    assert "/console/people" not in (await stranger.get("/console/receipts")).html
    for path in ("people", "sessions", "roles", "api-keys", "register-keys", "audit", "audit-chain"):
        assert (await stranger.get(f"/console/{path}")).status == 403, path


async def test_sessions_of_everybody_are_listed_and_ended(stranger: Browser, desk: Desk) -> None:
    token = await desk.token_of("anna", Grant("MARKETER", "NETWORK"))
    await come_in(stranger, desk, ADMINISTRATOR)
    page = await stranger.get("/console/sessions")
    assert "anna" in page.text and "boss" in page.text and "Password" in page.text
    rows = await desk.rows("SELECT session_id FROM person_sessions WHERE person_id = 'anna'")
    end = f"/console/sessions/{rows[0]['session_id']}/end"
    page = await stranger.post(end, [("token", page.value("token")), ("once", "1")])
    assert "anna" not in page.text
    assert (await desk.get("/v1/me", headers={"authorization": f"Bearer {token}"})).status_code == 401
    unknown = await stranger.post("/console/sessions/no/end", [("token", page.value("token")), ("once", "2")])
    assert unknown.status == 404


async def test_pages_of_long_lists_follow_one_another(stranger: Browser, desk: Desk) -> None:
    for number in range(30):
        await desk.token_of(f"person{number:02}", Grant("MARKETER", "NETWORK"))
    await come_in(stranger, desk, ADMINISTRATOR)
    for path, column in (("people", r"/console/people/(person\d+)"), ("sessions", r"<td>\s*(person\d+)")):
        page = await stranger.get(f"/console/{path}")
        found = re.findall(column, page.html)
        following = re.search(rf'href="(/console/{path}\?at=\d+)" rel="next"', page.html)
        assert following, path
        found += re.findall(column, (await stranger.get(following[1])).html)
        assert len(set(found)) == len(found) == 30, path


async def test_roles_are_the_table_itself(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, AUDITOR)
    page = await stranger.get("/console/roles")
    row = re.search(r'<code title="[^"]*">people:write</code>.*?</tr>', page.html, re.DOTALL)
    assert row and row[0].count("visually-hidden") == sum("people:write" in of for of in ROLES.values()) == 1


async def test_key_of_the_api_is_issued_with_ones_own_rights_and_revoked(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, ADMINISTRATOR)
    page = await stranger.get("/console/api-keys")
    token, once = page.value("token"), iter("123456")
    foreign = [("token", token), ("once", next(once)), ("title", "till"), ("scopes", "promotions:write")]
    refused = await stranger.post("/console/api-keys", foreign)
    assert refused.status == 403 and refused.value("title") == "till"
    own = [*foreign[:1], ("once", next(once)), ("title", "till"), ("scopes", "stores:read"), ("scopes", "jobs:read")]
    key = secret_of(await stranger.post("/console/api-keys", own))
    headers = {"authorization": f"Bearer {key}"}
    assert (await desk.get("/v1/stores", headers=headers)).status_code == 200
    rows = await desk.rows("SELECT key_id FROM api_keys WHERE title = 'till'")
    revoke = f"/console/api-keys/{rows[0]['key_id']}/revoke"
    page = await stranger.post(revoke, [("token", token), ("once", next(once))])
    assert "Revoked" in page.text and key not in page.html
    assert (await desk.get("/v1/stores", headers=headers)).status_code == 401


async def test_key_of_a_register_is_issued_and_revoked(stranger: Browser, desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s1/registers/r1", json={})
    await come_in(stranger, desk, ADMINISTRATOR)
    page = await stranger.get("/console/register-keys")
    unknown = await stranger.post("/console/register-keys", page.form(store_id="s1", register_id="r9"))
    assert unknown.status == 404 and unknown.value("register_id") == "r9"
    made = await stranger.post("/console/register-keys", unknown.form(register_id="r1"))
    assert len(secret_of(made)) == 64
    page = await stranger.get("/console/register-keys")
    rows = await desk.rows("SELECT encode(key_hash, 'hex') AS key_id FROM register_credentials")
    revoke = f"/console/register-keys/{rows[0]['key_id']}/revoke"
    page = await stranger.post(revoke, [("token", page.value("token")), ("once", "1")])
    assert page.status == 200 and "Revoked" in page.text
    assert [one["revoked"] for one in (await desk.get("/v1/stores/s1/registers/r1/keys")).json()["keys"]] == [True]
    spoilt = await stranger.post("/console/register-keys/zz/revoke", [("token", page.value("token")), ("once", "2")])
    assert spoilt.status == 404


async def test_audit_log_is_filtered_paged_and_shown_whole(stranger: Browser, desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    for number in range(60):
        await desk.put(f"/v1/segments/segment{number:02}", json={"title": "x"})
    await come_in(stranger, desk, AUDITOR, login="ann")
    page = await stranger.get("/console/audit")
    following = re.search(r'href="(/console/audit\?[^"]+)" rel="next"', page.html)
    assert following and page.html.count('class="row-title"') == 50
    assert "stores.put" in (await stranger.get(following[1])).text
    page = await stranger.get("/console/audit?action=stores&object_id=s1")
    [number] = re.findall(r'href="/console/audit/(\d+)"', page.html)
    deed = await stranger.get(f"/console/audit/{number}")
    assert "Europe/Moscow" in deed.html and "stores.put" in deed.text
    assert "Nothing here yet" in (await stranger.get("/console/audit?to_day=2020-01-01")).text
    for query in ("from_day=tomorrow", "before=0", "before=x"):
        assert (await stranger.get(f"/console/audit?{query}")).status == 422, query
    for path in ("99999", "0", "x", "9" * 19):
        assert (await stranger.get(f"/console/audit/{path}")).status == 404, path


async def test_chain_that_was_changed_is_told(stranger: Browser, desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await come_in(stranger, desk, AUDITOR)
    assert "The chain is whole" in (await stranger.get("/console/audit-chain")).text
    await desk.rows("ALTER TABLE audit_log DISABLE TRIGGER ALL")
    await desk.rows("UPDATE audit_log SET actor = 'nobody' WHERE action = 'stores.put'")
    page = await stranger.get("/console/audit-chain")
    assert "One place is not right" in page.text and "its contents are not those" in page.text


async def test_newest_rows_of_the_chain_are_checked_at_once_and_all_when_asked(
    stranger: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await come_in(stranger, desk, AUDITOR)
    await desk.rows("ALTER TABLE audit_log DISABLE TRIGGER ALL")
    await desk.rows("UPDATE audit_log SET actor = 'nobody' WHERE audit_no = 1")
    monkeypatch.setattr(audit, "NEWEST_CHECKED_MAX", 1)
    page = await stranger.get("/console/audit-chain")
    assert "The newest 1 rows are whole" in page.text and "/console/audit-chain?whole=1" in page.html
    assert "One place is not right" in (await stranger.get("/console/audit-chain?whole=1")).text
    await desk.rows("UPDATE audit_log SET actor = 'nobody' WHERE audit_no = (SELECT max(audit_no) FROM audit_log)")
    assert "One place is not right" in (await stranger.get("/console/audit-chain")).text


@pytest.mark.parametrize("path", ["people", "sessions", "roles", "api-keys", "register-keys", "audit", "audit-chain"])
async def test_pages_are_in_russian_too(stranger: Browser, desk: Desk, path: str) -> None:
    await come_in(stranger, desk, AUDITOR)
    stranger.language = "ru"
    page = await stranger.get(f"/console/{path}")
    assert page.status == 200 and 'lang="ru"' in page.html


async def test_page_of_jobs_tells_what_works_all_the_time_and_what_keeps_it(stranger: Browser, desk: Desk) -> None:
    await come_in(stranger, desk, AUDITOR)
    now = desk.office.clock()
    await desk.rows(
        "INSERT INTO notices (tenant, customer_id, kind, step, created_at) SELECT 'demo', 1, 'ONE_TIME_CODE', n, $1"
        " FROM generate_series(1, 3) AS n",
        now,
    )
    await desk.rows(
        "INSERT INTO accrual_jobs (tenant, title, asset, points, reason, segment, expires, starts_at, state, refusal,"
        " created_by, created_at, updated_at) VALUES ('demo', 'x', 'bonus', 1, 'x', 'vip', '{}', $1, 'FAILED',"
        " 'asset: unknown', 'person:p', $1, $1)",
        now,
    )
    desk.office.projector.trouble = "ValueError: row 7"
    desk.office.troubles["EVENTS"] = "OSError: away"
    page = await stranger.get("/console/jobs")
    told = dict(re.findall(r'<tr id="standing-([A-Z_]+)">(.*?)</tr>', page.html, re.DOTALL))
    assert len(told) == 9 and "ValueError: row 7" in told["PROJECTOR"] and "OSError: away" in told["EVENTS"]
    assert re.search(r">3<div", told["NOTICES"]) and "since" in told["NOTICES"]
    assert re.search(r'text-end">1<', told["ACCRUALS"]) and "/console/value/accruals" in told["ACCRUALS"]
    listed = await stranger.get("/console/value/accruals")
    assert "asset: unknown" in listed.text and "Try again" not in listed.text  # who only reads
    await come_in(stranger, desk, Grant("MARKETER", "NETWORK"), login="maria")
    listed = await stranger.get("/console/value/accruals")
    listed = await stranger.post("/console/value/accruals/1/go-on", [("token", listed.value("token")), ("once", "1")])
    assert "Running" in listed.text and "accruals.go_on" in await desk.deeds()
