"""What is taken in and given out about tiers. Days are the program's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Id, Shape, Title, Whole


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
