"""The constructor: cards to begin with, the form and its YAML, saving, states, the history of one promotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console import shape, suggestions
from altyn.admin_api.console.cards import cards
from altyn.admin_api.console.changes import changed_paths
from altyn.admin_api.console.drafts import check_draft, named, new_id, read_draft
from altyn.admin_api.console.fields import Typed
from altyn.admin_api.console.formview import FormView, told_problem
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.console.releasing import is_live
from altyn.admin_api.console.reviewing import review_address, way_of
from altyn.admin_api.console.samples import sample_receipt
from altyn.admin_api.console.value import number_of
from altyn.admin_api.edge.problems import Problem, Refusal, RevisionDiffers
from altyn.admin_api.promotions import repository, service
from altyn.admin_api.promotions.errors import DocumentInvalid, PromotionExists, PromotionUnknown, RevisionUnknown
from altyn.admin_api.promotions.schemas import State
from altyn.admin_api.publishing.handlers import ACT_TIMEOUT_S
from altyn.admin_api.publishing.service import submit
from altyn.core.rules.compare import compare
from altyn.core.rules.definition import dump_documents

HISTORY_MAX = 50

pages = Pages()


@pages.get("/promotions/new", "promotions:write")
async def begin(visit: Visit) -> Response:
    """The cards; with one chosen, or a promotion to copy, the constructor with a draft of it."""
    if copied := visit.asked("from"):
        document = dict((await _found(visit, copied))["document"])
        document.pop("promotion", None)
        document.pop("limit", None)
        return await _constructor(visit, Typed(document), None)
    chosen = cards().get(visit.asked("card"))
    if chosen is None:
        return visit.show("cards.html", cards=list(cards().values()))
    return await _constructor(visit, Typed(chosen.document), None)


@pages.get("/promotions/{promotion_id}", "promotions:read")
async def edit(visit: Visit) -> Response:
    row = await _found(visit, visit.request.path_params["promotion_id"])
    return await _constructor(visit, Typed(row["document"]), row)


@pages.ask("/promotions/form", "promotions:read")
async def redraw(visit: Visit) -> Response:
    """The form after an act of a button, or in its other face: fields or YAML."""
    wanted = visit.field("face") or visit.field("mode", "form")
    typed = read_draft(visit)
    if typed.problems and wanted != visit.field("mode"):
        wanted = visit.field("mode")  # what cannot be read has no other face
    if wanted == "form" and visit.field("mode") == "yaml":
        checked = await check_draft(visit, typed)
        if checked.problems:
            return _form(visit, typed, "yaml", checked.problems, visit.field("source"))
    return _form(visit, typed, wanted, typed.problems, visit.field("source") if not typed.document else None)


@pages.act("/promotions", "promotions:write", ACT_TIMEOUT_S)
async def create(visit: Visit) -> Response:
    """Store a new draft under an id of its own."""
    typed = await _readable(visit, None)
    document = named(typed.document, await new_id(visit, typed.document))
    try:
        async with visit.call.connection.transaction():
            await service.create_promotion(visit.call, document=document, state=State.DRAFT)
    except PromotionExists as refusal:
        raise Redrawn(await _again(visit, typed, None, refusal)) from None
    return await _saved(visit, service.id_of(document), typed, None)


@pages.act("/promotions/{promotion_id}", "promotions:write", ACT_TIMEOUT_S)
async def replace(visit: Visit) -> Response:
    """Replace a document unless somebody else has, since it was read."""
    promotion_id = visit.request.path_params["promotion_id"]
    before = await service.promotion_to_change(visit.call, promotion_id=promotion_id)
    typed = await _readable(visit, before)
    document = named(typed.document, promotion_id)
    if service.id_of(document) != promotion_id:
        raise Redrawn(await _again(visit, typed, before, DocumentInvalid(visit.t("form.id_stays"), path="promotion")))
    if visit.field("revision") != str(before["revision"]):
        response = await _constructor(visit, typed, before, status=409, is_overtaken=True)
        raise Redrawn(response)
    if await _means_another(visit, before["document"], document):
        await service.replace_promotion(visit.call, before=before, document=document)
    return await _saved(visit, promotion_id, typed, before)


@pages.act("/promotions/{promotion_id}/state", "promotions:write")
async def change_state(visit: Visit) -> Response:
    promotion_id = visit.request.path_params["promotion_id"]
    before = await service.promotion_to_change(visit.call, promotion_id=promotion_id)
    if visit.field("revision") != str(before["revision"]):
        raise RevisionDiffers("somebody has changed it since it was looked at", path="revision")
    if visit.field("state") in tuple(State):
        await service.change_state(visit.call, before=before, state=visit.field("state"))
    return visit.go(f"/console/promotions/{promotion_id}")


@pages.get("/promotions/{promotion_id}/history", "promotions:read")
async def show_history(visit: Visit) -> Response:
    """Every revision with what it changed, and any two of them side by side."""
    promotion_id = visit.request.path_params["promotion_id"]
    rows = await repository.list_revisions(visit.call.connection, visit.call.tenant, promotion_id, HISTORY_MAX)
    if not rows:
        raise PromotionUnknown(promotion_id)
    assets = await declared_assets(visit.call.connection, tenant=visit.call.tenant)
    steps = []
    for row, older in zip(rows, [*rows[1:], None], strict=True):
        paths = changed_paths(older["document"], row["document"], assets) if older is not None else ()
        steps.append((row, None if older is None else older["state"], paths))
    outline = Outline(rows[0]["document"], visit.t)
    compared = [await _revision(visit, promotion_id, name) for name in ("before", "after")]
    old, new = compared if all(compared) else (None, None)
    return visit.show(
        "history.html",
        promotion_id=promotion_id,
        outline=outline,
        steps=steps,
        numbers=[row["revision"] for row in rows],
        old=old,
        new=new,
        paths=changed_paths(old["document"], new["document"], assets) if old and new else (),
    )


async def _revision(visit: Visit, promotion_id: str, name: str) -> asyncpg.Record | None:
    """The one the address asks for, None without. Raises Invalid, RevisionUnknown."""
    if not (asked := visit.asked(name)):
        return None
    number = number_of(asked, name)
    found = await repository.find_revision(visit.call.connection, visit.call.tenant, promotion_id, number)
    if found is None:
        raise RevisionUnknown(f"{promotion_id} has no revision {number}", path=name)
    return found


async def _found(visit: Visit, promotion_id: str) -> asyncpg.Record:
    row = await repository.find_promotion(visit.call.connection, visit.call.tenant, promotion_id)
    if row is None:
        raise PromotionUnknown(promotion_id)
    return row


async def _readable(visit: Visit, before: asyncpg.Record | None) -> Typed:
    """The draft of the form; one that cannot be taken is shown again with its problems. Raises Redrawn."""
    typed = read_draft(visit)
    checked = await check_draft(visit, typed)
    if checked.problems:
        raise Redrawn(await _constructor(visit, typed, before, status=422, problems=checked.problems))
    return typed


async def _again(visit: Visit, typed: Typed, before: asyncpg.Record | None, refusal: Refusal) -> Response:
    told = refusal.problems or [Problem(path=refusal.path, code=refusal.reason, message=refusal.message)]
    return await _constructor(visit, typed, before, status=refusal.status_code, problems=told)


async def _means_another(visit: Visit, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Does anything change; to write a default out, or one name as a list, is no change."""
    assets = await declared_assets(visit.call.connection, tenant=visit.call.tenant)
    rules = [service.read_with_assets([document], assets) for document in (before, after)]
    return bool(compare(*rules))


