"""Use cases of coupons: series, batches of codes, blocking.

A code becomes a keyed hash here and goes no further; generated codes are told once and then nobody has them but whom
they were given to. One batch is one transaction: all of its codes or none. What became of a code, used or not, is asked
of the processing server; which codes receipts issued is read from the projection.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from altyn.admin_api.accounts.server import OpsClient, ServerAway, ServerRefused
from altyn.admin_api.batches import new_ids, next_series_no, rows_by_hash
from altyn.admin_api.coupons import repository, schemas
from altyn.admin_api.coupons.errors import (
    CouponBatchUnknown,
    CouponCodesScarce,
    CouponOriginOther,
    CouponSeriesFixed,
    CouponSeriesFull,
    CouponTemplateMissing,
    CouponUnknown,
)
from altyn.admin_api.coupons.reading import read_series, series_for_codes, use_of
from altyn.admin_api.coupons.serials import GUESSES_MIN, check_form, find_serial, serial_out
from altyn.admin_api.edge.bulk import Bulk
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.facts import COUPON_CODES, COUPON_RANGES, COUPON_SERIES
from altyn.core.facts.coupon_codes import ALPHABET, code_hash, code_of, count_of_codes, is_code_of, serial_key
from altyn.core.facts.coupons import SERIES_NO_MAX
from altyn.ops.v1 import ops_service_pb2 as ops


async def put_series(call: Call, *, series: str, asked: schemas.SeriesIn) -> None:
    """Create a series or change it. Raises CouponSeriesFixed, CouponSeriesFull, CouponTemplateTaken."""
    await call.feed.lock()
    before = await repository.find_series(call.connection, call.tenant, series)
    values = asked.model_dump()
    if before is None:
        series_no = await next_series_no(call.connection, call.tenant, COUPON_SERIES)
        if series_no > SERIES_NO_MAX:
            raise CouponSeriesFull(f"there are {SERIES_NO_MAX} coupon series", path="series")
    else:
        series_no = before["series_no"]
        if before["kind"] != values["kind"] and await repository.has_codes(call.connection, call.tenant, series):
            raise CouponSeriesFixed(f"codes of series {series} were made: its kind is fixed", path="kind")
    await check_form(call, series=series, asked=asked, before=before)
    row = {"series": series, "series_no": series_no} | values
    if await call.feed.put(COUPON_SERIES, [tuple(_plain(row[name]) for name in COUPON_SERIES.columns)]):
        told = None if before is None else _told(dict(before), values)
        call.record("coupon_series.put", "coupon_series", series, before=told, after=_told(row, values))


async def generate(
    call: Call, pepper: bytes, *, series: str, asked: schemas.GenerateIn
) -> tuple[int, list[tuple[int, str]]]:
    """A batch of new codes: its id, and (code_id, code) of each, told this once. Raises CouponSeriesUnknown,
    CouponSeriesClosed, CouponOriginOther, CouponTemplateMissing, CouponCodesScarce.
    """
    await call.feed.lock()
    kept = await _listed_series(call, series)
    if not kept["template"]:
        raise CouponTemplateMissing(f"series {series} has no template: import its codes", path="template")
    codes_count = sum((await repository.count_codes(call.connection, call.tenant, series)).values())
    if (codes_count + asked.count) * GUESSES_MIN > count_of_codes(kept["template"]):
        raise CouponCodesScarce(
            f"{codes_count + asked.count} codes of {kept['template']} could be guessed: one in {GUESSES_MIN} may be"
            " taken; use more #",
            path="template",
        )
    made = await asyncio.to_thread(_draw, pepper, kept["template"], asked.count)
    # One in a million of millions: then the whole call is sent again rather than a batch be short of a code.
    if len(made) < asked.count or await _taken(call, list(made.values())):
        raise CouponCodesScarce("a code came out twice; send the same again with another Idempotency-Key")
    batch_id, code_ids = await _store(call, kept, asked.title, "GENERATED", list(made.values()))
    call.answer_is_secret = True
    return batch_id, list(zip(code_ids, made, strict=True))


async def import_codes(
    call: Call, pepper: bytes, *, series: str, title: str, found: Bulk[schemas.CodeIn], all_or_nothing: bool
) -> tuple[int | None, int]:
    """(batch, number of codes taken). Codes of another series become wrong rows; those of this one are left alone.
    Raises CouponSeriesUnknown, CouponSeriesClosed, CouponOriginOther, FileRefused.
    """
    await call.feed.lock()
    kept = await _listed_series(call, series)
    codes = list(found.rows)
    hashes = await asyncio.to_thread(lambda: {code: code_hash(pepper, code) for code in codes})
    taken = await _taken(call, list(hashes.values()))
    computed: dict[int, list[str]] = {}
    for other in await repository.serial_series(call.connection, call.tenant):
        computed.setdefault(len(other["template"]), []).append(other["template"])
    for code in codes:
        if taken.get(hashes[code], kept["series_no"]) != kept["series_no"]:
            found.drop(code, problem("code", "CODE_TAKEN", "the code is of another series"))
        elif any(is_code_of(template, code) for template in computed.get(len(code), ())):
            found.drop(code, problem("code", "CODE_TAKEN", "the code has the form of a SERIAL series"))
    if all_or_nothing:
        found.require_all()
    new = [hashes[code] for code in found.rows if hashes[code] not in taken]
    if not new:
        return None, 0
    batch_id, _ = await _store(call, kept, title, "IMPORTED", new)
    return batch_id, len(new)


async def set_batch_state(call: Call, *, batch_id: int, asked: schemas.StateIn) -> None:
    """Block a whole batch or let it be used again, codes blocked one by one included. Raises CouponBatchUnknown."""
    await call.feed.lock()
    before = await repository.BATCHES.find(call.connection, call.tenant, batch_id, to_change=True)
    if before is None:
        raise CouponBatchUnknown(f"no batch {batch_id}", path="batch_id")
    changed = await _put_batch_state(call, before, asked.state.value)
    if changed or before["state"] != asked.state:
        await repository.set_batch_state(call.connection, call.tenant, batch_id, asked.state)
        told = {"state": asked.state.value, "reason": asked.reason, "changed_count": changed}
        call.record(
            "coupon_batches.set_state", "coupon_batch", str(batch_id), before={"state": before["state"]}, after=told
        )


async def _put_batch_state(call: Call, batch: asyncpg.Record, state: str) -> int:
    """How many codes, or ranges of serials, are another's state than they were."""
    if batch["origin"] == "SERIAL":
        first, last = batch["first_serial"], batch["first_serial"] + batch["codes_count"] - 1
        series_no = (await read_series(call, series=batch["series"]))["series_no"]
        return await call.feed.put(COUPON_RANGES, [(series_no, first, last, state)])
    codes = await repository.codes_of_batch(call.connection, call.tenant, batch["batch_id"])
    return await call.feed.put(
        COUPON_CODES,
        [(row["code_id"], row["code_hash"], row["series_no"], batch["batch_id"], state) for row in codes],
    )


