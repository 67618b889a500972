"""What is taken in and given out about points for many."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from altyn.admin_api.accounts.schemas import ExpiresIn
from altyn.admin_api.edge.fields import Id, Moment, Number, Points, Reason, Shape, Title

CUSTOMERS_MAX = 100_000


class AccrualState(StrEnum):
    PROPOSED = "PROPOSED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class AccrualIn(Shape):
    """``points`` of ``asset`` for each customer of ``segment``, as it is when the job begins, or of ``customer_ids``.
    ``starts_at`` null: as soon as it is approved; ``expires``: counted from the day it begins, left out: as the asset
    says.
    """

    title: Title
    asset: Id
    points: Points
    reason: Reason
    segment: Id | None = None
    customer_ids: Annotated[list[Number], Field(min_length=1, max_length=CUSTOMERS_MAX)] | None = None
    starts_at: Moment | None = None
    expires: ExpiresIn | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.segment is None) == (self.customer_ids is None):
            raise ValueError("give segment or customer_ids")
        return self


class AccrualOut(BaseModel):
    """``done_count`` of ``total_count`` accounts were served: ``given_count`` got the points, ``declined_count`` the
    server declined. Both totals are 0 until the job begins.
    """

    job_id: int
    title: str
    asset: str
    points: int
    reason: str
    segment: str | None
    starts_at: datetime
    state: AccrualState
    refusal: str
    total_count: int
    done_count: int
    given_count: int
    declined_count: int
    created_by: str
    created_at: datetime
    approved_by: str | None
    updated_at: datetime


class AccrualPage(BaseModel):
    """Newest first."""

    accruals: list[AccrualOut]
    next_before: int | None = None
