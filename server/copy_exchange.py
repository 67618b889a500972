"""One COPY of a batch as one write: its statement prepared before, the batch's own messages sent as they lie.

A batch is sent as often as PostgreSQL can take one, so what is paid per statement counts: PostgreSQL does not parse the
COPY again, and nothing is copied or awaited here but the end. Between batches the connection is asyncpg's, which opened
it; while a batch is under way its socket speaks to a CopyExchange. Invariants: a batch is either confirmed by
ReadyForQuery without an error, or an exception is raised; what the server says besides, asyncpg is told afterwards.
Never here: what an error means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

# Portal "" of a statement without parameters; what follows its name. Then: run the portal.
_BIND_REST = bytes(2 + 2 + 2)
_EXECUTE = b"E" + (4 + 1 + 4).to_bytes(4, "big") + bytes(1 + 4)
_HEAD_BYTES = 5  # of a message: its type, and its length without the type

_READY, _ERROR, _PARAMETER, _NOTICE = b"ZESN"


class CopyExchange(asyncio.Protocol):
    """COPYs over one connection, one at a time."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._owner: asyncio.Protocol = cast(Any, connection)._protocol
        self._transport: asyncio.Transport = cast(Any, connection)._transport
        self.table = ""
        self._statement: PreparedStatement[Any] | None = None
        self._head = b""
        self._answer = bytearray()
        self._told = b""
        self._error: asyncpg.PostgresError | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def prepare(self, table: str, columns: Sequence[str]) -> None:
        """Say where `send` copies to."""
        query = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
        self._statement = await self._connection.prepare(query)
        name = self._statement.get_name().encode()
        bind = b"\0" + name + b"\0" + _BIND_REST
        self._head = b"B" + (4 + len(bind)).to_bytes(4, "big") + bind + _EXECUTE
        self.table = table

    async def send(self, batch: Any, patience_s: float) -> None:
        """Copy a batch: a buffer of all messages up to Sync, which must not change meanwhile.

        asyncpg.PostgresError: refused, nothing was stored. OSError: the connection is gone; TimeoutError: no answer
        came for so long. The outcome is then unknown and the connection of no more use, as after a cancellation.
        """
        if self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        loop = asyncio.get_running_loop()
        self._error = None
        self._answer.clear()
        self._waiter = loop.create_future()
        silence = TimeoutError(f"PostgreSQL was silent for {patience_s} s")
        timer = loop.call_later(patience_s, self._settle, silence)
        self._transport.set_protocol(self)
        try:
            self._transport.writelines((self._head, batch))
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
            self._transport.set_protocol(self._owner)
        if self._told:
            told, self._told = self._told, b""
            self._owner.data_received(told)
        if self._error is not None:
            raise self._error

    # WHAT THE SOCKET CALLS

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        answer += data
        at = 0
        while len(answer) >= at + _HEAD_BYTES:
            end = at + 1 + int.from_bytes(answer[at + 1 : at + _HEAD_BYTES], "big")
            if len(answer) < end:
                break
            kind = answer[at]
            if kind == _READY:
                self._told += answer[end:]
                self._settle(None)
                return
            if kind == _ERROR:
                self._error = _error_of(bytes(answer[at + _HEAD_BYTES : end]))
            elif kind in (_PARAMETER, _NOTICE):
                self._told += answer[at:end]
            at = end
        del answer[:at]

    def connection_lost(self, error: Exception | None) -> None:
        self._owner.connection_lost(error)
        self._settle(error or self._error or ConnectionResetError("PostgreSQL closed the connection"))

    def pause_writing(self) -> None:
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        self._owner.resume_writing()

    def _settle(self, error: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            if error is None:
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(error)


def _error_of(fields: bytes) -> asyncpg.PostgresError:
    """The exception that stands for an ErrorResponse: fields of one letter and a text each."""
    told = {chr(field[0]): field[1:].decode("utf-8", "replace") for field in fields.split(b"\0") if field}
    error: asyncpg.PostgresError = cast(Any, asyncpg.PostgresError).new(told)
    return error
