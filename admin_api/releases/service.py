"""Use cases of releases: publishing is one verb, and it is here.

Compiled first, in another process and before anything is locked; then immutable rows under the feed clock.
Invariants: what is published compiles on every server; every asset it names has a number; versions grow by one;
rolling back is publishing an older document again. Since a newer release calls off older ones that wait, whatever is
published comes with the later releases anew: what is scheduled stays scheduled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from altyn.admin_api.assets.service import asset_documents, declared_assets, put_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.promotions.service import Document, id_of, problems_of, promotion_to_change, store
from altyn.admin_api.releases import repository
from altyn.admin_api.releases.compiling import Compiled, Compiler
from altyn.admin_api.releases.errors import (
    EffectiveAtPast,
    PromotionNotActive,
    ReferencesUnknown,
    ReleaseInvalid,
    ReleaseOvertaken,
    ReleaseUnknown,
    ScheduleFull,
)
from altyn.admin_api.releases.references import dangling
from altyn.core.rules.definition import DocumentError, Rules, canonical_json, load_documents, read_documents
from altyn.core.rules.promotion import Asset, Points

CLOCKS_APART_MAX = timedelta(minutes=1)
SEEN_WITHIN = timedelta(seconds=30)
LATER_MAX = 5  # a server takes eight of one look


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, or would have been; ``feed_version`` 0: nothing was."""

    version: int
    sha256: bytes
    effective_at: datetime
    promotions_count: int
    warnings: tuple[Problem, ...]
    feed_version: int


@dataclass(frozen=True, slots=True)
class Step:
    """One release to be made: its bytes, and when it comes into force."""

    content: bytes
    effective_at: datetime
    warnings: tuple[Problem, ...] = ()
    new_assets: tuple[str, ...] = ()


async def publish(
    call: Call,
    compiler: Compiler,
    *,
    promotion_ids: Sequence[str] | None = None,
    effective_at: datetime | None = None,
    emergency: bool = False,
    strict: bool = False,
    validate_only: bool = False,
    check: Callable[[Step], Awaitable[None]] | None = None,
) -> Published:
    """Publish the released promotions, and what is scheduled at its time. ``check`` looks at the first release once it
    has compiled. Raises PromotionNotActive, ReleaseInvalid, ReferencesUnknown, EffectiveAtPast, ReleaseOvertaken,
    CompilingFailed.
    """
    effective = _effective(call.now, effective_at)
    documents = await repository.active_documents(call.connection, call.tenant, promotion_ids)
    inactive = [one for one in promotion_ids or () if one not in documents]
    if inactive:
        found = [problem(one, "NOT_ACTIVE", "this promotion is not ACTIVE") for one in inactive]
        raise PromotionNotActive("only ACTIVE promotions are published", path="promotion_ids", problems=found)
    scheduled = await repository.scheduled(call.connection, call.tenant)
    steps = []
    for moment in sorted({effective} | {row["effective_at"] for row in scheduled if row["effective_at"] > effective}):
        documents |= {row["promotion_id"]: row["document"] for row in scheduled if row["effective_at"] <= moment}
        steps.append(await step_of(call, documents, moment, strict=strict))
    return await release(call, compiler, steps, emergency=emergency, validate_only=validate_only, check=check)


async def change_in_force(
    call: Call,
    compiler: Compiler,
    *,
    edit: Callable[[dict[str, Document]], None],
    effective_at: datetime | None = None,
    emergency: bool = False,
) -> Published:
    """Change what is in force at a moment and from then on, and nothing else. ``edit`` changes documents by id. Raises
    as ``publish``.
    """
    effective = _effective(call.now, effective_at)
    later = await repository.later_moments(call.connection, call.tenant, effective)
    if effective_at is not None and len(later) >= LATER_MAX:
        raise ScheduleFull(f"{len(later)} releases wait already; at most {LATER_MAX}", path="effective_at")
    steps = []
    for moment in (effective, *later):
        documents = await documents_at(call, moment)
        edit(documents)
        steps.append(await step_of(call, documents, moment))
    return await release(call, compiler, steps, emergency=emergency, validate_only=False)


async def documents_at(call: Call, moment: datetime) -> dict[str, Document]:
    """Documents of the release in force at a moment, by id; assets are left out."""
    version = await repository.version_in_force(call.connection, call.tenant, moment)
    found = await repository.find_document(call.connection, call.tenant, version) if version else None
    if found is None:
        return {}
    documents = load_documents(found["document"].decode(), bytes_max=len(found["document"]))
    return {id_of(one): one for one in documents if "asset" not in one}


async def step_of(
    call: Call, documents: Mapping[str, Document], effective_at: datetime, *, strict: bool = False
) -> Step:
    """A release of these documents, with the assets they name. Raises ReleaseInvalid, ReferencesUnknown."""
    ordered = [documents[one] for one in sorted(documents)]
    rules = _read(await declared_assets(call.connection, tenant=call.tenant), ordered)
    new_assets = _undeclared(rules)
    warnings = [problem(asset, "ASSET_NEW", f"asset {asset} is new: scale 2, step 1") for asset in new_assets]
    warnings += await dangling(call.connection, tenant=call.tenant, rules=rules)
    if strict and len(warnings) > len(new_assets):
        raise ReferencesUnknown("rules name what the facts do not have", problems=warnings)
    named = _named_assets(rules)
    declared = [asset for asset in rules.assets if asset.asset in named]
    declared += [Asset(asset, {}) for asset in new_assets]
    declared.sort(key=lambda asset: asset.asset)
    content = canonical_json([*asset_documents(declared), *ordered])
    return Step(content, effective_at, tuple(warnings), tuple(new_assets))