async def set_code_state(call: Call, *, code_id: int, asked: schemas.StateIn) -> None:
    """Block one code or let it be used again. Raises CouponUnknown."""
    await call.feed.lock()
    before = await read_code(call, code_id=code_id)
    row = (code_id, before["code_hash"], before["series_no"], before["batch_id"], asked.state.value)
    if await call.feed.put(COUPON_CODES, [row]):
        told = {"before": {"state": before["state"]}, "after": {"state": asked.state.value, "reason": asked.reason}}
        call.record("coupons.set_state", "coupon", str(code_id), **told)


async def read_code(call: Call, *, code_id: int) -> asyncpg.Record:
    """Raises CouponUnknown."""
    row = await repository.find_code_by_id(call.connection, call.tenant, code_id)
    if row is None:
        raise CouponUnknown(f"no coupon {code_id}", path="code_id")
    return row


async def find(call: Call, pepper: bytes, server: OpsClient, *, code: str) -> schemas.FoundOut:
    """What a till would hear of the code now; the look is audited by the code's id. Raises ServerAway,
    ServerRefused.
    """
    hashed = code_hash(pepper, code)
    row = await repository.find_code(call.connection, call.tenant, hashed)
    [state] = await server.coupons([hashed])
    call.record("coupons.find", "coupon", "" if row is None else str(row["code_id"]))
    if row is not None:
        result = _heard(row["state"] == "BLOCKED", row["series_state"], row, state, call.now)
        return schemas.FoundOut(result=result, coupon=_coupon_out(row, state, call.now))
    if not state.issued:
        return await _find_serial(call, pepper, server, code)
    series = await repository.find_series_by_no(call.connection, call.tenant, state.series_no)
    if series is None:
        return schemas.FoundOut(result="UNKNOWN")
    issued = await repository.find_issued(call.connection, call.tenant, hashed)
    return schemas.FoundOut(
        result=_heard(False, series["state"], series, state, call.now),
        issued=None if issued is None else _issued_out(issued, state, call.now),
    )


async def _find_serial(call: Call, pepper: bytes, server: OpsClient, code: str) -> schemas.FoundOut:
    found = await find_serial(call, pepper, code)
    if found is None:
        return schemas.FoundOut(result="UNKNOWN")
    batch, serial = found
    [state] = await server.coupons([serial_key(batch["series_no"], serial)])
    return schemas.FoundOut(
        result=_heard(batch["state"] == "BLOCKED", batch["series_state"], batch, state, call.now),
        serial=serial_out(call, batch, serial, state),
    )


async def get_code(call: Call, server: OpsClient, *, code_id: int) -> schemas.CouponOut:
    """Raises CouponUnknown, ServerAway, ServerRefused."""
    row = await read_code(call, code_id=code_id)
    [state] = await server.coupons([row["code_hash"]])
    return _coupon_out(row, state, call.now)


