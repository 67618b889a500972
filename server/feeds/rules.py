"""Releases of rules: found, compiled, held until their time, handed over.

In force is the release of the highest version whose `effective_at` has come; so a newer release also calls off older
ones that still wait. Invariants: versions handed over only grow; a release that is damaged, does not compile or names
an asset without a number is refused and reported, and what is in force stays. After a start, releases that were in
force within the life of a calculation token are handed over too, oldest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import asyncpg
import structlog

from altyn.core.facts import AssetFact
from altyn.core.rules.ruleset import Ruleset
from altyn.server.feeds.compiler import Opened, ReleaseRefused, RulesCompiler

TOKEN_LIFE_US = 15 * 60 * 1_000_000
RELEASES_LOOKED_AT_MAX = 64
FOLLOWS_UNKNOWN = -1
RELEASES_TAKEN_MAX = 8  # of one pull: with the one in force, those that tokens may still name and those that wait

NEWEST = "SELECT max(version) FROM rules_release WHERE tenant = $1"
LISTED = f"""
SELECT version, sha256, (extract(epoch FROM effective_at) * 1000000)::bigint AS effective_at_us, emergency
  FROM rules_release WHERE tenant = $1 AND version > $2 AND version <= $3
 ORDER BY version DESC LIMIT {RELEASES_LOOKED_AT_MAX}
"""

log = structlog.get_logger(__name__)


class Release(NamedTuple):
    """A compiled release, opened, that waits for its time. `sha256`: of its document.

    `follows`: the version that was in force before it, 0 when none was, FOLLOWS_UNKNOWN when some were not looked at.
    """

    version: int
    sha256: bytes
    effective_at_us: int
    emergency: bool
    ruleset: Ruleset
    follows: int = 0


OnRuleset = Callable[[Release], None]
IsReady = Callable[[Ruleset], bool]


def check_assets(assets: Mapping[str, AssetFact], opened: Opened) -> None:
    """ReleaseRefused unless every asset has a number, and the scale it has for ever."""
    for name, scale in opened.assets:
        known = assets.get(name)
        if known is None:
            raise ReleaseRefused(f"asset {name} has no number: it is not in the assets table")
        if known.scale != scale:
            raise ReleaseRefused(f"asset {name} has scale {known.scale} for ever, the release says {scale}")


class RulesFeed:
    """Follows the releases of one tenant."""

    def __init__(
        self,
        tenant: str,
        assets: Mapping[str, AssetFact],
        compiler: RulesCompiler,
        on_ruleset: OnRuleset,
        is_ready: IsReady = lambda ruleset: True,
    ) -> None:
        """A release for which `is_ready` is false waits, and what was in force before it stays."""
        self.seen_version = 0  # newest release looked at, refused ones too
        self.version = 0  # in force: handed over last
        self.sha256 = b""
        self.staged_version = 0  # newest compiled
        self.refused_version = 0
        self.refused_reason = ""
        self._tenant = tenant
        self._assets = assets
        self._compiler = compiler
        self._on_ruleset = on_ruleset
        self._is_ready = is_ready
        self._waiting: list[Release] = []  # by version

    async def newest(self, connection: asyncpg.Connection[Any]) -> int:
        """The newest version published; 0: none. Read it, then pull the facts, then `pull`: rules name assets."""
        return await connection.fetchval(NEWEST, self._tenant) or 0

    async def pull(self, connection: asyncpg.Connection[Any], newest: int, now_us: int) -> bool:
        """Compile what is newer, up to `newest`; True when there was something.

        Walks from the newest release down and stops at the first one whose predecessors nobody can ask for any more.
        """
        if newest <= self.seen_version:
            return False
        taken: list[Release] = []
        listed = await connection.fetch(LISTED, self._tenant, self.seen_version, newest)
        looked_at = 0
        for row in listed:
            looked_at += 1
            release = await self._compile(row)
            if release is None:
                continue
            taken.append(release)
            is_settled = release.effective_at_us <= now_us - TOKEN_LIFE_US and self._is_ready(release.ruleset)
            if is_settled or len(taken) == RELEASES_TAKEN_MAX:
                break
        if taken and (looked_at < len(listed) or len(listed) == RELEASES_LOOKED_AT_MAX):
            taken[-1] = taken[-1]._replace(follows=FOLLOWS_UNKNOWN)
        self.seen_version = newest
        self._waiting += reversed(taken)
        if taken:
            self.staged_version = taken[0].version
        return True

    async def _compile(self, row: asyncpg.Record) -> Release | None:
        version: int = row["version"]
        try:
            opened = await self._compiler.compile(version, row["sha256"])
            check_assets(self._assets, opened)
        except ReleaseRefused as error:
            self.refuse(version, str(error))
            return None
        log.info("rules_compiled", version=version, image_bytes=opened.ruleset.image_bytes)
        return Release(version, row["sha256"], row["effective_at_us"], row["emergency"], opened.ruleset)

    def refuse(self, version: int, reason: str) -> None:
        log.error("rules_refused", version=version, reason=reason)
        if version > self.refused_version:
            self.refused_version, self.refused_reason = version, reason

    def activate(self, now_us: int) -> None:
        """Hand over the releases that are ready and whose time has come, oldest first."""
        come = (release for release in self._waiting if release.effective_at_us <= now_us)
        due = [release for release in come if self._is_ready(release.ruleset)]
        for release in due:
            try:
                self._on_ruleset(release._replace(follows=self._predecessor(release)))
            except Exception as error:
                # Whatever is wrong with it, the rules in force stay in force.
                log.exception("rules_not_taken", version=release.version)
                self.refuse(release.version, f"the engine does not take it: {error}")
                continue
            self.version, self.sha256 = release.version, release.sha256
            log.info("rules_in_force", version=release.version)
        if due:
            self._waiting = [release for release in self._waiting if release.version > due[-1].version]

    def _predecessor(self, release: Release) -> int:
        """What was in force before it: the one handed over last, unless some in between were not looked at."""
        passed = (other for other in self._waiting if self.version < other.version <= release.version)
        return FOLLOWS_UNKNOWN if any(other.follows == FOLLOWS_UNKNOWN for other in passed) else self.version

    def next_effective_at_us(self, now_us: int) -> int | None:
        """When the time of another release comes. What waits for something else is told by whoever it waits for."""
        return min((at for at in (release.effective_at_us for release in self._waiting) if at > now_us), default=None)

    @property
    def waiting(self) -> list[Release]:
        """Compiled, and not in force yet."""
        return list(self._waiting)
