"""The lots again, in plain Python and nothing of the core: what points there are, in which lots, held for whom.

I7, conservation: of every asset, what the programme gave, took, let expire, changed by hand or converted is what lots
and debts come to. I8, no overdraft: no lot is held beyond what is in it, and a debt only grows by what took points
back, by a merge, or with an exception that says so. I9, lots: 0 ≤ remaining ≤ initial after every record; nothing is
spent of a lot that was over, or not begun, when it was picked; lots are used in their order (semantics §6.8); only what
is over expires. I17, model: balances a decision read are those the journal before it comes to; in the end every lot is
the book's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.cli.verify.report import Tally
from altyn.core.ledger.view import read_lots
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import reasons_pb2

NEVER_US = 1 << 63
USES = (journal.ENTRY_KIND_REDEMPTION, journal.ENTRY_KIND_SPEND)
OWING = (journal.ENTRY_KIND_CLAWBACK, journal.ENTRY_KIND_TRANSFER)
EXPIRY = journal.ENTRY_KIND_EXPIRY
PENDING, EXPIRED = journal.HOLD_STATE_PENDING, journal.HOLD_STATE_EXPIRED

Place = tuple[int, int]  # asset_no, lot_id; lot 0 is a debt


class Lot:
    __slots__ = ("active_from_us", "expires_at_us", "held", "initial", "remaining")

    def __init__(self, initial: int = 0, active_from_us: int = 0, expires_at_us: int = 0) -> None:
        self.initial, self.remaining, self.held = initial, 0, 0
        self.active_from_us, self.expires_at_us = active_from_us, expires_at_us

    def is_good(self, instant_us: int) -> bool:
        return self.active_from_us <= instant_us < (self.expires_at_us or NEVER_US)


class Held:
    """A hold's points, by account, asset and lot."""

    __slots__ = ("account_id", "instant_us", "is_pending", "parts", "receipt")

    def __init__(self, change: Any, instant_us: int) -> None:
        self.account_id, self.instant_us, self.is_pending = change.account_id, instant_us, True
        self.receipt = receipt_key(change.receipt)
        self.parts: dict[tuple[int, int, int], int] = defaultdict(int)
        for part in change.parts:
            if part.points:
                self.parts[part.account_id or change.account_id, part.asset_no, part.lot_id] += part.points

    def own(self, asset_no: int) -> int:
        of = self.account_id, asset_no
        return sum(points for (owner, asset, _), points in self.parts.items() if (owner, asset) == of)


