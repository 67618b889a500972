"""Use cases of events: defined by one, approved by another, told of by whoever sees them happen.

The processing server decides and journals; a row here says what was asked of it. An event that was changed earns
nothing until somebody else has approved it, and then makes up for what happened in between; one that was stopped does
not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import asyncpg

from altyn.admin_api.accounts.repository import has_account
from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.accounts.service import EPOCH, MICROSECOND
from altyn.admin_api.assets.errors import AssetUnknown
from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.customers.repository import cards_by_number, find_customers
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Invalid, problem
from altyn.admin_api.events import errors, repository, schemas
from altyn.admin_api.events.terms import Happened, is_over, occurrence_of, op_id_of, request_of
from altyn.admin_api.program.repository import find_program
from altyn.core.engine.identity import card_hash
from altyn.infra.zones import load_zone
from altyn.ops.v1 import ops_service_pb2 as ops

TOLD_LATE_DAYS_MAX = 366
OVER = ops.AdjustPointsResponse(reason="OVER")
DEFINED = ("title", "asset", "points", "repeats", "days_before", "active_after_days", "expires")


async def put_event(call: Call, *, event: str, asked: schemas.EventIn) -> schemas.EventOut:
    """Define an event, or change it. Raises AssetUnknown, EventKindFixed."""
    asset = await find_asset(call.connection, call.tenant, asked.asset)
    if asset is None:
        raise AssetUnknown(f"no asset {asked.asset}", path="asset")
    before = await repository.find_event(call.connection, call.tenant, event, to_change=True)
    if before is not None and before["kind"] != asked.kind:
        raise errors.EventKindFixed(f"event {event} is a {before['kind']} for ever", path="kind")
    repeats = asked.repeats or schemas.REPEATS.get(asked.kind, schemas.Repeats.ONCE)
    expires = asked.expires.model_dump(mode="json", exclude_none=True) if asked.expires else None
    after = asked.model_dump(mode="json") | {"repeats": repeats.value, "expires": expires}
    is_same = before is not None and all(before[name] == after[name] for name in DEFINED)
    if before is None or not is_same or before["state"] == schemas.EventState.STOPPED:
        row = (event, after["kind"], *(after[name] for name in DEFINED), call.actor, call.now)
        await repository.put_event(call.connection, call.tenant, row)
        told = {name: before[name] for name in DEFINED} if before else None
        call.record("events.put", "event", event, before=told, after=after)
    return await read_event(call, event=event)


async def read_event(call: Call, *, event: str) -> schemas.EventOut:
    """Raises EventUnknown."""
    return schemas.EventOut(**await _found(call, event))


async def _found(call: Call, event: str, *, to_change: bool = False) -> asyncpg.Record:
    row = await repository.find_event(call.connection, call.tenant, event, to_change=to_change)
    if row is None:
        raise errors.EventUnknown(f"no event {event}", path="event")
    return row


async def approve(call: Call, *, event: str) -> schemas.EventOut:
    """Let it earn. Raises EventUnknown, EventDecided, OwnEvent."""
    row = await _found(call, event, to_change=True)
    if row["state"] != schemas.EventState.PROPOSED:
        raise errors.EventDecided(f"the event is {row['state']}", path="event")
    if row["updated_by"] == call.actor:
        raise errors.OwnEvent("somebody else approves what you proposed", path="event")
    await repository.approve(call.connection, call.tenant, event, call.actor, call.now, await today_of(call))
    call.record("events.approve", "event", event, after={"points": row["points"], "asset": row["asset"]})
    return await read_event(call, event=event)


async def stop(call: Call, *, event: str) -> schemas.EventOut:
    """Let it earn nothing more; what it gave stays given. Raises EventUnknown, EventDecided."""
    row = await _found(call, event, to_change=True)
    if row["state"] == schemas.EventState.STOPPED:
        raise errors.EventDecided("it was stopped before", path="event")
    await repository.stop(call.connection, call.tenant, event, call.now)
    call.record("events.stop", "event", event, before={"state": row["state"]}, after={"state": "STOPPED"})
    return await read_event(call, event=event)


async def today_of(call: Call) -> date:
    """The programme's."""
    program = await find_program(call.connection, call.tenant)
    return call.now.astimezone(load_zone(program["zone"])).date()


# OCCURRENCES


