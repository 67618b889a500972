"""Use cases of exceptions: what the servers stored and could not simply apply, until a person has looked.

Resolving notes that somebody has looked; it moves nothing and can be taken back. Deciding is for what a sale spent
without a hold: the processing server takes it after all, or never does, and the journal has it. Beyond the program's
limit two people decide the same.
"""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.exceptions import repository, schemas
from altyn.admin_api.exceptions.errors import (
    DecisionDeclined,
    ExceptionDecided,
    ExceptionResolved,
    ExceptionUnknown,
    OwnDecision,
)
from altyn.admin_api.exceptions.names import name_of, number_of
from altyn.admin_api.program.repository import find_limits
from altyn.ops.v1 import ops_service_pb2 as ops

FIELDS_TOLD = (
    "seq",
    "account_id",
    "recorded_at",
    "note",
    "resolved_by",
    "resolved_at",
    "applied",
    "decided_seq",
)
ASKED_FOR = timedelta(hours=72)


def split_id(exception_id: str) -> tuple[int, int]:
    """(seq, exception_no)."""
    seq, _, number = exception_id.partition("-")
    return int(seq), int(number)


def exception_out(row: asyncpg.Record) -> schemas.ExceptionOut:
    """A row as the API tells it."""
    key = ("store_id", "register_id", "shift_number", "receipt_number")
    told = {name: row[name] for name in FIELDS_TOLD}
    return schemas.ExceptionOut(
        exception_id=f"{row['seq']}-{row['exception_no']}",
        kind=name_of("kind", row["kind"]),
        status=name_of("status", row["status"]),
        reason=name_of("reason", row["reason"]),
        receipt=schemas.ReceiptKeyOut(**{name: row[name] for name in key}),
        state=schemas.State.OPEN if row["resolved_at"] is None else schemas.State.RESOLVED,
        **told,
    )


async def list_exceptions(call: Call, *, asked: schemas.ExceptionFilter) -> list[asyncpg.Record]:
    """Newest first, and one more than asked for. Raises NameUnknown."""
    before = split_id(asked.before) if asked.before else (None, 0)
    return await repository.list_exceptions(
        call.connection,
        is_open=None if asked.state is None else asked.state is schemas.State.OPEN,
        kind=number_of("kind", asked.kind),
        status=number_of("status", asked.status),
        reason=number_of("reason", asked.reason),
        place=(asked.store_id, asked.register_id),
        between=(asked.from_at, asked.to_at),
        before=before,
        count_max=asked.limit + 1,
    )


async def read_exception(call: Call, *, exception_id: str) -> schemas.ExceptionOut:
    """Raises ExceptionUnknown, PlaceForeign."""
    row = await repository.find_exception(call.connection, *split_id(exception_id))
    if row is None:
        raise ExceptionUnknown(f"no exception {exception_id}", path="exception_id")
    await call.at_store(row["store_id"])
    return exception_out(row)


async def resolve(call: Call, *, exception_id: str, note: str) -> None:
    """Note that it was looked at. Raises ExceptionUnknown, ExceptionResolved, ExceptionDecided."""
    found = await read_exception(call, exception_id=exception_id)
    if found.decided_seq is not None:
        raise ExceptionDecided("what the journal has stands", path="exception_id")
    given = (call.connection, *split_id(exception_id), note, call.actor, call.now)
    if not await repository.insert_resolution(*given):
        raise ExceptionResolved("it is resolved already; reopen it to decide again", path="exception_id")
    told = {"before": {"state": "OPEN"}, "after": {"state": "RESOLVED", "note": note}}
    call.record("exceptions.resolve", "exception", exception_id, **told)


async def reopen(call: Call, *, exception_id: str, note: str) -> None:
    """Take a note back. Raises ExceptionUnknown, ExceptionDecided."""
    before = await read_exception(call, exception_id=exception_id)
    if before.decided_seq is not None:
        raise ExceptionDecided("what the journal has stands", path="exception_id")
    if before.state is schemas.State.RESOLVED:
        await repository.delete_resolution(call.connection, *split_id(exception_id))
        told = {
            "before": {"state": "RESOLVED", "note": before.note, "resolved_by": before.resolved_by},
            "after": {"state": "OPEN", "note": note},
        }
        call.record("exceptions.reopen", "exception", exception_id, **told)


async def asked_of(call: Call, *, exception_id: str) -> asyncpg.Record | None:
    """(asked_by, asked_at, note, sum_minor) of a decision that waits for somebody else."""
    about = (call.tenant, *split_id(exception_id), call.now - ASKED_FOR)
    return await repository.find_ask(call.connection, *about, to_decide=False)


async def decide(call: Call, server: OpsClient, *, exception_id: str, asked: schemas.DecideIn) -> schemas.DecisionOut:
    """Apply or reject for good. Raises ExceptionUnknown, ExceptionResolved, OwnDecision, DecisionDeclined and what the
    server's client raises.
    """
    found = await read_exception(call, exception_id=exception_id)
    if found.state is schemas.State.RESOLVED and found.decided_seq is None:
        raise ExceptionResolved("it is resolved by a note; reopen it to decide", path="exception_id")
    about = (call.tenant, *split_id(exception_id))
    ask = await repository.find_ask(call.connection, *about, call.now - ASKED_FOR)
    request = ops.DecideExceptionRequest(
        seq=found.seq,
        exception=found.reason,
        **found.receipt.model_dump(),
        apply=asked.apply,
        note=asked.note,
        actor=call.actor,
    )
    if asked.apply and call.person is not None:
        if ask is None:
            limits = await find_limits(call.connection, call.tenant)
            request.sum_max_minor = limits.get("DECISIONS", {}).get("sum_max_minor", 0)
        elif ask["asked_by"] == call.actor:
            raise OwnDecision("somebody else decides on what you asked for", path="exception_id")
    answer = await server.decide(request)
    if answer.reason == "DECISION_BEYOND_LIMIT":
        await repository.put_ask(call.connection, *about, asked.note, answer.sum_minor, call.actor, call.now)
        told = {"note": asked.note, "sum_minor": answer.sum_minor}
        call.record("exceptions.ask_decision", "exception", exception_id, after=told)
        state = schemas.DecisionState.ASKED
        return schemas.DecisionOut(exception_id=exception_id, state=state, sum_minor=answer.sum_minor)
    if not answer.applied:
        raise DecisionDeclined(
            "the processing server declined", problems=[problem("", answer.reason, "the server's reason")]
        )
    await repository.delete_ask(call.connection, *about)
    state = schemas.DecisionState.APPLIED if asked.apply else schemas.DecisionState.REJECTED
    call.journal_seq = answer.seq
    after = {"state": state.value, "note": asked.note, "sum_minor": answer.sum_minor, "journal_seq": answer.seq}
    if ask is not None:
        after["asked_by"] = ask["asked_by"]
    call.record("exceptions.decide", "exception", exception_id, before={"state": "OPEN"}, after=after)
    return schemas.DecisionOut(
        exception_id=exception_id, state=state, sum_minor=answer.sum_minor, journal_seq=answer.seq
    )
