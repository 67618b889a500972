"""Sample receipts that publishing watches: kept from "try it" by one click, compared with what is in force, recorded
anew when the change is meant.

``altyn.admin_api.publishing.cases`` records and compares; here are only its pages. A receipt tried twice is one case:
its id is made of the receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from altyn.admin_api.console.formview import told_problem
from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.console.trying import asked_receipt
from altyn.admin_api.edge.fields import Id, Title
from altyn.admin_api.edge.problems import Invalid, Problem, Refusal
from altyn.admin_api.promotions.schemas import EvaluateIn
from altyn.admin_api.publishing import cases, repository
from altyn.admin_api.publishing.errors import CaseUnknown
from altyn.admin_api.publishing.handlers import ACT_TIMEOUT_S
from altyn.admin_api.publishing.schemas import CaseIn

ADDRESS = "/console/receipt-cases"
ID_CHARS = 12
TITLE_CHARS = 80
NAMED_LINES = 3
ID: TypeAdapter[str] = TypeAdapter(Id)
TITLE: TypeAdapter[str] = TypeAdapter(Title)

pages = Pages()


@pages.get("/receipt-cases", "promotions:read")
async def show_cases(visit: Visit) -> Response:
    """All of them, those first that do not come out as recorded."""
    call = visit.call
    rows = await repository.list_cases(call.connection, call.tenant)
    told, differences = await _differences(visit, rows) if rows else (None, {})
    found = sorted(rows, key=lambda row: (-len(differences.get(row["case_id"], ())), row["title"], row["case_id"]))
    return visit.show("receipt_cases.html", rows=found, differences=differences, refusal=told)


@pages.act("/receipt-cases", "promotions:write", ACT_TIMEOUT_S)
async def keep(visit: Visit) -> Response:
    """The receipt of "try it" as it is typed: a word where the button was."""
    problems: list[Problem] = []
    asked = await asked_receipt(visit, problems)
    if asked is None:
        told = [(one["path"], told_problem(one, visit.t)) for one in problems]
        raise Redrawn(visit.show("receipt_case_kept.html", 422, problems=told, refusal=None, case_id=""))
    given = CaseIn(title=title_of(asked), **asked.model_dump(include={"receipt", "customer", "store", "at"}))
    case_id = id_of(given)
    try:
        await cases.put_case(visit.call, visit.office.compiler, case_id=case_id, given=given)
    except Refusal as refusal:
        kept = visit.show("receipt_case_kept.html", refusal.status_code, problems=[], refusal=refusal, case_id="")
        raise Redrawn(kept) from None
    return visit.show("receipt_case_kept.html", problems=[], refusal=None, case_id=case_id)


@pages.act("/receipt-cases/record", "promotions:write", ACT_TIMEOUT_S)
async def record_several(visit: Visit) -> Response:
    """What was meant: the cases the form names come out as they do now. One that is gone is passed over."""
    for case_id in sorted({value for name, value in visit.fields if name == "case_id"})[: cases.CASES_MAX]:
        if await repository.find_case(visit.call.connection, visit.call.tenant, case_id) is not None:
            await cases.record_case(visit.call, visit.office.compiler, case_id=case_id)
    return visit.go(ADDRESS)


@pages.get("/receipt-cases/{case_id}", "promotions:read")
async def show_case(visit: Visit) -> Response:
    """The receipt, what was recorded, and where it comes out differently now."""
    row = await _case(visit)
    told, differences = await _differences(visit, [row])
    return visit.show("receipt_case.html", row=row, differences=differences.get(row["case_id"], []), refusal=told)


@pages.act("/receipt-cases/{case_id}", "promotions:write")
async def rename(visit: Visit) -> Response:
    row = await _case(visit)
    try:
        title = TITLE.validate_python(visit.field("title").strip())
    except ValidationError:
        raise Invalid("the title is too long", path="title") from None
    await cases.rename_case(visit.call, case_id=row["case_id"], title=title)
    return visit.go(address_of(row["case_id"]))


@pages.act("/receipt-cases/{case_id}/record", "promotions:write", ACT_TIMEOUT_S)
async def record(visit: Visit) -> Response:
    row = await _case(visit)
    await cases.record_case(visit.call, visit.office.compiler, case_id=row["case_id"])
    return visit.go(address_of(row["case_id"]))


@pages.act("/receipt-cases/{case_id}/delete", "promotions:write")
async def delete(visit: Visit) -> Response:
    row = await _case(visit)
    await cases.delete_case(visit.call, case_id=row["case_id"])
    return visit.go(ADDRESS)


def address_of(case_id: str) -> str:
    return f"{ADDRESS}/{quote(case_id, safe='')}"


def grouped(differences: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """By case, in their order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in differences:
        found.setdefault(str(one["case_id"]), []).append(one)
    return found


def id_of(given: CaseIn) -> str:
    """The same receipt at the same instant, the same id; without an instant it is the receipt alone."""
    told = orjson.dumps(given.model_dump(mode="json", exclude={"title"}), option=orjson.OPT_SORT_KEYS)
    return "receipt-" + hashlib.sha256(told).hexdigest()[:ID_CHARS]


def title_of(asked: EvaluateIn) -> str:
    """The first goods: people rename it when they care."""
    lines = asked.receipt["lines"]
    goods = ", ".join(str(line["sku"]) for line in lines[:NAMED_LINES])[:TITLE_CHARS]
    return goods + ("…" if len(lines) > NAMED_LINES else "")


async def _case(visit: Visit) -> Any:
    try:
        case_id = ID.validate_python(visit.request.path_params["case_id"])
    except ValidationError:
        raise CaseUnknown("no such case", path="case_id") from None
    row = await repository.find_case(visit.call.connection, visit.call.tenant, case_id)
    if row is None:
        raise CaseUnknown(f"no case {case_id}", path="case_id")
    return row


async def _differences(visit: Visit, rows: list[Any]) -> tuple[Refusal | None, dict[str, list[dict[str, Any]]]]:
    """Under what is in force; or why that could not be looked at."""
    try:
        return None, await cases.differences_of(visit.call, visit.office.compiler, rows)
    except Refusal as refusal:
        return refusal, {}
