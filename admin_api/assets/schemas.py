"""What is taken in and given out about assets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Shape, Title, Whole


class AssetKind(StrEnum):
    """MONEY: the smallest unit is the currency's; receipts are paid with it as a tender."""

    POINTS = "POINTS"
    MONEY = "MONEY"


class AssetIn(Shape):
    """``step_points``: accrual is rounded down to a multiple of this, in the smallest unit. ``expire_after_days``: how
    long points given by hand live when nothing else is said; null: for ever. ``kind`` MONEY: a sum of the program's
    currency; kind and scale never change, null: as it is, POINTS when new. ``adjust_points_max``: what a person may
    give by hand at once without a second pair of eyes (null: nothing), ``adjust_day_points_max``: and in a day of the
    program (null: any number of times).
    """

    title: dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], Title] = Field({}, max_length=16)
    scale: Annotated[Whole, Field(ge=0, le=4)] = 2
    step_points: Annotated[Whole, Field(ge=1, le=10**12)] = 1
    expire_after_days: Annotated[Whole, Field(ge=1, le=36_500)] | None = None
    kind: AssetKind | None = None
    adjust_points_max: Annotated[Whole, Field(ge=0, le=10**12)] | None = None
    adjust_day_points_max: Annotated[Whole, Field(ge=0, le=10**15)] | None = None


class AssetOut(BaseModel):
    """``asset_no`` stands for it in the journal; its dates are taken in ``zone``, the program's."""

    asset: str
    asset_no: int
    scale: int
    step_points: int
    title: dict[str, str]
    expire_after_days: int | None
    kind: AssetKind
    adjust_points_max: int | None
    adjust_day_points_max: int | None
    zone: str


class RateIn(Shape):
    """``from_points`` of the asset are worth ``to_points`` of the other, each in its smallest unit. A conversion is
    rounded down and takes no more than what it gives is worth.
    """

    from_points: Annotated[Whole, Field(ge=1, le=10**9)]
    to_points: Annotated[Whole, Field(ge=1, le=10**9)]


class RateOut(BaseModel):
    asset: str
    to_asset: str
    from_points: int
    to_points: int
    feed_version: int


class RatePage(BaseModel):
    rates: list[RateOut]


class AssetPage(BaseModel):
    assets: list[AssetOut]
