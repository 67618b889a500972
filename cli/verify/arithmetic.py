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
from altyn.pos.v1 import outcome_pb2

DISCOUNT = outcome_pb2.DISCOUNT_KIND_DISCOUNT


class Arithmetic:
    def __init__(self) -> None:
        self.tally = Tally()

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.reply is None or not entry.reply.HasField("outcome"):
                continue
            outcome = entry.reply.outcome
            self.tally.checks += len(outcome.lines) + 1
            for wrong in wrong_lines(outcome):
                self.tally.violate(f"seq {entry.seq}, {wrong}")
            for wrong in wrong_totals(outcome):
                self.tally.violate(f"seq {entry.seq}: {wrong}")
            if entry.kind == COMMIT and entry.reply.status == outcome_pb2.STATUS_OK:
                self.tally.checks += 1
                if not is_accrued(entry.record, outcome):
                    self.tally.violate(f"seq {entry.seq}: the lots opened hold other points than the reply promises")

    async def end(self, source: Source) -> None:
        pass


def wrong_lines(outcome: Any) -> Iterator[str]:
    for line in outcome.lines:
        discount = line.discount_minor
        if not 0 <= discount <= line.gross_minor:
            yield f"line {line.line_no}: discount {discount} of gross {line.gross_minor}"
        if line.net_minor < 0 or line.net_minor != line.gross_minor - discount - line.points_paid_minor:
            yield f"line {line.line_no}: net {line.net_minor} is not what is left of gross {line.gross_minor}"
        given = sum(part.amount_minor for part in line.discounts if part.kind == DISCOUNT)
        if given != discount:
            yield f"line {line.line_no}: promotions took off {given}, the line says {discount}"


def wrong_totals(outcome: Any) -> Iterator[str]:
    totals, lines = outcome.totals, outcome.lines
    for name in ("gross_minor", "discount_minor", "points_paid_minor"):
        found = sum(getattr(line, name) for line in lines)
        if found != getattr(totals, name):
            yield f"lines have {name} {found}, the total is {getattr(totals, name)}"
    net = sum(line.net_minor for line in lines)
    if totals.to_pay_minor != net - totals.rounding_minor:
        yield f"lines leave {net} to pay, the total is {totals.to_pay_minor}, rounded by {totals.rounding_minor}"


def is_accrued(record: Any, outcome: Any) -> bool:
    """By asset, the lots opened hold what the totals say."""
    names = {asset.asset_no: asset.asset for asset in record.evidence.assets}
    opened: dict[str, int] = defaultdict(int)
    for lot in record.effects.lots:
        opened[names.get(lot.asset_no, "")] += lot.points
    return opened == {accrued.asset: accrued.points for accrued in outcome.totals.accrual}
