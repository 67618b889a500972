"""A release tried on the last receipts of the journal before it comes into force, in a process of its own.

What would be in force and what is in force decide the same receipts, by the machinery of backtests; a rail is broken
where the one breaks it on more receipts than the other, for what was wrong before is nobody's new fault. Schedules of
what changes are taken as open: a promotion of next week is tried as if its week had come. Invariants: the process has
a time limit, so no document stalls or brings down the back office; nothing is written.

A call holds a connection of the pool while it rehearses, so there are never more processes than connections.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import asyncpg

from altyn.admin_api.rails.errors import RehearsalFailed
from altyn.admin_api.rails.schemas import Rail, Rails
from altyn.infra.processes import die_with_parent
from altyn.pos.v1 import pos_service_pb2 as pos

WORKER = "altyn.admin_api.rails.rehearsal"
RECEIPTS_MAX = 10_000
RECORDS_LOOKED_AT = 50_000
PAGE_ROWS = 1_000
TIMEOUT_S = 90.0
NICENESS = 5
ANSWER_BYTES_MAX = 8 << 20
SIZE = struct.Struct("<I")
HOUR_US = 3_600_000_000
SPAN_LEAST_US = 60_000_000
ALWAYS, NEVER = {"from": "1970-01-01"}, {"to": "1970-01-01"}
# The place of the first of so many newest sales.
FIRST = """
SELECT min(seq) AS first_seq, count(*) AS count FROM (
    SELECT seq FROM journal
     WHERE shard = 0 AND kind = $1 AND seq > (SELECT last_seq FROM shard_owner WHERE shard = 0) - $2
     ORDER BY seq DESC LIMIT $3) AS newest
"""
SALES = "SELECT seq, body FROM journal WHERE shard = 0 AND kind = $1 AND seq >= $2 ORDER BY seq LIMIT $3"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the journal gave on the receipts; ``promotions``: discount by promotion."""

    receipts_count: int
    gross_minor: int
    discount_minor: int
    promotions: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """``breaches`` are those of ``schemas.BreachOut``; no receipts: nothing is known."""

    receipts_count: int = 0
    breaches: tuple[dict[str, Any], ...] = ()
    baseline: Baseline | None = None


async def rehearse(
    connection: asyncpg.Connection[Any],
    *,
    content: bytes,
    without: bytes,
    changed: Sequence[str],
    rails: Rails,
) -> Rehearsed:
    """``content`` would be in force, ``without`` is; ``changed`` are the ids in which they differ. Raises
    RehearsalFailed.
    """
    head = await connection.fetchrow(FIRST, pos.OPERATION_KIND_COMMIT, RECORDS_LOOKED_AT, RECEIPTS_MAX)
    if head is None or not head["count"] or content == without:
        return Rehearsed()
    order = {
        "content": len(content),
        "without": len(without),
        "changed": sorted(changed),
        "receipt_max_ppm": rails.receipt_discount_max_ppm,
        "floor_ppm": rails.price_floor_ppm,
    }
    told = await _ask(connection, order, content + without, head["first_seq"])
    if told["receipts"] == 0:
        return Rehearsed()
    is_cut = head["count"] >= RECEIPTS_MAX
    baseline = Baseline(**told["baseline"]) if told["baseline"]["gross_minor"] > 0 else None
    return Rehearsed(told["receipts"], tuple(breaches_of(told, changed, rails, is_cut=is_cut)), baseline)


def breaches_of(told: Mapping[str, Any], changed: Sequence[str], rails: Rails, *, is_cut: bool) -> list[dict[str, Any]]:
    """What is broken. ``is_cut``: there were more receipts, so a shorter time than an hour tells the pace of one."""
    after, before = told["after"], told["before"]
    of_one = changed[0] if len(changed) == 1 else ""
    seqs = [seq for seq, _ in after["worst"]]
    found = []
    if after["deep"] > before["deep"]:
        count = after["deep"] - before["deep"]
        allowed = rails.receipt_discount_max_ppm
        found.append(_breach(Rail.RECEIPT_DISCOUNT, of_one, allowed, after["deepest_ppm"], count, seqs))
    if after["low"] > before["low"]:
        count = after["low"] - before["low"]
        found.append(_breach(Rail.PRICE_FLOOR, of_one, rails.price_floor_ppm, after["lowest_ppm"], count, seqs))
    span_us = max(after["last_us"] - after["first_us"], SPAN_LEAST_US)
    for promotion_id, _, minor in after["hours"]:
        spent_minor = minor * HOUR_US // span_us if is_cut and span_us < HOUR_US else minor
        if rails.hour_budget_minor and promotion_id in changed and spent_minor > rails.hour_budget_minor:
            count = told["receipts"]
            found.append(_breach(Rail.HOUR_BUDGET, promotion_id, rails.hour_budget_minor, spent_minor, count, []))
    return found