async def roll_back(
    call: Call,
    compiler: Compiler,
    *,
    to_version: int,
    effective_at: datetime | None = None,
    emergency: bool = False,
    validate_only: bool = False,
) -> Published:
    """Publish an older release's document as a new version; what would come into force later is taken off the schedule.
    Raises ReleaseUnknown and as ``publish``.
    """
    found = await repository.find_document(call.connection, call.tenant, to_version)
    if found is None:
        raise ReleaseUnknown(f"no release {to_version}", path="version")
    effective = _effective(call.now, effective_at)
    warnings = []
    for row in await repository.scheduled(call.connection, call.tenant):
        if row["effective_at"] > effective:
            warnings.append(problem(row["promotion_id"], "SCHEDULE_DROPPED", "it is APPROVED again: publish it anew"))
            if not validate_only:
                before = await promotion_to_change(call, promotion_id=row["promotion_id"])
                await store(call, before, document=before["document"], state="APPROVED", verb="unschedule")
    step = Step(found["document"], effective, tuple(warnings))
    return await release(
        call, compiler, [step], emergency=emergency, validate_only=validate_only, rolled_back_to=to_version
    )


async def release(
    call: Call,
    compiler: Compiler,
    steps: Sequence[Step],
    *,
    emergency: bool,
    validate_only: bool,
    rolled_back_to: int = 0,
    check: Callable[[Step], Awaitable[None]] | None = None,
) -> Published:
    """Compile and publish releases that follow one another; what is told, and an emergency, is of the first one."""
    first = await repository.newest_version(call.connection, call.tenant) + 1
    compiled = []
    for version, step in enumerate(steps, first):
        found = await compiler.compile(version, step.content)
        await _check(call, found, step.new_assets)
        compiled.append(found)
    if check is not None:
        await check(steps[0])
    made = (
        first,
        hashlib.sha256(steps[0].content).digest(),
        steps[0].effective_at,
        compiled[0].promotions_count,
        steps[0].warnings,
    )
    if validate_only:
        return Published(*made, feed_version=0)
    feed_version = await call.feed.advance()
    if await repository.newest_version(call.connection, call.tenant) + 1 != first:
        raise ReleaseOvertaken(f"release {first} was published meanwhile", path="version")
    for asset in sorted({asset for step in steps for asset in step.new_assets}):
        await put_asset(call, asset=asset, title={}, scale=2, step_points=1)
    for version, (step, found) in enumerate(zip(steps, compiled, strict=True), first):
        await _insert(call, version, step, found, emergency and version == first, rolled_back_to)
    return Published(*made, feed_version=feed_version)


async def _insert(
    call: Call, version: int, step: Step, compiled: Compiled, emergency: bool, rolled_back_to: int
) -> None:
    sha256 = hashlib.sha256(step.content).digest()
    await repository.insert_release(
        call.connection,
        call.tenant,
        version,
        sha256,
        step.content,
        step.effective_at,
        emergency,
        call.actor,
        call.now,
    )
    told: dict[str, Any] = {
        "version": version,
        "sha256": sha256.hex(),
        "effective_at": step.effective_at.isoformat(),
        "emergency": emergency,
        "promotions_count": compiled.promotions_count,
    }
    verb = "roll_back" if rolled_back_to else "publish"
    before = {"rolled_back_to": rolled_back_to} if rolled_back_to else None
    call.record(f"releases.{verb}", "release", str(version), before=before, after=told)


def _effective(now: datetime, effective_at: datetime | None) -> datetime:
    if effective_at is None:
        return now
    if effective_at < now - CLOCKS_APART_MAX:
        raise EffectiveAtPast(f"{effective_at.isoformat()} has passed", path="effective_at")
    return max(effective_at, now)


def _read(assets: Sequence[Asset], documents: Sequence[dict[str, Any]]) -> Rules:
    try:
        return read_documents([*asset_documents(assets), *documents])
    except DocumentError as error:
        raise _invalid(problems_of(error)) from None


def _named_assets(rules: Rules) -> set[str]:
    earned = {reward.asset for one in rules.promotions for reward in one.rewards if isinstance(reward, Points)}
    return earned | {payment.asset for limit in rules.limits for payment in limit.payment}


def _undeclared(rules: Rules) -> list[str]:
    """Assets that rules name and nobody has declared."""
    return sorted(_named_assets(rules) - {asset.asset for asset in rules.assets})


async def _check(call: Call, compiled: Compiled, new_assets: Sequence[str]) -> None:
    """What every server checks before it takes a release."""
    if compiled.problems:
        raise _invalid(compiled.problems)
    declared = {asset.asset: asset.scale for asset in await declared_assets(call.connection, tenant=call.tenant)}
    declared |= dict.fromkeys(new_assets, 2)
    wrong = [
        problem(asset, "ASSET_DIFFERS", f"the release says scale {scale}, the facts {declared.get(asset, 'nothing')}")
        for asset, scale in compiled.assets
        if declared.get(asset) != scale
    ]
    if wrong:
        raise _invalid(wrong)


def _invalid(problems: Sequence[Problem]) -> ReleaseInvalid:
    return ReleaseInvalid("the documents cannot be released", path=problems[0]["path"], problems=problems)
