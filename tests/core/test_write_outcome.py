"""The reply's outcome against the same calculation spelled by `evaluate`: two ways out of one calculator."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict

from altyn.core.engine.types import CallRefused
from altyn.core.evaluate import ReceiptError, evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import DocumentError, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.core.write_outcome import outcome_of
from altyn.pos.v1.outcome_pb2 import Outcome
from altyn.pos.v1.receipt_pb2 import Receipt
from tests.parity.compare import customer_numbers, with_numbers
from tests.reference.generator import Case, generate


def ruleset_of(case: Case) -> Ruleset:
    numbers = customer_numbers(case)
    rules = read_documents([with_numbers(document, numbers) for document in case.rules_documents])
    return Ruleset(compile_ruleset(rules.promotions, rules.assets, version=17))


def receipt_of(case: Case) -> Receipt:
    """The lines and coupons of a case; its short spelling of enums is no protobuf JSON."""
    lines = [
        {**line, "unit": "UNIT_" + str(line.get("unit", "PIECE")).removeprefix("UNIT_")}
        for line in case.receipt["lines"]
    ]
    coupons = [{"code": coupon["code"]} for coupon in case.receipt.get("coupons", [])]
    payments = [
        {**paid, "type": "PAYMENT_TYPE_" + paid["type"].removeprefix("PAYMENT_TYPE_")}
        for paid in case.receipt.get("payments", [])
    ]
    receipt = {
        "lines": lines,
        "coupons": coupons,
        "payments": payments,
        "store_id": "S",
        "register_id": case.receipt["register_id"],
        "sales_channel": case.receipt["sales_channel"],
        "currency": "RUB",
        "exponent": 2,
    }
    return ParseDict(receipt, Receipt())


def sorted_accrual(outcome: Outcome) -> Outcome:
    """A line's accruals come in order of evaluation; `evaluate` sorts them by asset."""
    for line in outcome.lines:
        line.accrual.sort(key=lambda points: points.asset)
    return outcome


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_written_outcome_is_the_evaluated_one(first: int) -> None:
    compared = discounted = explained = 0
    for seed in range(first, first + 50):
        case = generate(seed)
        try:
            ruleset, receipt = ruleset_of(case), receipt_of(case)
            evaluated = evaluate(ruleset, case.receipt, {"store_id": "S"}, None, (0, 0, 0), True)
            evaluated.pop("counters")
        except DocumentError:
            continue
        except ReceiptError as error:
            assert error.code == "SUM_MISMATCH"
            continue
        wanted = sorted_accrual(ParseDict(evaluated, Outcome()))
        wanted.ClearField("flags")
        found = sorted_accrual(Outcome.FromString(outcome_of(ruleset, receipt.SerializeToString(), True)))
        assert found == wanted, seed
        served = sorted_accrual(Outcome.FromString(outcome_of(ruleset, receipt.SerializeToString())))
        wanted.ClearField("explain")
        assert served == wanted, seed
        compared += 1
        discounted += found.totals.discount_minor > 0
        explained += len(found.explain.rules) > 0
    assert compared > 25
    assert discounted > 5
    assert explained > 5


def test_written_outcome_of_a_receipt_out_of_range_is_refused() -> None:
    ruleset = Ruleset(compile_ruleset((), (), version=1))
    with pytest.raises(CallRefused, match=r"receipt\.store_id"):
        outcome_of(ruleset, b"")


def test_written_outcome_spells_coupons_as_the_register_did() -> None:
    ruleset = Ruleset(compile_ruleset((), (), version=1))
    receipt = Receipt(store_id="S", register_id="R", currency="RUB", coupons=[{"code": " spring "}])
    outcome = Outcome.FromString(outcome_of(ruleset, receipt.SerializeToString()))
    assert outcome.coupons[0].code == " spring "
    assert outcome.rules_version == 1
