"""Coupons: series, batches told once, imports, blocking, and what a server makes of them."""

from __future__ import annotations

import csv
from typing import Any

import httpx
import pytest

from altyn.admin_api.accounts.server import ServerAway
from altyn.core.engine.types import Scope
from altyn.core.facts import Facts
from altyn.core.facts.coupon_codes import code_hash, is_code_of
from altyn.core.facts.coupons import (
    CODE_BLOCKED,
    CODE_FOUND,
    CODE_TOO_EARLY,
    CODE_TOO_LATE,
    CODE_UNKNOWN,
    COUPON_UNIQUE,
    SeriesFact,
)
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.facts import FactsFeed
from tests.admin_api.desk import PEPPER, TENANT, Desk, SmallServer
from tests.admin_api.journal import Journal

SPRING: dict[str, Any] = {
    "title": "Spring",
    "kind": "UNIQUE",
    "template": "SP-########?",
    "starts_at": "2026-03-01T00:00:00+03:00",
    "ends_at": "2027-06-01T00:00:00+03:00",
}
FROM_US, TO_US = 1_772_312_400_000_000, 1_811_797_200_000_000
NOW_US = 1_800_000_000_000_000


async def made(desk: Desk, count: int, series: str = "spring") -> list[dict[str, str]]:
    answer = await desk.post(f"/v1/coupon-series/{series}/generate", json={"title": "first", "count": count})
    assert answer.status_code == 201, answer.text
    return list(csv.DictReader(answer.text.splitlines()))


async def imported(desk: Desk, content: str, series: str = "spring", query: str = "") -> httpx.Response:
    path = f"/v1/coupon-series/{series}/import{query}"
    return await desk.post(path, content=content.encode(), headers={"content-type": "text/csv"})


@pytest.fixture(autouse=True)
async def spring(desk: Desk) -> None:
    answer = await desk.put("/v1/coupon-series/spring", json=SPRING)
    assert (answer.status_code, answer.json()["series_no"], answer.json()["uses_max"]) == (200, 1, 1)


async def test_codes_generated_are_told_once_and_kept_as_hashes(desk: Desk) -> None:
    once = {"idempotency-key": "batch"}
    answer = await desk.post("/v1/coupon-series/spring/generate", json={"count": 500}, headers=once)
    rows = list(csv.DictReader(answer.text.splitlines()))
    codes = [row["code"] for row in rows]
    assert len(set(codes)) == 500
    assert all(is_code_of(SPRING["template"], code) for code in codes)
    kept = await desk.rows("SELECT code_id, code_hash FROM coupon_codes ORDER BY code_id")
    assert [tuple(row) for row in kept] == [(int(row["code_id"]), code_hash(PEPPER, row["code"])) for row in rows]
    again = await desk.post("/v1/coupon-series/spring/generate", json={"count": 500}, headers=once)
    assert (again.status_code, again.json()["reason"]) == (409, "ANSWER_SHOWN_ONCE")
    for table in ("audit_log", "admin_answers", "coupon_codes"):
        rows_told = await desk.rows(f"SELECT to_jsonb(one)::text AS told FROM {table} AS one")
        assert not [row for row in rows_told if codes[0] in row["told"]]
    assert (await desk.get(answer.headers["location"])).json()["codes_count"] == 500
    assert (await desk.get("/v1/coupon-series/spring")).json()["codes"] == {"ACTIVE": 500}


async def test_codes_imported_name_wrong_rows_and_keep_what_is_there(desk: Desk) -> None:
    await desk.put("/v1/coupon-series/other", json=SPRING)
    await imported(desk, "code\nTAKEN\n", "other")
    found = (
        await imported(desk, 'code\nalpha\n" Beta "\nALPHA\ntaken\n,\n"a\tb"\nгамма\n', query="?title=list")
    ).json()
    assert (found["rows_count"], found["codes_count"], found["wrong_count"]) == (7, 3, 4)
    assert [(one["line"], one["code"]) for one in found["problems"]] == [
        (4, "DUPLICATE_ID"),
        (5, "CODE_TAKEN"),
        (6, "BAD_SYNTAX"),
        (7, "BAD_FORMAT"),
    ]
    again = (await imported(desk, "code\nalpha\ndelta\n")).json()
    assert (again["codes_count"], again["wrong_count"]) == (1, 0)
    nothing = (await imported(desk, "code\nalpha\n")).json()
    assert (nothing["batch_id"], nothing["feed_version"]) == (None, 0)
    refused = await imported(desk, "code\ntaken\n", query="?all_or_nothing=true")
    assert refused.json()["reason"] == "IMPORT_REFUSED"
    batches = (await desk.get("/v1/coupon-series/spring/batches?limit=1")).json()
    assert ([one["origin"] for one in batches["batches"]], batches["next_before"] is None) == (["IMPORTED"], False)


