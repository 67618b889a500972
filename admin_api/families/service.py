"""Use cases of families: what is asked for becomes an act, which is worked off in ``acts``.

An act is written before anything is done, so whoever ends in between goes on with it. Nothing is changed at the
processing server here. A customer is in one family at most, and in one act at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.batches import new_ids
from altyn.admin_api.cards.service import require_customer
from altyn.admin_api.customers.errors import CustomerUnknown
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.families import repository, schemas
from altyn.admin_api.families.errors import (
    ActPending,
    ActUnknown,
    FamilyHead,
    FamilyMember,
    FamilyUnknown,
    NotMember,
    PointsShort,
    SameCustomer,
)


async def read_family(call: Call, *, family_id: int) -> schemas.FamilyOut:
    """Raises FamilyUnknown."""
    row = await repository.find_family(call.connection, call.tenant, family_id)
    if row is None:
        raise FamilyUnknown(f"no family {family_id}", path="family_id")
    members = await repository.members_of(call.connection, call.tenant, family_id)
    return schemas.FamilyOut(**row, members=[schemas.MemberOut(**one) for one in members])


async def read_act(call: Call, *, act_id: int) -> schemas.ActOut:
    """Raises ActUnknown."""
    row = await repository.find_act(call.connection, call.tenant, act_id)
    if row is None:
        raise ActUnknown(f"no act {act_id}", path="act_id")
    return schemas.ActOut(**row)


async def make_family(call: Call, *, asked: schemas.FamilyIn) -> schemas.FamilyOut:
    """A family of its head alone. Raises CustomerUnknown, FamilyMember, ActPending."""
    await call.feed.lock()
    head = await _free_customer(call, asked.head_customer_id)
    family_id = await repository.insert_family(
        call.connection,
        call.tenant,
        asked.title,
        asked.head_customer_id,
        head["account_id"],
        call.actor,
        call.now,
    )
    await repository.put_member(call.connection, call.tenant, asked.head_customer_id, family_id, "MEMBER", call.now)
    told = {"title": asked.title, "head_customer_id": asked.head_customer_id, "account_id": head["account_id"]}
    call.record("families.make", "family", str(family_id), after=told)
    return await read_family(call, family_id=family_id)


async def join(call: Call, *, family_id: int, asked: schemas.JoinIn) -> schemas.ActOut:
    """Have a customer's points become the family's; a head brings the own family along. Raises FamilyUnknown,
    CustomerUnknown, FamilyMember, ActPending.
    """
    await call.feed.lock()
    family = await read_family(call, family_id=family_id)
    if family.state != "ACTIVE":
        raise FamilyUnknown(f"family {family_id} has joined another one", path="family_id")
    if await repository.heads(call.connection, call.tenant, asked.customer_id):
        if asked.customer_id == family.head_customer_id:
            raise FamilyMember("the customer is the head of this family", path="customer_id")
        joiner = await _customer(call, asked.customer_id)
    else:
        joiner = await _free_customer(call, asked.customer_id)
        await repository.put_member(call.connection, call.tenant, asked.customer_id, family_id, "JOINING", call.now)
    return await _made(
        call,
        schemas.ActKind.JOIN,
        joiner,
        asked.reason,
        to_account_id=family.account_id,
        family_id=family_id,
    )


async def leave(
    call: Call, server: OpsClient, *, family_id: int, customer_id: int, asked: schemas.LeaveIn
) -> schemas.ActOut:
    """Have a member get an account of their own again, with points that go along. Raises FamilyUnknown, NotMember,
    FamilyHead, ActPending, PointsShort and what the server's client raises.
    """
    await call.feed.lock()
    family = await read_family(call, family_id=family_id)
    member = next((one for one in family.members if one.customer_id == customer_id), None)
    if member is None:
        raise NotMember(f"customer {customer_id} is not in family {family_id}", path="customer_id")
    if customer_id == family.head_customer_id:
        raise FamilyHead("the account is the head's; the others leave, not the head", path="customer_id")
    leaver = await _customer(call, customer_id)
    if asked.points:
        await _require_points(server, family.account_id, asked.points)
    [account_id] = await new_ids(call.connection, "account_ids", 1)
    await repository.put_member(call.connection, call.tenant, customer_id, family_id, "LEAVING", call.now)
    return await _made(
        call,
        schemas.ActKind.LEAVE,
        leaver,
        asked.reason,
        account_id=family.account_id,
        to_account_id=account_id,
        family_id=family_id,
        points=dict(asked.points),
    )


async def _require_points(server: OpsClient, account_id: int, points: Mapping[str, int]) -> None:
    """Raises PointsShort."""
    answer = await server.balance(account_id)
    free = {one.asset: one.active_points - one.debt_points for one in answer.balances}
    short = {asset: free.get(asset, 0) for asset, wanted in points.items() if free.get(asset, 0) < wanted}
    if short:
        found = [
            problem(f"points.{asset}", "POINTS_SHORT", f"{max(have, 0)} are there") for asset, have in short.items()
        ]
        raise PointsShort("the family has fewer points than are to go along", path="points", problems=found)


async def merge_customers(call: Call, *, customer_id: int, asked: schemas.MergeIn) -> schemas.ActOut:
    """Have two customers who are one person become one: points, cards and segments go over. Raises as
    ``check_merge``.
    """
    await call.feed.lock()
    gone, kept = await check_merge(call, customer_id=customer_id, into_customer_id=asked.into_customer_id)
    return await _made(
        call,
        schemas.ActKind.MERGE,
        gone,
        asked.reason,
        to_account_id=kept["account_id"],
        to_customer_id=asked.into_customer_id,
    )


async def check_merge(call: Call, *, customer_id: int, into_customer_id: int) -> tuple[asyncpg.Record, asyncpg.Record]:
    """Who would be gone, and who would be kept. Raises CustomerUnknown, SameCustomer, FamilyMember, ActPending."""
    if customer_id == into_customer_id:
        raise SameCustomer("a customer is not merged into itself", path="into_customer_id")
    gone = await _free_customer(call, customer_id)
    try:
        return gone, await _customer(call, into_customer_id)
    except (CustomerUnknown, ActPending) as refusal:
        refusal.path = "into_customer_id"
        raise


async def family_of(call: Call, *, customer_id: int) -> tuple[schemas.FamilyOut, str] | None:
    """The customer's family and what they are in it; None without one."""
    member = await repository.find_member(call.connection, call.tenant, customer_id)
    if member is None:
        return None
    return await read_family(call, family_id=member["family_id"]), member["state"]


