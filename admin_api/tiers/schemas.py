"""What is taken in and given out about tiers. Days are the program's."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import Id, Reason, Shape, Title, Whole

REASON_BYTES_MAX = 256  # core/engine/accounts.pyx: it goes into the journal


class Measure(StrEnum):
    """What is counted towards a tier: money paid for goods, or points earned of an asset."""

    TURNOVER = "TURNOVER"
    POINTS = "POINTS"


class Period(StrEnum):
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"
    DAYS = "DAYS"


class TierIn(Shape):
    """``sum``: what one period must come to, in minor units or the asset's smallest. Ranks never change their meaning:
    accounts keep the rank, and the tier of that rank is theirs.
    """

    tier: Id
    rank: Annotated[Whole, Field(ge=1, le=32)]
    sum: Annotated[Whole, Field(ge=1, le=10**15)]
    title: dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], Title] = Field({}, max_length=16)


class TiersIn(Shape):
    """All tiers at once, by rank ascending. A tier holds from the sale that reaches it to the end of ``valid_periods``
    periods after the one in which it was reached. ``days``: the length of a period of DAYS, counted from 1970-01-01.
    """

    by: Measure
    asset: Id | None = None
    period: Period
    days: Annotated[Whole, Field(ge=1, le=3_660)] | None = None
    valid_periods: Annotated[Whole, Field(ge=1, le=120)] = 1
    tiers: Annotated[list[TierIn], Field(min_length=1, max_length=32)]


class TiersOut(BaseModel):
    by: Measure
    asset: str | None
    period: Period
    days: int | None
    valid_periods: int
    tiers: list[TierIn]
    feed_version: int


# BY HAND


class GivenTierState(StrEnum):
    ASKED = "ASKED"
    GIVEN = "GIVEN"
    REJECTED = "REJECTED"


class GivenTierIn(Shape):
    """A tier by hand, beside what purchases make: the better of the two is the customer's, to the end of the day
    ``until``. It takes the place of the one before; null takes that away.
    """

    tier: Id | None
    until: date | None = None
    reason: Reason

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tier is None) != (self.until is None):
            raise ValueError("a tier has a last day, and none has not")
        if len(self.reason.encode()) > REASON_BYTES_MAX:
            raise ValueError(f"a reason has {REASON_BYTES_MAX} bytes of UTF-8 at most")
        return self


class GivenTierOut(BaseModel):
    """``state`` ASKED: somebody else has to agree. ``journal_seq``: the record that gave it, or took it away."""

    given_id: int
    op_id: str
    state: GivenTierState
    account_id: int
    tier: str | None
    until: date | None
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str
    journal_seq: int | None


class GivenTierPage(BaseModel):
    """Newest first."""

    given_tiers: list[GivenTierOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None


class DecisionIn(Shape):
    reason: Reason