async def test_code_found_is_told_as_a_till_would_hear_it(desk: Desk) -> None:
    [row] = await made(desk, 1)

    async def result(code: str) -> str:
        told: str = (await desk.post("/v1/coupons/find", json={"code": code})).json()["result"]
        return told

    assert await result(row["code"].lower()) == "FOUND"
    assert await result("nobody knows") == "UNKNOWN"
    path = f"/v1/coupons/{row['code_id']}/state"
    blocked = (await desk.put(path, json={"state": "BLOCKED", "reason": "leaked"})).json()
    assert (blocked["state"], blocked["series"]) == ("BLOCKED", "spring")
    assert await result(row["code"]) == "BLOCKED"
    await desk.put(path, json={"state": "ACTIVE", "reason": "a mistake"})
    await desk.put("/v1/coupon-series/spring", json=SPRING | {"starts_at": "2027-05-01T00:00:00Z"})
    assert await result(row["code"]) == "TOO_EARLY"
    over = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-02-01T00:00:00Z"}
    await desk.put("/v1/coupon-series/spring", json=SPRING | over)
    assert await result(row["code"]) == "TOO_LATE"
    refused = await desk.post("/v1/coupon-series/spring/generate", json={"count": 1})
    assert refused.json()["reason"] == "COUPON_SERIES_CLOSED"
    deeds = await desk.deeds()
    assert (deeds.count("coupons.find"), deeds.count("coupons.set_state")) == (5, 2)
    assert (await desk.put("/v1/coupons/999/state", json={"state": "ACTIVE", "reason": "why"})).status_code == 404


async def test_batch_is_blocked_and_freed_as_a_whole(desk: Desk) -> None:
    await made(desk, 3)
    [batch] = (await desk.get("/v1/coupon-series/spring/batches")).json()["batches"]
    path = f"/v1/coupon-batches/{batch['batch_id']}/state"
    assert (await desk.put(path, json={"state": "BLOCKED", "reason": "printer lost it"})).json()["state"] == "BLOCKED"
    assert (await desk.get("/v1/coupon-series/spring")).json()["codes"] == {"BLOCKED": 3}
    same = await desk.put(path, json={"state": "BLOCKED", "reason": "printer lost it"})
    assert "altyn-feed-version" not in same.headers
    await desk.put(path, json={"state": "ACTIVE", "reason": "found"})
    rows = (await desk.get("/v1/audit?action=coupon_batches")).json()["rows"]
    assert [(row["before"]["state"], row["after"]["state"], row["after"]["changed_count"]) for row in rows] == [
        ("BLOCKED", "ACTIVE", 3),
        ("ACTIVE", "BLOCKED", 3),
    ]


async def test_series_keeps_its_number_and_its_kind_once_there_are_codes(desk: Desk) -> None:
    assert (await desk.put("/v1/coupon-series/second", json=SPRING)).json()["series_no"] == 2
    shared = SPRING | {"kind": "SHARED", "uses_max": 0}
    assert (await desk.put("/v1/coupon-series/spring", json=shared)).json()["kind"] == "SHARED"
    await imported(desk, "code\nWELCOME\n")
    fixed = await desk.put("/v1/coupon-series/spring", json=SPRING)
    assert (fixed.status_code, fixed.json()["reason"]) == (409, "COUPON_SERIES_FIXED")
    listed = (await desk.get("/v1/coupon-series?limit=1")).json()
    assert ([one["series"] for one in listed["series"]], listed["next_after"]) == (["second"], "second")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"template": "SPRING-##?"}, "COUPON_CODES_SCARCE"),
        ({"template": ""}, "COUPON_TEMPLATE_MISSING"),
        ({"state": "BLOCKED"}, "COUPON_SERIES_CLOSED"),
    ],
)
async def test_codes_that_cannot_be_made_safely_are_refused(desk: Desk, change: dict[str, str], reason: str) -> None:
    await desk.put("/v1/coupon-series/spring", json=SPRING | change)
    refused = await desk.post("/v1/coupon-series/spring/generate", json={"count": 100})
    assert refused.json()["reason"] == reason
    assert await desk.rows("SELECT FROM coupon_codes") == []


