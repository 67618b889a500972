"""A back office for a test: a database of its own with this version's schema, the run's Valkey, a small processing
server.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import grpc.aio
import httpx
import pytest

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.app import create_app
from altyn.admin_api.bootstrap import admin_key_path, prepare
from altyn.admin_api.edge.office import Office
from altyn.admin_api.projector import Projector
from altyn.infra.database import connect, create_pool
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.migrate import load_migrations, migrate
from altyn.infra.redis_stream import open_client
from altyn.infra.settings import Settings
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.desk import OPS_KEY, PEPPER, TENANT, Desk, SmallServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated_template(embedded_postgres: EmbeddedPostgres, postgres_dsn: str) -> str:
    """A database with the schema and nothing in it, to be copied."""

    async def make() -> None:
        await create_database(postgres_dsn, "admin_template")
        connection = await connect(embedded_postgres.dsn("admin_template"), name="test")
        await migrate(connection, load_migrations(resources.files("altyn.migrations")))
        await connection.close()

    asyncio.run(make())
    return "admin_template"


@pytest.fixture
def schema_dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, migrated_template: str) -> str:
    """A fresh database with the schema."""
    name = f"admin_{next(_numbers)}"
    asyncio.run(create_database(postgres_dsn, name, template=migrated_template))
    return embedded_postgres.dsn(name)


@pytest.fixture
def settings(tmp_path: Path, schema_dsn: str, redis_url: str) -> Settings:
    return Settings(
        var=tmp_path,
        postgres_dsn=schema_dsn,
        redis_url=redis_url,
        tenant_id=TENANT,
        admin_listen="127.0.0.1:0",
        admin_metrics_listen="127.0.0.1:0",
    )


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, SmallServer]]:
    """(address, server)."""
    address = f"unix:{tmp_path}/ops"
    small, door = SmallServer(), grpc.aio.server()
    ops_grpc.add_OpsServiceServicer_to_server(small, door)
    door.add_insecure_port(address)
    await door.start()
    yield address, small
    await door.stop(None)


@pytest.fixture
async def office(settings: Settings, server: tuple[str, SmallServer]) -> AsyncIterator[Office]:
    pool = await create_pool(settings.postgres_dsn, name="test", size_max=4)
    redis = open_client(settings.redis_url)
    ops = OpsClient(server[0], OPS_KEY)
    office = Office(TENANT, pool, redis, PEPPER, ops, Projector(pool))
    await redis.delete(office.stream)
    try:
        async with office.connected() as connection:
            await prepare(connection, settings, datetime.now(UTC))
        yield office
    finally:
        await ops.close()
        await redis.aclose()
        await pool.close()


@pytest.fixture
async def desk(office: Office, settings: Settings) -> AsyncIterator[Desk]:
    """The API with the first key, which may do everything."""
    transport = httpx.ASGITransport(create_app(office), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
        yield Desk(client, office, admin_key_path(settings).read_text().strip())
