"""The audit log: what was done, by whom, before and after, chained by hash.

row_hash = SHA-256(prev_hash ‖ canonical JSON of the row). Invariants: rows are written in the transaction of the
change they tell of; numbers run from 1 without gaps. It must never be given personal data, card numbers, phones or
keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

GENESIS = bytes(32)
VERIFY_SLICE_ROWS = 1_000

COLUMNS = ["audit_no", "at", "actor", "action", "object_kind", "object_id", "before", "after", "request_id"]
APPEND = """
INSERT INTO audit_log (tenant, audit_no, at, actor, action, object_kind, object_id, before, after, request_id,
                       prev_hash, row_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
SINCE = f"""
SELECT {", ".join(COLUMNS)}, prev_hash, row_hash FROM audit_log WHERE tenant = $1 AND audit_no > $2 ORDER BY audit_no
"""
BASE = """
SELECT audit_no, row_hash FROM audit_log WHERE tenant = $1
   AND audit_no <= (SELECT max(audit_no) FROM audit_log WHERE tenant = $1) - $2::bigint
 ORDER BY audit_no DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """One change: ``action`` is ``area.verb``; ``before`` and ``after`` are plain JSON values or None."""

    action: str
    object_kind: str
    object_id: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; ``head_hash`` noted elsewhere proves later that no tail was cut."""

    checks: int
    violations: tuple[str, ...]
    head_no: int
    head_hash: str


def hash_row(prev_hash: bytes, tenant: str, row: Mapping[str, Any]) -> bytes:
    """The chain's next hash. ``row`` has COLUMNS; times are taken in UTC."""
    told = {name: row[name] for name in COLUMNS} | {"tenant": tenant, "at": row["at"].astimezone(UTC).isoformat()}
    return hashlib.sha256(prev_hash + orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()


async def append_deeds(
    connection: asyncpg.Connection[Any],
    tenant: str,
    deeds: Sequence[Deed],
    *,
    actor: str,
    request_id: str,
    now: datetime,
) -> None:
    """Add rows to the chain; to be called last in a transaction, since others wait for its lock."""
    if not deeds:
        return
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('altyn audit ' || $1, 0))", tenant)
    head = await connection.fetchrow(
        "SELECT audit_no, row_hash FROM audit_log WHERE tenant = $1 ORDER BY audit_no DESC LIMIT 1", tenant
    )
    number, prev_hash = (head["audit_no"], head["row_hash"]) if head else (0, GENESIS)
    for deed in deeds:
        number += 1
        row = {
            "audit_no": number,
            "at": now,
            "actor": actor,
            "action": deed.action,
            "object_kind": deed.object_kind,
            "object_id": deed.object_id,
            "before": deed.before,
            "after": deed.after,
            "request_id": request_id,
        }
        row_hash = hash_row(prev_hash, tenant, row)
        await connection.execute(APPEND, tenant, *(row[name] for name in COLUMNS), prev_hash, row_hash)
        prev_hash = row_hash


async def verify_chain(
    connection: asyncpg.Connection[Any],
    tenant: str,
    noted: Sequence[tuple[int, str]] = (),
    *,
    newest_max: int | None = None,
) -> Verification:
    """Read the whole chain by one cursor, so as of one moment, and check every number and hash.

    ``noted``: heads (number, hash) that were kept elsewhere. They find what the chain alone cannot: a tail that was
    cut, or a chain written anew from some row on. ``newest_max``: only so many of the newest rows, which is a second's
    work less for every hundred thousand others; the row before them is taken at its word.
    """
    checks = 0
    heads = dict(noted)
    violations: list[str] = []
    async with connection.transaction(readonly=True):
        base = None if newest_max is None else await connection.fetchrow(BASE, tenant, newest_max)
        base_no, prev_hash = (base["audit_no"], base["row_hash"]) if base else (0, GENESIS)
        expected_no = base_no + 1
        async for row in connection.cursor(SINCE, tenant, base_no, prefetch=VERIFY_SLICE_ROWS):
            checks += 1
            number = row["audit_no"]
            if number != expected_no:
                violations.append(f"row {number}: {expected_no} was expected")
            if row["prev_hash"] != prev_hash:
                violations.append(f"row {number}: it does not follow the row before it")
            if row["row_hash"] != hash_row(row["prev_hash"], tenant, row):
                violations.append(f"row {number}: its contents are not those it was written with")
            expected_no, prev_hash = number + 1, row["row_hash"]
            if heads.pop(number, prev_hash.hex()) != prev_hash.hex():
                violations.append(f"row {number}: it is not the head that was noted")
    violations.extend(f"row {number}: it was noted as the head, and is gone" for number in sorted(heads))
    return Verification(checks, tuple(violations), expected_no - 1, prev_hash.hex())
