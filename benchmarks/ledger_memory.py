"""What an account takes in memory, and how fast accounts come back from a snapshot.

The shape is three lots of three currencies, nine counters (three limits, each by day, by month and without end) and
one card. Lots are as sales leave them: active from an instant, over at a midnight of the tenant's zone, partly spent.
Bytes are counted by the structures' own account, tables' free places included. Sums of earlier purchases lie in a pool
of their own and are told by the bucket.
"""

from __future__ import annotations

import gc
import hashlib
import shutil
import statistics
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

import psutil

from altyn.core.facts.directory import CARD_ACTIVE, CardFact, Directory
from altyn.core.ledger.accumulators_view import accumulator_sizes, apply_accumulators
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead
from altyn.core.ledger.view import apply_effects, read_memory
from altyn.server.snapshots import Snapshots

DAY_US = 86_400_000_000
LOADS = 3
LOTS_PER_ACCOUNT = 3
BUCKETS_PER_ACCOUNT = 20
_FILL_LOT = 1 << 48  # above the lots that commits open
_DAY, _MONTH, _ALWAYS = 1, 3, 5
_TIMES, _QUANTITY, _DISCOUNT = 1, 2, 3
_PER_CUSTOMER = 1


def measure_book(accounts: int, folder: Path, now_us: int, midnight_us: int) -> tuple[Book, dict[str, Any]]:
    """The book as it was loaded; one lot of each account is over at `midnight_us`."""
    process = psutil.Process()
    before = process.memory_info().rss
    book, directory = Book(), Directory()
    fill_book(book, accounts, now_us, midnight_us)
    fill_cards(directory, accounts)
    gc.collect()
    resident = process.memory_info().rss - before
    lots, counters = read_memory(book)
    figures = {
        "bytes_per_account": round((lots + counters + directory.allocated_bytes) / accounts, 1),
        "lots_bytes_per_account": round(lots / accounts, 1),
        "counters_bytes_per_account": round(counters / accounts, 1),
        "card_bytes_per_account": round(directory.allocated_bytes / accounts, 1),
        "resident_bytes_per_account": round(resident / accounts, 1),
    }
    del directory
    snapshots = Snapshots(folder)
    path = snapshots.write(book, Operations(), SnapshotHead(accounts, 1, 1, 1, bytes(32)))
    figures["snapshot_bytes_per_account"] = round(path.stat().st_size / accounts, 1)
    times, worked = [], []
    for _ in range(LOADS):
        book = Book()  # what was loaded before is gone
        started, began = perf_counter(), process_time()
        loaded = snapshots.load()
        times.append(perf_counter() - started)
        worked.append(process_time() - began)
        assert loaded.head.seq == accounts
        book = loaded.book
        del loaded
        assert book.accounts_count == accounts
    shutil.rmtree(folder)
    return book, {
        **figures,
        "accounts_loaded_per_s": round(accounts / statistics.median(times)),
        "accounts_loaded_per_cpu_s": round(accounts / statistics.median(worked)),
    }


def fill_book(book: Book, accounts: int, now_us: int, midnight_us: int) -> None:
    """Accounts 1 … by the same verb as in service, in an order in which nobody registered."""
    day = now_us // DAY_US
    windows = ((_DAY, day), (_MONTH, day - 10), (_ALWAYS, 0))
    limits = [(f"limit-{measure}", measure, window) for measure in (_TIMES, _QUANTITY, _DISCOUNT) for window in windows]
    amounts = {_TIMES: 2, _QUANTITY: 3_000, _DISCOUNT: 125_050}
    assets = range(1, LOTS_PER_ACCOUNT + 1)
    order = list(range(1, accounts + 1))
    Random(accounts).shuffle(order)
    for account in order:
        expires_us = [midnight_us + asset * 30 * DAY_US for asset in assets[:-1]] + [midnight_us]
        lots = [
            (_FILL_LOT + account * 256 + asset, account, asset, 5_000 + account % 999, now_us - account, expires)
            for asset, expires in zip(assets, expires_us, strict=True)
        ]
        postings = [(account, asset, 4_000, lot[0]) for asset, lot in zip(assets, lots, strict=True)]
        counters = [
            ((limit, measure, _PER_CUSTOMER, window, account, first), amounts[measure])
            for limit, measure, (window, first) in limits
        ]
        entry = (1, postings + [(-1, asset, -4_000, 0) for asset in assets])
        apply_effects(book, now_us, lots=lots, entries=[entry], counters=counters)


def fill_cards(directory: Directory, accounts: int) -> None:
    for number in range(1, accounts + 1):
        number_hash = hashlib.blake2b(number.to_bytes(8), digest_size=16).digest()
        card = CardFact(number_hash, number, number, number, "plastic", CARD_ACTIVE, f"{number % 10_000:04}")
        directory.upsert_card(card)


def measure_buckets(accounts: int) -> float:
    """Bytes of a sum of earlier purchases by date; they come one by one over twenty days to each account."""
    book = Book()
    name = '{"measure":"SUM","window":{"days":"30"}}'
    apply_accumulators(book, 1, accumulations=[(1, "COUNTING", name, 0, 0)])
    for day in range(1, BUCKETS_PER_ACCOUNT + 1):
        for first in range(1, accounts + 1, 1_000):
            rows = [(1, account, day, 0, 100) for account in range(first, min(first + 1_000, accounts + 1))]
            apply_accumulators(book, 1, differences=rows)
    count, size = accumulator_sizes(book)
    return round(size / count, 1)
