"""What is taken in and given out about accounts. Points are in the asset's smallest unit; times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import POINTS_MAX, Id, Moment, Points, Reason, Shape, Whole


def check_not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("points are above 0, or below 0 to take them")
    return value


SignedPoints = Annotated[int, Field(strict=True, ge=-POINTS_MAX, le=POINTS_MAX), AfterValidator(check_not_zero)]


class AdjustmentState(StrEnum):
    ASKED = "ASKED"
    GIVEN = "GIVEN"
    REJECTED = "REJECTED"


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


class TierOut(BaseModel):
    """``tier`` null: none; ``projected``: what the sum of this period makes already, should the period end so.
    ``given``: by hand, to ``given_until``; ``tier`` is the better of it and what purchases have made.
    ``counted`` is in minor units of money, or in the smallest unit of ``asset``. Days are the program's.
    """

    tier: str | None
    until: date | None
    projected: str | None
    asset: str | None
    period_from: date
    counted: int
    counted_before: int
    given: str | None = None
    given_until: date | None = None


class BalanceOut(BaseModel):
    """From the server's memory; holds everything up to journal ``seq``. ``tier`` null: nothing counts towards one."""

    account_id: int
    seq: int
    balances: list[AssetBalanceOut]
    tier: TierOut | None = None


Day = date  # a field of that name hides the type


class ExpiresIn(Shape):
    """When points end, as promotions say it: one of ``days`` after today, ``date`` (the last day), ``end_of_month``
    and ``end_of_year`` of the n-th after this one. Days are the program's.
    """

    days: Annotated[Whole, Field(ge=0, le=36_500)] | None = None
    date: Day | None = None
    end_of_month: Annotated[Whole, Field(ge=0, le=1_200)] | None = None
    end_of_year: Annotated[Whole, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("give one of days, date, end_of_month, end_of_year")
        return self


class AdjustmentIn(Shape):
    """Points by hand; below 0 they are taken, from what is active, in the order of use. ``active_from`` null: at once;
    ``expires_at`` null: never; ``expires``: by a rule; neither: as the asset says.
    """

    asset: Id
    points: SignedPoints
    reason: Reason
    active_from: Moment | None = None
    expires_at: Moment | None = None
    expires: ExpiresIn | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.points < 0 and self.model_fields_set & {"active_from", "expires_at", "expires"}:
            raise ValueError("points that are taken have no time of their own")
        if "expires_at" in self.model_fields_set and self.expires is not None:
            raise ValueError("give expires_at or expires")
        return self


class AdjustmentOut(BaseModel):
    """``state`` ASKED: somebody else has to agree. GIVEN: give ``journal_seq`` as ``wait_seq`` to read one's own write
    in the history.
    """

    adjustment_id: int
    op_id: str
    state: AdjustmentState
    account_id: int
    asset: str
    points: int
    reason: str
    expires_at: datetime | None
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str
    journal_seq: int | None
    lot_id: int | None


class AdjustmentPage(BaseModel):
    """Newest first."""

    adjustments: list[AdjustmentOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None


class DecisionIn(Shape):
    reason: Reason


class ConversionIn(Shape):
    """At most ``points`` of ``asset`` are taken. ``expires_at`` and ``expires``: of what is given."""

    asset: Id
    to_asset: Id
    points: Points
    reason: Reason
    expires_at: Moment | None = None
    expires: ExpiresIn | None = None


class ConversionOut(BaseModel):
    op_id: str
    journal_seq: int
    taken_points: int
    given_points: int
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
