"""The core and the independent oracle agree; `altyn parity` does the same with as many receipts as asked for."""

from __future__ import annotations

from collections import Counter

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
from tests.parity.engine import AWAITED
from tests.parity.runs import ONCE_WRONG, compare_many, width_of
from tests.reference import calculate
from tests.reference.generator import generate

FIRST_SEED = 900_000
RECEIPTS = 20_000
# A slow machine stops here with what it has; fewer receipts than the floor are no proof.
SECONDS_MAX = 240
# How often each mechanic must give in each mode, and each feature come to pass, in so many receipts.
APPLIED_MIN = 20
READ = 200
# What the parts of the last width must come to, once the core knows them.
LATER = {
    "facts": ("of attribute", "of favourite", "of personal", "when birthday", "when personal"),
    "rates": ("multiplier APPLIED", "multiplier ZERO", "multiplier NOT_MATCHED"),
    "gifts": ("gift APPLIED", "gift LIMIT", "gift taken"),
    "history": ("when purchases", "when turnover", "when purchase_number", "when validity"),
    "nudges": ("nudge",),
}

ITEM = (
    "percent", "percent tiers", "percent tiers by parts", "amount unit", "amount line", "amount receipt", "fixed_price"
)  # fmt: skip
RATES = ("percent", "percent tiers", "percent tiers by parts")
SETS = ("multi_buy", "bundle", "buy_get", "ladder")
SEARCHED = ("multi_buy", "bundle", "buy_get")
DISCOUNT_MODES = ("CASCADE", "BEST", "BEST LINE", "ADD", "FIRST", "MIN")
POINTS_MODES = ("CASCADE", "BEST", "BEST RECEIPT", "ADD", "FIRST", "FIRST RECEIPT")
FEATURES = (
    "exclusive", "skip_discounted", "limits", "several limits", "set within limits of money", "set within a quantity",
    "percent within a quantity", "LINE within limits", "several caps", "cut by a cap", "line paid with points",
    "message", "coupon APPLIED", "coupon INVALID COUPON_USED", "when balance", "when payment", "when register",
    "BEATEN in OPTIMAL", "small change",
    *("BEATEN", "BUDGET", "CAP", "EXCLUDED", "FLOOR", "INACTIVE", "LIMIT", "NOT_MATCHED", "ZERO"),
)  # fmt: skip


@pytest.mark.slow
def test_core_and_oracle_agree_on_generated_receipts(capsys: pytest.CaptureFixture[str]) -> None:
    run = compare_many(FIRST_SEED, RECEIPTS, None, seconds_max=SECONDS_MAX)
    with capsys.disabled():
        print(f"\n{run.compared} receipts compared in {run.seconds} s, {len(run.wrong)} differ or are refused")
        for name, times in sorted(run.applied.items()):
            print(f"  {times:8} {name}")
    assert not run.wrong
    assert run.compared == RECEIPTS, f"only {run.compared} of {RECEIPTS} receipts in {SECONDS_MAX} s"
    wanted = [f"{mechanic} × {mode}" for mechanic in (*ITEM, *SETS) for mode in DISCOUNT_MODES]
    wanted += [f"{mechanic} × OPTIMAL" for mechanic in SEARCHED]
    wanted += [f"{mechanic} × {mode}" for mechanic in ("points", "points tiers") for mode in POINTS_MODES]
    wanted += [f"multiplied {mechanic} × {mode}" for mechanic in RATES for mode in DISCOUNT_MODES]
    wanted += [f"multiplied {mechanic} × {mode}" for mechanic in ("points", "points tiers") for mode in POINTS_MODES]
    wanted += [f"+ {feature}" for feature in FEATURES]
    wanted += [f"+ {feature}" for part, features in LATER.items() if part not in AWAITED for feature in features]
    assert {name: run.applied[name] for name in wanted if run.applied[name] < APPLIED_MIN} == {}


@pytest.mark.parametrize("seed", ONCE_WRONG)
def test_seed_that_differed_once_agrees(seed: int) -> None:
    assert compare_case(seed, Counter[str](), width_of(seed, None)) == []


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_reader_accepts_every_generated_document(width: int) -> None:
    for seed in range(READ):
        case = generate(seed, width, AWAITED)
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
    for name in ("multi_buy ×", "bundle ×", "buy_get ×", "ladder ×", "fixed_price ×", "× ADD", "× FIRST", "+ BEATEN"):
        assert name in names


def test_differences_of_unequal_results_name_their_place() -> None:
    assert list(differences({"a": [1, 2]}, {"a": [1, 3]})) == ["a[1]: core 2, oracle 3"]
