"""How fast a draft is replayed over the journal, and how fast a day is extracted for it.

`run` makes a PostgreSQL of its own, lets the call table commit receipts of 20 lines by 1,000 promotions as
`ledger_bench` does, extracts them as `altyn backtest` does, and replays the files again and again until a million
receipts are decided by a draft of 1,001 promotions: in processes of their own, each file proven by its hash, as in
service. Figures per core are of processor time. With limits the receipts follow one another in one process, and every
sale looks at a budget.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from altyn.admin_api.backtests import extracts as extracts_module
from altyn.admin_api.backtests.extracts import Extract, make_extracts
from altyn.admin_api.backtests.journal_days import open_days
from altyn.admin_api.backtests.report import report_of
from altyn.admin_api.backtests.work import Draft, Replays, Runs
from altyn.benchmarks import core_rules
from altyn.benchmarks import front_world as world
from altyn.benchmarks.ledger_bench import IN_FLIGHT, Meter, open_commits
from altyn.core.ledger.book import Book
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import default_document, read_documents
from altyn.infra.database import connect
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.server.journal_archive import JournalArchive

CORPUS = 32_768
RECEIPTS = 1_048_576
WITH_LIMITS = 262_144
RECEIPTS_OF_FILE = 8_192
PROCESSES = 2
FIVE_PERCENT: dict[str, Any] = {
    "promotion": "draft",
    "stage": "receipt",
    "reward": [{"percent": {"rate": 5}}],
}
BUDGET: dict[str, Any] = FIVE_PERCENT | {"limits": [{"budget": 1_000_000_000, "per": "promotion", "window": "always"}]}


def run() -> dict[str, Any]:
    """The figures of `altyn bench backtest`. Takes about a minute."""
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    extracts_module.RECEIPTS_OF_FILE = RECEIPTS_OF_FILE
    try:
        server = EmbeddedPostgres(folder)
        server.start()
        try:
            extracts, extracting = uvloop.run(_journal(server.dsn("postgres"), folder, Meter(server.pid)))
        finally:
            server.stop(immediately=True)
        plain = _replay(_draft(FIVE_PERCENT), extracts, folder, RECEIPTS)
        counted = _replay(_draft(BUDGET), extracts, folder, WITH_LIMITS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "receipts": plain["receipts"],
        "receipts_per_s_per_core": plain["per_s_per_core"],
        "extract_receipts_per_s": round(CORPUS / extracting),
        "receipts_per_s": plain["per_s"],
        "processes": min(PROCESSES, len(os.sched_getaffinity(0))),
        "changed": plain["changed"],
        "with_limits_receipts": counted["receipts"],
        "with_limits_per_s_per_core": counted["per_s_per_core"],
        "lines_per_receipt": world.LINES,
        "promotions": world.PROMOTIONS + 1,
        "bytes_per_receipt": round(sum(extract.items_bytes for extract in extracts) / CORPUS),
    }


def _draft(document: dict[str, Any]) -> Draft:
    """The released promotions, and one more."""
    assets = [default_document(asset) for asset in core_rules.ASSETS]
    rules = read_documents([*assets, *world.documents(), document])
    return Draft(compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0))


async def _journal(dsn: str, folder: Path, meter: Meter) -> tuple[list[Extract], float]:
    """A journal of real records, extracted; seconds that took."""
    await world.prepare(dsn, IN_FLIGHT, world.MEMBERS)
    commits = await open_commits(dsn, world.MEMBERS, book=Book())
    await commits.round(meter, CORPUS)
    await commits.journal.close()
    connection = await connect(dsn, name="altyn bench", command_timeout_s=None)
    try:
        journal = await open_days(connection, JournalArchive(folder / "archive"))
        days = await journal.last_days(2, world.ZONE)
        begun = time.perf_counter()
        made = [one async for one in make_extracts(journal, days, folder / "extracts")]
        spent = time.perf_counter() - begun
    finally:
        await connection.close()
    assert sum(one.receipts for one in made) == CORPUS
    return made, spent


def _replay(draft: Draft, extracts: list[Extract], folder: Path, receipts: int) -> dict[str, Any]:
    """The files over and over."""
    wanted = extracts * (receipts // CORPUS)
    processes = min(PROCESSES, len(os.sched_getaffinity(0)))
    replays = Replays(draft, wanted, folder / "extracts", Runs(folder / "backtests", draft), processes)
    begun = time.perf_counter()
    done = list(replays.run())
    spent = time.perf_counter() - begun
    report = report_of(done, wanted, complete=True)
    assert report["receipts"] == receipts
    assert not report["skipped"]
    return {
        "receipts": receipts,
        "per_s_per_core": round(receipts / sum(one.seconds for one in done)),
        "per_s": round(receipts / spent),
        "changed": report["changed"],
    }
