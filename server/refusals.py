"""One log line for each call that was refused or failed, and never a flood of them.

A line names method, code, reason, field, who called and, when the request begins with one, the op_id: what support
needs to find the register and the operation. Invariants: of one method and reason at most `LINES_PER_S` lines are
written a second, and the next line says how many were left out; nothing of a request's content but its op_id is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from altyn.core.engine import CallRefused, Scope

LINES_PER_S = 2
KINDS_MAX = 1_024
OP_ID_BYTES = 16
_OP_ID_HEAD = bytes((0x0A, OP_ID_BYTES))  # field 1, 16 bytes: op_id of every effect's request
# Said by a server under load or without PostgreSQL, or by a register with a wrong key: an operator's matter.
_WARNED = {"UNAVAILABLE", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"}

log = structlog.get_logger(__name__)


class RefusalLog:
    """Where doors tell what they could not answer."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kinds: dict[tuple[str, str], list[float]] = {}  # method and reason → second, lines in it, left out

    def refused(self, method: str, refused: CallRefused, request: bytes, scope: Scope | None) -> None:
        """A call was answered with a status instead of a reply."""
        left_out = self._left_out(method, refused.reason)
        if left_out is None:
            return
        told = log.warning if refused.code in _WARNED else log.info
        told(
            "call_refused",
            method=method,
            code=refused.code,
            reason=refused.reason,
            field=refused.field,
            **who_called(request, scope),
            left_out_count=left_out,
        )

    def failed(self, method: str, error: BaseException, request: bytes, scope: Scope | None) -> None:
        """A call met a fault of ours."""
        left_out = self._left_out(method, type(error).__name__)
        if left_out is not None:
            who = who_called(request, scope)
            log.error("call_failed", method=method, exc_info=error, **who, left_out_count=left_out)

    def _left_out(self, method: str, reason: str) -> int | None:
        """How many lines of this kind were left out since the last one; None: this one is left out too."""
        if len(self._kinds) >= KINDS_MAX:
            self._kinds.clear()
        second = self._clock_s() // 1
        kind = self._kinds.setdefault((method, reason), [second, 0, 0])
        if kind[0] != second:
            kind[0], kind[1] = second, 0
        if kind[1] >= LINES_PER_S:
            kind[2] += 1
            return None
        kind[1] += 1
        left_out, kind[2] = int(kind[2]), 0
        return left_out


def who_called(request: bytes, scope: Scope | None) -> dict[str, str]:
    """Store, register and op_id of a call, as far as they are known."""
    who = {"store_id": scope.store_id, "register_id": scope.register_id} if scope else {}
    if request.startswith(_OP_ID_HEAD) and len(request) >= 2 + OP_ID_BYTES:
        who["op_id"] = request[2 : 2 + OP_ID_BYTES].hex()
    return who
