"""Working off what is asked of accounts: first the processing server, then the facts.

An act and the facts it changes end in one transaction; what the server did before it stays done, and doing it again
under the same op_ids gives the same answers. So a back office that ends at any point, or two of them, do everything
once. Points that a register holds are waited for; any other "no" of the server to a merge ends the act as REFUSED, with
no fact changed. Who leaves does so without points that were spent since they were asked for, and the act says so.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import asyncpg

from altyn.admin_api.customers.repository import find_customers, memberships_of
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.facts import CARDS, CUSTOMERS, MEMBERSHIPS
from altyn.admin_api.families import repository
from altyn.admin_api.families.schemas import ActKind, ActState
from altyn.ops.v1 import ops_service_pb2 as ops

HOLD_PATIENCE = timedelta(seconds=10)
TRIES_MAX = 360
CALLS_MAX = 10_000  # of 256 lots each
REASON_CHARS = 120  # at most 256 bytes


class ActRefused(Exception):
    """The server's reason."""


class ActJobs:
    """Works off the acts of one tenant."""

    kind = "ACCOUNT_ACTS"

    def __init__(self, office: Office) -> None:
        self._office = office

    async def turn(self) -> bool:
        """Do one act; False when there is none whose time has come."""
        office = self._office
        async with office.connected() as connection, connection.transaction():
            act = await repository.take_act(connection, office.tenant, office.clock())
            if act is None:
                return False
            request_id = f"account-act-{act['act_id']}"
            call = Call(connection, office.tenant, act["created_by"], frozenset(), request_id, office.clock())
            try:
                remark = await self._serve(act)
            except ActRefused as refused:
                await _wait_or_refuse(call, act, str(refused))
            else:
                await _finish(call, act, remark)
            await call.finish()
        if call.feed.version:
            await office.wake(call.feed.version)
        return True

    async def _serve(self, act: asyncpg.Record) -> str:
        """What the processing server does of it; what it could not, if so. Raises ActRefused and as its client."""
        if act["kind"] == ActKind.LEAVE:
            short = [
                asset for asset, points in sorted(act["points"].items()) if not await self._move(act, asset, points)
            ]
            return f"POINTS_SHORT: {', '.join(short)}" if short else ""
        for number in range(CALLS_MAX):
            answer = await self._office.ops.merge(
                ops.MergeAccountsRequest(
                    op_id=self._op_id(act, f"{number}"),
                    account_id=act["account_id"],
                    into_account_id=act["to_account_id"],
                    reason=act["reason"][:REASON_CHARS],
                    actor=act["created_by"],
                )
            )
            if not answer.applied:
                raise ActRefused(answer.reason)
            if answer.is_done:
                return ""
        raise ActRefused("NOT_APPLICABLE")

    async def _move(self, act: asyncpg.Record, asset: str, points: int) -> bool:
        """False: they were spent since they were asked for."""
        answer = await self._office.ops.move(
            ops.MovePointsRequest(
                op_id=self._op_id(act, asset),
                account_id=act["account_id"],
                to_account_id=act["to_account_id"],
                asset=asset,
                points=points,
                reason=act["reason"][:REASON_CHARS],
                actor=act["created_by"],
            )
        )
        return answer.applied

    def _op_id(self, act: asyncpg.Record, step: str) -> bytes:
        content = "\0".join(("altyn account act", self._office.tenant, str(act["act_id"]), step))
        return hashlib.sha256(content.encode()).digest()[:16]


async def _wait_or_refuse(call: Call, act: asyncpg.Record, reason: str) -> None:
    waits = reason == "HOLDS_PENDING" and act["tries_count"] < TRIES_MAX
    state = ActState.PENDING if waits else ActState.REFUSED
    await repository.move_act(
        call.connection, call.tenant, act["act_id"], state.value, reason, call.now, call.now + HOLD_PATIENCE
    )
    if waits:
        return
    if act["kind"] == ActKind.LEAVE:
        await repository.put_member(
            call.connection, call.tenant, act["customer_id"], act["family_id"], "MEMBER", call.now
        )
    elif act["kind"] == ActKind.JOIN:
        member = await repository.find_member(call.connection, call.tenant, act["customer_id"])
        if member is not None and member["state"] == "JOINING":
            await repository.drop_member(call.connection, call.tenant, act["customer_id"])
    call.record("families.refuse", "account_act", str(act["act_id"]), after={"refusal": reason})


async def _finish(call: Call, act: asyncpg.Record, remark: str) -> None:
    """The facts that follow, and the end of the act."""
    if act["kind"] == ActKind.JOIN:
        await repository.put_member(
            call.connection, call.tenant, act["customer_id"], act["family_id"], "MEMBER", call.now
        )
        await repository.take_family_over(call.connection, call.tenant, act["customer_id"], act["family_id"])
    elif act["kind"] == ActKind.LEAVE:
        await _give_account(call, act["customer_id"], act["to_account_id"])
        await repository.drop_member(call.connection, call.tenant, act["customer_id"])
    else:
        await _hand_over(call, act)
    await repository.move_act(
        call.connection, call.tenant, act["act_id"], ActState.DONE.value, remark, call.now, call.now
    )
    told = {name: act[name] for name in ("customer_id", "to_customer_id", "family_id", "account_id", "to_account_id")}
    call.record(f"families.{act['kind'].lower()}", "account_act", str(act["act_id"]), after=told)


async def _give_account(call: Call, customer_id: int, account_id: int) -> None:
    """The customer and the customer's cards have this account from now on."""
    await call.feed.lock()
    rows = await find_customers(call.connection, call.tenant, [customer_id])
    await call.feed.put(CUSTOMERS, [_row(CUSTOMERS.columns, row, account_id=account_id) for row in rows])
    cards = await repository.card_rows(call.connection, call.tenant, customer_id)
    await call.feed.put(CARDS, [_row(CARDS.columns, row, account_id=account_id) for row in cards])


async def _hand_over(call: Call, act: asyncpg.Record) -> None:
    """Cards and segments of the one become the other's, and a phone when the other has none; then the one is gone."""
    await call.feed.lock()
    connection, tenant = call.connection, call.tenant
    found = {
        row["customer_id"]: row
        for row in await find_customers(connection, tenant, [act["customer_id"], act["to_customer_id"]])
    }
    gone, kept = found.get(act["customer_id"]), found.get(act["to_customer_id"])
    if gone is None or kept is None:
        return  # erased meanwhile: the points are where they were asked to be
    owned = await repository.card_rows(connection, tenant, gone["customer_id"])
    new = {"customer_id": kept["customer_id"], "account_id": kept["account_id"]}
    await call.feed.put(CARDS, [_row(CARDS.columns, row, **new) for row in owned])
    named = [row["segment"] for row in await memberships_of(connection, tenant, [gone["customer_id"]])]
    await call.feed.put(MEMBERSHIPS, [(kept["customer_id"], segment) for segment in named])
    await call.feed.put(MEMBERSHIPS, [(gone["customer_id"], segment) for segment in named], deleted=True)
    if kept["phone_hash"] is None and gone["phone_hash"] is not None:
        await call.feed.put(CUSTOMERS, [_row(CUSTOMERS.columns, kept, phone_hash=gone["phone_hash"])])
    await call.feed.put(CUSTOMERS, [_row(CUSTOMERS.columns, gone, phone_hash=None)], deleted=True)
    await repository.forget_person(connection, tenant, gone["customer_id"])


def _row(columns: tuple[str, ...], row: asyncpg.Record, **new: Any) -> tuple[Any, ...]:
    return tuple({**row, **new}[name] for name in columns)
