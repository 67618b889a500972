"""Use cases of customers, their cards and segments.

A number or a phone becomes a keyed hash here and goes no further; names and phones stay in the schema ``personal``.
Every look at a person is in the audit log, by id, never by what was looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from altyn.admin_api.customers import repository, schemas
from altyn.admin_api.customers.errors import CardExists, CardState, CardUnknown, CustomerUnknown, SegmentUnknown
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.facts import CARDS, CUSTOMERS, MEMBERSHIPS, SEGMENTS
from altyn.core.engine.identity import card_hash, phone_hash

FOUND_MAX = 20
CARD_STATES_OF = {"activate": ("NEW", "BLOCKED"), "block": ("NEW", "ACTIVE"), "replace": ("NEW", "ACTIVE", "BLOCKED")}


async def read_customers(call: Call, *, customer_ids: Sequence[int]) -> list[schemas.CustomerOut]:
    """Customers with their cards and segments, by id."""
    connection, tenant = call.connection, call.tenant
    cards = [schemas.CardOut(**row) for row in await repository.cards_of(connection, tenant, customer_ids)]
    memberships = await repository.memberships_of(connection, tenant, customer_ids)
    return [
        schemas.CustomerOut(
            **{name: row[name] for name in ("customer_id", "account_id", "registered_at", "feed_version")},
            segments=[one["segment"] for one in memberships if one["customer_id"] == row["customer_id"]],
            cards=[card for card in cards if card.customer_id == row["customer_id"]],
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
    """A new customer with an account; its id. Raises CardExists, SegmentUnknown."""
    await call.feed.lock()
    await _require_segments(call, asked.segments)
    [customer_id] = await repository.new_ids(call.connection, "customer_ids", 1)
    [account_id] = await repository.new_ids(call.connection, "account_ids", 1)
    hashed = phone_hash(pepper, asked.phone) if asked.phone else None
    await call.feed.put(CUSTOMERS, [(customer_id, account_id, hashed, call.now)])
    await repository.store_personal(call.connection, call.tenant, [(customer_id, asked.name, asked.phone or "")])
    await call.feed.put(MEMBERSHIPS, [(customer_id, segment) for segment in sorted(set(asked.segments))])
    after = {"account_id": account_id, "segments": sorted(set(asked.segments))}
    call.record("customers.create", "customer", str(customer_id), after=after)
    if asked.card is not None:
        await _new_card(call, pepper, asked.card, customer_id, account_id)
    return customer_id


async def find(call: Call, pepper: bytes, *, asked: schemas.FindIn) -> schemas.FoundOut:
    """Who has this card number or phone."""
    card = None
    customer_ids: list[int] = []
    if asked.card_number is not None:
        hashed = card_hash(pepper, asked.card_number)
        row = (await repository.cards_by_number(call.connection, call.tenant, [hashed])).get(hashed)
        card = schemas.CardOut(**row) if row else None
        customer_ids = [card.customer_id] if card and card.customer_id else []
        told = {"by": "card", "card_id": card.card_id if card else None}
    else:
        hashed = phone_hash(pepper, asked.phone or "")
        customer_ids = await repository.customers_by_phone(call.connection, call.tenant, hashed, FOUND_MAX)
        told = {"by": "phone", "customers_count": len(customer_ids)}
    found = await read_customers(call, customer_ids=customer_ids)
    call.record("customers.find", "customer", ",".join(str(one.customer_id) for one in found), after=told)
    return schemas.FoundOut(customers=found, card=card)


async def read_personal(call: Call, *, customer_id: int) -> asyncpg.Record:
    """Name and phone; the reading is audited. Raises CustomerUnknown."""
    row = await repository.find_personal(call.connection, call.tenant, customer_id)
    if row is None:
        raise CustomerUnknown(f"nothing personal is kept about customer {customer_id}", path="customer_id")
    call.record("customers.read_personal", "customer", str(customer_id))
    return row


async def erase(call: Call, *, customer_id: int) -> None:
    """Forget who a customer is; account, cards and receipts stay. Raises CustomerUnknown."""
    await call.feed.lock()
    row = await _customer(call, customer_id)
    await call.feed.put(CUSTOMERS, [(customer_id, row["account_id"], None, row["registered_at"])])
    await repository.erase_personal(call.connection, call.tenant, customer_id)
    call.record("customers.erase", "customer", str(customer_id))


async def set_segments(call: Call, *, customer_id: int, segments: Sequence[str]) -> None:
    """Make these the customer's segments. Raises CustomerUnknown, SegmentUnknown."""
    await call.feed.lock()
    await _customer(call, customer_id)
    await _require_segments(call, segments)
    rows = await repository.memberships_of(call.connection, call.tenant, [customer_id])
    before, after = {row["segment"] for row in rows}, set(segments)
    changed = await call.feed.put(MEMBERSHIPS, [(customer_id, one) for one in sorted(after - before)])
    changed += await call.feed.put(MEMBERSHIPS, [(customer_id, one) for one in sorted(before - after)], deleted=True)
    if changed:
        told = {"before": {"segments": sorted(before)}, "after": {"segments": sorted(after)}}
        call.record("customers.set_segments", "customer", str(customer_id), **told)


