"""One verification: one pass over the journal inside one read-only snapshot, every check fed page by page.

It never writes, and its memory does not grow with the journal: only with the book and with the histories given.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg

from altyn.cli.verify.arithmetic import Arithmetic
from altyn.cli.verify.balances import Balances, Door
from altyn.cli.verify.coupons import Coupons
from altyn.cli.verify.decided_again import DecidedAgain
from altyn.cli.verify.double_entry import DoubleEntry
from altyn.cli.verify.exceptions import Exceptions
from altyn.cli.verify.gap_free import GapFree
from altyn.cli.verify.histories import Histories
from altyn.cli.verify.limits import Limits
from altyn.cli.verify.lots import Lots
from altyn.cli.verify.pages import Check, Source, open_source, read_pages
from altyn.cli.verify.purchases import Purchases
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.cli.verify.report import Report
from altyn.cli.verify.taken_back import TakenBack
from altyn.cli.verify.tenders import Tenders
from altyn.cli.verify.tiers import Tiers
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.server.journal_archive import JournalArchive

# Seqs seen and the last one there is.
OnProgress = Callable[[int, int], None]


def verify(
    dsn: str,
    *,
    histories: Sequence[Path] = (),
    snapshots: Path | None = None,
    archive: Path | None = None,
    server: Door | None = None,
    pepper: bytes | None = None,
    shard: int = 0,
    on_progress: OnProgress = lambda seq, last: None,
) -> Report:
    """Check every invariant; call it outside an event loop.

    `snapshots`, `archive`: the folders the server keeps them in; `server`: where it answers the back office; `pepper`:
    the identity key, for answers that told codes.
    Trouble: there is no journal, or a history cannot be read. OSError, asyncpg.PostgresError.
    """
    return asyncio.run(
        verify_async(
            dsn,
            histories=histories,
            snapshots=snapshots,
            archive=archive,
            server=server,
            pepper=pepper,
            shard=shard,
            on_progress=on_progress,
        )
    )


async def verify_async(
    dsn: str,
    *,
    histories: Sequence[Path] = (),
    snapshots: Path | None = None,
    archive: Path | None = None,
    server: Door | None = None,
    pepper: bytes | None = None,
    shard: int = 0,
    on_progress: OnProgress = lambda seq, last: None,
) -> Report:
    """`verify` inside an event loop."""
    start = time.monotonic()
    # What was answered or kept before the snapshot of the database must be in it.
    seen, rebuilt = Histories(histories, pepper), Rebuilt(snapshots)
    balances = Balances(rebuilt)
    chain, entries, receipts, decisions, returns = GapFree(), DoubleEntry(), Arithmetic(), DecidedAgain(), TakenBack()
    coupons, tenders, lots = Coupons(), Tenders(rebuilt), Lots(rebuilt)
    limits, exceptions, purchases, tiers = Limits(lots.model), Exceptions(), Purchases(rebuilt), Tiers()
    checks: list[Check] = [
        *(seen, chain, entries, receipts, decisions, returns, coupons, tenders, limits, exceptions, balances),
        *(rebuilt, lots, purchases, tiers),
    ]
    report = Report(
        {
            "I1_acked_once": seen.acked,
            "I2_unanswered_whole": seen.whole,
            "I3_stable_answers": seen.stable,
            "I4_gap_free": chain.tally,
            "I5_double_entry": entries.tally,
            "I6_balance": balances.tally,
            "I7_money": tenders.tally,
            "I7_points": lots.conserved,
            "I8_no_overdraft": lots.overdrafts,
            "I9_lots": lots.lots,
            "I10_coupons": coupons.tally,
            "I11_limits": limits.tally,
            "I12_receipt_arithmetic": receipts.tally,
            "I13_decided_again": decisions.tally,
            "I14_taken_back": returns.tally,
            "I15_holds_end": rebuilt.holds,
            "I17_model": lots.model,
            "I19_rebuild": rebuilt.rebuild,
            "I19_purchases": purchases.tally,
            "I19_tiers": tiers.tally,
            "I21_exceptions": exceptions.tally,
        }
    )
    connection = await connect(dsn, name="altyn verify", command_timeout_s=None, idle_in_transaction_ms=0)
    try:
        if await connection.fetchval("SELECT to_regclass('shard_owner') IS NULL"):
            raise Trouble("there is no journal in this database; run altyn migrate")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            report.seq = await _pass(
                await open_source(connection, shard, JournalArchive(archive) if archive else None), checks, on_progress
            )
    finally:
        await close(connection)
    if server is not None:
        await balances.ask_server(server, dsn, shard)
    report.remarks += seen.remarks + decisions.remarks + balances.remarks + rebuilt.remarks
    report.seconds = time.monotonic() - start
    return report


async def _pass(source: Source, checks: Sequence[Check], on_progress: OnProgress) -> int:
    """Feed every page to every check; the last seq."""
    seq = 0
    async for page in read_pages(source):
        for check in checks:
            await check.take(page, source)
        seq = page[-1].seq
        on_progress(seq, source.owner_last_seq)
    for check in checks:
        await check.end(source)
    return seq


async def close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        connection.terminate()
