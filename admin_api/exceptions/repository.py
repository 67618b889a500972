"""All SQL about exceptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.receipts.repository import seqs_of_customer
from altyn.admin_api.stores.repository import in_reach, reach_arguments

# As the view exception_outcomes, which the planner cannot walk backwards: a decision before a resolution.
FIELDS = """
exception.*, coalesce(decision.note, resolution.note) AS note,
       coalesce(decision.actor, resolution.resolved_by) AS resolved_by,
       coalesce(decision.recorded_at, resolution.resolved_at) AS resolved_at, decision.applied, decision.decided_seq
  FROM exceptions AS exception
  LEFT JOIN exception_decisions AS decision USING (seq, exception_no)
  LEFT JOIN exception_resolutions AS resolution USING (seq, exception_no)
"""
IS_OPEN = {
    True: "decision.seq IS NULL AND resolution.seq IS NULL",
    False: "(decision.seq IS NOT NULL OR resolution.seq IS NOT NULL)",
    None: "true",
}
LISTED = """
SELECT {fields} WHERE {conditions}
 ORDER BY exception.seq DESC, exception.exception_no DESC LIMIT $1
"""
OF_CUSTOMER = f"""
SELECT {FIELDS} WHERE exception.seq IN ({seqs_of_customer(1)}) AND {in_reach(2)}
 ORDER BY exception.seq DESC, exception.exception_no DESC LIMIT $6
"""
COUNTED = """
SELECT reason, count(*) AS open_count FROM exceptions
 WHERE NOT EXISTS (SELECT FROM exception_outcomes AS outcome
                    WHERE outcome.seq = exceptions.seq AND outcome.exception_no = exceptions.exception_no)
 GROUP BY reason ORDER BY open_count DESC, reason
"""


async def list_exceptions(
    connection: asyncpg.Connection[Any],
    *,
    is_open: bool | None,
    kind: int | None,
    status: int | None,
    reason: int | None,
    place: tuple[str | None, str | None],
    between: tuple[datetime | None, datetime | None],
    before: tuple[int | None, int],
    count_max: int,
) -> list[asyncpg.Record]:
    """Newest first. Only what is asked for stands in the query: planned for all that might be asked, it reads all."""
    given = {
        "kind = $%d::smallint": kind,
        "status = $%d::smallint": status,
        "reason = $%d::smallint": reason,
        "exception.store_id = $%d::text": place[0],
        "exception.register_id = $%d::text": place[1],
        "exception.recorded_at >= $%d::timestamptz": between[0],
        "exception.recorded_at < $%d::timestamptz": between[1],
    }
    conditions, values = [IS_OPEN[is_open]], [count_max, *(value for value in given.values() if value is not None)]
    asked = [condition for condition, value in given.items() if value is not None]
    conditions += [condition % number for number, condition in enumerate(asked, 2)]
    if before[0] is not None:
        first = len(values) + 1
        conditions.append(f"(exception.seq, exception.exception_no) < (${first}::bigint, ${first + 1}::smallint)")
        values += [before[0], before[1]]
    query = LISTED.format(fields=FIELDS, conditions=" AND ".join(conditions))
    found: list[asyncpg.Record] = await connection.fetch(query, *values)
    return found


async def exceptions_of_customer(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, customer_id: int, count_max: int
) -> list[asyncpg.Record]:
    """Of the customer's newest receipts and what came back of them, newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        OF_CUSTOMER, customer_id, *reach_arguments(tenant, reach), count_max
    )
    return found


async def find_exception(connection: asyncpg.Connection[Any], seq: int, number: int) -> asyncpg.Record | None:
    query = f"SELECT {FIELDS} WHERE exception.seq = $1 AND exception.exception_no = $2"
    return await connection.fetchrow(query, seq, number)


async def count_open(connection: asyncpg.Connection[Any]) -> list[asyncpg.Record]:
    """(reason, open_count)."""
    found: list[asyncpg.Record] = await connection.fetch(COUNTED)
    return found


async def insert_resolution(
    connection: asyncpg.Connection[Any], seq: int, number: int, note: str, actor: str, now: datetime
) -> bool:
    """False when there is one already."""
    done: str = await connection.execute(
        "INSERT INTO exception_resolutions (seq, exception_no, note, resolved_by, resolved_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        seq,
        number,
        note,
        actor,
        now,
    )
    return done == "INSERT 0 1"


async def delete_resolution(connection: asyncpg.Connection[Any], seq: int, number: int) -> None:
    await connection.execute("DELETE FROM exception_resolutions WHERE seq = $1 AND exception_no = $2", seq, number)


async def find_ask(
    connection: asyncpg.Connection[Any], tenant: str, seq: int, number: int, since: datetime, *, to_decide: bool = True
) -> asyncpg.Record | None:
    """What somebody asked others to agree to, not before ``since``."""
    return await connection.fetchrow(
        "SELECT asked_by, asked_at, note, sum_minor FROM exception_asks"
        " WHERE tenant = $1 AND seq = $2 AND exception_no = $3 AND asked_at > $4" + " FOR UPDATE" * to_decide,
        tenant,
        seq,
        number,
        since,
    )


async def put_ask(
    connection: asyncpg.Connection[Any],
    tenant: str,
    seq: int,
    number: int,
    note: str,
    sum_minor: int,
    actor: str,
    now: datetime,
) -> None:
    await connection.execute(
        "INSERT INTO exception_asks (tenant, seq, exception_no, note, sum_minor, asked_by, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, seq, exception_no) DO UPDATE SET"
        " note = excluded.note, sum_minor = excluded.sum_minor, asked_by = excluded.asked_by,"
        " asked_at = excluded.asked_at",
        tenant,
        seq,
        number,
        note,
        sum_minor,
        actor,
        now,
    )


async def delete_ask(connection: asyncpg.Connection[Any], tenant: str, seq: int, number: int) -> None:
    await connection.execute(
        "DELETE FROM exception_asks WHERE tenant = $1 AND seq = $2 AND exception_no = $3", tenant, seq, number
    )
