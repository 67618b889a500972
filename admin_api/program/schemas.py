"""What is taken in and given out about the program."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.assets.schemas import AssetOut
from altyn.admin_api.edge.fields import POINTS_MAX, Id, Shape, Title, Whole


class ProgramIn(Shape):
    """``zone`` is given only to make sure: it never changes."""

    title: Annotated[Title, Field(min_length=1)]
    zone: Annotated[str, Field(max_length=64)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "RUB"
    exponent: Annotated[Whole, Field(ge=0, le=4)] = 2


Sum = Annotated[Whole, Field(ge=0, le=1_000_000_000_000)]


class OfflineLimits(Shape):
    """Of one register and one day: receipts that may spend points while the server is away, what each and all of them
    may spend, for how long after the last word with the server, and how far below nothing an account may go.
    ``assets`` empty: all points.
    """

    receipts_max: Annotated[Whole, Field(ge=0, le=100_000)] = 0
    receipt_sum_max_minor: Sum = 0
    sum_max_minor: Sum = 0
    age_max_s: Annotated[Whole, Field(ge=0, le=30 * 86_400)] = 0
    debt_points_max: Annotated[Whole, Field(ge=0, le=POINTS_MAX)] = 0
    assets: Annotated[tuple[Id, ...], Field(max_length=16)] = ()


class ReturnLimits(Shape):
    """Of returns without a receipt: what one, and all of a customer's in one day, may pay back. Strangers at one
    register share a day.
    """

    sum_max_minor: Sum = 0
    day_sum_max_minor: Sum = 0


class DecisionLimits(Shape):
    """What a person may apply alone of what a sale spent without a hold."""

    sum_max_minor: Sum = 0


class ProgramLimits(Shape):
    """What the program allows where no promotion decides; what is not given is not allowed."""

    offline: OfflineLimits = OfflineLimits()
    returns: ReturnLimits = ReturnLimits()
    decisions: DecisionLimits = DecisionLimits()


class ProgramOut(BaseModel):
    """``zone`` is the IANA zone of the program's dates. ``currency`` is that of stores that name none."""

    program: str
    title: str
    zone: str
    currency: str
    exponent: int
    assets: list[AssetOut]
