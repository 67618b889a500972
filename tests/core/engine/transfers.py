"""The small world with several customers and a second asset; the back office's acts on their points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altyn.core.engine import Engine, adjust_points, convert_points, get_balance, merge_accounts, move_points, replay
from altyn.core.engine.identity import card_hash
from altyn.core.facts import AssetFact, RateFact
from altyn.core.facts.directory import CARD_ACTIVE, CardFact, CustomerFact
from altyn.core.ledger.view import read_lots
from altyn.ops.v1 import ops_service_pb2 as ops
from tests.core.engine.scarce_world import new_engine
from tests.core.engine.world import NOW_US, PEPPER, World, new_op_id

ACCOUNTS = {"1001": 70, "2001": 80, "2002": 81, "2003": 82}


def family_engine() -> Engine:
    engine = new_engine()
    facts = engine.facts
    facts.assets["money"] = AssetFact("money", 2, 2, 1, "{}")
    facts.rates["bonus", "money"] = RateFact(3, 2)
    facts.rates["money", "bonus"] = RateFact(1, 1_000_000)
    for number, account_id in list(ACCOUNTS.items())[1:]:
        facts.directory.upsert_customer(CustomerFact(account_id, account_id))
        hashed = card_hash(PEPPER, number)
        facts.directory.upsert_card(
            CardFact(hashed, account_id, account_id, account_id, "plastic", CARD_ACTIVE, number)
        )
    return engine


def family_world() -> World:
    return World(family_engine())


def family_replayed(world: World) -> Engine:
    engine = family_engine()
    for record in world.records:
        replay(engine, record.seq, record.body)
    return engine


def adjust(world: World, account_id: int, points: int, asset: str = "bonus", **fields: Any) -> ops.AdjustPointsResponse:
    request = ops.AdjustPointsRequest(
        **{"op_id": new_op_id(), "account_id": account_id, "asset": asset, "points": points, "reason": "test"} | fields
    )
    return ops.AdjustPointsResponse.FromString(world.effect(adjust_points, request.SerializeToString()))


def merge(
    world: World, account_id: int, into: int, op_id: bytes = b"", clock_us: int = NOW_US
) -> ops.MergeAccountsResponse:
    request = ops.MergeAccountsRequest(
        op_id=op_id or new_op_id(), account_id=account_id, into_account_id=into, reason="family", actor="anna"
    )
    return ops.MergeAccountsResponse.FromString(world.effect(merge_accounts, request.SerializeToString(), clock_us))


def merge_whole(world: World, account_id: int, into: int) -> int:
    """How many calls it took."""
    for calls in range(1, 100):
        reply = merge(world, account_id, into)
        assert reply.applied, reply.reason
        if reply.is_done:
            return calls
    raise AssertionError("a merge that never ends")


def move(world: World, account_id: int, to: int, points: int, asset: str = "bonus") -> ops.MovePointsResponse:
    request = ops.MovePointsRequest(
        op_id=new_op_id(), account_id=account_id, to_account_id=to, asset=asset, points=points, reason="leaves"
    )
    return ops.MovePointsResponse.FromString(world.effect(move_points, request.SerializeToString()))


def convert(
    world: World, account_id: int, points: int, asset: str = "bonus", to_asset: str = "money", op_id: bytes = b""
) -> ops.ConvertPointsResponse:
    request = ops.ConvertPointsRequest(
        op_id=op_id or new_op_id(),
        account_id=account_id,
        asset=asset,
        to_asset=to_asset,
        points=points,
        reason="asked for",
    )
    return ops.ConvertPointsResponse.FromString(world.effect(convert_points, request.SerializeToString()))


def shown(world: World, account_id: int, clock_us: int = NOW_US) -> Mapping[str, ops.AssetBalance]:
    """As GetBalance tells it."""
    request = ops.GetBalanceRequest(account_id=account_id).SerializeToString()
    reply = ops.GetBalanceResponse.FromString(get_balance(world.engine, request, clock_us).reply)
    return {balance.asset: balance for balance in reply.balances}


def lots(world: World, account_id: int) -> list[tuple[int, ...]]:
    return [tuple(lot) for lot in read_lots(world.engine.book, account_id)]
