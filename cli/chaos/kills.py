"""Kill, restart, drain, look: one round after another on a system of its own.

The server and PostgreSQL are killed in turn, at a moment chosen by the seed, while every register sells. A round ends
when all registers have sent what they owe and `AckedOnce` has looked. Invariants: a round that finds nothing wrong
leaves a system on which the next one starts; the server is never restarted because PostgreSQL died, it must live on.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

from altyn.cli.chaos.acked_once import AckedOnce, Findings
from altyn.cli.chaos.server_process import ServerProcess
from altyn.cli.chaos.small_world import BASKET_POINTS, OPS_KEY, prepare
from altyn.cli.chaos.till_load import ChaosFailed, TillLoad
from altyn.cli.verify.balances import Door
from altyn.cli.verify.checker import verify
from altyn.cli.verify.report import Report
from altyn.infra.embedded.postgres import DATABASE, EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.embedded.valkey import EmbeddedValkey

SERVER, POSTGRES = "server", "postgres"
BOTH = (SERVER, POSTGRES)
REGISTERS_COUNT = 16
LOAD_BEFORE_S = (0.3, 1.5)
LOAD_AFTER_S = (0.2, 0.6)
RECOVERY_PATIENCE_S = 40.0
POLL_S = 0.01
VERIFY_PATIENCE_S = 120.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one experiment, free to be killed."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey


@contextmanager
def own_stores(folder: Path, progress: Progress = lambda _: None) -> Iterator[Stores]:
    """PostgreSQL with the small world's database, and Valkey, in an empty folder. From the main thread."""
    postgres, valkey = EmbeddedPostgres(folder, server_settings={"shared_buffers": "64MB"}), EmbeddedValkey(folder)
    try:
        postgres.start(progress)
        valkey.start(progress)
        asyncio.run(create_database(postgres.dsn("postgres"), DATABASE))
        yield Stores(postgres, valkey)
    finally:
        valkey.stop()
        postgres.stop(immediately=True)


@dataclass
class Result:
    """What the rounds came to."""

    acked: int = 0
    recoveries_s: list[float] = field(default_factory=list)
    killed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BOTH, 0))
    findings: Findings = field(default_factory=Findings)
    verified: Report | None = None
    """What `altyn verify` says of the whole journal and of every register's history, at the end."""

    @property
    def is_clean(self) -> bool:
        return self.findings.is_clean and not (self.verified and self.verified.violations)

    def as_json(self) -> dict[str, Any]:
        return {
            "rounds": sum(self.killed.values()),
            "acked": self.acked,
            "lost": len(self.findings.lost),
            "doubled": self.findings.doubled_count,
            "differing": len(self.findings.differing),
            "recovery_p50_s": round(statistics.median(self.recoveries_s), 3) if self.recoveries_s else None,
            "recovery_p99_s": percentile(self.recoveries_s, 99) if self.recoveries_s else None,
            "killed_server": self.killed[SERVER],
            "killed_postgres": self.killed[POSTGRES],
            "verify_checks": self.verified.checks if self.verified else 0,
            "verify_violations": self.verified.violations if self.verified else None,
            "remarks": self.findings.remarks,
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    return round(sorted(values)[ceil(len(values) * percent / 100) - 1], 3)


def run_rounds(
    folder: Path,
    rounds_count: int,
    *,
    seed: int,
    victims: Sequence[str] = BOTH,
    registers_count: int = REGISTERS_COUNT,
    progress: Progress = lambda _: None,
) -> Result:
    """The whole experiment in an empty folder; stops at the first round with findings. ChaosFailed, ChildFailed."""
    with own_stores(folder, progress) as stores:
        asyncio.run(prepare(stores.postgres.dsn(), registers_count))
        server = ServerProcess(stores.postgres.dsn(), stores.valkey.url, folder)
        server.start()
        load = TillLoad(server.grpc_address, folder / "tills", registers_count, seed)
        try:
            load.start()
            result = _rounds(stores, server, load, rounds_count, Random(seed), victims, progress)
            load.stop()
            progress("verifying")
            door = Door(server.ops_address, OPS_KEY)
            result.verified = verify(stores.postgres.dsn(), histories=[load.history], server=door)
            for name, tally in result.verified.per_invariant.items():
                if tally.violations:
                    progress(f"{name}: {tally.violations} violations, as {'; '.join(tally.examples)}")
            return result
        finally:
            load.stop()
            server.stop()


def _rounds(
    stores: Stores,
    server: ServerProcess,
    load: TillLoad,
    rounds_count: int,
    random: Random,
    victims: Sequence[str],
    progress: Progress,
) -> Result:
    result = Result()
    looking = AckedOnce(stores.postgres.dsn(), server.ops_address)
    for number in range(1, rounds_count + 1):
        victim = victims[number % len(victims) - 1]
        load.sell()
        time.sleep(random.uniform(*LOAD_BEFORE_S))
        killed_at_us = time.time_ns() // 1000
        kill_and_restart(victim, stores, server, random)
        load.told.restarted(killed_at_us)
        recovery_s = await_recovery(server, load)
        time.sleep(random.uniform(*LOAD_AFTER_S))
        load.settle()
        server.require_running()
        is_last = number == rounds_count
        points = {account: count * BASKET_POINTS for account, count in load.told.receipts.items()}
        look = looking.look_again if is_last else looking.look
        result.findings = load.run(look(load.told.replies, points, load.told.uploaded), VERIFY_PATIENCE_S)
        result.findings.differing |= load.told.differing
        result.killed[victim] += 1
        result.recoveries_s.append(recovery_s)
        result.acked = len(load.told.replies.keys() | load.told.uploaded.keys())
        progress(
            f"round {number}/{rounds_count}: {victim} killed, back in {recovery_s:.2f} s, {result.acked} acknowledged, "
            f"{len(result.findings.lost)} lost, {result.findings.doubled_count} doubled"
        )
        if not result.findings.is_clean:
            break
    return result


def kill_and_restart(victim: str, stores: Stores, server: ServerProcess, random: Random) -> None:
    """One fault. PostgreSQL is killed outright, or stopped without a checkpoint as its immediate shutdown does."""
    if victim == SERVER:
        server.kill()
        server.start()
        return
    if random.random() < 0.5:
        stores.postgres.kill()
    else:
        stores.postgres.stop(immediately=True)
    stores.postgres.start()


def await_recovery(server: ServerProcess, load: TillLoad) -> float:
    """Seconds from the kill to the first OK."""
    deadline = time.monotonic() + RECOVERY_PATIENCE_S
    while not load.told.recovery_us:
        load.check()
        server.require_running()
        if time.monotonic() > deadline:
            raise ChaosFailed(f"no OK within {RECOVERY_PATIENCE_S:.0f} s after the kill")
        time.sleep(POLL_S)
    return load.told.recovery_us / 1e6
