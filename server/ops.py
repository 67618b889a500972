"""What the back office asks the server: `altyn.ops.v1` over the same call table form.

Balances and the use of coupons shown anywhere come from here; points given, taken, moved and converted by hand
are journalled like a receipt, and so is what a person decides about an exception.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from altyn.core.engine import (
    Answer,
    CallRefused,
    Engine,
    Scope,
    adjust_points,
    convert_points,
    decide_exception,
    get_balance,
    get_coupons,
    merge_accounts,
    move_points,
    set_tier,
)
from altyn.core.ledger.accumulators_view import accumulator_sizes, read_accumulations
from altyn.infra.certificates import Certificate
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.server.authenticate import bearer
from altyn.server.calls import Call, Calls, Reply
from altyn.server.transport.door import Authenticate, Metadata

OPS_SERVICE = "altyn.ops.v1.OpsService"
OPS_SCOPE = Scope("", "", "")


def ops_authenticate(ops_key: str) -> Authenticate:
    """Accepts exactly one key, shared with the back office."""

    def authenticate(metadata: Metadata, certificate: Certificate | None) -> Scope:
        if not hmac.compare_digest(bearer(metadata).encode(), ops_key.encode()):
            raise CallRefused(
                "UNAUTHENTICATED", "CREDENTIAL_UNKNOWN", "authorization", "the ops key is wrong or missing"
            )
        return OPS_SCOPE

    return authenticate


class OpsCalls:
    """Method name → call, on one engine."""

    def __init__(
        self,
        engine: Engine,
        calls: Calls,
        in_force: Callable[[], ops.GetRulesInForceResponse],
        clock: Callable[[], int],
        waiting_version: Callable[[], int] = lambda: 0,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._in_force = in_force
        self._waiting_version = waiting_version
        self._clock = clock

    def table(self) -> dict[str, Call]:
        return {
            "GetBalance": self.get_balance,
            "AdjustPoints": self._calls.effect(adjust_points),
            "GetRulesInForce": self.get_rules_in_force,
            "GetCoupons": self.get_coupons,
            "MergeAccounts": self._calls.effect(merge_accounts),
            "MovePoints": self._calls.effect(move_points),
            "ConvertPoints": self._calls.effect(convert_points),
            "DecideException": self._calls.effect(decide_exception),
            "GetAccumulations": self.get_accumulations,
            "SetTier": self._calls.effect(set_tier),
        }

    def get_balance(self, request: bytes, scope: Scope) -> Reply:
        return self._calls.read(get_balance(self._engine, request, self._clock()))

    def get_coupons(self, request: bytes, scope: Scope) -> Reply:
        return self._calls.read(get_coupons(self._engine, request))

    def get_accumulations(self, request: bytes, scope: Scope) -> Reply:
        """What is kept of earlier purchases, and how far history is counted."""
        rows = [ops.Accumulation(**row._asdict()) for row in read_accumulations(self._engine.book)]
        buckets_count, buckets_bytes = accumulator_sizes(self._engine.book)
        reply = ops.GetAccumulationsResponse(
            accumulations=rows,
            seq=self._engine.last_seq,
            buckets_count=buckets_count,
            buckets_bytes=buckets_bytes,
            waiting_version=self._waiting_version(),
        )
        return self._calls.read(Answer(reply.SerializeToString(), None, self._engine.last_seq))

    def get_rules_in_force(self, request: bytes, scope: Scope) -> Reply:
        return self._in_force().SerializeToString()
