"""The closed loop counts what was answered in full, and ends at what a measurement must not count."""

from __future__ import annotations

import itertools
import os

import pytest

from altyn.benchmarks.front_closed import ClosedLoop, Connection
from altyn.benchmarks.front_load import LoadFailed
from altyn.benchmarks.front_servers import CORES, on_core
from altyn.server.transport.door import built
from tests.interop.test_clients import door_process

ECHO, UNKNOWN = "/test.Service/Echo", "/test.Service/Nothing"
SIZES = (0, 1, 900, 16_000)


def test_a_block_within_a_block_is_on_the_core_it_names() -> None:
    """Servers are started within the generator's block: on one core with it they would wait for each other."""
    before = os.sched_getaffinity(0)
    with on_core(1):
        with on_core(0):
            assert os.sched_getaffinity(0) == {CORES[0]}
        assert os.sched_getaffinity(0) == {CORES[1 % len(CORES)]}
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(not built("h2"), reason="built without libnghttp2")
@pytest.mark.parametrize("awake", [False, True])
def test_every_request_is_answered_once_with_what_was_sent(awake: bool) -> None:
    with door_process("h2") as address:
        requests = [bytes([number]) * size for number, size in enumerate(SIZES)]
        loop = ClosedLoop([Connection(address, ECHO, "key", iter(requests), b"")], awake)
        told = loop.run(30.0)
        loop.close()
    assert told.calls == len(SIZES)
    assert told.reply_bytes == sum(SIZES) / len(SIZES)
    assert 0 < told.p50_ms <= told.p99_ms


@pytest.mark.skipif(not built("h2"), reason="built without libnghttp2")
@pytest.mark.parametrize(
    ("method", "expect", "why"), [(UNKNOWN, b"", "a call was refused"), (ECHO, b"other", "an unexpected reply")]
)
def test_what_must_not_be_counted_ends_it(method: str, expect: bytes, why: str) -> None:
    with door_process("h2") as address:
        loop = ClosedLoop([Connection(address, method, "key", itertools.cycle([b"this"]), expect)])
        with pytest.raises(LoadFailed, match=why):
            loop.run(30.0)
        loop.close()
