"""I7, conservation of money: what was loaded on gift cards is spent, on them, or expired.

By account and asset of every gift card, after every record: loads less what was taken back = spends less what was given
back + expiries + balance, which is never below 0; at the end the balance is the book's. A sale spends what its reply
says, of the accounts its evidence names, and never more than those had for it; of a line that sells a card it loads the
net. What came back of a sale is its tenders' share of the refund, rounded down, and of no lot more than was spent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from altyn.cli.verify.pages import COMMIT, DECIDE, Page, Source, sale_of
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.cli.verify.report import Tally
from altyn.core.ledger.view import read_lots
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos

LOAD, SPEND, EXPIRY = journal.ENTRY_KIND_LOAD, journal.ENTRY_KIND_SPEND, journal.ENTRY_KIND_EXPIRY

Key = tuple[int, int]  # account, asset_no


class Tenders:
    """The check of gift cards and money. Its memory is the book's: the cards ever sold."""

    def __init__(self, rebuilt: Rebuilt) -> None:
        self.tally = Tally()
        self._rebuilt = rebuilt
        self._balances: dict[Key, int] = {}
        self._sums: dict[int, Counter[str]] = defaultdict(Counter)

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is None:
                continue
            for wrong in self._wrongs_of(entry.record, entry.reply):
                self.tally.violate(f"seq {entry.seq}: {wrong}")

    async def end(self, source: Source) -> None:
        for asset_no, sums in self._sums.items():
            held = sum(points for (_, asset), points in self._balances.items() if asset == asset_no)
            self.tally.require(
                sums["loaded"] == sums["spent"] + sums["expired"] + sums["otherwise"] + held,
                f"asset {asset_no}: loaded {sums['loaded']}, spent {sums['spent']}, expired {sums['expired']}, "
                f"otherwise {sums['otherwise']}, on cards {held}",
            )
        engine = self._rebuilt.engine
        if engine is None or self._rebuilt.broken:
            return
        for (account_id, asset_no), points in self._balances.items():
            found = sum(lot[3] for lot in read_lots(engine.book, account_id) if lot[1] == asset_no)
            self.tally.require(
                found == points, f"account {account_id}: the book has {found} on the card, its entries leave {points}"
            )

    def _wrongs_of(self, record: Any, reply: Any) -> Iterator[str]:
        evidence = record.evidence.tenders
        if record.kind == COMMIT and (evidence.tenders or evidence.sold):
            self.tally.checks += 1
            yield from wrong_sale(record, reply)
        if record.effects.HasField("returned") and record.evidence.HasField("original") and record.kind != DECIDE:
            sale = sale_of(record)
            if sale.evidence.tenders.tenders:
                self.tally.checks += 1
                yield from wrong_refund(record, sale)
        yield from self._book(record)

    def _book(self, record: Any) -> Iterator[str]:
        touched = set()
        for booked in record.effects.entries:
            for posting in booked.postings:
                key = (posting.account_id, posting.asset_no)
                if posting.account_id <= 0 or (booked.kind != LOAD and key not in self._balances):
                    continue
                self._balances[key] = self._balances.get(key, 0) + posting.points
                sums, points = self._sums[posting.asset_no], posting.points
                if booked.kind == LOAD:
                    sums["loaded"] += points
                else:
                    sums[{SPEND: "spent", EXPIRY: "expired"}.get(booked.kind, "otherwise")] -= points
                touched.add(key)
        for key in touched:
            self.tally.checks += 1
            if self._balances[key] < 0:
                yield f"{-self._balances[key]} more than there was is spent of the card of account {key[0]}"


def taken_from(record: Any) -> Counter[Key]:
    """Money a sale spent, by account."""
    found: Counter[Key] = Counter()
    for booked in record.effects.entries:
        for posting in booked.postings if booked.kind == SPEND else ():
            if posting.account_id > 0:
                found[posting.account_id, posting.asset_no] -= posting.points
    return found


def wrong_sale(record: Any, reply: Any) -> Iterator[str]:
    """Where effects, reply and evidence of a sale differ in what was paid with and what was loaded."""
    applied = reply is not None and reply.status == outcome_pb2.STATUS_OK
    told: Counter[Key] = Counter()
    if applied:
        if len(record.evidence.tenders.tenders) != len(reply.outcome.tenders):
            yield "the reply tells other tenders than the evidence"
        for facts, tender in zip(record.evidence.tenders.tenders, reply.outcome.tenders, strict=False):
            told[facts.account_id, facts.asset_no] += tender.amount_minor
            if tender.amount_minor > (0 if facts.reason else facts.available_minor):
                yield f"{tender.amount_minor} is paid by a tender that has {facts.available_minor}"
        if sum(told.values()) != reply.outcome.totals.tendered_minor:
            yield "tenders do not add up to their total"
        if reply.outcome.totals.tendered_minor > reply.outcome.totals.to_pay_minor:
            yield f"{reply.outcome.totals.tendered_minor} is paid of {reply.outcome.totals.to_pay_minor}"
    if +taken_from(record) != +told:
        yield f"tenders pay {dict(+told)}, accounts give {dict(taken_from(record))}"
    nets = {line.line_no: line.net_minor for line in reply.outcome.lines} if applied else {}
    sold = {(one.account_id, nets[one.line_no]) for one in record.evidence.tenders.sold if applied and not one.reason}
    loaded = {
        (posting.account_id, posting.points)
        for booked in record.effects.entries
        for posting in booked.postings
        if booked.kind == LOAD and posting.account_id > 0
    }
    if loaded != {one for one in sold if one[1]}:
        yield f"cards are sold for {sorted(sold)}, and loaded with {sorted(loaded)}"


def wrong_refund(record: Any, sale: Any) -> Iterator[str]:
    """What does not follow from what the sale's tenders paid."""
    spent: Counter[int] = Counter()
    for booked in sale.effects.entries:
        for posting in booked.postings if booked.kind == SPEND else ():
            if posting.account_id > 0:
                spent[posting.lot_id] -= posting.points
    cards = {line.line_no for line in sale.request.receipt.lines if line.gift_card}
    outcome = pos.CommitReceiptResponse.FromString(sale.reply).outcome
    net = sum(line.net_minor for line in outcome.lines if line.line_no not in cards)
    refund = sum(line.refund_minor for line in record.effects.returned.lines if line.line_no not in cards)
    restored = {lot.lot_id: lot.restored_points for lot in record.effects.returned.tenders}
    for lot_id, points in restored.items():
        if points > spent[lot_id]:
            yield f"lot {lot_id}: {points} given back of {spent[lot_id]}"
    owed = sum(spent.values()) * refund // net if net else 0
    if sum(restored.values()) != owed:
        yield f"{sum(restored.values())} is back on means of payment, their share of {refund} is {owed}"
    before = sum(lot.restored_points for lot in record.evidence.original.before.tenders)
    given = -sum(taken_from(record).values())
    if given != owed - before:
        yield f"{given} was given back to means of payment, {owed - before} is due"