async def get_changed_code(call: Call, server: OpsClient, *, code_id: int) -> schemas.CouponOut:
    """After a change, which stands whether the server answers or not. Raises CouponUnknown."""
    try:
        return await get_code(call, server, code_id=code_id)
    except (ServerAway, ServerRefused):
        return schemas.CouponOut(**await read_code(call, code_id=code_id))


async def list_codes(
    call: Call, server: OpsClient, *, series: str, after: int, limit: int
) -> tuple[list[schemas.CouponOut], bool]:
    """A page of the codes the back office made, and whether there are more. Raises CouponSeriesUnknown, ServerAway,
    ServerRefused.
    """
    series_no = (await read_series(call, series=series))["series_no"]
    rows = await repository.list_codes(call.connection, call.tenant, series_no, after, limit + 1)
    states = await server.coupons([row["code_hash"] for row in rows[:limit]])
    shown = [_coupon_out(row, state, call.now) for row, state in zip(rows, states, strict=False)]
    return shown, len(rows) > limit


async def list_issued(
    call: Call, server: OpsClient, *, series: str, before_seq: int | None, limit: int
) -> list[schemas.IssuedOut]:
    """A page of the codes that receipts issued, newest first: at least `limit` of them unless it is the last one.
    Raises CouponSeriesUnknown, ServerAway, ServerRefused.
    """
    series_no = (await read_series(call, series=series))["series_no"]
    rows = await repository.list_issued(call.connection, call.tenant, series_no, before_seq, limit)
    states = await server.coupons([row["code_hash"] for row in rows])
    return [_issued_out(row, state, call.now) for row, state in zip(rows, states, strict=True)]


def _heard(is_blocked: bool, series_state: str, series: asyncpg.Record, state: ops.CouponState, now: datetime) -> str:
    """As the engine decides on an entered code."""
    if is_blocked or series_state == "BLOCKED":
        return "BLOCKED"
    if now < series["starts_at"]:
        return "TOO_EARLY"
    use = use_of(series["ends_at"], state, now)
    if use is schemas.Use.FREE:
        return "FOUND"
    return "TOO_LATE" if use is schemas.Use.EXPIRED else use.value


def _coupon_out(row: asyncpg.Record, state: ops.CouponState, now: datetime) -> schemas.CouponOut:
    return schemas.CouponOut(**row, use=use_of(row["ends_at"], state, now))


def _issued_out(row: asyncpg.Record, state: ops.CouponState, now: datetime) -> schemas.IssuedOut:
    return schemas.IssuedOut(**row, use=use_of(row["ends_at"], state, now))


async def _listed_series(call: Call, series: str) -> asyncpg.Record:
    """Raises CouponSeriesUnknown, CouponSeriesClosed, CouponOriginOther."""
    kept = await series_for_codes(call, series)
    if kept["origin"] != "LISTED":
        raise CouponOriginOther(f"series {series} is SERIAL: its codes are computed", path="series")
    return kept


async def _store(
    call: Call, kept: asyncpg.Record, title: str, origin: str, hashes: list[bytes]
) -> tuple[int, list[int]]:
    """A batch and its codes: (batch_id, code_ids)."""
    batch_id = await repository.BATCHES.insert(
        call.connection,
        call.tenant,
        series=kept["series"],
        title=title,
        origin=origin,
        codes_count=len(hashes),
        created_by=call.actor,
        created_at=call.now,
    )
    code_ids = await new_ids(call.connection, "coupon_code_ids", len(hashes))
    rows = [
        (code_id, hashed, kept["series_no"], batch_id, "ACTIVE")
        for code_id, hashed in zip(code_ids, hashes, strict=True)
    ]
    await call.feed.put(COUPON_CODES, rows)
    after = {"series": kept["series"], "title": title, "origin": origin, "codes_count": len(hashes)}
    told = after | {"first_code_id": code_ids[0], "last_code_id": code_ids[-1], "feed_version": call.feed.version}
    call.record("coupons.issue", "coupon_batch", str(batch_id), after=told)
    return batch_id, code_ids


async def _taken(call: Call, hashes: list[bytes]) -> dict[bytes, int]:
    """Of these, the codes there are, with their series_no."""
    rows = await rows_by_hash(call.connection, call.tenant, COUPON_CODES, "code_hash", hashes, "series_no")
    return {hashed: row["series_no"] for hashed, row in rows.items()}


def _draw(pepper: bytes, template: str, count: int) -> dict[str, bytes]:
    """Different codes with their hashes, in the order they were drawn."""
    made: dict[str, bytes] = {}
    for _ in range(count + 16):
        code = code_of(template, lambda: secrets.choice(ALPHABET))
        made.setdefault(code, code_hash(pepper, code))
        if len(made) == count:
            break
    return made


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def _told(row: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Of a series, as the audit log keeps it."""
    moments = {name: row[name].isoformat() if row[name] else None for name in ("starts_at", "ends_at")}
    return {"series_no": row["series_no"]} | {name: _plain(row[name]) for name in names} | moments
