"""Names the facts have, offered while somebody types: formats, regions, segments, categories and so on."""

from __future__ import annotations

from collections.abc import Mapping

from altyn.admin_api.console.pages import Visit

SHOWN_MAX = 200
# Field of the form → a column of the facts. Table and column names come from here only.
SOURCES: Mapping[str, tuple[str, str]] = {
    "store.format": ("stores", "format"),
    "store.region": ("stores", "region"),
    "store.cluster": ("stores", "cluster"),
    "store.id": ("stores", "store_id"),
    "customer.segment": ("segments", "segment"),
    "category": ("product_groups", "group_id"),
    "asset": ("assets", "asset"),
    "series": ("coupon_series", "series"),
}
QUERY = """
SELECT DISTINCT {column} AS name FROM {table}
 WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted AND {column} <> '' ORDER BY name LIMIT $2
"""


async def lists(visit: Visit) -> dict[str, list[str]]:
    """The first names of every kind."""
    found = {}
    for field, (table, column) in SOURCES.items():
        query = QUERY.format(table=table, column=column)
        rows = await visit.call.connection.fetch(query, visit.call.tenant, SHOWN_MAX)
        found[field] = [row["name"] for row in rows]
    return found