def _breach(
    rail: Rail, promotion_id: str, allowed: int, found: int, receipts_count: int, seqs: list[int]
) -> dict[str, Any]:
    return {
        "rail": rail.value,
        "promotion_id": promotion_id,
        "allowed": allowed,
        "found": found,
        "receipts_count": receipts_count,
        "seqs": seqs,
    }


async def _ask(
    connection: asyncpg.Connection[Any], order: Mapping[str, Any], contents: bytes, first_seq: int
) -> dict[str, Any]:
    """The process' answer. The receipts are sent page by page: neither side holds more than it works on twice."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        WORKER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=ANSWER_BYTES_MAX,
        preexec_fn=die_with_parent(signal.SIGKILL),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert worker.stdin is not None and worker.stdout is not None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            worker.stdin.write(json.dumps(order).encode() + b"\n" + contents)
            at, left = first_seq, RECEIPTS_MAX
            while left > 0:
                rows = await connection.fetch(SALES, pos.OPERATION_KIND_COMMIT, at, min(left, PAGE_ROWS))
                if not rows:
                    break
                for row in rows:
                    worker.stdin.write(SIZE.pack(len(row["body"])) + row["body"])
                await worker.stdin.drain()
                at, left = rows[-1]["seq"] + 1, left - len(rows)
            worker.stdin.close()
            answer = await worker.stdout.readline()
            status = await worker.wait()
    except TimeoutError:
        raise RehearsalFailed(f"rehearsing took more than {TIMEOUT_S:g} s") from None
    except (ConnectionError, ValueError):
        raise RehearsalFailed("the rehearsing process died") from None
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    if status != 0 or not answer:
        raise RehearsalFailed(f"the rehearsing process ended with status {status}")
    told: dict[str, Any] = json.loads(answer)
    return told


# IN THE PROCESS


def opened(document: dict[str, Any]) -> dict[str, Any]:
    """The document as if its time had come, whenever that is."""
    return {key: _opened(value, True) if key == "when" else value for key, value in document.items()}


def _opened(value: Any, is_wanted: bool) -> Any:
    """``is_wanted``: what is inside has to hold."""
    if isinstance(value, list):
        return [_opened(one, is_wanted) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: (ALWAYS if is_wanted else NEVER) if key == "schedule" else _opened(one, is_wanted != (key == "none"))
        for key, one in value.items()
    }


def _work(stream: BinaryIO) -> dict[str, Any]:
    from altyn.core.backtest.depths import Depths
    from altyn.core.backtest.extractor import Extractor
    from altyn.core.backtest.replayer import Replayer
    from altyn.core.backtest.sums import COLUMNS
    from altyn.core.rules.compile import compile_ruleset
    from altyn.core.rules.definition import load_documents, read_documents
    from altyn.core.rules.ruleset import Ruleset

    def ruleset_of(content: bytes, changed: frozenset[str]) -> Ruleset:
        documents = load_documents(content.decode(), bytes_max=len(content))
        tried = [opened(one) if one.get("promotion") in changed else one for one in documents]
        rules = read_documents(tried)
        return Ruleset(compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0))

    order = json.loads(stream.readline())
    content, without = stream.read(order["content"]), stream.read(order["without"])
    rulesets = {
        "before": ruleset_of(without, frozenset()),
        "after": ruleset_of(content, frozenset(order["changed"])),
    }
    extractor, items = Extractor(), []
    while size := stream.read(SIZE.size):
        item = extractor.take(stream.read(SIZE.unpack(size)[0]))
        if item is not None:
            items.append(item)
    told: dict[str, Any] = {"receipts": len(items)}
    names, whole = extractor.names(), b"".join(items)
    for side, ruleset in rulesets.items():
        depths = Depths(order["receipt_max_ppm"], order["floor_ppm"])
        replayer = Replayer(ruleset, depths=depths)
        replayer.open(whole, names)
        replayer.run(RECEIPTS_MAX)
        told[side] = depths.result()
        sums = replayer.result()
    total = dict(zip(COLUMNS, sums["total"], strict=False))
    told["baseline"] = {
        "receipts_count": total["receipts"],
        "gross_minor": total["gross_minor"],
        "discount_minor": total["discount_before_minor"],
        "promotions": {name: row[1] for name, row in sums["promotions_before"]},
    }
    return told


def main() -> None:
    """Documents and receipts on standard input, a line of JSON on standard output."""
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints must not get into the answer
    answers.write(json.dumps(_work(sys.stdin.buffer)).encode() + b"\n")
    answers.close()


if __name__ == "__main__":
    main()
