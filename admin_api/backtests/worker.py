"""``python -m altyn.admin_api.backtests.worker``: one backtest, in a process of the lowest priority.

An order of one line of JSON on standard input; on standard output a line of JSON whenever it is further, and a last
one with the report or with why there is none. Invariants: all it keeps are files that are whole or not there, so it may
be killed at any time and begun again; it never writes to the database.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from altyn.admin_api.backtests.extracts import Extract, make_extracts
from altyn.admin_api.backtests.journal_days import Day, JournalDays, open_days
from altyn.admin_api.backtests.report import report_of, shortened
from altyn.admin_api.backtests.rules import DraftRefused, draft_of
from altyn.admin_api.backtests.work import Draft, OnProgress, Replays, Runs
from altyn.infra.database import connect
from altyn.infra.errors import Trouble

NICENESS = 19
TELL_EVERY_S = 0.25
EXTRACTING, REPLAYING = "EXTRACTING", "REPLAYING"
Say = Callable[[dict[str, Any]], None]


def processes_count() -> int:
    """One core less than there are is left to whoever serves tills on this machine."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def work(order: dict[str, Any], say: Say) -> dict[str, Any]:
    """The report. DraftRefused, Trouble, OSError."""
    begun = time.monotonic()
    draft, base, extracts = asyncio.run(prepare(order, say))
    folder = Path(order["var"])
    runs = Runs(folder / "backtests", draft)
    replays = Replays(draft, extracts, folder / "extracts", runs, order["processes"] or processes_count())
    done = list(replays.run(_telling(say, REPLAYING)))
    report = report_of(done, extracts, complete=True)
    return shortened(report) | {"on_release": base, "seconds": round(time.monotonic() - begun, 3)}


async def prepare(order: dict[str, Any], say: Say) -> tuple[Draft, int, list[Extract]]:
    """The draft compiled over the newest release, its version, and the extracts of the days."""
    connection = await connect(order["dsn"], name="altyn backtest", command_timeout_s=None)
    try:
        stores = frozenset(order["stores"]) or None
        draft, base = await draft_of(
            connection, order["tenant"], [order["document"]], name=order["promotion_id"], on_release=True, stores=stores
        )
        journal = await open_days(connection, None)
        wanted = await _days(journal, order)
        making = make_extracts(journal, wanted, Path(order["var"]) / "extracts", _telling(say, EXTRACTING))
        return draft, base, [one async for one in making]
    finally:
        connection.terminate()


async def _days(journal: JournalDays, order: dict[str, Any]) -> list[Day]:
    if order["days"] is not None:
        return await journal.last_days(order["days"], order["zone"])
    first, last = (date.fromisoformat(order[name]) for name in ("first_day", "last_day"))
    return await journal.days_between(first, last, order["zone"])


def _telling(say: Say, step: str) -> OnProgress:
    """Tells how far a step is, now and then."""
    told_s = 0.0

    def tell(done: int, whole: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= TELL_EVERY_S or done >= whole:
            told_s = now_s
            say({"step": step, "done_count": done, "total_count": whole})

    return tell


def main() -> None:
    os.nice(NICENESS)
    order = orjson.loads(sys.stdin.buffer.readline())
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever else prints must not get into the answers

    def say(told: dict[str, Any]) -> None:
        whole = orjson.dumps(told) + b"\n"
        while whole:
            whole = whole[answers.write(whole) :]

    try:
        say({"report": work(order, say)})
    except DraftRefused as error:
        say({"reason": "DRAFT_REFUSED", "told": str(error)})
    except (Trouble, OSError) as error:
        say({"reason": "BACKTEST_FAILED", "told": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
