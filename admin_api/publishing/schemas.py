"""What is taken in and given out about publishing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Moment, Reason, Shape, Title, Whole
from altyn.admin_api.promotions.schemas import CustomerIn, PlaceIn, ProblemOut, State
from altyn.admin_api.rails.schemas import BreachOut
from altyn.admin_api.releases.schemas import Warning


class RulesIn(Shape):
    """``four_eyes`` off: authors approve what they wrote, and every approval says so. ``second_approval_ppm``: from
    this expected discount on, in millionths, two approvals are needed.
    """

    four_eyes: bool
    second_approval_ppm: Annotated[Whole, Field(ge=0, le=1_000_000)] = 300_000


class RulesOut(BaseModel):
    four_eyes: bool
    second_approval_ppm: int
    warnings: list[Warning]


class NoteIn(Shape):
    note: Title = ""


class ApproveIn(Shape):
    """``accepts_differences``: sample receipts come out differently, and that is meant. ``override_reason``: why a
    guard rail may be broken.
    """

    note: Title = ""
    accepts_differences: bool = False
    override_reason: Reason | None = None


class RejectIn(Shape):
    reason: Reason


class PublishIn(Shape):
    """``effective_at``: at once unless given."""

    effective_at: Moment | None = None
    emergency: bool = False


class SuspendIn(Shape):
    """``emergency``: prices already shown are not honoured."""

    reason: Reason
    emergency: bool = False


class ApprovalOut(BaseModel):
    approved_by: str
    approved_at: datetime
    note: str
    override_reason: str = ""


class DifferenceOut(BaseModel):
    """A place of a sample receipt's outcome: as recorded, and as it would be."""

    case_id: str
    path: str
    expected: Any
    actual: Any


class ReviewOut(BaseModel):
    """``expected_discount_ppm``: the deepest share of a receipt, stated or seen with the sample receipts. ``breaches``:
    guard rails that the last ``rehearsed_count`` receipts would have broken.
    """

    review_no: int
    revision: int
    state: str
    authors: list[str]
    submitted_by: str
    submitted_at: datetime
    expires_at: datetime
    note: str
    approvals_needed: int
    approvals: list[ApprovalOut]
    expected_discount_ppm: int
    remarks: list[ProblemOut]
    differences: list[DifferenceOut]
    cases_count: int
    breaches: list[BreachOut]
    rehearsed_count: int
    decided_by: str | None
    decided_at: datetime | None
    reason: str


class ReviewPage(BaseModel):
    """Newest first."""

    reviews: list[ReviewOut]


class ActOut(BaseModel):
    """Where the promotion is now. ``release_version``: of the release this act made; absent when it made none."""

    promotion_id: str
    state: State
    revision: int
    released_revision: int | None
    effective_at: datetime | None
    release_version: int | None = None
    review: ReviewOut | None
    warnings: list[Warning] = []


class CaseIn(Shape):
    """A receipt to watch. ``at``: its instant, now unless given."""

    title: Title = ""
    receipt: dict[str, Any]
    customer: CustomerIn | None = None
    store: PlaceIn | None = None
    at: Moment | None = None


class CaseOut(BaseModel):
    """``expected``: the outcome when it was recorded."""

    case_id: str
    title: str
    request: dict[str, Any]
    expected: dict[str, Any]
    revision: int
    recorded_at: datetime
    recorded_by: str


class CasePage(BaseModel):
    cases: list[CaseOut]


class CaseRun(BaseModel):
    case_id: str
    is_same: bool
    differences: list[DifferenceOut]


class CaseRuns(BaseModel):
    """Under the release in force."""

    runs: list[CaseRun]
