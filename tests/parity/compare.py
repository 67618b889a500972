"""One generated case through the core and through the independent oracle, compared in everything both tell.

The two spell some things apart (customer ids are numbers in the core, a code entered twice is one code to the
oracle); what is turned here is spelling only, never an amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from altyn.core.evaluate import ReceiptError, evaluate
from altyn.core.facts import Zones
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import Code, DocumentError, read_documents
from altyn.core.rules.promotion import Promotion
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from tests.reference import calculate
from tests.reference.generator import Case, generate

_ZONES = Zones()


@cache
def zone_number(name: str) -> int:
    return ensure_zone(_ZONES, name)


def run_core(case: Case) -> tuple[dict[str, Any], tuple[Promotion, ...]]:
    """The core's outcome in the oracle's shape, and the promotions of the case."""
    numbers = customer_numbers(case)
    rules = read_documents([with_numbers(document, numbers) for document in case.rules_documents])
    ruleset = Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1))
    customer = case.customer
    if customer is not None:
        customer = {**customer, "customer_id": numbers.get(customer.get("customer_id", ""), 0)}
        customer["card_state"] = str(customer.get("card_state", "")).removeprefix("CARD_STATE_")
        if customer["card_state"] != "ACTIVE":
            customer = None
    wall = _ZONES.wall_clock_at(zone_number(case.store["zone"]), case.at)
    clock = (wall[0], wall[1], wall[2])
    try:
        outcome = evaluate(ruleset, case.receipt, case.store, customer, clock, True)
        served = evaluate(ruleset, case.receipt, case.store, customer, clock, False)
    except ReceiptError as error:
        if error.code != "SUM_MISMATCH":
            raise
        return {"refused": "SUM_MISMATCH"}, rules.promotions
    explained = {key: value for key, value in outcome.items() if key != "explain"}
    assert explained == served, "explaining changes the outcome"
    return as_oracle(outcome), rules.promotions


def customer_numbers(case: Case) -> dict[str, int]:
    """A number for every customer id of the case."""
    found = set(ids_named(case.rules_documents))
    if case.customer is not None:
        found.add(case.customer.get("customer_id", ""))
    return {text: number for number, text in enumerate(sorted(found - {""}), start=1)}


def ids_named(part: Any, under: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(part, str) and under[-2:] == ("customer", "id"):
        yield part
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from ids_named(value, under if key in ("any_of", "none_of") else (*under, key))
    elif isinstance(part, list):
        for value in part:
            yield from ids_named(value, under)


def with_numbers(part: Any, numbers: Mapping[str, int], under: tuple[str, ...] = ()) -> Any:
    if isinstance(part, str) and under[-2:] == ("customer", "id"):
        return str(numbers[part])
    if isinstance(part, Mapping):
        return {
            key: with_numbers(value, numbers, under if key in ("any_of", "none_of") else (*under, key))
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [with_numbers(value, numbers, under) for value in part]
    return part


def as_oracle(outcome: dict[str, Any]) -> dict[str, Any]:
    points = {row["asset"]: row["points"] for row in outcome["totals"]["accrual"]}
    lines = [
        {
            "line_no": line["line_no"],
            "gross_minor": line["gross_minor"],
            "net_minor": line["net_minor"],
            "discount_minor": line["discount_minor"],
            "discounts": [(row["promotion_id"], row["reward_no"], row["amount_minor"]) for row in line["discounts"]],
            "accrual": {row["asset"]: row["points"] for row in line["accrual"]},
        }
        for line in outcome["lines"]
    ]
    coupons = [row for row in outcome["coupons"] if row["reason"] != "REASON_COUPON_ALREADY_ENTERED"]
    return {
        "totals": {key: outcome["totals"][key] for key in ("gross_minor", "discount_minor", "to_pay_minor")}
        | {"accrual": points},
        "lines": sorted(lines, key=lambda line: line["line_no"]),
        "coupons": [row["state"].removeprefix("COUPON_STATE_") for row in coupons],
        "rules": [
            {
                "promotion_id": row["promotion_id"],
                "reward_no": row["reward_no"],
                "verdict": row["verdict"].removeprefix("VERDICT_"),
                "given": row["points"] if row["asset"] else row["amount_minor"],
            }
            for row in outcome["explain"]["rules"]
        ],
        "excess": "REASON_EXTERNAL_DISCOUNT_EXCESS" in outcome["flags"],
    }


def oracle_shape(result: dict[str, Any]) -> dict[str, Any]:
    if "refused" in result:
        return {"refused": result["refused"]}
    lines = [
        {
            **{key: line[key] for key in ("line_no", "gross_minor", "net_minor", "discount_minor", "accrual")},
            "discounts": one_external(line["discounts"]),
        }
        for line in result["lines"]
    ]
    return {
        "totals": result["totals"],
        "lines": sorted(lines, key=lambda line: line["line_no"]),
        "coupons": [row["state"] for row in result["coupons"]],
        "rules": [
            {
                "promotion_id": row["promotion_id"],
                "reward_no": row["reward_no"],
                "verdict": row["verdict"],
                "given": row["points"] if "asset" in row else row["amount_minor"],
            }
            for row in result["rules"]
        ],
        "excess": sum(result["unplaced"].values()) > 0,
    }


def one_external(discounts: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """The core knows only the sum of a line's external discounts."""
    rows: list[tuple[str, int, int]] = []
    external = sum(row["amount_minor"] for row in discounts if row["kind"] == "external")
    for row in discounts:
        if row["kind"] != "external":
            rows.append((row.get("promotion_id") or "", row.get("reward_no") or 0, row["amount_minor"]))
        elif external > 0:
            rows.append(("", 0, external))
            external = 0
    return rows


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    """Places where two results differ, with both values; core first."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            yield from differences(left.get(key), right.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for position, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{path}[{position}]")
    elif left != right:
        yield f"{path}: core {left!r}, oracle {right!r}"


def compare_case(seed: int, applied: Counter[str] | None = None) -> list[str] | None:
    """Differences between core and oracle on the case of a seed; counts what applied by mechanic and group mode.

    None when the reader finds that the documents contradict themselves: the generator should not write such.
    """
    case = generate(seed)
    try:
        core, promotions = run_core(case)
    except DocumentError as error:
        if any(problem.code != Code.CONTRADICTION for problem in error.problems):
            raise
        return None
    oracle = calculate(case.rules_documents, case.receipt, case.store, case.customer, case.at)
    if applied is not None:
        count_applied(core, promotions, applied)
    return list(differences(core, oracle_shape(oracle)))


def count_applied(core: dict[str, Any], promotions: tuple[Promotion, ...], applied: Counter[str]) -> None:
    by_id = {promotion.promotion_id: promotion for promotion in promotions}
    modes: dict[str, str] = {}
    for promotion in promotions:
        if promotion.group is not None and promotion.group.mode is not None:
            scope = promotion.group.scope
            modes[promotion.group.name] = promotion.group.mode.name + (f" {scope.name}" if scope is not None else "")
    for row in core.get("rules", ()):
        if row["given"] > 0:
            promotion = by_id[row["promotion_id"]]
            reward = promotion.rewards[row["reward_no"]]
            mechanic = type(reward).__name__.lower()
            spread = getattr(reward, "spread", None)
            mechanic += f" {spread.name.lower()}" if spread is not None else ""
            mode = modes.get(promotion.group.name, "CASCADE") if promotion.group is not None else "CASCADE"
            applied[f"{mechanic} × {mode}"] += 1
