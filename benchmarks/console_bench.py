"""How long the console's pages take over a big chain.

`run` makes a PostgreSQL and a Valkey of its own, lays a million customers and ten million receipt lines
(`console_world`), starts a processing server over them, and asks every page and report (`console_pages`) as somebody
who is signed in and may read everything. A time is that of the whole answer inside the back office: session, rights,
queries, the processing server's answer, template; the network is not in it. The first answer of a page is not counted.
Beside it stands the processor time of all three, which neighbours on the machine disturb least.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, cast

import asyncpg
import httpx
import uvloop
from fastapi import FastAPI
from rich.progress import Progress

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.app import create_app, settle
from altyn.admin_api.console.pages import SIGN_IN
from altyn.admin_api.console.who import SESSION
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import repository, sessions
from altyn.admin_api.projector import Projector
from altyn.benchmarks import core_rules
from altyn.benchmarks import front_world as world
from altyn.benchmarks.console_pages import Asked, Laid, addresses
from altyn.benchmarks.console_world import Chain
from altyn.benchmarks.front_servers import start_servers
from altyn.benchmarks.ledger_bench import IN_FLIGHT, Meter, open_commits
from altyn.core.ledger.book import Book
from altyn.infra.database import connect, create_pool
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.errors import Trouble
from altyn.infra.redis_stream import open_client
from altyn.infra.settings import Settings
from altyn.ops.v1 import ops_service_pb2 as ops

GOAL_MS = 300.0
ROUNDS = 10
IDLE_IN_TRANSACTION_MS = 120_000  # as the back office's own
SALES = 2_048  # in the journal
LOTS = 60  # of the regular customer
CASES = 100
READY_S = 900.0  # the server reads a million customers
OPS_KEY = bytes(range(32))
LISTEN = dict.fromkeys(("grpc_listen", "ops_listen", "metrics_listen"), "127.0.0.1:0")
BYTES_OF_CUSTOMER, BYTES_OF_LINE = 2_500, 500
DISK_MAX = 10 * 1_000_000_000
#: A reader of everything who may write rules too, and see what can be done to a customer.
ROLES = ("AUDITOR", "MARKETING_DIRECTOR", "CALL_CENTRE", "ANTIFRAUD")
TOKEN = re.compile(r'name="token" value="([^"]+)"')
FORM_PAGE = "/console/customers"  # any with a form, for the token of the session


class PageRefused(Trouble):
    """A page is not what it is when somebody may see it."""


class TooBig(Trouble):
    """There is no room for such a chain."""


def run(customers: int, lines: int) -> dict[str, Any]:
    """The figures of `altyn bench console`. Raises TooBig."""
    needed = customers * BYTES_OF_CUSTOMER + lines * BYTES_OF_LINE
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    try:
        if needed > min(DISK_MAX, shutil.disk_usage(folder).free):
            raise TooBig(f"{needed // 1_000_000} MB would be needed; give fewer --customers or --lines")
        with ExitStack() as stack:
            server, valkey = EmbeddedPostgres(folder), EmbeddedValkey(folder)
            stack.callback(server.stop, immediately=True)
            server.start()
            stack.callback(valkey.stop)
            valkey.start()
            dsn = server.dsn("postgres")
            laid = uvloop.run(_lay(dsn, Meter(server.pid), customers, lines))
            pid, address, started_s = _start_server(dsn, valkey.url, folder, stack)
            meter = Meter(server.pid, pid)
            told = uvloop.run(_measure(dsn, valkey.url, address, meter, customers))
            return {"customers": customers, "receipt_lines": lines, **laid, "server_started_s": started_s, **told}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _lay(dsn: str, meter: Meter, customers: int, lines: int) -> dict[str, Any]:
    """Sales of the journal as a server makes them, then the rest by COPY."""
    began = time.perf_counter()
    await world.prepare(dsn, IN_FLIGHT)
    commits = await open_commits(dsn, world.MEMBERS, book=Book())
    await commits.round(meter, SALES)
    await commits.journal.close()
    async with _office(dsn) as pool:
        await _project(Projector(pool))
    connection = await connect(dsn, name="altyn bench", command_timeout_s=None)
    with Progress() as bars:
        tasks: dict[str, Any] = {}

        def told(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table)
            bars.update(tasks[table], completed=done, total=total)

        await Chain(connection, customers, lines, told).lay()
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    await connection.close()
    return {"laid_s": round(time.perf_counter() - began), "database_mb": size // 1_000_000}


def _start_server(dsn: str, redis_url: str, folder: Path, stack: ExitStack) -> tuple[int, str, int]:
    """A processing server over what was laid: its process, where the back office asks it, seconds of its start."""
    print("the processing server starts")
    settings = Settings(var=folder / "server", tenant_id=world.TENANT, tenant_zone=world.ZONE)
    own = settings.model_copy(update={**LISTEN, "pepper": world.PEPPER.hex(), "ops_key": OPS_KEY.hex()})
    environment = {**own.environment(), "ALTYN_POSTGRES_DSN": dsn, "ALTYN_REDIS_URL": redis_url}
    commands = {"server": [sys.executable, "-m", "altyn.server"]}
    began = time.perf_counter()
    children, _ = start_servers(commands, {"server": environment}, folder, stack, pinned=False, patience_s=READY_S)
    child = children["server"]
    started_s = round(time.perf_counter() - began)
    print(f"it has started within {started_s} s")
    return child.process.pid, str((child.ready or {})["ops"]), started_s


@asynccontextmanager
async def _office(dsn: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    pool = await create_pool(dsn, name="altyn bench", idle_in_transaction_ms=IDLE_IN_TRANSACTION_MS)
    try:
        yield pool
    finally:
        await pool.close()


async def _project(projector: Projector) -> None:
    while await projector.turn():
        pass


async def _measure(dsn: str, redis_url: str, ops_address: str, meter: Meter, customers: int) -> dict[str, Any]:
    redis, server = open_client(redis_url), OpsClient(ops_address, OPS_KEY)
    times: dict[str, tuple[list[float], float]] = {}
    refused: dict[str, str] = {}
    try:
        async with _office(dsn) as pool:
            projector = Projector(pool)
            office = Office(world.TENANT, pool, redis, world.PEPPER, server, projector)
            app, laid = create_app(office), await _named(pool, customers)
            await _give_points(server, laid.regular)
            await _project(projector)
            await _keep_cases(office, app, laid.case)
            pages, not_asked = addresses(laid)
            settle()
            with Progress() as bars:
                for page in bars.track(pages, description="pages"):
                    try:
                        times[page.name] = found = await _times(office, app, page, meter)
                    except PageRefused as error:
                        refused[page.name] = str(error)
                        continue
                    bars.console.print(f"{statistics.median(found[0]):8.1f} ms {found[1]:8.1f} cpu  {page.name}")
    finally:
        await server.close()
        await redis.aclose()
    told_ms = {
        page: [round(statistics.median(one), 1), round(_p95(one), 1), round(cpu, 1)]
        for page, (one, cpu) in times.items()
    }
    works_ms = {page.name: told_ms.pop(page.name) for page in pages if page.is_work and page.name in told_ms}
    return {
        "goal_ms": GOAL_MS,
        "slowest_median_ms": max(median for median, *_ in told_ms.values()),
        "slowest_cpu_ms": max(cpu for *_, cpu in told_ms.values()),
        "slow": {page: one for page, one in told_ms.items() if one[1] > GOAL_MS},
        "refused": refused,
        "not_asked": not_asked,
        "median_p95_cpu_ms": told_ms,
        "works_median_p95_cpu_ms": works_ms,
    }


async def _named(pool: asyncpg.Pool[Any], customers: int) -> Laid:
    """What addresses name."""
    job = "SELECT min(job_id) FROM jobs WHERE kind = $1 AND ($2 = '' OR subject = $2)"
    return Laid(
        promotion=await pool.fetchval("SELECT min(promotion_id) FROM promotions"),
        regular=world.MEMBERS + customers - 1,
        relative=world.MEMBERS + customers // 10 + 2,
        backtest=await pool.fetchval(job, "BACKTEST", ""),
        shadow=await pool.fetchval(job, "SHADOW", ""),
        upload=await pool.fetchval(job, "SEGMENT_MEMBERS", "segment-01"),
        case="case-1",
    )


async def _give_points(server: OpsClient, account_id: int) -> None:
    """So many lots, each with a day of its own to end on."""
    now_us = time.time_ns() // 1000
    for number in range(LOTS):
        asked = ops.AdjustPointsRequest(
            op_id=number.to_bytes(16, "big"),
            account_id=account_id,
            asset="bonus",
            points=1_000 + number,
            reason="benchmark",
            actor="person:p1",
            expires_at_us=now_us + (number + 1) * 86_400_000_000,
        )
        answer = await server.adjust(asked)
        if not answer.applied:
            raise Trouble(f"the processing server declined: {answer.reason}")


async def _keep_cases(office: Office, app: FastAPI, first: str) -> None:
    """Sample receipts with the outcome they have, as publishing watches them."""
    random, token = Random(1), await _session(office)
    async with _client(app, token) as client:
        for number in range(CASES):
            lines = [
                {
                    "line_no": line_no,
                    "sku": core_rules.sku(random.randrange(world.PRODUCTS)),
                    "qty_milli": 1_000,
                    "price_minor": random.randrange(1_000, 100_000),
                }
                for line_no in range(1, 6)
            ]
            receipt = {"store_id": world.STORE, "currency": "RUB", "exponent": 2, "lines": lines}
            name = first if number == 0 else f"sample-{number}"
            answer = await client.put(
                f"/v1/receipt-cases/{name}",
                json={"title": f"Case {number}", "receipt": receipt},
                headers={"authorization": f"Bearer {token}", "idempotency-key": f"case-{number}"},
            )
            if answer.status_code >= 300:
                raise Trouble(f"no sample receipt: {answer.text[:200]}")


def _reason(html: str) -> str:
    """The code of a refusal, as pages show it."""
    found = re.search(r"<small[^>]*>([A-Z_]+)", html)
    return found[1] if found else ""


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


async def _session(office: Office) -> str:
    """The token of a session of its own for each page, so that none grows old."""
    async with office.connected() as connection, connection.transaction():
        now = office.clock()
        await connection.execute(
            "INSERT INTO people (tenant, person_id, password_is_given, factor_salt, factor_is_set, created_at,"
            " created_by) VALUES ($1, 'reader', false, $2, true, $3, 'bench') ON CONFLICT DO NOTHING",
            office.tenant,
            bytes(16),
            now,
        )
        grants = [Grant(role, "NETWORK") for role in ROLES]
        await repository.put_grants(connection, office.tenant, "reader", grants, "bench", now)
        row = await repository.find_person(connection, office.tenant, "reader")
        assert row is not None
        made = await sessions.begin_session(connection, office.tenant, row, now=now, request_id="bench")
        return made.token


def _client(app: FastAPI, token: str) -> httpx.AsyncClient:
    cookies = cast(Any, {SESSION: token})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://console", cookies=cookies, timeout=120
    )


async def _times(office: Office, app: FastAPI, page: Asked, meter: Meter) -> tuple[list[float], float]:
    """Milliseconds of each answer but the first, and of processor time of one."""
    found: list[float] = []
    async with _client(app, await _session(office)) as client:
        fields: dict[str, str] | None = None
        if page.fields is not None:
            token = TOKEN.search((await client.get(FORM_PAGE)).text)
            fields = {**page.fields, "token": token[1] if token else ""}
        for number in range(ROUNDS + 1):
            if number == 1:
                meter.start()
            began = time.perf_counter()
            answer = await (client.get(page.address) if fields is None else client.post(page.address, data=fields))
            found.append((time.perf_counter() - began) * 1e3)
            is_found = fields is not None and answer.status_code == 303 and SIGN_IN not in answer.headers["location"]
            if answer.status_code != 200 and not is_found:  # one customer: the answer leads to them
                raise PageRefused(f"{answer.status_code} {_reason(answer.text)}")
    return found[1:], sum(meter.spent(ROUNDS)) / 1e3
