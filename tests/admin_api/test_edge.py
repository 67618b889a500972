"""The edge: scopes, once per Idempotency-Key, one transaction, problems, the audit chain."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter

from altyn.admin_api.app import create_app, edge_routes
from altyn.admin_api.bootstrap import admin_key_path, prepare
from altyn.admin_api.edge.audit import verify_chain
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.edge.routes import EdgeRoute, needs
from altyn.admin_api.edge.scopes import SCOPES
from altyn.infra.settings import Settings
from tests.admin_api.desk import STORE, TEN, Desk
from tests.admin_api.journal import Journal

EVERY = sorted((method, route.path, route.needs.scope) for route in edge_routes() for method in route.methods or ())
CALLS = [call for call in EVERY if call[2]]
SAMPLES = {
    "{key_id}": "0" * 64,
    "{version}": "1",
    **dict.fromkeys(("{customer_id}", "{card_id}", "{account_id}", "{batch_id}", "{code_id}"), "1"),
    "{exception_id}": "1-0",
}


def address(path: str) -> str:
    for name, value in SAMPLES.items():
        path = path.replace(name, value)
    return path.replace("{", "").replace("}", "")


async def key_with(desk: Desk, *scopes: str) -> str:
    made = await desk.post("/v1/keys", json={"title": "test", "scopes": list(scopes)})
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    return key


def test_every_route_under_v1_passes_the_edge_with_a_known_scope() -> None:
    assert len(CALLS) > 50
    assert {scope for _, _, scope in CALLS} == set(SCOPES)
    assert [call for call in EVERY if not call[2]] == [("POST", "/v1/sessions", "")]
    assert all(path.startswith("/v1/") for _, path, _ in CALLS)
    reading = {scope for method, _, scope in CALLS if method == "GET"}
    assert all(scope.endswith(":read") for scope in reading - {"customers:personal"})


def test_route_without_a_scope_cannot_be_made() -> None:
    with pytest.raises(AttributeError):
        APIRouter(route_class=EdgeRoute).add_api_route("/v1/open", lambda: None)
    with pytest.raises(AssertionError):
        needs("everything")


def test_reasons_are_unique_and_written_like_constants() -> None:
    def all_of(kind: type[Refusal]) -> list[type[Refusal]]:
        return [kind] + [found for below in kind.__subclasses__() for found in all_of(below)]

    reasons = [kind.reason for kind in all_of(Refusal)]
    assert sorted(set(reasons)) == sorted(reasons)
    assert all(
        reason.isupper() and 400 <= kind.status_code < 600
        for kind, reason in zip(all_of(Refusal), reasons, strict=True)
    )


async def test_scope_matrix_every_call_is_refused_to_a_key_that_has_all_other_scopes(desk: Desk) -> None:
    for scope in SCOPES:
        others = await key_with(desk, *(one for one in SCOPES if one != scope))
        for method, path, needed in CALLS:
            if needed == scope:
                answer = await desk.call(method, address(path), headers={"authorization": f"Bearer {others}"})
                assert (answer.status_code, answer.json()["reason"]) == (403, "SCOPE_MISSING"), (method, path)


async def test_scope_matrix_every_call_is_let_in_by_its_scope_alone(desk: Desk) -> None:
    for scope in SCOPES:
        key = await key_with(desk, scope)
        for method, path, needed in CALLS:
            if needed == scope:
                answer = await desk.call(method, address(path), headers={"authorization": f"Bearer {key}"})
                assert answer.status_code not in (401, 403, 405, 500), (method, path, answer.text)


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer " + "0" * 64, "Basic YTpi", "Bearer " + "x" * 300])
async def test_call_without_a_live_key_is_refused(desk: Desk, given: str) -> None:
    for method, path, _ in CALLS[::9]:
        answer = await desk.client.request(method, address(path), headers={"authorization": given})
        assert (answer.status_code, answer.json()["reason"]) == (401, "CREDENTIAL_UNKNOWN")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_key_revoked_is_refused_at_once_and_the_last_issuer_stays(desk: Desk) -> None:
    key = await key_with(desk, "stores:read")
    key_id = hashlib.sha256(key.encode()).hexdigest()[:16]
    assert (await desk.delete(f"/v1/keys/{key_id}")).status_code == 204
    refused = await desk.get("/v1/stores", headers={"authorization": f"Bearer {key}"})
    assert refused.status_code == 401
    [first] = [one for one in (await desk.get("/v1/keys")).json()["keys"] if one["title"] == "first key"]
    assert (await desk.delete(f"/v1/keys/{first['key_id']}")).json()["reason"] == "LAST_KEY"
    assert (await desk.delete(f"/v1/keys/{key_id}")).json()["reason"] == "KEY_UNKNOWN"


async def test_key_issued_with_more_than_one_has_is_refused(desk: Desk) -> None:
    issuer = {"authorization": f"Bearer {await key_with(desk, 'keys:write', 'stores:read')}"}
    asked = {"title": "more", "scopes": ["stores:read", "releases:publish"]}
    assert (await desk.post("/v1/keys", json=asked, headers=issuer)).json()["reason"] == "SCOPE_NOT_YOURS"
    assert (await desk.post("/v1/keys", json=asked | {"scopes": ["gods:all"]})).json()["reason"] == "SCOPE_UNKNOWN"


async def test_first_key_is_made_once_and_readable_by_its_owner_alone(desk: Desk, settings: Settings) -> None:
    path = admin_key_path(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    async with desk.office.connected() as connection:
        assert not await prepare(connection, settings, desk.office.clock())
    assert len(await desk.rows("SELECT FROM api_keys")) == 1


async def test_write_repeated_with_its_key_is_answered_the_same_and_done_once(desk: Desk) -> None:
    once = {"idempotency-key": "once"}
    first = await desk.post("/v1/promotions", json=TEN, headers=once)
    again = await desk.post("/v1/promotions", json=TEN, headers=once)
    assert (again.status_code, again.content, again.headers["etag"]) == (201, first.content, '"1"')
    assert again.headers["idempotency-replayed"] == "true"
    assert await desk.deeds() == ["promotions.create"]
    other = await desk.post("/v1/promotions", json=TEN | {"priority": "1"}, headers=once)
    assert (other.status_code, other.json()["reason"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    elsewhere = await desk.put("/v1/stores/s1", json=STORE, headers=once)
    assert elsewhere.json()["reason"] == "IDEMPOTENCY_KEY_REUSED"


async def test_write_sent_twice_at_once_is_done_once(desk: Desk) -> None:
    once = {"idempotency-key": "double click"}
    answers = await asyncio.gather(*(desk.post("/v1/customers", json={}, headers=once) for _ in range(3)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len(await desk.rows("SELECT FROM customers")) == 1


async def test_write_refused_leaves_its_key_free(desk: Desk) -> None:
    once = {"idempotency-key": "once"}
    refused = await desk.put("/v1/stores/s1", json=STORE | {"zone": "Nowhere"}, headers=once)
    assert refused.status_code == 422
    assert (await desk.put("/v1/stores/s1", json=STORE, headers=once)).status_code == 200


async def test_write_without_a_key_of_its_own_is_refused(desk: Desk) -> None:
    authorization = {"authorization": f"Bearer {desk.key}"}
    answer = await desk.client.put("/v1/stores/s1", json=STORE, headers=authorization)
    assert (answer.status_code, answer.json()["reason"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    long = await desk.put("/v1/stores/s1", json=STORE, headers={"idempotency-key": "k" * 201})
    assert (long.status_code, long.json()["path"]) == (422, "Idempotency-Key")


async def test_answer_with_a_key_is_not_kept_in_clear(desk: Desk) -> None:
    asked, once = {"title": "t", "scopes": ["stores:read"]}, {"idempotency-key": "once"}
    key = (await desk.post("/v1/keys", json=asked, headers=once)).json()["key"]
    again = await desk.post("/v1/keys", json=asked, headers=once)
    assert (again.status_code, again.json()["reason"]) == (409, "ANSWER_SHOWN_ONCE")
    kept = await desk.rows("SELECT body FROM admin_answers UNION ALL SELECT after::text::bytea FROM audit_log")
    assert not [row for row in kept if row["body"] and key.encode() in row["body"]]


async def test_problem_names_fields_and_carries_the_request_id(desk: Desk) -> None:
    body = {"zone": "UTC", "exponent": 9, "colour": "red", "region": "x" * 65, "title": "a\nb"}
    answer = await desk.put("/v1/stores/s1", json=body, headers={"x-request-id": "till-17"})
    told = answer.json()
    assert (answer.status_code, told["reason"], told["request_id"]) == (422, "INVALID", "till-17")
    assert answer.headers["content-type"] == "application/problem+json"
    assert {(one["path"], one["code"]) for one in told["problems"]} == {
        ("exponent", "OUT_OF_RANGE"),
        ("colour", "UNKNOWN_KEY"),
        ("region", "BAD_FORMAT"),
        ("title", "BAD_FORMAT"),
    }
    strange = await desk.get("/v1/stores", headers={"x-request-id": "a b"})
    assert strange.headers["x-request-id"] != "a b"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"zone": "UTC", "title": "\\ud800"}', b'{"zone": 1}'])
async def test_body_that_is_no_request_is_refused(desk: Desk, content: bytes) -> None:
    answer = await desk.put("/v1/stores/s1", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "INVALID")


async def test_body_too_large_is_refused_declared_or_not(desk: Desk) -> None:
    async def parts() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    declared = await desk.post("/v1/promotions", content=b"x" * 1_100_000)
    streamed = await desk.post("/v1/promotions", content=parts())
    assert [answer.json()["reason"] for answer in (declared, streamed)] == ["TOO_LARGE", "TOO_LARGE"]


async def test_address_nobody_answers_is_a_problem_too(desk: Desk) -> None:
    assert ((await desk.get("/v1/nothing")).json()["reason"], (await desk.get("/v1/nothing")).status_code) == (
        "NOT_FOUND",
        404,
    )
    assert (await desk.delete("/v1/servers")).status_code == 405


async def test_failure_is_told_without_its_cause_and_rolled_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("altyn.admin_api.edge.routes.keep_answer", fail)
    answer = await desk.put("/v1/stores/s1", json=STORE)
    assert (answer.status_code, answer.json()["reason"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert await desk.rows("SELECT FROM stores") == []
    assert await desk.deeds() == []


async def test_write_behind_a_slow_one_is_told_to_come_again(desk: Desk) -> None:
    async with desk.office.connected() as connection, connection.transaction():
        await connection.execute("INSERT INTO feed_clock VALUES ('demo', 1, now())")
        async with desk.office.connected() as other:
            await other.execute("SELECT 1")
        answer = await desk.put("/v1/stores/s1", json=STORE)
    assert (answer.status_code, answer.json()["reason"], answer.headers["retry-after"]) == (503, "BUSY", "1")


async def test_write_rings_after_commit_and_survives_a_broker_away(desk: Desk) -> None:
    made = await desk.put("/v1/stores/s1", json=STORE)
    assert await desk.wake_ups() == [made.headers["altyn-feed-version"]]
    desk.office.redis.connection_pool.connection_kwargs["path"] = "/nowhere"
    await desk.office.redis.aclose()
    assert (await desk.put("/v1/stores/s2", json=STORE)).status_code == 200


async def test_audit_chain_tells_edited_removed_and_reordered_rows(desk: Desk) -> None:
    for number in range(4):
        await desk.put(f"/v1/stores/s{number}", json=STORE | {"title": f"Магазин {number}"})
    sound = (await desk.get("/v1/audit/verify")).json()
    assert (sound["checks"], sound["violations"], sound["head_no"]) == (5, [], 5)
    with pytest.raises(asyncpg.RestrictViolationError):
        await desk.rows("DELETE FROM audit_log")
    spoils = [
        "UPDATE audit_log SET actor = 'nobody' WHERE audit_no = 3",
        "DELETE FROM audit_log WHERE audit_no = 3",
        "UPDATE audit_log SET after = jsonb_set(after, '{title}', '\"x\"') WHERE audit_no = 4",
        "UPDATE audit_log SET audit_no = CASE audit_no WHEN 2 THEN 102 ELSE 101 END WHERE audit_no IN (2, 3)",
    ]
    async with desk.office.connected() as connection:
        for spoil in spoils:
            undone = connection.transaction()
            await undone.start()
            await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_immutable")
            await connection.execute(spoil)
            found = await verify_chain(connection, "demo")
            await undone.rollback()
            assert found.violations, spoil


async def test_audit_tail_cut_or_written_anew_is_found_by_a_head_noted_elsewhere(desk: Desk) -> None:
    for number in range(3):
        await desk.put(f"/v1/stores/s{number}", json=STORE)
    async with desk.office.connected() as connection:
        sound = await verify_chain(connection, "demo")
        middle = await connection.fetchval("SELECT encode(row_hash, 'hex') FROM audit_log WHERE audit_no = 2")
        noted = [(2, middle), (sound.head_no, sound.head_hash)]
        assert (await verify_chain(connection, "demo", noted)).violations == ()
        await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_immutable")
        await connection.execute("DELETE FROM audit_log WHERE audit_no >= 3")
        assert (await verify_chain(connection, "demo")).violations == ()
        assert (await verify_chain(connection, "demo", noted)).violations == (
            "row 4: it was noted as the head, and is gone",
        )
    for number in range(3, 6):
        await desk.put(f"/v1/stores/s{number}", json=STORE)
    async with desk.office.connected() as connection:
        assert (await verify_chain(connection, "demo")).violations == ()
        assert (await verify_chain(connection, "demo", noted)).violations == (
            "row 4: it is not the head that was noted",
        )


async def test_audit_rows_of_writes_at_once_stand_in_one_chain(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.put(f"/v1/stores/s{number}", json=STORE) for number in range(8)))
    done_count = sum(answer.status_code == 200 for answer in answers)
    async with desk.office.connected() as connection:
        found = await verify_chain(connection, "demo")
    assert (found.checks, found.violations) == (done_count + 1, ())


async def test_audit_lists_what_was_done_to_one_object(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s1", json=STORE | {"region": "spb"}, headers={"x-request-id": "second"})
    rows = (await desk.get("/v1/audit?object_kind=store&object_id=s1&limit=1")).json()
    [newest] = rows["rows"]
    assert (newest["action"], newest["request_id"]) == ("stores.put", "second")
    assert (newest["before"]["region"], newest["after"]["region"]) == ("msk", "spb")
    older = (await desk.get(f"/v1/audit?object_kind=store&before={rows['next_before']}")).json()
    assert [row["before"] for row in older["rows"]] == [None]


async def test_audit_is_filtered_by_who_what_and_when(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s1/registers/r1", json={}, headers={"x-request-id": "second"})

    async def actions(query: str) -> list[str]:
        return [row["action"] for row in (await desk.get(f"/v1/audit?{query}")).json()["rows"]]

    assert await actions("action=stores") == ["stores.put"]
    assert await actions("action=registers.put") == ["registers.put"]
    assert await actions("action=regis") == []
    assert await actions("actor=bootstrap") == ["keys.issue"]
    assert await actions("request_id=second") == ["registers.put"]
    assert await actions("to_at=2020-01-01T00:00:00Z") == []
    assert await actions("from_at=2020-01-01T00:00:00Z&limit=1") == ["registers.put"]


async def test_reader_waits_for_a_seq_and_is_told_when_it_does_not_come(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altyn.admin_api.edge.routes.WAIT_SEQ_S", 0.05)
    read = await desk.get("/v1/exceptions")
    assert read.headers["altyn-projected-seq"] == "0"
    for given in ({"params": {"wait_seq": "1"}}, {"headers": {"altyn-wait-seq": "1"}}):
        late = await desk.get("/v1/exceptions", **given)
        assert (late.status_code, late.json()["reason"], late.headers["retry-after"]) == (504, "SEQ_NOT_REACHED", "1")
    for wrong in ("-1", "x", "9" * 19, "٣"):
        answer = await desk.get("/v1/exceptions", params={"wait_seq": wrong})
        assert (answer.status_code, answer.json()["path"]) == (422, "wait_seq")
    stranger = await desk.get("/v1/exceptions?wait_seq=1", headers={"authorization": "Bearer x"})
    assert stranger.status_code == 401
    journal = await Journal.open(desk.office.pool)
    await journal.append(journal.accrual(1, account_id=7, points=1))
    monkeypatch.setattr("altyn.admin_api.edge.routes.WAIT_SEQ_S", 20.0)
    reading = asyncio.create_task(desk.get("/v1/exceptions?wait_seq=1"))
    await desk.office.projector.turn()
    assert (await reading).headers["altyn-projected-seq"] == "1"


async def test_first_key_gets_the_scopes_of_a_newer_version(desk: Desk, settings: Settings) -> None:
    await desk.rows("UPDATE api_keys SET scopes = '{keys:write,stores:read}'")
    async with desk.office.connected() as connection:
        assert not await prepare(connection, settings, desk.office.clock())
        assert not await prepare(connection, settings, desk.office.clock())
    [key] = (await desk.get("/v1/keys")).json()["keys"]
    assert key["scopes"] == list(SCOPES)
    assert await desk.deeds() == ["keys.widen"]


async def test_health_docs_and_contract_need_no_key_and_no_network(desk: Desk) -> None:
    assert (await desk.client.get("/healthz")).json() == {"state": "OK"}
    assert (await desk.client.get("/readyz")).json()["state"] == "READY"
    contract = (await desk.client.get("/openapi.json")).json()
    assert contract["paths"]["/v1/releases"]["post"]["x-scope"] == "releases:publish"
    page = (await desk.client.get("/docs")).text
    assert "http://" not in page
    assert "https://" not in page


async def test_readiness_without_postgres_is_refused(desk: Desk) -> None:
    transport = httpx.ASGITransport(create_app(desk.office))
    await desk.office.pool.close()
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
        assert (await client.get("/readyz")).status_code == 503
        answer = await client.get("/v1/stores", headers={"authorization": "Bearer x"})
        assert (answer.status_code, answer.json()["reason"]) == (503, "BUSY")
