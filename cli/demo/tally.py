"""What the tills of a replay count: amounts of the receipts they sold, mishaps they met, and each shift's own books.

Every number is taken from a server's reply once, whichever way the reply came. Nothing is computed from a rule.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from altyn.cli.demo.dataset import Basket
from altyn.cli.demo.report import StoreTotals, Totals
from altyn.pos.v1 import outcome_pb2, pos_service_pb2
from altyn.register import Register

ASSET = "points"


@dataclass(slots=True)
class Shift:
    """What a register knows of one shift when it closes it."""

    receipts_count: int = 0
    returns_count: int = 0
    sales_sum_minor: int = 0
    returns_sum_minor: int = 0
    op_ids: list[bytes] = field(default_factory=list)

    async def difference(self, register: Register, shift_number: int) -> str:
        """How the server has stored it otherwise; empty: it has not. Raises NoAnswer, CallRejected."""
        reply = await register.reconcile_shift(
            shift_number=shift_number,
            receipts_count=self.receipts_count,
            returns_count=self.returns_count,
            sales_sum_minor=self.sales_sum_minor,
            returns_sum_minor=self.returns_sum_minor,
            op_ids=self.op_ids,
        )
        if reply.status == outcome_pb2.STATUS_OK:
            return ""
        told = (self.receipts_count, self.returns_count, self.sales_sum_minor, self.returns_sum_minor)
        stored = (reply.receipts_count, reply.returns_count, reply.sales_sum_minor, reply.returns_sum_minor)
        return (
            f"{register.register_id}, shift {shift_number}: {told} told, {stored} stored, "
            f"{len(reply.missing_op_ids)} missing, {len(reply.extra_op_ids)} extra"
        )


@dataclass(slots=True)
class Tally:
    """What all tills of a replay counted together. ``statuses`` are of answers by call."""

    totals: Totals = field(default_factory=Totals)
    statuses: Counter[str] = field(default_factory=Counter)
    duplicates_sent: int = 0
    time_outs_count: int = 0
    voids_count: int = 0
    voids_after_print_count: int = 0
    returns_count: int = 0
    parked_count: int = 0
    offline_count: int = 0
    uploads_count: int = 0
    uploaded_count: int = 0
    redemptions_count: int = 0
    coupons_used_count: int = 0
    coupons_refused_count: int = 0
    coupons_issued_count: int = 0
    messages_count: int = 0
    shifts_count: int = 0
    shift_differences: list[str] = field(default_factory=list)
    unequal_replies_count: int = 0
    unanswered_forecasts_count: int = 0
    unidentified: Counter[str] = field(default_factory=Counter)
    issued_codes: list[str] = field(default_factory=list)

    def note_status(self, call: str, status: int) -> None:
        self.statuses[f"{call} {outcome_pb2.Status.Name(status).removeprefix('STATUS_')}"] += 1

    def add_sale(self, basket: Basket, response: pos_service_pb2.CommitReceiptResponse, *, is_member: bool) -> None:
        """Count one committed receipt by the reply that stands for it."""
        totals, outcome = self.totals, response.outcome
        paid = outcome.totals
        points = sum(given.points for given in paid.accrual if given.asset == ASSET)
        discounts: Counter[str] = Counter()
        for line in outcome.lines:
            for discount in line.discounts:
                if discount.kind == outcome_pb2.DISCOUNT_KIND_DISCOUNT:
                    discounts[discount.promotion_id] += discount.amount_minor
        for promotion_id, amount_minor in discounts.items():
            totals.discounts_minor[promotion_id] = totals.discounts_minor.get(promotion_id, 0) + amount_minor
            seen = totals.discounted_receipts_count
            seen[promotion_id] = seen.get(promotion_id, 0) + 1
        totals.receipts_count += 1
        totals.member_receipts_count += is_member
        totals.gross_minor += paid.gross_minor
        totals.discount_minor += paid.discount_minor
        totals.points_paid_minor += paid.points_paid_minor
        # One point of the demonstration's asset pays one cent.
        totals.points_redeemed += paid.points_paid_minor
        totals.to_pay_minor += paid.to_pay_minor
        totals.points_accrued += points
        store = totals.stores.setdefault(basket.store_id, StoreTotals())
        store.receipts_count += 1
        store.gross_minor += paid.gross_minor
        store.discount_minor += paid.discount_minor
        store.points_accrued += points
        self.redemptions_count += paid.points_paid_minor > 0
        self._add_words(outcome)

    def add_explained(self, outcome: outcome_pb2.Outcome) -> None:
        """Promotions that gave what no line names: points, caps."""
        for trace in outcome.explain.rules:
            if trace.verdict == outcome_pb2.VERDICT_APPLIED:
                self.totals.gave.add(trace.promotion_id)
            if trace.cut_minor > 0:
                self.totals.gave.add(trace.by_promotion_id)

    def _add_words(self, outcome: outcome_pb2.Outcome) -> None:
        """Coupons and messages."""
        for coupon in outcome.coupons:
            self.coupons_used_count += coupon.state == outcome_pb2.COUPON_STATE_APPLIED
            self.coupons_refused_count += coupon.state == outcome_pb2.COUPON_STATE_INVALID
        self.issued_codes += [issued.code for issued in outcome.issued_coupons]
        self.coupons_issued_count += len(outcome.issued_coupons)
        self.messages_count += len(outcome.messages)
        self.totals.gave.update(issued.promotion_id for issued in outcome.issued_coupons)
        self.totals.gave.update(message.promotion_id for message in outcome.messages)
