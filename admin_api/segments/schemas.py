"""What is taken in and given out about segments."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from altyn.admin_api.customers.schemas import CardNumber
from altyn.admin_api.edge.bulk import RowProblem
from altyn.admin_api.edge.fields import Shape, Title, Whole
from altyn.admin_api.jobs.schemas import JobState

MEMBERS_MAX = 10_000

CustomerIds = Annotated[list[Annotated[Whole, Field(gt=0, lt=1 << 63)]], Field(max_length=MEMBERS_MAX)]


class Mode(StrEnum):
    """What an uploaded list means. REPLACE: members that are not in it leave."""

    ADD = "ADD"
    REMOVE = "REMOVE"
    REPLACE = "REPLACE"


class SegmentIn(Shape):
    title: Title


class MembersIn(Shape):
    add: CustomerIds = Field([])
    remove: CustomerIds = Field([])


class MemberIn(Shape):
    """One row of an upload: a customer by id, or by the full number of a card."""

    customer_id: Annotated[int | None, Field(gt=0, lt=1 << 63)] = None
    card_number: CardNumber | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.customer_id is None) == (self.card_number is None):
            raise ValueError("give customer_id or card_number")
        return self

    @property
    def key(self) -> int | str:
        """What two rows about the same customer have in common, as far as the rows tell."""
        return self.card_number or self.customer_id or 0


class SegmentOut(BaseModel):
    segment: str
    title: str
    members_count: int
    feed_version: int


class SegmentPage(BaseModel):
    segments: list[SegmentOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None


class MemberPage(BaseModel):
    customer_ids: list[int]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: int | None = None


class MembersOut(BaseModel):
    """``members_count`` is of the segment afterwards."""

    changed_count: int
    members_count: int
    feed_version: int


class UploadOut(BaseModel):
    """``found_count`` different customers were named, ``changed_count`` memberships changed; wrong rows were left
    out.
    """

    rows_count: int
    found_count: int
    wrong_count: int
    changed_count: int
    members_count: int
    problems: list[RowProblem]
    feed_version: int


class JobOut(BaseModel):
    """``done_count`` of ``total_count`` memberships are written, ``changed_count`` of them were not so before; what is
    written stays when a job is cancelled. ``problems`` are of rows that were left out; ``reason`` is why it FAILED.
    """

    job_id: int
    segment: str
    mode: Mode
    state: JobState
    reason: str | None
    total_count: int
    done_count: int
    changed_count: int
    rows_count: int
    wrong_count: int
    problems: list[RowProblem]
    feed_version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


class JobPage(BaseModel):
    jobs: list[JobOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None
