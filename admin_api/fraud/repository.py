"""All SQL about rules against fraud and their cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.receipts.repository import seqs_of_customer
from altyn.admin_api.stores.repository import in_reach, reach_arguments

RULES = """
SELECT rule, kind, count_window AS window, threshold, seconds, actions, holdback_days, share_percent, state, title,
       version AS feed_version
  FROM fraud_rules WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted
"""
CHANGES = (
    "SELECT change_id, rule, value, reason, state, proposed_by, proposed_at, decided_by, decided_at FROM fraud_changes"
)
CASES = """
SELECT fraud.*, verdict, note, decided_by, decided_at
  FROM fraud_cases AS fraud LEFT JOIN fraud_decisions AS decision USING (seq, case_no)
"""
LISTED = f"""
{CASES} WHERE ($1::bool IS NULL OR (decision.seq IS NULL) = $1) AND ($2::text IS NULL OR rule = $2)
   AND ($3::smallint IS NULL OR kind = $3) AND ($4::text IS NULL OR store_id = $4)
   AND ($5::text IS NULL OR register_id = $5) AND ($6::text IS NULL OR cashier_id = $6)
   AND ($7::bigint IS NULL OR card_id = $7)
   AND ($8::timestamptz IS NULL OR recorded_at >= $8) AND ($9::timestamptz IS NULL OR recorded_at < $9)
   AND ($10::bigint IS NULL OR (seq, case_no) < ($10, $11::smallint))
 ORDER BY seq DESC, case_no DESC LIMIT $12
"""
OF_CUSTOMER = f"""
{CASES} WHERE fraud.seq IN ({seqs_of_customer(1)}) AND {in_reach(2)} ORDER BY seq DESC, case_no DESC LIMIT $6
"""


async def list_rules(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    """By name."""
    found: list[asyncpg.Record] = await connection.fetch(f"{RULES} ORDER BY rule", tenant)
    return found


async def find_rule(connection: asyncpg.Connection[Any], tenant: str, rule: str) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{RULES} AND rule = $2", tenant, rule)


async def count_active(connection: asyncpg.Connection[Any], tenant: str, but: str) -> int:
    """How many rules are on beside this one. Asked under the feed clock's lock."""
    number: int = await connection.fetchval(
        "SELECT count(*) FROM fraud_rules WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
        " AND state = 'ACTIVE' AND rule <> $2",
        tenant,
        but,
    )
    return number


async def insert_change(
    connection: asyncpg.Connection[Any],
    tenant: str,
    rule: str,
    value: dict[str, Any],
    reason: str,
    actor: str,
    now: datetime,
) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO fraud_changes (tenant, rule, value, reason, proposed_by, proposed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING change_id",
        tenant,
        rule,
        value,
        reason,
        actor,
        now,
    )
    return number


async def find_change(
    connection: asyncpg.Connection[Any], tenant: str, change_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    return await connection.fetchrow(f"{CHANGES} WHERE tenant = $1 AND change_id = $2{lock}", tenant, change_id)


async def list_changes(
    connection: asyncpg.Connection[Any], tenant: str, state: str | None, before: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{CHANGES} WHERE tenant = $1 AND ($2::text IS NULL OR state = $2) AND ($3::bigint IS NULL OR change_id < $3)"
        " ORDER BY change_id DESC LIMIT $4",
        tenant,
        state,
        before,
        count_max,
    )
    return found


async def decide_change(
    connection: asyncpg.Connection[Any], tenant: str, change_id: int, state: str, actor: str, now: datetime
) -> None:
    await connection.execute(
        "UPDATE fraud_changes SET state = $3, decided_by = $4, decided_at = $5 WHERE tenant = $1 AND change_id = $2",
        tenant,
        change_id,
        state,
        actor,
        now,
    )


async def list_cases(connection: asyncpg.Connection[Any], *asked: Any) -> list[asyncpg.Record]:
    """Newest first; the order of ``asked`` is that of LISTED."""
    found: list[asyncpg.Record] = await connection.fetch(LISTED, *asked)
    return found


async def cases_of_customer(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, customer_id: int, count_max: int
) -> list[asyncpg.Record]:
    """Of the customer's newest receipts and what came back of them, newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        OF_CUSTOMER, customer_id, *reach_arguments(tenant, reach), count_max
    )
    return found


async def find_case(connection: asyncpg.Connection[Any], seq: int, number: int) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{CASES} WHERE seq = $1 AND case_no = $2", seq, number)


async def insert_decision(
    connection: asyncpg.Connection[Any], seq: int, number: int, verdict: str, note: str, actor: str, now: datetime
) -> bool:
    """False when there is one already."""
    done: str = await connection.execute(
        "INSERT INTO fraud_decisions (seq, case_no, verdict, note, decided_by, decided_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        seq,
        number,
        verdict,
        note,
        actor,
        now,
    )
    return done == "INSERT 0 1"
