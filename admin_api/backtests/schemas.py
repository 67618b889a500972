"""What is asked of backtests and told about them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import Id, Shape
from altyn.admin_api.jobs.schemas import JobOut

DAYS_MAX = 366
STORES_MAX = 1_000


class BacktestIn(Shape):
    """``days`` up to the newest of the journal, or a period, both ends included; in all stores, or in these alone."""

    days: Annotated[int | None, Field(ge=1, le=DAYS_MAX)] = None
    first_day: date | None = None
    last_day: date | None = None
    stores: Annotated[list[Id], Field(max_length=STORES_MAX)] = Field([])

    @model_validator(mode="after")
    def _period(self) -> Self:
        if (self.first_day is None) != (self.last_day is None) or (self.days is None) == (self.first_day is None):
            raise ValueError("give days, or first_day and last_day")
        if self.first_day and self.last_day and not 0 <= (self.last_day - self.first_day).days < DAYS_MAX:
            raise ValueError(f"a period is of 1 to {DAYS_MAX} days")
        return self


class BacktestOut(BaseModel):
    """``asked`` is what was tried, with the document as it was then; ``report`` is there once the job is DONE:
    docs/operations/backtest.md says what it tells.
    """

    job: JobOut
    asked: dict[str, Any]
    report: dict[str, Any] | None
