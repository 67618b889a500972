"""The six pages of ``value.py``: events, points for many, tiers by hand, families, print runs of gift cards, batches of
serials.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from starlette.responses import Response

from altyn.admin_api.accruals import repository as accruals_rows
from altyn.admin_api.accruals import service as accruals
from altyn.admin_api.accruals.schemas import AccrualIn
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.value import PAGE_SIZE, Act, Field, Rows, Section, add_sections, number_of
from altyn.admin_api.coupons import repository as coupons_rows
from altyn.admin_api.coupons import serials
from altyn.admin_api.coupons.schemas import SerialsIn
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.once_file import csv_file
from altyn.admin_api.events import repository as events_rows
from altyn.admin_api.events import service as events
from altyn.admin_api.events.schemas import EventIn, EventKind, Repeats
from altyn.admin_api.families import repository as families_rows
from altyn.admin_api.families import service as families
from altyn.admin_api.families.schemas import FamilyIn, JoinIn
from altyn.admin_api.gift_cards import repository as gift_cards_rows
from altyn.admin_api.gift_cards import service as gift_cards
from altyn.admin_api.gift_cards.schemas import BatchIn
from altyn.admin_api.segments.repository import segment_names
from altyn.admin_api.tiers import given
from altyn.admin_api.tiers import repository as tiers_rows
from altyn.admin_api.tiers.errors import TiersUnknown
from altyn.admin_api.tiers.schemas import GivenTierIn
from altyn.admin_api.tiers.service import find_tiers

SEGMENTS_MAX = 1_000
ID: TypeAdapter[str] = TypeAdapter(Id)

pages = Pages()


def _expires(given: dict[str, Any]) -> dict[str, Any]:
    """With ``expires_days`` as the areas say it."""
    days = given.pop("expires_days", None)
    return given if days is None else given | {"expires": {"days": days}}


# EVENTS


async def _events(visit: Visit, at: int | None) -> Rows:
    return [dict(row) for row in await events_rows.list_events(visit.call.connection, visit.call.tenant)], None


async def _put_event(visit: Visit, given: dict[str, Any]) -> None:
    event = given.pop("event", "")
    await events.put_event(visit.call, event=ID.validate_python(event), asked=EventIn(**_expires(given)))


async def _approve_event(visit: Visit, key: str) -> None:
    await events.approve(visit.call, event=key)


async def _stop_event(visit: Visit, key: str) -> None:
    await events.stop(visit.call, event=key)


# POINTS FOR MANY


async def _accruals(visit: Visit, at: int | None) -> Rows:
    found = await accruals_rows.list_jobs(visit.call.connection, visit.call.tenant, at, PAGE_SIZE + 1)
    return _page(found, "job_id")


async def _propose(visit: Visit, given: dict[str, Any]) -> None:
    await accruals.propose(visit.call, asked=AccrualIn(**_expires(given)))


async def _approve_accrual(visit: Visit, key: str) -> None:
    await accruals.approve(visit.call, job_id=number_of(key, "job_id"))


async def _cancel_accrual(visit: Visit, key: str) -> None:
    await accruals.cancel(visit.call, job_id=number_of(key, "job_id"))


async def _go_on_accrual(visit: Visit, key: str) -> None:
    await accruals.go_on(visit.call, job_id=number_of(key, "job_id"))


async def _segments(visit: Visit) -> dict[str, Any]:
    return {"segment": await segment_names(visit.call.connection, visit.call.tenant, SEGMENTS_MAX)}


# TIERS BY HAND


async def _given_tiers(visit: Visit, at: int | None) -> Rows:
    found = await tiers_rows.list_given(visit.call.connection, visit.call.tenant, None, None, at, PAGE_SIZE + 1)
    return _page(found, "given_id")


async def _ask_tier(visit: Visit, asked: dict[str, Any]) -> None:
    account_id, told = asked.pop("account_id", 0), {"tier": None, **asked}
    await given.ask(visit.call, visit.office.ops, account_id=account_id, asked=GivenTierIn(**told))


async def _approve_tier(visit: Visit, key: str) -> None:
    await given.approve(visit.call, visit.office.ops, given_id=number_of(key, "given_id"))


async def _reject_tier(visit: Visit, key: str) -> None:
    await given.reject(visit.call, given_id=number_of(key, "given_id"), reason="")


async def _tiers(visit: Visit) -> dict[str, Any]:
    try:
        return {"tier": [row["tier"] for row in (await find_tiers(visit.call))["tiers"]]}
    except TiersUnknown:
        return {"tier": []}


# FAMILIES


async def _families(visit: Visit, at: int | None) -> Rows:
    found = await families_rows.list_with_members(visit.call.connection, visit.call.tenant, at or 0, PAGE_SIZE + 1)
    return _page(found, "family_id")


async def _join(visit: Visit, given: dict[str, Any]) -> None:
    """Into the family that is named, else a new one of which the customer is the head."""
    if (family_id := given.pop("family_id", None)) is None:
        asked = FamilyIn(head_customer_id=given.get("customer_id", 0), title=given.get("title", ""))
        await families.make_family(visit.call, asked=asked)
    else:
        given.pop("title", None)
        await families.join(visit.call, family_id=family_id, asked=JoinIn(**given))


# BATCHES


async def _gift_batches(visit: Visit, at: int | None) -> Rows:
    found = await gift_cards_rows.BATCHES.list_of(visit.call.connection, visit.call.tenant, None, at, PAGE_SIZE + 1)
    return _page(found, "batch_id")


async def _order(visit: Visit, given: dict[str, Any]) -> None:
    series = given.pop("series", "")
    await gift_cards.order_batch(visit.call, series=series, asked=BatchIn(**given))


async def _issue(visit: Visit, key: str) -> Response:
    batch_id = number_of(key, "batch_id")
    made = await gift_cards.issue_batch(visit.call, visit.office.pepper, batch_id=batch_id)
    return csv_file(("gift_card_id", "number", "pin"), made, location=f"/v1/gift-card-batches/{batch_id}")


async def _gift_series(visit: Visit) -> dict[str, Any]:
    rows = await gift_cards_rows.list_series(visit.call.connection, visit.call.tenant)
    return {"series": [row["series"] for row in rows]}


async def _coupon_batches(visit: Visit, at: int | None) -> Rows:
    found = await coupons_rows.BATCHES.list_of(visit.call.connection, visit.call.tenant, None, at, PAGE_SIZE + 1)
    return _page(found, "batch_id")


async def _make_serials(visit: Visit, given: dict[str, Any]) -> None:
    series = given.pop("series", "")
    await serials.make_batch(visit.call, series=series, asked=SerialsIn(**given))


async def _serial_series(visit: Visit) -> dict[str, Any]:
    rows = await coupons_rows.serial_series(visit.call.connection, visit.call.tenant)
    return {"series": [row["series"] for row in rows]}


def _page(found: Any, key: str) -> Rows:
    shown = [dict(row) for row in found[:PAGE_SIZE]]
    return shown, shown[-1][key] if len(found) > PAGE_SIZE else None


SECTIONS = (
    Section(
        name="events",
        menu="programme",
        reads="events:read",
        writes="events:write",
        key="event",
        columns=(
            ("event", "text"),
            ("kind", "word"),
            ("repeats", "word"),
            ("points", "points"),
            ("state", "state"),
            ("updated_by", "who"),
            ("updated_at", "moment"),
        ),
        fields=(
            Field("event"),
            Field("title", is_needed=False),
            Field("kind", "choice", tuple(EventKind)),
            Field("repeats", "choice", tuple(Repeats), is_needed=False),
            Field("asset", "choice"),
            Field("points", "points"),
            Field("days_before", "number", is_needed=False),
            Field("active_after_days", "number", is_needed=False),
            Field("expires_days", "number", is_needed=False),
        ),
        rows=_events,
        make=_put_event,
        acts=(
            Act("approve", "accounts:approve", "check", ("PROPOSED",), _approve_event),
            Act("stop", "events:write", "player-stop", ("PROPOSED", "ACTIVE"), _stop_event),
        ),
    ),
    Section(
        name="accruals",
        reads="accruals:read",
        writes="accruals:write",
        key="job_id",
        columns=(
            ("title", "text"),
            ("points", "points"),
            ("segment", "text"),
            ("starts_at", "moment"),
            ("state", "state"),
            ("progress", "progress"),
            ("created_by", "who"),
        ),
        fields=(
            Field("title"),
            Field("reason"),
            Field("asset", "choice"),
            Field("points", "points"),
            Field("segment", "choice", is_needed=False),
            Field("customer_ids", "numbers", is_needed=False),
            Field("starts_at", "moment", is_needed=False),
            Field("expires_days", "number", is_needed=False),
        ),
        rows=_accruals,
        make=_propose,
        options=_segments,
        acts=(
            Act("approve", "accounts:approve", "check", ("PROPOSED",), _approve_accrual),
            Act("cancel", "accruals:write", "player-stop", ("PROPOSED", "QUEUED", "RUNNING"), _cancel_accrual),
            Act("go-on", "accruals:write", "refresh", ("FAILED",), _go_on_accrual),
        ),
    ),
    Section(
        name="tiers",
        reads="accounts:read",
        writes="tiers:give",
        key="given_id",
        columns=(
            ("account_id", "text"),
            ("tier", "text"),
            ("until", "text"),
            ("reason", "text"),
            ("state", "state"),
            ("asked_by", "who"),
            ("asked_at", "moment"),
        ),
        fields=(
            Field("account_id", "number"),
            Field("tier", "choice", is_needed=False),
            Field("until", "day", is_needed=False),
            Field("reason"),
        ),
        rows=_given_tiers,
        make=_ask_tier,
        options=_tiers,
        acts=(
            Act("approve", "tiers:approve", "check", ("ASKED",), _approve_tier),
            Act("reject", "tiers:approve", "x", ("ASKED",), _reject_tier),
        ),
    ),
    Section(
        name="families",
        reads="customers:read",
        writes="families:write",
        key="family_id",
        columns=(
            ("family_id", "text"),
            ("title", "text"),
            ("head_customer_id", "text"),
            ("members", "members"),
            ("state", "state"),
            ("created_by", "who"),
            ("created_at", "moment"),
        ),
        fields=(
            Field("customer_id", "number"),
            Field("family_id", "number", is_needed=False),
            Field("title", is_needed=False),
            Field("reason", is_needed=False),
        ),
        rows=_families,
        make=_join,
    ),
    Section(
        name="gift-cards",
        menu="programme",
        reads="gift_cards:read",
        writes="gift_cards:write",
        key="batch_id",
        columns=(
            ("batch_id", "text"),
            ("series", "text"),
            ("title", "text"),
            ("cards_count", "number"),
            ("state", "state"),
            ("ordered_by", "who"),
            ("ordered_at", "moment"),
        ),
        fields=(Field("series", "choice"), Field("title", is_needed=False), Field("count", "number")),
        rows=_gift_batches,
        make=_order,
        options=_gift_series,
        acts=(Act("issue", "gift_cards:issue", "download", ("ORDERED",), _issue),),
    ),
    Section(
        name="coupons",
        menu="promotions",
        reads="coupons:read",
        writes="coupons:issue",
        key="batch_id",
        columns=(
            ("batch_id", "text"),
            ("series", "text"),
            ("title", "text"),
            ("origin", "word"),
            ("codes_count", "number"),
            ("state", "state"),
            ("created_by", "who"),
            ("created_at", "moment"),
        ),
        fields=(Field("series", "choice"), Field("title", is_needed=False), Field("count", "number")),
        rows=_coupon_batches,
        make=_make_serials,
        options=_serial_series,
    ),
)
add_sections(pages, SECTIONS)
