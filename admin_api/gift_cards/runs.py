"""Print runs of gift cards blocked as a whole, and let be used again.

What was blocked one by one stays blocked when the run is unblocked: the run's own reason stands on the cards it has
blocked. No money moves: what a card has stays on it.
"""

from __future__ import annotations

import asyncpg

from altyn.admin_api.batches import run_reason
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import GIFT_CARDS
from altyn.admin_api.gift_cards import repository
from altyn.admin_api.gift_cards.errors import GiftBatchState, GiftBatchUnknown


async def read_batch(call: Call, *, batch_id: int, to_change: bool = False) -> asyncpg.Record:
    """Raises GiftBatchUnknown."""
    row = await repository.BATCHES.find(call.connection, call.tenant, batch_id, to_change=to_change)
    if row is None:
        raise GiftBatchUnknown(f"no print run {batch_id}", path="batch_id")
    return row


async def set_blocked(call: Call, *, batch_id: int, is_blocked: bool, reason: str) -> None:
    """Raises GiftBatchUnknown, GiftBatchState."""
    await call.feed.lock()
    batch = await read_batch(call, batch_id=batch_id, to_change=True)
    if batch["state"] != ("ISSUED" if is_blocked else "BLOCKED"):
        raise GiftBatchState(f"print run {batch_id} is {batch['state']}", path="batch_id")
    stands = run_reason(batch_id, reason) if is_blocked else ""
    cards = await repository.cards_of_run(call.connection, call.tenant, batch_id, batch["block_reason"])
    changed = {"state": "BLOCKED" if is_blocked else "OPEN", "block_reason": stands}
    rows = [tuple(({name: card[name] for name in GIFT_CARDS.columns} | changed).values()) for card in cards]
    changed_count = await call.feed.put(GIFT_CARDS, rows) if rows else 0
    await repository.BATCHES.set_block(call.connection, call.tenant, batch_id, stands)
    told = {"state": "BLOCKED" if is_blocked else "ISSUED", "reason": reason, "changed_count": changed_count}
    verb = "block_run" if is_blocked else "unblock_run"
    call.record(f"gift_cards.{verb}", "gift_card_batch", str(batch_id), before={"state": batch["state"]}, after=told)
