"""Events that earn without a purchase: defined by one, approved by another, given once to each whatever breaks off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import httpx
import pytest

from altyn.admin_api.accounts.server import ServerAway
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.events import repository
from altyn.admin_api.events.jobs import CATCH_UP_DAYS, EventJobs
from altyn.admin_api.events.terms import Happened, born_on, op_id_of
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.desk import TENANT, Desk
from tests.admin_api.value import CoreServer, lay_customers, points_of

SLICE = 4
SURVEY = {"kind": "SURVEY", "title": "How was it?", "asset": "bonus", "points": 50}
BIRTHDAY = {"kind": "BIRTHDAY", "asset": "bonus", "points": 200, "expires": {"days": 10}}
REGISTRATION = {"kind": "REGISTRATION", "asset": "bonus", "points": 100}
# The core server's clock: 2026-11-18 14:26 UTC, 17:26 in Moscow.
NOON = datetime(2026, 11, 18, 9, tzinfo=UTC)


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
    await desk.rows("UPDATE customers SET registered_at = '2020-01-01' RETURNING 1")
    await desk.rows("SELECT setval('customer_ids', 100), setval('account_ids', 1000)")


async def as_(desk: Desk, person: str, role: str, path: str, body: Any = None) -> httpx.Response:
    token = await desk.token_of(person, Grant(role, "NETWORK"))
    return await desk.post(f"/v1/{path}", json=body, headers={"authorization": f"Bearer {token}"})


async def approve(desk: Desk, event: str) -> None:
    answer = await as_(desk, "igor", "MARKETING_DIRECTOR", f"events/{event}/approve")
    assert answer.json()["state"] == "ACTIVE", answer.text


async def active(desk: Desk, event: str, body: dict[str, Any], at: datetime = NOON) -> None:
    desk.office.clock = lambda: at
    answer = await desk.put(f"/v1/events/{event}", json=body)
    assert answer.json()["state"] == "PROPOSED", answer.text
    # People's tokens are of today, so the approval is; the event begins where the test's clock stands.
    desk.office.clock = lambda: datetime.now(UTC)
    await approve(desk, event)
    day = f"CASE WHEN kind = 'BIRTHDAY' THEN date '{moscow_day(at)}' END"
    await desk.rows(
        f"UPDATE events SET since = '{at.isoformat()}', next_day = {day} WHERE event = '{event}' RETURNING 1"
    )


def moscow_day(at: datetime) -> date:
    return (at + timedelta(hours=3)).date()


async def tell(desk: Desk, event: str, **body: Any) -> httpx.Response:
    return await desk.post(f"/v1/events/{event}/occurrences", json=body)


async def run_out(desk: Desk, at: datetime = NOON) -> int:
    """Turns that did something."""
    desk.office.clock = lambda: at
    jobs, turns = EventJobs(desk.office, SLICE), 0
    while await jobs.turn():
        turns += 1
    desk.office.clock = lambda: datetime.now(UTC)
    return turns


async def born(desk: Desk, mmdd: int, *customers: int) -> None:
    for number in customers:
        await desk.rows(f"UPDATE customers SET birthday_mmdd = {mmdd} WHERE customer_id = {number} RETURNING 1")


async def set_birthday(desk: Desk, customer_id: int) -> None:
    """A new version of the customer."""
    answer = await desk.put(f"/v1/customers/{customer_id}/birthday", json={"birthday": "01-02"})
    assert answer.status_code in (200, 204), answer.text


async def all_points(desk: Desk) -> list[int]:
    return [await points_of(desk, 10 * number) for number in range(1, 11)]


# DEFINED AND APPROVED


async def test_event_earns_once_another_has_approved_it_and_rests_after_a_change(desk: Desk) -> None:
    made = await desk.put("/v1/events/visit", json=SURVEY)
    assert (made.json()["state"], made.json()["repeats"], made.json()["since"]) == ("PROPOSED", "ONCE", None)
    assert (await tell(desk, "visit", customer_id=1)).json()["reason"] == "EVENT_RESTING"
    own = await desk.post("/v1/events/visit/approve")
    assert (own.status_code, own.json()["reason"]) == (403, "OWN_EVENT")
    await approve(desk, "visit")
    assert (await tell(desk, "visit", customer_id=1)).status_code == 201
    assert (await desk.put("/v1/events/visit", json=SURVEY)).json()["state"] == "ACTIVE", "nothing was changed"
    assert (await desk.put("/v1/events/visit", json=SURVEY | {"points": 70})).json()["approved_by"] is None
    assert (await tell(desk, "visit", customer_id=2)).json()["reason"] == "EVENT_RESTING"
    await approve(desk, "visit")
    again = await as_(desk, "igor", "MARKETING_DIRECTOR", "events/visit/approve")
    assert again.json()["reason"] == "EVENT_DECIDED"
    assert (await tell(desk, "visit", customer_id=2)).json()["points"] == 70
    assert (await desk.post("/v1/events/visit/stop")).json()["state"] == "STOPPED"
    assert (await desk.post("/v1/events/visit/stop")).json()["reason"] == "EVENT_DECIDED"
    assert [one["event"] for one in (await desk.get("/v1/events")).json()["events"]] == ["visit"]
    assert (await desk.deeds())[-1] == "events.stop"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"asset": "gold"}, "ASSET_UNKNOWN"),
        ({"points": 0}, "INVALID"),
        ({"kind": "REGISTRATION", "repeats": "EACH"}, "INVALID"),
        ({"kind": "BIRTHDAY", "repeats": "ONCE"}, "INVALID"),
        ({"days_before": 3}, "INVALID"),
        ({"expires": {}}, "INVALID"),
    ],
)
async def test_event_that_cannot_be_is_refused(desk: Desk, change: dict[str, Any], reason: str) -> None:
    assert (await desk.put("/v1/events/visit", json=SURVEY | change)).json()["reason"] == reason


async def test_kind_of_an_event_stays(desk: Desk) -> None:
    await desk.put("/v1/events/visit", json=SURVEY)
    other = await desk.put("/v1/events/visit", json=SURVEY | {"kind": "CUSTOM"})
    assert (other.status_code, other.json()["reason"]) == (409, "EVENT_KIND_FIXED")
    assert (await desk.get("/v1/events/none")).json()["reason"] == "EVENT_UNKNOWN"


# TOLD


async def test_who_tells_twice_gives_once_however_the_customer_is_named(
    desk: Desk, server: tuple[str, CoreServer]
) -> None:
    await active(desk, "visit", SURVEY)
    first = await tell(desk, "visit", customer_id=1)
    assert (first.status_code, first.json()["state"], first.json()["points"]) == (201, "GIVEN", 50)
    for named in ({"customer_id": 1}, {"account_id": 10}):
        again = await tell(desk, "visit", **named)
        assert (again.status_code, again.json()) == (200, first.json())
    assert (await points_of(desk, 10), len(server[1].world.records)) == (50, 1)
    record = journal.Record.FromString(server[1].world.records[0].body)
    assert record.request.adjustment.event == "visit"
    assert record.effects.entries[0].kind == journal.ENTRY_KIND_ACCRUAL
    shown = (await desk.get("/v1/events/visit/occurrences?customer_id=1")).json()["occurrences"]
    assert shown == [first.json()] and (await desk.deeds())[-1] == "events.tell"


async def test_answer_that_was_lost_is_no_second_gift_even_if_the_event_was_changed(
    desk: Desk, server: tuple[str, CoreServer]
) -> None:
    await active(desk, "visit", SURVEY)
    server[1].answers_left = 0
    assert (await tell(desk, "visit", customer_id=1)).json()["reason"] == "SERVER_AWAY"
    server[1].answers_left = -1
    await desk.put("/v1/events/visit", json=SURVEY | {"points": 70})
    await approve(desk, "visit")
    again = await tell(desk, "visit", customer_id=1)
    assert (again.status_code, again.json()["state"], again.json()["refusal"]) == (201, "GIVEN", "CONTENT_DIFFERS")
    assert (await points_of(desk, 10), len(server[1].world.records)) == (50, 1)


async def test_how_often_is_by_year_and_by_the_tellers_own_id(desk: Desk) -> None:
    await active(desk, "yearly", SURVEY | {"repeats": "YEARLY"})
    await active(desk, "each", SURVEY | {"repeats": "EACH", "points": 1})
    today = moscow_day(datetime.now(UTC))
    last_year = (today - timedelta(days=366)).isoformat()
    assert [(await tell(desk, "yearly", customer_id=1)).status_code for _ in range(2)] == [201, 200]
    assert (await tell(desk, "yearly", customer_id=1, happened_on=last_year)).status_code == 201
    for occurrence, status in (("a", 201), ("b", 201), ("a", 200)):
        assert (await tell(desk, "each", customer_id=1, occurrence=occurrence)).status_code == status
    missing = (await tell(desk, "each", customer_id=1)).json()
    assert (missing["reason"], missing["path"]) == ("INVALID", "occurrence")
    for day in (today + timedelta(days=2), today - timedelta(days=368)):
        late = (await tell(desk, "each", customer_id=1, occurrence="c", happened_on=day.isoformat())).json()
        assert late["path"] == "happened_on"
    assert await points_of(desk, 10) == 102


async def test_points_wait_and_end_as_the_event_says(desk: Desk, server: tuple[str, CoreServer]) -> None:
    await active(desk, "visit", SURVEY | {"active_after_days": 2, "expires": {"days": 3}, "repeats": "YEARLY"})
    told = (await tell(desk, "visit", customer_id=1)).json()
    day = date.fromisoformat(told["happened_on"])
    midnight = datetime.combine(day, datetime.min.time(), UTC) - timedelta(hours=3)
    moments = [datetime.fromisoformat(told[name]) for name in ("active_from", "expires_at")]
    assert moments == [midnight + timedelta(days=2), midnight + timedelta(days=6)]
    late = await tell(desk, "visit", customer_id=1, happened_on=(day - timedelta(days=366)).isoformat())
    assert (late.json()["reason"], late.json()["problems"][0]["code"]) == ("OCCURRENCE_DECLINED", "OVER")
    assert len(server[1].world.records) == 1


async def test_anonymous_card_earns_and_what_nobody_has_does_not(desk: Desk) -> None:
    await active(desk, "visit", SURVEY)
    card = await desk.post("/v1/customers", json={"name": "Anna", "card": {"number": "4000 1234"}})
    customer = card.json()["customer_id"]
    told = await tell(desk, "visit", card_number="40001234")
    assert told.json()["customer_id"] == customer
    assert (await tell(desk, "visit", customer_id=customer)).status_code == 200
    await desk.rows("UPDATE cards SET customer_id = NULL, account_id = 777 WHERE card_id = 20 RETURNING 1")
    anonymous = await tell(desk, "visit", account_id=777)
    assert (anonymous.json()["customer_id"], await points_of(desk, 777)) == (None, 50)
    await desk.rows("UPDATE customers SET account_id = 30 WHERE customer_id = 4 RETURNING 1")
    assert (await tell(desk, "visit", account_id=30)).json()["reason"] == "SUBJECT_AMBIGUOUS"
    for named in ({"customer_id": 999}, {"account_id": 999}, {"card_number": "99999"}):
        assert (await tell(desk, "visit", **named)).json()["reason"] == "SUBJECT_UNKNOWN"
    assert (await tell(desk, "visit", customer_id=1, account_id=10)).json()["reason"] == "INVALID"


# BY ITSELF


async def test_birthdays_of_the_day_are_given_slice_by_slice_once(desk: Desk, server: tuple[str, CoreServer]) -> None:
    await active(desk, "birthday", BIRTHDAY)
    await born(desk, 1118, 1, 2, 3, 4, 5)
    await born(desk, 1119, 6)
    assert (await tell(desk, "birthday", customer_id=7)).json()["reason"] == "EVENT_BY_ITSELF"
    assert await run_out(desk) == 2
    assert await all_points(desk) == [200] * 5 + [0] * 5
    assert await run_out(desk, NOON + timedelta(hours=11)) == 0, "still the 18th in Moscow"
    assert await run_out(desk, NOON + timedelta(hours=12)) == 1
    assert (await all_points(desk))[5] == 200
    await born(desk, 1120, 1)
    await run_out(desk, NOON + timedelta(days=2))
    assert (await all_points(desk))[0] == 200, "whoever changes the birthday has had this year's"
    assert len(server[1].world.records) == 6
    await run_out(desk, NOON + timedelta(days=367))
    assert len(server[1].world.records) == 12, "and all of them the next one's"
    [_, shown] = (await desk.get("/v1/events/birthday/occurrences?customer_id=6")).json()["occurrences"]
    assert (shown["occurrence"], shown["happened_on"], shown["told_by"]) == ("2026", "2026-11-19", "events")
    assert shown["expires_at"] == "2026-11-29T21:00:00Z"


async def test_erased_person_leaves_no_birthday_and_has_no_second_one(
    desk: Desk, server: tuple[str, CoreServer]
) -> None:
    await active(desk, "birthday", BIRTHDAY)
    await active(desk, "visit", SURVEY)
    await born(desk, 1118, 1, 2)
    await run_out(desk)
    await tell(desk, "visit", customer_id=1)
    assert (await desk.delete("/v1/customers/1/personal")).status_code == 204
    left = await desk.rows("SELECT event, customer_id FROM event_occurrences ORDER BY customer_id")
    assert [tuple(row) for row in left] == [("visit", 1), ("birthday", 2)]
    await born(desk, 1119, 1)
    await run_out(desk, NOON + timedelta(days=1))
    assert (await points_of(desk, 10), len(server[1].world.records)) == (250, 3)


async def test_office_that_slept_three_days_makes_up_for_them_once(desk: Desk, server: tuple[str, CoreServer]) -> None:
    await active(desk, "birthday", BIRTHDAY)
    for number in range(1, 6):
        await born(desk, 1117 + number, number)
    await run_out(desk)
    assert len(server[1].world.records) == 1
    await run_out(desk, NOON + timedelta(days=3))
    assert (await all_points(desk))[:5] == [200, 200, 200, 200, 0]
    assert await run_out(desk, NOON + timedelta(days=3)) == 0 and len(server[1].world.records) == 4


async def test_wish_that_is_later_than_the_catch_up_is_none(desk: Desk) -> None:
    await active(desk, "birthday", BIRTHDAY | {"expires": {"days": 30}})
    await born(desk, 1119, 1)
    await born(desk, 1120, 2)
    await run_out(desk)
    awake = NOON + timedelta(days=CATCH_UP_DAYS + 2)
    assert await run_out(desk, awake) == CATCH_UP_DAYS + 1
    assert (await all_points(desk))[:2] == [0, 200]
    skipped = [deed for deed in await desk.deeds() if deed == "events.skip"]
    assert len(skipped) == 1


async def test_days_before_the_birthday_and_the_29th_of_february(desk: Desk) -> None:
    await active(desk, "birthday", BIRTHDAY | {"days_before": 7}, NOON)
    await born(desk, 1125, 1)
    await born(desk, 101, 2)
    await run_out(desk)
    assert (await all_points(desk))[:2] == [200, 0]
    assert (born_on(date(2027, 2, 28)), born_on(date(2028, 2, 28)), born_on(date(2028, 2, 29))) == (
        [228, 229],
        [228],
        [229],
    )
    await run_out(desk, datetime(2026, 12, 26, 9, tzinfo=UTC))
    [shown] = (await desk.get("/v1/events/birthday/occurrences?customer_id=2")).json()["occurrences"]
    assert (shown["occurrence"], shown["happened_on"]) == ("2027", "2026-12-25")


async def test_who_registers_from_now_on_earns_once_and_who_was_there_does_not(
    desk: Desk, server: tuple[str, CoreServer]
) -> None:
    await active(desk, "hello", REGISTRATION, datetime.now(UTC))
    now = datetime.now(UTC)
    made = [(await desk.post("/v1/customers", json={"name": f"New {one}"})).json() for one in range(6)]
    await set_birthday(desk, 1)
    assert await run_out(desk, now + timedelta(hours=1)) == 2
    assert [await points_of(desk, one["account_id"]) for one in made] == [100] * 6
    assert await all_points(desk) == [0] * 10
    await set_birthday(desk, made[0]["customer_id"])
    assert await run_out(desk, now + timedelta(hours=1)) == 1
    assert len(server[1].world.records) == 6


async def test_change_makes_up_for_what_happened_while_it_waited_and_a_stop_does_not(desk: Desk) -> None:
    await active(desk, "hello", REGISTRATION, datetime.now(UTC))
    await desk.put("/v1/events/hello", json=REGISTRATION | {"points": 300})
    waiting = (await desk.post("/v1/customers", json={"name": "Vera"})).json()["account_id"]
    assert await run_out(desk, datetime.now(UTC)) == 0
    await approve(desk, "hello")
    await run_out(desk, datetime.now(UTC))
    assert await points_of(desk, waiting) == 300
    await desk.post("/v1/events/hello/stop")
    missed = (await desk.post("/v1/customers", json={"name": "Gleb"})).json()["account_id"]
    await desk.put("/v1/events/hello", json=REGISTRATION | {"points": 300})
    await approve(desk, "hello")
    await run_out(desk, datetime.now(UTC))
    assert await points_of(desk, missed) == 0


async def test_slice_that_broke_off_gives_nobody_twice(
    desk: Desk, server: tuple[str, CoreServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    await active(desk, "birthday", BIRTHDAY)
    await born(desk, 1118, *range(1, 7))
    desk.office.clock = lambda: NOON
    jobs = EventJobs(desk.office, SLICE)
    server[1].answers_left = 2
    with pytest.raises(ServerAway):
        await jobs.turn()
    server[1].answers_left = -1

    async def die(*_: object, **__: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "move", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await jobs.turn()
    assert await desk.rows("SELECT FROM event_occurrences") == []
    await run_out(desk)
    assert (await all_points(desk))[:7] == [200] * 6 + [0]
    assert len(server[1].world.records) == 6


async def test_what_the_server_finds_wrong_stops_the_event(desk: Desk, server: tuple[str, CoreServer]) -> None:
    await active(desk, "birthday", BIRTHDAY)
    await born(desk, 1118, 1)
    del server[1].world.engine.facts.assets["bonus"]
    await run_out(desk)
    found = (await desk.get("/v1/events/birthday")).json()
    assert found["state"] == "STOPPED" and "asset" in found["refusal"]
    assert (await desk.deeds())[-1] == "events.fail"


def test_op_id_depends_on_programme_event_subject_and_occurrence_alone() -> None:
    one = Happened(1, 10, "2026", date(2026, 11, 18))
    moved = Happened(1, 99, "2026", date(2026, 11, 19))
    assert op_id_of(TENANT, "birthday", one) == op_id_of(TENANT, "birthday", moved)
    others = {
        op_id_of("other", "birthday", one),
        op_id_of(TENANT, "name-day", one),
        op_id_of(TENANT, "birthday", Happened(2, 10, "2026", one.day)),
        op_id_of(TENANT, "birthday", Happened(None, 1, "2026", one.day)),
        op_id_of(TENANT, "birthday", Happened(1, 10, "2027", one.day)),
    }
    assert len(others) == 5 and op_id_of(TENANT, "birthday", one) not in others
