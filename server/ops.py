"""What the back office asks the server: `altyn.ops.v1` over the same call table form.

Balances and the use of coupons shown anywhere come from here; a manual accrual is journalled like a receipt.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from altyn.core.engine import CallRefused, Engine, Scope, adjust_points, get_balance, get_coupons
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
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._in_force = in_force
        self._clock = clock

    def table(self) -> dict[str, Call]:
        return {
            "GetBalance": self.get_balance,
            "AdjustPoints": self.adjust_points,
            "GetRulesInForce": self.get_rules_in_force,
            "GetCoupons": self.get_coupons,
        }

    def get_balance(self, request: bytes, scope: Scope) -> Reply:
        return self._calls.read(get_balance(self._engine, request, self._clock()))

    def get_coupons(self, request: bytes, scope: Scope) -> Reply:
        return self._calls.read(get_coupons(self._engine, request))

    def adjust_points(self, request: bytes, scope: Scope) -> Reply:
        return self._calls.effect(adjust_points, request, scope)

    def get_rules_in_force(self, request: bytes, scope: Scope) -> Reply:
        return self._in_force().SerializeToString()
