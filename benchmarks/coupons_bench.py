"""What coupon codes cost the server: memory a code, load from the feed's COPY, one look at the till.

Listed codes come as PostgreSQL sends them, so loading is the feed's own path without the wire. Codes of a serial series
are one row, so their memory is the book's bits, here in all pages, and their start a snapshot with all of these. What a
serial code costs a calculation is what a receipt with twenty of them takes longer than one without: hash, listed codes,
form, key, permutation, range, bits, and the word about it. Times are processor time.
"""

from __future__ import annotations

import random
import statistics
import struct
import time
from collections.abc import Iterator
from typing import Any

import psutil

from altyn.core.engine import Engine, Scope, calculate_receipt
from altyn.core.facts import CopyRows, Coupons, Facts
from altyn.core.facts.coupon_codes import code_hash, serial_key
from altyn.core.facts.coupons import CODE_FOUND, COUPON_UNIQUE, NEVER_US, SeriesFact
from altyn.core.facts.serial_codes import serial_codes
from altyn.core.facts.stores import StoreFact
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import apply_effects
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2, receipt_pb2

CHUNK_ROWS = 2_000
SLICE_ROWS = 1_000
LOOKS = 20_000
ROUNDS = 5
TEMPLATE = "MR-##########?"
SERIALS_A_PAGE = 16_384
EXPORTED_AT_ONCE = 50_000
CODES_A_RECEIPT = 20
TENANT = "bench"
NOW_US = 1_795_000_000_000_000
USED = journal.COUPON_USE_USED
RULES = """
promotion: bench
stage: coupon
when: {coupon: {series: bench}}
reward: [{percent: {rate: 10}}]
"""


def chunks(hashes: list[bytes]) -> Iterator[bytes]:
    """The COPY stream of these codes, numbered from 1."""
    yield b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    row = struct.Struct("!hi16siqiii?i?")
    for first in range(0, len(hashes), CHUNK_ROWS):
        part = hashes[first : first + CHUNK_ROWS]
        yield b"".join(row.pack(5, 16, one, 8, at, 4, 1, 1, False, 1, False) for at, one in enumerate(part, first + 1))
    yield b"\xff\xff"


def nanoseconds(coupons: Coupons, hashes: list[bytes], expected: bool) -> float:
    """One resolution, the call from Python included."""
    rounds = []
    for _ in range(ROUNDS):
        before = time.process_time_ns()
        found = [coupons.resolve(one, 1).result for one in hashes]
        rounds.append((time.process_time_ns() - before) / len(hashes))
        assert all((result == CODE_FOUND) is expected for result in found)
    return round(statistics.median(rounds), 1)


def run(codes: int = 1_000_000, serials: int = 10_000_000) -> dict[str, Any]:
    """Memory, load and look-up of so many listed codes, and of so many that are computed."""
    return run_listed(codes) | {"serial": run_serial(serials)}


def serial_facts(serials: int) -> Facts:
    facts = Facts()
    ensure_zone(facts.zones, "Europe/Moscow")
    facts.stores.upsert(StoreFact("s1", "Europe/Moscow", "msk", "super", "", "RUB", 2))
    facts.coupons.upsert_series(SeriesFact(1, "bench", COUPON_UNIQUE, False, 0, NEVER_US, 1, TEMPLATE, True))
    facts.coupons.upsert_range(1, 1, serials)
    return facts


def at_the_till(pepper: bytes, serials: int, codes: list[str]) -> float:
    """What one entered code adds to a calculation, in nanoseconds."""
    engine = Engine(tenant=TENANT, facts=serial_facts(serials), zone="Europe/Moscow", token_key=pepper, pepper=pepper)
    rules = read_documents(load_documents(RULES))
    engine.take_ruleset(Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1)), bytes(32), 0)
    scope = Scope(TENANT, "s1", "r1")
    plain = receipt_of([])
    asked = [receipt_of(codes[at : at + CODES_A_RECEIPT]) for at in range(0, len(codes), CODES_A_RECEIPT)]
    rounds = []
    for _ in range(ROUNDS):
        before = time.process_time_ns()
        for request in asked:
            calculate_receipt(engine, request, scope, NOW_US)
        between = time.process_time_ns()
        for _ in asked:
            calculate_receipt(engine, plain, scope, NOW_US)
        rounds.append((2 * between - before - time.process_time_ns()) / len(codes))
    return round(statistics.median(rounds), 1)


