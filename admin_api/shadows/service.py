"""Shadows asked for: the candidate is taken down whole, so editing a draft changes nothing of a running one."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.jobs import repository as jobs
from altyn.admin_api.jobs import service
from altyn.admin_api.jobs.errors import JobUnknown
from altyn.admin_api.jobs.schemas import JobKind
from altyn.admin_api.promotions.errors import PromotionUnknown
from altyn.admin_api.promotions.repository import documents_of
from altyn.admin_api.releases.repository import active_documents
from altyn.admin_api.releases.service import documents_at, step_of
from altyn.admin_api.shadows.schemas import ShadowIn

LAST_SEQ = "SELECT coalesce(max(last_seq), 0) FROM shard_owner WHERE shard = 0"
OF_CANDIDATE = """
SELECT job_id, state, result FROM jobs
 WHERE tenant = $1 AND kind = 'SHADOW' AND given ->> 'sha256' = $2 ORDER BY job_id DESC LIMIT 1
"""


async def begin(call: Call, *, asked: ShadowIn) -> int:
    """The id of the job that compares from the newest record on. Raises PromotionUnknown, ReleaseInvalid,
    JobsTooMany.
    """
    if asked.promotion_ids:
        documents = await documents_of(call.connection, call.tenant, asked.promotion_ids)
        for promotion_id in asked.promotion_ids:
            if promotion_id not in documents:
                raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_ids")
        documents = await documents_at(call, call.now) | documents
    else:
        documents = await active_documents(call.connection, call.tenant, None)
    content = (await step_of(call, documents, call.now)).content
    given = {
        "promotion_ids": sorted(set(asked.promotion_ids)),
        "content": content.decode(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "share_ppm": asked.share_ppm,
        "minutes": asked.minutes,
        "from_seq": await call.connection.fetchval(LAST_SEQ),
        "until": (call.now + timedelta(minutes=asked.minutes)).isoformat(),
    }
    subject = given["promotion_ids"][0] if len(given["promotion_ids"]) == 1 else given["sha256"][:12]
    return await service.make(call, kind=JobKind.SHADOW, subject=subject, given=given)


async def find(call: Call, job_id: int) -> asyncpg.Record:
    """The job with what was asked for, and what it has found so far. Raises JobUnknown."""
    found = await jobs.find_whole(call.connection, call.tenant, JobKind.SHADOW, job_id)
    if found is None:
        raise JobUnknown(f"no shadow {job_id}", path="job_id")
    return found


async def find_of(call: Call, sha256: str) -> asyncpg.Record | None:
    """The newest shadow of exactly these documents: job_id, state, result."""
    return await call.connection.fetchrow(OF_CANDIDATE, call.tenant, sha256)
