"""I11, limits: what is counted, and held to be counted, never passes a cap but as an exception that says how far.

By counter, after every record. A cap that a release made lower than what was counted lets nothing more in. I17, model:
the counters a decision read are those the journal before it comes to, less what its own hold keeps.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from altyn.cli.verify.lots import receipt_key, receipt_of
from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.report import Tally
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import reasons_pb2

Parts = Counter[bytes]
PASSED = frozenset({reasons_pb2.REASON_OVERSHOOT, reasons_pb2.REASON_NO_RECEIPT_LIMIT})


class Limits:
    """The check of counters. Its memory is the book's, and counters whose window is over."""

    def __init__(self, model: Tally) -> None:
        self.tally = Tally()
        self._model = model
        self._used: Counter[bytes] = Counter()
        self._held: Counter[bytes] = Counter()
        self._holds: dict[bytes, tuple[bytes, Parts]] = {}  # the receipt, and what is kept for it
        self._of_receipt: dict[bytes, bytes] = {}

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is not None:
                self.take_record(entry.seq, entry.record)

    async def end(self, source: Source) -> None:
        pass

    def take_record(self, seq: int, record: Any) -> None:
        """One record, after all before it."""
        effects = record.effects
        _, own = self._holds.get(self._of_receipt.get(receipt_of(record), b""), (b"", Counter()))
        before = {}
        for fact in record.evidence.counters:
            key = key_of(fact.key)
            before[key] = self._used[key] + self._held[key]
            found = self._used[key], self._held[key] - own[key]
            self._model.require(
                found == (fact.used, fact.held),
                f"seq {seq}: {fact.key.limit} was read as {fact.used} and {fact.held} held, the journal has {found}",
            )
        over: Counter[bytes] = Counter()
        for change in effects.counters:
            self._used[key_of(change.key)] += change.used
            over[key_of(change.key)] += change.overshoot
        self._hold(effects)
        for change in effects.counters:
            self.tally.checks += 1
            if self._used[key_of(change.key)] < 0:
                self.tally.violate(f"seq {seq}: {change.key.limit} is counted below nothing")
        for fact in record.evidence.counters:
            key = key_of(fact.key)
            self.tally.checks += 1
            found_now = self._used[key] + self._held[key] - over[key]
            if found_now > max(fact.cap, before[key]):
                self.tally.violate(f"seq {seq}: {fact.key.limit} comes to {found_now}, its cap is {fact.cap}")
        if over.total():
            self.tally.require(
                not PASSED.isdisjoint(record.exceptions), f"seq {seq}: a cap is passed, and nobody is told"
            )

    def _hold(self, effects: Any) -> None:
        for change in effects.holds:
            if change.state == journal.HOLD_STATE_PENDING:
                parts: Parts = Counter()
                for part in change.parts:
                    if part.HasField("counter"):
                        parts[key_of(part.counter)] += part.counted
                receipt = receipt_key(change.receipt)
                self._holds[change.hold_id] = receipt, parts
                self._of_receipt[receipt] = change.hold_id
                self._held.update(parts)
                continue
            receipt, parts = self._holds.pop(change.hold_id, (b"", Counter()))
            self._held.subtract(parts)
            if self._of_receipt.get(receipt) == change.hold_id:
                del self._of_receipt[receipt]


def key_of(key: Any) -> bytes:
    told: bytes = key.SerializeToString(deterministic=True)
    return told
