"""The open loop counts every call it offers once, and says of each what became of it."""

from __future__ import annotations

import pytest

from altyn.benchmarks.overload_bench import LINES, NewCommits, recovered_after_s
from altyn.benchmarks.overload_load import OpenLoop, Register, Slot, Told
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import DOORS
from tests.interop.test_clients import door_process

KINDS = {"Echo": "good", "Never": "late", "Refuse": "refused"}


@pytest.mark.parametrize("kind", DOORS)
def test_calls_are_counted_by_what_became_of_them(kind: str) -> None:
    with door_process(kind) as address:  # type: ignore[arg-type]
        for method, expected in KINDS.items():
            registers = [Register(address, f"/test.Service/{method}", "key", [bytes(20_000)], 200) for _ in range(4)]
            loop = OpenLoop(registers, 0.2)
            told = loop.run(80, 0.5)
            loop.close()
            counts = {name: sum(getattr(slot, name) for slot in told.slots) for name in KINDS.values()}
            assert sum(counts.values()) == 40 and len(told.slots) == 2
            # A machine that stands still for a moment makes a call late, whatever else it would have been.
            assert counts[expected] + counts["late"] * (expected != "late") == 40
            assert counts[expected] > 0


def test_recovery_is_from_when_on_nearly_all_calls_are_good() -> None:
    well, ill = Slot(good=100), Slot(good=98, late=2)
    assert recovered_after_s(Told([well, well])) == 0
    assert recovered_after_s(Told([ill, well, ill, well])) == 0.75
    assert recovered_after_s(Told([well, ill])) == 0.5


def test_commits_of_the_generator_are_new_operations_of_one_shape() -> None:
    commits = NewCommits(3)
    made = [pos.CommitReceiptRequest.FromString(commits[0]) for _ in range(300)]
    assert len({one.op_id for one in made}) == 300
    numbers = [(one.register_seq, one.receipt.receipt_number) for one in made]
    assert numbers == [(numbers[0][0] + turn, numbers[0][1] + turn) for turn in range(300)]
    assert {len(one.receipt.lines) for one in made} == {LINES}
