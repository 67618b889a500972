"""The reference calculation of a receipt: slow, plain, written from the specification alone.

Never imports the engine it is compared with.
"""

from collections.abc import Iterable
from typing import Any

from .accrual import Points, run_accrual
from .conditions import Situation, normal_code
from .discounts import Ledger, run_stage, run_till_discounts
from .documents import ACCRUAL, DISCOUNT_STAGES, RuleBook, read_rules
from .goods import Line, calc_groups, read_line
from .wallclock import wall_clock

ACTIVE = "ACTIVE"


def calculate(
    rules: Iterable[Any] | RuleBook,
    receipt: dict[str, Any],
    store: dict[str, Any],
    customer: dict[str, Any] | None,
    at: int,
) -> dict[str, Any]:
    """Amounts, points and verdicts of a receipt; `at` is the business time in UTC microseconds.

    Returns `{"totals", "lines", "coupons", "rules", "unplaced"}`, or `{"refused": "SUM_MISMATCH", "lines": [line_no]}`.
    """
    book = rules if isinstance(rules, RuleBook) else read_rules(rules)
    lines = [read_line(line) for line in receipt["lines"]]
    mismatched = [line.line_no for line in lines if abs(line.gross - line.computed_gross) > 1]
    if mismatched:
        return {"refused": "SUM_MISMATCH", "lines": mismatched}
    codes = list(dict.fromkeys(normal_code(entry["code"]) for entry in receipt.get("coupons") or ()))
    situation = Situation(
        groups=calc_groups(lines),
        store=store,
        customer=customer if customer and _is_active(customer) else None,
        clock=wall_clock(at, store["zone"]),
        codes=frozenset(codes),
    )
    ledger = Ledger({line.line_no: [] for line in lines})
    for stage in DISCOUNT_STAGES:
        run_stage(book.stages[stage], situation, ledger)
    run_till_discounts(situation, ledger)
    points = Points({line.line_no: {} for line in lines})
    run_accrual(book.stages[ACCRUAL], situation, book.assets, points)
    return _result(book, lines, codes, ledger, points)


def _is_active(customer: dict[str, Any]) -> bool:
    return str(customer.get("card_state") or "").removeprefix("CARD_STATE_") == ACTIVE


def _result(
    book: RuleBook, lines: list[Line], codes: list[str], ledger: Ledger, points: Points
) -> dict[str, Any]:  # fmt: skip
    line_results = [_line_result(line, ledger, points) for line in lines]
    accrual: dict[str, int] = {}
    for row in line_results:
        for asset, amount in row["accrual"].items():
            accrual[asset] = accrual.get(asset, 0) + amount
    gross = sum(row["gross_minor"] for row in line_results)
    discount = sum(row["discount_minor"] for row in line_results)
    verdicts = ledger.verdicts + points.verdicts
    return {
        "totals": {
            "gross_minor": gross,
            "discount_minor": discount,
            "to_pay_minor": gross - discount,
            "accrual": accrual,
        },
        "lines": line_results,
        "coupons": _coupons(book, codes, verdicts),
        "rules": verdicts,
        "unplaced": dict(ledger.unplaced),
    }


def _line_result(line: Line, ledger: Ledger, points: Points) -> dict[str, Any]:
    rows = ledger.rows[line.line_no]
    discount = sum(row["amount_minor"] for row in rows)
    return {
        "line_no": line.line_no,
        "gross_minor": line.gross,
        "net_minor": line.gross - discount,
        "discount_minor": discount,
        "discounts": rows,
        "accrual": dict(points.by_line[line.line_no]),
    }


def _coupons(book: RuleBook, codes: list[str], verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per distinct code: a promotion that gave something uses the smallest code it held by (§6.11.22)."""
    code_of: dict[str, str] = {}
    for row in verdicts:
        if row["verdict"] == "APPLIED" and row["codes"]:
            code_of.setdefault(row["promotion_id"], min(row["codes"], key=str.encode))
    used_by: dict[str, str] = {}
    for promotion_id, code in code_of.items():
        used_by.setdefault(code, promotion_id)
    result = []
    for code in codes:
        if code in used_by:
            result.append({"code": code, "state": "APPLIED", "promotion_id": used_by[code]})
        else:
            result.append({"code": code, "state": "NOT_APPLIED" if code in book.known_codes else "INVALID"})
    return result
