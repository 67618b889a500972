"""What coupon codes cost the server: memory a code, load from the feed's COPY, one look at the till.

Codes come as PostgreSQL sends them, so loading is the feed's own path without the wire. Times are processor time.
"""

from __future__ import annotations

import random
import statistics
import struct
import time
from collections.abc import Iterator
from typing import Any

import psutil

from altyn.core.facts import CopyRows, Coupons
from altyn.core.facts.coupon_codes import code_hash
from altyn.core.facts.coupons import CODE_FOUND, COUPON_UNIQUE, NEVER_US, SeriesFact

CHUNK_ROWS = 2_000
SLICE_ROWS = 1_000
LOOKS = 20_000
ROUNDS = 5


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


def run(codes: int = 1_000_000) -> dict[str, Any]:
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
