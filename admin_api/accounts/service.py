"""Use cases of accounts. The server decides and journals; the back office asks and shows.

An act's op_id is derived from who asks and the Idempotency-Key, so that a repeated call, also one whose first
answer was lost between the server and us, gives points once. What a person gives beyond the asset's limits is asked
for, and given when somebody else agrees within 72 hours.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta

import asyncpg

from altyn.admin_api.accounts import repository, schemas
from altyn.admin_api.accounts.errors import (
    AdjustmentDecided,
    AdjustmentDeclined,
    AdjustmentUnknown,
    ConversionDeclined,
    OwnAdjustment,
)
from altyn.admin_api.accounts.server import AccountUnknown, OpsClient
from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.infra.zones import load_zone
from altyn.ops.v1 import ops_service_pb2 as ops

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ASKED_FOR = timedelta(hours=72)


def op_id_of(tenant: str, actor: str, idempotency_key: str, act: str = "adjustment") -> bytes:
    """16 bytes that depend on these alone."""
    content = b"\0".join(part.encode() for part in (f"altyn {act}", tenant, actor, idempotency_key))
    return hashlib.sha256(content).digest()[:16]


async def adjust(
    call: Call, server: OpsClient, *, account_id: int, asked: schemas.AdjustmentIn
) -> schemas.AdjustmentOut:
    """Give or take points, or ask for a second pair of eyes. Raises AccountUnknown, AdjustmentDeclined and what the
    server's client raises.
    """
    await require_account(call, account_id=account_id)
    expires_at = await expiry_of(call, asked, asset=asked.asset) if asked.points > 0 else None
    request = ops.AdjustPointsRequest(
        op_id=op_id_of(call.tenant, call.actor, call.idempotency_key),
        account_id=account_id,
        asset=asked.asset,
        points=asked.points,
        reason=asked.reason,
        actor=call.actor,
        active_from_us=_us(asked.active_from),
        expires_at_us=_us(expires_at),
    )
    needs_eyes = await needs_second_eyes(call, asset=asked.asset, points=asked.points)
    adjustment_id = await repository.insert_adjustment(call.connection, call.tenant, request, call.now)
    if needs_eyes:
        told = {"account_id": account_id, "asset": asked.asset, "points": asked.points, "reason": asked.reason}
        call.record("accounts.ask_adjustment", "adjustment", str(adjustment_id), after=told)
    else:
        await give(call, server, adjustment_id, request)
    return await read_adjustment(call, adjustment_id=adjustment_id)


async def needs_second_eyes(call: Call, *, asset: str, points: int) -> bool:
    """A program with a key answers for itself; a person gives at once what the asset's limits leave of their day."""
    if call.person is None or points < 0:
        return False
    row = await find_asset(call.connection, call.tenant, asset)
    if row is None or row["adjust_points_max"] is None or points > row["adjust_points_max"]:
        return True
    if row["adjust_day_points_max"] is None:
        return False
    await repository.lock_asker(call.connection, call.tenant, call.actor)
    today = datetime.combine(call.now.astimezone(load_zone(row["zone"])).date(), time(), load_zone(row["zone"]))
    given = await repository.points_given_since(call.connection, call.tenant, call.actor, asset, today)
    return bool(given + points > row["adjust_day_points_max"])


async def give(call: Call, server: OpsClient, adjustment_id: int, request: ops.AdjustPointsRequest) -> None:
    """The server does it and the journal has it. Raises AdjustmentDeclined."""
    answer = await server.adjust(request)
    if not answer.applied:
        raise AdjustmentDeclined(
            "the processing server declined", problems=[problem("", answer.reason, "the server's reason")]
        )
    await repository.decide_adjustment(
        call.connection,
        call.tenant,
        adjustment_id,
        schemas.AdjustmentState.GIVEN.value,
        call.actor,
        call.now,
        journal_seq=answer.seq,
        lot_id=answer.lot_id or None,
    )
    told = {
        "asset": request.asset,
        "points": request.points,
        "expires_at": _moment(request.expires_at_us).isoformat() if request.expires_at_us else None,
        "reason": request.reason,
        "asked_by": request.actor,
        "op_id": request.op_id.hex(),
        "journal_seq": answer.seq,
    }
    call.journal_seq = answer.seq
    call.record("accounts.adjust", "account", str(request.account_id), after=told)


