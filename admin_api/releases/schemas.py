"""What is taken in and given out about releases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Id, Moment, Shape

SELECTED_MAX = 200_000


class PublishIn(Shape):
    """All ACTIVE promotions, or the selected ones of them.

    ``effective_at``: at once unless given. ``emergency``: prices already shown under older releases are not honoured.
    ``strict``: refuse when rules name stores, segments or goods the facts do not have. ``accepts_differences``: sample
    receipts come out differently, and that is meant. ``validate_only``: do everything but publish.
    """

    promotion_ids: Annotated[list[Id], Field(max_length=SELECTED_MAX)] | None = None
    effective_at: Moment | None = None
    emergency: bool = False
    strict: bool = False
    accepts_differences: bool = False
    validate_only: bool = False


class RollbackIn(Shape):
    """The documents of an older release come into force again, under a new version."""

    effective_at: Moment | None = None
    emergency: bool = False
    validate_only: bool = False


class Warning(BaseModel):
    path: str
    code: str
    message: str


class PublishedOut(BaseModel):
    """``version`` is the one it got, or would have got when only validated."""

    version: int
    sha256: str
    effective_at: datetime
    emergency: bool
    promotions_count: int
    warnings: list[Warning]
    is_published: bool
    feed_version: int


class ReleaseOut(BaseModel):
    version: int
    sha256: str
    effective_at: datetime
    emergency: bool
    published_by: str
    published_at: datetime
    document_bytes: int
    is_in_force: bool


class ReleasePage(BaseModel):
    releases: list[ReleaseOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None


class ServerRuns(BaseModel):
    """What a processing server says about itself; ``refused_reason`` tells why it did not take ``refused_version``.

    While a release waits for earlier purchases to be counted: it asks for ``numbers_asked``, of which
    ``numbers_ready`` can be read; operations up to ``history_seq`` are in, of those up to ``history_until_seq``.
    """

    server_id: str
    seen_at: datetime
    is_seen: bool
    rules_version: int
    staged_version: int
    refused_version: int
    refused_reason: str
    numbers_asked: int
    numbers_ready: int
    history_seq: int
    history_until_seq: int


class ReleaseServersOut(BaseModel):
    """Live in ``live_count`` of ``servers_count`` servers seen lately."""

    version: int
    live_count: int
    servers_count: int
    servers: list[ServerRuns]
