"""What comes back of a scenario's receipt, worked out by hand, against the reference and the engine's returns.

The sale stands in the journal with the scenario's outcome, however the register came to it; what is returned then
goes through the same step as any return.
"""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from altyn.cli.evaluate import evaluate_documents
from altyn.core.engine import return_receipt
from altyn.core.facts import AssetFact
from altyn.core.ledger.view import read_balances
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.world import NOW_US, World, new_op_id, new_world, receipt
from tests.reference import calculate
from tests.reference.returns import returns, sale_of
from tests.reference.returns_again import cancelled
from tests.scenarios.adapter import FOLDER, Scenario, minor, scenarios, whole

ACCOUNT = 70
EARNED = 1
DAY_US = 86_400_000_000
RETURNING = [scenario for scenario in scenarios() if "returns" in scenario.fields]
MECHANICS = sorted({path.parent.name for path in FOLDER.glob("*/*.yaml")})

# Money, and the points that are taken away.
Back = tuple[int, dict[str, int]]


def parts_of(scenario: Scenario) -> list[dict[int, int]]:
    """Thousandths by line, of every return."""
    return [
        {int(line["line_no"]): whole(line.get("qty", "1"), 3) for line in one["lines"]}
        for one in scenario.fields["returns"]
    ]


def wanted(scenario: Scenario) -> list[Back]:
    return [(minor(one["refund"]), scenario.points(one.get("cancelled", {}))) for one in scenario.fields["returns"]]


def some(points: dict[str, int]) -> dict[str, int]:
    return {asset: number for asset, number in points.items() if number}


def by_reference(scenario: Scenario) -> list[Back]:
    (at_us,) = scenario.instants("at")
    world: dict[str, Any] = {
        "store": scenario.store,
        "customer": scenario.customer,
        "at": at_us,
        "holdings": scenario.holdings,
    }
    result = calculate(scenario.documents, scenario.receipt, **world)
    sale = sale_of(result, scenario.receipt, {}, printed_by_unit(scenario, result))
    found: list[Back] = []
    before: dict[int, int] = {}
    for part, back in zip(parts_of(scenario), returns(sale, parts_of(scenario)), strict=True):
        after = {number: before.get(number, 0) + part.get(number, 0) for number in {*before, *part}}
        was, now = (cancelled(scenario.documents, scenario.receipt, result, one, **world) for one in (before, after))
        taken = {asset: points - was.get(asset, 0) for asset, points in now.items()}
        found.append((sum(back.refunds.values()), some(taken)))
        before = after
    return found


def printed_by_unit(scenario: Scenario, result: dict[str, Any]) -> frozenset[int]:
    """Lines on which a multi-buy left its discount on free units."""
    free = {
        one["promotion"]
        for one in scenario.documents
        if any(reward.get("multi_buy", {}).get("allocate") == "ON_FREE" for reward in one.get("reward", ()))
    }
    return frozenset(
        row["line_no"] for row in result["lines"] if any(one["promotion_id"] in free for one in row["discounts"])
    )


def by_engine(scenario: Scenario) -> list[Back]:
    (at_us,) = scenario.instants("at")
    answer = evaluate_documents(
        scenario.documents, scenario.receipt, scenario.store, scenario.customer, at_us, holdings=scenario.holdings,
        fiscal_plan=True,
    )  # fmt: skip
    outcome = ParseDict({**answer, "explain": None}, outcome_pb2.Outcome(), ignore_unknown_fields=True)
    world = new_world()
    numbers = {one.asset: number for number, one in enumerate(outcome.totals.accrual, start=2)}
    for asset, number in numbers.items():
        world.engine.facts.assets[asset] = AssetFact(asset, number, 0, 1, "{}")
    sell(world, scenario, outcome, numbers)
    found: list[Back] = []
    for number, part in enumerate(parts_of(scenario), start=900):
        before = balances(world, numbers)
        request = give_back(refund(*part.items(), number=number), world.next_seq())
        reply = pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request))
        assert reply.status == outcome_pb2.STATUS_OK, reply
        assert reply.outcome.totals.to_pay_minor == sum(line.net_minor for line in reply.outcome.lines)
        taken = {asset: before[asset] - points for asset, points in balances(world, numbers).items()}
        found.append((reply.outcome.totals.to_pay_minor, some(taken)))
    return found


def balances(world: World, numbers: dict[str, int]) -> dict[str, int]:
    """Points of the account by asset."""
    told = read_balances(world.engine.book, ACCOUNT, NOW_US)
    return {asset: told.get(number, (0,))[0] for asset, number in numbers.items()}


def sell(world: World, scenario: Scenario, outcome: outcome_pb2.Outcome, numbers: dict[str, int]) -> None:
    """The record of the sale, applied."""
    record = journal.Record(
        format=1, kind=pos.OPERATION_KIND_COMMIT, seq=world.engine.last_seq + 1, instant_us=NOW_US, op_id=new_op_id(),
        content_sha256=bytes(32), tenant="demo",
    )  # fmt: skip
    lines = [
        ParseDict(line, receipt_pb2.ReceiptLine(), ignore_unknown_fields=True) for line in scenario.receipt["lines"]
    ]
    record.request.receipt.CopyFrom(receipt(*lines, card=""))
    record.evidence.rules_version = 1
    record.evidence.customer.account_id = ACCOUNT
    record.effects.SetInParent()
    for place, one in enumerate(outcome.totals.accrual):
        number, lot_id = numbers[one.asset], record.seq * 256 + place
        record.evidence.assets.add(asset_no=number, asset=one.asset, scale=0)
        record.effects.lots.add(
            lot_id=lot_id, account_id=ACCOUNT, asset_no=number, points=one.points, active_from_us=NOW_US,
            expires_at_us=NOW_US + DAY_US,
        )  # fmt: skip
        entry = record.effects.entries.add(kind=EARNED)
        entry.postings.add(account_id=ACCOUNT, asset_no=number, points=one.points, lot_id=lot_id)
        entry.postings.add(account_id=-EARNED, asset_no=number, points=-one.points)
    record.reply = pos.CommitReceiptResponse(
        status=outcome_pb2.STATUS_OK, seq=record.seq, outcome=outcome
    ).SerializeToString()
    world.take(record)


@pytest.mark.parametrize("scenario", RETURNING, ids=lambda scenario: scenario.name)
def test_reference_gives_back_what_was_worked_out_by_hand(scenario: Scenario) -> None:
    assert by_reference(scenario) == wanted(scenario)


@pytest.mark.parametrize("scenario", RETURNING, ids=lambda scenario: scenario.name)
def test_engine_gives_back_what_was_worked_out_by_hand(scenario: Scenario) -> None:
    assert by_engine(scenario) == wanted(scenario)


@pytest.mark.parametrize("mechanic", MECHANICS)
def test_mechanic_has_eight_scenarios_and_one_of_goods_that_come_back(mechanic: str) -> None:
    assert len(list((FOLDER / mechanic).glob("*.yaml"))) >= 8
    assert any(scenario.name.startswith(f"{mechanic}/") for scenario in RETURNING)
