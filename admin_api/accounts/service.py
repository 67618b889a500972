"""Use cases of accounts. The server decides and journals; the back office asks and shows.

A manual accrual's op_id is derived from who asks and the Idempotency-Key, so that a repeated call, also one whose first
answer was lost between the server and us, gives points once.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time, timedelta

from altyn.admin_api.accounts import repository, schemas
from altyn.admin_api.accounts.errors import AdjustmentDeclined
from altyn.admin_api.accounts.server import AccountUnknown, OpsClient
from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.infra.zones import load_zone
from altyn.ops.v1 import ops_service_pb2 as ops

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def op_id_of(tenant: str, actor: str, idempotency_key: str) -> bytes:
    """16 bytes that depend on the three alone."""
    content = b"\0".join(part.encode() for part in ("altyn adjustment", tenant, actor, idempotency_key))
    return hashlib.sha256(content).digest()[:16]


async def adjust(
    call: Call, server: OpsClient, *, account_id: int, asked: schemas.AdjustmentIn
) -> schemas.AdjustmentOut:
    """Give points. Raises AccountUnknown, AdjustmentDeclined and what the server's client raises."""
    await require_account(call, account_id=account_id)
    expires_at = asked.expires_at
    if "expires_at" not in asked.model_fields_set:
        expires_at = await usual_expiry(call, asset=asked.asset)
    op_id = op_id_of(call.tenant, call.actor, call.idempotency_key)
    answer = await server.adjust(
        ops.AdjustPointsRequest(
            op_id=op_id,
            account_id=account_id,
            asset=asked.asset,
            points=asked.points,
            reason=asked.reason,
            actor=call.actor,
            active_from_us=_us(asked.active_from),
            expires_at_us=_us(expires_at),
        )
    )
    if not answer.applied:
        raise AdjustmentDeclined(
            "the processing server declined", problems=[problem("", answer.reason, "the server's reason")]
        )
    told = {
        "asset": asked.asset,
        "points": asked.points,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "reason": asked.reason,
        "op_id": op_id.hex(),
        "journal_seq": answer.seq,
    }
    call.journal_seq = answer.seq
    call.record("accounts.adjust", "account", str(account_id), after=told)
    return schemas.AdjustmentOut(op_id=op_id.hex(), journal_seq=answer.seq, lot_id=answer.lot_id)


async def usual_expiry(call: Call, *, asset: str) -> datetime | None:
    """When points of this asset given today end: with the date its days ahead, in the program's zone. None: never."""
    row = await find_asset(call.connection, call.tenant, asset)
    if row is None or row["expire_after_days"] is None:
        return None
    zone = load_zone(row["zone"])
    last_date = call.now.astimezone(zone).date() + timedelta(days=row["expire_after_days"])
    return datetime.combine(last_date + timedelta(days=1), time(), zone).astimezone(UTC)


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
    )


def _lot(lot: ops.LotBalance) -> schemas.LotOut:
    return schemas.LotOut(
        lot_id=lot.lot_id,
        initial_points=lot.initial_points,
        remaining_points=lot.remaining_points,
        active_from=EPOCH + lot.active_from_us * MICROSECOND,
        expires_at=EPOCH + lot.expires_at_us * MICROSECOND if lot.expires_at_us else None,
    )


def _us(moment: datetime | None) -> int:
    return 0 if moment is None else (moment - EPOCH) // MICROSECOND
