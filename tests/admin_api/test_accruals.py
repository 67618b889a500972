"""Points by hand within limits and by four eyes, conversion, and points for many: each account once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import httpx
import pytest

from altyn.admin_api.accounts.schemas import ExpiresIn
from altyn.admin_api.accounts.server import ServerAway
from altyn.admin_api.accounts.service import end_of
from altyn.admin_api.accruals import repository
from altyn.admin_api.accruals.jobs import AccrualJobs
from altyn.admin_api.edge.rights import Grant
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.desk import Desk
from tests.admin_api.value import CoreServer, give, lay_customers, points_of

SLICE = 4
ACCRUAL = {"title": "Birthday of the chain", "asset": "bonus", "points": 50, "reason": "birthday"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, CoreServer]]:
    address = f"unix:{tmp_path}/ops"
    core, door = CoreServer(), grpc.aio.server()
    ops_grpc.add_OpsServiceServicer_to_server(core, door)
    door.add_insecure_port(address)
    await door.start()
    yield address, core
    await door.stop(None)


@pytest.fixture(autouse=True)
async def customers(desk: Desk) -> None:
    await lay_customers(desk, 10)


async def as_(desk: Desk, person: str, role: str, path: str, body: Any = None) -> httpx.Response:
    token = await desk.token_of(person, Grant(role, "NETWORK"))
    return await desk.post(f"/v1/{path}", json=body, headers={"authorization": f"Bearer {token}"})


async def run_out(desk: Desk) -> None:
    runner = AccrualJobs(desk.office, SLICE)
    while await runner.turn():
        pass


# BY HAND


@pytest.mark.parametrize(
    ("expires", "ends"),
    [
        ({"days": 0}, "2026-12-31T21:00:00+00:00"),
        ({"days": 30}, "2027-01-30T21:00:00+00:00"),
        ({"date": "2027-03-08"}, "2027-03-08T21:00:00+00:00"),
        ({"end_of_month": 0}, "2026-12-31T21:00:00+00:00"),
        ({"end_of_month": 2}, "2027-02-28T21:00:00+00:00"),
        ({"end_of_year": 0}, "2026-12-31T21:00:00+00:00"),
        ({"end_of_year": 1}, "2027-12-31T21:00:00+00:00"),
    ],
)
def test_points_by_hand_end_as_those_of_promotions_do(expires: dict[str, Any], ends: str) -> None:
    asked = datetime(2026, 12, 31, 20, 59, tzinfo=UTC)
    assert end_of(ExpiresIn(**expires), asked, "Europe/Moscow").isoformat() == ends


async def test_what_a_person_may_give_alone_is_bounded_by_act_and_by_day(desk: Desk) -> None:
    await desk.put("/v1/assets/bonus", json={"adjust_points_max": 100, "adjust_day_points_max": 150})
    for account, points, state in ((10, 100, "GIVEN"), (10, 101, "ASKED"), (20, 51, "ASKED"), (20, 50, "GIVEN")):
        body = {"asset": "bonus", "points": points, "reason": "apology"}
        answer = await as_(desk, "olga", "CALL_CENTRE", f"accounts/{account}/adjustments", body)
        assert (answer.status_code, answer.json()["state"]) == (201 if state == "GIVEN" else 202, state)
    assert (await points_of(desk, 10), await points_of(desk, 20)) == (100, 50)
    taken = {"asset": "bonus", "points": -100, "reason": "by mistake"}
    assert (await as_(desk, "olga", "CALL_CENTRE", "accounts/10/adjustments", taken)).json()["state"] == "GIVEN"
    assert await points_of(desk, 10) == 0
    waiting = (await desk.get("/v1/adjustments?state=ASKED")).json()["adjustments"]
    assert [(one["account_id"], one["points"], one["asked_by"]) for one in waiting] == [
        (20, 51, "person:olga"),
        (10, 101, "person:olga"),
    ]


async def test_person_without_a_limit_asks_for_everything_and_another_decides_once(desk: Desk) -> None:
    body = {"asset": "bonus", "points": 70, "reason": "apology"}
    asked = (await as_(desk, "olga", "CALL_CENTRE", "accounts/30/adjustments", body)).json()
    path = f"adjustments/{asked['adjustment_id']}"
    assert (await as_(desk, "olga", "CALL_CENTRE", f"{path}/approve")).json()["reason"] == "SCOPE_MISSING"
    given = await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    assert (given.json()["state"], given.json()["decided_by"]) == ("GIVEN", "person:igor")
    assert await points_of(desk, 30) == 70
    again = await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    assert (again.status_code, again.json()["reason"]) == (409, "ADJUSTMENT_DECIDED")
    other = (await as_(desk, "olga", "CALL_CENTRE", "accounts/30/adjustments", body)).json()["adjustment_id"]
    no = await as_(desk, "igor", "MARKETING_DIRECTOR", f"adjustments/{other}/reject", {"reason": "twice"})
    assert (no.json()["state"], no.json()["decision"], await points_of(desk, 30)) == ("REJECTED", "twice", 70)
    unknown = await as_(desk, "igor", "MARKETING_DIRECTOR", "adjustments/99/approve")
    assert unknown.json()["reason"] == "ADJUSTMENT_UNKNOWN"


async def test_nobody_decides_on_what_they_asked_for_nor_after_three_days(desk: Desk) -> None:
    body = {"asset": "bonus", "points": 70, "reason": "apology"}
    number = (await as_(desk, "olga", "CALL_CENTRE", "accounts/30/adjustments", body)).json()["adjustment_id"]
    own = await as_(desk, "olga", "MARKETING_DIRECTOR", f"adjustments/{number}/approve")
    assert (own.status_code, own.json()["reason"]) == (403, "OWN_ADJUSTMENT")
    await desk.rows("UPDATE adjustments SET asked_at = asked_at - interval '72 hours' RETURNING 1")
    late = await as_(desk, "igor", "MARKETING_DIRECTOR", f"adjustments/{number}/approve")
    assert late.json()["reason"] == "ADJUSTMENT_DECIDED" and await points_of(desk, 30) == 0


async def test_points_that_are_not_there_are_not_taken(desk: Desk) -> None:
    await give(desk, 10, 5)
    taken = {"asset": "bonus", "points": -6, "reason": "by mistake"}
    answer = (await desk.post("/v1/accounts/10/adjustments", json=taken)).json()
    assert (answer["reason"], answer["problems"][0]["code"]) == ("ADJUSTMENT_DECLINED", "POINTS_SHORT")
    assert (await desk.get("/v1/adjustments?account_id=10")).json()["adjustments"][0]["points"] == 5


@pytest.mark.parametrize(
    "change",
    [
        {"points": -5, "expires": {"days": 1}},
        {"expires": {}},
        {"expires": {"days": 1, "end_of_month": 1}},
        {"expires": {"days": 1}, "expires_at": None},
    ],
)
async def test_adjustment_with_contradicting_times_is_invalid(desk: Desk, change: dict[str, Any]) -> None:
    body = {"asset": "bonus", "points": 5, "reason": "test"} | change
    assert (await desk.post("/v1/accounts/10/adjustments", json=body)).json()["reason"] == "INVALID"


# CONVERSION AND RATES


async def test_conversion_is_told_with_what_was_taken_and_given(desk: Desk) -> None:
    await give(desk, 10, 11)
    body = {"asset": "bonus", "to_asset": "money", "points": 10, "reason": "asked for"}
    answer = await desk.post("/v1/accounts/10/conversions", json=body)
    assert (answer.status_code, answer.json()["taken_points"], answer.json()["given_points"]) == (201, 10, 15)
    assert (await points_of(desk, 10), await points_of(desk, 10, "money")) == (1, 15)
    assert (await desk.deeds())[-1] == "accounts.convert"
    declined = (await desk.post("/v1/accounts/10/conversions", json=body)).json()
    assert (declined["reason"], declined["problems"][0]["code"]) == ("CONVERSION_DECLINED", "POINTS_SHORT")


async def test_rates_are_facts_that_servers_get_by_the_feed(desk: Desk) -> None:
    rate = await desk.put("/v1/assets/bonus/rates/money", json={"from_points": 100, "to_points": 1})
    assert rate.json()["rates"][0]["from_points"] == 100 and await desk.wake_ups()
    assert (await desk.put("/v1/assets/bonus/rates/gold", json={"from_points": 1, "to_points": 1})).status_code == 404
    same = await desk.put("/v1/assets/bonus/rates/bonus", json={"from_points": 1, "to_points": 1})
    assert same.json()["reason"] == "ASSET_INVALID"
    assert (await desk.delete("/v1/assets/bonus/rates/money")).status_code == 204
    assert (await desk.delete("/v1/assets/bonus/rates/money")).json()["reason"] == "RATE_UNKNOWN"
    assert (await desk.get("/v1/assets/bonus/rates")).json() == {"rates": []}


async def test_money_has_the_programs_digits_and_stays_money(desk: Desk) -> None:
    wrong = await desk.put("/v1/assets/cash", json={"kind": "MONEY", "scale": 3})
    assert (wrong.json()["reason"], wrong.json()["path"]) == ("ASSET_INVALID", "scale")
    assert (await desk.put("/v1/assets/money", json={})).status_code in (200, 201), "not told: as it is"
    other = await desk.put("/v1/assets/money", json={"kind": "POINTS"})
    assert (other.status_code, other.json()["reason"]) == (409, "KIND_FIXED")
    assert (await desk.get("/v1/assets/money")).json()["kind"] == "MONEY"


# FOR MANY


async def proposed(desk: Desk, **change: Any) -> str:
    body = ACCRUAL | {"customer_ids": list(range(1, 11))} | change
    answer = await as_(desk, "maria", "MARKETER", "accruals", body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "PROPOSED"
    return f"accruals/{answer.json()['job_id']}"


async def approved(desk: Desk, **change: Any) -> str:
    path = await proposed(desk, **change)
    answer = await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    assert answer.json()["state"] == "QUEUED", answer.text
    return path


async def now(desk: Desk, path: str) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"/v1/{path}")).json()
    return found


async def test_list_gets_points_slice_by_slice_once_another_has_approved(desk: Desk) -> None:
    path = await proposed(desk, expires={"end_of_year": 0})
    await run_out(desk)
    assert (await now(desk, path))["state"] == "PROPOSED"
    assert (await as_(desk, "maria", "MARKETER", f"{path}/approve")).json()["reason"] == "SCOPE_MISSING"
    own = await as_(desk, "maria", "MARKETING_DIRECTOR", f"{path}/approve")
    assert own.json()["reason"] == "OWN_ACCRUAL"
    await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    seen, runner = [], AccrualJobs(desk.office, SLICE)
    while await runner.turn():
        job = await now(desk, path)
        seen.append((job["state"], job["done_count"], job["total_count"]))
    assert seen == [("RUNNING", 0, 10), ("RUNNING", 4, 10), ("RUNNING", 8, 10), ("DONE", 10, 10)]
    assert [await points_of(desk, 10 * n) for n in range(1, 11)] == [50] * 10
    job = await now(desk, path)
    assert (job["given_count"], job["declined_count"], job["approved_by"]) == (10, 0, "person:igor")
    assert (await desk.deeds())[-2:] == ["accruals.begin", "accruals.end"]
    [kept] = await desk.rows("SELECT cardinality(account_ids) + cardinality(customer_ids) AS count FROM accrual_jobs")
    assert kept["count"] == 0
    again = await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    assert again.json()["reason"] == "ACCRUAL_DECIDED"


async def test_segment_is_who_is_in_it_when_the_job_begins_which_is_not_before_its_time(desk: Desk) -> None:
    await desk.put("/v1/segments/vip", json={"title": "VIP"})
    await desk.post("/v1/segments/vip/members", json={"add": [1, 2, 3]})
    starts = datetime.now(UTC) + timedelta(hours=1)
    path = await approved(desk, customer_ids=None, segment="vip", starts_at=starts.isoformat())
    await run_out(desk)
    assert (await now(desk, path))["state"] == "QUEUED"
    await desk.post("/v1/segments/vip/members", json={"add": [4], "remove": [1]})
    desk.office.clock = lambda: starts
    await run_out(desk)
    assert [await points_of(desk, 10 * n) for n in range(1, 6)] == [0, 50, 50, 50, 0]


async def test_slice_that_broke_off_gives_nobody_twice(
    desk: Desk, server: tuple[str, CoreServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await approved(desk)
    runner = AccrualJobs(desk.office, SLICE)
    assert await runner.turn()
    server[1].answers_left = 2
    with pytest.raises(ServerAway):
        await runner.turn()
    server[1].answers_left = -1

    async def die(*_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "move_job", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await runner.turn()
    assert (await now(desk, path))["done_count"] == 0
    await run_out(desk)
    assert (await now(desk, path))["state"] == "DONE"
    assert [await points_of(desk, 10 * n) for n in range(1, 11)] == [50] * 10
    assert len(server[1].world.records) == 10


async def test_cancelled_accrual_gives_nothing_more(desk: Desk) -> None:
    path = await approved(desk)
    runner = AccrualJobs(desk.office, SLICE)
    assert await runner.turn() and await runner.turn()
    cancelled = await as_(desk, "maria", "MARKETER", f"{path}/cancel")
    assert (cancelled.json()["state"], cancelled.json()["done_count"]) == ("CANCELLED", 4)
    assert not await runner.turn()
    assert sum([await points_of(desk, 10 * n) for n in range(1, 11)]) == 4 * 50
    assert (await as_(desk, "maria", "MARKETER", f"{path}/cancel")).json()["reason"] == "ACCRUAL_ENDED"


async def test_what_the_server_finds_wrong_ends_the_accrual_until_somebody_goes_on_with_it(
    desk: Desk, server: tuple[str, CoreServer]
) -> None:
    assets = server[1].world.engine.facts.assets
    path = await approved(desk)
    runner = AccrualJobs(desk.office, SLICE)
    assert await runner.turn() and await runner.turn()
    assert (await as_(desk, "maria", "MARKETER", f"{path}/go-on")).json()["reason"] == "ACCRUAL_GOES_ON"
    lost = assets["bonus"]
    del assets["bonus"]
    await run_out(desk)
    job = await now(desk, path)
    assert (job["state"], job["done_count"]) == ("FAILED", 4) and "asset" in job["refusal"]
    assets["bonus"] = lost
    again = (await as_(desk, "maria", "MARKETER", f"{path}/go-on")).json()
    assert (again["state"], again["refusal"], again["done_count"]) == ("RUNNING", "", 4)
    await run_out(desk)
    assert (await now(desk, path))["state"] == "DONE"
    assert [await points_of(desk, 10 * n) for n in range(1, 11)] == [50] * 10


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"asset": "gold"}, "ASSET_UNKNOWN"),
        ({"customer_ids": None, "segment": "nobody"}, "SEGMENT_UNKNOWN"),
        ({"customer_ids": None}, "INVALID"),
        ({"segment": "vip"}, "INVALID"),
        ({"points": 0}, "INVALID"),
        ({"customer_ids": []}, "INVALID"),
    ],
)
async def test_accrual_that_cannot_be_is_refused(desk: Desk, change: dict[str, Any], reason: str) -> None:
    body = ACCRUAL | {"customer_ids": [1]} | change
    assert (await desk.post("/v1/accruals", json=body)).json()["reason"] == reason
