"""The reference calculation of a receipt: slow, plain, written from the specification alone.

Never imports the engine it is compared with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .accrual import AccrualStage, Points
from .board import Amounts, Board
from .caps import read_caps, run_caps
from .conditions import Situation, normal_code
from .coupons import Coupons, read_coupons
from .discounts import Applied, Ledger, Stages
from .documents import ACCRUAL, DISCOUNT_STAGES, MESSAGE, Promotion, RuleBook, read_rules
from .facts import grants_in_force, with_facts
from .fiscal_plan import is_one_label, one_row, plan, round_one_labels
from .goods import Line, calc_groups, read_line
from .history import read_history
from .limits import CounterKey, Counters, deltas, is_barred, read_counters
from .mechanics import measure
from .messages import balance_asset, money, points_text, run_messages, scale_of
from .nudges import Nudges
from .rates import rate_rows
from .redemption import Cashdesk, Payments, read_payment_rules
from .small_change import read_small_change, round_small_change
from .wallclock import wall_clock

ACTIVE = "ACTIVE"


@dataclass
class Work:
    """Everything decided about one receipt."""

    book: RuleBook
    lines: list[Line]
    board: Board
    situation: Situation
    counters: Counters
    coupons: Coupons
    nudges: Nudges
    balances: dict[str, Any]
    ledger: Ledger = field(default_factory=Ledger)
    payments: Payments = field(default_factory=Payments)
    points: Points = field(default_factory=lambda: Points({}))
    split_unavoidable: bool = False
    small_change: list[dict[str, Any]] = field(default_factory=list)


def calculate(
    rules: Iterable[Any] | RuleBook,
    receipt: dict[str, Any],
    store: dict[str, Any],
    customer: dict[str, Any] | None,
    at: int,
    holdings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Amounts, points and verdicts of a receipt; `at` is the business time in UTC microseconds.

    `holdings` is what the book knows: `balances` {asset: {active, held}}, `counters` [{promotion_id, measure, per,
    window, used, held}] for this customer, card and date, `coupons` {code: {series, state}}, `history` the earlier
    receipts [{date, store, lines, gave}]. A customer may have `birthday`, `favourites` and `personal` grants.
    Returns `{"totals", "lines", "coupons", "rules", "small_change", "unplaced", "max_redeem", "messages", "issued",
    "counters", "fiscal_plan", "split_unavoidable", "not_searched", "nudges", "points_paid", "lots",
    "reserve_required"}`, or `{"refused": "SUM_MISMATCH", "lines": [line_no]}`.
    """
    lines = [read_line(line) for line in receipt["lines"]]
    mismatched = [line.line_no for line in lines if abs(line.gross - line.computed_gross) > 1]
    if mismatched:
        return {"refused": "SUM_MISMATCH", "lines": mismatched}
    work = prepared(rules, lines, receipt, store, customer, at, holdings)
    _run(work, receipt)
    return _result(work)


def prepared(
    rules: Iterable[Any] | RuleBook,
    lines: list[Line],
    receipt: dict[str, Any],
    store: dict[str, Any],
    customer: dict[str, Any] | None,
    at: int,
    holdings: dict[str, Any] | None,
) -> Work:
    """All that is known before the first stage."""
    book = rules if isinstance(rules, RuleBook) else read_rules(rules)
    somebody = customer if customer and _is_active(customer) else None
    grants = grants_in_force(somebody, at)
    lines = with_facts(lines, somebody, grants)
    held = holdings or {}
    entered = list(dict.fromkeys(normal_code(entry["code"]) for entry in receipt.get("coupons") or ()))
    coupons = read_coupons(entered, held.get("coupons") or {}, book.known_codes)
    balances = dict(held.get("balances") or {}) if somebody is not None else {}
    situation = Situation(
        groups=calc_groups(lines),
        store=store,
        customer=somebody,
        clock=wall_clock(at, store["zone"]),
        codes=frozenset(entered),
        series=coupons.free_series,
        available={asset: row.get("active", 0) - row.get("held", 0) for asset, row in balances.items()},
        scales={asset: declared.scale for asset, declared in book.assets.items()},
        payments=paid_by_type(receipt),
        granted=frozenset(str(grant["promotion"]) for grant in grants),
        history=read_history(held.get("history")),
        register={"id": receipt.get("register_id") or "", "channel": receipt.get("sales_channel") or ""},
    )
    counters = read_counters(held.get("counters") or [], somebody is not None)
    return Work(
        book=book,
        lines=lines,
        board=Board(situation.groups),
        situation=situation,
        counters=counters,
        coupons=coupons,
        nudges=Nudges(counters),
        balances=balances,
    )


