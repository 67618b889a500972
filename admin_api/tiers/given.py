"""Use cases of tiers by hand. A person asks and another gives, within 72 hours; a program with a key gives at once.

The server decides and journals. Its op_id is derived from who asks and the Idempotency-Key, so that a repeated call
gives once. It must never know whose tier is which.
"""

from __future__ import annotations

from datetime import date, timedelta

import asyncpg

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.accounts.service import op_id_of, require_account
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.tiers import repository, schemas
from altyn.admin_api.tiers.errors import (
    GivenTierDecided,
    GivenTierDeclined,
    GivenTierUnknown,
    OwnGivenTier,
    TiersInvalid,
)
from altyn.admin_api.tiers.schemas import GivenTierState
from altyn.admin_api.tiers.service import find_tiers
from altyn.ops.v1 import ops_service_pb2 as ops

EPOCH = date(1970, 1, 1)
ASKED_FOR = timedelta(hours=72)


async def ask(call: Call, server: OpsClient, *, account_id: int, asked: schemas.GivenTierIn) -> schemas.GivenTierOut:
    """Ask for a tier, or that it be taken away; with a key, have it done. Raises AccountUnknown, TiersUnknown,
    TiersInvalid, GivenTierDeclined and what the server's client raises.
    """
    await require_account(call, account_id=account_id)
    names = {row["tier"] for row in (await find_tiers(call))["tiers"]}
    if asked.tier is not None and asked.tier not in names:
        raise TiersInvalid(f"the program has no tier {asked.tier}", path="tier")
    op_id = op_id_of(call.tenant, call.actor, call.idempotency_key, "tier")
    wanted = (account_id, asked.tier, asked.until, asked.reason)
    given_id = await repository.insert_given(call.connection, call.tenant, op_id, *wanted, call.actor, call.now)
    if call.person is None:
        await give(call, server, given_id=given_id)
    else:
        told = {"account_id": account_id, **asked.model_dump(mode="json")}
        call.record("tiers.ask", "given_tier", str(given_id), after=told)
    return await read(call, given_id=given_id)


async def give(call: Call, server: OpsClient, *, given_id: int) -> None:
    """The server does it and the journal has it. Raises GivenTierUnknown, GivenTierDeclined."""
    row = await _found(call, given_id)
    answer = await server.set_tier(
        ops.SetTierRequest(
            op_id=row["op_id"],
            account_id=row["account_id"],
            tier=row["tier"] or "",
            until_day=(row["until"] - EPOCH).days if row["until"] else 0,
            reason=row["reason"],
            actor=row["asked_by"],
        )
    )
    if not answer.applied:
        raise GivenTierDeclined(
            "the processing server declined", problems=[problem("", answer.reason, "the server's reason")]
        )
    state = GivenTierState.GIVEN.value
    decided = (call.connection, call.tenant, given_id, state, call.actor, call.now)
    await repository.decide_given(*decided, journal_seq=answer.seq)
    call.journal_seq = answer.seq
    told = {"tier": row["tier"], "until": row["until"].isoformat() if row["until"] else None, "reason": row["reason"]}
    told |= {"asked_by": row["asked_by"], "op_id": row["op_id"].hex(), "journal_seq": answer.seq}
    call.record("tiers.give", "account", str(row["account_id"]), after=told)


async def read(call: Call, *, given_id: int) -> schemas.GivenTierOut:
    """Raises GivenTierUnknown."""
    return out(await _found(call, given_id))


def out(row: asyncpg.Record) -> schemas.GivenTierOut:
    return schemas.GivenTierOut(**{**row, "op_id": row["op_id"].hex()})


async def approve(call: Call, server: OpsClient, *, given_id: int) -> schemas.GivenTierOut:
    """Give what somebody else asked for. Raises as ``give`` and GivenTierDecided, OwnGivenTier."""
    await _to_decide(call, given_id)
    await give(call, server, given_id=given_id)
    return await read(call, given_id=given_id)


async def reject(call: Call, *, given_id: int, reason: str) -> schemas.GivenTierOut:
    """Raises GivenTierUnknown, GivenTierDecided, OwnGivenTier."""
    await _to_decide(call, given_id)
    decided = (call.connection, call.tenant, given_id, GivenTierState.REJECTED.value, call.actor, call.now)
    await repository.decide_given(*decided, decision=reason)
    call.record("tiers.reject", "given_tier", str(given_id), after={"reason": reason})
    return await read(call, given_id=given_id)


async def _found(call: Call, given_id: int, *, to_change: bool = False) -> asyncpg.Record:
    row = await repository.find_given(call.connection, call.tenant, given_id, to_change=to_change)
    if row is None:
        raise GivenTierUnknown(f"no given tier {given_id}", path="given_id")
    return row


async def _to_decide(call: Call, given_id: int) -> None:
    row = await _found(call, given_id, to_change=True)
    if row["state"] != GivenTierState.ASKED or call.now >= row["asked_at"] + ASKED_FOR:
        raise GivenTierDecided("it was decided before, or asked for 72 hours ago", path="given_id")
    if row["asked_by"] == call.actor:
        raise OwnGivenTier("somebody else decides on what you asked for", path="given_id")
