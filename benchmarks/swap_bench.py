"""What tills notice of a large release: CalculateReceipt while 100,000 promotions are compiled in another process and
taken into force.

A real server on embedded stores, its release published as the back office does, found by its feed. Calls are planned at
a fixed rate far below what the server can do, and their latency counts from the planned moment, so that a stall is
charged to all whom it kept waiting. Rounds are interleaved: two of normal serving, whose ratio is the A/A band, and one
that begins with a publication and ends a second after the server has the release in force. The same documents are
published each time: all rounds serve the same rules.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import select
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from altyn.benchmarks import core_rules
from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_bench import REQUESTS_PER_REGISTER
from altyn.benchmarks.front_closed import Connection
from altyn.benchmarks.front_load import PATIENCE_S, LoadFailed
from altyn.benchmarks.front_scene import CALCULATE, STATUS_OK
from altyn.benchmarks.front_servers import start_servers
from altyn.core.rules.definition import canonical_json, default_document
from altyn.infra.embedded.services import embedded_services
from altyn.infra.settings import Settings
from altyn.server.feeds.compiler import TIMEOUTS_S

PROMOTIONS = 100_000
CONNECTIONS = 32
CALLS_PER_S = 500
SWAP_PATIENCE_S = sum(TIMEOUTS_S) + 60.0
POLL_S = 0.2
SETTLE_S = 1.0
HANDOVER_S = 3.0  # the end of a round with a release, in which the server takes it

PUBLISH = """
INSERT INTO rules_release (tenant, version, sha256, document, effective_at, emergency, published_by)
SELECT $1, $2, sha256, document, $3, false, 'bench' FROM bench_release
"""
IN_FORCE = "SELECT max(rules_version) FROM server_status WHERE tenant = $1"


@dataclass(frozen=True, slots=True)
class Phase:
    """Planned moments in seconds from the beginning, latencies in milliseconds; both in order of the answers."""

    planned_s: list[float]
    latencies_ms: list[float]
    seconds: float

    def p99_ms(self, since_s: float = 0.0) -> float:
        counted = [late for at, late in zip(self.planned_s, self.latencies_ms, strict=True) if at >= since_s]
        return statistics.quantiles(counted, n=100)[98]

    @property
    def worst_ms(self) -> float:
        return max(self.latencies_ms)


class OpenLoop:
    """Calls at planned moments over connections with one call in flight each; who finds none free waits for one."""

    def __init__(self, connections: Sequence[Connection], calls_per_s: float) -> None:
        self._by_socket = {connection.socket.fileno(): connection for connection in connections}
        self._every_s = 1 / calls_per_s
        self._poll = select.epoll()
        for number in self._by_socket:
            self._poll.register(number, select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()
        for connection in self._by_socket.values():
            connection.socket.close()

    def run(self, ended: Callable[[float], bool]) -> Phase:
        """Call until `ended`, which is told the seconds since the beginning; then let the calls in flight end."""
        free = deque(self._by_socket)
        planned: dict[int, float] = {}
        phase = Phase([], [], 0.0)
        began = time.perf_counter()
        due, now, going = 0.0, 0.0, True
        while going or planned:
            while going and free and due <= now:
                number = free.popleft()
                planned[number] = due
                self._by_socket[number].send()
                due += self._every_s
            wait = max(0.0, due - now) if going and free else PATIENCE_S
            for number, _ in self._poll.poll(wait):
                if self._by_socket[number].receive():
                    at = planned.pop(number)
                    phase.planned_s.append(at)
                    phase.latencies_ms.append((time.perf_counter() - began - at) * 1000)
                    free.append(number)
            now = time.perf_counter() - began
            if planned and now - min(planned.values()) > PATIENCE_S:
                raise LoadFailed(f"no answer for {PATIENCE_S:.0f} s")
            going = going and not ended(now)
        return Phase(phase.planned_s, phase.latencies_ms, now)


async def store_release(dsn: str, document: bytes) -> None:
    """Keep the document in the database, so that a publication costs the generator nothing."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE bench_release (sha256 bytea, document bytea)")
        digest = hashlib.sha256(document).digest()
        await connection.execute("INSERT INTO bench_release VALUES ($1, $2)", digest, document, timeout=PATIENCE_S * 6)
    finally:
        await connection.close()


