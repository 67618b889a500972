"""Families and merged customers: everything is done once, whoever breaks off in between, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.accounts.server import ServerAway
from altyn.admin_api.families import repository
from altyn.admin_api.families.acts import ActJobs
from altyn.core.ledger.view import apply_effects
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.desk import Desk
from tests.admin_api.value import CoreServer, give, lay_customers, points_of
from tests.core.engine.world import NOW_US


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, CoreServer]]:
    address = f"unix:{tmp_path}/ops"
    core, door = CoreServer(), grpc.aio.server()
    ops_grpc.add_OpsServiceServicer_to_server(core, door)
    door.add_insecure_port(address)
    await door.start()
    yield address, core
    await door.stop(None)


@pytest.fixture
async def family(desk: Desk) -> dict[str, Any]:
    """Of customer 1, whose account is 10; customers 1 to 5 have 100, 200, … points."""
    await lay_customers(desk)
    for number in range(1, 6):
        await give(desk, 10 * number, 100 * number)
    answer = await desk.post("/v1/families", json={"head_customer_id": 1, "title": "Ivanovs"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert (made["account_id"], [one["customer_id"] for one in made["members"]]) == (10, [1])
    return made


async def asked(desk: Desk, path: str, **body: Any) -> dict[str, Any]:
    answer = await desk.post(path, json={"reason": "asked for", **body})
    assert answer.status_code == 202, answer.text
    act: dict[str, Any] = answer.json()
    assert (act["state"], answer.headers["location"]) == ("PENDING", f"/v1/account-acts/{act['act_id']}")
    return act


async def now(desk: Desk, act: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"/v1/account-acts/{act['act_id']}")).json()
    return found


async def worked_off(desk: Desk) -> None:
    runner = ActJobs(desk.office)
    while await runner.turn():
        pass


async def test_join_makes_all_points_the_familys_and_tells_of_it(desk: Desk, family: dict[str, Any]) -> None:
    act = await asked(desk, f"/v1/families/{family['family_id']}/members", customer_id=2)
    [joining] = [one for one in (await _family(desk, family))["members"] if one["customer_id"] == 2]
    assert joining["state"] == "JOINING"
    assert await points_of(desk, 20) == 200
    await worked_off(desk)
    assert (await now(desk, act))["state"] == "DONE"
    assert (await points_of(desk, 20), await points_of(desk, 10)) == (300, 300)
    assert [one["state"] for one in (await _family(desk, family))["members"]] == ["MEMBER", "MEMBER"]
    assert (await desk.deeds())[-2:] == ["families.ask_join", "families.join"]
    assert [one["family_id"] for one in (await desk.get("/v1/families")).json()["families"]] == [family["family_id"]]


async def _family(desk: Desk, family: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"/v1/families/{family['family_id']}")).json()
    return found


async def test_leave_gives_an_account_of_ones_own_to_customer_and_cards_with_the_points_named(
    desk: Desk, family: dict[str, Any]
) -> None:
    path = f"/v1/families/{family['family_id']}/members"
    await asked(desk, path, customer_id=2)
    await worked_off(desk)
    act = await asked(desk, f"{path}/2/leave", points={"bonus": 120})
    await worked_off(desk)
    done = await now(desk, act)
    assert (done["state"], done["refusal"]) == ("DONE", "")
    assert (await points_of(desk, 10), await points_of(desk, done["to_account_id"])) == (180, 120)
    customer = (await desk.get("/v1/customers/2")).json()
    assert [customer["account_id"], customer["cards"][0]["account_id"]] == [done["to_account_id"]] * 2
    assert [one["customer_id"] for one in (await _family(desk, family))["members"]] == [1]
    again = await asked(desk, path, customer_id=2)
    await worked_off(desk)
    assert (await now(desk, again))["state"] == "DONE" and await points_of(desk, 10) == 300


async def test_leave_with_more_than_there_is_is_refused_and_what_is_spent_meanwhile_is_told(
    desk: Desk, family: dict[str, Any]
) -> None:
    path = f"/v1/families/{family['family_id']}/members"
    await asked(desk, path, customer_id=2)
    await worked_off(desk)
    answer = await desk.post(f"{path}/2/leave", json={"reason": "moves out", "points": {"bonus": 301, "money": 1}})
    assert (answer.status_code, answer.json()["reason"]) == (409, "POINTS_SHORT")
    assert [one["path"] for one in answer.json()["problems"]] == ["points.bonus", "points.money"]
    act = await asked(desk, f"{path}/2/leave", points={"bonus": 300})
    await give(desk, 10, -1)
    await worked_off(desk)
    done = await now(desk, act)
    assert (done["state"], done["refusal"]) == ("DONE", "POINTS_SHORT: bonus")
    assert (await points_of(desk, 10), await points_of(desk, done["to_account_id"])) == (299, 0)


async def test_act_whose_answer_or_end_was_lost_is_done_once(
    desk: Desk, family: dict[str, Any], server: tuple[str, CoreServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    act = await asked(desk, f"/v1/families/{family['family_id']}/members", customer_id=3)
    server[1].answers_left = 0
    with pytest.raises(ServerAway):
        await ActJobs(desk.office).turn()
    assert ((await now(desk, act))["state"], await points_of(desk, 30)) == ("PENDING", 400)
    server[1].answers_left = -1

    async def die(*_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "move_act", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await ActJobs(desk.office).turn()
    journalled = len(server[1].world.records)
    await worked_off(desk)
    assert ((await now(desk, act))["state"], await points_of(desk, 30)) == ("DONE", 400)
    assert len(server[1].world.records) == journalled


async def test_join_waits_for_points_a_register_holds(
    desk: Desk, family: dict[str, Any], server: tuple[str, CoreServer]
) -> None:
    book = server[1].world.engine.book
    [lot] = [one.lots[0].lot_id for one in (await desk.office.ops.balance(20)).balances]
    apply_effects(book, NOW_US, holds=[(b"h" * 16, 1, 20, NOW_US + 9, b"", [(1, 50, lot)])])
    act = await asked(desk, f"/v1/families/{family['family_id']}/members", customer_id=2)
    await worked_off(desk)
    waiting = await now(desk, act)
    assert (waiting["state"], waiting["refusal"]) == ("PENDING", "HOLDS_PENDING")
    apply_effects(book, NOW_US, holds=[(b"h" * 16, 3, 0, 0, b"", [])])
    await worked_off(desk)
    assert (await now(desk, act))["state"] == "PENDING"
    desk.office.clock = lambda clock=desk.office.clock: clock() + timedelta(seconds=11)  # type: ignore[misc]
    await worked_off(desk)
    assert ((await now(desk, act))["state"], await points_of(desk, 20)) == ("DONE", 300)


async def test_head_of_another_family_brings_it_along(desk: Desk, family: dict[str, Any]) -> None:
    other = (await desk.post("/v1/families", json={"head_customer_id": 4})).json()
    await asked(desk, f"/v1/families/{other['family_id']}/members", customer_id=5)
    await worked_off(desk)
    await asked(desk, f"/v1/families/{family['family_id']}/members", customer_id=4)
    await worked_off(desk)
    assert [one["customer_id"] for one in (await _family(desk, family))["members"]] == [1, 4, 5]
    assert (await _family(desk, other))["state"] == "CLOSED"
    assert await points_of(desk, 50) == await points_of(desk, 10) == 1000


async def test_two_customers_who_are_one_person_become_one(desk: Desk, family: dict[str, Any]) -> None:
    await desk.put("/v1/segments/vip", json={"title": "VIP"})
    await desk.put("/v1/customers/4/segments", json={"segments": ["vip"]})
    act = await asked(desk, "/v1/customers/4/merge", into_customer_id=3)
    await worked_off(desk)
    assert (await now(desk, act))["state"] == "DONE"
    kept = (await desk.get("/v1/customers/3")).json()
    assert [card["card_id"] for card in kept["cards"]] == [30, 40]
    assert {card["account_id"] for card in kept["cards"]} == {30}
    assert kept["segments"] == ["vip"]
    assert (await desk.get("/v1/customers/4")).json()["reason"] == "CUSTOMER_UNKNOWN"
    assert await points_of(desk, 30) == await points_of(desk, 40) == 700


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("families", {"head_customer_id": 1}, "FAMILY_MEMBER"),
        ("families", {"head_customer_id": 99}, "CUSTOMER_UNKNOWN"),
        ("families/1/members", {"customer_id": 1, "reason": "again"}, "FAMILY_MEMBER"),
        ("families/1/members", {"customer_id": 99, "reason": "nobody"}, "CUSTOMER_UNKNOWN"),
        ("families/9/members", {"customer_id": 3, "reason": "where"}, "FAMILY_UNKNOWN"),
        ("families/1/members/1/leave", {"reason": "the head"}, "FAMILY_HEAD"),
        ("families/1/members/3/leave", {"reason": "not in it"}, "NOT_A_MEMBER"),
        ("customers/2/merge", {"into_customer_id": 2, "reason": "itself"}, "SAME_CUSTOMER"),
        ("customers/1/merge", {"into_customer_id": 2, "reason": "in a family"}, "FAMILY_MEMBER"),
        ("customers/2/merge", {"into_customer_id": 99, "reason": "nobody"}, "CUSTOMER_UNKNOWN"),
        ("customers/5/merge", {"into_customer_id": 4, "reason": "pending"}, "ACT_PENDING"),
    ],
)
async def test_what_cannot_be_is_refused(
    desk: Desk, family: dict[str, Any], path: str, body: dict[str, Any], reason: str
) -> None:
    await asked(desk, "/v1/customers/5/merge", into_customer_id=4)
    before = await desk.deeds()
    assert (await desk.post(f"/v1/{path}", json=body)).json()["reason"] == reason
    assert await desk.deeds() == before
