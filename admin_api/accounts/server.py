"""The way to the processing server: `altyn.ops.v1` over gRPC, one channel, every call with a deadline.

It must never repeat an effect by itself: a caller repeats with the same op_id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio

from altyn.admin_api.edge.problems import Invalid, Refusal
from altyn.infra.channels import PeerFiles, open_channel
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc

DEADLINE_S = 5.0
AT_ONCE = 32
COUPONS_ASKED_MAX = 1_000  # at once: core/engine/reads.pyx
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

Reply = TypeVar("Reply")


class AccountUnknown(Refusal):
    status_code = 404
    reason = "ACCOUNT_UNKNOWN"


class ServerAway(Refusal):
    """The processing server does not answer now. Send the same again: nothing is done twice."""

    status_code = 503
    reason = "SERVER_AWAY"


class ServerRefused(Refusal):
    """The processing server answered in a way the back office does not expect."""

    status_code = 502
    reason = "SERVER_REFUSED"


class OpsClient:
    """Calls one processing server."""

    def __init__(self, address: str, ops_key: bytes, files: PeerFiles | None = None) -> None:
        """``address`` is host:port or unix:path; no connection is made yet. Trouble for files that cannot be read."""
        self._metadata = (("authorization", f"Bearer {ops_key.hex()}"),)
        self._channel = open_channel(address, files, CHANNEL_OPTIONS)
        self._stub: Any = ops_grpc.OpsServiceStub(self._channel)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._channel.close()

    async def balance(self, account_id: int) -> ops.GetBalanceResponse:
        """Raises AccountUnknown, ServerAway, ServerRefused."""
        return await self._ask(self._stub.GetBalance, ops.GetBalanceRequest(account_id=account_id))

    async def adjust(self, request: ops.AdjustPointsRequest) -> ops.AdjustPointsResponse:
        """Raises Invalid, ServerAway, ServerRefused; what the server declines is in the answer."""
        return await self._ask(self._stub.AdjustPoints, request)

    async def adjust_each(self, requests: Sequence[ops.AdjustPointsRequest]) -> list[ops.AdjustPointsResponse]:
        """Some at a time; answers in the order of the requests. Raises as ``adjust``, once for all."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(request: ops.AdjustPointsRequest) -> ops.AdjustPointsResponse:
            async with gate:
                return await self.adjust(request)

        return await asyncio.gather(*map(one, requests))

    async def convert(self, request: ops.ConvertPointsRequest) -> ops.ConvertPointsResponse:
        """Raises as ``adjust``."""
        return await self._ask(self._stub.ConvertPoints, request)

    async def merge(self, request: ops.MergeAccountsRequest) -> ops.MergeAccountsResponse:
        """Raises as ``adjust``."""
        return await self._ask(self._stub.MergeAccounts, request)

    async def move(self, request: ops.MovePointsRequest) -> ops.MovePointsResponse:
        """Raises as ``adjust``."""
        return await self._ask(self._stub.MovePoints, request)

    async def decide(self, request: ops.DecideExceptionRequest) -> ops.DecideExceptionResponse:
        """Raises as ``adjust``."""
        return await self._ask(self._stub.DecideException, request)

    async def set_tier(self, request: ops.SetTierRequest) -> ops.SetTierResponse:
        """Raises as ``adjust``."""
        return await self._ask(self._stub.SetTier, request)

    async def rules_in_force(self) -> ops.GetRulesInForceResponse:
        """Raises ServerAway, ServerRefused."""
        return await self._ask(self._stub.GetRulesInForce, ops.GetRulesInForceRequest())

    async def coupons(self, code_hashes: Sequence[bytes]) -> list[ops.CouponState]:
        """What has become of each code. Raises ServerAway, ServerRefused."""
        found: list[ops.CouponState] = []
        for start in range(0, len(code_hashes), COUPONS_ASKED_MAX):
            request = ops.GetCouponsRequest(code_hashes=code_hashes[start : start + COUPONS_ASKED_MAX])
            found += (await self._ask(self._stub.GetCoupons, request)).coupons
        return found

    async def _ask(self, call: Callable[..., Awaitable[Reply]], request: object) -> Reply:
        try:
            return await call(request, timeout=DEADLINE_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error.code(), error.details() or "") from None


def refusal_of(code: grpc.StatusCode, details: str) -> Refusal:
    """What a gRPC error of the server is told as."""
    away = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
    if code in away:
        return ServerAway("the processing server does not answer now; send the same again", retry_after_s=1)
    if code is grpc.StatusCode.NOT_FOUND:
        return AccountUnknown("the processing server knows no such account")
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return Invalid(f"the processing server refuses a field: {details}")
    return ServerRefused(f"the processing server answered {code.name}: {details}")