async def publish(dsn: str, version: int) -> None:
    """Publish and wait until the server says that the release is in force. TimeoutError when it takes too long."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(PUBLISH, world.TENANT, version, datetime.now(UTC), timeout=PATIENCE_S * 6)
        async with asyncio.timeout(SWAP_PATIENCE_S):
            while (await connection.fetchval(IN_FORCE, world.TENANT) or 0) < version:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(POLL_S)
        await asyncio.sleep(SETTLE_S)
    finally:
        await connection.close()


def swap(loop: OpenLoop, dsn: str, version: int) -> Phase:
    """Calls from the publication of a release until it has been in force for a second."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(publish(dsn, version))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="publisher")
    thread.start()
    phase = loop.run(lambda _: not thread.is_alive())
    thread.join()
    if failed:
        raise failed[0]
    return phase


def run(*, rounds: int = 9, seconds: float = 10.0, promotions: int = PROMOTIONS) -> dict[str, Any]:
    """The figures of `altyn bench swap`; latencies in milliseconds, medians of rounds."""
    values = core_rules.promotions(promotions, Random(promotions))
    document = canonical_json([default_document(value, core_rules.ASSETS) for value in values])
    with tempfile.TemporaryDirectory(prefix="altyn-swap-") as name, ExitStack() as stack:
        folder = Path(name)
        settings = Settings(var=folder, tenant_id=world.TENANT, tenant_zone=world.ZONE, pepper=world.PEPPER.hex())
        stores = stack.enter_context(embedded_services(settings))
        asyncio.run(world.prepare(stores.postgres_dsn, CONNECTIONS))
        asyncio.run(store_release(stores.postgres_dsn, document))
        listen = dict.fromkeys(("grpc_listen", "ops_listen", "metrics_listen"), "127.0.0.1:0")
        changed = settings.model_copy(update={**listen, "var": folder / "server"})
        environment = {"server": {**changed.environment(), **stores.environment()}}
        # Not pinned: what the server starts would be so too, and the compiling process sit on the serving loop's core.
        commands = {"server": [sys.executable, "-m", "altyn.server"]}
        _, addresses = start_servers(commands, environment, folder, stack, pinned=False)
        connections = [
            Connection(
                addresses["server"],
                CALCULATE,
                world.register_key(number),
                itertools.cycle(world.calculations(number, REQUESTS_PER_REGISTER)),
                STATUS_OK,
            )
            for number in range(CONNECTIONS)
        ]
        loop = OpenLoop(connections, CALLS_PER_S)
        stack.callback(loop.close)
        return figures(measure(loop, stores.postgres_dsn, rounds, seconds)) | {
            "promotions": promotions,
            "document_bytes": len(document),
            "calls_per_s": CALLS_PER_S,
            "rounds": rounds,
        }


def measure(loop: OpenLoop, dsn: str, rounds: int, seconds: float) -> list[tuple[Phase, Phase, Phase]]:
    """Of every round: normal, normal once more, with a release."""
    # The first release changes the rules, the later ones do not.
    swap(loop, dsn, 2)
    measured = []
    for number in range(rounds):
        normal = loop.run(lambda now: now >= seconds)
        again = loop.run(lambda now: now >= seconds)
        measured.append((normal, again, swap(loop, dsn, 3 + number)))
    return measured


def figures(measured: Sequence[tuple[Phase, Phase, Phase]]) -> dict[str, Any]:
    def middle(of: Callable[[Phase, Phase, Phase], float]) -> float:
        return statistics.median(of(*phases) for phases in measured)

    normal = middle(lambda one, other, _: (one.p99_ms() + other.p99_ms()) / 2)
    swap_p99 = middle(lambda _, __, swapped: swapped.p99_ms())
    handover_p99 = middle(lambda _, __, swapped: swapped.p99_ms(swapped.seconds - HANDOVER_S))
    bands = [other.p99_ms() / one.p99_ms() for one, other, _ in measured]
    return {
        "normal_p99_ms": round(normal, 3),
        "swap_p99_ms": round(swap_p99, 3),
        "handover_p99_ms": round(handover_p99, 3),
        "swap_to_normal_ratio": round(swap_p99 / normal, 2),
        "handover_to_normal_ratio": round(handover_p99 / normal, 2),
        "again_to_normal_quartiles": [round(cut, 2) for cut in statistics.quantiles(bands, n=4)],
        "normal_worst_ms": round(middle(lambda one, other, _: max(one.worst_ms, other.worst_ms)), 1),
        "swap_worst_ms": round(middle(lambda _, __, swapped: swapped.worst_ms), 1),
        "swap_s": round(middle(lambda _, __, swapped: swapped.seconds), 1),
    }
