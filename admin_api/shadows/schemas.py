"""What is asked of shadows and told about them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Id, Shape, Whole
from altyn.admin_api.jobs.schemas import JobOut

MINUTES_MAX = 24 * 60
CANDIDATES_MAX = 1_000


class ShadowIn(Shape):
    """The candidate is what is in force with these promotions as they are written now; with none given, everything that
    is switched on. ``share_ppm``: of the receipts that are committed from now on, in millionths. ``minutes``: how long.
    """

    promotion_ids: Annotated[list[Id], Field(max_length=CANDIDATES_MAX)] = Field([])
    share_ppm: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1_000_000
    minutes: Annotated[Whole, Field(ge=1, le=MINUTES_MAX)] = 60


class ShadowOut(BaseModel):
    """``report`` grows while the job runs: receipts ``compared`` and ``changed``, sums before (as the tills were
    answered) and after (by the candidate), ``steps`` of how far discounts move, and the ``top`` differences.
    """

    job: JobOut
    asked: dict[str, Any]
    report: dict[str, Any] | None
