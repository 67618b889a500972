"""Beginning to keep what a release asks of earlier purchases: prepare, bring history, be ready.

The release waits meanwhile; tills do not. History is read by another process at low priority (`history.py`) and applied
here, a small record at a time. Invariants: nothing counts twice, for each part of history goes on where the one before
it ended; a crash at any point goes on from there; what nobody asks for any more is dropped after 40 days. It must never
hold up a call for longer than one part takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import structlog

from altyn.core.engine import (
    Engine,
    Gap,
    Record,
    are_ready,
    backfill_accumulations,
    find_gap,
    finish_accumulations,
    prepare_accumulations,
    tend_accumulations,
)
from altyn.core.ledger.accumulators_view import AccumulationView, read_accumulations
from altyn.core.rules.compile import compile_accumulations
from altyn.core.rules.ruleset import Ruleset
from altyn.server.meters import clock_us

LOOK_EVERY_S = 0.2
TEND_EVERY_S = 3_600.0
BACK_OFF_S = 5.0
LINE_BYTES_MAX = 64 << 20

log = structlog.get_logger(__name__)


def measure(names: Iterable[str]) -> Ruleset:
    """How these accumulations are measured."""
    return Ruleset(compile_accumulations(names))


class Progress(NamedTuple):
    """Of the numbers a ruleset asks for: how many, and how many can be read. Operations up to `seq` are counted, of
    those up to `until_seq`: both 0 when counting has not begun or is through.
    """

    asked: int = 0
    ready: int = 0
    seq: int = 0
    until_seq: int = 0


class Counting:
    """One engine's. `append` takes records while there `has_room`; `asked` are the names that releases ask for."""

    def __init__(
        self,
        engine: Engine,
        append: Callable[[Record], None],
        has_room: Callable[[], bool],
        durable_seq: Callable[[], int],
        asked: Callable[[], Iterable[str]],
        on_ready: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._append = append
        self._has_room = has_room
        self._durable_seq = durable_seq
        self._asked = asked
        self._on_ready = on_ready

    def recover(self) -> None:
        """After a start: what the book keeps is measured again."""
        names = [row.name for row in self._kept()]
        if names:
            self._engine.take_counting(measure(names))

    def is_ready(self, ruleset: Ruleset) -> bool:
        """All that the rules ask of earlier purchases can be read."""
        return are_ready(self._engine, ruleset.read_set["accumulations"])

    def progress(self, ruleset: Ruleset) -> Progress:
        """How far it is with what the rules ask of earlier purchases."""
        names = set(ruleset.read_set["accumulations"])
        rows = [row for row in self._kept() if row.name in names]
        counting = [row for row in rows if row.state == "COUNTING"]
        return Progress(
            len(names),
            len(rows) - len(counting),
            min((row.counted_seq for row in counting), default=0),
            max((row.from_seq for row in counting), default=0),
        )

    async def run(self) -> None:
        """Until cancelled."""
        tended_at = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.prepare()
            await self.bring_history()
            if asyncio.get_running_loop().time() - tended_at > TEND_EVERY_S and self._has_room():
                tended_at = asyncio.get_running_loop().time()
                self._take(tend_accumulations(self._engine, set(self._asked()), clock_us()))

    async def prepare(self) -> None:
        """Begin to count what is asked for and not kept."""
        while True:
            kept = [row.name for row in self._kept()]
            wanted = [name for name in dict.fromkeys(self._asked()) if name not in set(kept)]
            if not wanted or not self._has_room():
                return
            # Only this task begins and ends counting, so what is kept is the same after the wait.
            counting = await asyncio.to_thread(measure, [*kept, *wanted])
            if not self._take(prepare_accumulations(self._engine, wanted, counting, clock_us())):
                log.error("accumulations_full", asked=len(wanted))
                return

    async def bring_history(self) -> None:
        """All that is still to be counted, then readiness."""
        while (gap := find_gap(self._engine)) is not None:
            if self._durable_seq() < gap.until_seq:
                return
            log.info("history_begins", accumulations=len(gap.numbers), after_seq=gap.after_seq, until_seq=gap.until_seq)
            if not await self._bring(gap):
                await asyncio.sleep(BACK_OFF_S)
                return
        if self._has_room() and self._take(finish_accumulations(self._engine, clock_us())):
            log.info("accumulations_ready", count=len(self._kept()))
            self._on_ready()

    async def _bring(self, gap: Gap) -> bool:
        """One gap, from the process that reads; False: it ended before its time."""
        if gap.until_seq == gap.after_seq + 1:
            # The record that began the counting, and nothing before it.
            return self._take(backfill_accumulations(self._engine, gap, gap.until_seq, (), clock_us()))
        names = {row.accumulation_no: row.name for row in self._kept()}
        order = {
            "after_seq": gap.after_seq,
            "until_seq": gap.until_seq,
            "names": [[number, names[number]] for number in gap.numbers],
        }
        reader = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "altyn.server.history",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            limit=LINE_BYTES_MAX,
        )
        assert reader.stdin is not None
        assert reader.stdout is not None
        try:
            reader.stdin.write(json.dumps(order).encode() + b"\n")
            await reader.stdin.drain()
            reader.stdin.close()
            async for line in reader.stdout:
                if not self._has_room():
                    return False
                told = json.loads(line)
                if not self._take(self._part(gap, told)):
                    return True  # the gap is another one now
                gap = gap._replace(after_seq=told["through_seq"])
        finally:
            if reader.returncode is None:
                reader.kill()
            await reader.wait()
        return gap.after_seq == gap.until_seq

    def _part(self, gap: Gap, told: dict[str, Any]) -> Record | None:
        rows = [(number, account, day, store.encode(), sum_) for number, account, day, store, sum_ in told["rows"]]
        return backfill_accumulations(self._engine, gap, told["through_seq"], rows, clock_us())

    def _take(self, record: Record | None) -> bool:
        if record is not None:
            self._append(record)
        return record is not None

    def _kept(self) -> list[AccumulationView]:
        return [row for row in read_accumulations(self._engine.book) if row.state != "DROPPED"]
