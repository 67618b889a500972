"""Use cases of customers and their segments.

A number or a phone becomes a keyed hash here and goes no further; names and phones stay in the schema ``personal``.
Every look at a person is in the audit log, by id, never by what was looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from altyn.admin_api.batches import new_ids
from altyn.admin_api.cards import service as cards
from altyn.admin_api.customers import repository, schemas
from altyn.admin_api.customers.errors import CustomerUnknown
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import CUSTOMERS, GRANTS, MEMBERSHIPS
from altyn.admin_api.families.repository import members_of
from altyn.admin_api.segments.service import require_segments
from altyn.core.engine.identity import card_hash, phone_hash

FOUND_MAX = 20
SHOWN = ("customer_id", "account_id", "registered_at", "favourites_count", "has_birthday", "feed_version")


async def read_customers(call: Call, *, customer_ids: Sequence[int]) -> list[schemas.CustomerOut]:
    """Customers with their cards and segments, by id."""
    connection, tenant = call.connection, call.tenant
    owned = [schemas.CardOut(**row) for row in await repository.cards_of(connection, tenant, customer_ids)]
    memberships = await repository.memberships_of(connection, tenant, customer_ids)
    return [
        schemas.CustomerOut(
            **{name: row[name] for name in SHOWN},
            segments=[one["segment"] for one in memberships if one["customer_id"] == row["customer_id"]],
            cards=[card for card in owned if card.customer_id == row["customer_id"]],
        )
        for row in await repository.find_customers(connection, tenant, customer_ids)
    ]


async def read_customer(call: Call, *, customer_id: int) -> schemas.CustomerOut:
    """Raises CustomerUnknown."""
    found = await read_customers(call, customer_ids=[customer_id])
    if not found:
        raise CustomerUnknown(f"no customer {customer_id}", path="customer_id")
    return found[0]


async def create_customer(call: Call, pepper: bytes, *, asked: schemas.CustomerIn) -> int:
    """A new customer with an account, their card's own when they register it; its id. Raises CardExists, CardUnknown,
    CardState, SegmentUnknown.
    """
    await call.feed.lock()
    await require_segments(call, asked.segments)
    [customer_id] = await new_ids(call.connection, "customer_ids", 1)
    if asked.registers_card_id is None:
        [account_id] = await new_ids(call.connection, "account_ids", 1)
    else:
        account_id = (await cards.anonymous_card(call, asked.registers_card_id))["account_id"]
    hashed = phone_hash(pepper, asked.phone) if asked.phone else None
    await call.feed.put(CUSTOMERS, [(customer_id, account_id, hashed, call.now, 0, [])])
    await repository.store_personal(call.connection, call.tenant, [(customer_id, asked.name, asked.phone or "")])
    await call.feed.put(MEMBERSHIPS, [(customer_id, segment) for segment in sorted(set(asked.segments))])
    after = {"account_id": account_id, "segments": sorted(set(asked.segments))}
    call.record("customers.create", "customer", str(customer_id), after=after)
    if asked.card is not None:
        await cards.new_card(call, pepper, asked.card, customer_id, account_id)
    if asked.registers_card_id is not None:
        await cards.hand_over(call, asked.registers_card_id, customer_id, account_id)
    return customer_id


async def find(call: Call, pepper: bytes, *, asked: schemas.FindIn) -> schemas.FoundOut:
    """Who has this card number, phone or number, or is in this family."""
    card, told = None, {}
    customer_ids: list[int] = []
    if asked.card_number is not None:
        hashed = card_hash(pepper, asked.card_number)
        row = (await repository.cards_by_number(call.connection, call.tenant, [hashed])).get(hashed)
        card = schemas.CardOut(**row) if row else None
        customer_ids = [card.customer_id] if card and card.customer_id else []
        told = {"by": "card", "card_id": card.card_id if card else None}
    elif asked.customer_id is not None:
        customer_ids, told = [asked.customer_id], {"by": "customer"}
    elif asked.family_id is not None:
        members = await members_of(call.connection, call.tenant, asked.family_id)
        customer_ids = [one["customer_id"] for one in members][:FOUND_MAX]
        told = {"by": "family", "family_id": asked.family_id, "customers_count": len(customer_ids)}
    else:
        hashed = phone_hash(pepper, asked.phone or "")
        customer_ids = await repository.customers_by_phone(call.connection, call.tenant, hashed, FOUND_MAX)
        told = {"by": "phone", "customers_count": len(customer_ids)}
    found = await read_customers(call, customer_ids=customer_ids)
    call.record("customers.find", "customer", ",".join(str(one.customer_id) for one in found), after=told)
    return schemas.FoundOut(customers=found, card=card)


async def read_personal(call: Call, *, customer_id: int) -> asyncpg.Record:
    """Name, phone and birthday; the reading is audited. Raises CustomerUnknown."""
    row = await repository.find_personal(call.connection, call.tenant, customer_id)
    if row is None:
        raise CustomerUnknown(f"nothing personal is kept about customer {customer_id}", path="customer_id")
    call.record("customers.read_personal", "customer", str(customer_id))
    return row


async def erase(call: Call, *, customer_id: int) -> None:
    """Forget who a customer is; account, cards and receipts stay. Raises CustomerUnknown."""
    await call.feed.lock()
    row = await cards.require_customer(call, customer_id)
    await call.feed.put(CUSTOMERS, [(customer_id, row["account_id"], None, row["registered_at"], 0, [])])
    granted = await repository.grants_of(call.connection, call.tenant, [customer_id])
    gone: list[tuple[object, ...]] = [(customer_id, grant["promotion_id"], None, None, [], []) for grant in granted]
    await call.feed.put(GRANTS, gone, deleted=True)
    await repository.erase_personal(call.connection, call.tenant, customer_id)
    told = {"before": {"has_phone": row["phone_hash"] is not None}, "after": {"has_phone": False}}
    call.record("customers.erase", "customer", str(customer_id), **told)


async def set_birthday(call: Call, *, customer_id: int, mmdd: int) -> None:
    """Month and day, 0 for none; the log says only whether there is one. Raises CustomerUnknown."""
    row = await _to_change(call, customer_id)
    if await call.feed.put(CUSTOMERS, [_changed(row, birthday_mmdd=mmdd)]):
        told = {"before": {"has_birthday": row["has_birthday"]}, "after": {"has_birthday": mmdd > 0}}
        call.record("customers.set_birthday", "customer", str(customer_id), **told)


async def set_favourites(call: Call, *, customer_id: int, favourites: Sequence[str]) -> None:
    """Make these the favourite categories; the log says only how many. Raises CustomerUnknown."""
    row = await _to_change(call, customer_id)
    wanted = sorted(set(favourites), key=str.encode)
    if await call.feed.put(CUSTOMERS, [_changed(row, favourites=wanted)]):
        told = {"before": {"count": len(row["favourites"])}, "after": {"count": len(wanted)}}
        call.record("customers.set_favourites", "customer", str(customer_id), **told)


async def _to_change(call: Call, customer_id: int) -> asyncpg.Record:
    await call.feed.lock()
    return await cards.require_customer(call, customer_id)


def _changed(row: asyncpg.Record, **new: object) -> tuple[object, ...]:
    """The customer's row in the order of CUSTOMERS."""
    return tuple({**row, **new}[name] for name in CUSTOMERS.columns)


async def set_segments(call: Call, *, customer_id: int, segments: Sequence[str]) -> None:
    """Make these the customer's segments. Raises CustomerUnknown, SegmentUnknown."""
    await call.feed.lock()
    await cards.require_customer(call, customer_id)
    await require_segments(call, segments)
    rows = await repository.memberships_of(call.connection, call.tenant, [customer_id])
    before, after = {row["segment"] for row in rows}, set(segments)
    changed = await call.feed.put(MEMBERSHIPS, [(customer_id, one) for one in sorted(after - before)])
    changed += await call.feed.put(MEMBERSHIPS, [(customer_id, one) for one in sorted(before - after)], deleted=True)
    if changed:
        told = {"before": {"segments": sorted(before)}, "after": {"segments": sorted(after)}}
        call.record("customers.set_segments", "customer", str(customer_id), **told)
