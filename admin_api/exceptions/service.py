"""Use cases of exceptions: what the servers stored and could not simply apply, until a person has looked.

Resolving notes a decision; it moves no points: whoever decides to give some does so by an adjustment.
"""

from __future__ import annotations

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.exceptions import repository, schemas
from altyn.admin_api.exceptions.errors import ExceptionResolved, ExceptionUnknown
from altyn.admin_api.exceptions.names import name_of, number_of


def split_id(exception_id: str) -> tuple[int, int]:
    """(seq, exception_no)."""
    seq, _, number = exception_id.partition("-")
    return int(seq), int(number)


def exception_out(row: asyncpg.Record) -> schemas.ExceptionOut:
    """A row as the API tells it."""
    key = ("store_id", "register_id", "shift_number", "receipt_number")
    told = {name: row[name] for name in ("seq", "account_id", "recorded_at", "note", "resolved_by", "resolved_at")}
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
    """Note what was decided. Raises ExceptionUnknown, ExceptionResolved."""
    await read_exception(call, exception_id=exception_id)
    given = (call.connection, *split_id(exception_id), note, call.actor, call.now)
    if not await repository.insert_resolution(*given):
        raise ExceptionResolved("it is resolved already; reopen it to decide again", path="exception_id")
    told = {"before": {"state": "OPEN"}, "after": {"state": "RESOLVED", "note": note}}
    call.record("exceptions.resolve", "exception", exception_id, **told)


async def reopen(call: Call, *, exception_id: str, note: str) -> None:
    """Take a decision back. Raises ExceptionUnknown."""
    before = await read_exception(call, exception_id=exception_id)
    if before.state is schemas.State.RESOLVED:
        await repository.delete_resolution(call.connection, *split_id(exception_id))
        told = {
            "before": {"state": "RESOLVED", "note": before.note, "resolved_by": before.resolved_by},
            "after": {"state": "OPEN", "note": note},
        }
        call.record("exceptions.reopen", "exception", exception_id, **told)