async def change_members(call: Call, *, segment: str, add: Sequence[int], remove: Sequence[int]) -> int:
    """Add and remove many customers of one segment; how many changed. Raises SegmentUnknown, CustomerUnknown."""
    await call.feed.lock()
    await _require_segments(call, [segment])
    wanted = set(add) - set(remove)
    known = {
        row["customer_id"] for row in await repository.find_customers(call.connection, call.tenant, sorted(wanted))
    }
    if wanted - known:
        found = [problem("add", "CUSTOMER_UNKNOWN", f"no customer {one}") for one in sorted(wanted - known)]
        raise CustomerUnknown("some customers do not exist; nothing was changed", path="add", problems=found)
    changed = await call.feed.put(MEMBERSHIPS, [(one, segment) for one in sorted(wanted)])
    changed += await call.feed.put(MEMBERSHIPS, [(one, segment) for one in sorted(set(remove))], deleted=True)
    if changed:
        told = {"added": sorted(wanted), "removed": sorted(set(remove)), "changed_count": changed}
        call.record("segments.change_members", "segment", segment, after=told)
    return changed


async def put_segment(call: Call, *, segment: str, title: str) -> None:
    """Create a segment or change its title."""
    await call.feed.lock()
    before = await repository.known_segments(call.connection, call.tenant, [segment])
    if await call.feed.put(SEGMENTS, [(segment, title)]):
        told = {"title": before[segment]} if segment in before else None
        call.record("segments.put", "segment", segment, before=told, after={"title": title})


async def issue_card(call: Call, pepper: bytes, *, asked: schemas.CardIn) -> int:
    """A new card; its id. Raises CardExists, CustomerUnknown."""
    await call.feed.lock()
    if asked.customer_id is None:
        [account_id] = await repository.new_ids(call.connection, "account_ids", 1)
    else:
        account_id = (await _customer(call, asked.customer_id))["account_id"]
    return await _new_card(call, pepper, asked, asked.customer_id, account_id)


async def change_card(call: Call, *, card_id: int, verb: str, reason: str = "") -> None:
    """``activate`` or ``block`` a card. Raises CardUnknown, CardState."""
    await call.feed.lock()
    before = await _card(call, card_id, verb)
    state = "ACTIVE" if verb == "activate" else "BLOCKED"
    await _put_card(call, before, state=state, block_reason=reason)
    told = {"before": _told(before), "after": {"state": state, "block_reason": reason}}
    call.record(f"cards.{verb}", "card", str(card_id), **told)


async def replace_card(call: Call, pepper: bytes, *, card_id: int, number: str, reason: str) -> int:
    """Close a card and issue another on the same account; the new one's id. Raises CardUnknown, CardState,
    CardExists.
    """
    await call.feed.lock()
    before = await _card(call, card_id, "replace")
    new = schemas.NewCard(number=number, card_type=before["card_type"])
    new_id = await _new_card(call, pepper, new, before["customer_id"], before["account_id"])
    await _put_card(call, before, state="CLOSED", block_reason=reason)
    told = {"before": _told(before), "after": {"state": "CLOSED", "reason": reason, "replaced_by": new_id}}
    call.record("cards.replace", "card", str(card_id), **told)
    return new_id


async def _new_card(call: Call, pepper: bytes, asked: schemas.NewCard, customer_id: int | None, account_id: int) -> int:
    hashed = card_hash(pepper, asked.number)
    if await repository.cards_by_number(call.connection, call.tenant, [hashed]):
        raise CardExists("this number is on another card", path="number")
    [card_id] = await repository.new_ids(call.connection, "card_ids", 1)
    state = "ACTIVE" if asked.is_active else "NEW"
    row = (card_id, hashed, asked.number[-4:], asked.card_type, state, "", customer_id, account_id)
    await call.feed.put(CARDS, [row])
    after = {"customer_id": customer_id, "account_id": account_id, "card_type": asked.card_type, "state": state}
    call.record("cards.issue", "card", str(card_id), after=after)
    return card_id


async def _put_card(call: Call, before: asyncpg.Record, **changed: str) -> None:
    row = {name: before[name] for name in CARDS.columns} | changed
    await call.feed.put(CARDS, [tuple(row.values())])


async def _card(call: Call, card_id: int, verb: str) -> asyncpg.Record:
    row = await repository.find_card(call.connection, call.tenant, card_id)
    if row is None:
        raise CardUnknown(f"no card {card_id}", path="card_id")
    if row["state"] not in CARD_STATES_OF[verb]:
        raise CardState(f"the card is {row['state']}: {verb} needs {' or '.join(CARD_STATES_OF[verb])}", path="state")
    return row


async def _customer(call: Call, customer_id: int) -> asyncpg.Record:
    rows = await repository.find_customers(call.connection, call.tenant, [customer_id])
    if not rows:
        raise CustomerUnknown(f"no customer {customer_id}", path="customer_id")
    return rows[0]


async def _require_segments(call: Call, segments: Sequence[str]) -> None:
    known = await repository.known_segments(call.connection, call.tenant, segments)
    for segment in segments:
        if segment not in known:
            raise SegmentUnknown(f"no segment {segment}; make it with PUT /v1/segments/{segment}", path="segments")


def _told(card: asyncpg.Record) -> dict[str, Any]:
    return {"state": card["state"], "block_reason": card["block_reason"]}
