"""The book rebuilt from the journal's first record on, and whoever wants to look at it on the way.

I19, rebuild: every snapshot holds what the journal gives at its seq, and the newest one with the records after it gives
the same state at the end. I15, holds end: when the journal ends, no hold is pending that should have expired.
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.report import Tally
from altyn.core.engine import Engine, replay
from altyn.core.facts import Facts
from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotDamaged, SnapshotHead, load_snapshot
from altyn.core.ledger.view import read_due_hold
from altyn.infra.zones import ensure_zone

ZONE = "UTC"
NO_KEY = bytes(16)
HOLD_PATIENCE_US = 5_000_000


def empty_engine(tenant: str) -> Engine:
    """Fit to apply records, never to decide: it knows no fact and no rule."""
    facts = Facts()
    ensure_zone(facts.zones, ZONE)
    return Engine(tenant=tenant, facts=facts, zone=ZONE, token_key=NO_KEY, pepper=NO_KEY)


class Rebuilt:
    """`engine` is None before the first record. `broken` tells why the rest could not be applied; empty: all were."""

    def __init__(self, snapshots: Path | None) -> None:
        self.rebuild = Tally()
        self.holds = Tally()
        self.remarks: list[str] = []
        self.engine: Engine | None = None
        self.accounts: set[int] = set()
        self.broken = ""
        self.last_hash = b""
        # Listed before the journal is: what they hold is in the journal then.
        self._snapshots = sorted(snapshots.glob("*.snapshot"), reverse=True) if snapshots else []
        self._follower: Engine | None = None
        self._at: defaultdict[int, list[Callable[[Engine], None]]] = defaultdict(list)

    def at(self, seq: int, look: Callable[[Engine], None]) -> None:
        """Have `look` called with the engine right after the record `seq`."""
        self._at[seq].append(look)

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if self.broken:
                return
            try:
                self.apply(entry.seq, entry.body, entry.record.tenant if entry.record is not None else "")
            except ValueError as error:
                self.broken = f"seq {entry.seq} cannot be applied: {error}"
                return
            assert self.engine is not None
            self.last_hash = entry.hash
            for booked in entry.record.effects.entries if entry.record is not None else ():
                self.accounts.update(posting.account_id for posting in booked.postings if posting.account_id > 0)
            for look in self._at.pop(entry.seq, ()):
                look(self.engine)

    def apply(self, seq: int, body: bytes, tenant: str) -> None:
        """ValueError: the record does not go on where the book stands, or the book refuses it."""
        if self.engine is None:
            self.engine = empty_engine(tenant)
            self._load_snapshots(tenant)
        replay(self.engine, seq, body)
        if self._follower is not None and seq == self._follower.last_seq + 1:
            replay(self._follower, seq, body)

    async def end(self, source: Source) -> None:
        self.rebuild.require(not self.broken, self.broken)
        if self.engine is None or self.broken:
            return
        for seq in self._at:
            self.rebuild.require(
                False, f"something was kept as of seq {seq}, but the journal ends at {self.engine.last_seq}"
            )
        if self._follower is not None:
            self.rebuild.require(
                self._follower.last_seq == self.engine.last_seq
                and state_digest(self._follower.book) == state_digest(self.engine.book),
                f"the newest snapshot and the records after it give another state at seq {self.engine.last_seq}",
            )
        self._end_holds(self.engine, source)

    def _end_holds(self, engine: Engine, source: Source) -> None:
        self.holds.checks += max(engine.book.holds_count, 1)
        late_us = engine.last_instant_us - HOLD_PATIENCE_US
        late = read_due_hold(engine.book, late_us)
        if late is None:
            return
        overdue_s = (engine.last_instant_us - late["expires_at_us"]) // 1_000_000
        told = f"hold {late['hold_id'].hex()} was due {overdue_s} s ago"
        if source.owner_since_us > late_us:
            self.remarks.append(f"{told}; the server has only just come back")
        else:
            self.holds.violate(f"{told} and is still pending")

    # SNAPSHOTS

    def _load_snapshots(self, tenant: str) -> None:
        """Each is compared when its seq is reached; the newest sound one is followed to the end."""
        for path in self._snapshots:
            try:
                head, book, operations = load_file(path)
            except FileNotFoundError:
                continue  # a newer one has replaced it meanwhile
            except (SnapshotDamaged, OSError) as error:
                self.rebuild.require(False, f"{path.name}: {error}")
                continue
            self.at(head.seq, partial(self._compare, path.name, head, state_digest(book)))
            if self._follower is None:
                self._follower = empty_engine(tenant)
                self._follower.restore(book, operations, head.seq, head.instant_us)

    def _compare(self, name: str, head: SnapshotHead, digest: bytes, engine: Engine) -> None:
        self.rebuild.require(
            head.chain_hash == self.last_hash and digest == state_digest(engine.book),
            f"{name} is not the state at seq {head.seq}",
        )


def load_file(path: Path) -> tuple[SnapshotHead, Book, Operations]:
    """SnapshotDamaged, OSError."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise SnapshotDamaged("the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return load_snapshot(data)
