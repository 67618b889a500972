"""Use cases of cards: one by one, by print run, through their states, to their customers.

A number becomes a keyed hash here and goes no further; numbers of a print run are told once. A card's account never
changes while it holds points: the customer who registers an anonymous card takes its account over.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

import asyncpg

from altyn.admin_api.accounts.server import AccountUnknown, OpsClient
from altyn.admin_api.batches import new_ids
from altyn.admin_api.cards import repository, schemas
from altyn.admin_api.cards.errors import (
    CardExists,
    CardHasPoints,
    CardNotAnonymous,
    CardNotVirtual,
    CardNumbersScarce,
    CardSeriesClosed,
    CardSeriesUnknown,
    CardState,
    CardUnknown,
)
from altyn.admin_api.cards.numbers import count_of_numbers, number_of
from altyn.admin_api.customers.errors import CustomerUnknown
from altyn.admin_api.customers.repository import cards_by_number, find_customers
from altyn.admin_api.customers.schemas import CardKind, NewCard
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import CARDS
from altyn.core.engine.identity import QR_UNIT_US, card_hash, qr_token

STATES_OF = {
    "activate": ("NEW",),
    "block": ("NEW", "ACTIVE"),
    "unblock": ("BLOCKED",),
    "close": ("NEW", "ACTIVE", "BLOCKED"),
    "token": ("ACTIVE",),
    "replace": ("NEW", "ACTIVE", "BLOCKED"),
    "attach": ("NEW", "ACTIVE"),
}
SPARE_FACTOR = 10  # a template must have so many times more numbers than are asked for
TOKEN_LIFE_US = 60_000_000


async def issue_card(call: Call, pepper: bytes, *, asked: schemas.CardIn) -> int:
    """A new card; its id. Raises CardExists, CustomerUnknown."""
    await call.feed.lock()
    if asked.customer_id is None:
        [account_id] = await new_ids(call.connection, "account_ids", 1)
    else:
        account_id = (await require_customer(call, asked.customer_id))["account_id"]
    return await new_card(call, pepper, asked, asked.customer_id, account_id)


async def new_card(call: Call, pepper: bytes, asked: NewCard, customer_id: int | None, account_id: int) -> int:
    """A card on an account; its id. Under the feed's lock. Raises CardExists."""
    hashed = card_hash(pepper, asked.number)
    if await cards_by_number(call.connection, call.tenant, [hashed]):
        raise CardExists("this number is on another card", path="number")
    [card_id] = await new_ids(call.connection, "card_ids", 1)
    state = "ACTIVE" if asked.is_active else "NEW"
    row = (card_id, hashed, asked.number[-4:], asked.card_type, state, "", customer_id, account_id)
    await call.feed.put(CARDS, [(*row, "", None, asked.kind)])
    told = {"card_type": asked.card_type, "kind": asked.kind, "state": state}
    after = {"customer_id": customer_id, "account_id": account_id, **told}
    call.record("cards.issue", "card", str(card_id), after=after)
    return card_id


async def change_card(call: Call, *, card_id: int, verb: str, reason: str = "") -> None:
    """``activate``, ``block``, ``unblock`` or ``close`` a card. Raises CardUnknown, CardState."""
    await call.feed.lock()
    before = await _card(call, card_id, verb)
    state = {"activate": "ACTIVE", "block": "BLOCKED", "close": "CLOSED"}.get(verb)
    if state is None:  # a card goes back to what it was, so that a blocked print run is not put into use by that
        state = await repository.state_before_block(call.connection, call.tenant, card_id)
    block_reason = reason if verb in ("block", "close") else ""
    await _put_card(call, before, state=state, block_reason=block_reason)
    told = {"before": _told(before), "after": {"state": state, "block_reason": block_reason, "reason": reason}}
    call.record(f"cards.{verb}", "card", str(card_id), **told)


