"""What was told to a register is in the journal exactly once, with the same bytes, and moved the balance exactly once.

Looks from outside: journal and operations by SQL, balances by GetBalance. The journal is read with its chain proven,
from where the last look ended; the row there must still be the one that was there. Call it only while nothing is under
way. It decides nothing about how a receipt is calculated: what it must accrue is known by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc.aio

from altyn.cli.chaos.small_world import ASSET, OPS_KEY
from altyn.journal.v1 import record_pb2
from altyn.ops.v1 import ops_service_pb2
from altyn.server.journal_reader import JournalReader

REPEATED = """
SELECT (SELECT count(op_id) - count(DISTINCT op_id) FROM journal)
     + (SELECT count(natural_key) - count(DISTINCT natural_key) FROM journal) AS count
"""
UNEQUAL = "SELECT (SELECT count(*) FROM journal) - (SELECT count(*) FROM operations) AS count"
ANSWER_PATIENCE_S = 10.0


@dataclass
class Findings:
    """Op_ids that were acknowledged and are not there; doubles; acknowledgements other than the stored reply."""

    lost: set[bytes] = field(default_factory=set)
    doubled_count: int = 0
    differing: set[bytes] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled_count or self.differing or self.remarks)


class AckedOnce:
    """Follows one shard's journal and compares it with what registers were told."""

    def __init__(self, dsn: str, ops_address: str, shard: int = 0) -> None:
        self.findings = Findings()
        self._dsn = dsn
        self._ops_address = ops_address
        self._shard = shard
        self._seq = 0
        self._hash: bytes | None = None
        self._stored: dict[bytes, bytes] = {}

    async def look(
        self, replies: Mapping[bytes, bytes], points: Mapping[int, int], uploaded: Iterable[bytes] = ()
    ) -> Findings:
        """Compare all of it. `replies`: op_id → acknowledged reply; `points`: account → what it must hold; `uploaded`:
        op_ids acknowledged in an upload.

        Raises JournalDoubt when the chain is broken.
        """
        await self._read_on()
        for op_id, reply in replies.items():
            stored = self._stored.get(op_id)
            if stored is None:
                self.findings.lost.add(op_id)
            elif stored != reply:
                self.findings.differing.add(op_id)
        self.findings.lost.update(op_id for op_id in uploaded if op_id not in self._stored)
        await self._look_for_repeats()
        await self._compare_balances(points)
        return self.findings

    async def look_again(
        self, replies: Mapping[bytes, bytes], points: Mapping[int, int], uploaded: Iterable[bytes] = ()
    ) -> Findings:
        """`look` over the whole journal, from its first row."""
        self._seq, self._hash, self._stored = 0, None, {}
        return await self.look(replies, points, uploaded)

    async def _read_on(self) -> None:
        reader = JournalReader(self._dsn, self._shard, name="altyn-chaos")
        try:
            async for row in reader.read_from(self._seq, self._hash):
                if row.op_id in self._stored:
                    self.findings.doubled_count += 1
                self._stored[row.op_id] = record_pb2.Record.FromString(row.body).reply
                self._seq, self._hash = row.seq, row.hash
        finally:
            await reader.close()

    async def _look_for_repeats(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            self.findings.doubled_count += await connection.fetchval(REPEATED)
            unequal = await connection.fetchval(UNEQUAL)
        finally:
            await connection.close()
        if unequal:
            self.findings.remarks.append(f"journal and operations differ by {unequal} rows")

    async def _compare_balances(self, points: Mapping[int, int]) -> None:
        async with grpc.aio.insecure_channel(self._ops_address) as channel:
            get_balance: Any = channel.unary_unary(
                "/altyn.ops.v1.OpsService/GetBalance",
                request_serializer=ops_service_pb2.GetBalanceRequest.SerializeToString,
                response_deserializer=ops_service_pb2.GetBalanceResponse.FromString,
            )
            for account_id, expected in points.items():
                answer = await get_balance(
                    ops_service_pb2.GetBalanceRequest(account_id=account_id),
                    metadata=(("authorization", f"Bearer {OPS_KEY}"),),
                    timeout=ANSWER_PATIENCE_S,
                )
                found = sum(balance.active_points for balance in answer.balances if balance.asset == ASSET)
                if found > expected:
                    self.findings.doubled_count += 1
                if found != expected:
                    self.findings.remarks.append(f"account {account_id} has {found} points, {expected} were accrued")
