"""What is taken in and given out about exceptions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Moment, PageSize, Reason, Shape

Part = Annotated[str | None, Field(max_length=64)]


class State(StrEnum):
    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class ExceptionFilter(BaseModel):
    """Of the query string. [``from_at``, ``to_at``) is when it was recorded; ``before`` pages on to older ones."""

    state: State | None = None
    kind: Part = None
    status: Part = None
    reason: Part = None
    store_id: Part = None
    register_id: Part = None
    from_at: Moment | None = None
    to_at: Moment | None = None
    before: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}-[0-9]{1,4}$")] = None
    limit: PageSize = 100


class ResolveIn(Shape):
    note: Reason


class DecideIn(Shape):
    """``apply``: take after all what the sale spent without a hold; else it never is."""

    apply: Annotated[bool, Field(strict=True)]
    note: Reason


class DecisionState(StrEnum):
    ASKED = "ASKED"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"


class DecisionOut(BaseModel):
    """``state`` ASKED: somebody else has to decide the same within 72 hours. ``sum_minor`` is what it is about: points
    by what they paid for, and means of payment. Give ``journal_seq`` as ``wait_seq`` to read one's own decision in the
    list.
    """

    exception_id: str
    state: DecisionState
    sum_minor: int
    journal_seq: int | None = None


class ReceiptKeyOut(BaseModel):
    store_id: str
    register_id: str
    shift_number: int
    receipt_number: int


class ExceptionOut(BaseModel):
    """``kind``, ``status`` and ``reason`` are names of altyn.pos.v1 without their prefix, or ``#`` and a number this
    version does not know. ``seq`` is the journal's. ``decided_seq``: it was decided there for good, and ``applied`` or
    not.
    """

    exception_id: str
    seq: int
    kind: str
    status: str
    reason: str
    receipt: ReceiptKeyOut
    account_id: int | None
    recorded_at: datetime
    state: State
    note: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    applied: bool | None
    decided_seq: int | None


class ReasonCount(BaseModel):
    reason: str
    open_count: int


class ExceptionPage(BaseModel):
    """Newest first. ``projected_seq``: the list holds everything up to it."""

    exceptions: list[ExceptionOut]
    projected_seq: int
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: str | None = None


class ExceptionCounts(BaseModel):
    """Open exceptions by reason, most frequent first."""

    open: list[ReasonCount]
    projected_seq: int