@pytest.mark.parametrize(
    "change",
    [
        {"template": "sp-####"},
        {"template": "=1+####"},
        {"template": "NOTHING"},
        {"ends_at": "2026-01-01T00:00:00Z"},
        {"uses_max": 0},
        {"starts_at": "2026-01-01T00:00:00"},
        {"kind": "PAPER"},
    ],
)
async def test_series_with_wrong_fields_is_refused(desk: Desk, change: dict[str, object]) -> None:
    assert (await desk.put("/v1/coupon-series/wrong", json=SPRING | change)).status_code == 422


async def test_servers_learn_series_and_codes_by_the_feed(desk: Desk) -> None:
    rows = await made(desk, 40)
    hashes = [code_hash(PEPPER, row["code"]) for row in rows]
    facts = Facts()
    feed = FactsFeed(TENANT, facts, Credentials())
    async with desk.office.connected() as connection:
        await feed.pull(connection)
        coupons = facts.coupons
        assert coupons.series(1) == SeriesFact(1, "spring", COUPON_UNIQUE, False, FROM_US, TO_US, 1, SPRING["template"])
        for row, hashed in zip(rows, hashes, strict=True):
            assert coupons.resolve(hashed, NOW_US) == (CODE_FOUND, 1, int(row["code_id"]))
        assert coupons.resolve(hashes[0], FROM_US - 1).result == CODE_TOO_EARLY
        assert coupons.resolve(hashes[0], TO_US).result == CODE_TOO_LATE
        await desk.put(f"/v1/coupons/{rows[0]['code_id']}/state", json={"state": "BLOCKED", "reason": "leaked"})
        await desk.put("/v1/coupon-series/open", json=SPRING | {"ends_at": None})
        await imported(desk, "code\nLATER\n", "open")
        assert await feed.pull(connection)
        assert [coupons.resolve(one, NOW_US).result for one in hashes[:2]] == [CODE_BLOCKED, CODE_FOUND]
        assert coupons.resolve(code_hash(PEPPER, "later"), TO_US).result == CODE_FOUND
        assert coupons.resolve(code_hash(PEPPER, "never"), NOW_US).result == CODE_UNKNOWN
        await desk.put("/v1/coupon-series/spring", json=SPRING | {"state": "BLOCKED"})
        await feed.pull(connection)
        assert coupons.resolve(hashes[1], NOW_US).result == CODE_BLOCKED


async def test_servers_forget_a_register_key_when_its_overlap_is_over(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json={"zone": "Europe/Moscow"})
    await desk.put("/v1/stores/s1/registers/r1", json={})
    path = "/v1/stores/s1/registers/r1/keys"
    old = (await desk.post(path)).json()
    rotated = (await desk.post(f"{path}/rotate", json={"overlap_s": 3600})).json()
    assert list(rotated["ending"]) == [old["key_id"]]
    sooner = (await desk.post(f"{path}/rotate", json={"overlap_s": 86_400})).json()
    assert sooner["ending"][old["key_id"]] == rotated["ending"][old["key_id"]]
    [kept] = [one for one in (await desk.get(path)).json()["keys"] if one["key_id"] == old["key_id"]]
    assert (kept["expires_at"], kept["revoked"]) == (rotated["ending"][old["key_id"]], False)
    [row] = await desk.rows(
        "SELECT (extract(epoch FROM expires_at) * 1000000)::bigint AS end_us FROM register_credentials"
        " WHERE valid_to = 'infinity' AND key_hash = decode($1, 'hex')",
        old["key_id"],
    )
    now = [0]
    credentials = Credentials(lambda: now[0])
    async with desk.office.connected() as connection:
        await FactsFeed(TENANT, Facts(), credentials).pull(connection)
    scope = Scope(TENANT, "s1", "r1")
    assert [credentials.find(one["key"].encode()) for one in (old, rotated, sooner)] == [scope] * 3
    now[0] = row["end_us"] * 1_000
    assert [credentials.find(one["key"].encode()) for one in (old, rotated, sooner)] == [None, scope, scope]


# WHAT HAS BECOME OF THEM

