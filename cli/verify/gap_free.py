"""I4, gap-free: seqs run from 1 without gaps and every hash follows from the row before.

Epochs and instants never go back, and the columns beside a body say what the body says.
"""

from __future__ import annotations

from altyn.cli.verify.pages import Entry, Page, Source
from altyn.cli.verify.report import Tally
from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.core.ledger.keys import natural_key, receipt_key


class GapFree:
    """After a break it goes on with what the row itself says, so that one break is told once."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._seq = 0
        self._epoch = 0
        self._instant_us = 0
        self._hash = ORIGIN

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            self.tally.checks += 1
            for wrong in self._wrongs(entry):
                self.tally.violate(f"seq {entry.seq}: {wrong}")
            self._seq, self._epoch, self._instant_us, self._hash = entry.seq, entry.epoch, entry.instant_us, entry.hash

    async def end(self, source: Source) -> None:
        self.tally.require(
            self._seq == source.owner_last_seq,
            f"the journal ends at seq {self._seq}, but its owner has written up to {source.owner_last_seq}",
        )
        self.tally.require(
            self._epoch <= source.owner_epoch,
            f"the journal ends with epoch {self._epoch}, but its owner has epoch {source.owner_epoch}",
        )

    def _wrongs(self, entry: Entry) -> list[str]:
        wrongs = []
        if entry.seq != self._seq + 1:
            wrongs.append(f"stands after seq {self._seq}")
        elif entry.hash != chain_hash(self._hash, entry.seq, entry.epoch, entry.body):
            wrongs.append("its hash does not follow from the row before: one of them was altered")
        if entry.epoch < self._epoch:
            wrongs.append(f"is of epoch {entry.epoch}, after one of epoch {self._epoch}")
        if entry.instant_us < self._instant_us:
            wrongs.append("its instant is before that of the row before")
        if entry.record is None:
            wrongs.append("its body cannot be read")
        elif not agrees(entry):
            wrongs.append("its columns say other than its body")
        return wrongs


def agrees(entry: Entry) -> bool:
    """The columns are the body's. Keys of an operation about no receipt, or of a hold, are not in the body."""
    record = entry.record
    if (record.seq, record.kind, record.instant_us, record.op_id) != (
        entry.seq,
        entry.kind,
        entry.instant_us,
        entry.op_id,
    ):
        return False
    about = record.request.receipt if record.request.HasField("receipt") else record.request.cancel
    if not about.store_id:
        return True
    key = receipt_key(record.tenant, about.store_id, about.register_id, about.shift_number, about.receipt_number)
    natural = None if record.natural_key_taken else natural_key(key, record.kind, record.op_no)
    return (entry.receipt_key, entry.natural_key) == (key, natural)
