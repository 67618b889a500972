"""A promotion's way to the tills: where it stands, what its review found, and the acts that are open to the visitor.

``altyn.admin_api.publishing.service`` decides and acts; here is only chosen what a page offers. Invariants: an act is
offered when it is in order and the visitor may do it, and not otherwise; one that is refused changes nothing, and is
told in words on the page of the review.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import asyncpg
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console.changes import changed_paths
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.console.rails import open_alerts
from altyn.admin_api.console.receipt_cases import grouped
from altyn.admin_api.console.releasing import chosen_moment
from altyn.admin_api.edge.fields import Shape
from altyn.admin_api.edge.problems import Refusal, RevisionDiffers, invalid_from
from altyn.admin_api.promotions.errors import PromotionUnknown
from altyn.admin_api.promotions.repository import find_promotion
from altyn.admin_api.promotions.service import promotion_to_change
from altyn.admin_api.publishing import repository, schemas, service
from altyn.admin_api.publishing.handlers import ACT_TIMEOUT_S
from altyn.admin_api.rails.schemas import AlertOut
from altyn.admin_api.releases.service import Published, documents_at

REVIEWS_SHOWN_MAX = 20
ALERTS_SHOWN_MAX = 5
#: What each act needs, in the order of the buttons.
SCOPES = {
    "submit": "promotions:write",
    "approve": "promotions:approve",
    "reject": "promotions:approve",
    "publish": "releases:publish",
    "unschedule": "releases:publish",
    "resume": "releases:publish",
    "withdraw": "promotions:write",
    "suspend": "promotions:stop",
}

pages = Pages()
Given = TypeVar("Given", bound=Shape)


@dataclass(frozen=True, slots=True)
class Way:
    """``acts`` and ``turns`` (states set without a review) are open to the visitor now; ``hindrance`` is the reason why
    somebody who may approve cannot approve this, empty when nothing hinders. ``alerts`` are those nobody has seen.
    """

    review: schemas.ReviewOut | None
    four_eyes: bool
    hindrance: str
    acts: list[str]
    turns: list[str]
    alerts: list[AlertOut]


async def way_of(visit: Visit, row: asyncpg.Record) -> Way:
    """Where a promotion stands, for this visitor."""
    call = visit.call
    last = await service.last_review(call, row["promotion_id"])
    review = schemas.ReviewOut(**last) if last else None
    four_eyes, _ = await repository.publishing_rules(call.connection, call.tenant)
    hindrance = _hindrance(visit, review, four_eyes) if row["state"] == "REVIEW" and review else ""
    in_order = acts_in_order(visit, row) - ({"approve"} if hindrance else set())
    acts = [act for act, scope in SCOPES.items() if act in in_order and scope in call.scopes]
    told = hindrance if SCOPES["approve"] in call.scopes else ""
    alerts = await open_alerts(visit, row["promotion_id"], ALERTS_SHOWN_MAX)
    return Way(review, four_eyes, told, acts, turns_of(visit, row), alerts)


def acts_in_order(visit: Visit, row: asyncpg.Record) -> set[str]:
    """Acts that the state takes."""
    match row["state"]:
        case "DRAFT":
            acts = {"submit"}
        case "REVIEW":
            acts = {"approve", "reject", "withdraw"}
        case "APPROVED":
            acts = {"publish", "withdraw"}
        case "SCHEDULED":
            acts = {"suspend"} | ({"unschedule"} if row["effective_at"] > visit.call.now else set())
        case "ACTIVE":
            acts = {"suspend"}
        case "SUSPENDED":
            acts = {"resume"}
        case _:
            acts = set[str]()
    is_released_beside = row["released_revision"] is not None and row["state"] != "SUSPENDED"
    return acts | {"suspend"} if is_released_beside else acts


def _hindrance(visit: Visit, review: schemas.ReviewOut, four_eyes: bool) -> str:
    """Why this visitor does not approve, as a reason; empty: nothing hinders."""
    call = visit.call
    if four_eyes and call.person is None:
        return "PERSON_NEEDED"
    if call.now >= review.expires_at:
        return "REVIEW_EXPIRED"
    if four_eyes and call.actor in review.authors:
        return "FOUR_EYES"
    is_given = any(one.approved_by == call.actor for one in review.approvals)
    return "APPROVED_ALREADY" if is_given else ""


def turns_of(visit: Visit, row: asyncpg.Record) -> list[str]:
    """A key switches on by itself; people neither do that nor touch what is released but by publishing."""
    is_person = visit.call.person is not None
    if "promotions:write" not in visit.call.scopes or row["state"] == "SCHEDULED":
        return []
    if is_person and row["released_revision"] is not None:
        return []
    switched_on = [] if is_person or row["state"] != "DRAFT" else ["ACTIVE"]
    back = [] if row["state"] in ("DRAFT", "REVIEW", "APPROVED") else ["DRAFT"]
    return [*switched_on, *back, *([] if row["state"] == "ARCHIVED" else ["ARCHIVED"])]


@pages.get("/promotions/{promotion_id}/review", "promotions:read")
async def show_review(visit: Visit) -> Response:
    """What the tills would get, what was found, who said what."""
    promotion_id = visit.request.path_params["promotion_id"]
    row = await find_promotion(visit.call.connection, visit.call.tenant, promotion_id)
    if row is None:
        raise PromotionUnknown(promotion_id)
    return await _page(visit, row)


Act = Callable[[Visit, asyncpg.Record], Awaitable[Published | None]]


def _act(name: str) -> Callable[[Act], Act]:
    """The button of an act: on what was looked at, then on to the release it made, or back to the review."""

    def marked(act: Act) -> Act:
        async def page(visit: Visit) -> Response:
            promotion_id = visit.request.path_params["promotion_id"]
            before = await promotion_to_change(visit.call, promotion_id=promotion_id)
            try:
                async with visit.call.connection.transaction():
                    # A stop is not refused because somebody is editing.
                    if name != "suspend" and visit.field("revision") != str(before["revision"]):
                        raise RevisionDiffers("somebody has changed it since it was looked at", path="revision")
                    made = await act(visit, before)
            except Refusal as refusal:
                raise Redrawn(await _page(visit, before, refusal)) from None
            if made and "releases:read" in visit.call.scopes:
                return visit.go(f"/console/releases/{made.version}")
            return visit.go(review_address(promotion_id))

        pages.act(f"/promotions/{{promotion_id}}/{name}", SCOPES[name], ACT_TIMEOUT_S)(page)
        return act

    return marked


@_act("submit")
async def submit(visit: Visit, before: asyncpg.Record) -> None:
    given = _given(schemas.NoteIn, note=visit.field("note").strip())
    await service.submit(visit.call, visit.office.compiler, before=before, note=given.note)


@_act("withdraw")
async def withdraw(visit: Visit, before: asyncpg.Record) -> None:
    await service.withdraw(visit.call, before=before)


@_act("approve")
async def approve(visit: Visit, before: asyncpg.Record) -> None:
    override = visit.field("override_reason").strip() or None
    given = _given(schemas.ApproveIn, note=visit.field("note").strip(), override_reason=override)
    accepts = visit.field("accepts_differences") == "1"
    await service.approve(
        visit.call, before=before, note=given.note, accepts_differences=accepts, override_reason=override or ""
    )


@_act("reject")
async def reject(visit: Visit, before: asyncpg.Record) -> None:
    given = _given(schemas.RejectIn, reason=visit.field("reason").strip())
    await service.reject(visit.call, before=before, reason=given.reason)


@_act("publish")
async def publish(visit: Visit, before: asyncpg.Record) -> Published | None:
    return await service.publish(
        visit.call,
        visit.office.compiler,
        before=before,
        effective_at=chosen_moment(visit),
        emergency=visit.field("emergency") == "1",
    )


@_act("unschedule")
async def unschedule(visit: Visit, before: asyncpg.Record) -> Published | None:
    return await service.unschedule(visit.call, visit.office.compiler, before=before)


@_act("suspend")
async def suspend(visit: Visit, before: asyncpg.Record) -> Published | None:
    given = _given(schemas.SuspendIn, reason=visit.field("reason").strip())
    emergency = visit.field("emergency") == "1"
    return await service.suspend(
        visit.call, visit.office.compiler, before=before, reason=given.reason, emergency=emergency
    )


@_act("resume")
async def resume(visit: Visit, before: asyncpg.Record) -> Published | None:
    return await service.resume(visit.call, visit.office.compiler, before=before)


def review_address(promotion_id: str) -> str:
    return f"/console/promotions/{quote(promotion_id, safe='')}/review"


def _given(shape: type[Given], **fields: Any) -> Given:
    """What was typed, by the rules of the JSON call. Raises Invalid."""
    try:
        return shape(**fields)
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None


async def _page(visit: Visit, row: asyncpg.Record, refusal: Refusal | None = None) -> Response:
    call = visit.call
    assets = await declared_assets(call.connection, tenant=call.tenant)
    released = (await documents_at(call, call.now)).get(row["promotion_id"])
    reviews = await repository.list_reviews(call.connection, call.tenant, row["promotion_id"], REVIEWS_SHOWN_MAX)
    differing = grouped(reviews[0]["differences"]) if reviews else {}
    cases = await repository.list_cases(call.connection, call.tenant) if differing else []
    return visit.show(
        "review.html",
        refusal.status_code if refusal else 200,
        row=row,
        way=await way_of(visit, row),
        outline=Outline(row["document"], visit.t),
        refusal=refusal,
        is_released=released is not None,
        paths=changed_paths(released, row["document"], assets) if released else (),
        earlier=reviews[1:],
        differing=differing,
        case_titles={one["case_id"]: one["title"] for one in cases},
    )
