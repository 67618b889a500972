"""SendOneTimeCode: a code on its way to the owner of a phone, and nothing said of whether there is one.

The server knows phones by their keyed hashes only, so it writes into the outbox whom a code is for and of which step;
the sender computes it (core/engine/identity.one_time_code). Invariants: the answer is the same whether anybody has the
phone, and whether this code was one too many; a phone gets at most `CODES_OF_PHONE_MAX` in `WINDOW`, counted in the
outbox itself, which outlives the server. Never here: a code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from altyn.core.engine import CallRefused, Scope
from altyn.core.engine.identity import CODE_STEP_US, phone_hash
from altyn.core.facts.directory import Directory
from altyn.infra.database import connect
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.own_message import read_own

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
WINDOW_US = WINDOW // timedelta(microseconds=1)
CODES_OF_PHONE_MAX = 3
CODES_OF_REGISTER_MAX = 60
PHONE_BYTES_MAX = 64
CALLS_AT_ONCE_MAX = 256
SQL_S = 2.0
LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError)

# Asked for nobody too: the answer takes as long, and is as much in doubt when PostgreSQL is away.
_ASK = """
INSERT INTO notices (tenant, customer_id, kind, step, created_at)
SELECT $1::text, $2::bigint, 'ONE_TIME_CODE', $3::bigint, $4::timestamptz WHERE $2 > 0 AND $5 > (
    SELECT count(*) FROM notices WHERE tenant = $1 AND customer_id = $2 AND kind = 'ONE_TIME_CODE' AND created_at > $6)
"""


class OneTimeCodes:
    """The call, over a connection of its own. `tenant`: whose phones `directory` knows, hashed with `pepper`."""

    def __init__(self, dsn: str, tenant: str, directory: Directory, pepper: bytes, clock: Callable[[], int]) -> None:
        self._dsn = dsn
        self._tenant = tenant
        self._directory = directory
        self._pepper = pepper
        self._clock = clock
        self._connection: asyncpg.Connection[Any] | None = None
        self._turn = asyncio.Lock()
        self._calls_count = 0
        # Of registers that asked in this window; there are no more of them than credentials.
        self._window = 0
        self._asked: dict[tuple[str, str], int] = {}

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def send(self, request: bytes, scope: Scope) -> bytes:
        """Reply bytes of SendOneTimeCodeResponse. CallRefused."""
        call = _read(request, scope)
        now_us = self._clock()
        self._count(scope, now_us)
        step = now_us // CODE_STEP_US
        customer_id = max(self._directory.customer_by_phone(phone_hash(self._pepper, call.identity.value)), 0)
        if self._calls_count >= CALLS_AT_ONCE_MAX:
            raise CallRefused("UNAVAILABLE", "OVERLOADED", "", "too many codes are asked for; ask again")
        self._calls_count += 1
        try:
            async with asyncio.timeout(SQL_S), self._turn:
                await self._ask(customer_id, step, EPOCH + timedelta(microseconds=now_us))
        except LOST as away:
            await self.close()
            raise CallRefused("UNAVAILABLE", "RETRY", "", "PostgreSQL does not answer; ask again") from away
        finally:
            self._calls_count -= 1
        reply: bytes = pos.SendOneTimeCodeResponse(
            status=outcome_pb2.STATUS_OK, valid_until_us=(step + 2) * CODE_STEP_US, server_time_us=now_us
        ).SerializeToString()
        return reply

    def _count(self, scope: Scope, now_us: int) -> None:
        window = now_us // WINDOW_US
        if window != self._window:
            self._window = window
            self._asked.clear()
        register = (scope.store_id, scope.register_id)
        asked = self._asked.get(register, 0)
        if asked >= CODES_OF_REGISTER_MAX:
            raise CallRefused("RESOURCE_EXHAUSTED", "RATE_LIMITED", "", "this register asks for too many codes")
        self._asked[register] = asked + 1

    async def _ask(self, customer_id: int, step: int, now: datetime) -> None:
        """One at a time: the count of a phone's codes is that of those before it."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, name="altyn-one-time-codes", command_timeout_s=SQL_S)
        await self._connection.execute(_ASK, self._tenant, customer_id, step, now, CODES_OF_PHONE_MAX, now - WINDOW)


def _read(request: bytes, scope: Scope) -> pos.SendOneTimeCodeRequest:
    call = read_own(pos.SendOneTimeCodeRequest, request, scope)
    value = call.identity.value
    if call.identity.kind != receipt_pb2.TOKEN_KIND_PHONE:
        raise CallRefused("INVALID_ARGUMENT", "BAD_FORMAT", "identity.kind", "a code is sent to a phone")
    if not value:
        raise CallRefused("INVALID_ARGUMENT", "FIELD_REQUIRED", "identity.value", "the phone is missing")
    if len(value.encode()) > PHONE_BYTES_MAX:
        raise CallRefused("INVALID_ARGUMENT", "TOO_LARGE", "identity.value", f"at most {PHONE_BYTES_MAX} bytes")
    if call.identity.code:
        raise CallRefused("INVALID_ARGUMENT", "BAD_FORMAT", "identity.code", "a code is asked for, not told")
    return call
