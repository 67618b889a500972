"""What is told about processing servers and the projector."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class MethodCallsOut(BaseModel):
    """Calls of one method in an interval: ``refused_count`` of ``calls_count`` had no reply; half took no longer than
    ``p50_us``, all but one in a hundred than ``p99_us``, right within 5 %.
    """

    method: str
    calls_count: int
    refused_count: int
    p50_us: int
    p99_us: int


class IntervalOut(BaseModel):
    """Some seconds of a server, which ended ``at``; methods nobody called are left out."""

    at: datetime
    elapsed_ms: int
    calls: list[MethodCallsOut]


class ServerOut(BaseModel):
    """What a server says about itself every few seconds; ``is_seen``: it did so lately; ``pulse``: its last minutes,
    oldest first.

    While a release waits for earlier purchases to be counted: it asks for ``numbers_asked``, of which
    ``numbers_ready`` can be read; operations up to ``history_seq`` are in, of those up to ``history_until_seq``.
    """

    server_id: str
    is_seen: bool
    started_at: datetime
    seen_at: datetime
    rules_version: int
    sha256: str | None
    staged_version: int
    feed_version: int
    durable_seq: int
    refused_version: int
    refused_reason: str
    numbers_asked: int
    numbers_ready: int
    history_seq: int
    history_until_seq: int
    pulse: list[IntervalOut] = []


class ProjectorOut(BaseModel):
    """``lag_rows`` journal rows are not in the tables for people yet, for ``lag_s`` seconds. Harmless to tills."""

    seq: int
    lag_rows: int
    lag_s: float
    trouble: str


class ServersOut(BaseModel):
    """``feed_version`` is the newest version of the facts; a server with a smaller one has not taken all yet."""

    feed_version: int
    rules_version: int
    live_count: int
    servers_count: int
    servers: list[ServerOut]
    projector: ProjectorOut


class RulesInForceOut(BaseModel):
    """Asked of the server itself, now."""

    server_id: str
    rules_version: int
    sha256: str
    promotions_count: int
    durable_seq: int
    feed_version: int
    refused_version: int
    refused_reason: str
    started_at: datetime
