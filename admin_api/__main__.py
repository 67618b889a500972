"""``python -m altyn.admin_api``: the HTTP API and the projector in one process, on uvloop.

Prints ``ready {json}`` once it listens; SIGTERM and SIGINT end it with status 0 after the calls in flight. Migrations
are not its business.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import orjson
import structlog
import uvicorn
import uvloop

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.accruals.jobs import AccrualJobs
from altyn.admin_api.app import create_app, settle
from altyn.admin_api.backtests.jobs import BacktestJobs
from altyn.admin_api.bootstrap import admin_key_path, prepare
from altyn.admin_api.edge.office import Office, utc_now
from altyn.admin_api.events.jobs import EventJobs
from altyn.admin_api.families.acts import ActJobs
from altyn.admin_api.jobs.runner import Works, run_jobs
from altyn.admin_api.metrics import CountedCalls, OfficeState
from altyn.admin_api.people.groups import read_table
from altyn.admin_api.people.provider import Provider, provider_terms
from altyn.admin_api.projector import Projector
from altyn.admin_api.publishing.due import DueJobs
from altyn.admin_api.rails.watch import RailJobs
from altyn.admin_api.segments.jobs import MemberJobs
from altyn.admin_api.shadows.jobs import ShadowJobs
from altyn.infra.channels import ops_files
from altyn.infra.database import create_pool
from altyn.infra.errors import Trouble
from altyn.infra.logs import configure_logs
from altyn.infra.metrics import LoopLag, MetricsDoor, new_registry
from altyn.infra.redis_stream import open_client
from altyn.infra.settings import Secrets, Settings, load_secrets, split_address

STOP_PATIENCE_S = 10
IDLE_IN_TRANSACTION_MS = 120_000  # publishing compiles inside its transaction
POOL_SIZE_MAX = 12

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """Tells when it listens, and leaves signals to ``serve``."""

    metrics_address = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        assert sockets
        host, port = sockets[0].getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        told = {"admin": address, "url": f"http://{address}", "metrics": self.metrics_address}
        print("ready " + orjson.dumps(told).decode(), flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def open_office(settings: Settings, keys: Secrets) -> AsyncIterator[Office]:
    """Everything the back office holds, with the projector running."""
    roles_of_groups = read_table(settings.oidc_roles)
    pool = await create_pool(
        settings.postgres_dsn,
        name="altyn admin",
        size_max=POOL_SIZE_MAX,
        idle_in_transaction_ms=IDLE_IN_TRANSACTION_MS,
        command_timeout_s=300.0,
    )
    redis = open_client(settings.redis_url)
    ops = OpsClient(settings.ops_listen, keys.ops_key, ops_files(settings))
    office = Office(
        settings.tenant_id,
        pool,
        redis,
        keys.pepper,
        ops,
        Projector(pool),
        provider=Provider(provider_terms(settings), utc_now) if settings.oidc_issuer else None,
        roles_of_groups=roles_of_groups,
    )
    kinds: tuple[Works, ...] = (
        MemberJobs(office),
        BacktestJobs(office, settings),
        ShadowJobs(office, settings),
        ActJobs(office),
        AccrualJobs(office),
        EventJobs(office),
        DueJobs(office),
        RailJobs(office),
    )
    working = [asyncio.create_task(run_jobs(works, office.troubles), name=works.kind) for works in kinds]
    working.append(asyncio.create_task(office.projector.run(), name="projector"))
    try:
        async with office.connected() as connection:
            if await prepare(connection, settings, datetime.now(UTC)):
                log.info("first_key_made", path=str(admin_key_path(settings)))
        yield office
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await ops.close()
        await redis.aclose()
        pool.terminate()


async def serve(settings: Settings) -> None:
    """Answer until a stop signal. Raises OSError, asyncpg.PostgresError, TenantDiffers."""
    host, port = split_address(settings.admin_listen)
    async with open_office(settings, load_secrets(settings)) as office:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        state, lag = OfficeState(office), LoopLag()
        registry = new_registry(state.collect, lag.collect)
        metrics = MetricsDoor(registry, settings.admin_metrics_listen, state.refresh)
        await metrics.start()
        measuring = asyncio.create_task(lag.run(), name="loop-lag")
        config = uvicorn.Config(
            CountedCalls(create_app(office), registry),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=STOP_PATIENCE_S,
        )
        server = Server(config)
        server.metrics_address = metrics.address

        def stop() -> None:
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        settle()
        try:
            await server.serve(sockets=[listening])
        finally:
            measuring.cancel()
            await metrics.stop()
            await asyncio.gather(measuring, return_exceptions=True)


def main() -> None:
    settings = Settings()
    configure_logs(level=settings.log_level, form=settings.log_format, process="admin")
    log.info("starting", **settings.describe())
    try:
        uvloop.run(serve(settings))
    except (Trouble, OSError) as error:
        sys.exit(f"altyn admin: {error}")


if __name__ == "__main__":
    main()
