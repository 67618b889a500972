"""What is told about jobs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class JobKind(StrEnum):
    """What is done."""

    SEGMENT_MEMBERS = "SEGMENT_MEMBERS"
    BACKTEST = "BACKTEST"
    SHADOW = "SHADOW"


class JobState(StrEnum):
    """Where it stands. A DONE job stays so; a CANCELLED or FAILED one may be gone on with."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class JobOut(BaseModel):
    """``subject`` is the segment or promotion it is about, ``done_count`` of ``total_count`` is how far it is (of a
    backtest: receipts of ``step``), ``reason`` is why it FAILED.
    """

    job_id: int
    kind: JobKind
    subject: str
    state: JobState
    step: str
    reason: str | None
    told: str
    done_count: int
    total_count: int
    attempts_count: int
    created_by: str
    created_at: datetime
    updated_at: datetime


class JobPage(BaseModel):
    jobs: list[JobOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None
