"""Try it: the draft on a sample receipt while it is written, beside everything that is switched on.

The receipt of the form goes through the same calculation as the JSON call's; nothing is kept and nothing is booked.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console.drafts import check_draft, named, read_draft
from altyn.admin_api.console.explained import Explained
from altyn.admin_api.console.fields import Typed
from altyn.admin_api.console.formview import told_problem
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.promotions.errors import DocumentInvalid, ReceiptInvalid
from altyn.admin_api.promotions.evaluation import evaluate_receipt
from altyn.admin_api.promotions.schemas import CustomerIn, EvaluateIn, PlaceIn
from altyn.admin_api.promotions.service import Checked
from altyn.admin_api.releases.repository import active_documents
from altyn.admin_api.stores.repository import find_store
from altyn.core.rules.definition import canonical_json

HISTORY_MAX = 100
LINES_MAX = 50
OTHERS_MAX = 500
MONEY = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?")
QUANTITY = re.compile(r"(\d{1,5})(?:[.,](\d{1,3}))?")

pages = Pages()


@pages.ask("/promotions/try", "promotions:read")
async def try_draft(visit: Visit) -> Response:
    """What the draft does to the receipt, in words; or what is wrong with either."""
    typed = read_draft(visit)
    checked = await check_draft(visit, typed)
    if checked.problems:
        return _wrong(visit, typed, checked.problems)
    problems: list[Problem] = []
    asked = await asked_receipt(visit, problems)
    if asked is None:
        return _wrong(visit, typed, problems)
    document = named(typed.document)
    others, left_out = await _others(visit, document)
    documents = [document, *others.values()]
    note = ""
    try:
        _, outcome = await _calculate(visit, asked, documents)
    except DocumentInvalid as refusal:
        if not others:
            return _wrong(visit, typed, refusal.problems)
        # The draft and something that is switched on contradict one another: shown alone, with a word about it.
        note = refusal.problems[0]["message"] if refusal.problems else refusal.message
        documents = [document]
        _, outcome = await _calculate(visit, asked, documents)
    except ReceiptInvalid as refusal:
        return _wrong(visit, typed, refusal.problems or [problem(refusal.path, refusal.reason, refusal.message)])
    scales = {one.asset: one.scale for one in await declared_assets(visit.call.connection, tenant=visit.call.tenant)}
    told = Explained(outcome, asked.receipt, documents, scales, visit.t)
    return visit.show(
        "tried.html",
        told=told,
        outline=Outline(document, visit.t),
        remarks=_remarks(visit, checked),
        left_out=left_out,
        note=note,
        draft_id=str(document.get("promotion") or document.get("limit")),
    )


async def _calculate(visit: Visit, asked: EvaluateIn, documents: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    text = canonical_json(documents).decode()
    return await evaluate_receipt(visit.call, visit.office.compiler, asked=asked.model_copy(update={"documents": text}))


async def _others(visit: Visit, document: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], int]:
    """What is switched on beside the draft, and how much of it is left out of the trial."""
    if visit.field("try.alone"):
        return {}, 0
    own = str(document.get("promotion") or document.get("limit"))
    found = await active_documents(visit.call.connection, visit.call.tenant, None)
    found.pop(visit.field("try.of", own), None)
    found.pop(own, None)
    taken = dict(list(found.items())[:OTHERS_MAX])
    return taken, len(found) - len(taken)


async def asked_receipt(visit: Visit, problems: list[Problem]) -> EvaluateIn | None:
    """The receipt of the form; None when something of it cannot be read."""
    store, place = await _place(visit)
    lines = _lines(visit, problems)
    when = _moment(visit, store["zone"], problems)
    receipt: dict[str, Any] = {
        "store_id": store["store_id"],
        "currency": store["currency"],
        "exponent": store["exponent"],
        "lines": lines,
    }
    codes = [one.strip() for one in visit.field("try.codes").split(",") if one.strip()]
    if codes:
        receipt["coupons"] = [{"code": code} for code in codes[:10]]
    customer = None
    if visit.field("try.card"):
        segments = [one.strip() for one in visit.field("try.segments").split(",") if one.strip()]
        history = _history(visit, dict(store) if place is None else place.model_dump(), problems)
        customer = CustomerIn(customer_id=1, card_state="ACTIVE", segments=segments[:50], history=history)
    if problems:
        return None
    return EvaluateIn(receipt=receipt, customer=customer, store=place, at=when)


async def _place(visit: Visit) -> tuple[dict[str, Any], PlaceIn | None]:
    """The chosen store; without any a place of no attributes, or of a typed format."""
    store_id = visit.field("try.store")[:64]
    row = await find_store(visit.call.connection, visit.call.tenant, store_id) if store_id else None
    if row is not None:
        return dict(row), None
    shell = visit.shell
    place = PlaceIn(store_id="sample", format=visit.field("try.format").strip()[:64], zone=shell.zone)
    told = {"store_id": "sample", "zone": shell.zone, "currency": shell.currency, "exponent": shell.exponent}
    return told, place


def _lines(visit: Visit, problems: list[Problem]) -> list[dict[str, Any]]:
    """Lines that have a price; others are being written."""
    columns: dict[str, list[str]] = {name: [] for name in ("sku", "category", "price", "quantity")}
    for name, value in visit.fields:
        if name.startswith("try.line.") and name[9:] in columns:
            columns[name[9:]].append(value.strip())
    found: list[dict[str, Any]] = []
    rows = list(zip(*columns.values(), strict=False))[:LINES_MAX]
    for number, (sku, category, price, quantity) in enumerate(rows, 1):
        if not price:
            continue
        line = {"line_no": number, "sku": sku or f"line-{number}"}
        line["price_minor"] = decimal_of(price, MONEY, visit.shell.exponent, f"line[{number}].price", problems)
        line["qty_milli"] = decimal_of(quantity or "1", QUANTITY, 3, f"line[{number}].quantity", problems)
        if category:
            line["group_id"] = category
        found.append(line)
    if not found and not problems:
        problems.append(problem("receipt", "EMPTY", visit.t("try.no_lines")))
    return found


def _history(visit: Visit, place: dict[str, Any], problems: list[Problem]) -> list[dict[str, Any]]:
    """Earlier receipts, one a line: date, sum, and a category if it matters; all in the store of the receipt."""
    found: list[dict[str, Any]] = []
    store = {name: place.get(name) or "" for name in ("store_id", "region", "format", "cluster")}
    for number, text in enumerate(visit.field("try.history").splitlines()[:HISTORY_MAX], 1):
        day, price, category, *_ = [*text.split(maxsplit=2), "", "", ""]
        if not day:
            continue
        line = {"sku": "sample", "qty_milli": 1000, "group_id": category.strip()[:64]}
        line["paid_minor"] = decimal_of(price, MONEY, visit.shell.exponent, f"history[{number}]", problems)
        found.append({"date": day[:10], "store": store, "lines": [line]})
    return found


def decimal_of(text: str, form: re.Pattern[str], digits: int, path: str, problems: list[Problem]) -> int:
    """A decimal text as a whole number of smallest units."""
    found = form.fullmatch(text.replace(" ", ""))
    if found is None or len(found[2] or "") > digits:
        problems.append(problem(path, "BAD_FORMAT", text[:40]))
        return 0
    return int(found[1] + (found[2] or "").ljust(digits, "0"))


def _moment(visit: Visit, zone: str, problems: list[Problem]) -> datetime | None:
    text = visit.field("try.at").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        problems.append(problem("at", "BAD_FORMAT", text[:40]))
        return None


def _wrong(visit: Visit, typed: Typed, problems: Any) -> Response:
    told = [(one, told_problem(one, visit.t)) for one in problems]
    return visit.show("tried_wrong.html", problems=told, outline=Outline(typed.document, visit.t))


def _remarks(visit: Visit, checked: Checked) -> list[tuple[str, str, str]]:
    """(severity, what is remarked, how to mend it) in the visitor's language."""
    language = visit.t.language
    return [(str(one.severity), one.say(language), one.mend(language)) for one in checked.remarks]