def _nudges(work: Work) -> list[dict[str, Any]]:
    """Promotions of stage message have their turn when the amounts are known."""
    for group in work.book.stages[MESSAGE]:
        for promotion in group.promotions:
            work.nudges.look(promotion, None, promotion.condition(work.situation), work.situation, work.board)
    return work.nudges.told()


def _is_active(customer: dict[str, Any]) -> bool:
    return str(customer.get("card_state") or "").removeprefix("CARD_STATE_") == ACTIVE


def paid_by_type(receipt: dict[str, Any]) -> dict[str, int]:
    """Kopecks of the payments the receipt tells, by type as documents spell it."""
    paid: dict[str, int] = {}
    for row in receipt.get("payments") or ():
        kind = str(row["type"]).removeprefix("PAYMENT_TYPE_").lower()
        paid[kind] = paid.get(kind, 0) + row["sum_minor"]
    return paid


def _run(work: Work, receipt: dict[str, Any]) -> None:
    """Stages 1–11 in their order."""
    book, board, situation, ledger = work.book, work.board, work.situation, work.ledger
    stages = Stages(board, situation, work.counters, ledger, work.nudges)
    for stage in DISCOUNT_STAGES:
        stages.run(stage, book.stages[stage])
    stages.till_discounts()
    caps = read_caps(book.limit_documents)
    run_caps(caps, board, ledger)
    ledger.close()
    method = str((receipt.get("identity") or {}).get("input_method") or "").removeprefix("INPUT_METHOD_")
    if situation.customer is not None:
        anonymous = situation.customer.get("anonymous") is True
        desk = Cashdesk(board, situation, ledger, caps, situation.available, method, anonymous, work.payments)
        desk.run(read_payment_rules(book.limit_documents, book.assets), receipt.get("points") or [])
    work.split_unavoidable = round_one_labels(board, ledger)
    change = read_small_change(book.rounding_documents)
    work.small_change = round_small_change(change, board, situation, ledger)
    work.split_unavoidable |= any(
        is_one_label(board.unit(slot).line) and one_row(board.unit(slot).line, board.running(slot)) is None
        for slot in board.slots()
    )
    accrue(work)


def accrue(work: Work) -> None:
    """Stage 11 on the prices as they are."""
    work.points = Points({line.line_no: {} for line in work.lines})
    accrual = AccrualStage(
        work.board, work.situation, work.counters, work.book.assets, work.payments, work.points, work.nudges
    )
    accrual.run(work.book.stages[ACCRUAL])


