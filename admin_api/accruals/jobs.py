"""Giving points to many: slice by slice, each account once whatever breaks off in between.

Every account's op_id is made of the job and the account, so a slice that is done again gives nothing again; a slice's
progress is told when all of it is durable. What a server that is away keeps waiting is done when it is back.
"""

from __future__ import annotations

import hashlib

import asyncpg

from altyn.admin_api.accounts.schemas import ExpiresIn
from altyn.admin_api.accounts.service import EPOCH, MICROSECOND, end_of
from altyn.admin_api.accruals import repository
from altyn.admin_api.accruals.schemas import AccrualState
from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.problems import Invalid
from altyn.ops.v1 import ops_service_pb2 as ops

SLICE_ACCOUNTS = 500
REASON_CHARS = 120  # at most 256 bytes


class AccrualJobs:
    """Works off the accruals of one tenant."""

    kind = "ACCRUALS"

    def __init__(self, office: Office, slice_accounts: int = SLICE_ACCOUNTS) -> None:
        self._office = office
        self._slice_accounts = slice_accounts

    async def turn(self) -> bool:
        """Begin one job, or serve one slice of it; False when there is nothing to do."""
        office = self._office
        async with office.connected() as connection, connection.transaction():
            job = await repository.take_job(connection, office.tenant, office.clock())
            if job is None:
                return False
            request_id = f"accrual-{job['job_id']}"
            call = Call(connection, office.tenant, job["created_by"], frozenset(), request_id, office.clock())
            if job["state"] == AccrualState.QUEUED:
                await self._begin(call, job)
            else:
                await self._serve(call, job)
            await call.finish()
        return True

    async def _begin(self, call: Call, job: asyncpg.Record) -> None:
        """Who gets the points, and until when they live, is settled once."""
        accounts = await repository.accounts_of(call.connection, call.tenant, job["segment"], job["customer_ids"])
        asset = await find_asset(call.connection, call.tenant, job["asset"])
        assert asset is not None, "an asset is never forgotten"
        expires = ExpiresIn(**job["expires"]) if job["expires"] else None
        if expires is None and asset["expire_after_days"] is not None:
            expires = ExpiresIn(days=asset["expire_after_days"])
        ends_us = (end_of(expires, call.now, asset["zone"]) - EPOCH) // MICROSECOND if expires else 0
        await repository.begin_job(call.connection, call.tenant, job["job_id"], accounts, ends_us, call.now)
        call.record("accruals.begin", "accrual", str(job["job_id"]), after={"accounts_count": len(accounts)})

    async def _serve(self, call: Call, job: asyncpg.Record) -> None:
        accounts = await repository.slice_of(
            call.connection, call.tenant, job["job_id"], job["done_count"], self._slice_accounts
        )
        try:
            answers = await self._office.ops.adjust_each([self._request(job, one) for one in accounts])
        except Invalid as refused:
            # What the server finds wrong with one is wrong with all.
            refusal = refused.message[:200]
            await repository.set_state(
                call.connection, call.tenant, job["job_id"], AccrualState.FAILED.value, call.now, refusal=refusal
            )
            call.record("accruals.fail", "accrual", str(job["job_id"]), after={"refusal": refusal})
            return
        given_count = sum(answer.applied for answer in answers)
        await repository.move_job(call.connection, call.tenant, job["job_id"], len(accounts), given_count, call.now)
        if job["done_count"] + len(accounts) == job["total_count"]:
            call.record("accruals.end", "accrual", str(job["job_id"]), after={"accounts_count": job["total_count"]})

    def _request(self, job: asyncpg.Record, account_id: int) -> ops.AdjustPointsRequest:
        content = "\0".join(("altyn accrual", self._office.tenant, str(job["job_id"]), str(account_id)))
        return ops.AdjustPointsRequest(
            op_id=hashlib.sha256(content.encode()).digest()[:16],
            account_id=account_id,
            asset=job["asset"],
            points=job["points"],
            reason=job["reason"][:REASON_CHARS],
            actor=job["created_by"],
            expires_at_us=job["expires_at_us"],
        )
