"""What the explanation says adds up to what is not paid (semantics §6.9), on generated receipts of every kind."""

from __future__ import annotations

from collections import Counter

from altyn.core.evaluate import ReceiptError
from tests.parity.compare import core_clock, core_customer, prepared
from tests.parity.engine import AWAITED, WIDTH_MAX, evaluate_case, ruleset_of
from tests.reference.generator import generate

FIRST_SEED = 800_000
CASES = 250
MET_MIN = 10


def test_applied_less_cuts_is_gross_less_net() -> None:
    met: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + CASES):
        case = generate(seed, WIDTH_MAX, AWAITED)
        ruleset = ruleset_of(prepared(case, case.rules_documents))
        try:
            outcome = evaluate_case(ruleset, case, core_customer(case), core_clock(case), True)
        except ReceiptError as refused:
            assert refused.code == "SUM_MISMATCH", seed
            continue
        rows, totals = outcome["explain"]["rules"], outcome["totals"]
        # The till's and the cashier's discounts have no row.
        by_tills = sum(
            one["amount_minor"]
            for line in outcome["lines"]
            for one in line["discounts"]
            if one["stage"] == "STAGE_EXTERNAL"
        )
        told = sum(row["amount_minor"] - row["cut_minor"] for row in rows)
        assert told + by_tills == totals["gross_minor"] - totals["to_pay_minor"], seed
        giving = {row["verdict"] for row in rows if row["amount_minor"]}
        assert giving <= {"VERDICT_APPLIED", "VERDICT_CAP"}, seed
        met["till"] += by_tills > 0
        met["cut"] += any(0 < row["cut_minor"] < row["amount_minor"] for row in rows)
        met["cut to nothing"] += "VERDICT_CAP" in giving
        met["points"] += totals["points_paid_minor"] > 0
        met["rounding"] += totals["rounding_minor"] > 0
    assert len(met) == 5 and min(met.values()) >= MET_MIN, met
