"""Stage meters: a call in its measured coat is the call itself, and its time is where it was spent."""

from __future__ import annotations

import asyncio
import time

import pytest

from altyn.core.engine import CallRefused, Scope
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.slots import ReplySlots
from altyn.server.stages import Stages
from tests.integration.system import basket

SCOPE = Scope("demo", "s1", "r1")
REQUEST = pos.CommitReceiptRequest(op_id=bytes(16), register_seq=1, receipt=basket(1)).SerializeToString()


def test_call_is_given_and_gives_what_it_would_without_being_measured() -> None:
    seen: list[tuple[bytes, Scope]] = []
    later = object()

    def commit(request: bytes, scope: Scope) -> object:
        seen.append((request, scope))
        return later

    def refuse(request: bytes, scope: Scope) -> bytes:
        raise CallRefused("UNAVAILABLE", "OVERLOADED", "", "come again")

    stages = Stages()
    table = stages.over({"CommitReceipt": commit, "CancelReceipt": refuse})  # type: ignore[dict-item]
    assert table["CommitReceipt"](REQUEST, SCOPE) is later and seen == [(REQUEST, SCOPE)]
    with pytest.raises(CallRefused, match="come again"):
        table["CancelReceipt"](REQUEST, SCOPE)
    committed, cancelled = stages.calls
    assert (committed.method, sum(committed.decided_counts)) == ("CommitReceipt", 1)
    assert (cancelled.method, sum(cancelled.decided_counts)) == ("CancelReceipt", 0)


def test_time_is_that_of_the_call() -> None:
    stages = Stages()
    table = stages.over({"Slow": lambda request, scope: time.sleep(0.02) or b""})
    table["Slow"](b"", SCOPE)
    assert stages.calls[0].decided_sum_ns >= 20_000_000
    assert sum(stages.calls[0].decided_counts[20:]) == 1


@pytest.mark.parametrize(("calls", "samples"), [(1, 1), (64, 1), (65, 2), (640, 10)])
def test_one_request_in_sixty_four_is_decoded_to_see_how_long_it_takes(calls: int, samples: int) -> None:
    stages = Stages()
    table = stages.over({"CommitReceipt": lambda request, scope: b""})
    for _ in range(calls):
        table["CommitReceipt"](REQUEST, SCOPE)
    (staged,) = stages.calls
    assert sum(staged.decided_counts) == calls
    assert sum(staged.decoded_counts) == samples and staged.decoded_sum_ns > 0


def test_request_that_cannot_be_decoded_is_the_calls_matter() -> None:
    stages = Stages()
    table = stages.over({"CalculateReceipt": lambda request, scope: request})
    assert table["CalculateReceipt"](b"\xff", SCOPE) == b"\xff"
    assert sum(stages.calls[0].decoded_counts) == 0


def test_wait_for_the_journal_is_measured_for_those_who_waited() -> None:
    async def run() -> ReplySlots:
        slots = ReplySlots(10)
        waiting = [slots.hold(seq, b"") for seq in (1, 2, 3)]
        await asyncio.sleep(0.02)
        slots.release(2)
        assert slots.hold(2, b"") == b""
        waiting[2].cancel()  # type: ignore[union-attr]
        return slots

    slots = asyncio.run(run())
    assert sum(slots.wait.counts) == 2 and slots.wait.sum_ns >= 40_000_000