async def _saved(visit: Visit, promotion_id: str, typed: Typed, before: asyncpg.Record | None) -> Response:
    """On to the saved promotion; or a key publishes, and a person submits it for review. Raises Redrawn."""
    then = visit.field("then")
    if then not in ("publish", "submit"):
        return visit.go(f"/console/promotions/{promotion_id}?saved=1")
    row = await service.promotion_to_change(visit.call, promotion_id=promotion_id)
    if then == "publish":
        await service.change_state(visit.call, before=row, state=State.ACTIVE)
        return visit.go("/console/releases/new")
    if row["state"] == "DRAFT":
        try:
            await submit(visit.call, visit.office.compiler, before=row, note="")
        except Refusal as refusal:
            raise Redrawn(await _again(visit, typed, before, refusal)) from None
    return visit.go(review_address(promotion_id))


async def _constructor(
    visit: Visit,
    typed: Typed,
    row: asyncpg.Record | None,
    *,
    status: int = 200,
    problems: Sequence[Problem] = (),
    is_overtaken: bool = False,
) -> Response:
    """The whole page. ``row`` is what is stored, None for a new promotion."""
    is_yaml = visit.field("mode") == "yaml"
    source = visit.field("source") if is_yaml else None
    outline = Outline(row["document"] if row else typed.document, visit.t)
    return visit.show(
        "constructor.html",
        status,
        **_form_given(visit, typed, "yaml" if is_yaml else "form", problems, source),
        row=row,
        outline=outline,
        is_live=row is not None and await is_live(visit, row),
        is_overtaken=is_overtaken,
        is_saved=visit.asked("saved") == "1",
        lists=await suggestions.lists(visit),
        sample=await sample_receipt(visit, typed.document),
        way=await way_of(visit, row) if row else None,
    )


def _form(visit: Visit, typed: Typed, mode: str, problems: Sequence[Problem], source: str | None = None) -> Response:
    return visit.show("form.html", **_form_given(visit, typed, mode, problems, source))


def _form_given(
    visit: Visit, typed: Typed, mode: str, problems: Sequence[Problem], source: str | None
) -> dict[str, Any]:
    """What the form's template takes."""
    if source is None:
        source = dump_documents([named(typed.document, "")]) if mode == "yaml" else ""
    view = FormView(typed.document if mode == "form" else {}, problems, visit.t)
    return {
        "mode": mode,
        "source": source,
        "form": view,
        "problems": [(one, told_problem(one, visit.t)) for one in problems],
        "conditions": [*shape.CONDITIONS, "any", "none"],
        "rewards": list(shape.REWARDS),
    }