async def read_adjustment(call: Call, *, adjustment_id: int) -> schemas.AdjustmentOut:
    """Raises AdjustmentUnknown."""
    row = await repository.find_adjustment(call.connection, call.tenant, adjustment_id)
    if row is None:
        raise AdjustmentUnknown(f"no adjustment {adjustment_id}", path="adjustment_id")
    return adjustment_out(row)


def adjustment_out(row: asyncpg.Record) -> schemas.AdjustmentOut:
    expires_at = _moment(row["expires_at_us"]) if row["expires_at_us"] else None
    return schemas.AdjustmentOut(**{**row, "op_id": row["op_id"].hex(), "expires_at": expires_at})


async def _to_decide(call: Call, adjustment_id: int) -> asyncpg.Record:
    """Raises AdjustmentUnknown, AdjustmentDecided, OwnAdjustment."""
    row = await repository.find_adjustment(call.connection, call.tenant, adjustment_id, to_change=True)
    if row is None:
        raise AdjustmentUnknown(f"no adjustment {adjustment_id}", path="adjustment_id")
    if row["state"] != schemas.AdjustmentState.ASKED or call.now >= row["asked_at"] + ASKED_FOR:
        raise AdjustmentDecided("it was decided before, or 72 hours ago", path="adjustment_id")
    if row["asked_by"] == call.actor:
        raise OwnAdjustment("somebody else decides on what you asked for", path="adjustment_id")
    return row


async def approve(call: Call, server: OpsClient, *, adjustment_id: int) -> schemas.AdjustmentOut:
    """Give what somebody else asked for. Raises as ``give`` and AdjustmentUnknown, AdjustmentDecided, OwnAdjustment."""
    row = await _to_decide(call, adjustment_id)
    fields = ("op_id", "account_id", "asset", "points", "reason", "active_from_us", "expires_at_us")
    request = ops.AdjustPointsRequest(**{name: row[name] for name in fields}, actor=row["asked_by"])
    await give(call, server, adjustment_id, request)
    return await read_adjustment(call, adjustment_id=adjustment_id)


async def reject(call: Call, *, adjustment_id: int, reason: str) -> schemas.AdjustmentOut:
    """Raises AdjustmentUnknown, AdjustmentDecided, OwnAdjustment."""
    await _to_decide(call, adjustment_id)
    state = schemas.AdjustmentState.REJECTED.value
    await repository.decide_adjustment(
        call.connection, call.tenant, adjustment_id, state, call.actor, call.now, decision=reason
    )
    call.record("accounts.reject_adjustment", "adjustment", str(adjustment_id), after={"reason": reason})
    return await read_adjustment(call, adjustment_id=adjustment_id)


async def convert(
    call: Call, server: OpsClient, *, account_id: int, asked: schemas.ConversionIn
) -> schemas.ConversionOut:
    """Raises AccountUnknown, ConversionDeclined and what the server's client raises."""
    await require_account(call, account_id=account_id)
    op_id = op_id_of(call.tenant, call.actor, call.idempotency_key, "conversion")
    answer = await server.convert(
        ops.ConvertPointsRequest(
            op_id=op_id,
            account_id=account_id,
            asset=asked.asset,
            to_asset=asked.to_asset,
            points=asked.points,
            expires_at_us=_us(await expiry_of(call, asked, asset=asked.to_asset)),
            reason=asked.reason,
            actor=call.actor,
        )
    )
    if not answer.applied:
        raise ConversionDeclined(
            "the processing server declined", problems=[problem("", answer.reason, "the server's reason")]
        )
    told = {name: getattr(answer, name) for name in ("taken_points", "given_points", "lot_id")}
    call.journal_seq = answer.seq
    after = {"asset": asked.asset, "to_asset": asked.to_asset, **told, "reason": asked.reason, "op_id": op_id.hex()}
    call.record("accounts.convert", "account", str(account_id), after=after)
    return schemas.ConversionOut(op_id=op_id.hex(), journal_seq=answer.seq, **told)