async def make_token(call: Call, pepper: bytes, *, card_id: int) -> tuple[str, datetime]:
    """A token of an ACTIVE virtual card and when it ends. Raises CardUnknown, CardState, CardNotVirtual."""
    card = await _card(call, card_id, "token")
    if card["kind"] != CardKind.VIRTUAL:
        raise CardNotVirtual(f"card {card_id} is {card['kind']}: it is known by its number", path="card_id")
    ends_us = int(call.now.timestamp()) * 1_000_000 + TOKEN_LIFE_US
    ends_us -= ends_us % QR_UNIT_US
    token = qr_token(pepper, card_id, ends_us, secrets.token_bytes(2))
    return token, datetime.fromtimestamp(ends_us // 1_000_000, UTC)


async def replace_card(call: Call, pepper: bytes, *, card_id: int, number: str, reason: str) -> int:
    """Close a card and issue another on the same account; the new one's id. Raises CardUnknown, CardState,
    CardExists.
    """
    await call.feed.lock()
    before = await _card(call, card_id, "replace")
    new = NewCard(number=number, card_type=before["card_type"], kind=before["kind"])
    new_id = await new_card(call, pepper, new, before["customer_id"], before["account_id"])
    await _put_card(call, before, state="CLOSED", block_reason=reason)
    told = {"before": _told(before), "after": {"state": "CLOSED", "reason": reason, "replaced_by": new_id}}
    call.record("cards.replace", "card", str(card_id), **told)
    return new_id


async def attach(call: Call, server: OpsClient, *, card_id: int, customer_id: int) -> None:
    """Give an anonymous card without points to a customer. Raises CardUnknown, CardState, CardNotAnonymous,
    CardHasPoints, CustomerUnknown and what the server's client raises.
    """
    await call.feed.lock()
    before = await anonymous_card(call, card_id)
    customer = await require_customer(call, customer_id)
    if before["account_id"] != customer["account_id"] and await _has_points(server, before["account_id"]):
        raise CardHasPoints(
            "the card's own account holds points: register the card with POST /v1/customers (registers_card_id)",
            path="card_id",
        )
    await hand_over(call, card_id, customer_id, customer["account_id"])


async def anonymous_card(call: Call, card_id: int) -> asyncpg.Record:
    """A card that is nobody's yet. Raises CardUnknown, CardState, CardNotAnonymous."""
    row = await _card(call, card_id, "attach")
    if row["customer_id"] is not None:
        raise CardNotAnonymous(f"card {card_id} is somebody's already", path="card_id")
    return row


async def hand_over(call: Call, card_id: int, customer_id: int, account_id: int) -> None:
    """Make an anonymous card the customer's."""
    before = await anonymous_card(call, card_id)
    await _put_card(call, before, customer_id=customer_id, account_id=account_id)
    told = {
        "before": {"customer_id": None, "account_id": before["account_id"]},
        "after": {"customer_id": customer_id, "account_id": account_id},
    }
    call.record("cards.attach", "card", str(card_id), **told)


async def put_series(call: Call, *, series: str, values: dict[str, Any]) -> None:
    """Create a series or change it; cards issued before stay as they are."""
    before = await repository.find_series(call.connection, call.tenant, series, to_change=True)
    told = None if before is None else {name: before[name] for name in values}
    if told == values:
        return
    await repository.store_series(call.connection, call.tenant, series, values, call.actor, call.now)
    call.record("card_series.put", "card_series", series, before=told, after=values)


async def issue_batch(
    call: Call, pepper: bytes, *, series: str, asked: schemas.BatchIn
) -> tuple[int, list[tuple[int, str]]]:
    """A print run of anonymous cards: its id, and (card_id, number) of each, told this once. Raises
    CardSeriesUnknown, CardSeriesClosed, CardNumbersScarce.
    """
    await call.feed.lock()
    kept = await repository.find_series(call.connection, call.tenant, series)
    if kept is None:
        raise CardSeriesUnknown(f"no card series {series}", path="series")
    if kept["state"] != "ACTIVE":
        raise CardSeriesClosed(f"card series {series} is closed", path="series")
    issued = await repository.count_cards(call.connection, call.tenant, series)
    taken_count = sum(issued.get(series, {}).values())
    if (taken_count + asked.count) * SPARE_FACTOR > count_of_numbers(kept["template"]):
        raise CardNumbersScarce(
            f"{taken_count} cards are issued; the template has {count_of_numbers(kept['template'])} numbers, of which"
            f" only one in {SPARE_FACTOR} is used",
            path="template",
        )
    numbers = await _free_numbers(call, pepper, kept["template"], asked.count)
    card_ids = await new_ids(call.connection, "card_ids", asked.count)
    account_ids = await new_ids(call.connection, "account_ids", asked.count)
    batch_id = await repository.BATCHES.insert(
        call.connection,
        call.tenant,
        series=series,
        title=asked.title,
        cards_count=asked.count,
        created_by=call.actor,
        created_at=call.now,
    )
    rows = [
        (card_id, hashed, number[-4:], kept["card_type"], "NEW", "", None, account_id, series, batch_id, "PLASTIC")
        for (number, hashed), card_id, account_id in zip(numbers.items(), card_ids, account_ids, strict=True)
    ]
    await call.feed.put(CARDS, rows)
    after = {"series": series, "title": asked.title, "cards_count": asked.count, "feed_version": call.feed.version}
    call.record("card_series.issue", "card_batch", str(batch_id), after=after)
    call.answer_is_secret = True
    return batch_id, list(zip(card_ids, numbers, strict=True))


async def _free_numbers(call: Call, pepper: bytes, template: str, count: int) -> dict[str, bytes]:
    """Numbers no card has, with their hashes. One in SPARE_FACTOR is taken at most, so few rounds are needed."""
    found: dict[str, bytes] = {}
    for _ in range(64):
        made = await asyncio.to_thread(_draw, pepper, template, count - len(found), found)
        taken = await cards_by_number(call.connection, call.tenant, list(made.values()))
        found.update((number, hashed) for number, hashed in made.items() if hashed not in taken)
        if len(found) == count:
            return found
    raise CardNumbersScarce("numbers of this template are nearly used up", path="template")


def _draw(pepper: bytes, template: str, count: int, apart: dict[str, bytes]) -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for _ in range(count):
        number = number_of(template, lambda: str(secrets.randbelow(10)))
        if number not in apart:
            made[number] = card_hash(pepper, number)
    return made


async def _has_points(server: OpsClient, account_id: int) -> bool:
    try:
        answer = await server.balance(account_id)
    except AccountUnknown:
        return False
    return any(one.active_points or one.pending_points or one.hold_points or one.debt_points for one in answer.balances)


async def _put_card(call: Call, before: asyncpg.Record, **changed: object) -> None:
    row = {name: before[name] for name in CARDS.columns} | changed
    await call.feed.put(CARDS, [tuple(row.values())])


async def _card(call: Call, card_id: int, verb: str) -> asyncpg.Record:
    row = await repository.find_card(call.connection, call.tenant, card_id)
    if row is None:
        raise CardUnknown(f"no card {card_id}", path="card_id")
    if row["state"] not in STATES_OF[verb]:
        raise CardState(f"the card is {row['state']}: {verb} needs {' or '.join(STATES_OF[verb])}", path="state")
    return row


async def require_customer(call: Call, customer_id: int) -> asyncpg.Record:
    """Raises CustomerUnknown."""
    rows = await find_customers(call.connection, call.tenant, [customer_id])
    if not rows:
        raise CustomerUnknown(f"no customer {customer_id}", path="customer_id")
    return rows[0]


def _told(card: asyncpg.Record) -> dict[str, Any]:
    return {"state": card["state"], "block_reason": card["block_reason"]}
