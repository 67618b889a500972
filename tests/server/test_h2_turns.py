"""A turn of the loop that takes too long refuses what it reads later, and the next one starts anew."""

from __future__ import annotations

import pytest

from altyn.server.transport.door import DoorLimits, built
from tests.server.h2_peer import Answer, Running, door_with

if not built("h2"):
    pytest.skip("built without libnghttp2", allow_module_level=True)

CALLS = 50  # of a connection
WATCHED = 64  # from so many calls on


async def called(running: Running) -> list[Answer]:
    """Two connections that have their calls read in one turn."""
    peers = [await running.connect() for _ in range(2)]
    for peer in peers:
        peer.send(*(frame for number in range(CALLS) for frame in peer.call(2 * number + 1)))
    found = [await peer.answer(2 * number + 1) for peer in peers for number in range(CALLS)]
    for peer in peers:
        peer.writer.close()
    return found


async def test_calls_late_in_a_turn_that_takes_too_long_are_refused_before_they_are_begun() -> None:
    async with door_with(DoorLimits(turn_s=0.0)) as running:
        late = [one for one in await called(running) if one.status != "0"]
        assert len(running.begun) == WATCHED and len(late) == 2 * CALLS - WATCHED
        assert {(one.status, one.message) for one in late} == {("14", "the server has too much to do; send it again")}
        assert await running.serves()


async def test_as_many_in_a_short_turn_are_all_answered() -> None:
    async with door_with(DoorLimits(turn_s=60.0)) as running:
        assert {one.status for one in await called(running)} == {"0"}