async def _customer(call: Call, customer_id: int) -> asyncpg.Record:
    """Raises CustomerUnknown, ActPending."""
    row = await require_customer(call, customer_id)
    if await repository.is_busy(call.connection, call.tenant, [customer_id]):
        raise ActPending(f"something is being done to the account of customer {customer_id}", path="customer_id")
    return row


async def _free_customer(call: Call, customer_id: int) -> asyncpg.Record:
    """Raises CustomerUnknown, ActPending, FamilyMember."""
    row = await _customer(call, customer_id)
    member = await repository.find_member(call.connection, call.tenant, customer_id)
    if member is not None:
        raise FamilyMember(f"customer {customer_id} is in family {member['family_id']}", path="customer_id")
    return row


async def _made(
    call: Call,
    kind: schemas.ActKind,
    customer: asyncpg.Record,
    reason: str,
    *,
    to_account_id: int,
    account_id: int | None = None,
    family_id: int | None = None,
    to_customer_id: int | None = None,
    points: dict[str, int] | None = None,
) -> schemas.ActOut:
    row = await repository.insert_act(
        call.connection,
        call.tenant,
        kind=kind.value,
        customer_id=customer["customer_id"],
        account_id=account_id or customer["account_id"],
        to_account_id=to_account_id,
        reason=reason,
        actor=call.actor,
        now=call.now,
        family_id=family_id,
        to_customer_id=to_customer_id,
        points=points,
    )
    act = schemas.ActOut(**row)
    told = act.model_dump(
        include={"customer_id", "to_customer_id", "family_id", "account_id", "to_account_id", "points"}
    )
    call.record(f"families.ask_{kind.value.lower()}", "account_act", str(act.act_id), after={**told, "reason": reason})
    return act
