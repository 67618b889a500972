"""The book again, in plain Python: dictionaries, no cleverness. What the compiled book is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

PENDING, POSTED, VOIDED, EXPIRED = 1, 2, 3, 4
ACCRUAL, REDEMPTION, ADJUSTMENT, EXPIRY, CLAWBACK, RESTORE, TRANSFER, CONVERSION = 1, 2, 3, 4, 5, 6, 7, 8
ISSUED, REDEEMED, EXPIRED_POINTS, ADJUSTED, CONVERTED = -1, -2, -3, -4, -5

LotKey: TypeAlias = tuple[int, int, int]


@dataclass
class ModelLot:
    initial: int
    active_from: int
    expires_at: int
    remaining: int = 0
    held: int = 0


@dataclass
class ModelHold:
    account_id: int
    expires_at: int
    receipt_key: bytes
    parts: list[tuple[int, int, int]]
    state: int = PENDING


@dataclass
class ModelBook:
    lots: dict[LotKey, ModelLot] = field(default_factory=dict)
    holds: dict[bytes, ModelHold] = field(default_factory=dict)
    totals: dict[tuple[int, int], int] = field(default_factory=dict)
    posted: dict[tuple[int, int], int] = field(default_factory=dict)
    leads: dict[int, int] = field(default_factory=dict)

    def forward(self, account_id: int, to_account_id: int) -> None:
        assert not [key for key in self.lots if key[0] == account_id]
        for led, to in self.leads.items():
            self.leads[led] = to_account_id if to == account_id else to
        self.leads[account_id] = to_account_id

    def leads_to(self, account_id: int) -> int:
        return self.leads.get(account_id, account_id)

    def open_lot(self, lot_id: int, account_id: int, asset_no: int, points: int, active: int, expires: int) -> None:
        self.lots[account_id, asset_no, lot_id] = ModelLot(points, active, expires)

    def post(self, kind: int, account_id: int, asset_no: int, points: int, lot_id: int) -> None:
        if account_id < 0:
            self.totals[account_id, asset_no] = self.totals.get((account_id, asset_no), 0) + points
            return
        self.posted[account_id, asset_no] = self.posted.get((account_id, asset_no), 0) + points
        key = (account_id, asset_no, lot_id)
        lot = self.lots.setdefault(key, ModelLot(0, 0, 0))
        lot.remaining += points
        if lot.remaining == 0 and (kind == EXPIRY or lot_id == 0):
            del self.lots[key]

    def hold(
        self, hold_id: bytes, account_id: int, expires: int, key: bytes, parts: list[tuple[int, int, int]]
    ) -> None:
        for former in [h for h, held in self.holds.items() if held.receipt_key == key]:
            del self.holds[former]
        self.holds[hold_id] = ModelHold(account_id, expires, key, parts)
        for asset_no, points, lot_id in parts:
            self.lots[account_id, asset_no, lot_id].held += points

    def end_hold(self, hold_id: bytes, state: int) -> None:
        hold = self.holds[hold_id]
        if hold.state == PENDING:
            for asset_no, points, lot_id in hold.parts:
                self.lots[hold.account_id, asset_no, lot_id].held -= points
        hold.state = state
        if state != EXPIRED:
            del self.holds[hold_id]

    def balances(self, account_id: int, instant: int) -> dict[int, tuple[int, int, int, int]]:
        found: dict[int, list[int]] = {}
        for (owner, asset_no, lot_id), lot in self.lots.items():
            if owner != account_id or lot.remaining == 0:
                continue
            row = found.setdefault(asset_no, [0, 0, 0, 0])
            if lot_id == 0:
                row[3] = -lot.remaining
                continue
            row[2] += lot.held
            if lot.expires_at == 0 or lot.expires_at > instant:
                row[1 if lot.active_from > instant else 0] += lot.remaining - lot.held
        return {asset_no: (a, p, h, d) for asset_no, (a, p, h, d) in sorted(found.items())}

    def pick(self, account_id: int, asset_no: int, points: int, instant: int) -> list[tuple[int, int, int]]:
        """Lots in the order of use: earliest expiry (never is last), earned first, smallest id."""
        candidates = [
            (lot.expires_at or 1 << 62, lot.active_from, lot_id, lot.remaining - lot.held)
            for (owner, asset, lot_id), lot in self.lots.items()
            if owner == account_id
            and asset == asset_no
            and lot_id != 0
            and lot.remaining > lot.held
            and lot.active_from <= instant
            and (lot.expires_at == 0 or lot.expires_at > instant)
        ]
        parts = []
        for _, _, lot_id, free in sorted(candidates):
            if points == 0:
                break
            parts.append((asset_no, min(free, points), lot_id))
            points -= min(free, points)
        return parts
