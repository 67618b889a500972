"""A stored receipt: what was sold, who gave what on every line in words, and that deciding it again gives the same."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console.explained import Explained
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.edge.problems import Invalid
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.receipts import repository
from altyn.admin_api.receipts.errors import ReceiptUnknown
from altyn.admin_api.receipts.service import StoredReceipt, decide_again, stored_receipt
from altyn.admin_api.releases.repository import find_document
from altyn.infra.zones import EPOCH

PAGE_SIZE = 25
ADDRESS = "/receipts"

pages = Pages()


@pages.get(ADDRESS, "receipts:read", Place.OWN)
async def show_receipts(visit: Visit) -> Response:
    """The newest receipts, or those of a day and a store, and a field that finds one by its place in the journal or its
    operation's id.
    """
    asked = visit.asked("find")
    if asked:
        return visit.go(f"/console{ADDRESS}/{await _seq_of(visit, asked)}")
    before, chosen = visit.asked("before"), _chosen(visit)
    rows = await repository.latest(
        visit.call.connection,
        visit.call.tenant,
        visit.call.reach,
        _number(before) if before else repository.SEQ_END,
        PAGE_SIZE + 1,
        chosen,
    )
    told = {} if chosen is None else {"day": chosen[0].isoformat(), "store_id": chosen[1] or ""}
    here = f"/console{ADDRESS}?" + urlencode({name: value for name, value in told.items() if value})
    return visit.show(
        "receipts.html",
        rows=rows[:PAGE_SIZE],
        chosen=told,
        first=here if before else "",
        following=f"{here}&before={rows[PAGE_SIZE - 1]['seq']}" if len(rows) > PAGE_SIZE else "",
    )


@pages.get(ADDRESS + "/{seq}", "receipts:read", Place.OBJECT)
async def show_receipt(visit: Visit) -> Response:
    seq = _number(visit.request.path_params["seq"])
    body = await repository.find_body(visit.call.connection, seq)
    stored = None if body is None else stored_receipt(body)
    await visit.call.at_store("" if stored is None else stored.record.request.receipt.store_id)
    if body is None or stored is None or stored.record.tenant != visit.call.tenant:
        raise ReceiptUnknown(f"no receipt {seq}")
    evidence = stored.record.evidence
    release = await find_document(visit.call.connection, visit.call.tenant, evidence.rules_version)
    again = await asyncio.to_thread(decide_again, body, None if release is None else release["document"])
    scales = {one.asset: one.scale for one in await declared_assets(visit.call.connection, tenant=visit.call.tenant)}
    outcome = stored.outcome | ({} if again.explain is None else {"explain": again.explain})
    return visit.show(
        "receipt.html",
        stored=stored,
        receipt=stored.record.request.receipt,
        op_id=UUID(bytes=stored.record.op_id),
        sold_at=EPOCH + timedelta(microseconds=evidence.business_time_us),
        evidence=evidence,
        again=again,
        told=Explained(outcome, stored.receipt, again.documents, scales, visit.t),
        paid=_paid(stored),
    )


def _chosen(visit: Visit) -> tuple[date, str | None] | None:
    """The day and the store the address names; None for the newest of all. Raises Invalid."""
    day, store_id = visit.asked("day"), visit.asked("store_id").replace("\0", "")[:64]
    if not day:
        return None
    try:
        return date.fromisoformat(day), store_id or None
    except ValueError:
        raise Invalid(f"{day[:40]} is no day", path="day") from None


def _paid(stored: StoredReceipt) -> int:
    """In minor units, with points."""
    paid: int = stored.reply.outcome.totals.points_paid_minor
    return paid


async def _seq_of(visit: Visit, asked: str) -> int:
    """Raises ReceiptUnknown."""
    try:
        found: Any = await repository.find_seq(visit.call.connection, UUID(asked).bytes)
    except ValueError:
        return _number(asked)
    if found is None:
        raise ReceiptUnknown(asked[:40])
    return int(found)


def _number(text: str) -> int:
    """A place in the journal. Raises ReceiptUnknown."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ReceiptUnknown(text[:40])
    return int(text)