ENDED_US = 1_000_000  # 1970
USES = {
    "FREE": ops.CouponState(use=ops.COUPON_USE_FREE),
    "RESERVED": ops.CouponState(use=ops.COUPON_USE_RESERVED),
    "USED": ops.CouponState(use=ops.COUPON_USE_USED),
    "CANCELLED": ops.CouponState(use=ops.COUPON_USE_CANCELLED),
    "EXPIRED": ops.CouponState(use=ops.COUPON_USE_FREE, expires_at_us=ENDED_US),
}
HEARD = {"FREE": "FOUND", "EXPIRED": "TOO_LATE"}


async def test_codes_of_a_series_are_listed_with_their_use(desk: Desk, server: tuple[str, SmallServer]) -> None:
    rows = await made(desk, len(USES) + 1)
    for row, state in zip(rows, USES.values(), strict=False):
        server[1].coupons[code_hash(PEPPER, row["code"])] = state
    first = (await desk.get("/v1/coupon-series/spring/coupons?limit=4")).json()
    rest = (await desk.get(f"/v1/coupon-series/spring/coupons?after={first['next_after']}")).json()
    assert "next_after" not in rest or rest["next_after"] is None
    shown = first["coupons"] + rest["coupons"]
    assert [(one["code_id"], one["use"]) for one in shown] == [
        (int(row["code_id"]), use) for row, use in zip(rows, [*USES, "FREE"], strict=True)
    ]
    assert (await desk.get("/v1/coupon-series/none/coupons")).json()["reason"] == "COUPON_SERIES_UNKNOWN"
    for row, use in zip(rows, USES, strict=False):
        assert (await desk.get(f"/v1/coupons/{row['code_id']}")).json()["use"] == use
        found = (await desk.post("/v1/coupons/find", json={"code": row["code"]})).json()
        assert (found["result"], found["coupon"]["use"]) == (HEARD.get(use, use), use)


async def test_codes_that_receipts_issued_are_listed_and_found(desk: Desk, server: tuple[str, SmallServer]) -> None:
    hashes = {use: code_hash(PEPPER, f"issued {use}") for use in USES}
    journal = await Journal.open(desk.office.pool)
    await journal.append(journal.commit(1), *(journal.issued(seq, one) for seq, one in enumerate(hashes.values(), 2)))
    await desk.office.projector.turn()
    assert (await desk.post("/v1/coupons/find", json={"code": "issued USED"})).json()["result"] == "UNKNOWN"
    for use, hashed in hashes.items():
        state = server[1].coupons[hashed] = ops.CouponState(series_no=1, issued=True)
        state.MergeFrom(USES[use])
    first = (await desk.get("/v1/coupon-series/spring/issued?limit=3")).json()
    assert first["projected_seq"] == len(USES) + 1
    rest = (await desk.get(f"/v1/coupon-series/spring/issued?before_seq={first['next_before_seq']}")).json()
    shown = first["coupons"] + rest["coupons"]
    assert [one["use"] for one in shown] == list(USES)[::-1]
    assert (shown[-1]["seq"], shown[-1]["series"], shown[-1]["promotion_id"], shown[-1]["receipt_number"]) == (
        2,
        "spring",
        "slip",
        2,
    )
    assert (shown[-1]["customer_id"], shown[-1]["expires_at"]) == (11, "2027-02-01T00:00:00Z")
    for use in USES:
        found = (await desk.post("/v1/coupons/find", json={"code": f"issued {use}"})).json()
        assert (found["result"], found["issued"]["use"], found["coupon"]) == (HEARD.get(use, use), use, None)
    await desk.put("/v1/coupon-series/spring", json=SPRING | {"state": "BLOCKED"})
    assert (await desk.post("/v1/coupons/find", json={"code": "issued FREE"})).json()["result"] == "BLOCKED"


async def test_code_is_blocked_while_the_server_is_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    [row] = await made(desk, 1)

    async def away(code_hashes: object) -> object:
        raise ServerAway("the processing server does not answer now")

    monkeypatch.setattr(desk.office.ops, "coupons", away)
    path = f"/v1/coupons/{row['code_id']}"
    blocked = await desk.put(f"{path}/state", json={"state": "BLOCKED", "reason": "leaked"})
    assert (blocked.status_code, blocked.json()["state"], blocked.json()["use"]) == (200, "BLOCKED", None)
    assert (await desk.get(path)).json()["reason"] == "SERVER_AWAY"
    assert (await desk.post("/v1/coupons/find", json={"code": row["code"]})).status_code == 503