def _result(work: Work) -> dict[str, Any]:
    board = work.board
    rows = [_line_result(line, work) for line in work.lines]
    totals = {key: sum(row[key] for row in rows) for key in ("gross_minor", "discount_minor", "points_paid_minor")}
    totals["to_pay_minor"] = sum(row["net_minor"] for row in rows)
    totals["rounding_minor"] = sum(applied.total for applied in work.ledger.applied if applied.kind == "rounding")
    accrual: dict[str, int] = {}
    for lot in work.points.lots:
        accrual[lot["asset"]] = accrual.get(lot["asset"], 0) + lot["points"]
    verdicts = work.ledger.verdicts + work.points.verdicts
    rates = rate_rows(work.book.promotions(), verdicts)
    gave = {row["promotion_id"] for row in verdicts + rates if row["verdict"] == "APPLIED"}
    said = run_messages(
        work.book,
        work.situation,
        gave,
        lambda one, language: _values(one, language, work, totals),
        lambda one: is_barred(one.limits, work.counters, work.board),
    )
    brought = said.pop("brought")
    promised = {row["promotion_id"] for row in brought if row["verdict"] == "APPLIED"}
    coupons, counted = work.coupons.judged(verdicts + brought), _counter_deltas(work, gave | promised)
    return {
        "totals": totals | {"accrual": accrual},
        "lines": rows,
        "coupons": coupons,
        "rules": [_told(row) for row in verdicts + said.pop("promises") + rates],
        "small_change": work.small_change,
        "unplaced": dict(work.ledger.unplaced),
        "max_redeem": work.payments.max_redeem,
        "points_paid": dict(work.payments.points),
        "lots": work.points.lots,
        "counters": counted,
        "fiscal_plan": plan(
            work.lines, board, {row["line_no"]: row["net_minor"] for row in rows}, lambda line: _has_free(line, work)
        ),
        "split_unavoidable": work.split_unavoidable,
        "nudges": _nudges(work),
        "not_searched": work.ledger.not_searched,
        "reserve_required": bool(counted or work.payments.points or work.coupons.is_series_used(coupons)),
        **said,
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A verdict without what only this calculation has a use for."""
    return {key: value for key, value in row.items() if key not in ("multiplied", "targets")}


def _has_free(line: Line, work: Work) -> bool:
    """A multi-buy left its discount on free units of the line."""
    on_free = {
        rule.key
        for promotion in work.book.promotions()
        for rule in promotion.rules
        if rule.kind == "multi_buy" and rule.terms.get("allocate", "SPREAD") == "ON_FREE"
    }
    return any(
        (applied.promotion_id, applied.reward_no) in on_free and _on_line(applied.amounts, line, work.board)
        for applied in work.ledger.applied
        if applied.kind == "promotion"
    )


def _on_line(amounts: Amounts, line: Line, board: Board) -> int:
    return sum(amount for slot, amount in amounts.items() if board.unit(slot).line is line)


def _line_result(line: Line, work: Work) -> dict[str, Any]:
    board = work.board
    discounts: list[dict[str, Any]] = []
    roles: dict[tuple[str, str], None] = {}
    for applied in work.ledger.applied:
        amount = _on_line(applied.amounts, line, board)
        if amount:
            row = {"promotion_id": applied.promotion_id, "reward_no": applied.reward_no, "amount_minor": amount}
            discounts.append(row | {"kind": applied.kind})
        if applied.is_set and applied.total:
            if any(board.unit(slot).line is line for slot in applied.marked):
                roles[applied.promotion_id, "TARGET"] = None
            if any(board.unit(slot).line is line for slot in applied.qualifying):
                roles[applied.promotion_id, "QUALIFIER"] = None
    paid = {asset: _on_line(amounts, line, board) for asset, amounts in work.payments.amounts.items()}
    discount, points_paid = sum(row["amount_minor"] for row in discounts), sum(paid.values())
    return {
        "line_no": line.line_no,
        "gross_minor": line.gross,
        "net_minor": line.gross - discount - points_paid,
        "discount_minor": discount,
        "points_paid_minor": points_paid,
        "paid_by_asset": paid,
        "discounts": discounts,
        "accrual": dict(work.points.by_line[line.line_no]),
        "participates_as": list(roles),
        "unit_nets": [
            board.running((number, place))
            for number, group in enumerate(board.groups)
            for place, unit in enumerate(group.units)
            if unit.line is line
        ],
    }


def _counter_deltas(work: Work, gave: set[str]) -> dict[CounterKey, int]:
    """What the counters of the promotions that gave something grow by, after the caps."""
    result: dict[CounterKey, int] = {}
    for promotion in work.book.promotions():
        if promotion.promotion_id in gave:
            mine = [applied for applied in work.ledger.applied if _is_of(applied, promotion)]
            amount = sum(applied.total for applied in mine)
            quantity = sum(measure(applied.marked, work.board) for applied in mine if applied.total)
            points = sum(lot["points"] for lot in work.points.lots if lot["promotion_id"] == promotion.promotion_id)
            result |= deltas(promotion.limits, amount, quantity, points)
    return result


def _is_of(applied: Applied, promotion: Promotion) -> bool:
    return applied.kind == "promotion" and applied.promotion_id == promotion.promotion_id


def _values(promotion: Promotion, language: str, work: Work, totals: dict[str, int]) -> dict[str, str]:
    """What placeholders stand for."""
    amount = sum(applied.total for applied in work.ledger.applied if _is_of(applied, promotion))
    lots = [lot for lot in work.points.lots if lot["promotion_id"] == promotion.promotion_id]
    asset = balance_asset(promotion, work.book)
    active = work.balances.get(asset, {}).get("active", 0)
    scale = scale_of(asset, work.book.assets)
    return {
        "promotion": promotion.titled(language),
        "discount": money(amount),
        "points": points_text(sum(lot["points"] for lot in lots), scale),
        "to_pay": money(totals["to_pay_minor"]),
        "balance": points_text(active, scale) if work.situation.customer is not None and asset else "",
        "coupon": "",
    }
