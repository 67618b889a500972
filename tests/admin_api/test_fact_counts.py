"""How many members, cards and codes there are is kept, never counted for a page: it must stay what counting finds."""

from __future__ import annotations

from importlib import resources
from typing import Any

import asyncpg

from altyn.admin_api.cards.repository import count_cards
from altyn.admin_api.facts import CARDS, COUPON_CODES, GIFT_CARDS, MEMBERSHIPS, FeedWriter
from altyn.admin_api.segments.repository import members_count
from altyn.infra.database import connect
from altyn.infra.migrate import load_migrations, migrate

TENANT = "counted"
KEPT = "SELECT tenant, subject, name, state, rows_count FROM fact_counts WHERE rows_count <> 0 ORDER BY 1, 2, 3, 4"
COUNTED = """
SELECT tenant, 'customer_segments' AS subject, segment AS name, '' AS state, count(*) AS rows_count
  FROM customer_segments WHERE valid_to = 'infinity' AND NOT deleted GROUP BY 1, 3
 UNION ALL SELECT tenant, 'cards', series, state, count(*) FROM cards
 WHERE valid_to = 'infinity' AND NOT deleted GROUP BY 1, 3, 4
 UNION ALL SELECT tenant, 'gift_cards', series_no::text, state, count(*) FROM gift_cards
 WHERE valid_to = 'infinity' AND NOT deleted GROUP BY 1, 3, 4
 UNION ALL SELECT tenant, 'coupon_codes', series_no::text, state, count(*) FROM coupon_codes
 WHERE valid_to = 'infinity' AND NOT deleted GROUP BY 1, 3, 4
 ORDER BY 1, 2, 3, 4
"""


async def test_kept_counts_follow_every_write(schema_dsn: str) -> None:
    connection = await connect(schema_dsn, name="test")
    await _put_tenant(connection)
    members = [(one, name) for one in range(1, 8) for name in ("regulars", "young")]
    assert await _written(connection, MEMBERSHIPS, members) == {"regulars": 7, "young": 7}
    assert await _written(connection, MEMBERSHIPS, members) == {"regulars": 7, "young": 7}, "nothing changed"
    assert await _written(connection, MEMBERSHIPS, members[:6:2], deleted=True) == {"regulars": 4, "young": 7}
    assert await _written(connection, MEMBERSHIPS, members[:2]) == {"regulars": 5, "young": 7}, "one is back"
    await _written(connection, CARDS, [_card(one, "NEW") for one in range(1, 6)])
    assert await count_cards(connection, TENANT) == {"plastic": {"NEW": 5}}
    await _written(connection, CARDS, [_card(1, "BLOCKED"), _card(2, "ACTIVE"), _card(3, "ACTIVE", series="")])
    assert await count_cards(connection, TENANT) == {"plastic": {"NEW": 2, "BLOCKED": 1, "ACTIVE": 1}}
    assert await count_cards(connection, TENANT, "golden") == {}
    for state in ("OPEN", "BLOCKED"):
        rows = [(one, bytes([one]) * 32, "0001", None, 7, 1, one, state, "") for one in range(1, 4)]
        await _written(connection, GIFT_CARDS, rows)
    codes = [(one, bytes([one]) * 16, one % 2 + 1, 1, "ACTIVE") for one in range(1, 6)]
    await _written(connection, COUPON_CODES, codes)
    await _written(connection, COUPON_CODES, [(*code[:4], "BLOCKED") for code in codes[:2]])
    await connection.execute("DELETE FROM customer_segments WHERE customer_id = 7")
    await connection.execute("UPDATE customer_segments SET segment = 'old' WHERE customer_id = 6 AND segment = 'young'")
    kept = await connection.fetch(KEPT)
    assert kept == await connection.fetch(COUNTED)
    assert await members_count(connection, TENANT, "young") == 5
    await connection.execute("UPDATE fact_counts SET rows_count = 1000")
    await connection.execute("SELECT count_facts()")
    assert await connection.fetch(KEPT) == kept
    await connection.close()


async def test_facts_from_before_are_counted_by_the_migration(database_dsn: str) -> None:
    migrations = load_migrations(resources.files("altyn.migrations"))
    connection = await connect(database_dsn, name="test")
    await migrate(connection, [one for one in migrations if one.number < 38])
    await _put_tenant(connection)
    await _write(connection, MEMBERSHIPS, [(one, "regulars") for one in range(1, 4)])
    await _write(connection, MEMBERSHIPS, [(1, "regulars")], deleted=True)
    await _write(connection, CARDS, [_card(1, "NEW"), _card(2, "ACTIVE")])
    await migrate(connection, migrations)
    assert [tuple(row) for row in await connection.fetch(KEPT)] == [
        (TENANT, "cards", "plastic", "ACTIVE", 1),
        (TENANT, "cards", "plastic", "NEW", 1),
        (TENANT, "customer_segments", "regulars", "", 2),
    ]
    await connection.close()


async def _put_tenant(connection: asyncpg.Connection[Any]) -> None:
    await connection.execute("INSERT INTO tenants (tenant, title, zone) VALUES ($1, '', 'UTC')", TENANT)


async def _write(connection: asyncpg.Connection[Any], table: Any, rows: list[Any], *, deleted: bool = False) -> None:
    async with connection.transaction():
        await FeedWriter(connection, TENANT).put(table, rows, deleted=deleted)


async def _written(
    connection: asyncpg.Connection[Any], table: Any, rows: list[Any], *, deleted: bool = False
) -> dict[str, int]:
    """Members of segments afterwards; whatever was written, what is kept is what there is."""
    await _write(connection, table, rows, deleted=deleted)
    assert await connection.fetch(KEPT) == await connection.fetch(COUNTED)
    rows = await connection.fetch("SELECT name, rows_count FROM fact_counts WHERE subject = 'customer_segments'")
    return {row["name"]: row["rows_count"] for row in rows}


def _card(card_id: int, state: str, series: str = "plastic") -> tuple[object, ...]:
    return card_id, bytes([card_id]) * 32, "0001", "", state, "", None, card_id, series, None, "PLASTIC"
