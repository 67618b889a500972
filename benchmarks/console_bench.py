"""How long the console's pages take over a big chain.

`run` makes a PostgreSQL and a Valkey of its own, lays a million customers and ten million receipt lines
(`console_world`), and asks every page and report as somebody who is signed in and may read everything. A time is that
of the whole answer inside the back office: session, rights, queries, template; the network is not in it. The first
answer of a page is not counted. Beside it stands the processor time of both, which neighbours on the machine disturb
least. A page whose address takes what is not laid is named under `not_asked`.
"""

from __future__ import annotations

import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import uvloop
from fastapi import FastAPI
from rich.progress import Progress

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.app import create_app
from altyn.admin_api.console.routes import page_routes
from altyn.admin_api.console.who import SESSION
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import repository, sessions
from altyn.admin_api.projector import Projector
from altyn.admin_api.reports.definitions import REPORTS
from altyn.benchmarks import front_world as world
from altyn.benchmarks.console_world import DAYS, FIRST_SEQ, Chain
from altyn.benchmarks.ledger_bench import IN_FLIGHT, Meter, open_commits
from altyn.core.ledger.book import Book
from altyn.infra.database import connect, create_pool
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.errors import Trouble
from altyn.infra.redis_stream import open_client

GOAL_MS = 300.0
ROUNDS = 10
IDLE_IN_TRANSACTION_MS = 120_000  # as the back office's own
SALES = 2_048  # in the journal
BYTES_OF_CUSTOMER, BYTES_OF_LINE = 2_000, 500
DISK_MAX = 10 * 1_000_000_000
#: Not pages but works: a page that has come says that they are under way, or they are asked for by name.
WORKS = ("/console/releases/new?checked=1", "/console/audit-chain?whole=1")
#: A reader of everything who may write rules too.
ROLES = ("AUDITOR", "MARKETING_DIRECTOR")


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
            return uvloop.run(_measure(server.dsn("postgres"), valkey.url, Meter(server.pid), customers, lines))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(dsn: str, redis_url: str, meter: Meter, customers: int, lines: int) -> dict[str, Any]:
    began = time.perf_counter()
    await world.prepare(dsn, IN_FLIGHT)
    commits = await open_commits(dsn, world.MEMBERS, book=Book())
    await commits.round(meter, SALES)
    await commits.journal.close()
    pool = await create_pool(dsn, name="altyn bench", idle_in_transaction_ms=IDLE_IN_TRANSACTION_MS)
    projector = Projector(pool)
    while await projector.turn():
        pass
    connection = await connect(dsn, name="altyn bench", command_timeout_s=None)
    with Progress() as bars:
        tasks: dict[str, Any] = {}

        def told(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table)
            bars.update(tasks[table], completed=done, total=total)

        await Chain(connection, customers, lines, told).lay()
    laid_s = time.perf_counter() - began
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    promotion = await connection.fetchval("SELECT min(promotion_id) FROM promotions")
    await connection.close()
    redis = open_client(redis_url)
    office = Office(world.TENANT, pool, redis, world.PEPPER, OpsClient("127.0.0.1:1", bytes(32)), projector)
    pages, not_asked = _addresses(promotion)
    app, times, refused = create_app(office), {}, {}
    try:
        with Progress() as bars:
            for page in bars.track(pages, description="pages"):
                try:
                    times[page] = await _times(office, app, page, meter)
                except PageRefused as error:
                    refused[page] = str(error)
                    continue
                bars.console.print(f"{statistics.median(times[page][0]):8.1f} ms {times[page][1]:8.1f} cpu  {page}")
    finally:
        await office.ops.close()
        await redis.aclose()
        await pool.close()
    told_ms = {
        page: [round(statistics.median(one), 1), round(_p95(one), 1), round(cpu, 1)]
        for page, (one, cpu) in times.items()
    }
    works_ms = {page: told_ms.pop(page) for page in WORKS if page in told_ms}
    return {
        "customers": customers,
        "receipt_lines": lines,
        "laid_s": round(laid_s),
        "database_mb": size // 1_000_000,
        "goal_ms": GOAL_MS,
        "slowest_median_ms": max(median for median, *_ in told_ms.values()),
        "slowest_cpu_ms": max(cpu for *_, cpu in told_ms.values()),
        "slow": {page: one for page, one in told_ms.items() if one[1] > GOAL_MS},
        "refused": refused,
        "not_asked": not_asked,
        "median_p95_cpu_ms": told_ms,
        "works_median_p95_cpu_ms": works_ms,
    }


