"""All SQL about families and what is being done to accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.facts import CARDS

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
FAMILY = "family_id, title, head_id AS head_customer_id, account_id, state, created_by, created_at"
ACT = (
    "act_id, kind, state, refusal, customer_id, to_customer_id, family_id, account_id, to_account_id, points, reason,"
    " created_by, created_at, updated_at"
)


async def insert_family(
    connection: asyncpg.Connection[Any],
    tenant: str,
    title: str,
    head_id: int,
    account_id: int,
    actor: str,
    now: datetime,
) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO families (tenant, title, head_id, account_id, created_by, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING family_id",
        tenant,
        title,
        head_id,
        account_id,
        actor,
        now,
    )
    return number


async def find_family(connection: asyncpg.Connection[Any], tenant: str, family_id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {FAMILY} FROM families WHERE tenant = $1 AND family_id = $2", tenant, family_id
    )


async def list_families(
    connection: asyncpg.Connection[Any], tenant: str, after: int, count_max: int
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {FAMILY} FROM families WHERE tenant = $1 AND family_id > $2 AND state = 'ACTIVE'"
        " ORDER BY family_id LIMIT $3",
        tenant,
        after,
        count_max,
    )
    return found


async def list_with_members(
    connection: asyncpg.Connection[Any], tenant: str, after: int, count_max: int
) -> list[dict[str, Any]]:
    """Families with who is in them and what was done last, in words of the tables."""
    found = [dict(row) for row in await list_families(connection, tenant, after, count_max)]
    ids = [row["family_id"] for row in found]
    members = await connection.fetch(
        "SELECT family_id, customer_id, state FROM family_members WHERE tenant = $1 AND family_id = ANY($2)"
        " ORDER BY customer_id",
        tenant,
        ids,
    )
    acts = await connection.fetch(
        "SELECT DISTINCT ON (family_id) family_id, state, refusal FROM account_acts"
        " WHERE tenant = $1 AND family_id = ANY($2) ORDER BY family_id, act_id DESC",
        tenant,
        ids,
    )
    last = {row["family_id"]: row for row in acts}
    for row in found:
        row["members"] = [one for one in members if one["family_id"] == row["family_id"]]
        act = last.get(row["family_id"])
        row |= {"state": act["state"] if act else "DONE", "refusal": act["refusal"] if act else ""}
    return found


async def members_of(connection: asyncpg.Connection[Any], tenant: str, family_id: int) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT customer_id, state, since FROM family_members WHERE tenant = $1 AND family_id = $2"
        " ORDER BY customer_id",
        tenant,
        family_id,
    )
    return found


async def find_member(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT family_id, state FROM family_members WHERE tenant = $1 AND customer_id = $2", tenant, customer_id
    )


async def put_member(
    connection: asyncpg.Connection[Any], tenant: str, customer_id: int, family_id: int, state: str, now: datetime
) -> None:
    await connection.execute(
        "INSERT INTO family_members (tenant, customer_id, family_id, state, since) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (tenant, customer_id) DO UPDATE SET state = excluded.state, since = excluded.since",
        tenant,
        customer_id,
        family_id,
        state,
        now,
    )


async def drop_member(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> None:
    await connection.execute("DELETE FROM family_members WHERE tenant = $1 AND customer_id = $2", tenant, customer_id)


async def insert_act(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    kind: str,
    customer_id: int,
    account_id: int,
    to_account_id: int,
    reason: str,
    actor: str,
    now: datetime,
    family_id: int | None = None,
    to_customer_id: int | None = None,
    points: dict[str, int] | None = None,
) -> asyncpg.Record:
    row = await connection.fetchrow(
        "INSERT INTO account_acts (tenant, kind, customer_id, to_customer_id, family_id, account_id, to_account_id,"
        " points, reason, next_at, created_by, created_at, updated_at)"
        f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $11, $10, $11, $11) RETURNING {ACT}",
        tenant,
        kind,
        customer_id,
        to_customer_id,
        family_id,
        account_id,
        to_account_id,
        points or {},
        reason,
        actor,
        now,
    )
    assert isinstance(row, asyncpg.Record)
    return row


async def find_act(connection: asyncpg.Connection[Any], tenant: str, act_id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {ACT} FROM account_acts WHERE tenant = $1 AND act_id = $2", tenant, act_id
    )


async def acts_of(
    connection: asyncpg.Connection[Any], tenant: str, customer_id: int, count_max: int
) -> list[asyncpg.Record]:
    """Joins, leaves and merges of a customer, newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {ACT} FROM account_acts WHERE tenant = $1 AND customer_id = $2 ORDER BY act_id DESC LIMIT $3",
        tenant,
        customer_id,
        count_max,
    )
    return found


async def is_busy(connection: asyncpg.Connection[Any], tenant: str, customer_ids: list[int]) -> bool:
    """Something is pending that one of the customers is in."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM account_acts WHERE tenant = $1 AND state = 'PENDING'"
        " AND (customer_id = ANY($2) OR to_customer_id = ANY($2)))",
        tenant,
        customer_ids,
    )
    return found


async def take_act(connection: asyncpg.Connection[Any], tenant: str, now: datetime) -> asyncpg.Record | None:
    """The pending act that has waited longest and nobody else works at, locked."""
    return await connection.fetchrow(
        f"SELECT {ACT}, tries_count FROM account_acts WHERE tenant = $1 AND state = 'PENDING' AND next_at <= $2"
        " ORDER BY next_at, act_id LIMIT 1 FOR UPDATE SKIP LOCKED",
        tenant,
        now,
    )


async def move_act(
    connection: asyncpg.Connection[Any],
    tenant: str,
    act_id: int,
    state: str,
    refusal: str,
    now: datetime,
    next_at: datetime,
) -> None:
    await connection.execute(
        "UPDATE account_acts SET state = $3, refusal = $4, updated_at = $5, next_at = $6, tries_count = tries_count + 1"
        " WHERE tenant = $1 AND act_id = $2",
        tenant,
        act_id,
        state,
        refusal,
        now,
        next_at,
    )


async def take_family_over(connection: asyncpg.Connection[Any], tenant: str, head_id: int, family_id: int) -> None:
    """Members of the family this customer is the head of come along; it is closed."""
    await connection.execute(
        "UPDATE family_members SET family_id = $3 WHERE tenant = $1 AND family_id IN"
        " (SELECT family_id FROM families WHERE tenant = $1 AND head_id = $2 AND state = 'ACTIVE' AND family_id <> $3)",
        tenant,
        head_id,
        family_id,
    )
    await connection.execute(
        "UPDATE families SET state = 'CLOSED'"
        " WHERE tenant = $1 AND head_id = $2 AND state = 'ACTIVE' AND family_id <> $3",
        tenant,
        head_id,
        family_id,
    )


async def heads(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> bool:
    """The customer is the head of a family."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM families WHERE tenant = $1 AND head_id = $2 AND state = 'ACTIVE')",
        tenant,
        customer_id,
    )
    return found


async def card_rows(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> list[asyncpg.Record]:
    """All columns of the customer's cards."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {', '.join(CARDS.columns)} FROM cards WHERE {CURRENT} AND customer_id = $2", tenant, customer_id
    )
    return found


async def forget_person(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> None:
    await connection.execute(
        "DELETE FROM personal.customers WHERE tenant = $1 AND customer_id = $2", tenant, customer_id
    )
