"""I14, returns: what was taken back follows from the sale, and is never more than the sale did.

Every return and void carries its sale and what was back before. On every line 0 ≤ before ≤ after ≤ quantity, and
the refund so far is floor(net × k ÷ qty), of a line printed by unit that of its rows; the reply pays the difference.
Of every lot no more is cancelled than the
sale opened it with, and no more restored than the sale took from it. The points cancelled are the returned lines'
share of what they had earned; where promotions are decided again, what the state after tells more than the one
before, never below nothing or above what the sale gave, and all of it once everything is back.

What a person decided to take after all is what the sale's evidence says it spent without a hold, of codes and means of
payment no more than that, and from then on it counts as the sale's; nothing is taken of a sale that began to come back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from altyn.cli.verify.pages import DECIDE, Page, Source, sale_of
from altyn.cli.verify.report import Tally
from altyn.core.facts.coupon_codes import key_of
from altyn.core.facts.fraud import FRAUD_PREFIX
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos

RETURN = pos.OPERATION_KIND_RETURN
ISSUED = -journal.SYSTEM_ACCOUNT_ISSUED
REDEEMED = -journal.SYSTEM_ACCOUNT_REDEEMED


class TakenBack:
    """The check of returns."""

    def __init__(self) -> None:
        self.tally = Tally()

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is None or not entry.record.evidence.HasField("original"):
                continue
            self.tally.checks += 1
            for wrong in wrongs_of(entry.record):
                self.tally.violate(f"seq {entry.seq}: {wrong}")

    async def end(self, source: Source) -> None:
        pass


def wrongs_of(record: Any) -> Iterator[str]:
    """What does not follow from the sale, one text each."""
    if not record.effects.HasField("returned"):
        if record.effects.entries or record.effects.counters or record.effects.coupons:
            yield "something was taken back, and no state after it is told"
        return
    sale = sale_of(record)
    if record.kind == DECIDE:
        yield from wrong_decision(record, sale)
        return
    outcome = pos.CommitReceiptResponse.FromString(sale.reply).outcome
    sold = {line.line_no: line.qty_milli for line in sale.request.receipt.lines}
    nets = {line.line_no: line.net_minor for line in outcome.lines}
    printed: dict[int, list[Any]] = defaultdict(list)
    for row in outcome.fiscal_plan:
        if row.by_unit:
            printed[row.line_no].append(row)
    before = {line.line_no: line for line in record.evidence.original.before.lines}
    after = {line.line_no: line for line in record.effects.returned.lines}
    refund = 0
    for line_no in before.keys() | after.keys():
        k, was = after[line_no].qty_milli if line_no in after else 0, before.get(line_no, journal.ReturnedLine())
        if not was.qty_milli <= k <= sold.get(line_no, 0):
            yield f"line {line_no}: {was.qty_milli} and then {k} of {sold.get(line_no, 0)} came back"
            return
        owed = refund_of(after[line_no], nets[line_no], sold[line_no], printed.get(line_no, []))
        if after[line_no].refund_minor != owed:
            yield f"line {line_no}: {after[line_no].refund_minor} back for {k} of {sold[line_no]}"
        refund += after[line_no].refund_minor - was.refund_minor
    if record.kind == RETURN:
        paid = pos.ReturnReceiptResponse.FromString(record.reply).outcome.totals.to_pay_minor
        if paid != refund:
            yield f"the reply pays {paid} back, the lines {refund}"
    yield from wrong_lots(record, sale)
    cancelled = posted(record, journal.ENTRY_KIND_CLAWBACK, ISSUED)
    if record.effects.returned.HasField("readjudicated"):
        whole = all(line_no in after and after[line_no].qty_milli == qty for line_no, qty in sold.items())
        yield from wrong_again(record, sale, whole, cancelled)
        return
    for asset in sale.evidence.assets:
        earned = 0
        for line in outcome.lines:
            points = sum(part.points for part in line.accrual if part.asset == asset.asset)
            for state, sign in ((after, 1), (before, -1)):
                if line.line_no in state:
                    earned += sign * (points * state[line.line_no].qty_milli // sold[line.line_no])
        if any(lot.asset_no == asset.asset_no for lot in sale.effects.lots) and cancelled[asset.asset_no] != earned:
            yield (
                f"{cancelled[asset.asset_no]} points of {asset.asset} were cancelled, {earned} came back with the goods"
            )


def wrong_decision(record: Any, sale: Any) -> Iterator[str]:
    """What does not follow from what the sale spent without a hold."""
    decided = record.effects.returned.decided
    if list(decided.entries) != list(record.effects.entries) or list(decided.coupons) != list(record.effects.coupons):
        yield "what was decided is not what was done"
    if record.evidence.original.HasField("before"):
        yield "something is taken of a sale that was decided about or came back before"
    waiting = {row.asset_no: row.points for row in sale.evidence.unreserved.points}
    taken = posted(record, journal.ENTRY_KIND_REDEMPTION, REDEEMED)
    if sale.evidence.customer.account_id and dict(taken) != waiting:
        yield f"{dict(taken)} points were taken, {waiting} waited"
    codes = {key_of(fact) for fact in sale.evidence.coupons if fact.place in sale.evidence.unreserved.codes}
    if not {key_of(change) for change in record.effects.coupons} <= codes:
        yield "a code is used that did not wait"
    totals = pos.CommitReceiptResponse.FromString(sale.reply).outcome.totals
    paid = sum(posted(record, journal.ENTRY_KIND_SPEND, REDEEMED).values())
    if paid > totals.to_pay_minor - totals.tendered_minor:
        yield f"{paid} is paid of {totals.to_pay_minor - totals.tendered_minor} that were left"


def wrong_again(record: Any, sale: Any, whole: bool, cancelled: Counter[int]) -> Iterator[str]:
    """Of a sale with promotions that are decided again; that they are decided right is the evidence replay's."""
    after = record.effects.returned.readjudicated
    before = record.evidence.original.before.readjudicated
    gave: Counter[int] = Counter()
    for lot in sale.effects.lots:
        gave[lot.asset_no] += lot.points
    for place, asset in enumerate(sale.evidence.assets):
        now, was = number_at(after.cancelled_points, place), number_at(before.cancelled_points, place)
        if not gave[asset.asset_no]:
            continue
        if not 0 <= now <= gave[asset.asset_no] or (whole and now != gave[asset.asset_no]):
            yield f"{now} points of {asset.asset} are cancelled in all, the sale gave {gave[asset.asset_no]}"
        if cancelled[asset.asset_no] != now - was:
            yield f"{cancelled[asset.asset_no]} points of {asset.asset} were cancelled, the states say {now - was}"
    counters = [(change.key, change.used) for change in record.effects.counters]
    for place, raised in enumerate(sale.effects.counters):
        now, was = number_at(after.lowered, place), number_at(before.lowered, place)
        if raised.key.limit.startswith(FRAUD_PREFIX):
            if now:
                yield f"a counter of {raised.key.limit} is lowered by {now}, and nothing takes that back"
            continue
        if not 0 <= now <= raised.used or (whole and now != raised.used):
            yield f"a counter of {raised.key.limit} is lowered by {now}, the sale took {raised.used}"
        if now != was and (raised.key, was - now) not in counters:
            yield f"a counter of {raised.key.limit} was not lowered by {now - was}"


