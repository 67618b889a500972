"""Print runs of cards blocked as a whole, and let be used again: lost in transport, stolen, printed wrong.

A blocked run blocks what is NEW or ACTIVE of it now. What was blocked or closed one by one stays as it is, and so it
does when the run is unblocked: the run's own reason stands on the cards it has blocked.
"""

from __future__ import annotations

import asyncpg

from altyn.admin_api.batches import run_reason
from altyn.admin_api.cards import repository
from altyn.admin_api.cards.errors import CardBatchState, CardBatchUnknown
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import CARDS


async def read_batch(call: Call, *, batch_id: int, to_change: bool = False) -> asyncpg.Record:
    """Raises CardBatchUnknown."""
    row = await repository.BATCHES.find(call.connection, call.tenant, batch_id, to_change=to_change)
    if row is None:
        raise CardBatchUnknown(f"no print run {batch_id}", path="batch_id")
    return row


async def set_blocked(call: Call, *, batch_id: int, is_blocked: bool, reason: str) -> None:
    """Raises CardBatchUnknown, CardBatchState."""
    await call.feed.lock()
    batch = await read_batch(call, batch_id=batch_id, to_change=True)
    if (batch["state"] == "BLOCKED") == is_blocked:
        raise CardBatchState(f"the print run is {'blocked already' if is_blocked else 'not blocked'}", path="batch_id")
    stands = run_reason(batch_id, reason) if is_blocked else ""
    cards = await repository.cards_of_run(call.connection, call.tenant, batch_id, batch["block_reason"])
    rows = []
    for card in cards:
        state = "BLOCKED" if is_blocked else card["state_before"]
        row = {name: card[name] for name in CARDS.columns} | {"state": state, "block_reason": stands}
        rows.append(tuple(row.values()))
    changed_count = await call.feed.put(CARDS, rows) if rows else 0
    await repository.BATCHES.set_block(call.connection, call.tenant, batch_id, stands)
    told = {"state": "BLOCKED" if is_blocked else "ISSUED", "reason": reason, "changed_count": changed_count}
    verb = "block" if is_blocked else "unblock"
    call.record(f"card_series.{verb}", "card_batch", str(batch_id), before={"state": batch["state"]}, after=told)
