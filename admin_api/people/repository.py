"""All SQL about people, roles and sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.edge.rights import Grant

FIELDS = """person_id, name, state, password_hash, password_is_given, factor_salt, factor_is_set, factor_step,
       email, oidc_issuer, oidc_subject, created_at, created_by"""
GRANTS = """
SELECT person_id, role, reach, place FROM person_roles WHERE tenant = $1 AND person_id = ANY($2)
 ORDER BY person_id, role, reach, place
"""
LISTED = f"""
SELECT {FIELDS}, (SELECT max(seen_at) FROM person_sessions AS session
                   WHERE session.tenant = people.tenant AND session.person_id = people.person_id) AS seen_at
  FROM people WHERE tenant = $1 AND person_id > $2 ORDER BY person_id LIMIT $3
"""
SESSION = """
SELECT session.session_id, session.person_id, session.seen_at, session.by_provider, session.has_second_factor,
       person.name, person.state, person.password_is_given, person.factor_is_set,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(role, reach, place) ORDER BY role, reach, place), '[]')
          FROM person_roles AS granted
         WHERE granted.tenant = person.tenant AND granted.person_id = person.person_id) AS grants
  FROM person_sessions AS session JOIN people AS person USING (tenant, person_id)
 WHERE session.token_hash = $1 AND tenant = $2 AND session.ended_at IS NULL AND session.expires_at > $3
   AND session.seen_at > $4 AND person.state = 'ACTIVE'
"""
# The attempt counts as failed until it has succeeded, so that guesses sent at once are counted one by one.
ATTEMPT = """
INSERT INTO sign_in_attempts AS attempt (tenant, login_hash, failures_count, tried_at, closed_until)
VALUES ($1, $2, 1, $3, $3)
ON CONFLICT (tenant, login_hash) DO UPDATE
   SET failures_count = CASE WHEN attempt.tried_at < $4 THEN 1 ELSE least(attempt.failures_count + 1, 1000) END,
       tried_at = $3,
       closed_until = CASE WHEN attempt.tried_at < $4 OR attempt.failures_count + 1 < $5 THEN $3
                           ELSE $3 + least($6::interval * power(2, least(attempt.failures_count + 1 - $5, 20)), $7) END
 WHERE attempt.closed_until <= $3
RETURNING failures_count
"""
ADMINISTRATORS = """
SELECT DISTINCT person_id FROM person_roles JOIN people USING (tenant, person_id)
 WHERE tenant = $1 AND role = 'ADMINISTRATOR' AND reach = 'NETWORK' AND state = 'ACTIVE'
"""


async def find_person(
    connection: asyncpg.Connection[Any], tenant: str, person_id: str, *, to_change: bool = False
) -> asyncpg.Record | None:
    """``to_change`` locks the row."""
    query = f"SELECT {FIELDS} FROM people WHERE tenant = $1 AND person_id = $2"
    return await connection.fetchrow(query + (" FOR UPDATE" if to_change else ""), tenant, person_id)


async def find_by_subject(
    connection: asyncpg.Connection[Any], tenant: str, issuer: str, subject: str
) -> asyncpg.Record | None:
    """By the name a provider gave them. Locked."""
    return await connection.fetchrow(
        f"SELECT {FIELDS} FROM people WHERE tenant = $1 AND oidc_issuer = $2 AND oidc_subject = $3 FOR UPDATE",
        tenant,
        issuer,
        subject,
    )


async def find_by_email(
    connection: asyncpg.Connection[Any], tenant: str, email: str, issuer: str
) -> asyncpg.Record | None:
    """Whom this provider has not named yet. Locked."""
    return await connection.fetchrow(
        f"SELECT {FIELDS} FROM people WHERE tenant = $1 AND email = $2 AND oidc_issuer <> $3 FOR UPDATE",
        tenant,
        email,
        issuer,
    )


async def has_email(connection: asyncpg.Connection[Any], tenant: str, email: str) -> bool:
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM people WHERE tenant = $1 AND email = $2)", tenant, email
    )
    return found


async def take_state(
    connection: asyncpg.Connection[Any], tenant: str, state_hash: bytes, now: datetime, *, forgotten_before: datetime
) -> bool:
    """Use up a state; False when it was. Old ones are forgotten, a few at a time."""
    await connection.execute(
        "DELETE FROM oidc_states WHERE ctid IN (SELECT ctid FROM oidc_states WHERE taken_at < $1"
        " LIMIT 100 FOR UPDATE SKIP LOCKED)",
        forgotten_before,
    )
    done: str = await connection.execute(
        "INSERT INTO oidc_states (tenant, state_hash, taken_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        tenant,
        state_hash,
        now,
    )
    return done == "INSERT 0 1"


async def list_people(
    connection: asyncpg.Connection[Any], tenant: str, after: str, count_max: int
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(LISTED, tenant, after, count_max)
    return found


async def grants_of(
    connection: asyncpg.Connection[Any], tenant: str, person_ids: Iterable[str]
) -> dict[str, tuple[Grant, ...]]:
    found: dict[str, tuple[Grant, ...]] = dict.fromkeys(person_ids, ())
    for row in await connection.fetch(GRANTS, tenant, list(found)):
        found[row["person_id"]] += (Grant(row["role"], row["reach"], row["place"]),)
    return found


async def insert_person(
    connection: asyncpg.Connection[Any],
    tenant: str,
    person_id: str,
    name: str,
    email: str,
    password_hash: str,
    actor: str,
    now: datetime,
) -> bool:
    """False when the login is somebody's."""
    done: str = await connection.execute(
        "INSERT INTO people (tenant, person_id, name, email, password_hash, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        tenant,
        person_id,
        name,
        email,
        password_hash,
        now,
        actor,
    )
    return done == "INSERT 0 1"


