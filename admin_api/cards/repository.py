"""All SQL about cards, their series and print runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.batches import BatchTable
from altyn.admin_api.customers.repository import CARD, CURRENT
from altyn.admin_api.facts import CARDS

LISTED = f"""
SELECT {CARD} FROM cards
 WHERE {CURRENT} AND card_id > $2 AND ($3::text IS NULL OR series = $3) AND ($4::text IS NULL OR state = $4)
   AND ($5::bigint IS NULL OR customer_id = $5) AND ($6::bigint IS NULL OR batch_id = $6) ORDER BY card_id LIMIT $7
"""
STATE_BEFORE_BLOCK = """
SELECT state FROM cards WHERE tenant = $1 AND card_id = $2 AND state <> 'BLOCKED' ORDER BY version DESC LIMIT 1
"""
SERIES = "series, title, template, card_type, state, updated_by, updated_at"
COUNTS = """
SELECT name AS series, state, rows_count AS cards_count FROM fact_counts
 WHERE tenant = $1 AND subject = 'cards' AND name <> '' AND ($2::text IS NULL OR name = $2) AND rows_count > 0
"""
STORE_SERIES = """
INSERT INTO card_series (tenant, series, title, template, card_type, state, updated_by, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant, series) DO UPDATE SET title = excluded.title, template = excluded.template,
    card_type = excluded.card_type, state = excluded.state, updated_by = excluded.updated_by,
    updated_at = excluded.updated_at
"""
BATCHES = BatchTable(
    "card_batches",
    "card_batch_ids",
    "batch_id, series, title, cards_count, CASE WHEN block_reason = '' THEN 'ISSUED' ELSE 'BLOCKED' END AS state,"
    " block_reason, created_by, created_at",
)
# To block: what is in use. To unblock: what the run blocked, with what each card was before.
RUN_TO_BLOCK = (
    f"SELECT {', '.join(CARDS.columns)} FROM cards WHERE {CURRENT} AND batch_id = $2 AND state IN ('NEW', 'ACTIVE')"
)
RUN_TO_UNBLOCK = f"""
SELECT {", ".join(f"card.{name}" for name in CARDS.columns)}, coalesce((
           SELECT state FROM cards AS earlier WHERE earlier.tenant = $1 AND earlier.card_id = card.card_id
              AND earlier.state <> 'BLOCKED' ORDER BY version DESC LIMIT 1), 'NEW') AS state_before
  FROM cards AS card WHERE {CURRENT} AND batch_id = $2 AND state = 'BLOCKED' AND block_reason = $3
"""


async def find_card(connection: asyncpg.Connection[Any], tenant: str, card_id: int) -> asyncpg.Record | None:
    """A card with its hash."""
    query = f"SELECT {CARD}, number_hash FROM cards WHERE {CURRENT} AND card_id = $2"
    return await connection.fetchrow(query, tenant, card_id)


async def list_cards(
    connection: asyncpg.Connection[Any],
    tenant: str,
    after: int,
    series: str | None,
    state: str | None,
    customer_id: int | None,
    batch_id: int | None,
    count_max: int,
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        LISTED, tenant, after, series, state, customer_id, batch_id, count_max
    )
    return found


async def cards_of_run(
    connection: asyncpg.Connection[Any], tenant: str, batch_id: int, block_reason: str
) -> list[asyncpg.Record]:
    """Whole rows: those in use, or, of a run that is blocked for this reason, those that it has blocked."""
    query, given = (RUN_TO_UNBLOCK, [block_reason]) if block_reason else (RUN_TO_BLOCK, [])
    found: list[asyncpg.Record] = await connection.fetch(query, tenant, batch_id, *given)
    return found


async def state_before_block(connection: asyncpg.Connection[Any], tenant: str, card_id: int) -> str:
    """What the card was before it was blocked; NEW for one that has never been anything else."""
    return await connection.fetchval(STATE_BEFORE_BLOCK, tenant, card_id) or "NEW"


async def list_series(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {SERIES} FROM card_series WHERE tenant = $1 ORDER BY series", tenant
    )
    return found


async def find_series(
    connection: asyncpg.Connection[Any], tenant: str, series: str, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    query = f"SELECT {SERIES} FROM card_series WHERE tenant = $1 AND series = $2{lock}"
    return await connection.fetchrow(query, tenant, series)


async def count_cards(
    connection: asyncpg.Connection[Any], tenant: str, series: str | None = None
) -> dict[str, dict[str, int]]:
    """Series → state → how many cards."""
    found: dict[str, dict[str, int]] = {}
    for row in await connection.fetch(COUNTS, tenant, series):
        found.setdefault(row["series"], {})[row["state"]] = row["cards_count"]
    return found


async def store_series(
    connection: asyncpg.Connection[Any], tenant: str, series: str, values: dict[str, Any], actor: str, now: datetime
) -> None:
    given = (values["title"], values["template"], values["card_type"], values["state"])
    await connection.execute(STORE_SERIES, tenant, series, *given, actor, now)
