"""Tiers by hand: one person asks, another gives; a program with a key gives at once; each once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest

from altyn.admin_api.edge.rights import Grant
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.desk import Desk
from tests.admin_api.test_tiers import TIERS
from tests.admin_api.value import CoreServer, lay_customers

#: The core's day is 2026-11-18.
GOLD = {"tier": "gold", "until": "2026-12-31", "reason": "member since the first day"}
NONE = {"tier": None, "reason": "given to the wrong one"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, CoreServer]]:
    address = f"unix:{tmp_path}/ops"
    core, door = CoreServer(), grpc.aio.server()
    core.world.engine.facts.tiers.put(TIERS | {"valid_periods": 1})
    ops_grpc.add_OpsServiceServicer_to_server(core, door)
    door.add_insecure_port(address)
    await door.start()
    yield address, core
    await door.stop(None)


@pytest.fixture(autouse=True)
async def customers(desk: Desk) -> None:
    await lay_customers(desk, 3)
    await desk.put("/v1/tiers", json=TIERS)


async def as_(desk: Desk, person: str, role: str, path: str, body: Any = None) -> httpx.Response:
    token = await desk.token_of(person, Grant(role, "NETWORK"))
    return await desk.post(f"/v1/{path}", json=body, headers={"authorization": f"Bearer {token}"})


async def tier_of(desk: Desk, account: int = 10) -> tuple[Any, ...] | None:
    tier = (await desk.get(f"/v1/accounts/{account}/balance")).json()["tier"]
    return tier and tuple(tier[name] for name in ("tier", "until", "given", "given_until"))


async def test_what_one_person_asks_another_gives_and_the_journal_says_who(
    desk: Desk, server: tuple[str, CoreServer]
) -> None:
    asked = await as_(desk, "olga", "CALL_CENTRE", "accounts/10/tier", GOLD)
    assert (asked.status_code, asked.json()["state"], asked.json()["journal_seq"]) == (202, "ASKED", None)
    assert await tier_of(desk) is None
    path = f"given-tiers/{asked.json()['given_id']}"
    given = await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    assert (given.json()["state"], given.json()["decided_by"]) == ("GIVEN", "person:igor")
    assert await tier_of(desk) == ("gold", "2026-12-31", "gold", "2026-12-31")
    said = server[1].world.records[-1]
    assert given.json()["journal_seq"] == said.seq
    again = await as_(desk, "igor", "MARKETING_DIRECTOR", f"{path}/approve")
    assert (again.status_code, again.json()["reason"]) == (409, "GIVEN_TIER_DECIDED")
    listed = (await desk.get("/v1/given-tiers?account_id=10&state=GIVEN")).json()["given_tiers"]
    assert [(one["tier"], one["asked_by"], one["reason"]) for one in listed] == [
        ("gold", "person:olga", "member since the first day")
    ]
    rows = (await desk.get("/v1/audit?object_kind=account")).json()["rows"]
    assert [(row["action"], row["object_id"]) for row in rows] == [("tiers.give", "10")]
    assert (await desk.get("/v1/audit?object_kind=given_tier")).json()["rows"][0]["action"] == "tiers.ask"


async def test_who_asks_does_not_agree_and_what_is_rejected_or_old_is_not_given(desk: Desk) -> None:
    first = (await as_(desk, "olga", "CALL_CENTRE", "accounts/10/tier", GOLD)).json()["given_id"]
    # A person with both rights, which no two roles give, would still not decide on their own.
    await desk.rows("UPDATE given_tiers SET asked_by = 'person:igor'")
    own = await as_(desk, "igor", "MARKETING_DIRECTOR", f"given-tiers/{first}/approve")
    assert (own.status_code, own.json()["reason"]) == (403, "OWN_GIVEN_TIER")
    await desk.rows("UPDATE given_tiers SET asked_by = 'person:olga'")
    body = {"reason": "no such birthday"}
    rejected = (await as_(desk, "igor", "MARKETING_DIRECTOR", f"given-tiers/{first}/reject", body)).json()
    assert (rejected["state"], rejected["decision"]) == ("REJECTED", "no such birthday")
    second = (await as_(desk, "olga", "CALL_CENTRE", "accounts/10/tier", GOLD)).json()["given_id"]
    await desk.rows("UPDATE given_tiers SET asked_at = asked_at - $1::interval", timedelta(hours=72))
    late = await as_(desk, "igor", "MARKETING_DIRECTOR", f"given-tiers/{second}/approve")
    assert (late.status_code, late.json()["reason"]) == (409, "GIVEN_TIER_DECIDED")
    assert (await desk.post("/v1/given-tiers/99/approve")).json()["reason"] == "GIVEN_TIER_UNKNOWN"
    assert await tier_of(desk) is None


async def test_a_program_with_a_key_gives_and_takes_away_at_once_and_each_once(desk: Desk) -> None:
    once = {"idempotency-key": "gift-1"}
    given = await desk.post("/v1/accounts/10/tier", json=GOLD, headers=once)
    assert (given.status_code, given.json()["state"]) == (201, "GIVEN")
    assert (await desk.post("/v1/accounts/10/tier", json=GOLD, headers=once)).json() == given.json()
    assert len((await desk.get("/v1/given-tiers")).json()["given_tiers"]) == 1
    taken = await desk.post("/v1/accounts/10/tier", json=NONE)
    assert (taken.status_code, taken.json()["tier"], taken.json()["until"]) == (201, None, None)
    assert await tier_of(desk) is None
    again = await desk.post("/v1/accounts/10/tier", json=NONE)
    assert (again.status_code, again.json()["reason"]) == (409, "GIVEN_TIER_DECLINED")
    assert again.json()["problems"][0]["code"] == "TIER_NOT_GIVEN"


async def test_an_answer_that_was_lost_gives_once(desk: Desk, server: tuple[str, CoreServer]) -> None:
    once = {"idempotency-key": "gift-2"}
    server[1].answers_left = 0
    assert (await desk.post("/v1/accounts/10/tier", json=GOLD, headers=once)).status_code == 503
    server[1].answers_left = -1
    assert (await desk.post("/v1/accounts/10/tier", json=GOLD, headers=once)).status_code == 201
    assert len(server[1].world.records) == 1


@pytest.mark.parametrize(
    ("account", "change", "status", "reason"),
    [
        (10, {"tier": "platinum"}, 422, "TIERS_INVALID"),
        (10, {"until": "2026-11-17"}, 409, "GIVEN_TIER_DECLINED"),
        (10, {"until": None}, 422, "INVALID"),
        (10, {"tier": None}, 422, "INVALID"),
        (10, {"reason": "я" * 129}, 422, "INVALID"),
        (99, {}, 404, "ACCOUNT_UNKNOWN"),
    ],
)
async def test_a_tier_that_cannot_be_given_is_refused(
    desk: Desk, account: int, change: dict[str, Any], status: int, reason: str
) -> None:
    answer = await desk.post(f"/v1/accounts/{account}/tier", json=GOLD | change)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert (await desk.get("/v1/given-tiers")).json()["given_tiers"] == []


async def test_without_tiers_none_is_given(desk: Desk) -> None:
    await desk.delete("/v1/tiers")
    answer = await desk.post("/v1/accounts/10/tier", json=GOLD)
    assert (answer.status_code, answer.json()["reason"]) == (404, "TIERS_UNKNOWN")