async def change_person(connection: asyncpg.Connection[Any], tenant: str, person_id: str, **values: object) -> None:
    """Columns are named by the callers in this area only."""
    names = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 3))
    await connection.execute(
        f"UPDATE people SET {names} WHERE tenant = $1 AND person_id = $2", tenant, person_id, *values.values()
    )


async def put_grants(
    connection: asyncpg.Connection[Any],
    tenant: str,
    person_id: str,
    grants: Iterable[Grant],
    actor: str,
    now: datetime,
) -> None:
    """Make these the person's roles."""
    await connection.execute("DELETE FROM person_roles WHERE tenant = $1 AND person_id = $2", tenant, person_id)
    await connection.executemany(
        "INSERT INTO person_roles (tenant, person_id, role, reach, place, granted_at, granted_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [(tenant, person_id, one.role, one.reach, one.place, now, actor) for one in grants],
    )


async def administrators(connection: asyncpg.Connection[Any], tenant: str) -> set[str]:
    """Those who may grant roles everywhere. Locked, so that two cannot remove the last two at once."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('altyn people ' || $1, 0))", tenant)
    return {row["person_id"] for row in await connection.fetch(ADMINISTRATORS, tenant)}


async def find_session(
    connection: asyncpg.Connection[Any], tenant: str, token_hash: bytes, now: datetime, idle: timedelta
) -> asyncpg.Record | None:
    """A live session with its person and roles."""
    return await connection.fetchrow(SESSION, token_hash, tenant, now, now - idle)


async def see_session(connection: asyncpg.Connection[Any], tenant: str, session_id: str, now: datetime) -> None:
    await connection.execute(
        "UPDATE person_sessions SET seen_at = greatest(seen_at, $3) WHERE tenant = $1 AND session_id = $2",
        tenant,
        session_id,
        now,
    )


async def insert_session(
    connection: asyncpg.Connection[Any],
    tenant: str,
    session_id: str,
    token_hash: bytes,
    person_id: str,
    now: datetime,
    expires_at: datetime,
    by_provider: bool,
    has_second_factor: bool,
) -> None:
    await connection.execute(
        "INSERT INTO person_sessions (tenant, session_id, token_hash, person_id, started_at, seen_at, expires_at,"
        " by_provider, has_second_factor) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)",
        tenant,
        session_id,
        token_hash,
        person_id,
        now,
        expires_at,
        by_provider,
        has_second_factor,
    )


async def end_sessions(
    connection: asyncpg.Connection[Any],
    tenant: str,
    person_id: str,
    now: datetime,
    *,
    session_id: str | None = None,
    but: str = "",
) -> int:
    """End one, or all of a person but one; how many."""
    rows = await connection.fetch(
        "UPDATE person_sessions SET ended_at = $3 WHERE tenant = $1 AND person_id = $2 AND ended_at IS NULL"
        " AND ($4::text IS NULL OR session_id = $4) AND session_id <> $5 RETURNING session_id",
        tenant,
        person_id,
        now,
        session_id,
        but,
    )
    return len(rows)


async def forget_sessions(connection: asyncpg.Connection[Any], tenant: str, before: datetime) -> None:
    """Rows of sessions and of failed attempts that nobody asks about any more; a few at a time."""
    await connection.execute(
        "DELETE FROM person_sessions WHERE ctid IN (SELECT ctid FROM person_sessions WHERE tenant = $1"
        " AND expires_at < $2 LIMIT 100 FOR UPDATE SKIP LOCKED)",
        tenant,
        before,
    )
    await connection.execute(
        "DELETE FROM sign_in_attempts WHERE ctid IN (SELECT ctid FROM sign_in_attempts WHERE tried_at < $1"
        " LIMIT 100 FOR UPDATE SKIP LOCKED)",
        before,
    )


async def live_sessions(
    connection: asyncpg.Connection[Any], tenant: str, person_id: str, now: datetime, idle: timedelta
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT session_id, started_at, seen_at, expires_at FROM person_sessions WHERE tenant = $1 AND person_id = $2"
        " AND ended_at IS NULL AND expires_at > $3 AND seen_at > $4 ORDER BY started_at DESC, session_id LIMIT 100",
        tenant,
        person_id,
        now,
        now - idle,
    )
    return found


async def all_live_sessions(
    connection: asyncpg.Connection[Any],
    tenant: str,
    now: datetime,
    idle: timedelta,
    first: int,
    count_max: int,
) -> list[asyncpg.Record]:
    """Of everybody, newest first, without the ``first`` ones."""
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT session_id, person_id, started_at, seen_at, expires_at, by_provider FROM person_sessions"
        " WHERE tenant = $1 AND ended_at IS NULL AND expires_at > $2 AND seen_at > $3"
        " ORDER BY started_at DESC, session_id OFFSET $4 LIMIT $5",
        tenant,
        now,
        now - idle,
        first,
        count_max,
    )
    return found


async def person_of_session(connection: asyncpg.Connection[Any], tenant: str, session_id: str) -> str | None:
    person_id: str | None = await connection.fetchval(
        "SELECT person_id FROM person_sessions WHERE tenant = $1 AND session_id = $2", tenant, session_id
    )
    return person_id


async def begin_attempt(
    connection: asyncpg.Connection[Any],
    tenant: str,
    login_hash: bytes,
    now: datetime,
    *,
    forgotten_after: timedelta,
    free_count: int,
    delay: timedelta,
    delay_max: timedelta,
) -> int | None:
    """Count an attempt as failed; how many have, or None while the next one is not looked at."""
    count: int | None = await connection.fetchval(
        ATTEMPT, tenant, login_hash, now, now - forgotten_after, free_count, delay, delay_max
    )
    return count


async def closed_until(connection: asyncpg.Connection[Any], tenant: str, login_hash: bytes) -> datetime | None:
    found: datetime | None = await connection.fetchval(
        "SELECT closed_until FROM sign_in_attempts WHERE tenant = $1 AND login_hash = $2", tenant, login_hash
    )
    return found


async def forget_attempts(connection: asyncpg.Connection[Any], tenant: str, login_hash: bytes) -> None:
    await connection.execute("DELETE FROM sign_in_attempts WHERE tenant = $1 AND login_hash = $2", tenant, login_hash)


async def take_step(connection: asyncpg.Connection[Any], tenant: str, person_id: str, step: int) -> bool:
    """Use up a code; False when it, or a later one, was used meanwhile."""
    done: str = await connection.execute(
        "UPDATE people SET factor_step = $3 WHERE tenant = $1 AND person_id = $2 AND factor_step < $3",
        tenant,
        person_id,
        step,
    )
    return done == "UPDATE 1"


async def put_recovery_codes(
    connection: asyncpg.Connection[Any], tenant: str, person_id: str, code_hashes: Iterable[bytes], now: datetime
) -> None:
    """Make these the person's; others open nothing any more."""
    await connection.execute(
        "DELETE FROM person_recovery_codes WHERE tenant = $1 AND person_id = $2", tenant, person_id
    )
    await connection.executemany(
        "INSERT INTO person_recovery_codes (tenant, person_id, code_hash, made_at) VALUES ($1, $2, $3, $4)",
        [(tenant, person_id, one, now) for one in code_hashes],
    )


async def take_recovery_code(
    connection: asyncpg.Connection[Any], tenant: str, person_id: str, code_hash: bytes, now: datetime
) -> bool:
    """Use one up; False when it is none, or was used."""
    done: str = await connection.execute(
        "UPDATE person_recovery_codes SET used_at = $4"
        " WHERE tenant = $1 AND person_id = $2 AND code_hash = $3 AND used_at IS NULL",
        tenant,
        person_id,
        code_hash,
        now,
    )
    return done == "UPDATE 1"


async def recovery_codes_left(connection: asyncpg.Connection[Any], tenant: str, person_id: str) -> int:
    left: int = await connection.fetchval(
        "SELECT count(*) FROM person_recovery_codes WHERE tenant = $1 AND person_id = $2 AND used_at IS NULL",
        tenant,
        person_id,
    )
    return left
