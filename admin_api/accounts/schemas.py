"""What is taken in and given out about accounts. Points are in the asset's smallest unit; times are UTC."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from altyn.admin_api.edge.fields import Id, Moment, Points, Reason, Shape


class LotOut(BaseModel):
    """``expires_at`` null: never."""

    lot_id: int
    initial_points: int
    remaining_points: int
    active_from: datetime
    expires_at: datetime | None


class AssetBalanceOut(BaseModel):
    asset: str
    scale: int
    active_points: int
    pending_points: int
    hold_points: int
    debt_points: int
    lots: list[LotOut]


class BalanceOut(BaseModel):
    """From the server's memory; holds everything up to journal ``seq``."""

    account_id: int
    seq: int
    balances: list[AssetBalanceOut]


class AdjustmentIn(Shape):
    """A manual accrual. ``active_from`` null: at once; ``expires_at`` null: never; absent: as the asset says."""

    asset: Id
    points: Points
    reason: Reason
    active_from: Moment | None = None
    expires_at: Moment | None = None


class AdjustmentOut(BaseModel):
    """Give ``journal_seq`` as ``wait_seq`` to read one's own write in the history."""

    op_id: str
    journal_seq: int
    lot_id: int


class EntryOut(BaseModel):
    """One posting on the account; ``kind`` is an altyn.journal.v1.EntryKind without its prefix."""

    seq: int
    kind: str
    asset: str
    points: int
    lot_id: int
    recorded_at: datetime


class EntryPage(BaseModel):
    """Newest first. ``projected_seq``: the history holds everything up to it."""

    entries: list[EntryOut]
    projected_seq: int
    #: Give it as ``before_seq`` for the next page; absent on the last one.
    next_before_seq: int | None = None
