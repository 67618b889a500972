"""All SQL about gift cards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.batches import BatchTable
from altyn.admin_api.facts import GIFT_CARDS

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
SERIES = f"""
SELECT series, series_no, title, template, asset, currency, pin_digits, valid_days, state, version AS feed_version,
       (SELECT coalesce(sum(rows_count), 0)::bigint FROM fact_counts AS cards WHERE cards.tenant = series.tenant
           AND cards.subject = 'gift_cards' AND cards.name = series.series_no::text) AS cards_count
  FROM gift_card_series AS series WHERE {CURRENT}
"""
BATCHES = BatchTable(
    "gift_card_batches",
    "gift_card_batch_ids",
    "batch_id, series, title, cards_count, CASE WHEN block_reason = '' THEN state ELSE 'BLOCKED' END AS state,"
    " block_reason, ordered_by, ordered_at, issued_by, issued_at",
)
CARD = """
SELECT card.gift_card_id, card.number_hash, card.last4, card.pin_hash, card.series_no, card.batch_id, card.account_id,
       card.state, card.state = 'BLOCKED' AS is_blocked, card.block_reason, card.version AS feed_version,
       series.series, series.asset, series.state AS series_state
  FROM gift_cards AS card
  JOIN gift_card_series AS series ON series.tenant = card.tenant AND series.series_no = card.series_no
                                 AND series.valid_to = 'infinity'
 WHERE card.tenant = $1 AND card.valid_to = 'infinity' AND NOT card.deleted
"""


async def list_series(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(f"{SERIES} ORDER BY series", tenant)
    return found


async def find_series(connection: asyncpg.Connection[Any], tenant: str, series: str) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{SERIES} AND series = $2", tenant, series)


async def set_issued(
    connection: asyncpg.Connection[Any], tenant: str, batch_id: int, actor: str, now: datetime
) -> None:
    await connection.execute(
        "UPDATE gift_card_batches SET state = 'ISSUED', issued_by = $3, issued_at = $4"
        " WHERE tenant = $1 AND batch_id = $2",
        tenant,
        batch_id,
        actor,
        now,
    )


async def find_card(connection: asyncpg.Connection[Any], tenant: str, gift_card_id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{CARD} AND card.gift_card_id = $2", tenant, gift_card_id)


async def find_number(connection: asyncpg.Connection[Any], tenant: str, number_hash: bytes) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{CARD} AND card.number_hash = $2", tenant, number_hash)


async def list_cards(
    connection: asyncpg.Connection[Any], tenant: str, batch_id: int, after: int, count_max: int
) -> list[asyncpg.Record]:
    """Cards of a print run, by id."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{CARD} AND card.batch_id = $2 AND card.gift_card_id > $3 ORDER BY card.gift_card_id LIMIT $4",
        tenant,
        batch_id,
        after,
        count_max,
    )
    return found


async def cards_of_run(
    connection: asyncpg.Connection[Any], tenant: str, batch_id: int, block_reason: str
) -> list[asyncpg.Record]:
    """Whole rows: those not blocked, or, of a run that is blocked for this reason, those that it has blocked."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {', '.join(GIFT_CARDS.columns)} FROM gift_cards WHERE {CURRENT} AND batch_id = $2"
        " AND ($3 = '' AND state <> 'BLOCKED' OR $3 <> '' AND state = 'BLOCKED' AND block_reason = $3)",
        tenant,
        batch_id,
        block_reason,
    )
    return found
