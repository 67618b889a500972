"""Every scenario, worked out by hand, against the engine and against the reference calculation."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from altyn.core.rules.definition import default_documents, read_documents
from tests.scenarios.adapter import FOLDER, Result, Scenario, expected, result_of, scenarios

Calculate = Callable[[Scenario, list[Any], int], Result]

ALL = scenarios()
# Mechanics the reference calculation does not know yet.
AWAITED: tuple[str, ...] = ()


def by_reference(scenario: Scenario, documents: list[Any], at_us: int) -> Result:
    from tests.reference import calculate

    if scenario.name.startswith(AWAITED):
        pytest.skip("the reference does not know it yet")
    arguments = (documents, scenario.receipt, scenario.store, scenario.customer, at_us)
    if "holdings" in inspect.signature(calculate).parameters:
        return result_of(calculate(*arguments, scenario.holdings))
    if "holdings" in scenario.fields:
        pytest.skip("the reference knows no holdings")
    return result_of(calculate(*arguments))


def by_engine(scenario: Scenario, documents: list[Any], at_us: int) -> Result:
    from altyn.cli.evaluate import evaluate_documents
    from altyn.core.evaluate import ReceiptError

    receipt = scenario.receipt
    try:
        answer = evaluate_documents(
            documents, receipt, scenario.store, scenario.customer, at_us, explain=True, holdings=scenario.holdings,
            fiscal_plan=True,
        )  # fmt: skip
    except ReceiptError as error:
        position = int(error.path.partition("[")[2].partition("]")[0])
        return Result(refused=error.code, refused_lines=(receipt["lines"][position]["line_no"],))
    return result_of(answer)


def _landed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


CALCULATORS = [
    pytest.param(
        by_reference, id="reference", marks=pytest.mark.skipif(not _landed("tests.reference"), reason="absent")
    ),
    pytest.param(by_engine, id="engine", marks=pytest.mark.skipif(not _landed("altyn.cli.evaluate"), reason="absent")),
]


def unchanged(result: Result) -> bool:
    """Nothing taken off, nothing earned."""
    return (
        result.discount_minor == 0 and not result.accrual and not any(line.discounts for line in result.lines.values())
    )


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("calculate", CALCULATORS)
def test_scenario_gives_what_was_worked_out_by_hand(scenario: Scenario, calculate: Calculate) -> None:
    for at_us in (*scenario.instants("at"), *scenario.instants("inside")):
        result = calculate(scenario, scenario.documents, at_us)
        assert result == expected(scenario, result)
    for at_us in scenario.instants("outside"):
        assert unchanged(calculate(scenario, scenario.documents, at_us))


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("calculate", CALCULATORS)
def test_scenario_gives_the_same_with_all_defaults_written_out(scenario: Scenario, calculate: Calculate) -> None:
    written = default_documents(read_documents(scenario.documents))
    for at_us in scenario.instants("at"):
        assert calculate(scenario, written, at_us) == calculate(scenario, scenario.documents, at_us)


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_scenario_says_its_arithmetic_in_a_comment(scenario: Scenario) -> None:
    sale, _, _ = (FOLDER / f"{scenario.name}.yaml").read_text(encoding="utf-8").partition("\nreturns:")
    assert "# " in sale


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_scenario_adds_up_by_itself(scenario: Scenario) -> None:
    """Lines sum to the receipt and discounts to its discount: a slip of the pencil is found without an engine."""
    result = expected(scenario, Result())
    if result.refused:
        return
    assert sum(line.net_minor for line in result.lines.values()) == result.to_pay_minor
    assert {line["line_no"] for line in scenario.receipt["lines"]} == set(result.lines)
    if all("discounts" in line for line in scenario.expect["lines"]):
        given = sum(amount for line in result.lines.values() for _, amount in line.discounts)
        assert given == result.discount_minor
    if all("accrual" in line for line in scenario.expect["lines"]):
        by_line: dict[str, int] = {}
        for line in result.lines.values():
            for asset, points in line.accrual.items():
                by_line[asset] = by_line.get(asset, 0) + points
        assert by_line == result.accrual
    assert len(result.coupons) == len(scenario.receipt["coupons"])