async def tell(
    call: Call, server: OpsClient, pepper: bytes, *, event: str, asked: schemas.OccurrenceIn
) -> tuple[schemas.OccurrenceOut, bool]:
    """It happened to somebody; whether nobody had told of it before. Raises EventUnknown, EventByItself, EventResting,
    SubjectUnknown, SubjectAmbiguous, OccurrenceDeclined and what the server's client raises.
    """
    row = await _found(call, event)
    if row["kind"] in schemas.REPEATS:
        raise errors.EventByItself(f"a {row['kind']} happens by itself", path="event")
    repeats, today = schemas.Repeats(row["repeats"]), await today_of(call)
    day = asked.happened_on or today
    if not timedelta() <= today - day <= timedelta(days=TOLD_LATE_DAYS_MAX):
        raise Invalid(f"the day is today, or one of {TOLD_LATE_DAYS_MAX} before", path="happened_on")
    if repeats is schemas.Repeats.EACH and asked.occurrence is None:
        raise Invalid("an event that repeats EACH needs the occurrence's own id", path="occurrence")
    subject = await _subject(call, pepper, asked)
    one = Happened(*subject, occurrence_of(repeats, day, asked.occurrence or ""), day)
    op_id = op_id_of(call.tenant, event, one)
    before = await repository.find_occurrence(call.connection, call.tenant, op_id)
    if before is not None:
        return occurrence_out(before), False
    if row["state"] != schemas.EventState.ACTIVE:
        raise errors.EventResting(f"the event is {row['state']}", path="event")
    [answer] = await give_all(call, server, row, [one])
    if not _is_given(answer):
        found = [problem("", answer.reason, "the server's reason")]
        raise errors.OccurrenceDeclined("the processing server declined", problems=found)
    call.journal_seq = answer.seq
    after = {"event": event, "occurrence": one.occurrence, "op_id": op_id.hex(), "journal_seq": answer.seq}
    call.record("events.tell", "account", str(one.account_id), after=after)
    made = await repository.find_occurrence(call.connection, call.tenant, op_id)
    assert made is not None
    return occurrence_out(made), True


async def _subject(call: Call, pepper: bytes, asked: schemas.OccurrenceIn) -> tuple[int | None, int]:
    """(customer or None, account): whoever is a customer is counted as one, however they were named."""
    connection, tenant, customer_id = call.connection, call.tenant, asked.customer_id
    if asked.card_number is not None:
        hashed = card_hash(pepper, asked.card_number)
        card = (await cards_by_number(connection, tenant, [hashed])).get(hashed)
        if card is None:
            raise errors.SubjectUnknown("no card has this number", path="card_number")
        if card["customer_id"] is None:
            return None, card["account_id"]
        customer_id = card["customer_id"]
    elif asked.account_id is not None:
        owners = await repository.customers_of_account(connection, tenant, asked.account_id)
        if len(owners) > 1:
            raise errors.SubjectAmbiguous("several customers have the account; name one", path="account_id")
        if not owners and not await has_account(connection, tenant, asked.account_id):
            raise errors.SubjectUnknown(f"nobody has account {asked.account_id}", path="account_id")
        if not owners:
            return None, asked.account_id
        [customer_id] = owners
    assert customer_id is not None
    found = await find_customers(connection, tenant, [customer_id])
    if not found:
        raise errors.SubjectUnknown(f"no customer {customer_id}", path="customer_id")
    return customer_id, found[0]["account_id"]


async def give_all(
    call: Call, server: OpsClient, event: asyncpg.Record, happened: Sequence[Happened]
) -> list[ops.AdjustPointsResponse]:
    """The server gives for each that is not over, and rows say so. Raises as its client."""
    asset = await find_asset(call.connection, call.tenant, event["asset"])
    assert asset is not None, "an asset is never forgotten"
    asked = [request_of(dict(event), dict(asset), one, call.tenant, call.actor) for one in happened]
    given = iter(await server.adjust_each([one for one in asked if not is_over(one, call.now)]))
    answers = [OVER if is_over(one, call.now) else next(given) for one in asked]
    await repository.insert_occurrences(
        call.connection,
        call.tenant,
        [_row(call, *each) for each in zip(happened, asked, answers, strict=True)],
    )
    return answers


def _is_given(answer: ops.AdjustPointsResponse) -> bool:
    """Other content under this op_id: it was given before, by what the event said then, and no row was written."""
    return answer.applied or answer.reason == "CONTENT_DIFFERS"


def _row(
    call: Call, one: Happened, asked: ops.AdjustPointsRequest, answer: ops.AdjustPointsResponse
) -> tuple[object, ...]:
    state = schemas.OccurrenceState.GIVEN if _is_given(answer) else schemas.OccurrenceState.DECLINED
    return (
        *(asked.event, one.customer_id, one.account_id, one.occurrence, one.day),
        *(asked.op_id, asked.asset, asked.points, asked.active_from_us, asked.expires_at_us),
        *(state.value, answer.reason, answer.seq or None, answer.lot_id or None, call.actor, call.now),
    )


def occurrence_out(row: asyncpg.Record) -> schemas.OccurrenceOut:
    told = {
        "op_id": row["op_id"].hex(),
        "active_from": _moment(row["active_from_us"]),
        "expires_at": _moment(row["expires_at_us"]),
    }
    return schemas.OccurrenceOut(**{**row, **told})


def _moment(instant_us: int) -> datetime | None:
    return EPOCH + instant_us * MICROSECOND if instant_us else None