def _reason(html: str) -> str:
    """The code of a refusal, as pages show it."""
    found = re.search(r"<small[^>]*>([A-Z_]+)", html)
    return found[1] if found else ""


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


async def _times(office: Office, app: FastAPI, page: str, meter: Meter) -> tuple[list[float], float]:
    """Milliseconds of each answer but the first, and of processor time of one. A session of its own, so that none grows
    old.
    """
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
    found: list[float] = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://console",
        cookies=cast(Any, {SESSION: made.token}),
        timeout=120,
    ) as client:
        for number in range(ROUNDS + 1):
            if number == 1:
                meter.start()
            began = time.perf_counter()
            answer = await client.get(page)
            found.append((time.perf_counter() - began) * 1e3)
            if answer.status_code != 200:
                raise PageRefused(f"{answer.status_code} {_reason(answer.text)}")
    return found[1:], sum(meter.spent(ROUNDS)) / 1e3


def _addresses(promotion: str) -> tuple[list[str], list[str]]:
    """Every page that is read, with what its address takes; and those nobody knows what to ask of."""
    seq = FIRST_SEQ + 50_000
    known = {
        "/console/promotions/{promotion_id}": [f"/console/promotions/{promotion}"],
        "/console/promotions/{promotion_id}/history": [f"/console/promotions/{promotion}/history"],
        "/console/promotions/{promotion_id}/review": [f"/console/promotions/{promotion}/review"],
        "/console/promotions/{promotion_id}/backtests": [f"/console/promotions/{promotion}/backtests"],
        "/console/releases/{version}": ["/console/releases/1"],
        "/console/releases/{version}/rollout": ["/console/releases/1/rollout"],
        "/console/receipts/{seq}": ["/console/receipts/7"],
        "/console/exceptions/{key}": [f"/console/exceptions/{seq}-0"],
        "/console/fraud/cases/{key}": [f"/console/fraud/cases/{seq}-0"],
        "/console/people/{person_id}": ["/console/people/p1"],
        "/console/audit/{audit_no}": ["/console/audit/100000"],
        "/console/reports": [],  # leads to the first of them
        "/console/reports/{report}": list(_reports("")),
        "/console/reports/{report}/report.{ending}": [*_reports("/report.csv"), *_reports("/report.xlsx")][::4],
    }
    more = [
        "/console/search?text=promo",
        "/console/promotions?text=promotion-9",
        "/console/promotions?state=ACTIVE&stage=item",
        "/console/promotions?validity=now",
        "/console/products/hits?sku=S0000007&price=100",
        f"/console/receipts?before={seq}",
        f"/console/receipts?day={_day(30)}",
        f"/console/receipts?day={_day(30)}&store_id=S007",
        "/console/exceptions?state=ALL",
        "/console/exceptions?state=RESOLVED&store_id=S000",
        "/console/exceptions?state=OPEN&reason=SUM_MISMATCH",
        "/console/fraud/cases?state=ALL",
        "/console/fraud/cases?state=DECIDED&cashier_id=C50",
        "/console/jobs?state=FAILED",
        "/console/jobs?kind=BACKTEST",
        "/console/audit?action=cards&from_day=2020-01-01",
        "/console/audit?object_kind=promotion&object_id=object-4",
        "/console/audit?actor=person:p7",
        "/console/value/families?at=50000",
        "/console/value/accruals?at=5000",
        *WORKS,
    ]
    paths = dict.fromkeys(one.path for one in page_routes() if one.method == "GET")
    asked = [page for path in paths for page in known.get(path, [] if "{" in path else [path])]
    return [*asked, *more], [path for path in paths if "{" in path and path not in known]


def _reports(ending: str) -> Iterator[str]:
    """Each report by each of what it may be grouped by, of a year."""
    for report in REPORTS.values():
        for by in report.by:
            yield f"/console/reports/{report.name}{ending}?by={by}&from_day={_day(DAYS - 1)}&to_day={_day(0)}"


def _day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(ago)).date().isoformat()
