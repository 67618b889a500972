"""Hunts a planted fault by generated receipts, by those that differed once, then by the scenarios; says what caught
it and stops there."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.parity.compare import compare_case
from tests.parity.runs import ONCE_WRONG, width_of


def hunt(receipts: int) -> str:
    for seed in (*range(1, receipts + 1), *ONCE_WRONG):
        try:
            found = compare_case(seed, width=width_of(seed, None))
        except Exception as error:  # the comparison may fail on a wrong core in any way
            return f"receipt {seed}: {type(error).__name__}: {error}"
        if found:
            return f"receipt {seed}: {found[0].split(':')[0]}"
    return ""


class FirstFailed:
    """The first scenario that failed."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid.partition("[")[2].rstrip("]").removeprefix("engine-")


def hunt_by_scenarios() -> str:
    """What a person worked out and the generator met too seldom."""
    first = FirstFailed()
    scenarios = Path(__file__).resolve().parents[1] / "scenarios" / "test_scenarios.py"
    with redirect_stdout(io.StringIO()):
        ended = pytest.main(["-x", "-q", "-k", "engine", str(scenarios)], plugins=[first])
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit(f"the scenarios could not be run: {ended!r}")
    return f"scenario {first.name}" if first.name else ""


if __name__ == "__main__":
    caught = hunt(int(sys.argv[1])) or hunt_by_scenarios()
    print(caught)
    sys.exit(0 if caught else 1)
