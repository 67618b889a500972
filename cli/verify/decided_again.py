"""I13, evidence replay: every Reserve and Commit, decided again from its own evidence, gives the stored reply.

Releases are read from `rules_release`, proven by their hash, compiled once each and kept a few at a time.
"""

from __future__ import annotations

from collections import OrderedDict

from altyn.cli.verify.pages import COMMIT, RESERVE, Entry, Page, Source
from altyn.cli.verify.report import Tally
from altyn.core.engine import CallRefused, same_decision
from altyn.core.rules.ruleset import Ruleset
from altyn.server.feeds.compiler import ReleaseRefused, compile_document

RULESETS_KEPT = 8
RELEASE = "SELECT sha256, document FROM rules_release WHERE tenant = $1 AND version = $2"


class DecidedAgain:
    def __init__(self) -> None:
        self.tally = Tally()
        self._rulesets: OrderedDict[tuple[str, int], Ruleset | None] = OrderedDict()
        self._hashes: set[tuple[str, int, bytes]] = set()

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is None or entry.record.kind not in (RESERVE, COMMIT):
                continue
            evidence = entry.record.evidence
            ruleset = await self._ruleset(source, entry.record.tenant, evidence.rules_version)
            if ruleset is None:
                continue
            seen = (entry.record.tenant, evidence.rules_version, evidence.rules_sha256)
            if seen not in self._hashes:
                self._hashes.add(seen)
                self.tally.require(
                    ruleset.sha256 == evidence.rules_sha256.hex(),
                    f"seq {entry.seq}: decided by rules {evidence.rules_version} of hash "
                    f"{evidence.rules_sha256.hex()[:12]}…, the release compiles to {ruleset.sha256[:12]}…",
                )
            self._decide(entry, ruleset)

    async def end(self, source: Source) -> None:
        pass

    def _decide(self, entry: Entry, ruleset: Ruleset) -> None:
        self.tally.checks += 1
        try:
            if not same_decision(entry.body, ruleset):
                self.tally.violate(f"seq {entry.seq}: deciding again gives other amounts than the stored reply")
        except (ValueError, CallRefused) as error:
            self.tally.violate(f"seq {entry.seq}: cannot be decided again: {error}")

    async def _ruleset(self, source: Source, tenant: str, version: int) -> Ruleset | None:
        """The release's ruleset; None, told once, when it is not to be had."""
        key = (tenant, version)
        if key in self._rulesets:
            self._rulesets.move_to_end(key)
            return self._rulesets[key]
        found = None
        self.tally.checks += 1
        row = await source.connection.fetchrow(RELEASE, tenant, version)
        if row is None:
            self.tally.violate(f"rules {version} of {tenant} decided receipts, but are not among the releases")
        else:
            try:
                found = Ruleset(compile_document(version, row["sha256"], row["document"]).image)
            except ReleaseRefused as error:
                self.tally.violate(f"rules {version} of {tenant}: {error}")
        self._rulesets[key] = found
        if len(self._rulesets) > RULESETS_KEPT:
            self._rulesets.popitem(last=False)
        return found
