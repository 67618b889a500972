"""The core and the independent oracle agree; `altyn parity` does the same with many more receipts."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.parity.compare import compare_case, differences

FIRST_SEED, CASES, CHUNKS = 900_000, 50, 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_core_and_oracle_agree_on_generated_receipts(chunk: int) -> None:
    applied: Counter[str] = Counter()
    begin = FIRST_SEED + chunk * CASES
    found = {seed: compare_case(seed, applied) for seed in range(begin, begin + CASES)}
    assert not {seed: differing for seed, differing in found.items() if differing}
    assert applied.total() > CASES // 2


def test_differences_of_unequal_results_name_their_place() -> None:
    assert list(differences({"a": [1, 2]}, {"a": [1, 3]})) == ["a[1]: core 2, oracle 3"]
