"""SERIAL series: batches are ranges of serials, codes are computed when they are exported, again by four eyes alone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from altyn.admin_api.coupons.schemas import SERIALS_A_BATCH_MAX
from altyn.admin_api.edge.rights import Grant
from altyn.core.facts import Facts
from altyn.core.facts.coupon_codes import is_code_of, serial_key
from altyn.core.facts.coupons import CODE_BLOCKED, CODE_FOUND, CODE_UNKNOWN
from altyn.core.facts.serial_codes import serial_codes
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.facts import FactsFeed
from tests.admin_api.desk import PEPPER, TENANT, Desk, SmallServer
from tests.admin_api.journal import Journal

TEMPLATE = "SP-#########?"
SPRING: dict[str, Any] = {
    "title": "Spring",
    "kind": "UNIQUE",
    "origin": "SERIAL",
    "template": TEMPLATE,
    "starts_at": "2026-03-01T00:00:00+03:00",
    "ends_at": "2027-06-01T00:00:00+03:00",
}
NOW_US = 1_800_000_000_000_000
DIRECTOR = Grant("MARKETING_DIRECTOR", "NETWORK")
WHY = {"reason": "for the printer"}


@pytest.fixture(autouse=True)
async def spring(desk: Desk) -> None:
    answer = await desk.put("/v1/coupon-series/spring", json=SPRING)
    assert (answer.status_code, answer.json()["origin"]) == (200, "SERIAL"), answer.text


async def made(desk: Desk, count: int, series: str = "spring") -> dict[str, Any]:
    answer = await desk.post(f"/v1/coupon-series/{series}/serials", json={"title": "first", "count": count})
    assert answer.status_code == 201, answer.text
    batch: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/coupon-batches/{batch['batch_id']}"
    return batch


async def asked(desk: Desk, batch: dict[str, Any]) -> dict[str, Any]:
    answer = await desk.post(f"/v1/coupon-batches/{batch['batch_id']}/exports", json=WHY)
    assert answer.status_code == 201, answer.text
    export: dict[str, Any] = answer.json()
    return export


async def taken(desk: Desk, export: dict[str, Any], **given: Any) -> httpx.Response:
    return await desk.post(f"/v1/coupon-exports/{export['export_id']}/codes", **given)


def codes_of(first: int, count: int) -> list[str]:
    return serial_codes(PEPPER, TENANT, 1, TEMPLATE, first, count).decode().splitlines()


async def test_batches_are_ranges_one_after_the_other_and_nothing_else_is_kept(desk: Desk) -> None:
    first, second = await made(desk, 1_000_000), await made(desk, 5)
    assert [(one["origin"], one["first_serial"], one["codes_count"]) for one in (first, second)] == [
        ("SERIAL", 1, 1_000_000),
        ("SERIAL", 1_000_001, 5),
    ]
    assert (await desk.get("/v1/coupon-series/spring")).json()["codes"] == {"ACTIVE": 1_000_005}
    assert await desk.rows("SELECT FROM coupon_codes") == []
    rows = await desk.rows(
        "SELECT series_no, first_serial, last_serial, state FROM coupon_ranges ORDER BY first_serial"
    )
    assert [tuple(row) for row in rows] == [(1, 1, 1_000_000, "ACTIVE"), (1, 1_000_001, 1_000_005, "ACTIVE")]


async def test_first_export_is_the_batch_computed_and_kept_nowhere(desk: Desk) -> None:
    await made(desk, 100)
    batch = await made(desk, 70_000)
    export = await asked(desk, batch)
    assert (export["state"], export["series"], export["codes_count"]) == ("APPROVED", "spring", 70_000)
    once = {"idempotency-key": "take"}
    answer = await taken(desk, export, headers=once)
    codes = answer.text.splitlines()
    assert (answer.status_code, int(answer.headers["content-length"])) == (201, export["bytes_count"])
    assert len(answer.content) == export["bytes_count"] == 70_000 * (len(TEMPLATE) + 1)
    assert codes == codes_of(101, 65_536) + codes_of(101 + 65_536, 70_000 - 65_536)
    assert all(is_code_of(TEMPLATE, code) for code in codes[::1000])
    again = await taken(desk, export, headers=once)
    assert (again.status_code, again.json()["reason"]) == (409, "ANSWER_SHOWN_ONCE")
    other = await taken(desk, export)
    assert (other.status_code, other.json()["reason"]) == (409, "COUPON_EXPORT_STATE")
    for table in ("audit_log", "admin_answers", "coupon_ranges", "coupon_exports", "coupon_batches"):
        told = await desk.rows(f"SELECT to_jsonb(one)::text AS told FROM {table} AS one")
        assert told and not [row for row in told if codes[0] in row["told"] or PEPPER.hex() in row["told"]]
    assert [deed for deed in await desk.deeds() if deed.startswith("coupon_exports")] == [
        "coupon_exports.ask",
        "coupon_exports.take",
    ]


async def test_export_again_needs_the_word_of_somebody_else(desk: Desk) -> None:
    batch = await made(desk, 3)
    await taken(desk, await asked(desk, batch))
    one, other = await desk.token_of("one", DIRECTOR), await desk.token_of("other", DIRECTOR)
    as_one, as_other = ({"headers": {"authorization": f"Bearer {token}"}} for token in (one, other))
    answer = await desk.post(f"/v1/coupon-batches/{batch['batch_id']}/exports", json=WHY, **as_one)
    export = answer.json()
    assert (export["state"], export["asked_by"], export["reason"]) == ("ASKED", "person:one", WHY["reason"])
    path = f"/v1/coupon-exports/{export['export_id']}"

    async def refusal(verb: str, **given: Any) -> str:
        told: str = (await desk.post(f"{path}/{verb}", **given)).json()["reason"]
        return told

    assert await refusal("codes", **as_one) == "COUPON_EXPORT_STATE"
    assert await refusal("approve", **as_one) == "FOUR_EYES"
    assert await refusal("approve") == "PERSON_NEEDED"
    assert (await desk.post(f"{path}/approve", **as_other)).json()["decided_by"] == "person:other"
    assert (await desk.post(f"{path}/approve", **as_other)).status_code == 200
    assert await refusal("refuse", **as_other) == "COUPON_EXPORT_STATE"
    assert await refusal("codes", **as_other) == "COUPON_EXPORT_STATE"
    assert (await desk.post(f"{path}/codes", **as_one)).text.splitlines() == codes_of(1, 3)
    listed = (await desk.get(f"/v1/coupon-batches/{batch['batch_id']}/exports")).json()["exports"]
    assert [(row["state"], row["decided_by"]) for row in listed] == [("TAKEN", "person:other"), ("TAKEN", None)]


async def test_export_refused_is_not_taken(desk: Desk) -> None:
    batch = await made(desk, 3)
    await asked(desk, batch)
    second = await asked(desk, batch)
    token = await desk.token_of("other", DIRECTOR)
    as_other = {"headers": {"authorization": f"Bearer {token}"}}
    refused = await desk.post(f"/v1/coupon-exports/{second['export_id']}/refuse", **as_other)
    assert (refused.status_code, refused.json()["state"]) == (200, "REFUSED")
    assert (await taken(desk, second)).json()["reason"] == "COUPON_EXPORT_STATE"
    assert (await taken(desk, {"export_id": 999})).json()["reason"] == "COUPON_EXPORT_UNKNOWN"


async def test_batch_blocked_reaches_servers_by_the_feed(desk: Desk) -> None:
    facts = Facts()
    feed = FactsFeed(TENANT, facts, Credentials())
    await made(desk, 10)
    second = await made(desk, 10)
    async with desk.office.connected() as connection:
        await feed.pull(connection)
        told = [facts.coupons.resolve_range(1, serial, NOW_US).result for serial in (0, 1, 10, 11, 20, 21)]
        assert told == [CODE_UNKNOWN, *[CODE_FOUND] * 4, CODE_UNKNOWN]
        assert facts.coupons.series_of_form(codes_of(1, 1)[0].encode()) == 1
        path = f"/v1/coupon-batches/{second['batch_id']}/state"
        blocked = await desk.put(path, json={"state": "BLOCKED", "reason": "the printer lost it"})
        assert blocked.json()["state"] == "BLOCKED"
        await feed.pull(connection)
        told = [facts.coupons.resolve_range(1, serial, NOW_US).result for serial in (10, 11, 20)]
        assert told == [CODE_FOUND, CODE_BLOCKED, CODE_BLOCKED]
        assert (await desk.get("/v1/coupon-series/spring")).json()["codes"] == {"ACTIVE": 10, "BLOCKED": 10}
        policies = SPRING | {"on_return": "KEEP_USED", "grace_days": 14}
        assert (await desk.put("/v1/coupon-series/spring", json=policies)).json()["grace_days"] == 14
        await feed.pull(connection)
        series = facts.coupons.series(1)
        assert series is not None and (series.is_serial, series.keeps_used, series.grace_days) == (True, True, 14)


async def test_serials_are_listed_and_codes_found_with_their_use(desk: Desk, server: tuple[str, SmallServer]) -> None:
    await made(desk, 2)
    second = await made(desk, 3)
    server[1].coupons[serial_key(1, 2)] = ops.CouponState(use=ops.COUPON_USE_USED)
    server[1].coupons[serial_key(1, 4)] = ops.CouponState(use=ops.COUPON_USE_RESERVED)
    page = (await desk.get("/v1/coupon-series/spring/serials?limit=3")).json()
    assert [(one["serial"], one["use"]) for one in page["coupons"]] == [(1, "FREE"), (2, "USED"), (3, "FREE")]
    rest = (await desk.get(f"/v1/coupon-series/spring/serials?after={page['next_after']}")).json()
    assert [(one["serial"], one["use"]) for one in rest["coupons"]] == [(4, "RESERVED"), (5, "FREE")]
    assert rest["next_after"] is None

    async def found(code: str) -> dict[str, Any]:
        told: dict[str, Any] = (await desk.post("/v1/coupons/find", json={"code": code})).json()
        return told

    codes = codes_of(1, 6)
    assert [(await found(code))["result"] for code in codes] == [
        "FOUND",
        "USED",
        "FOUND",
        "RESERVED",
        "FOUND",
        "UNKNOWN",
    ]
    assert (await found(codes[3].lower()))["serial"] == {
        "series": "spring",
        "serial": 4,
        "batch_id": second["batch_id"],
        "state": "ACTIVE",
        "use": "RESERVED",
    }
    state = {"state": "BLOCKED", "reason": "lost"}
    await desk.put(f"/v1/coupon-batches/{second['batch_id']}/state", json=state)
    assert (await found(codes[4]))["result"] == "BLOCKED"


async def test_code_with_grace_is_free_after_the_end_of_its_series(desk: Desk, server: tuple[str, SmallServer]) -> None:
    await made(desk, 2)
    over = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-02-01T00:00:00Z"}
    await desk.put("/v1/coupon-series/spring", json=SPRING | over)
    grace = ops.CouponState(use=ops.COUPON_USE_FREE, has_grace=True, expires_at_us=NOW_US * 2)
    server[1].coupons[serial_key(1, 1)] = grace
    page = (await desk.get("/v1/coupon-series/spring/serials")).json()["coupons"]
    assert [one["use"] for one in page] == ["FREE", "EXPIRED"]


async def test_changes_of_serials_are_projected(desk: Desk) -> None:
    journal = await Journal.open(desk.office.pool)
    record = journal.commit(1)
    record.effects.coupons.add(series_no=1, serial=7, use=3)
    await journal.append(record)
    await desk.office.projector.turn()
    [row] = await desk.rows("SELECT series_no, serial, code_hash, use FROM coupon_changes")
    assert tuple(row) == (1, 7, b"", 3)


@pytest.mark.parametrize(
    "change",
    [
        {"template": ""},
        {"template": "SP-#######?"},
        {"template": "#############"},
        {"uses_max": 2},
        {"kind": "SHARED", "uses_max": 0},
        {"origin": "PAPER"},
        {"on_return": "BURN"},
        {"grace_days": 3_651},
    ],
)
async def test_serial_series_with_wrong_fields_is_refused(desk: Desk, change: dict[str, object]) -> None:
    assert (await desk.put("/v1/coupon-series/wrong", json=SPRING | change)).status_code == 422


@pytest.mark.parametrize(
    ("series", "change"),
    [
        ("other", {}),
        ("other", {"origin": "LISTED"}),
        ("other", {"template": "############?"}),
        ("other", {"template": "SP-#########A"}),
    ],
)
async def test_form_of_a_serial_series_is_its_own(desk: Desk, series: str, change: dict[str, object]) -> None:
    refused = await desk.put(f"/v1/coupon-series/{series}", json=SPRING | change)
    assert (refused.status_code, refused.json()["reason"]) == (409, "COUPON_TEMPLATE_TAKEN")
    other = await desk.put(f"/v1/coupon-series/{series}", json=SPRING | change | {"template": "XY-#########?"})
    assert other.status_code == 200


async def test_origin_and_template_are_fixed_once_there_are_codes(desk: Desk) -> None:
    assert (await desk.put("/v1/coupon-series/spring", json=SPRING | {"template": "SR-#########?"})).status_code == 200
    await desk.put("/v1/coupon-series/spring", json=SPRING)
    await made(desk, 1)
    for change in ({"template": "SR-#########?"}, {"origin": "LISTED"}):
        fixed = await desk.put("/v1/coupon-series/spring", json=SPRING | change)
        assert fixed.json()["reason"] == "COUPON_SERIES_FIXED"
    assert (await desk.put("/v1/coupon-series/spring", json=SPRING | {"title": "Other"})).status_code == 200


async def test_more_codes_than_hide_among_the_bodies_are_refused(desk: Desk) -> None:
    small = SPRING | {"template": "SM-########?"}
    await desk.put("/v1/coupon-series/small", json=small)
    await made(desk, 1_000_000, "small")
    refused = await desk.post("/v1/coupon-series/small/serials", json={"count": 50_000})
    assert (refused.status_code, refused.json()["reason"]) == (409, "COUPON_CODES_SCARCE")
    await made(desk, SERIALS_A_BATCH_MAX)
    too_many = await desk.post("/v1/coupon-series/spring/serials", json={"count": SERIALS_A_BATCH_MAX + 1})
    assert too_many.status_code == 422


async def test_each_origin_has_its_own_way_to_codes(desk: Desk) -> None:
    await desk.put("/v1/coupon-series/listed", json=SPRING | {"origin": "LISTED", "template": "LI-#########?"})
    file = {"content": b"code\nABC\n", "headers": {"content-type": "text/csv"}}
    for path, given in (
        ("spring/generate", {"json": {"count": 1}}),
        ("spring/import", file),
        ("listed/serials", {"json": {"count": 1}}),
    ):
        refused = await desk.post(f"/v1/coupon-series/{path}", **given)
        assert (refused.status_code, refused.json()["reason"]) == (409, "COUPON_ORIGIN_OTHER"), path
    await desk.post("/v1/coupon-series/listed/generate", json={"count": 2})
    [batch] = (await desk.get("/v1/coupon-series/listed/batches")).json()["batches"]
    refused = await desk.post(f"/v1/coupon-batches/{batch['batch_id']}/exports", json=WHY)
    assert refused.json()["reason"] == "COUPON_ORIGIN_OTHER"
    content = f"code\n{codes_of(1, 1)[0]}\nOTHER\n".encode()
    imported = await desk.post("/v1/coupon-series/listed/import", content=content, headers={"content-type": "text/csv"})
    assert (imported.json()["codes_count"], imported.json()["problems"][0]["code"]) == (1, "CODE_TAKEN")
