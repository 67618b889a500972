"""Hints through a real broker that is killed, restarted, emptied."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.redis_stream import Hint, HintReader, entries_of, open_client, publish

WAIT_S = 20


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    server = EmbeddedValkey(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def tell(url: str, **fields: str | int) -> str:
    async with open_client(url) as client:
        return await publish(client, "bell", fields)


async def following(hints: AsyncIterator[Hint]) -> Hint:
    return await asyncio.wait_for(anext(hints), WAIT_S)


async def test_reader_is_woken_at_connection_and_then_by_every_hint_in_order(redis_url: str) -> None:
    await tell(redis_url, number="before")
    async with aclosing(HintReader(redis_url, "bell", block_ms=50).hints()) as hints:
        assert await following(hints) == Hint()
        ids = [await tell(redis_url, number=number) for number in range(5)]
        for number in range(5):
            assert await following(hints) == Hint(ids[number], {"number": str(number)})


async def test_reader_when_the_broker_is_killed_misses_nothing_and_is_woken_again(valkey: EmbeddedValkey) -> None:
    reader = HintReader(valkey.url, "bell", block_ms=50)
    async with aclosing(reader.hints()) as hints:
        assert await following(hints) == Hint()
        await tell(valkey.url, number=1)
        assert (await following(hints)).fields == {"number": "1"}
        valkey.kill()
        valkey.start()
        await tell(valkey.url, number=2)
        assert await following(hints) == Hint()
        assert (await following(hints)).fields == {"number": "2"}
    assert reader.reconnect_count == 1


async def test_reader_when_the_broker_starts_late_only_waits(valkey: EmbeddedValkey) -> None:
    valkey.stop()
    reader = HintReader(valkey.url, "bell", block_ms=50)
    async with aclosing(reader.hints()) as hints:
        first = asyncio.ensure_future(following(hints))
        await asyncio.sleep(0.2)
        assert not first.done() and not reader.is_connected
        valkey.start()
        assert await first == Hint()


async def test_reader_when_the_broker_forgot_everything_reads_the_new_stream_from_its_start(
    valkey: EmbeddedValkey,
) -> None:
    async with aclosing(HintReader(valkey.url, "bell", block_ms=50).hints()) as hints:
        assert await following(hints) == Hint()
        await tell(valkey.url, number=1)
        await following(hints)
        valkey.kill()
        shutil.rmtree(valkey.root)
        valkey.start()
        async with open_client(valkey.url) as client:
            await client.xadd("bell", {"number": "2"}, id="5-1")  # a clock that went back
        assert await following(hints) == Hint()
        assert await following(hints) == Hint("5-1", {"number": "2"})


async def test_publish_many_keeps_the_stream_bounded(redis_url: str) -> None:
    async with open_client(redis_url) as client:
        for number in range(500):
            await publish(client, "bounded", {"number": number}, length_max=100)
        assert 100 <= await client.xlen("bounded") < 250


async def test_publish_when_the_broker_is_away_raises(valkey: EmbeddedValkey) -> None:
    valkey.stop()
    with pytest.raises(RedisConnectionError):
        await tell(valkey.url, number=1)


@pytest.mark.parametrize(
    "answer",
    [
        [["bell", [("1-0", {"a": "b"}), ("2-0", {"c": "d"})]]],
        {"bell": [[("1-0", {"a": "b"}), ("2-0", {"c": "d"})]]},
        {"bell": [["1-0", {"a": "b"}], ["2-0", {"c": "d"}]]},
    ],
    ids=["list", "mapping of batches", "mapping of entries"],
)
def test_entries_of_every_shape_are_the_same(answer: Any) -> None:
    assert entries_of(answer) == [("1-0", {"a": "b"}), ("2-0", {"c": "d"})]


@pytest.mark.parametrize("answer", [None, [], {}])
def test_entries_of_nothing_is_empty(answer: Any) -> None:
    assert entries_of(answer) == []


def test_reader_blocking_longer_than_the_answer_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="block_ms"):
        HintReader("unix:///nowhere", "bell", block_ms=60_000)
