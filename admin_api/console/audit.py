"""The audit log: what was done by whom, with filters in the address; one deed before and after; the chain checked.

Reads only.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.people import TABS
from altyn.admin_api.edge.audit import verify_chain
from altyn.admin_api.edge.problems import Invalid, NotFound, Refusal, invalid_from
from altyn.admin_api.keys.repository import list_audit
from altyn.admin_api.keys.schemas import AuditFilter

ADDRESS = "/console/audit"
PAGE_SIZE = 50
CHARS_MAX = 200
FILTERS = ("actor", "action", "object_kind", "object_id", "request_id")
NEWEST_CHECKED_MAX = 10_000  # by a page; all rows take a second for every hundred thousand
VIOLATIONS_SHOWN_MAX = 100

pages = Pages()


@pages.get("/audit", "audit:read")
async def show_audit(visit: Visit) -> Response:
    """Newest first; a filter that cannot be asked is told over the list."""
    typed = {name: visit.asked(name).replace("\0", "")[:CHARS_MAX] for name in (*FILTERS, "from_day", "to_day")}
    rows: list[Any] = []
    refusal: Refusal | None = None
    try:
        rows = await list_audit(visit.call.connection, visit.call.tenant, _filter(visit, typed))
    except ValidationError as error:
        refusal = invalid_from(RequestValidationError(error.errors()))
    except Refusal as found:
        refusal = found
    here = {name: value for name, value in typed.items() if value}
    shown = rows[:PAGE_SIZE]
    more = here | {"before": shown[-1]["audit_no"]} if len(rows) > PAGE_SIZE else None
    return visit.show(
        "audit.html",
        refusal.status_code if refusal else 200,
        tabs=[one for one in TABS if visit.shell.may(one.reads)],
        here_tab=ADDRESS,
        filters=FILTERS,
        typed=typed,
        rows=shown,
        refusal=refusal,
        first=f"{ADDRESS}?{urlencode(here)}" if visit.asked("before") else "",
        following=f"{ADDRESS}?{urlencode(more)}" if more else "",
    )


@pages.get("/audit/{audit_no}", "audit:read")
async def show_deed(visit: Visit) -> Response:
    """One deed whole."""
    text = visit.request.path_params["audit_no"]
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 19):
        raise NotFound(text[:40])
    number = int(text)
    asked = AuditFilter(before=number + 1, limit=1)
    found = await list_audit(visit.call.connection, visit.call.tenant, asked)
    if not found or found[0]["audit_no"] != number:
        raise NotFound(f"the audit log has no row {number}", path="audit_no")
    return visit.show("deed.html", one=found[0], written=_written, back=ADDRESS)


@pages.get("/audit-chain", "audit:read")
async def show_chain(visit: Visit) -> Response:
    """Numbers and hashes of the newest rows checked, now; of all rows when that is asked for."""
    newest_max = None if visit.asked("whole") else NEWEST_CHECKED_MAX
    async with visit.office.connected() as connection:
        found = await verify_chain(connection, visit.call.tenant, newest_max=newest_max)
    return visit.show("audit_chain.html", found=found, shown_max=VIOLATIONS_SHOWN_MAX, back=ADDRESS)


def _written(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def _filter(visit: Visit, typed: dict[str, str]) -> AuditFilter:
    """Whole days of UTC. Raises Invalid, ValidationError."""
    given: dict[str, Any] = {name: typed[name] for name in FILTERS if typed[name]}
    for name, field, more in (("from_day", "from_at", 0), ("to_day", "to_at", 1)):
        if typed[name]:
            try:
                day = date.fromisoformat(typed[name])
            except ValueError:
                raise Invalid(f"{typed[name][:40]} is no day", path=name) from None
            given[field] = datetime(min(day.year, 9_998), day.month, day.day, tzinfo=UTC) + timedelta(more)
    if before := visit.asked("before"):
        given["before"] = before
    return AuditFilter(**given, limit=PAGE_SIZE)
