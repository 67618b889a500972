"""Random operations made on the book and on its model alike. Every choice comes from the seed."""

from __future__ import annotations

import random
from typing import TypeAlias

from altyn.core.ledger.book import Book
from altyn.core.ledger.view import (
    apply_effects,
    read_balances,
    read_hold,
    read_leads_to,
    read_lots,
    read_pick,
    read_totals,
)
from tests.core.ledger.model import (
    ACCRUAL,
    CLAWBACK,
    CONVERSION,
    CONVERTED,
    EXPIRED,
    EXPIRED_POINTS,
    EXPIRY,
    ISSUED,
    PENDING,
    POSTED,
    REDEEMED,
    REDEMPTION,
    RESTORE,
    TRANSFER,
    VOIDED,
    ModelBook,
)

Entry: TypeAlias = tuple[int, list[tuple[int, int, int, int]]]


class Walk:
    """One seeded walk: `step` makes one operation that is valid by the model and does it on both."""

    def __init__(self, seed: int, *, accounts: int = 12, assets: int = 3) -> None:
        self.random = random.Random(seed)
        self.book = Book()
        self.model = ModelBook()
        self.accounts = accounts
        self.assets = assets
        self.instant = 1_000
        self.seq = 0

    def apply(self, entries: list[Entry]) -> None:
        apply_effects(self.book, self.instant, entries=entries)
        for kind, postings in entries:
            for posting in postings:
                self.model.post(kind, *posting)

    def step(self) -> None:
        self.seq += 1
        self.instant += self.random.randrange(20)
        account = self.model.leads_to(self.random.randrange(1, self.accounts + 1))
        asset = self.random.randrange(self.assets)
        steps = [
            self.accrue,
            self.accrue,
            self.redeem,
            self.restore,
            self.reserve,
            self.end,
            self.expire,
            self.claw_back,
            self.move,
            self.convert,
        ]
        if self.random.random() < 0.02:
            self.merge(account)
        self.random.choice(steps)(self.model.leads_to(account), asset)

    def accrue(self, account: int, asset: int) -> None:
        points = self.random.randrange(1, 500)
        active = self.instant + self.random.choice([0, 0, 50])
        expires = self.random.choice([0, self.instant + 60, self.instant + self.random.randrange(1, 400)])
        lot = (self.seq * 256, account, asset, points, active, expires)
        entry: Entry = (ACCRUAL, [(account, asset, points, lot[0]), (ISSUED, asset, -points, 0)])
        apply_effects(self.book, self.instant, lots=[lot], entries=[entry])
        self.model.open_lot(*lot)
        for posting in entry[1]:
            self.model.post(ACCRUAL, *posting)

    def merge(self, account: int) -> None:
        """All lots whole, under their ids where the other has none of that id."""
        to = self.model.leads_to(self.random.randrange(1, self.accounts + 1))
        moved = {key: lot for key, lot in self.model.lots.items() if key[0] == account}
        if to == account or any(lot.held for lot in moved.values()):
            return
        lots, entries = [], []
        for n, ((_, asset, lot_id), lot) in enumerate(moved.items()):
            new_id = lot_id if (to, asset, lot_id) not in self.model.lots or not lot_id else self.seq * 256 + 100 + n
            if lot_id:
                lots.append((new_id, to, asset, lot.initial, lot.active_from, lot.expires_at))
            if lot.remaining:
                postings = [(account, asset, -lot.remaining, lot_id), (to, asset, lot.remaining, new_id)]
                entries.append((TRANSFER, postings))
        closed = [key for key in moved if key[2]]
        apply_effects(self.book, self.instant, lots=lots, entries=entries, closed=closed, forward=(account, to))
        for opened in lots:
            self.model.open_lot(*opened)
        for kind, postings in entries:
            for posting in postings:
                self.model.post(kind, *posting)
        for key in closed:
            assert self.model.lots.pop(key).remaining == 0
        self.model.forward(account, to)

    def move(self, account: int, asset: int) -> None:
        """Active points go over in parts of lots, which keep when they end."""
        to = self.model.leads_to(self.random.randrange(1, self.accounts + 1))
        if to == account:
            return
        for n, (_, points, lot_id) in enumerate(
            self.model.pick(account, asset, self.random.randrange(1, 400), self.instant)
        ):
            lot = self.model.lots[account, asset, lot_id]
            new_id = self.seq * 256 + n
            opened = (new_id, to, asset, points, lot.active_from, lot.expires_at)
            entry: Entry = (TRANSFER, [(account, asset, -points, lot_id), (to, asset, points, new_id)])
            apply_effects(self.book, self.instant, lots=[opened], entries=[entry])
            self.model.open_lot(*opened)
            for posting in entry[1]:
                self.model.post(TRANSFER, *posting)

    def convert(self, account: int, asset: int) -> None:
        parts = self.model.pick(account, asset, self.random.randrange(1, 300), self.instant)
        taken, other = sum(points for _, points, _ in parts), (asset + 1) % self.assets
        given = taken * 3 // 2
        if not given or other == asset:
            return
        opened = (self.seq * 256, account, other, given, self.instant, 0)
        entry: Entry = (
            CONVERSION,
            [
                *((account, asset, -points, lot_id) for _, points, lot_id in parts),
                (CONVERTED, asset, taken, 0),
                (account, other, given, opened[0]),
                (CONVERTED, other, -given, 0),
            ],
        )
        apply_effects(self.book, self.instant, lots=[opened], entries=[entry])
        self.model.open_lot(*opened)
        for posting in entry[1]:
            self.model.post(CONVERSION, *posting)

    def redeem(self, account: int, asset: int) -> None:
        parts = self.model.pick(account, asset, self.random.randrange(1, 700), self.instant)
        if parts:
            postings = [(account, asset, -points, lot) for _, points, lot in parts]
            self.apply([(REDEMPTION, [*postings, (REDEEMED, asset, sum(p for _, p, _ in parts), 0)])])

    def restore(self, account: int, asset: int) -> None:
        for (owner, of, lot_id), lot in list(self.model.lots.items()):
            if (owner, of) == (account, asset) and lot_id and lot.remaining < lot.initial:
                points = self.random.randrange(1, lot.initial - lot.remaining + 1)
                self.apply([(RESTORE, [(account, asset, points, lot_id), (REDEEMED, asset, -points, 0)])])
                return

    def reserve(self, account: int, asset: int) -> None:
        parts = self.model.pick(account, asset, self.random.randrange(0, 300), self.instant)
        hold_id = self.random.randbytes(16)
        key = bytes([1 + self.random.randrange(8)]) * 16
        if any(hold.receipt_key == key and hold.state == PENDING for hold in self.model.holds.values()):
            return
        expires = self.instant + self.random.randrange(1, 200)
        apply_effects(self.book, self.instant, holds=[(hold_id, PENDING, account, expires, key, parts)])
        self.model.hold(hold_id, account, expires, key, parts)

    def end(self, account: int, asset: int) -> None:
        if not self.model.holds:
            return
        hold_id = self.random.choice(sorted(self.model.holds))
        hold = self.model.holds[hold_id]
        state = self.random.choice([POSTED, VOIDED] if hold.state == EXPIRED else [POSTED, VOIDED, EXPIRED])
        entries: list[Entry] = []
        if state == POSTED and hold.state == PENDING and hold.parts:
            of = hold.parts[0][0]
            postings = [(hold.account_id, of, -points, lot) for _, points, lot in hold.parts]
            entries = [(REDEMPTION, [*postings, (REDEEMED, of, sum(p for _, p, _ in hold.parts), 0)])]
        apply_effects(self.book, self.instant, entries=entries, holds=[(hold_id, state, 0, 0, b"", [])])
        self.model.end_hold(hold_id, state)
        for kind, postings in entries:
            for posting in postings:
                self.model.post(kind, *posting)

    def expire(self, account: int, asset: int) -> None:
        for (owner, of, lot_id), lot in list(self.model.lots.items()):
            if owner == account and lot.expires_at and lot.expires_at <= self.instant:
                free = lot.remaining - lot.held
                self.apply([(EXPIRY, [(account, of, -free, lot_id), (EXPIRED_POINTS, of, free, 0)])])

    def claw_back(self, account: int, asset: int) -> None:
        owed = self.model.lots.get((account, asset, 0))
        if owed is not None and self.random.random() < 0.6:
            self.apply([(CLAWBACK, [(account, asset, -owed.remaining, 0), (ISSUED, asset, owed.remaining, 0)])])
            return
        points = self.random.randrange(1, 50)
        self.apply([(CLAWBACK, [(account, asset, -points, 0), (ISSUED, asset, points, 0)])])

    def compare_one(self) -> None:
        account = self.random.randrange(1, self.accounts + 1)
        asset = self.random.randrange(self.assets)
        instant = self.instant + self.random.randrange(0, 60)
        assert read_balances(self.book, account, instant) == self.model.balances(account, instant)
        wanted = self.random.randrange(1, 900)
        assert read_pick(self.book, account, asset, wanted, instant) == self.model.pick(account, asset, wanted, instant)

    def compare_all(self) -> None:
        """Every lot, hold and total; and the invariants of the book themselves."""
        seen = {}
        for account in range(1, self.accounts + 1):
            for lot_id, asset, initial, remaining, held, active, expires in read_lots(self.book, account):
                seen[account, asset, lot_id] = (initial, remaining, held, active, expires)
        assert seen == {
            key: (lot.initial, lot.remaining, lot.held, lot.active_from, lot.expires_at)
            for key, lot in self.model.lots.items()
        }
        assert self.book.lots_count == len(seen)
        assert self.book.holds_count == len(self.model.holds)
        for hold_id, hold in self.model.holds.items():
            found = read_hold(self.book, hold_id)
            assert found is not None
            assert (found["state"], found["parts"], found["account_id"]) == (hold.state, hold.parts, hold.account_id)
        for asset in range(self.assets):
            totals = read_totals(self.book, asset)
            outstanding = sum(remaining for (_, of, _), (_, remaining, _, _, _) in seen.items() if of == asset)
            assert outstanding + sum(totals.values()) == 0
            assert totals == {n: self.model.totals.get((-n, asset), 0) for n in (1, 2, 3, 4, 5)}
        for account in range(1, self.accounts + 1):
            assert read_leads_to(self.book, account) == self.model.leads_to(account)
        for (account, asset), points in self.model.posted.items():
            assert points == sum(v[1] for (who, of, _), v in seen.items() if (who, of) == (account, asset))
