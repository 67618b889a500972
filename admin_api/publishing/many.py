"""One act on several promotions: each is checked, carried out and told by itself.

What changes the tills' rules (publish, resume, suspend) makes one release for all that may go; each is looked at beside
what is in force and those before it. Invariants: a promotion whose act is refused stays as it was, and hinders no
other; when the release itself is refused, none of them has changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Refusal, RevisionDiffers
from altyn.admin_api.facts import FeedWriter
from altyn.admin_api.promotions.service import Document, change_state, promotion_to_change, store
from altyn.admin_api.publishing import service
from altyn.admin_api.publishing.errors import TooManyPromotions
from altyn.admin_api.rails.rehearsal import Rehearsed
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.service import Published, change_in_force, documents_at

PROMOTIONS_MAX = 50
#: Acts that change what the tills run.
TOGETHER = ("publish", "resume", "suspend")
#: States that are set without a review, by the names of the acts.
TURNS = {"activate": "ACTIVE", "draft": "DRAFT", "archive": "ARCHIVED"}


@dataclass(frozen=True, slots=True)
class Pick:
    """A promotion as it was looked at."""

    promotion_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Done:
    """What happened to one: ``refusal`` says why nothing did; without one and not ``is_changed``: it was so."""

    promotion_id: str
    is_changed: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What an act is told: ``reason`` of reject and suspend, ``emergency`` of what makes a release."""

    reason: str = ""
    emergency: bool = False


async def act_on_many(
    call: Call, compiler: Compiler, *, act: str, picks: Sequence[Pick], given: Given
) -> tuple[list[Done], Published | None]:
    """In the order of ids. Raises TooManyPromotions; what is refused for one is in its ``Done``."""
    if len(picks) > PROMOTIONS_MAX:
        raise TooManyPromotions(f"at most {PROMOTIONS_MAX} at once, not {len(picks)}", path="pick")
    ordered = sorted({one.promotion_id: one for one in picks}.values(), key=lambda one: one.promotion_id)
    if act in TOGETHER:
        return await _together(call, compiler, act, ordered, given)
    return [await _done(call, one, partial(_one, call, compiler, act, given), act) for one in ordered], None


async def _one(call: Call, compiler: Compiler, act: str, given: Given, before: asyncpg.Record) -> bool:
    """An act that stands for itself; whether it changed anything."""
    match act:
        case "submit":
            await service.submit(call, compiler, before=before, note="")
        case "withdraw":
            await service.withdraw(call, before=before)
        case "approve":
            await service.approve(call, before=before, note="", accepts_differences=False)
        case "reject":
            await service.reject(call, before=before, reason=given.reason)
        case "unschedule":
            await service.unschedule(call, compiler, before=before)
        case _:
            await change_state(call, before=before, state=TURNS[act])
    return True


async def _done(call: Call, pick: Pick, do: Callable[[asyncpg.Record], Awaitable[bool]], act: str) -> Done:
    """One of them, and nothing of it when it is refused."""
    deeds_count, feed_version = len(call.deeds), call.feed.version
    try:
        async with call.connection.transaction():
            before = await promotion_to_change(call, promotion_id=pick.promotion_id)
            # A stop is not refused because somebody is editing.
            if act != "suspend" and before["revision"] != pick.revision:
                raise RevisionDiffers("somebody has changed it since it was looked at", path="revision")
            is_changed = await do(before)
    except Refusal as refusal:
        _forget(call, deeds_count, feed_version)
        return Done(pick.promotion_id, refusal=refusal)
    return Done(pick.promotion_id, is_changed and len(call.deeds) > deeds_count)


async def _together(
    call: Call, compiler: Compiler, act: str, picks: Sequence[Pick], given: Given
) -> tuple[list[Done], Published | None]:
    going: dict[str, asyncpg.Record] = {}
    rehearsals: list[Rehearsed] = []
    others = await documents_at(call, call.now) if act != "suspend" else {}

    async def may_go(before: asyncpg.Record) -> bool:
        if act == "suspend":
            may = service.may_suspend(before)
        elif may := before["state"] != "ACTIVE":
            check = service.may_publish if act == "publish" else service.may_resume
            rehearsals.append(await check(call, compiler, before=before, others=others))
        if may:
            going[before["promotion_id"]] = before
            others[before["promotion_id"]] = before["document"]
        return False

    found = [await _done(call, one, may_go, act) for one in picks]
    if not going:
        return found, None
    deeds_count, feed_version = len(call.deeds), call.feed.version
    try:
        async with call.connection.transaction():
            made = await change_in_force(call, compiler, edit=partial(_edit, act, going), emergency=given.emergency)
            if rehearsals:  # they look at the same journal: one baseline for the one release
                await service.keep_baseline(call, made, rehearsals[0])
            for before in going.values():
                await _keep(call, act, before, made, given)
    except Refusal as refusal:
        _forget(call, deeds_count, feed_version)
        return [Done(one.promotion_id, refusal=refusal) if one.promotion_id in going else one for one in found], None
    return [Done(one.promotion_id, is_changed=True) if one.promotion_id in going else one for one in found], made


def _edit(act: str, going: dict[str, asyncpg.Record], documents: dict[str, Document]) -> None:
    for promotion_id, before in going.items():
        if act == "suspend":
            documents.pop(promotion_id, None)
        else:
            documents[promotion_id] = before["document"]


async def _keep(call: Call, act: str, before: asyncpg.Record, made: Published, given: Given) -> None:
    if act == "suspend":
        told: dict[str, Any] = {"reason": given.reason, "emergency": given.emergency}
        await service.keep_suspended(call, before=before, made=made, **told)
    else:
        await store(call, before, document=before["document"], state="ACTIVE", verb=act, release=made.version)


def _forget(call: Call, deeds_count: int, feed_version: int) -> None:
    """What was undone is not told, and has not moved the feed's clock."""
    del call.deeds[deeds_count:]
    if call.feed.version != feed_version:
        call.feed = FeedWriter(call.connection, call.tenant)
