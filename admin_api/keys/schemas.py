"""What is taken in and given out about keys of this API and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Moment, PageSize, Shape, Title

Part = Annotated[str | None, Field(max_length=200)]


class KeyIn(Shape):
    title: Annotated[Title, Field(min_length=1)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=100)]


class KeyOut(BaseModel):
    key_id: str
    title: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class KeyIssued(BaseModel):
    """``key`` is shown this once."""

    key: str
    key_id: str
    scopes: list[str]


class KeyPage(BaseModel):
    keys: list[KeyOut]


class DeedOut(BaseModel):
    audit_no: int
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    before: Any
    after: Any
    request_id: str
    row_hash: str


class AuditFilter(BaseModel):
    """Of the query string. ``action`` is whole (``cards.block``) or an area (``cards``); [``from_at``, ``to_at``)."""

    before: Annotated[int | None, Field(ge=1, lt=1 << 63)] = None
    object_kind: Part = None
    object_id: Part = None
    actor: Part = None
    action: Part = None
    request_id: Part = None
    from_at: Moment | None = None
    to_at: Moment | None = None
    limit: PageSize = 100


class AuditPage(BaseModel):
    """Newest first."""

    rows: list[DeedOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None


class VerificationOut(BaseModel):
    """``head_hash`` noted outside proves later that no tail was cut."""

    checks: int
    violations: list[str]
    head_no: int
    head_hash: str
