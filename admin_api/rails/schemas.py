"""What is taken in and given out about guard rails."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Reason, Shape, Whole

WHOLE_PPM = 1_000_000
AMOUNT_MAX = 1 << 53

Share = Annotated[Whole, Field(ge=0, le=WHOLE_PPM)]


class Rail(StrEnum):
    """What can be broken."""

    RECEIPT_DISCOUNT = "RECEIPT_DISCOUNT"
    PRICE_FLOOR = "PRICE_FLOOR"
    HOUR_BUDGET = "HOUR_BUDGET"


class AlertKind(StrEnum):
    """What people are told."""

    STOPPED = "STOPPED"
    STOP_FAILED = "STOP_FAILED"
    BUDGET_NEAR = "BUDGET_NEAR"


class ChangeState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "PROPOSED"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"


class Rails(Shape):
    """Shares in millionths. ``receipt_discount_max_ppm``: the largest share of a receipt taken off (1000000: any).
    ``price_floor_ppm``: the smallest share of its shelf price a line is left with (0: any). ``hour_budget_minor``: what
    one promotion takes off in an hour (0: any). ``ratio_times_max``: a promotion is stopped when so many times more
    than before is given (0: never), of at least ``ratio_least_ppm`` of sales and ``receipts_least_count`` receipts.
    ``budget_alert_ppm``: from this share of a budget on people are told.
    """

    receipt_discount_max_ppm: Share = 700_000
    price_floor_ppm: Share = 0
    hour_budget_minor: Annotated[Whole, Field(ge=0, le=AMOUNT_MAX)] = 0
    ratio_times_max: Annotated[Whole, Field(ge=0, le=100)] = 3
    ratio_least_ppm: Share = 100_000
    receipts_least_count: Annotated[Whole, Field(ge=1, le=10_000)] = 20
    budget_alert_ppm: Annotated[Whole, Field(ge=1, le=WHOLE_PPM)] = 800_000


class ProposeIn(Rails):
    """The rails as they are to be, and why."""

    reason: Reason


class ChangeOut(BaseModel):
    """``value`` holds once somebody else has approved it, within 72 hours."""

    change_id: int
    value: Rails
    reason: str
    state: ChangeState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ChangePage(BaseModel):
    """Newest first."""

    changes: list[ChangeOut]


class BreachOut(BaseModel):
    """A rail the last receipts would have broken: ``found`` of at most, or of a floor at least, ``allowed``
    (millionths, or minor units an hour); on ``receipts_count`` receipts, some of them by their place in the journal.
    """

    rail: Rail
    promotion_id: str
    allowed: int
    found: int
    receipts_count: int
    seqs: list[int]


class AlertOut(BaseModel):
    """``told``: the numbers behind it."""

    alert_id: int
    kind: AlertKind
    promotion_id: str
    told: dict[str, Any]
    raised_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None


class AlertPage(BaseModel):
    """Newest first."""

    alerts: list[AlertOut]
