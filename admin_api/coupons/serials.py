"""Use cases of SERIAL series: batches as ranges of serials, and the export of their codes.

No code and no hash of one is kept: a batch is a row, and its codes are computed when they are exported, and when a till
shows one. Invariants: a serial is given out once; a batch's codes are exported once without asking, and again only with
the word of somebody else who is signed in; an export is taken once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.coupons import repository, schemas
from altyn.admin_api.coupons.errors import (
    CouponBatchUnknown,
    CouponCodesScarce,
    CouponExportState,
    CouponExportUnknown,
    CouponOriginOther,
    CouponSeriesFixed,
    CouponTemplateTaken,
)
from altyn.admin_api.coupons.reading import series_for_codes, use_of
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import COUPON_RANGES
from altyn.admin_api.publishing.errors import FourEyes
from altyn.core.facts.coupon_codes import ISSUED_FORM, count_of_codes, forms_meet, normalised_code, serial_key
from altyn.core.facts.coupons import SHAPES_MAX
from altyn.core.facts.serial_codes import SERIALS_MAX, serial_codes, serial_of_code
from altyn.ops.v1 import ops_service_pb2 as ops

GUESSES_MIN = 1 << 20  # codes of the template for each code there is: who guesses tries so often on the average
CODES_A_CHUNK = 65_536


async def check_form(call: Call, *, series: str, asked: schemas.SeriesIn, before: asyncpg.Record | None) -> None:
    """A SERIAL series' form is its own, and does not change once codes were computed. Raises CouponSeriesFixed,
    CouponTemplateTaken.
    """
    is_serial = asked.origin is schemas.Origin.SERIAL
    if before is not None and (before["origin"], before["template"]) != (asked.origin, asked.template):
        fixed = is_serial or before["origin"] == "SERIAL"
        if fixed and await repository.has_codes(call.connection, call.tenant, series):
            raise CouponSeriesFixed(
                f"codes of series {series} were made: its origin and its template are fixed", path="template"
            )
    others = await repository.other_templates(call.connection, call.tenant, series)
    for other in others:
        if (is_serial or other["origin"] == "SERIAL") and forms_meet(asked.template, other["template"]):
            raise CouponTemplateTaken(f"series {other['series']} has codes of this form", path="template")
    if is_serial and forms_meet(asked.template, ISSUED_FORM):
        raise CouponTemplateTaken("codes that receipts issue have this form", path="template")
    shapes = {_shape(other["template"]) for other in others if other["origin"] == "SERIAL"}
    if is_serial and len(shapes | {_shape(asked.template)}) > SHAPES_MAX:
        raise CouponTemplateTaken(
            f"templates of SERIAL series have {SHAPES_MAX} shapes already: use one of them with characters of your own",
            path="template",
        )


async def make_batch(call: Call, *, series: str, asked: schemas.SerialsIn) -> int:
    """A batch of so many serials more: its id. Raises CouponSeriesUnknown, CouponSeriesClosed, CouponOriginOther,
    CouponCodesScarce.
    """
    await call.feed.lock()
    kept = await series_for_codes(call, series)
    if kept["origin"] != "SERIAL":
        raise CouponOriginOther(f"series {series} is LISTED: generate or import its codes", path="series")
    last = await repository.last_serial(call.connection, call.tenant, kept["series_no"])
    total = last + asked.count
    if total * GUESSES_MIN > count_of_codes(kept["template"]) or total > SERIALS_MAX:
        raise CouponCodesScarce(
            f"{total} codes of {kept['template']} could be guessed: one in {GUESSES_MIN} may be taken; use a new series"
            " with more #",
            path="count",
        )
    batch_id = await repository.BATCHES.insert(
        call.connection,
        call.tenant,
        series=series,
        title=asked.title,
        origin="SERIAL",
        codes_count=asked.count,
        first_serial=last + 1,
        created_by=call.actor,
        created_at=call.now,
    )
    await call.feed.put(COUPON_RANGES, [(kept["series_no"], last + 1, total, "ACTIVE")])
    after = {"series": series, "title": asked.title, "origin": "SERIAL", "codes_count": asked.count}
    told = after | {"first_serial": last + 1, "last_serial": total, "feed_version": call.feed.version}
    call.record("coupons.issue", "coupon_batch", str(batch_id), after=told)
    return batch_id


async def ask_export(call: Call, *, batch_id: int, reason: str) -> int:
    """The first one of a batch is approved at once, every other waits for somebody else: its id. Raises
    CouponBatchUnknown, CouponOriginOther.
    """
    batch = await repository.BATCHES.find(call.connection, call.tenant, batch_id, to_change=True)
    if batch is None:
        raise CouponBatchUnknown(f"no batch {batch_id}", path="batch_id")
    if batch["origin"] != "SERIAL":
        raise CouponOriginOther("codes of this batch were told when it was made, or imported", path="batch_id")
    is_first = not await repository.list_exports(call.connection, call.tenant, batch_id, 1)
    state = "APPROVED" if is_first else "ASKED"
    export_id = await repository.insert_export(
        call.connection, call.tenant, batch_id, state=state, reason=reason, actor=call.actor, now=call.now
    )
    told = {"batch_id": batch_id, "state": state, "reason": reason}
    call.record("coupon_exports.ask", "coupon_export", str(export_id), after=told)
    return export_id


async def decide_export(call: Call, *, export_id: int, state: str) -> None:
    """Somebody else's word. Raises CouponExportUnknown, CouponExportState, PersonNeeded, FourEyes."""
    actor = call.signed_in().actor
    before = await read_export(call, export_id=export_id, to_change=True)
    if (before["state"], before["decided_by"]) == (state, actor):
        return
    if before["state"] != "ASKED":
        raise CouponExportState(f"export {export_id} is {before['state']}", path="export_id")
    if before["asked_by"] == actor:
        raise FourEyes("you asked for this export: somebody else decides")
    await repository.decide_export(call.connection, call.tenant, export_id, state=state, actor=actor, now=call.now)
    verb = "approve" if state == "APPROVED" else "refuse"
    call.record(
        f"coupon_exports.{verb}",
        "coupon_export",
        str(export_id),
        before={"state": before["state"]},
        after={"state": state, "batch_id": before["batch_id"]},
    )


