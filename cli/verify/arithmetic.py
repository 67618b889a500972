"""I12, receipt arithmetic: every amount of a stored reply follows from the others.

On every line 0 ≤ discount ≤ gross and net = gross − discount − points; what promotions took off adds up to the line's
discount; lines add up to the totals; what a commit accrued is what its lots hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from altyn.cli.verify.pages import COMMIT, Page, Source
from altyn.cli.verify.report import Tally
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2

POINTS = outcome_pb2.DISCOUNT_KIND_POINTS
ROUNDING = outcome_pb2.DISCOUNT_KIND_ROUNDING


class Arithmetic:
    def __init__(self) -> None:
        self.tally = Tally()

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.reply is None or not entry.reply.HasField("outcome"):
                continue
            outcome = entry.reply.outcome
            self.tally.checks += len(outcome.lines) + 1
            for wrong in wrongs_of(outcome):
                self.tally.violate(f"seq {entry.seq}: {wrong}")
            if entry.kind == COMMIT and entry.reply.status == outcome_pb2.STATUS_OK:
                self.tally.checks += 1
                if not is_accrued(entry.record, outcome):
                    self.tally.violate(f"seq {entry.seq}: the lots opened hold other points than the reply promises")

    async def end(self, source: Source) -> None:
        pass


def wrongs_of(outcome: Any) -> Iterator[str]:
    """What does not follow: one text a line at most for each of its rules, then one for each total."""
    gross_sum = discount_sum = points_sum = net_sum = rounded_sum = 0
    for line in outcome.lines:
        gross, discount, points, net = line.gross_minor, line.discount_minor, line.points_paid_minor, line.net_minor
        gross_sum += gross
        discount_sum += discount
        points_sum += points
        net_sum += net
        given = 0
        for part in line.discounts:
            if part.kind != POINTS:
                given += part.amount_minor
            if part.kind == ROUNDING:
                rounded_sum += part.amount_minor
        if not 0 <= discount <= gross:
            yield f"line {line.line_no}: discount {discount} of gross {gross}"
        if net < 0 or net != gross - discount - points:
            yield f"line {line.line_no}: net {net} is not what is left of gross {gross}"
        if given != discount:
            yield f"line {line.line_no}: promotions took off {given}, the line says {discount}"
    totals = outcome.totals
    sums = {"gross": gross_sum, "discount": discount_sum, "points paid": points_sum, "rounding": rounded_sum}
    said = {
        "gross": totals.gross_minor,
        "discount": totals.discount_minor,
        "points paid": totals.points_paid_minor,
        "rounding": totals.rounding_minor,
    }
    for name, found in sums.items():
        if found != said[name]:
            yield f"lines add up to {name} {found}, the total is {said[name]}"
    if totals.to_pay_minor != net_sum:
        yield f"lines leave {net_sum} to pay, the total is {totals.to_pay_minor}"
    yield from wrong_plan(outcome)


def wrong_plan(outcome: Any) -> Iterator[str]:
    """Lines whose printed rows are not their net, or which need another price."""
    printed: dict[int, int] = defaultdict(int)
    gross = {line.line_no: line.gross_minor for line in outcome.lines}
    for row in outcome.fiscal_plan:
        printed[row.line_no] += row.sum_minor
        made = (row.price_minor * row.qty_milli + 500) // 1000
        # What was not discounted is printed as the till has it.
        if made != row.sum_minor and row.sum_minor != gross.get(row.line_no):
            yield f"line {row.line_no}: {row.price_minor} × {row.qty_milli} is {made}, printed {row.sum_minor}"
    for line in outcome.lines:
        if line.line_no in printed and printed[line.line_no] != line.net_minor:
            yield f"line {line.line_no}: printed {printed[line.line_no]} of net {line.net_minor}"


def is_accrued(record: Any, outcome: Any) -> bool:
    """By asset, the lots opened hold what the totals say; those of gift cards are tenders' matter."""
    names = {asset.asset_no: asset.asset for asset in record.evidence.assets}
    opened: dict[str, int] = defaultdict(int)
    loaded = {
        posting.lot_id
        for booked in record.effects.entries
        for posting in booked.postings
        if booked.kind == journal.ENTRY_KIND_LOAD
    }
    for lot in record.effects.lots:
        if lot.lot_id in loaded:
            continue
        opened[names.get(lot.asset_no, "")] += lot.points
    return opened == {accrued.asset: accrued.points for accrued in outcome.totals.accrual}
