"""Deciding about exceptions: a back office, and a processing server whose journal is real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from altyn.admin_api.edge.rights import Grant
from altyn.journal.v1 import record_pb2 as journal_pb2
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.desk import Desk
from tests.admin_api.journal import Journal
from tests.admin_api.value import CoreServer
from tests.core.engine.scarce_world import balance, committed, give, new_engine, sale
from tests.core.engine.world import World

NOTE = {"note": "the shop says so"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, CoreServer]]:
    """Stands in for the small server of conftest."""
    core, door = CoreServer(), grpc.aio.server()
    core.world = World(new_engine())
    ops_grpc.add_OpsServiceServicer_to_server(core, door)  # type: ignore[no-untyped-call]
    address = f"unix:{tmp_path}/ops.sock"
    door.add_insecure_port(address)
    await door.start()
    yield address, core
    await door.stop(None)


@pytest.fixture
async def world(server: tuple[str, CoreServer], desk: Desk) -> World:
    """Seq 2: a sale that spent 25.00 of 70.00 without a hold."""
    made = server[1].world
    give(made, 7000)
    committed(made, sale(1, 2500))
    await projected(desk, made)
    return made


async def projected(desk: Desk, world: World) -> None:
    """What is journalled and not projected yet."""
    known = [row["seq"] for row in await desk.rows("SELECT seq FROM journal")]
    journal = Journal(desk.office.pool) if known else await Journal.open(desk.office.pool)
    records = [journal_pb2.Record.FromString(one.body) for one in world.records]
    await journal.append(*(one for one in records if one.seq not in known))
    await desk.office.projector.turn()


async def decided(desk: Desk, apply: bool, token: str = "", exception_id: str = "2-0") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    path = f"/v1/exceptions/{exception_id}/decide"
    return await desk.post(path, json={"apply": apply, **NOTE}, headers=headers)


async def told(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get("/v1/exceptions/2-0")).json()
    return found


async def person(desk: Desk, login: str) -> str:
    return await desk.token_of(login, Grant("ANTIFRAUD", "NETWORK"))


async def test_applied_exception_is_taken_by_the_server_and_told_from_the_journal(desk: Desk, world: World) -> None:
    before = balance(world)[0]
    answer = await decided(desk, True)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"exception_id": "2-0", "state": "APPLIED", "sum_minor": 2500, "journal_seq": 3}
    assert balance(world)[0] == before - 2500
    # A list is what the projection holds: nothing is told before that.
    assert (await told(desk))["state"] == "OPEN"
    await projected(desk, world)
    shown = await told(desk)
    assert (shown["state"], shown["applied"], shown["decided_seq"], shown["note"]) == (
        "RESOLVED",
        True,
        3,
        NOTE["note"],
    )
    assert (await desk.get("/v1/exceptions?state=OPEN")).json()["exceptions"] == []
    assert (await desk.get("/v1/exceptions/counts")).json()["open"] == []
    assert (await desk.deeds())[-1] == "exceptions.decide"


async def test_decision_stands(desk: Desk, world: World) -> None:
    first = (await decided(desk, False)).json()
    assert (first["state"], balance(world)[0]) == ("REJECTED", 7075)
    assert (await decided(desk, False)).json() == first
    other = await decided(desk, True)
    assert (other.status_code, other.json()["problems"][0]["code"]) == (409, "CONTENT_DIFFERS")
    await projected(desk, world)
    answer = await desk.post("/v1/exceptions/2-0/reopen", json=NOTE)
    assert (answer.status_code, answer.json()["reason"]) == (409, "EXCEPTION_DECIDED")
    answer = await desk.post("/v1/exceptions/2-0/resolve", json=NOTE)
    assert (answer.status_code, answer.json()["reason"]) == (409, "EXCEPTION_DECIDED")
    assert balance(world)[0] == 7075


async def test_decisions_survive_making_the_projection_anew(desk: Desk, world: World) -> None:
    await desk.post("/v1/exceptions/2-0/resolve", json=NOTE)
    await desk.post("/v1/exceptions/2-0/reopen", json=NOTE)
    await decided(desk, True)
    await projected(desk, world)
    before = await told(desk)
    many = "receipts, receipt_lines, receipt_discounts, ledger_entries, coupon_changes"
    await desk.rows(f"TRUNCATE {many}, exceptions, exception_decisions")
    await desk.rows("UPDATE projector_checkpoint SET seq = 0")
    await desk.office.projector.turn()
    assert await told(desk) == before


async def test_person_applies_alone_up_to_the_programs_limit(desk: Desk, world: World) -> None:
    await desk.put("/v1/program/limits", json={"decisions": {"sum_max_minor": 2500}})
    assert (await decided(desk, True, await person(desk, "anna"))).json()["state"] == "APPLIED"


async def test_more_than_the_limit_needs_somebody_else_to_decide_the_same(desk: Desk, world: World) -> None:
    anna, boris = await person(desk, "anna"), await person(desk, "boris")
    asked = await decided(desk, True, anna)
    assert (asked.status_code, asked.json()["state"], asked.json()["sum_minor"]) == (202, "ASKED", 2500)
    assert balance(world)[0] == 7075
    again = await decided(desk, True, anna)
    assert (again.status_code, again.json()["reason"]) == (403, "OWN_DECISION")
    assert (await decided(desk, True, boris)).json()["state"] == "APPLIED"
    assert balance(world)[0] == 7075 - 2500
    rows = (await desk.get("/v1/audit?object_kind=exception&object_id=2-0")).json()["rows"]
    assert [row["action"] for row in rows] == ["exceptions.decide", "exceptions.ask_decision"]
    assert rows[0]["after"]["asked_by"] == "person:anna"


async def test_person_rejects_alone_whatever_the_sum(desk: Desk, world: World) -> None:
    assert (await decided(desk, False, await person(desk, "anna"))).json()["state"] == "REJECTED"


async def test_noted_exception_is_reopened_before_it_is_decided(desk: Desk, world: World) -> None:
    await desk.post("/v1/exceptions/2-0/resolve", json=NOTE)
    answer = await decided(desk, True)
    assert (answer.status_code, answer.json()["reason"]) == (409, "EXCEPTION_RESOLVED")
    await desk.post("/v1/exceptions/2-0/reopen", json=NOTE)
    assert (await decided(desk, True)).status_code == 200


async def test_exception_that_only_tells_what_was_is_not_decided(desk: Desk, world: World) -> None:
    made = sale(2)
    made.payments.add(sum_minor=1)
    committed(world, made)
    await projected(desk, world)
    answer = await decided(desk, True, exception_id="3-0")
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (409, "NOTHING_TO_DECIDE")
    assert (await decided(desk, True, exception_id="9-0")).status_code == 404


async def test_limits_of_the_program_are_kept_whole(desk: Desk) -> None:
    nothing = (await desk.get("/v1/program/limits")).json()
    assert nothing["returns"] == {"sum_max_minor": 0, "day_sum_max_minor": 0}
    asked = {
        "returns": {"sum_max_minor": 500, "day_sum_max_minor": 900},
        "offline": {"receipts_max": 3, "assets": ["bonus"]},
    }
    put = (await desk.put("/v1/program/limits", json=asked)).json()
    assert (put["returns"], put["offline"]["assets"]) == (asked["returns"], ["bonus"])
    assert (await desk.get("/v1/program/limits")).json() == put
    assert (await desk.put("/v1/program/limits", json={"returns": {"sum_max_minor": -1}})).status_code == 422
    version = len(await desk.wake_ups())
    await desk.put("/v1/program/limits", json=asked)
    assert len(await desk.wake_ups()) == version
    assert (await desk.deeds())[-1] == "program.put_limits"
