"""All SQL about keys of this API and the reading of the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.keys.schemas import AuditFilter

LISTED = "key_id, title, scopes, created_at, created_by, revoked_at"
AUDIT = """
SELECT audit_no, at, actor, action, object_kind, object_id, before, after, request_id,
       encode(row_hash, 'hex') AS row_hash
  FROM audit_log
 WHERE tenant = $1 AND ($2::bigint IS NULL OR audit_no < $2) AND ($3::text IS NULL OR object_kind = $3)
   AND ($4::text IS NULL OR object_id = $4) AND ($5::text IS NULL OR actor = $5)
   AND ($6::text IS NULL OR action = $6 OR starts_with(action, $6 || '.')) AND ($7::text IS NULL OR request_id = $7)
   AND ($8::timestamptz IS NULL OR at >= $8) AND ($9::timestamptz IS NULL OR at < $9)
 ORDER BY audit_no DESC LIMIT $10
"""


async def list_keys(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {LISTED} FROM api_keys WHERE tenant = $1 ORDER BY created_at, key_id", tenant
    )
    return found


async def insert_key(
    connection: asyncpg.Connection[Any],
    tenant: str,
    key_id: str,
    key_hash: bytes,
    title: str,
    scopes: Sequence[str],
    now: datetime,
    actor: str,
) -> None:
    await connection.execute(
        "INSERT INTO api_keys (tenant, key_id, key_hash, title, scopes, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        key_id,
        key_hash,
        title,
        list(scopes),
        now,
        actor,
    )


async def live_issuers(connection: asyncpg.Connection[Any], tenant: str) -> list[str]:
    """Ids of keys that may issue keys, locked, so that two cannot revoke the last two at once."""
    rows = await connection.fetch(
        "SELECT key_id FROM api_keys WHERE tenant = $1 AND revoked_at IS NULL AND 'keys:write' = ANY(scopes)"
        " ORDER BY key_id FOR UPDATE",
        tenant,
    )
    return [row["key_id"] for row in rows]


async def revoke_key(
    connection: asyncpg.Connection[Any], tenant: str, key_id: str, now: datetime, actor: str
) -> str | None:
    """The key's title, or None when there is no such live key."""
    title: str | None = await connection.fetchval(
        "UPDATE api_keys SET revoked_at = $3, revoked_by = $4 WHERE tenant = $1 AND key_id = $2 AND revoked_at IS NULL"
        " RETURNING title",
        tenant,
        key_id,
        now,
        actor,
    )
    return title


async def widen_keys(
    connection: asyncpg.Connection[Any], tenant: str, created_by: str, scopes: Sequence[str]
) -> list[asyncpg.Record]:
    """Give live keys of this maker all the scopes; (key_id, had) of those that had fewer."""
    found: list[asyncpg.Record] = await connection.fetch(
        "WITH narrow AS (SELECT key_id, scopes AS had FROM api_keys WHERE tenant = $1 AND created_by = $2"
        " AND revoked_at IS NULL AND NOT scopes @> $3::text[] FOR UPDATE)"
        " UPDATE api_keys SET scopes = $3 FROM narrow WHERE api_keys.tenant = $1 AND api_keys.key_id = narrow.key_id"
        " RETURNING narrow.key_id, narrow.had",
        tenant,
        created_by,
        list(scopes),
    )
    return found


async def list_audit(connection: asyncpg.Connection[Any], tenant: str, asked: AuditFilter) -> list[asyncpg.Record]:
    """Newest first, and one more than asked for."""
    found: list[asyncpg.Record] = await connection.fetch(
        AUDIT,
        tenant,
        asked.before,
        asked.object_kind,
        asked.object_id,
        asked.actor,
        asked.action,
        asked.request_id,
        asked.from_at,
        asked.to_at,
        asked.limit + 1,
    )
    return found