class Lots:
    """The check of points and money in lots. Its memory is the book's."""

    def __init__(self, rebuilt: Rebuilt) -> None:
        self.conserved, self.overdrafts, self.lots, self.model = Tally(), Tally(), Tally(), Tally()
        self._rebuilt = rebuilt
        self._accounts: defaultdict[int, dict[Place, Lot]] = defaultdict(dict)
        self._totals: defaultdict[int, int] = defaultdict(int)
        self._leads: dict[int, int] = {}
        self._holds: dict[bytes, Held] = {}
        self._of_receipt: dict[bytes, bytes] = {}

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is not None:
                self.take_record(entry.seq, entry.record)

    async def end(self, source: Source) -> None:
        for asset_no, points in self._totals.items():
            held = sum(
                lot.remaining for lots in self._accounts.values() for (of, _), lot in lots.items() if of == asset_no
            )
            self.conserved.require(
                held == -points, f"asset {asset_no}: {held} on accounts, and the programme's own come to {points}"
            )
        engine = self._rebuilt.engine
        if engine is None or self._rebuilt.broken:
            return
        for account_id, lots in self._accounts.items():
            mine = {(*place, lot.initial, lot.remaining, lot.held) for place, lot in lots.items() if lot.remaining}
            # (lot_id, asset_no, initial, remaining, held, …); a debt began with nothing.
            book = {
                (row[1], row[0], row[2] if row[0] else 0, row[3], row[4])
                for row in read_lots(engine.book, account_id)
                if row[3]
            }
            self.model.require(mine == book, f"account {account_id}: the book's lots are not those of the journal")

    def take_record(self, seq: int, record: Any) -> None:
        """One record, after all before it."""
        instant_us, effects, told = record.instant_us, record.effects, f"seq {seq}"
        self._compare_balances(told, record)
        former = self._of_receipt.get(receipt_of(record))
        opened = {(lot.account_id, lot.asset_no, lot.lot_id) for lot in effects.lots}
        for lot in effects.lots:
            self._accounts[lot.account_id][lot.asset_no, lot.lot_id] = Lot(
                lot.points, lot.active_from_us, lot.expires_at_us
            )
        picked = self._picks(effects)
        for wrong in [*self._post(record, picked), *self._hold(effects, instant_us)]:
            self.lots.violate(f"{told}: {wrong}")
        touched = {key for held in picked.values() for key in held} | opened
        touched |= {key for one in effects.holds if one.state == PENDING for key in self._holds[one.hold_id].parts}
        touched |= {(one.account_id, one.asset_no, one.lot_id) for of in effects.entries for one in of.postings}
        for key in touched:
            if key[0] > 0:
                self._check_lot(told, key)
        if former is None:
            self._check_order(told, effects, instant_us, opened)
        for booked in effects.entries if effects.entries and effects.entries[0].kind == EXPIRY else ():
            for one in booked.postings:
                self._close(one)
        for lot in effects.lots:
            if lot.from_account_id:
                self._accounts[lot.from_account_id].pop((lot.asset_no, lot.from_lot_id), None)
        if effects.HasField("forward"):
            self._forward(effects.forward)

    # READ

    def _compare_balances(self, told: str, record: Any) -> None:
        """What a decision may spend: active points, and what a hold keeps or kept for its receipt."""
        account_id = record.evidence.customer.account_id
        held = self._holds.get(self._of_receipt.get(receipt_of(record), b""))
        for fact in record.evidence.balances:
            found = sum(
                lot.remaining - lot.held
                for (asset_no, lot_id), lot in self._accounts.get(account_id, {}).items()
                if asset_no == fact.asset_no and lot_id and lot.is_good(record.instant_us)
            )
            if held is not None and self._led(held.account_id) == account_id:
                found += held.own(fact.asset_no)
            self.model.require(
                found == fact.active_points,
                f"{told}: {fact.active_points} points of asset {fact.asset_no} were read, the journal has {found}",
            )

    # WRITE

    def _picks(self, effects: Any) -> dict[bytes, dict[tuple[int, int, int], int]]:
        """What was picked earlier and is used now, by hold."""
        posted = [change.hold_id for change in effects.holds if change.state == journal.HOLD_STATE_POSTED]
        return {hold_id: dict(self._holds[hold_id].parts) for hold_id in posted if hold_id in self._holds}

    def _post(self, record: Any, picked: dict[bytes, dict[tuple[int, int, int], int]]) -> Iterator[str]:
        kept_since = {key: self._holds[hold_id].instant_us for hold_id, held in picked.items() for key in held}
        for booked in record.effects.entries:
            for posting in booked.postings:
                if posting.account_id < 0:
                    self._totals[posting.asset_no] += posting.points
                    continue
                key = (posting.account_id, posting.asset_no, posting.lot_id)
                lot = self._accounts[key[0]].get(key[1:])
                if lot is None:
                    lot = self._accounts[key[0]][key[1:]] = Lot()
                    if posting.lot_id:
                        yield f"lot {posting.lot_id} was never opened"
                lot.remaining += posting.points
                if not posting.lot_id or posting.points > 0:
                    self._owe(record, booked.kind, posting)
                    continue
                self.lots.checks += 1
                if booked.kind in USES and not lot.is_good(kept_since.get(key, record.instant_us)):
                    yield f"lot {posting.lot_id} was over or not begun when it was used"
                if booked.kind == EXPIRY and not 0 < lot.expires_at_us <= record.instant_us:
                    yield f"lot {posting.lot_id} expires before its time"

    def _owe(self, record: Any, kind: int, posting: Any) -> None:
        if posting.lot_id == 0 and posting.points < 0:
            self.overdrafts.require(
                kind in OWING or reasons_pb2.REASON_DEBT_BOOKED in record.exceptions,
                f"seq {record.seq}: account {posting.account_id} owes {-posting.points} more, and nobody is told",
            )

    def _hold(self, effects: Any, instant_us: int) -> Iterator[str]:
        for change in effects.holds:
            if change.state == PENDING:
                held = self._holds[change.hold_id] = Held(change, instant_us)
                # One that ran out is forgotten when the receipt has another.
                former = self._of_receipt.get(held.receipt)
                if former is not None and not self._holds[former].is_pending:
                    del self._holds[former]
                self._of_receipt[held.receipt] = change.hold_id
                self._keep(held, 1)
                continue
            ended = self._holds.get(change.hold_id)
            if ended is None:
                yield f"hold {change.hold_id.hex()} ends, and never began"
                continue
            if ended.is_pending:
                self._keep(ended, -1)
                ended.is_pending = False
            if change.state != EXPIRED:
                del self._holds[change.hold_id]
                if self._of_receipt.get(ended.receipt) == change.hold_id:
                    del self._of_receipt[ended.receipt]

    def _close(self, posting: Any) -> None:
        """An expiry that leaves nothing ends the lot."""
        lot = self._accounts.get(posting.account_id, {}).get((posting.asset_no, posting.lot_id))
        if lot is not None and lot.remaining == 0:
            del self._accounts[posting.account_id][posting.asset_no, posting.lot_id]

    def _keep(self, held: Held, times: int) -> None:
        for (account_id, asset_no, lot_id), points in held.parts.items():
            lot = self._accounts[account_id].get((asset_no, lot_id))
            if lot is not None:
                lot.held += times * points

    def _forward(self, forward: Any) -> None:
        for led, to in self._leads.items():
            if to == forward.account_id:
                self._leads[led] = forward.to_account_id
        self._leads[forward.account_id] = forward.to_account_id

    def _led(self, account_id: int) -> int:
        return self._leads.get(account_id, account_id)

    # CHECK

    def _check_lot(self, told: str, key: tuple[int, int, int]) -> None:
        lot = self._accounts[key[0]].get(key[1:])
        if lot is None:
            return
        if key[2] == 0:
            self.overdrafts.require(lot.remaining <= 0, f"{told}: account {key[0]} owes {-lot.remaining}")
            return
        self.lots.checks += 1
        if not 0 <= lot.remaining <= lot.initial:
            self.lots.violate(f"{told}: {lot.remaining} are left of lot {key[2]} of {lot.initial}")
        self.overdrafts.checks += 1
        if not 0 <= lot.held <= lot.remaining:
            self.overdrafts.violate(f"{told}: {lot.held} are held of lot {key[2]}, which has {lot.remaining}")

    def _check_order(self, told: str, effects: Any, instant_us: int, opened: set[tuple[int, int, int]]) -> None:
        """What was picked now leaves nothing free in a lot that comes before the last one of it."""
        last: dict[tuple[int, int], tuple[int, int, int]] = {}
        posted = any(change.state == journal.HOLD_STATE_POSTED for change in effects.holds)
        keys = [key for change in effects.holds if change.state == PENDING for key in Held(change, 0).parts]
        for booked in effects.entries if not posted else ():
            keys += [
                (one.account_id, one.asset_no, one.lot_id)
                for one in booked.postings
                if booked.kind in USES and one.account_id > 0 and one.lot_id and one.points < 0
            ]
        for account_id, asset_no, lot_id in keys:
            lot = self._accounts[account_id].get((asset_no, lot_id))
            if lot is not None:
                of = (account_id, asset_no)
                last[of] = max(last.get(of, (0, 0, 0)), order_of(lot_id, lot))
        for (account_id, asset_no), until in last.items():
            self.lots.require(
                not any(
                    of == asset_no
                    and lot_id
                    and order_of(lot_id, lot) < until
                    and lot.is_good(instant_us)
                    and lot.remaining > lot.held
                    and (account_id, of, lot_id) not in opened
                    for (of, lot_id), lot in self._accounts[account_id].items()
                ),
                f"{told}: points of account {account_id} are not used in the order of its lots",
            )


def order_of(lot_id: int, lot: Lot) -> tuple[int, int, int]:
    """By when it ends, then by when it began."""
    return lot.expires_at_us or NEVER_US, lot.active_from_us, lot_id


def receipt_key(receipt: Any) -> bytes:
    key: bytes = receipt.SerializeToString(deterministic=True)
    return key


def receipt_of(record: Any) -> bytes:
    """Of a record about a receipt; empty: it is about none."""
    about = record.request.receipt if record.request.HasField("receipt") else record.request.cancel
    if not about.store_id:
        return b""
    return receipt_key(
        journal.ReceiptKey(
            store_id=about.store_id,
            register_id=about.register_id,
            shift_number=about.shift_number,
            receipt_number=about.receipt_number,
        )
    )
