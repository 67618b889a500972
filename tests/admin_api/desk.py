"""A back office on real stores, called as a program would call it, and a small processing server that answers
altyn.ops.v1.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc
import grpc.aio
import httpx

from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import repository
from altyn.admin_api.people.sessions import begin_session
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc

TENANT = "demo"
PEPPER = bytes(range(32))
OPS_KEY = bytes(range(32, 64))

TEN: dict[str, Any] = {
    "promotion": "ten",
    "title": {"en": "Ten percent", "ru": "Десять процентов"},
    "stage": "item",
    "reward": [{"percent": {"rate": "10"}}],
}
POINTS: dict[str, Any] = {
    "promotion": "points",
    "when": {"customer": {"segment": "regulars"}},
    "reward": [{"points": {"asset": "bonus", "percent": "1"}}],
}
STORE = {"title": "First", "zone": "Europe/Moscow", "region": "msk", "format": "super", "cluster": "a"}
RECEIPT: dict[str, Any] = {
    "store_id": "s1",
    "currency": "RUB",
    "exponent": 2,
    "lines": [{"line_no": 1, "sku": "milk", "qty_milli": 1000, "price_minor": 10000}],
}


@dataclass
class Desk:
    """Sends calls with a key; every write gets a new Idempotency-Key unless one is given."""

    client: httpx.AsyncClient
    office: Office
    key: str
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": f"k{next(self.numbers)}"}
        return await self.client.request(method, path, headers=headers | given.pop("headers", {}), **given)

    async def get(self, path: str, **given: Any) -> httpx.Response:
        return await self.call("GET", path, **given)

    async def post(self, path: str, **given: Any) -> httpx.Response:
        return await self.call("POST", path, **given)

    async def put(self, path: str, **given: Any) -> httpx.Response:
        return await self.call("PUT", path, **given)

    async def delete(self, path: str, **given: Any) -> httpx.Response:
        return await self.call("DELETE", path, **given)

    async def token_of(self, person_id: str, *grants: Grant) -> str:
        """Of a new session of somebody with these roles, who owes nothing."""
        async with self.office.connected() as connection, connection.transaction():
            now = self.office.clock()
            await connection.execute(
                "INSERT INTO people (tenant, person_id, password_is_given, factor_salt, factor_is_set, created_at,"
                " created_by) VALUES ($1, $2, false, $3, true, $4, 'test') ON CONFLICT (tenant, person_id)"
                " DO UPDATE SET password_is_given = false, factor_salt = excluded.factor_salt, factor_is_set = true",
                TENANT,
                person_id,
                bytes(16),
                now,
            )
            await repository.put_grants(connection, TENANT, person_id, grants, "test", now)
            row = await repository.find_person(connection, TENANT, person_id)
            assert row is not None
            return (await begin_session(connection, TENANT, row, now=now, request_id="test")).token

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        async with self.office.connected() as connection:
            return list(await connection.fetch(query, *arguments))

    async def deeds(self) -> list[str]:
        """Actions in the audit log after the start, oldest first."""
        rows = await self.rows("SELECT action FROM audit_log ORDER BY audit_no")
        return [row["action"] for row in rows][1:]

    async def wake_ups(self) -> list[str]:
        """Feed versions rung so far."""
        entries = await self.office.redis.xrange(self.office.stream)
        return [entry["version"] for _, entry in entries]


class SmallServer(ops_grpc.OpsServiceServicer):
    """One account, 7, whose adjustments are kept by op_id like the journal keeps them."""

    def __init__(self) -> None:
        self.adjusted: dict[bytes, ops.AdjustPointsRequest] = {}
        self.calls_count = 0
        self.coupons: dict[bytes, ops.CouponState] = {}
        self.balances: dict[int, ops.AssetBalance] = {}

    async def _check(self, context: Any) -> None:
        self.calls_count += 1
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {OPS_KEY.hex()}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the ops key is wrong")

    async def GetBalance(self, request: ops.GetBalanceRequest, context: Any) -> ops.GetBalanceResponse:
        await self._check(context)
        if request.account_id in self.balances:
            return ops.GetBalanceResponse(account_id=request.account_id, balances=[self.balances[request.account_id]])
        if request.account_id != 7:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such account")
        points = sum(one.points for one in self.adjusted.values())
        lot = ops.LotBalance(lot_id=1, initial_points=points, remaining_points=points, active_from_us=1_000_000)
        balance = ops.AssetBalance(asset="bonus", scale=2, active_points=points, lots=[lot])
        return ops.GetBalanceResponse(account_id=7, seq=len(self.adjusted), balances=[balance])

    async def AdjustPoints(self, request: ops.AdjustPointsRequest, context: Any) -> ops.AdjustPointsResponse:
        await self._check(context)
        if request.asset == "nothing":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "asset: unknown")
        if request.account_id != 7:
            return ops.AdjustPointsResponse(applied=False, reason="ACCOUNT_UNKNOWN")
        self.adjusted.setdefault(request.op_id, request)
        return ops.AdjustPointsResponse(applied=True, seq=len(self.adjusted), lot_id=1)

    async def ConvertPoints(self, request: ops.ConvertPointsRequest, context: Any) -> ops.ConvertPointsResponse:
        await self._check(context)
        told = {"taken_points": request.points, "given_points": request.points * 3 // 2, "lot_id": 512}
        return ops.ConvertPointsResponse(applied=True, seq=2, **told)

    async def SetTier(self, request: ops.SetTierRequest, context: Any) -> ops.SetTierResponse:
        await self._check(context)
        return ops.SetTierResponse(applied=True, seq=2)

    async def DecideException(self, request: ops.DecideExceptionRequest, context: Any) -> ops.DecideExceptionResponse:
        await self._check(context)
        return ops.DecideExceptionResponse(applied=True, seq=2, sum_minor=2500)

    async def GetRulesInForce(self, request: ops.GetRulesInForceRequest, context: Any) -> ops.GetRulesInForceResponse:
        await self._check(context)
        return ops.GetRulesInForceResponse(rules_version=3, sha256="ab", server_id="one", started_at_us=5)

    async def GetCoupons(self, request: ops.GetCouponsRequest, context: Any) -> ops.GetCouponsResponse:
        await self._check(context)
        free = ops.CouponState(use=ops.COUPON_USE_FREE)
        return ops.GetCouponsResponse(coupons=[self.coupons.get(one, free) for one in request.code_hashes])
