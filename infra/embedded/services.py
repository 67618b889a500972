"""The two stores every process needs: the given ones, or embedded ones for as long as the ``with`` block lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import asyncpg

from altyn.infra.embedded.postgres import DATABASE, EmbeddedPostgres, Progress
from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.processes import ChildFailed
from altyn.infra.settings import Settings

CONNECT_PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where PostgreSQL and Redis answer. The supervisors are None for a store that was given."""

    postgres_dsn: str = field(repr=False)
    redis_url: str = field(repr=False)
    postgres: EmbeddedPostgres | None = field(default=None, repr=False)
    valkey: EmbeddedValkey | None = field(default=None, repr=False)

    def check(self) -> None:
        """Raise ``ChildFailed`` when an embedded store has died."""
        for name, server in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)):
            if server is not None and not server.is_running():
                raise ChildFailed(f"embedded {name} died; see {server.log}")

    def environment(self) -> dict[str, str]:
        """What a child process needs to use the same stores."""
        return {"ALTYN_POSTGRES_DSN": self.postgres_dsn, "ALTYN_REDIS_URL": self.redis_url}


@contextmanager
def embedded_services(
    settings: Settings, progress: Progress = lambda _: None, *, valkey: bool = True
) -> Iterator[Endpoints]:
    """Start (or adopt) what is not given by address; stop what was started, PostgreSQL last.

    Called from the main thread before any other thread or event loop. With ``valkey=False`` only PostgreSQL is
    provided. Raises NoProvider, ChildFailed, PlaceTaken.
    """
    with ExitStack() as stack:
        dsn, url = settings.postgres_dsn, settings.redis_url
        postgres = store = None
        if not dsn:
            postgres = EmbeddedPostgres(settings.var)
            stack.callback(postgres.stop)
            postgres.start(progress)
            asyncio.run(create_database(postgres.dsn("postgres"), DATABASE))
            dsn = postgres.dsn()
        if not url and valkey:
            store = EmbeddedValkey(settings.var)
            stack.callback(store.stop)
            store.start(progress)
            url = store.url
        yield Endpoints(dsn, url, postgres, store)


async def create_database(maintenance_dsn: str, name: str, template: str = "template1") -> bool:
    """Create the database unless it exists; True when created."""
    connection = await asyncpg.connect(maintenance_dsn, timeout=CONNECT_PATIENCE_S)
    try:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return False
        quoted = ['"' + word.replace('"', '""') + '"' for word in (name, template)]
        try:
            await connection.execute(f"CREATE DATABASE {quoted[0]} TEMPLATE {quoted[1]}")
        except asyncpg.DuplicateDatabaseError:
            return False
        return True
    finally:
        await connection.close()
