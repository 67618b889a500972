"""A Redis Stream as a doorbell: publish a hint, and be woken by hints, through any restart of the broker.

Invariants: a hint is only a hint, the reader looks up the truth itself; after every (re)connection the reader is woken
once, because the broker may have forgotten what it was told; an entry published while the reader was away is still
delivered, from the last id seen; waiting between attempts grows to a bound and is jittered. It must never raise to a
reader because the broker is away, and never names a stream of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

LENGTH_MAX = 1000
BATCH_MAX = 100
BLOCK_MS = 5_000
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0  # longer than BLOCK_MS, or an idle stream would look like a dead broker
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 5.0

_FAILURES = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Hint:
    """One wake-up. ``entry_id`` is empty for the one that follows a (re)connection."""

    entry_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def open_client(url: str) -> Redis:
    """A client of one connection that fails at once instead of reconnecting out of sight; text in, text out.

    One connection, because a pool replaces a broken one without a word, and then nobody is told what was missed.
    """
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
    )


async def publish(client: Redis, stream: str, fields: Mapping[str, str | int], *, length_max: int = LENGTH_MAX) -> str:
    """Append a hint, keeping about ``length_max`` entries. Returns its id; RedisError when the broker is away."""
    entry: dict[Any, Any] = dict(fields)
    entry_id = await client.xadd(stream, entry, maxlen=length_max, approximate=True)
    return str(entry_id)


class HintReader:
    """Reads one stream for ever. Only hints published after the first connection are promised."""

    def __init__(self, url: str, stream: str, *, block_ms: int = BLOCK_MS) -> None:
        if block_ms / 1000 >= ANSWER_TIMEOUT_S:
            raise ValueError(f"block_ms must be below {ANSWER_TIMEOUT_S * 1000:.0f}, got {block_ms}")
        self.stream = stream
        self.is_connected = False
        self.reconnect_count = 0
        self._url = url
        self._block_ms = block_ms
        self._last_id: str | None = None

    async def hints(self) -> AsyncGenerator[Hint]:
        """Hints without end; stop by cancelling the task that reads. The broker's failures only delay it."""
        backoff_s = BACKOFF_FIRST_S
        while True:
            client = open_client(self._url)
            try:
                await self._find_place(client)
                self.is_connected = True
                backoff_s = BACKOFF_FIRST_S
                yield Hint()
                while True:
                    for hint in await self._read(client):
                        yield hint
            except _FAILURES:
                self.reconnect_count += self.is_connected
                self.is_connected = False
            finally:
                await _close(client)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)

    async def _find_place(self, client: Redis) -> None:
        """Keep the last id seen, unless the stream begins anew: a broker that lost its disk restarts its ids."""
        newest = await client.xrevrange(self.stream, count=1)
        newest_id = str(newest[0][0]) if newest else "0-0"
        if self._last_id is None:
            self._last_id = newest_id
        elif _order(newest_id) < _order(self._last_id):
            self._last_id = "0-0"

    async def _read(self, client: Redis) -> list[Hint]:
        assert self._last_id is not None
        answer = await client.xread({self.stream: self._last_id}, count=BATCH_MAX, block=self._block_ms)
        hints = [Hint(entry_id, fields) for entry_id, fields in entries_of(answer)]
        if hints:
            self._last_id = hints[-1].entry_id
        return hints


def entries_of(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """XREAD's answer about one stream as (id, fields), whichever shape the protocol version gave it.

    RESP2: ``[[stream, [(id, fields), …]]]``; RESP3: ``{stream: [[(id, fields), …]]}``; nothing: None, [] or {}.
    """
    if not answer:
        return []
    if isinstance(answer, dict):
        (batches,) = answer.values()
        entries = [entry for batch in batches for entry in (batch if _is_batch(batch) else [batch])]
    else:
        ((_, entries),) = answer
    return [(str(entry_id), dict(fields or {})) for entry_id, fields in entries]


def _is_batch(value: Any) -> bool:
    """A list of entries, as opposed to one entry (id, fields)."""
    return not value or not isinstance(value[0], str | bytes)


def _order(entry_id: str) -> tuple[int, int]:
    time_ms, _, number = entry_id.partition("-")
    return int(time_ms), int(number or 0)


async def _close(client: Redis) -> None:
    try:
        await client.aclose()
    except _FAILURES:
        return
