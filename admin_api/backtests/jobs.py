"""Backtests as jobs: a process for each, one at a time, whose progress is written down every second.

Invariants: a job that is cancelled, or that another process holds by now, has no process here within a second and a
half; a process ends with the back office, and what it had finished is found again by whoever goes on.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import structlog

from altyn.admin_api.edge.office import Office
from altyn.admin_api.jobs import repository
from altyn.admin_api.jobs.schemas import JobKind, JobState
from altyn.infra.processes import die_with_parent
from altyn.infra.settings import Settings

WORKER = "altyn.admin_api.backtests.worker"
BEAT_S = 1.0
HOLD = timedelta(seconds=20)
LINE_BYTES_MAX = 64 << 20
TOLD_CHARS_MAX = 4_000

log = structlog.get_logger(__name__)


class BacktestJobs:
    """Works off the backtests of one tenant, the oldest first. ``processes``: 0 leaves a core to others."""

    kind = JobKind.BACKTEST
    worker = ""

    def __init__(self, office: Office, settings: Settings, processes: int = 0) -> None:
        self._office = office
        self._settings = settings
        self._processes = processes
        self._holder = f"{socket.gethostname()[:40]} {os.getpid()} {secrets.token_hex(4)}"

    async def turn(self) -> bool:
        """One backtest from its beginning, or from where it stopped, to its end."""
        office = self._office
        async with office.connected() as connection:
            job = await repository.take(connection, office.tenant, self.kind, self._holder, office.clock(), HOLD)
            if job is None:
                return False
            zone = await connection.fetchval("SELECT zone FROM tenants WHERE tenant = $1", office.tenant)
        settings = {"dsn": self._settings.postgres_dsn, "var": str(self._settings.var), "processes": self._processes}
        order = {**self.order_of(job), **settings, "tenant": office.tenant, "zone": zone}
        try:
            await self._watch(job["job_id"], order)
        except asyncio.CancelledError:
            async with office.connected() as connection:
                await repository.let_go(connection, office.tenant, job["job_id"], self._holder)
            raise
        return True

    def order_of(self, job: asyncpg.Record) -> dict[str, Any]:
        """What the process is told of the job."""
        return dict(job["given"])

    async def _watch(self, job_id: int, order: dict[str, Any]) -> None:
        """A process at work, until it has answered or nobody wants it any more."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.worker or WORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            preexec_fn=die_with_parent(signal.SIGKILL),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        said: dict[str, Any] = {"step": "", "done_count": 0, "total_count": 0}
        reading = asyncio.create_task(_read(child, order, said))
        try:
            while not (await asyncio.wait({reading}, timeout=BEAT_S))[0]:
                if not await self._hold_on(job_id, said):
                    log.info("backtest_stopped", job_id=job_id)
                    return
            reading.result()
            await self._hold_on(job_id, said)
            await self._end(job_id, said, await child.wait())
        finally:
            reading.cancel()
            if child.returncode is None:
                child.kill()
            await child.wait()
            await asyncio.gather(reading, return_exceptions=True)

    async def _hold_on(self, job_id: int, said: dict[str, Any]) -> bool:
        office = self._office
        async with office.connected() as connection:
            return await repository.hold_on(
                connection,
                office.tenant,
                job_id,
                self._holder,
                step=said["step"],
                done_count=said["done_count"],
                total_count=said["total_count"],
                so_far=said.get("so_far"),
                now=office.clock(),
                hold=HOLD,
            )

    async def _end(self, job_id: int, said: dict[str, Any], status: int) -> None:
        is_done = "report" in said
        reason = None if is_done else said.get("reason", "PROCESS_DIED")
        told = "" if is_done else str(said.get("told", f"the process ended with status {status}"))
        async with self._office.connected() as connection:
            await repository.end(
                connection,
                self._office.tenant,
                job_id,
                self._holder,
                state=JobState.DONE if is_done else JobState.FAILED,
                now=self._office.clock(),
                result=said.get("report", said.get("so_far")),
                reason=reason,
                told=told[:TOLD_CHARS_MAX].replace("\0", ""),
            )
        log.info("backtest_ended", job_id=job_id, reason=reason)


async def _read(child: asyncio.subprocess.Process, order: dict[str, Any], said: dict[str, Any]) -> None:
    """Give the order, and keep what is told until there is no more."""
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(orjson.dumps(order) + b"\n")
    child.stdin.close()
    while line := await child.stdout.readline():
        said |= orjson.loads(line)