def number_at(numbers: Any, place: int) -> int:
    return int(numbers[place]) if place < len(numbers) else 0


def refund_of(back: Any, net: int, sold: int, printed: list[Any]) -> int:
    """The share of the net; of a line printed by unit, of each row."""
    if not printed:
        return int(net * back.qty_milli // sold)
    if len(back.rows_milli) != len(printed) or sum(back.rows_milli) != back.qty_milli:
        return -1
    return sum(row.sum_minor * k // row.qty_milli for row, k in zip(printed, back.rows_milli, strict=True))


def wrong_lots(record: Any, sale: Any) -> Iterator[str]:
    """Lots from which more came back than the sale put in or took out."""
    opened = {lot.lot_id: lot.points for lot in sale.effects.lots}
    used: Counter[int] = Counter()
    for entry in sale.effects.entries:
        for posting in entry.postings if entry.kind == journal.ENTRY_KIND_REDEMPTION else ():
            if posting.account_id > 0:
                used[posting.lot_id] -= posting.points
    restored = 0
    for lot in record.effects.returned.lots:
        restored += lot.restored_points
        if lot.cancelled_points > opened.get(lot.lot_id, 0):
            yield f"lot {lot.lot_id}: {lot.cancelled_points} points cancelled of {opened.get(lot.lot_id, 0)}"
        if lot.restored_points > used[lot.lot_id]:
            yield f"lot {lot.lot_id}: {lot.restored_points} points restored of {used[lot.lot_id]}"
    restored -= sum(lot.restored_points for lot in record.evidence.original.before.lots)
    given = -sum(posted(record, journal.ENTRY_KIND_RESTORE, REDEEMED).values())
    if given != restored:
        yield f"{given} points were given back, the lots say {restored}"


def posted(record: Any, kind: int, system_account: int) -> Counter[int]:
    """Points by asset that one of the programme's own accounts got by entries of a kind."""
    found: Counter[int] = Counter()
    for entry in record.effects.entries:
        for posting in entry.postings if entry.kind == kind else ():
            if posting.account_id == system_account:
                found[posting.asset_no] += posting.points
    return found
