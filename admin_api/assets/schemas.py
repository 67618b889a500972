"""What is taken in and given out about assets."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Shape, Title, Whole


class AssetIn(Shape):
    """``step_points``: accrual is rounded down to a multiple of this, in the smallest unit. ``expire_after_days``: how
    long points given by hand live when nothing else is said; null: for ever.
    """

    title: dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], Title] = Field({}, max_length=16)
    scale: Annotated[Whole, Field(ge=0, le=4)] = 2
    step_points: Annotated[Whole, Field(ge=1, le=10**12)] = 1
    expire_after_days: Annotated[Whole, Field(ge=1, le=36_500)] | None = None


class AssetOut(BaseModel):
    """``asset_no`` stands for it in the journal; its dates are taken in ``zone``, the program's."""

    asset: str
    asset_no: int
    scale: int
    step_points: int
    title: dict[str, str]
    expire_after_days: int | None
    zone: str


class AssetPage(BaseModel):
    assets: list[AssetOut]