async def take_export(call: Call, pepper: bytes, *, export_id: int) -> tuple[asyncpg.Record, AsyncIterator[bytes]]:
    """The export, and its codes in pieces, a line a code; nothing of them is kept. It is taken when this transaction
    ends, whether its reader comes to the end or not. Raises CouponExportUnknown, CouponExportState.
    """
    export = await read_export(call, export_id=export_id, to_change=True)
    if export["state"] != "APPROVED":
        raise CouponExportState(f"export {export_id} is {export['state']}, not APPROVED", path="export_id")
    if export["asked_by"] != call.actor:
        raise CouponExportState(f"export {export_id} is {export['asked_by']}'s to take", path="export_id")
    await repository.take_export(call.connection, call.tenant, export_id, call.now)
    call.answer_is_secret = True
    told = {"batch_id": export["batch_id"], "codes_count": export["codes_count"], "decided_by": export["decided_by"]}
    call.record("coupon_exports.take", "coupon_export", str(export_id), before={"state": "APPROVED"}, after=told)
    return export, _codes(call.tenant, pepper, export)


async def read_export(call: Call, *, export_id: int, to_change: bool = False) -> asyncpg.Record:
    """Raises CouponExportUnknown."""
    row = await repository.find_export(call.connection, call.tenant, export_id, to_change=to_change)
    if row is None:
        raise CouponExportUnknown(f"no export {export_id}", path="export_id")
    return row


async def find_serial(call: Call, pepper: bytes, code: str) -> tuple[asyncpg.Record, int] | None:
    """The batch and series that a code of a serial belongs to, with the serial."""
    told = normalised_code(code)
    for series in await repository.serial_series(call.connection, call.tenant, len(told)):
        if not forms_meet(series["template"], told):
            continue
        serial = serial_of_code(pepper, call.tenant, series["series_no"], series["template"], told)
        rows = await repository.serial_batches(call.connection, call.tenant, series["series_no"], serial - 1, 1)
        if serial and rows and rows[0]["first_serial"] <= serial:
            return rows[0], serial
    return None


async def list_serials(
    call: Call, server: OpsClient, *, series: asyncpg.Record, after: int, limit: int
) -> tuple[list[schemas.SerialOut], bool]:
    """A page of serials with what has become of them, and whether there are more. Raises ServerAway, ServerRefused."""
    number = series["series_no"]
    batches = await repository.serial_batches(call.connection, call.tenant, number, after, limit + 1)
    found = [
        (batch, serial)
        for batch in batches
        for serial in range(max(after + 1, batch["first_serial"]), batch["last_serial"] + 1)[: limit + 1]
    ][: limit + 1]
    states = await server.coupons([serial_key(number, serial) for _, serial in found[:limit]])
    shown = [serial_out(call, *one, state) for one, state in zip(found, states, strict=False)]
    return shown, len(found) > limit


def serial_out(call: Call, batch: asyncpg.Record, serial: int, state: ops.CouponState) -> schemas.SerialOut:
    return schemas.SerialOut(
        series=batch["series"],
        serial=serial,
        batch_id=batch["batch_id"],
        state=batch["state"],
        use=use_of(batch["ends_at"], state, call.now),
    )


async def _codes(tenant: str, pepper: bytes, export: asyncpg.Record) -> AsyncIterator[bytes]:
    for done in range(0, export["codes_count"], CODES_A_CHUNK):
        count = min(CODES_A_CHUNK, export["codes_count"] - done)
        first = export["first_serial"] + done
        yield await asyncio.to_thread(
            serial_codes, pepper, tenant, export["series_no"], export["template"], first, count
        )


def _shape(template: str) -> str:
    return "".join(one if one in "#?" else "." for one in template)
