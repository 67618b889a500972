"""All SQL about reviews, the rules of publishing, and sample receipts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

REVIEW = """review_no, revision, state, authors, submitted_by, submitted_at, expires_at, note, approvals_needed,
       expected_discount_ppm, remarks, differences, cases_count, breaches, rehearsed_count, decided_by, decided_at,
       reason"""
REVIEWS = f"""
SELECT {REVIEW},
       (SELECT coalesce(jsonb_agg(jsonb_build_object('approved_by', approved_by, 'approved_at', approved_at,
                                                     'note', approval.note, 'override_reason', override_reason)
                                  ORDER BY approved_at, approved_by), '[]')
          FROM promotion_approvals AS approval
         WHERE approval.tenant = review.tenant AND approval.promotion_id = review.promotion_id
           AND approval.review_no = review.review_no) AS approvals
  FROM promotion_reviews AS review WHERE tenant = $1 AND promotion_id = $2 ORDER BY review_no DESC LIMIT $3
"""
# Whoever changed a document after the revision that is released.
AUTHORS = """
SELECT DISTINCT changed_by FROM (
    SELECT changed_by, revision,
           document::text IS DISTINCT FROM lag(document::text) OVER (ORDER BY revision) AS is_written
      FROM promotion_revisions WHERE tenant = $1 AND promotion_id = $2) AS revisions
 WHERE is_written AND revision > $3 ORDER BY changed_by
"""
OPEN_REVIEW = """
INSERT INTO promotion_reviews (tenant, promotion_id, review_no, revision, state, authors, submitted_by, submitted_at,
                               expires_at, note, approvals_needed, expected_discount_ppm, remarks, differences,
                               cases_count, breaches, rehearsed_count)
SELECT $1, $2, coalesce(max(review_no), 0) + 1, $3, 'OPEN', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
  FROM promotion_reviews WHERE tenant = $1 AND promotion_id = $2 RETURNING review_no
"""
DUE = """
SELECT promotion_id FROM promotions WHERE tenant = $1 AND state = 'SCHEDULED' AND effective_at <= $2
 ORDER BY effective_at, promotion_id LIMIT 100
"""
CASES_COUNT = "SELECT count(*) FROM receipt_cases WHERE tenant = $1 AND case_id <> $2"
CASE = "case_id, title, request, expected, revision, recorded_at, recorded_by"


async def publishing_rules(connection: asyncpg.Connection[Any], tenant: str) -> tuple[bool, int]:
    """(four_eyes, second_approval_ppm)."""
    row = await connection.fetchrow("SELECT four_eyes, second_approval_ppm FROM tenants WHERE tenant = $1", tenant)
    assert row is not None
    return row["four_eyes"], row["second_approval_ppm"]


async def change_rules(connection: asyncpg.Connection[Any], tenant: str, four_eyes: bool, from_ppm: int) -> None:
    await connection.execute(
        "UPDATE tenants SET four_eyes = $2, second_approval_ppm = $3 WHERE tenant = $1", tenant, four_eyes, from_ppm
    )


async def list_reviews(
    connection: asyncpg.Connection[Any], tenant: str, promotion_id: str, count_max: int
) -> list[asyncpg.Record]:
    """Newest first, each with its approvals."""
    found: list[asyncpg.Record] = await connection.fetch(REVIEWS, tenant, promotion_id, count_max)
    return found


async def authors_of(
    connection: asyncpg.Connection[Any], tenant: str, promotion_id: str, after_revision: int
) -> list[str]:
    rows = await connection.fetch(AUTHORS, tenant, promotion_id, after_revision)
    return [row["changed_by"] for row in rows]


async def open_review(
    connection: asyncpg.Connection[Any],
    tenant: str,
    promotion_id: str,
    *,
    revision: int,
    authors: Sequence[str],
    submitted: tuple[str, datetime, datetime, str],
    approvals_needed: int,
    expected_discount_ppm: int,
    remarks: Sequence[Any],
    differences: Sequence[Any],
    cases_count: int,
    breaches: Sequence[Any],
    rehearsed_count: int,
) -> None:
    """``submitted``: by whom, when, until when it may be decided on, and a note."""
    await connection.execute(
        OPEN_REVIEW,
        tenant,
        promotion_id,
        revision,
        list(authors),
        *submitted,
        approvals_needed,
        expected_discount_ppm,
        list(remarks),
        list(differences),
        cases_count,
        list(breaches),
        rehearsed_count,
    )


async def decide_review(
    connection: asyncpg.Connection[Any],
    tenant: str,
    promotion_id: str,
    *,
    state: str,
    actor: str,
    now: datetime,
    reason: str = "",
) -> None:
    """Of the open one."""
    await connection.execute(
        "UPDATE promotion_reviews SET state = $3, decided_by = $4, decided_at = $5, reason = $6"
        " WHERE tenant = $1 AND promotion_id = $2 AND state = 'OPEN'",
        tenant,
        promotion_id,
        state,
        actor,
        now,
        reason,
    )


async def approve(
    connection: asyncpg.Connection[Any],
    tenant: str,
    promotion_id: str,
    review_no: int,
    actor: str,
    now: datetime,
    note: str,
    override_reason: str,
) -> None:
    await connection.execute(
        "INSERT INTO promotion_approvals (tenant, promotion_id, review_no, approved_by, approved_at, note,"
        " override_reason) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        tenant,
        promotion_id,
        review_no,
        actor,
        now,
        note,
        override_reason,
    )


async def due(connection: asyncpg.Connection[Any], tenant: str, now: datetime) -> list[str]:
    """Scheduled promotions whose time has come."""
    return [row["promotion_id"] for row in await connection.fetch(DUE, tenant, now)]


async def list_cases(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {CASE} FROM receipt_cases WHERE tenant = $1 ORDER BY case_id", tenant
    )
    return found


async def find_case(
    connection: asyncpg.Connection[Any], tenant: str, case_id: str, *, to_change: bool = False
) -> asyncpg.Record | None:
    """``to_change``: locked."""
    return await connection.fetchrow(
        f"SELECT {CASE} FROM receipt_cases WHERE tenant = $1 AND case_id = $2" + (" FOR UPDATE" if to_change else ""),
        tenant,
        case_id,
    )


async def other_cases_count(connection: asyncpg.Connection[Any], tenant: str, case_id: str) -> int:
    count: int = await connection.fetchval(CASES_COUNT, tenant, case_id)
    return count


async def put_case(
    connection: asyncpg.Connection[Any],
    tenant: str,
    case_id: str,
    *,
    title: str,
    request: Any,
    expected: Any,
    revision: int,
    actor: str,
    now: datetime,
) -> None:
    await connection.execute(
        "INSERT INTO receipt_cases (tenant, case_id, title, request, expected, revision, recorded_by, recorded_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, case_id) DO UPDATE SET title = excluded.title,"
        " request = excluded.request, expected = excluded.expected, revision = excluded.revision,"
        " recorded_by = excluded.recorded_by, recorded_at = excluded.recorded_at",
        tenant,
        case_id,
        title,
        request,
        expected,
        revision,
        actor,
        now,
    )


async def delete_case(connection: asyncpg.Connection[Any], tenant: str, case_id: str) -> None:
    await connection.execute("DELETE FROM receipt_cases WHERE tenant = $1 AND case_id = $2", tenant, case_id)
