"""The core and the independent oracle agree; `altyn parity` does the same with as many receipts as asked for."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import pytest

from altyn.core.rules.definition import read_documents
from tests.parity.compare import (
    compare_case,
    count_applied,
    customer_numbers,
    differences,
    oracle_shape,
    with_numbers,
)
from tests.reference import calculate
from tests.reference.generator import generate

FIRST_SEED = 900_000
# The floor: fewer receipts are no proof, and every receipt counts, for none may be refused by the reader.
RECEIPTS_MIN = 20_000
CHUNK = 500
READ = 200
WORKERS = 2

MECHANICS = ("percent", "amount unit", "amount line", "amount receipt", "points")
MODES = tuple(f"{mode}{scope}" for mode in ("CASCADE", "BEST") for scope in ("", " LINE", " RECEIPT"))

Chunk = tuple[int, dict[int, list[str] | None], Counter[str]]


def compare_chunk(begin: int) -> Chunk:
    """How many receipts of a chunk were compared, what was wrong by seed (None: refused), what applied."""
    applied: Counter[str] = Counter()
    found = {seed: compare_case(seed, applied) for seed in range(begin, begin + CHUNK)}
    compared = sum(differing is not None for differing in found.values())
    return compared, {seed: differing for seed, differing in found.items() if differing != []}, applied


@pytest.mark.slow
def test_core_and_oracle_agree_on_generated_receipts(capsys: pytest.CaptureFixture[str]) -> None:
    compared = 0
    wrong: dict[int, list[str] | None] = {}
    applied: Counter[str] = Counter()
    begins = range(FIRST_SEED, FIRST_SEED + RECEIPTS_MIN, CHUNK)
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        for count, wrong_here, applied_here in pool.map(compare_chunk, begins):
            compared += count
            wrong |= wrong_here
            applied += applied_here
    with capsys.disabled():
        print(f"\n{compared} receipts compared, {len(wrong)} differ or are refused")
        for name, times in sorted(applied.items()):
            print(f"  {times:8} {name}")
    assert not wrong
    assert compared >= RECEIPTS_MIN
    untried = [name for pair in product(MECHANICS, MODES) if not applied[name := " × ".join(pair)]]
    # Of discounts only BEST knows the scope LINE.
    untried = [name for name in untried if name.startswith("points") or not name.endswith("CASCADE LINE")]
    assert not untried, "these never gave anything"


@pytest.mark.parametrize("width", [1, 2])
def test_reader_accepts_every_generated_document(width: int) -> None:
    for seed in range(READ):
        case = generate(seed, width)
        numbers = customer_numbers(case)
        read_documents([with_numbers(document, numbers) for document in case.rules_documents])


def test_second_width_cases_are_counted_by_mechanic_and_mode() -> None:
    """The oracle's own result in the common shape: what a parity run of width 2 would count."""
    counts: Counter[str] = Counter()
    for seed in range(READ):
        case = generate(seed, width=2)
        result = calculate(case.rules_documents, case.receipt, case.store, case.customer, case.at, case.holdings)
        shape = oracle_shape(result, 2)
        assert list(differences(shape, shape)) == []
        count_applied(shape, case, counts)
    names = " ".join(counts)
    for name in ("multi_buy ×", "bundle ×", "buy_get ×", "ladder ×", "fixed_price ×", "× ADD", "× FIRST", "+ NOTHING"):
        assert name in names


def test_differences_of_unequal_results_name_their_place() -> None:
    assert list(differences({"a": [1, 2]}, {"a": [1, 3]})) == ["a[1]: core 2, oracle 3"]
