"""How many calls a register may make, by a clock of the test's own; and what it hears of it through each door."""

from __future__ import annotations

import hashlib

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.engine import CallRefused, Scope
from altyn.server.authenticate import RegisterAuthenticate
from altyn.server.feeds.credentials import Credentials
from altyn.server.pace import BURST_S, NS, Pace
from altyn.server.transport.door import DoorKind, Service, new_door
from tests.integration.system import DOORS

R1, R2 = Scope("demo", "s1", "r1"), Scope("demo", "s1", "r2")


class Clock:
    def __init__(self) -> None:
        self.ns = 10**15

    def __call__(self) -> int:
        return self.ns


def taken(pace: Pace, scope: Scope, tries: int) -> int:
    """How many of so many calls got in."""
    count = 0
    for _ in range(tries):
        try:
            pace.take(scope)
            count += 1
        except CallRefused as refused:
            assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
    return count


@pytest.mark.parametrize("calls_per_s", [1, 3, 50, 1_000])
def test_burst_gets_in_then_so_many_a_second_and_others_are_not_concerned(calls_per_s: int) -> None:
    clock = Clock()
    pace = Pace(calls_per_s, clock)
    burst = calls_per_s * BURST_S
    assert taken(pace, R1, 2 * burst) == pytest.approx(burst, abs=1)
    assert taken(pace, R2, 1) == 1
    for _ in range(3):
        clock.ns += NS
        assert taken(pace, R1, 2 * burst) == pytest.approx(calls_per_s, abs=1)
    clock.ns += 3_600 * NS
    assert taken(pace, R1, 2 * burst) == pytest.approx(burst, abs=1)


@given(st.integers(1, 200), st.lists(st.integers(0, 2 * NS), min_size=1, max_size=200))
def test_in_no_stretch_of_time_more_than_the_burst_and_the_rate_get_in(calls_per_s: int, gaps: list[int]) -> None:
    clock = Clock()
    pace = Pace(calls_per_s, clock)
    begun, count = clock.ns, 0
    for gap in gaps:
        clock.ns += gap
        count += taken(pace, R1, 50)
        assert count <= calls_per_s * (BURST_S + (clock.ns - begun) / NS) + 1


@pytest.mark.parametrize("kind", DOORS)
async def test_register_that_calls_too_often_is_told_when_to_come_again(kind: DoorKind) -> None:
    known = Credentials()
    for key, scope in (("one", R1), ("two", R2)):
        known.put(hashlib.sha256(key.encode()).digest(), scope)
    authenticate = RegisterAuthenticate(known, Pace(1, Clock()))
    door = new_door(
        kind, [Service("test.Service", {"Echo": lambda request, scope: request}, authenticate)], "127.0.0.1:0"
    )
    await door.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        echo = channel.unary_unary("/test.Service/Echo")
        for _ in range(BURST_S):
            await echo(b"", metadata=(("authorization", "Bearer one"),))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await echo(b"", metadata=(("authorization", "Bearer one"),))
        assert await echo(b"other", metadata=(("authorization", "Bearer two"),)) == b"other"
    await door.stop(0)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.from_call(refused.value)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status is not None and status.details[0].Unpack(info) and status.details[1].Unpack(retry)
    assert (info.reason, retry.retry_delay.ToMilliseconds()) == ("RATE_LIMITED", 1_000)
