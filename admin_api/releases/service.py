"""Use cases of releases: publishing is one verb, and it is here.

Compiled first, in another process and before anything is locked; then one immutable row under the feed clock.
Invariants: what is published compiles on every server; every asset it names has a number; versions grow by one;
rolling back is publishing an older document again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from altyn.admin_api.assets.service import asset_documents, declared_assets, put_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.promotions.service import problems_of
from altyn.admin_api.releases import repository
from altyn.admin_api.releases.compiling import Compiled, Compiler
from altyn.admin_api.releases.errors import (
    EffectiveAtPast,
    PromotionNotActive,
    ReferencesUnknown,
    ReleaseInvalid,
    ReleaseOvertaken,
    ReleaseUnknown,
)
from altyn.admin_api.releases.references import dangling
from altyn.core.rules.definition import DocumentError, Rules, canonical_json, read_documents
from altyn.core.rules.promotion import Asset, Points

CLOCKS_APART_MAX = timedelta(minutes=1)
SEEN_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, or would have been; ``feed_version`` 0: nothing was."""

    version: int
    sha256: bytes
    effective_at: datetime
    promotions_count: int
    warnings: tuple[Problem, ...]
    feed_version: int


async def publish(
    call: Call,
    compiler: Compiler,
    *,
    promotion_ids: Sequence[str] | None = None,
    effective_at: datetime | None = None,
    emergency: bool = False,
    strict: bool = False,
    validate_only: bool = False,
) -> Published:
    """Publish ACTIVE promotions. Raises PromotionNotActive, ReleaseInvalid, ReferencesUnknown, EffectiveAtPast,
    ReleaseOvertaken, CompilingFailed.
    """
    effective = _effective(call.now, effective_at)
    documents = await repository.active_documents(call.connection, call.tenant, promotion_ids)
    inactive = [one for one in promotion_ids or () if one not in documents]
    if inactive:
        found = [problem(one, "NOT_ACTIVE", "this promotion is not ACTIVE") for one in inactive]
        raise PromotionNotActive("only ACTIVE promotions are published", path="promotion_ids", problems=found)
    rules = _read(await declared_assets(call.connection, tenant=call.tenant), list(documents.values()))
    new_assets = _undeclared(rules)
    warnings = [problem(asset, "ASSET_NEW", f"asset {asset} is new: scale 2, step 1") for asset in new_assets]
    warnings += await dangling(call.connection, tenant=call.tenant, rules=rules)
    if strict and len(warnings) > len(new_assets):
        raise ReferencesUnknown("rules name what the facts do not have", problems=warnings)
    named = _named_assets(rules)
    declared = [asset for asset in rules.assets if asset.asset in named]
    declared += [Asset(asset, {}) for asset in new_assets]
    declared.sort(key=lambda asset: asset.asset)
    content = canonical_json([*asset_documents(declared), *documents.values()])
    return await _release(call, compiler, content, warnings, new_assets, effective, emergency, validate_only)


async def roll_back(
    call: Call,
    compiler: Compiler,
    *,
    to_version: int,
    effective_at: datetime | None = None,
    emergency: bool = False,
    validate_only: bool = False,
) -> Published:
    """Publish an older release's document as a new version. Raises ReleaseUnknown and as ``publish``."""
    found = await repository.find_document(call.connection, call.tenant, to_version)
    if found is None:
        raise ReleaseUnknown(f"no release {to_version}", path="version")
    effective = _effective(call.now, effective_at)
    return await _release(call, compiler, found["document"], [], [], effective, emergency, validate_only, to_version)


async def _release(
    call: Call,
    compiler: Compiler,
    content: bytes,
    warnings: Sequence[Problem],
    new_assets: Sequence[str],
    effective_at: datetime,
    emergency: bool,
    validate_only: bool,
    rolled_back_to: int = 0,
) -> Published:
    version = await repository.newest_version(call.connection, call.tenant) + 1
    compiled = await compiler.compile(version, content)
    await _check(call, compiled, new_assets)
    sha256 = hashlib.sha256(content).digest()
    made = (version, sha256, effective_at, compiled.promotions_count, tuple(warnings))
    if validate_only:
        return Published(*made, feed_version=0)
    feed_version = await call.feed.advance()
    if await repository.newest_version(call.connection, call.tenant) + 1 != version:
        raise ReleaseOvertaken(f"release {version} was published meanwhile", path="version")
    for asset in new_assets:
        await put_asset(call, asset=asset, title={}, scale=2, step_points=1)
    await repository.insert_release(
        call.connection, call.tenant, version, sha256, content, effective_at, emergency, call.actor, call.now
    )
    told: dict[str, Any] = {
        "version": version,
        "sha256": sha256.hex(),
        "effective_at": effective_at.isoformat(),
        "emergency": emergency,
        "promotions_count": compiled.promotions_count,
    }
    verb = "roll_back" if rolled_back_to else "publish"
    before = {"rolled_back_to": rolled_back_to} if rolled_back_to else None
    call.record(f"releases.{verb}", "release", str(version), before=before, after=told)
    return Published(*made, feed_version=feed_version)


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
