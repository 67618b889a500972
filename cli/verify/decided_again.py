"""I13, evidence replay: every Reserve and Commit, decided again from its own evidence, gives the stored reply.
Of a return, what promotions with READJUDICATE lost by it comes out the same again.

Releases are read from `rules_release`, proven by their hash, compiled once each and kept a few at a time. Evidence
names the rules twice: by their document, which must be the released one, and by the image compiled from it. An image
that today's compiler makes otherwise is no violation while the document agrees and so does every decision: it is
counted.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from altyn.cli.verify.pages import COMMIT, RESERVE, Entry, Page, Source
from altyn.cli.verify.report import Tally
from altyn.core.engine import CallRefused, same_decision, same_taking
from altyn.core.rules.ruleset import Ruleset
from altyn.server.feeds.compiler import ReleaseRefused, compile_document

RELEASES_KEPT = 8
RELEASE = "SELECT sha256, document FROM rules_release WHERE tenant = $1 AND version = $2"


class Released(NamedTuple):
    """A release as today's compiler has it."""

    document_sha256: bytes
    ruleset: Ruleset


class DecidedAgain:
    def __init__(self) -> None:
        self.tally = Tally()
        self.remarks: list[str] = []
        self._releases: OrderedDict[tuple[str, int], Released | None] = OrderedDict()
        self._hashes: set[tuple[str, int, bytes, bytes]] = set()
        self._recompiled_count = 0

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is None:
                continue
            if entry.record.effects.returned.HasField("readjudicated"):
                await self._take_return(entry, source)
            if entry.record.kind not in (RESERVE, COMMIT):
                continue
            evidence = entry.record.evidence
            released = await self._released(source, entry.record.tenant, evidence.rules_version)
            if released is None:
                continue
            seen = (
                entry.record.tenant,
                evidence.rules_version,
                evidence.rules_sha256,
                evidence.document_sha256,
            )
            if seen not in self._hashes:
                self._hashes.add(seen)
                self._prove_rules(entry.seq, evidence, released)
            if self._decide(entry, released.ruleset) and evidence.rules_sha256.hex() != released.ruleset.sha256:
                self._recompiled_count += 1

    async def _take_return(self, entry: Entry, source: Source) -> None:
        assert entry.record is not None
        released = await self._released(source, entry.record.tenant, entry.record.evidence.rules_version)
        if released is None:
            return
        self.tally.checks += 1
        try:
            if not same_taking(entry.body, released.ruleset):
                self.tally.violate(f"seq {entry.seq}: deciding the return again takes something else back")
        except (ValueError, CallRefused) as error:
            self.tally.violate(f"seq {entry.seq}: the return cannot be decided again: {error}")

    async def end(self, source: Source) -> None:
        if self._recompiled_count:
            self.remarks.append(
                f"{self._recompiled_count} receipts were decided by images that another compiler made of the released "
                "documents, and are decided the same again"
            )

    def _prove_rules(self, seq: int, evidence: Any, released: Released) -> None:
        """Evidence names the release that is there. Without a document's hash only the image tells."""
        if evidence.document_sha256:
            self.tally.require(
                evidence.document_sha256 == released.document_sha256,
                f"seq {seq}: decided by rules {evidence.rules_version} of a document "
                f"{short(evidence.document_sha256)}, the release is {short(released.document_sha256)}",
            )
        else:
            image = bytes.fromhex(released.ruleset.sha256)
            self.tally.require(
                evidence.rules_sha256 == image,
                f"seq {seq}: decided by rules {evidence.rules_version} of an image {short(evidence.rules_sha256)}, "
                f"the release compiles to {short(image)}",
            )

    def _decide(self, entry: Entry, ruleset: Ruleset) -> bool:
        self.tally.checks += 1
        try:
            if same_decision(entry.body, ruleset):
                return True
            self.tally.violate(f"seq {entry.seq}: deciding again gives other amounts than the stored reply")
        except (ValueError, CallRefused) as error:
            self.tally.violate(f"seq {entry.seq}: cannot be decided again: {error}")
        return False

    async def _released(self, source: Source, tenant: str, version: int) -> Released | None:
        """The release; None, told once, when it is not to be had."""
        key = (tenant, version)
        if key in self._releases:
            self._releases.move_to_end(key)
            return self._releases[key]
        found = None
        self.tally.checks += 1
        row = await source.connection.fetchrow(RELEASE, tenant, version)
        if row is None:
            self.tally.violate(f"rules {version} of {tenant} decided receipts, but are not among the releases")
        else:
            try:
                image = compile_document(version, row["sha256"], row["document"]).image
                found = Released(row["sha256"], Ruleset(image))
            except ReleaseRefused as error:
                self.tally.violate(f"rules {version} of {tenant}: {error}")
        self._releases[key] = found
        if len(self._releases) > RELEASES_KEPT:
            self._releases.popitem(last=False)
        return found


def short(sha256: bytes) -> str:
    return f"{sha256.hex()[:12]}…"
