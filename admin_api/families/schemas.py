"""What is taken in and given out about families."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Id, Number, Points, Reason, Shape, Title


class ActKind(StrEnum):
    """JOIN: into a family. LEAVE: out of it, to an account of one's own. MERGE: a customer becomes another one."""

    JOIN = "JOIN"
    LEAVE = "LEAVE"
    MERGE = "MERGE"


class ActState(StrEnum):
    PENDING = "PENDING"
    DONE = "DONE"
    REFUSED = "REFUSED"


class FamilyIn(Shape):
    """Everybody's points become the head's account."""

    head_customer_id: Number
    title: Title = ""


class JoinIn(Shape):
    customer_id: Number
    reason: Reason


class LeaveIn(Shape):
    """``points``: what of each asset goes along; nothing unless named."""

    reason: Reason
    points: dict[Id, Points] = Field({}, max_length=16)


class MergeIn(Shape):
    into_customer_id: Number
    reason: Reason


class MemberOut(BaseModel):
    customer_id: int
    state: str
    since: datetime


class FamilyOut(BaseModel):
    family_id: int
    title: str
    head_customer_id: int
    account_id: int
    state: str
    created_by: str
    created_at: datetime
    members: list[MemberOut] = []


class FamilyPage(BaseModel):
    """Oldest first; members are told by the family itself."""

    families: list[FamilyOut]
    next_after: int | None = None


class ActOut(BaseModel):
    """``refusal``: why it was REFUSED; what a PENDING one waits for (HOLDS_PENDING: a receipt holds points); or, of one
    that is DONE, which points did not go along, for they were spent meanwhile (POINTS_SHORT).
    """

    act_id: int
    kind: ActKind
    state: ActState
    refusal: str
    customer_id: int
    to_customer_id: int | None
    family_id: int | None
    account_id: int
    to_account_id: int
    points: dict[str, int]
    reason: str
    created_by: str
    created_at: datetime
    updated_at: datetime
