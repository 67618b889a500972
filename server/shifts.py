"""ReconcileShift: what is stored of a shift, against what its register knows.

Which operations are stored is asked of the journal's index of operations. Counts and sums come from the projector's
tables, once they hold everything that was durable when the register asked (docs/decisions/0017); that is waited for
a bounded time, then the register is told to ask again. A receipt that was voided counts as nothing; a return counts
once, whether it had waited for its sale or not. Never here: a change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from altyn.core.engine import CallRefused, Scope
from altyn.infra.database import connect
from altyn.pos.v1 import outcome_pb2, reasons_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.own_message import read_own

OP_IDS_MAX = 10_000
OP_ID_BYTES = 16
WAIT_S = 2.0
LOOK_EVERY_S = 0.05
SQL_S = 5.0
LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError)

_REACHED = "SELECT seq FROM projector_checkpoint WHERE projection = 'receipts'"
_UNKNOWN = """
SELECT named.op_id FROM unnest($1::uuid[]) WITH ORDINALITY AS named (op_id, place)
WHERE NOT EXISTS (SELECT FROM operations o WHERE o.op_id = named.op_id) ORDER BY named.place
"""
_STORED = """
SELECT op_id, false AS is_return, to_pay_minor AS sum_minor FROM receipts r
WHERE store_id = $1 AND register_id = $2 AND shift_number = $3
  AND NOT EXISTS (SELECT FROM receipt_returns v WHERE v.sale_seq = r.seq AND v.is_void)
UNION ALL
SELECT op_id, true, refund_minor FROM receipt_returns
WHERE store_id = $1 AND register_id = $2 AND shift_number = $3 AND NOT is_void
"""
_SETTLED = (
    "SELECT count(*) FROM receipt_returns WHERE store_id = $1 AND register_id = $2 AND shift_number = $3 AND has_waited"
)
_NAMEABLE = """
SELECT op_id FROM receipts WHERE store_id = $1 AND register_id = $2 AND shift_number = $3
UNION ALL
SELECT op_id FROM receipt_returns WHERE store_id = $1 AND register_id = $2 AND shift_number = $3 AND NOT has_waited
"""


class Stored(NamedTuple):
    """Of one shift: receipts and returns that count, and every operation the register may name."""

    receipts_count: int
    returns_count: int
    sales_sum_minor: int
    returns_sum_minor: int
    op_ids: list[bytes]


class Shifts:
    """The call, over a connection of its own. `durable_seq`: how far the journal is now."""

    def __init__(self, dsn: str, durable_seq: Callable[[], int], clock: Callable[[], int]) -> None:
        self._dsn = dsn
        self._durable_seq = durable_seq
        self._clock = clock
        self._connection: asyncpg.Connection[Any] | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def reconcile(self, request: bytes, scope: Scope) -> bytes:
        """Reply bytes of ReconcileShiftResponse. CallRefused."""
        call = _read(request, scope)
        try:
            async with self._turn, asyncio.timeout(WAIT_S + SQL_S):
                connection = await self._connected()
                await self._reached(connection, self._durable_seq())
                unknown = await connection.fetch(_UNKNOWN, [UUID(bytes=op_id) for op_id in call.op_ids])
                stored = await _stored(connection, call)
        except LOST as away:
            await self.close()
            raise CallRefused("UNAVAILABLE", "RETRY", "", "PostgreSQL does not answer; ask again") from away
        return _reply(call, [row["op_id"].bytes for row in unknown], stored, self._clock()).SerializeToString()

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, name="altyn-shifts", command_timeout_s=SQL_S)
        return self._connection

    async def _reached(self, connection: asyncpg.Connection[Any], seq: int) -> None:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while await connection.fetchval(_REACHED) < seq:
            if asyncio.get_running_loop().time() > deadline:
                raise CallRefused("UNAVAILABLE", "RETRY", "", "the shift's receipts are still being entered; ask again")
            await asyncio.sleep(LOOK_EVERY_S)


async def _stored(connection: asyncpg.Connection[Any], call: pos.ReconcileShiftRequest) -> Stored:
    shift = (call.store_id, call.register_id, call.shift_number)
    rows = await connection.fetch(_STORED, *shift)
    settled = await connection.fetchval(_SETTLED, *shift)
    named = await connection.fetch(_NAMEABLE, *shift)
    sales = [row["sum_minor"] for row in rows if not row["is_return"]]
    returns = [row["sum_minor"] for row in rows if row["is_return"]]
    # A return that had waited has two rows: one says so, the other has its refund.
    return Stored(len(sales), len(returns) - settled, sum(sales), sum(returns), [row["op_id"].bytes for row in named])


def _read(request: bytes, scope: Scope) -> pos.ReconcileShiftRequest:
    call = read_own(pos.ReconcileShiftRequest, request, scope)
    if len(call.op_ids) > OP_IDS_MAX:
        raise CallRefused("INVALID_ARGUMENT", "TOO_LARGE", "op_ids", f"at most {OP_IDS_MAX} operations of one shift")
    for place, op_id in enumerate(call.op_ids):
        if len(op_id) != OP_ID_BYTES:
            raise CallRefused("INVALID_ARGUMENT", "BAD_FORMAT", f"op_ids[{place}]", "op_id has 16 bytes")
    return call


def _reply(
    call: pos.ReconcileShiftRequest, missing: list[bytes], stored: Stored, clock_us: int
) -> pos.ReconcileShiftResponse:
    named = set(call.op_ids)
    reply = pos.ReconcileShiftResponse(
        status=outcome_pb2.STATUS_OK,
        missing_op_ids=missing,
        extra_op_ids=[op_id for op_id in stored.op_ids if op_id not in named] if named else [],
        server_time_us=clock_us,
        receipts_count=stored.receipts_count,
        returns_count=stored.returns_count,
        sales_sum_minor=stored.sales_sum_minor,
        returns_sum_minor=stored.returns_sum_minor,
    )
    told = (call.receipts_count, call.returns_count, call.sales_sum_minor, call.returns_sum_minor)
    if missing or reply.extra_op_ids or told != tuple(stored[:4]):
        reply.status = outcome_pb2.STATUS_DECLINED
        reply.reason = reasons_pb2.REASON_SHIFT_DIFFERS
    return reply
