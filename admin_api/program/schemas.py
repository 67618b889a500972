"""What is taken in and given out about the program."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.assets.schemas import AssetOut
from altyn.admin_api.edge.fields import Shape, Title, Whole


class ProgramIn(Shape):
    """``zone`` is given only to make sure: it never changes."""

    title: Annotated[Title, Field(min_length=1)]
    zone: Annotated[str, Field(max_length=64)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "RUB"
    exponent: Annotated[Whole, Field(ge=0, le=4)] = 2


class ProgramOut(BaseModel):
    """``zone`` is the IANA zone of the program's dates. ``currency`` is that of stores that name none."""

    program: str
    title: str
    zone: str
    currency: str
    exponent: int
    assets: list[AssetOut]
