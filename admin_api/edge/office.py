"""What the back office holds for as long as it runs: stores, keys, the way to the processing server, the projector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.people.groups import Table
from altyn.admin_api.people.provider import Provider
from altyn.admin_api.projector import Projector
from altyn.admin_api.releases.compiling import Compiler
from altyn.infra.redis_stream import publish

WAKE_TIMEOUT_S = 1.0

log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Office:
    """One tenant's back office."""

    tenant: str
    pool: asyncpg.Pool[Any]
    redis: Redis
    pepper: bytes = field(repr=False)
    ops: OpsClient
    projector: Projector
    compiler: Compiler = field(default_factory=Compiler)
    clock: Callable[[], datetime] = utc_now
    #: What keeps a kind of job from going on in this process, by kind.
    troubles: dict[str, str] = field(default_factory=dict)
    #: By whom people may sign in besides; None: by nobody.
    provider: Provider | None = None
    roles_of_groups: Table = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """The Redis stream whose entries wake the tenant's servers."""
        return f"altyn:{self.tenant}:feed"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection of the pool, which stands for it in everything that is asked of it."""
        async with self.pool.acquire() as proxy:
            yield cast("asyncpg.Connection[Any]", proxy)

    async def wake(self, feed_version: int) -> None:
        """Ring the servers' doorbell. Best effort: without it they notice a few seconds later."""
        try:
            await asyncio.wait_for(publish(self.redis, self.stream, {"version": feed_version}), WAKE_TIMEOUT_S)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("wake_up_lost", feed_version=feed_version, error=f"{type(error).__name__}: {error}")
