"""Registrations and birthdays, which happen by themselves: slice by slice, each customer once whatever breaks off.

A slice's rows and the event's place are one transaction; what the server gave before it broke off is given under the
same op_id again, which is nothing. A back office that slept makes up for every registration, and for the birthdays of
the last days: a wish that comes later than CATCH_UP_DAYS is none. It must never give for a day that has not begun in
the programme's zone.
"""

from __future__ import annotations

from datetime import date, timedelta

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.problems import Invalid
from altyn.admin_api.events import repository
from altyn.admin_api.events.schemas import EventKind, Repeats
from altyn.admin_api.events.service import give_all, today_of
from altyn.admin_api.events.terms import Happened, born_on, occurrence_of, op_id_of
from altyn.admin_api.program.repository import find_program
from altyn.infra.zones import load_zone

ACTOR = "events"
SLICE_CUSTOMERS = 500
CATCH_UP_DAYS = 7


class EventJobs:
    """Gives what events of one tenant earn by themselves."""

    kind = "EVENTS"

    def __init__(self, office: Office, slice_customers: int = SLICE_CUSTOMERS) -> None:
        self._office = office
        self._slice_customers = slice_customers

    async def turn(self) -> bool:
        """Serve one slice of one event; False when none has anything to give."""
        office = self._office
        async with office.connected() as connection, connection.transaction():
            call = Call(connection, office.tenant, ACTOR, frozenset(), ACTOR, office.clock())
            today = await today_of(call)
            event = await repository.take_due(connection, office.tenant, today)
            if event is None:
                return False
            try:
                # What was done of a slice that the server refuses is undone here; there it stays, once.
                async with connection.transaction():
                    if event["kind"] == EventKind.BIRTHDAY:
                        await self._birthdays(call, event, today)
                    else:
                        await self._registrations(call, event, today)
            except Invalid as refused:
                # What the server finds wrong with one is wrong with all.
                refusal = refused.message[:200]
                call.deeds.clear()
                await repository.stop(connection, office.tenant, event["event"], call.now, refusal=refusal)
                call.record("events.fail", "event", event["event"], after={"refusal": refusal})
            await call.finish()
        return True

    async def _birthdays(self, call: Call, event: asyncpg.Record, today: date) -> None:
        day, after_id = event["next_day"], event["after_id"]
        if day < today - timedelta(days=CATCH_UP_DAYS):
            day, after_id = today - timedelta(days=CATCH_UP_DAYS), 0
            told = {"from": event["next_day"].isoformat(), "before": day.isoformat()}
            call.record("events.skip", "event", event["event"], after=told)
        birthday = day + timedelta(days=event["days_before"])
        rows = await repository.born(call.connection, call.tenant, born_on(birthday), after_id, self._slice_customers)
        year = occurrence_of(Repeats.YEARLY, birthday)
        await self._give(call, event, [Happened(row["customer_id"], row["account_id"], year, day) for row in rows])
        is_whole = len(rows) < self._slice_customers
        await repository.move(
            call.connection,
            call.tenant,
            event["event"],
            after_id=0 if is_whole else rows[-1]["customer_id"],
            next_day=day + timedelta(days=1) if is_whole else day,
        )

    async def _registrations(self, call: Call, event: asyncpg.Record, today: date) -> None:
        place = (event["after_version"], event["after_id"])
        rows = await repository.registered(call.connection, call.tenant, place, self._slice_customers)
        zone = load_zone((await find_program(call.connection, call.tenant))["zone"])
        happened = [
            Happened(
                row["customer_id"],
                row["account_id"],
                occurrence_of(Repeats.ONCE, today),
                min(row["registered_at"].astimezone(zone).date(), today),
            )
            for row in rows
            if row["registered_at"] >= event["since"]
        ]
        await self._give(call, event, happened)
        last = rows[-1]
        await repository.move(
            call.connection,
            call.tenant,
            event["event"],
            after_id=last["customer_id"],
            after_version=last["version"],
        )

    async def _give(self, call: Call, event: asyncpg.Record, happened: list[Happened]) -> None:
        """To those who have not got it."""
        named = {op_id_of(call.tenant, event["event"], one): one for one in happened}
        before = await repository.known(call.connection, call.tenant, list(named))
        new = [one for op_id, one in named.items() if op_id not in before]
        if new:
            answers = await give_all(call, self._office.ops, event, new)
            told = {"customers_count": len(new), "last_seq": max(answer.seq for answer in answers)}
            call.record("events.give", "event", event["event"], after=told)
