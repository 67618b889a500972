"""A processing server whose points are real: the core's own acts behind altyn.ops.v1."""

from __future__ import annotations

from typing import Any

import grpc

from altyn.core.engine import (
    CallRefused,
    adjust_points,
    convert_points,
    decide_exception,
    get_balance,
    merge_accounts,
    move_points,
    set_tier,
)
from altyn.core.facts import AssetFact, RateFact
from altyn.ops.v1 import ops_service_pb2 as ops
from tests.admin_api.desk import Desk, SmallServer
from tests.core.engine.world import NOW_US, World, new_engine


class CoreServer(SmallServer):
    """Assets bonus and money; two bonus are three of money. Keeps a journal, as `world.records`."""

    def __init__(self) -> None:
        super().__init__()
        engine = new_engine()
        engine.facts.assets["money"] = AssetFact("money", 2, 2, 1, "{}")
        engine.facts.rates["bonus", "money"] = RateFact(2, 3)
        self.world = World(engine)
        #: Calls answered before one is lost on its way back; below 0: none is.
        self.answers_left = -1

    async def _act(self, act: object, request: Any, reply: Any, context: Any) -> Any:
        await self._check(context)
        try:
            answer = reply.FromString(self.world.effect(act, request.SerializeToString()))
        except CallRefused as refused:
            await context.abort(grpc.StatusCode[refused.code], str(refused))
        if self.answers_left == 0:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
        self.answers_left -= 1
        return answer

    async def GetBalance(self, request: ops.GetBalanceRequest, context: Any) -> ops.GetBalanceResponse:
        await self._check(context)
        return ops.GetBalanceResponse.FromString(
            get_balance(self.world.engine, request.SerializeToString(), NOW_US).reply
        )

    async def AdjustPoints(self, request: ops.AdjustPointsRequest, context: Any) -> Any:
        return await self._act(adjust_points, request, ops.AdjustPointsResponse, context)

    async def MergeAccounts(self, request: ops.MergeAccountsRequest, context: Any) -> Any:
        return await self._act(merge_accounts, request, ops.MergeAccountsResponse, context)

    async def MovePoints(self, request: ops.MovePointsRequest, context: Any) -> Any:
        return await self._act(move_points, request, ops.MovePointsResponse, context)

    async def ConvertPoints(self, request: ops.ConvertPointsRequest, context: Any) -> Any:
        return await self._act(convert_points, request, ops.ConvertPointsResponse, context)

    async def SetTier(self, request: ops.SetTierRequest, context: Any) -> Any:
        return await self._act(set_tier, request, ops.SetTierResponse, context)

    async def DecideException(self, request: ops.DecideExceptionRequest, context: Any) -> Any:
        return await self._act(decide_exception, request, ops.DecideExceptionResponse, context)


async def points_of(desk: Desk, account_id: int, asset: str = "bonus") -> int:
    """Active ones, as the server says."""
    answer = await desk.office.ops.balance(account_id)
    return sum(balance.active_points for balance in answer.balances if balance.asset == asset)


async def lay_customers(desk: Desk, count: int = 5) -> None:
    """Customers 1, 2, …, each with the account and the card of ten times the number; the assets."""
    await desk.put("/v1/assets/bonus", json={})
    await desk.put("/v1/assets/money", json={"kind": "MONEY"})
    await desk.rows(
        "INSERT INTO customers (tenant, customer_id, account_id, version, valid_from)"
        f" SELECT 'demo', n, 10 * n, 1, now() FROM generate_series(1, {count}) AS n"
    )
    await desk.rows(
        "INSERT INTO cards (tenant, card_id, number_hash, last4, customer_id, account_id, version, valid_from)"
        " SELECT 'demo', 10 * n, sha256(n::text::bytea), '', n, 10 * n, 1, now()"
        f" FROM generate_series(1, {count}) AS n"
    )


async def give(desk: Desk, account_id: int, points: int, asset: str = "bonus") -> None:
    answer = await desk.post(
        f"/v1/accounts/{account_id}/adjustments", json={"asset": asset, "points": points, "reason": "test"}
    )
    assert answer.status_code == 201, answer.text