async def expiry_of(call: Call, asked: schemas.AdjustmentIn | schemas.ConversionIn, *, asset: str) -> datetime | None:
    """When the points end: as asked for, else as the asset says; None: never."""
    if asked.expires is None and "expires_at" in asked.model_fields_set:
        return asked.expires_at
    row = await find_asset(call.connection, call.tenant, asset)
    if row is None:
        return None
    expires = asked.expires
    if expires is None and row["expire_after_days"] is not None:
        expires = schemas.ExpiresIn(days=row["expire_after_days"])
    return end_of(expires, call.now, row["zone"]) if expires else None


def end_of(expires: schemas.ExpiresIn, now: datetime, zone_name: str) -> datetime:
    """The end of the last day, in the program's zone."""
    zone = load_zone(zone_name)
    today = now.astimezone(zone).date()
    if expires.end_of_year is not None:
        first = today.replace(year=today.year + expires.end_of_year + 1, month=1, day=1)
    elif expires.end_of_month is not None:
        months = today.year * 12 + today.month + expires.end_of_month
        first = today.replace(year=months // 12, month=months % 12 + 1, day=1)
    else:
        first = (expires.date or today + timedelta(days=expires.days or 0)) + timedelta(days=1)
    return datetime.combine(first, time(), zone).astimezone(UTC)


async def require_account(call: Call, *, account_id: int) -> None:
    """The server keeps points by number and asks nobody whose they are. Raises AccountUnknown."""
    if not await repository.has_account(call.connection, call.tenant, account_id):
        raise AccountUnknown(f"nobody has account {account_id}", path="account_id")


def balance_out(answer: ops.GetBalanceResponse) -> schemas.BalanceOut:
    """The server's answer as the API tells it."""
    return schemas.BalanceOut(
        account_id=answer.account_id,
        seq=answer.seq,
        balances=[
            schemas.AssetBalanceOut(
                asset=balance.asset,
                scale=balance.scale,
                active_points=balance.active_points,
                pending_points=balance.pending_points,
                hold_points=balance.hold_points,
                debt_points=balance.debt_points,
                lots=[_lot(lot) for lot in balance.lots],
            )
            for balance in answer.balances
        ],
        tier=_tier(answer.tier) if answer.HasField("tier") else None,
    )


def _tier(tier: ops.AccountTier) -> schemas.TierOut:
    return schemas.TierOut(
        tier=tier.tier or None,
        until=_date(tier.until_day) if tier.tier else None,
        projected=tier.projected or None,
        asset=tier.asset or None,
        period_from=_date(tier.period_day),
        counted=tier.counted,
        counted_before=tier.counted_before,
        given=tier.given or None,
        given_until=_date(tier.given_until_day) if tier.given else None,
    )


def _date(day: int) -> date:
    return EPOCH.date() + timedelta(days=day)


def _lot(lot: ops.LotBalance) -> schemas.LotOut:
    return schemas.LotOut(
        lot_id=lot.lot_id,
        initial_points=lot.initial_points,
        remaining_points=lot.remaining_points,
        active_from=_moment(lot.active_from_us),
        expires_at=_moment(lot.expires_at_us) if lot.expires_at_us else None,
    )


def _moment(instant_us: int) -> datetime:
    return EPOCH + instant_us * MICROSECOND


def _us(moment: datetime | None) -> int:
    return 0 if moment is None else (moment - EPOCH) // MICROSECOND
