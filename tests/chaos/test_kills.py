"""`altyn chaos kill` in small: registers sell, processes are killed, nothing acknowledged is lost or doubled."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from altyn.cli.chaos.acked_once import Findings
from altyn.cli.chaos.kills import POSTGRES, SERVER, Result, percentile, run_rounds


@pytest.mark.slow
@pytest.mark.parametrize(("victim", "rounds_count"), [(SERVER, 6), (POSTGRES, 3)])
def test_kills_under_load_lose_and_double_nothing(folder: Path, victim: str, rounds_count: int) -> None:
    result = run_rounds(folder, rounds_count, seed=11, victims=(victim,))
    assert result.findings == Findings()
    assert result.is_clean and result.verified is not None and result.verified.checks > result.acked
    assert result.killed[victim] == rounds_count == len(result.recoveries_s)
    assert result.acked > 16 * rounds_count


def test_result_tells_the_contracts_keys() -> None:
    told = Result(7, [3.0, 1.0, 2.0], {SERVER: 2, POSTGRES: 1}, Findings(lost={b"x"}, doubled_count=2)).as_json()
    contract = ("rounds", "acked", "lost", "doubled", "recovery_p50_s", "recovery_p99_s")
    assert [told[key] for key in contract] == [3, 7, 1, 2, 2.0, 3.0]
    assert [told["killed_server"], told["killed_postgres"]] == [2, 1]


@pytest.mark.parametrize("wrong", [{"lost": {b"x"}}, {"doubled_count": 1}, {"differing": {b"x"}}, {"remarks": ["x"]}])
def test_any_finding_is_not_clean(wrong: dict[str, object]) -> None:
    assert Findings().is_clean
    assert not dataclasses.replace(Findings(), **wrong).is_clean


def test_percentile_is_a_value_that_occurred() -> None:
    assert percentile([5.0, 1.0, 3.0], 99) == 5.0
    assert percentile([float(value) for value in range(1, 101)], 99) == 99.0
