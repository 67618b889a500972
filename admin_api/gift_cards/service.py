"""Use cases of gift cards: series, print runs, blocking, what a card has now.

A number and a PIN become keyed hashes here and go no further. A print run is ordered by one person and made by another,
who is told its numbers, once. No money moves here: a card gets its value when a register sells it.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.accounts.server import AccountUnknown, OpsClient, ServerAway, ServerRefused
from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.batches import new_ids, next_series_no, rows_by_hash
from altyn.admin_api.cards.numbers import count_of_numbers, number_of
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import GIFT_CARDS, GIFT_SERIES
from altyn.admin_api.gift_cards import repository, schemas
from altyn.admin_api.gift_cards.errors import (
    GiftAssetWrong,
    GiftBatchIssued,
    GiftBatchUnknown,
    GiftCardState,
    GiftCardUnknown,
    GiftNumbersScarce,
    GiftSeriesBlocked,
    GiftSeriesFixed,
    GiftSeriesUnknown,
)
from altyn.admin_api.publishing.errors import FourEyes
from altyn.admin_api.publishing.repository import publishing_rules
from altyn.core.engine.identity import gift_card_hash, pin_hash
from altyn.ops.v1 import ops_service_pb2 as ops

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers of the template for each card there is: who guesses tries so often on the average.
GUESSES_MIN, GUESSES_WITH_PIN_MIN = 1 << 50, 1 << 20
KEY_BYTES = 16

Made = list[tuple[int, str, str]]


async def put_series(call: Call, *, series: str, asked: schemas.SeriesIn) -> None:
    """Create a series or change it. Raises GiftAssetWrong, GiftSeriesFixed."""
    await call.feed.lock()
    asset = await find_asset(call.connection, call.tenant, asked.asset)
    if asset is None or asset["kind"] != "MONEY":
        raise GiftAssetWrong(f"{asked.asset} is no asset of kind MONEY", path="asset")
    before = await repository.find_series(call.connection, call.tenant, series)
    if (
        before is not None
        and before["cards_count"]
        and (before["asset"], before["currency"])
        != (
            asked.asset,
            asked.currency,
        )
    ):
        raise GiftSeriesFixed(f"cards of series {series} were made: their money is fixed", path="asset")
    series_no = before["series_no"] if before else await next_series_no(call.connection, call.tenant, GIFT_SERIES)
    row = {"series": series, "series_no": series_no} | asked.model_dump(mode="json")
    if await call.feed.put(GIFT_SERIES, [tuple(row[name] for name in GIFT_SERIES.columns)]):
        told = None if before is None else {name: before[name] for name in GIFT_SERIES.columns}
        call.record("gift_card_series.put", "gift_card_series", series, before=told, after=row)


async def read_series(call: Call, *, series: str) -> asyncpg.Record:
    """Raises GiftSeriesUnknown."""
    row = await repository.find_series(call.connection, call.tenant, series)
    if row is None:
        raise GiftSeriesUnknown(f"no gift card series {series}", path="series")
    return row


async def order_batch(call: Call, *, series: str, asked: schemas.BatchIn) -> int:
    """A print run is wanted; nothing is made yet. Raises GiftSeriesUnknown, GiftSeriesBlocked, GiftNumbersScarce."""
    kept = await read_series(call, series=series)
    _check_room(kept, asked.count)
    batch_id = await repository.BATCHES.insert(
        call.connection,
        call.tenant,
        series=series,
        title=asked.title,
        cards_count=asked.count,
        ordered_by=call.actor,
        ordered_at=call.now,
    )
    after = {"series": series, "title": asked.title, "cards_count": asked.count}
    call.record("gift_cards.order", "gift_card_batch", str(batch_id), after=after)
    return batch_id


async def issue_batch(call: Call, pepper: bytes, *, batch_id: int) -> Made:
    """Make an ordered print run: (gift_card_id, number, pin) of each, told this once. Raises GiftBatchUnknown,
    GiftBatchIssued, FourEyes, GiftSeriesBlocked, GiftNumbersScarce.
    """
    await call.feed.lock()
    batch = await repository.BATCHES.find(call.connection, call.tenant, batch_id, to_change=True)
    if batch is None:
        raise GiftBatchUnknown(f"no print run {batch_id}", path="batch_id")
    if batch["state"] != "ORDERED":
        raise GiftBatchIssued(f"print run {batch_id} was made by {batch['issued_by']}", path="batch_id")
    four_eyes, _ = await publishing_rules(call.connection, call.tenant)
    if four_eyes and call.actor == batch["ordered_by"]:
        raise FourEyes("you ordered this print run: somebody else has it made")
    kept = await read_series(call, series=batch["series"])
    count = batch["cards_count"]
    _check_room(kept, count)
    made = await asyncio.to_thread(_draw, pepper, kept["template"], kept["pin_digits"], count)
    hashes = [hashed for _, hashed, _ in made]
    # So unlikely that the whole call is sent again rather than a run be short of a card.
    if len(set(hashes)) < count or await rows_by_hash(call.connection, call.tenant, GIFT_CARDS, "number_hash", hashes):
        raise GiftNumbersScarce("a number came out twice; send the same again with another Idempotency-Key")
    ids = await new_ids(call.connection, "gift_card_ids", count)
    accounts = await new_ids(call.connection, "account_ids", count)
    rows = []
    for (number, hashed, pin), gift_card_id, account_id in zip(made, ids, accounts, strict=True):
        hidden = pin_hash(pepper, number, pin) if pin else None
        rows.append((gift_card_id, hashed, number[-4:], hidden, kept["series_no"], batch_id, account_id, "OPEN", ""))
    await call.feed.put(GIFT_CARDS, rows)
    await repository.set_issued(call.connection, call.tenant, batch_id, call.actor, call.now)
    after = {"series": kept["series"], "cards_count": count, "ordered_by": batch["ordered_by"]}
    told = after | {"first_id": ids[0], "last_id": ids[-1], "feed_version": call.feed.version}
    call.record("gift_cards.issue", "gift_card_batch", str(batch_id), after=told)
    call.answer_is_secret = True
    return [(gift_card_id, number, pin) for gift_card_id, (number, _, pin) in zip(ids, made, strict=True)]


async def set_blocked(call: Call, *, gift_card_id: int, is_blocked: bool, reason: str) -> None:
    """Raises GiftCardUnknown, GiftCardState."""
    await call.feed.lock()
    before = await read_card(call, gift_card_id=gift_card_id)
    if before["is_blocked"] == is_blocked:
        raise GiftCardState(f"the card is {'blocked already' if is_blocked else 'not blocked'}", path="state")
    row = {name: before[name] for name in GIFT_CARDS.columns}
    row |= {"state": "BLOCKED" if is_blocked else "OPEN", "block_reason": reason if is_blocked else ""}
    await call.feed.put(GIFT_CARDS, [tuple(row.values())])
    told = {"before": {"state": before["state"]}, "after": {"state": row["state"], "reason": reason}}
    call.record(f"gift_cards.{'block' if is_blocked else 'unblock'}", "gift_card", str(gift_card_id), **told)


async def read_card(call: Call, *, gift_card_id: int) -> asyncpg.Record:
    """Raises GiftCardUnknown."""
    row = await repository.find_card(call.connection, call.tenant, gift_card_id)
    if row is None:
        raise GiftCardUnknown(f"no gift card {gift_card_id}", path="gift_card_id")
    return row


async def find(call: Call, pepper: bytes, server: OpsClient, *, number: str) -> schemas.CardOut:
    """By its full number; what was found is audited. Raises GiftCardUnknown, ServerAway, ServerRefused."""
    row = await repository.find_number(call.connection, call.tenant, gift_card_hash(pepper, number))
    if row is None:
        raise GiftCardUnknown("no gift card has this number", path="number")
    call.record("gift_cards.find", "gift_card", str(row["gift_card_id"]))
    return await card_now(server, row)


async def get_changed_card(call: Call, server: OpsClient, *, gift_card_id: int) -> schemas.CardOut:
    """After a change, which stands whether the server answers or not. Raises GiftCardUnknown."""
    row = await read_card(call, gift_card_id=gift_card_id)
    try:
        return await card_now(server, row)
    except (ServerAway, ServerRefused):
        return schemas.CardOut(**_facts(row))


async def card_now(server: OpsClient, row: asyncpg.Record) -> schemas.CardOut:
    """A card with its state and money from the processing server. Raises ServerAway, ServerRefused."""
    [use] = await server.coupons([row["number_hash"][:KEY_BYTES]])
    try:
        balances = list((await server.balance(row["account_id"])).balances)
    except AccountUnknown:
        balances = []
    mine = next((one for one in balances if one.asset == row["asset"]), ops.AssetBalance())
    ends = [lot.expires_at_us for lot in mine.lots if lot.remaining_points and lot.expires_at_us]
    return schemas.CardOut(
        **_facts(row),
        state=_state(row, use.use, mine),
        balance_minor=mine.active_points,
        held_minor=mine.hold_points,
        expires_at=EPOCH + timedelta(microseconds=min(ends)) if ends else None,
    )


def _state(row: asyncpg.Record, use: int, balance: ops.AssetBalance) -> schemas.CardState:
    """As the engine says it."""
    if row["is_blocked"] or row["series_state"] == "BLOCKED":
        return schemas.CardState.BLOCKED
    if use != ops.COUPON_USE_USED:
        return schemas.CardState.NEW
    return schemas.CardState.ACTIVE if balance.active_points + balance.hold_points else schemas.CardState.FINISHED


def _facts(row: asyncpg.Record) -> dict[str, Any]:
    return {name: row[name] for name in schemas.CardRow.model_fields}


def _check_room(kept: asyncpg.Record, count: int) -> None:
    """Raises GiftSeriesBlocked, GiftNumbersScarce."""
    if kept["state"] != "ACTIVE":
        raise GiftSeriesBlocked(f"gift card series {kept['series']} is blocked", path="series")
    guesses = GUESSES_WITH_PIN_MIN if kept["pin_digits"] else GUESSES_MIN
    if (kept["cards_count"] + count) * guesses > count_of_numbers(kept["template"]):
        raise GiftNumbersScarce(
            f"{kept['cards_count'] + count} cards of {kept['template']} could be guessed: one number in {guesses} may"
            " be taken; use more #, or a PIN",
            path="template",
        )


def _draw(pepper: bytes, template: str, pin_digits: int, count: int) -> list[tuple[str, bytes, str]]:
    """(number, its hash, PIN) of each."""
    made = []
    for _ in range(count):
        number = number_of(template, lambda: str(secrets.randbelow(10)))
        pin = "".join(str(secrets.randbelow(10)) for _ in range(pin_digits))
        made.append((number, gift_card_hash(pepper, number), pin))
    return made
