"""Use cases of promotions: drafts that are always readable, and whose every revision is kept.

A document that cannot be read is never stored. What several promotions contradict one another about is found when a
release is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.assets.service import asset_documents, declared_assets
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.errors import (
    DocumentInvalid,
    OutOfOrder,
    PromotionArchived,
    PromotionExists,
    PromotionUnknown,
    ReviewNeeded,
)
from altyn.admin_api.promotions.schemas import Kind
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import (
    DocumentError,
    Rules,
    canonical_json,
    default_documents,
    load_documents,
    read_documents,
)
from altyn.core.rules.lint import Remark, remarks
from altyn.core.rules.promotion import Asset

Document = dict[str, Any]


def id_of(document: Document) -> str:
    """The id of a document that could be read."""
    return str(document[kind_of(document)])


def kind_of(document: Document) -> Kind:
    """What the document is."""
    return next(kind for kind in Kind if kind in document)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in documents; they are in force nowhere."""

    problems: tuple[Problem, ...]
    remarks: tuple[Remark, ...] = ()
    documents: tuple[Document, ...] = ()


def problems_of(error: DocumentError) -> tuple[Problem, ...]:
    return tuple(problem(one.path, one.code, one.message) for one in error.problems)


def invalid(problems: Sequence[Problem]) -> DocumentInvalid:
    """The refusal of documents with these problems."""
    return DocumentInvalid("the document cannot be taken", path=problems[0]["path"], problems=problems)


def text_of(body: bytes) -> str:
    """Raises DocumentInvalid for bytes that are not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise invalid([problem("documents", "BAD_SYNTAX", "the text is not UTF-8")]) from None


def read_with_assets(documents: Sequence[object], assets: Sequence[Asset]) -> Rules:
    """Read documents together with the assets that are declared in the facts. Raises DocumentError."""
    own = {str(one["asset"]) for one in documents if isinstance(one, dict) and "asset" in one}
    return read_documents([*asset_documents(asset for asset in assets if asset.asset not in own), *documents])


def check_documents(text: str, assets: Sequence[Asset]) -> Checked:
    """All that is wrong with documents, remarks, and the documents with their defaults. For a thread."""
    try:
        rules = read_with_assets(load_documents(text), assets)
        compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0)
    except DocumentError as error:
        return Checked(problems_of(error))
    except CompileError as error:
        return Checked((problem(error.path, error.code, error.message),))
    written = [document for document in default_documents(rules) if "asset" not in document]
    return Checked((), tuple(remarks(rules)), tuple(written))


async def read_document(connection: asyncpg.Connection[Any], *, tenant: str, body: bytes) -> Document:
    """The one document of a body, as it was written. Raises DocumentInvalid."""
    assets = await declared_assets(connection, tenant=tenant)
    try:
        documents = load_documents(text_of(body))
        if len(documents) != 1:
            raise invalid([problem("documents", "REQUIRED", f"one document is needed, not {len(documents)}")])
        if "asset" in documents[0]:
            raise invalid([problem("asset", "UNKNOWN_KEY", "assets are declared by PUT /v1/assets/{asset}")])
        read_with_assets(documents, assets)
    except DocumentError as error:
        raise invalid(problems_of(error)) from None
    return documents[0]


async def create_promotion(call: Call, *, document: Document, state: str) -> int:
    """Store a new promotion; its revision. Raises PromotionExists, ReviewNeeded."""
    promotion_id = id_of(document)
    if await repository.find_promotion(call.connection, call.tenant, promotion_id) is not None:
        raise PromotionExists(f"{promotion_id} exists; change it with PUT", path=kind_of(document))
    if state == "ACTIVE":
        _refuse_person(call)
    return await store(call, None, document=document, state=state)


async def replace_promotion(call: Call, *, before: asyncpg.Record, document: Document) -> int:
    """Replace the document; the new revision, or the old one when nothing differs. What eyes have looked at, and what a
    person edits, becomes a DRAFT; the released revision goes on. Raises PromotionArchived, OutOfOrder.
    """
    if before["state"] == "ARCHIVED":
        raise PromotionArchived("an archived promotion is not edited: set its state to DRAFT first", path="state")
    if canonical_json([document]) == canonical_json([before["document"]]):
        return int(before["revision"])
    if before["state"] == "SCHEDULED":
        raise out_of_order(before, "take it off the schedule first")
    stays = before["state"] == "ACTIVE" and call.person is None
    return await store(call, before, document=document, state="ACTIVE" if stays else "DRAFT")


async def change_state(call: Call, *, before: asyncpg.Record, state: str) -> int:
    """Set DRAFT, ACTIVE or ARCHIVED; the new revision. Raises PromotionArchived, OutOfOrder, ReviewNeeded."""
    if state == before["state"]:
        return int(before["revision"])
    if before["state"] == "ARCHIVED" and state == "ACTIVE":
        raise PromotionArchived("an archived promotion becomes a DRAFT first", path="state")
    if before["state"] == "SCHEDULED" or (state == "ACTIVE" and before["state"] != "DRAFT"):
        raise out_of_order(before, f"{state} is not its next state")
    if state == "ACTIVE":
        _refuse_person(call)
    elif call.person and before["released_revision"] is not None:
        raise out_of_order(before, "it is released: suspend it first")
    return await store(call, before, document=before["document"], state=state, released=None)


def out_of_order(before: asyncpg.Record, what: str) -> OutOfOrder:
    return OutOfOrder(f"{before['promotion_id']} is {before['state']}: {what}", path="state")


def _refuse_person(call: Call) -> None:
    if call.person:
        raise ReviewNeeded("submit it for review; what is approved is published", path="state")


async def promotion_to_change(call: Call, *, promotion_id: str) -> asyncpg.Record:
    """The promotion, locked. Raises PromotionUnknown."""
    row = await repository.find_promotion(call.connection, call.tenant, promotion_id, to_change=True)
    if row is None:
        raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_id")
    return row


async def store(
    call: Call,
    before: asyncpg.Record | None,
    *,
    document: Document,
    state: str,
    released: int | None = -1,
    effective_at: datetime | None = None,
    verb: str = "",
    **told: Any,
) -> int:
    """Write the next revision, audited as ``verb``; its number. ``released``: the revision that takes part in releases
    from now on, unless it is to stay; the new one when it is ACTIVE.
    """
    promotion_id = id_of(document)
    revision = before["revision"] + 1 if before else 1
    if state == "ACTIVE":
        released = revision
    elif released == -1:
        released = before["released_revision"] if before else None
    try:
        await repository.store_promotion(
            call.connection,
            call.tenant,
            promotion_id,
            document,
            state,
            revision,
            call.actor,
            call.now,
            released,
            effective_at,
        )
    except asyncpg.UniqueViolationError:  # two creations at once: the other one's first revision stands
        raise PromotionExists(f"{promotion_id} was made a moment ago", path=kind_of(document)) from None
    was = {"state": before["state"], "document": before["document"]} if before else None
    kind = kind_of(document)
    if not verb:
        verb = "create" if before is None else "replace" if document != before["document"] else state.lower()
    after = {"state": state, "document": document} | told
    call.record(f"{kind}s.{verb}", kind, promotion_id, before=was, after=after)
    return revision
