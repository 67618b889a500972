"""``python -m altyn.admin_api.shadows.worker``: one shadow, in a process of the lowest priority.

It follows the journal's tail a moment behind the tills, so the server knows nothing of it. An order of one line of JSON
on standard input; on standard output a line of JSON with the report so far, now and then and last. Invariants: every
receipt of the share is compared once, in the order of the journal; whoever goes on begins after the last one told; it
never writes to the database.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

from altyn.admin_api.shadows.differences import add, nothing
from altyn.core.backtest.depths import Depths
from altyn.core.backtest.extractor import Extractor
from altyn.core.backtest.replayer import Replayer
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import DocumentError, load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset, RulesetError
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.pos.v1 import pos_service_pb2 as pos

NICENESS = 19
TELL_EVERY_S = 1.0
LOOK_EVERY_S = 0.5
BATCH_ROWS = 1_000
COMPARING = "COMPARING"
SPREAD = 2_654_435_761  # odd, so that consecutive places spread over all of 32 bits
LAST_SEQ = "SELECT last_seq FROM shard_owner WHERE shard = 0"
SALES = "SELECT seq, body FROM journal WHERE shard = 0 AND seq > $1 AND seq <= $2 AND kind = $3 ORDER BY seq LIMIT $4"
Say = Callable[[dict[str, Any]], None]


def is_in_share(seq: int, share_ppm: int) -> bool:
    """Whether the receipt at this place is compared; the same at every start."""
    return ((seq * SPREAD & 0xFFFFFFFF) * 1_000_000 >> 32) < share_ppm


class Shadow:
    """One candidate beside the live release."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        content = order["content"]
        rules = read_documents(load_documents(content, bytes_max=len(content.encode())))
        image = compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0)
        self._depths = Depths()
        self._replayer = Replayer(Ruleset(image), depths=self._depths)
        self.report = order.get("so_far") or nothing(order["from_seq"], order["sha256"])

    async def turn(self, connection: asyncpg.Connection[Any]) -> bool:
        """Compare a batch; False: there is nothing more for now."""
        last_seq = await connection.fetchval(LAST_SEQ) or 0
        at = self.report["until_seq"]
        if last_seq <= at:
            return False
        rows = await connection.fetch(SALES, at, last_seq, pos.OPERATION_KIND_COMMIT, BATCH_ROWS)
        extractor, items = Extractor(), []
        for row in rows:
            if is_in_share(row["seq"], self._order["share_ppm"]):
                item = extractor.take(row["body"])
                if item is not None:
                    items.append(item)
        if items:
            self._replayer.open(b"".join(items), extractor.names())
            self._replayer.run(len(items))
            add(self.report, self._replayer.result(), self._depths.result())
            self._replayer.close()
        self.report["left_out"] += sum(extractor.skipped.values())
        self.report["until_seq"] = rows[-1]["seq"] if len(rows) == BATCH_ROWS else last_seq
        return True


async def work(order: dict[str, Any], say: Say) -> dict[str, Any]:
    """The report, when its time is over. Trouble, asyncpg.PostgresError, OSError."""
    shadow, told_s = Shadow(order), 0.0
    until = datetime.fromisoformat(order["until"])
    connection = await connect(order["dsn"], name="altyn shadow", command_timeout_s=60.0)
    try:
        while True:
            is_over = datetime.now(UTC) >= until
            while await shadow.turn(connection):
                told_s = _tell(say, shadow, told_s)
            if is_over:
                return shadow.report
            told_s = _tell(say, shadow, told_s)
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        connection.terminate()


def _tell(say: Say, shadow: Shadow, told_s: float) -> float:
    now_s = time.monotonic()
    if now_s - told_s < TELL_EVERY_S:
        return told_s
    compared = shadow.report["compared"]
    say({"step": COMPARING, "done_count": compared, "total_count": compared, "so_far": shadow.report})
    return now_s


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
        report = asyncio.run(work(order, say))
        count = report["compared"]
        say({"step": COMPARING, "done_count": count, "total_count": count, "report": report})
    except (DocumentError, CompileError, RulesetError) as error:
        say({"reason": "DRAFT_REFUSED", "told": str(error)})
    except (Trouble, OSError, asyncpg.PostgresError) as error:
        say({"reason": "SHADOW_FAILED", "told": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
