"""Publishing: what would change, the release on its way to every server, what was, and the way back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console.changes import NOTHING, changes_between, released_rules, titles_of
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.receipt_cases import grouped
from altyn.admin_api.console.shadows import told_of
from altyn.admin_api.edge.problems import Invalid, Refusal
from altyn.admin_api.promotions.service import read_with_assets
from altyn.admin_api.publishing.whole import publish_whole
from altyn.admin_api.releases import handlers, repository, service
from altyn.admin_api.releases.errors import ReleaseUnknown
from altyn.admin_api.releases.handlers import PUBLISH_TIMEOUT_S
from altyn.admin_api.shadows.service import find_of
from altyn.core.rules.definition import Rules, canonical_json

PAGE_SIZE = 25
CHANGES_SHOWN_MAX = 200
NUMBER_LIMIT = 1 << 63

pages = Pages()


@pages.get("/releases", "releases:read")
async def show_releases(visit: Visit) -> Response:
    before = visit.asked("before")
    asked = _number(before) if before else None
    page = await handlers.list_releases(visit.call, before=asked, limit=PAGE_SIZE)
    return visit.show("releases.html", page=page, is_first=asked is None)


@pages.get("/releases/new", "releases:publish")
async def prepare(visit: Visit) -> Response:
    """What publishing now would change, compiled as the servers will compile it and tried on the last receipts.

    That takes seconds: the page comes at once and asks for it.
    """
    call = visit.call
    if not visit.asked("checked"):
        return visit.show("publish.html", is_waiting=True, made=None)
    newest = await repository.newest_version(call.connection, call.tenant)
    refusal: Refusal | None = None
    made, changes, titles, differing = None, [], {}, {}
    try:
        whole = await publish_whole(call, visit.office.compiler, accepts_differences=True, validate_only=True)
        made, differing = whole.made, grouped(whole.differences)
        after = await _active_rules(visit)
        before = await _rules_of(visit, newest)
        changes, titles = await asyncio.to_thread(changes_between, before, after), titles_of(before, after)
    except Refusal as found:
        refusal = found
    return visit.show(
        "publish.html",
        is_waiting=False,
        newest=newest,
        made=made,
        titles=titles,
        changes=changes[:CHANGES_SHOWN_MAX],
        changes_count=len(changes),
        differing=differing,
        **await _shadow(visit, made.sha256.hex() if made else ""),
        refusal=refusal,
    )


@pages.act("/releases", "releases:publish", PUBLISH_TIMEOUT_S)
async def publish(visit: Visit) -> Response:
    """Everything that is switched on becomes the next release."""
    whole = await publish_whole(
        visit.call,
        visit.office.compiler,
        accepts_differences=visit.field("accepts_differences") == "1",
        effective_at=chosen_moment(visit),
        emergency=visit.field("emergency") == "1",
    )
    return visit.go(f"/console/releases/{whole.made.version}")


@pages.act("/releases/{version}/rollback", "releases:publish", PUBLISH_TIMEOUT_S)
async def roll_back(visit: Visit) -> Response:
    """The documents of an older release come into force again, as a new version."""
    version = _number(visit.request.path_params["version"])
    made = await service.roll_back(visit.call, visit.office.compiler, to_version=version)
    return visit.go(f"/console/releases/{made.version}?back_to={version}")


@pages.get("/releases/{version}", "releases:read")
async def show_release(visit: Visit) -> Response:
    """One release: where it runs, and what it changed against another one."""
    version = _number(visit.request.path_params["version"])
    found = await handlers.list_releases(visit.call, before=version + 1, limit=2)
    if not found.releases or found.releases[0].version != version:
        raise ReleaseUnknown(str(version))
    against = _number(visit.asked("against")) if visit.asked("against") else version - 1
    before, after = await _rules_of(visit, against), await _rules_of(visit, version)
    changes = await asyncio.to_thread(changes_between, before, after)
    newest = await repository.newest_version(visit.call.connection, visit.call.tenant)
    return visit.show(
        "release.html",
        release=found.releases[0],
        rollout=await handlers.get_servers(visit.call, version),
        newest=newest,
        titles=titles_of(before, after),
        against=against,
        changes=changes[:CHANGES_SHOWN_MAX],
        changes_count=len(changes),
        back_to=visit.asked("back_to"),
        **await _shadow(visit, found.releases[0].sha256),
    )


@pages.get("/releases/{version}/rollout", "releases:read")
async def show_rollout(visit: Visit) -> Response:
    """Where the release runs by now; asked again and again while a page waits."""
    version = _number(visit.request.path_params["version"])
    found = await handlers.list_releases(visit.call, before=version + 1, limit=1)
    if not found.releases or found.releases[0].version != version:
        raise ReleaseUnknown(str(version))
    rollout = await handlers.get_servers(visit.call, version)
    newest = await repository.newest_version(visit.call.connection, visit.call.tenant)
    return visit.show("rollout.html", release=found.releases[0], rollout=rollout, newest=newest)


async def is_live(visit: Visit, row: asyncpg.Record) -> bool:
    """Is the document, as it stands, in the release in force."""
    call = visit.call
    version = await repository.version_in_force(call.connection, call.tenant, call.now)
    found = await repository.find_document(call.connection, call.tenant, version) if version else None
    if found is None:
        return False
    # Both are canonical, so the document is there if and only if its bytes are.
    own, whole = canonical_json([row["document"]])[1:-1], found["document"]
    return await asyncio.to_thread(whole.__contains__, own)


def chosen_moment(visit: Visit) -> datetime | None:
    """The chosen moment by the program's wall clock; None: at once. Raises Invalid."""
    text = visit.field("effective_at").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(visit.shell.zone))
    except ValueError:
        raise Invalid(text[:40], path="effective_at") from None


async def _shadow(visit: Visit, sha256: str) -> dict[str, Any]:
    """What a shadow of exactly these documents has found, for the page."""
    shadow = await find_of(visit.call, sha256) if sha256 else None
    return {"shadow": shadow, "told": await told_of(visit, shadow["result"]) if shadow else None}


async def _rules_of(visit: Visit, version: int) -> Rules:
    if version < 1:
        return NOTHING
    found = await repository.find_document(visit.call.connection, visit.call.tenant, version)
    if found is None:
        raise ReleaseUnknown(str(version))
    return await asyncio.to_thread(released_rules, found["document"])


async def _active_rules(visit: Visit) -> Rules:
    call = visit.call
    documents = await repository.active_documents(call.connection, call.tenant, None)
    assets = await declared_assets(call.connection, tenant=call.tenant)
    return await asyncio.to_thread(read_with_assets, list(documents.values()), assets)


def _number(text: str) -> int:
    """A version. Raises ReleaseUnknown."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) < NUMBER_LIMIT - 1 and len(text) < 20):
        raise ReleaseUnknown(text[:40])
    return int(text)