def receipt_of(codes: list[str]) -> bytes:
    receipt = receipt_pb2.Receipt(
        store_id="s1", register_id="r1", shift_number=1, receipt_number=1, currency="RUB", exponent=2
    )
    receipt.lines.add(line_no=1, sku="milk", qty_milli=1000, unit=receipt_pb2.UNIT_PIECE, price_minor=10_000)
    for code in codes:
        receipt.coupons.add(code=code)
    return pos_service_pb2.CalculateReceiptRequest(receipt=receipt).SerializeToString()


def run_serial(serials: int) -> dict[str, Any]:
    """One series, one batch of so many serials, one of every page used."""
    source = random.Random(7)
    coupons = Coupons()
    empty_bytes = coupons.allocated_bytes
    coupons.upsert_series(SeriesFact(1, "bench", COUPON_UNIQUE, False, 0, NEVER_US, 1, TEMPLATE, True))
    coupons.upsert_range(1, 1, serials)
    fact_bytes = coupons.allocated_bytes - empty_bytes
    book = Book()
    book_empty_bytes = book.bytes_used
    for first in range(1, serials + 1, SERIALS_A_PAGE):
        apply_effects(book, 1, coupons=[(serial_key(1, first), 1, USED, 0, False)])
    looked_up = source.sample(range(1, serials + 1), min(LOOKS, serials))
    book_bytes = book.bytes_used - book_empty_bytes
    pepper = source.randbytes(32)
    known = [serial_codes(pepper, TENANT, 1, TEMPLATE, one, 1).decode().strip() for one in looked_up]
    wrong = [serial_codes(pepper, "other", 1, TEMPLATE, one, 1).decode().strip() for one in looked_up]
    known_ns, wrong_ns = at_the_till(pepper, serials, known), at_the_till(pepper, serials, wrong)
    blocks = b"".join(write_snapshot(book, Operations(), SnapshotHead(1, 1, 1, 1, bytes(32))))
    starts_ms = []
    for _ in range(ROUNDS):
        before = time.process_time_ns()
        load_snapshot(blocks)
        starts_ms.append((time.process_time_ns() - before) / 1e6)
    before = time.process_time_ns()
    for first in range(1, serials + 1, EXPORTED_AT_ONCE):
        serial_codes(pepper, TENANT, 1, TEMPLATE, first, min(EXPORTED_AT_ONCE, serials + 1 - first))
    export_s = (time.process_time_ns() - before) / 1e9
    return {
        "codes": serials,
        "fact_bytes": fact_bytes,
        "book_bytes": book_bytes,
        "book_bits_per_code": round(8 * book_bytes / serials, 2),
        "snapshot_bytes": len(blocks),
        "start_from_snapshot_ms": round(statistics.median(starts_ms), 1),
        "code_at_the_till_ns": known_ns,
        "wrong_code_at_the_till_ns": wrong_ns,
        "resolve_per_s": round(1e9 / known_ns),
        "export_codes_per_s": round(serials / export_s),
    }


def run_listed(codes: int) -> dict[str, Any]:
    """Memory, load and look-up of so many codes."""
    source = random.Random(7)
    hashes = [source.randbytes(16) for _ in range(codes)]
    stream = list(chunks(hashes))
    process = psutil.Process()
    resident_before = process.memory_info().rss
    coupons = Coupons()
    empty_bytes = coupons.allocated_bytes
    coupons.upsert_series(SeriesFact(1, "bench", COUPON_UNIQUE, False, 0, NEVER_US, 1))
    rows = CopyRows()
    slices_us: list[float] = []
    before = time.process_time_ns()
    for chunk in stream:
        rows.append(chunk)
        while True:
            slice_from = time.process_time_ns()
            count = coupons.load_codes(rows, SLICE_ROWS)
            slices_us.append((time.process_time_ns() - slice_from) / 1_000)
            if count < SLICE_ROWS:
                break
    load_s = (time.process_time_ns() - before) / 1e9
    assert coupons.codes_count == codes
    looked_up = source.sample(hashes, min(LOOKS, codes))
    pepper = source.randbytes(32)
    hash_from = time.process_time_ns()
    for number in range(LOOKS):
        code_hash(pepper, f"SPRING-{number}")
    hash_ns = round((time.process_time_ns() - hash_from) / LOOKS)
    return {
        "codes": codes,
        "bytes_per_code": round((coupons.allocated_bytes - empty_bytes) / codes, 2),
        "resident_bytes_per_code": round((process.memory_info().rss - resident_before) / codes, 2),
        "load_codes_per_s": round(codes / load_s),
        "slice_us_worst": round(max(slices_us)),
        "resolve_known_ns": nanoseconds(coupons, looked_up, True),
        "resolve_unknown_ns": nanoseconds(coupons, [source.randbytes(16) for _ in looked_up], False),
        "hash_ns": hash_ns,
    }
