"""A journal in which gift cards are sold, pay and come back has no violation; each planted one is found by I7."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

import pytest

from altyn.cli.verify.arithmetic import is_accrued
from altyn.cli.verify.coupons import Coupons
from altyn.cli.verify.pages import REPLIES
from altyn.cli.verify.taken_back import wrongs_of
from altyn.cli.verify.tenders import Tenders
from altyn.core.engine import Record, cancel_receipt
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.cli.verified import NOWHERE, altered, page_of, rebuilt_of
from tests.core.engine.returns import refund
from tests.core.engine.tender_world import (
    ACCOUNTS,
    PIN,
    PINNED,
    A,
    B,
    C,
    basket,
    committed,
    expired,
    money,
    new_world,
    offered,
    paid,
    prove,
    reserved,
    returned,
    scope_of,
    sold,
    totals,
)
from tests.core.engine.world import NOW_US, World, cancel

YEAR_US = 367 * 86_400_000_000


def lived() -> World:
    """1 and 2 sell cards; 4 pays with both; 5 and 6 take half and the rest back; 8 spends again;
    9 takes a spent card back; then the other card expires.
    """
    world = new_world()
    sold(world, A, 3_000, 1)
    sold(world, B, 5_000, 2)
    paid(world, offered(offered(basket(3, 4_000, 6_000), A), B))
    returned(world, refund((1, 1000), of=3))
    returned(world, refund((2, 1000), of=3, number=901))
    paid(world, offered(basket(4, 1_000), A, 999))
    returned(world, refund((1, 1000), of=1, number=902))
    expired(world, NOW_US + YEAR_US)
    return world


LIVED = lived()


def check_of(records: Iterable[Record], applied: Iterable[Record] = LIVED.records) -> Tenders:
    """The check, fed with records as the journal's pages feed it; `Rebuilt` takes them as they were."""
    check = Tenders(rebuilt_of(applied))

    async def run() -> None:
        await check.take(page_of(records), NOWHERE)
        await check.end(NOWHERE)

    asyncio.run(run())
    return check


def test_money_of_a_lived_journal_is_conserved() -> None:
    check = check_of(LIVED.records)
    assert (check.tally.violations, check.tally.examples) == (0, [])
    assert check.tally.checks > 15
    for row in LIVED.records:
        record = journal.Record.FromString(row.body)
        if record.evidence.HasField("original"):
            assert list(wrongs_of(record)) == []
        elif record.kind == pos.OPERATION_KIND_COMMIT:
            assert is_accrued(record, pos.CommitReceiptResponse.FromString(record.reply).outcome)
    coupons = Coupons()
    for row in LIVED.records:
        record = journal.Record.FromString(row.body)
        reply_type = REPLIES.get(record.kind)
        assert list(coupons._wrongs_of(record, reply_type.FromString(record.reply) if reply_type else None)) == []


class Walk:
    """Registers, customers and the clock do whatever comes into their heads with three cards."""

    def __init__(self, seed: int) -> None:
        self.random, self.world = random.Random(seed), new_world()
        self.clock_us, self.number, self.sold = NOW_US, 0, list[receipt_pb2.Receipt]()
        self.open: receipt_pb2.Receipt | None = None
        for number, card in enumerate(ACCOUNTS, 9_001):
            sold(self.world, card, self.random.randint(1, 9_000), number)

    def basket(self) -> receipt_pb2.Receipt:
        self.number += 1
        prices = [self.random.randint(1, 3_000) for _ in range(self.random.randint(1, 3))]
        made = basket(self.number, *prices, register=self.random.choice(("r1", "r2")))
        if self.random.random() < 0.4:
            made.lines[0].gift_card = self.random.choice((A, B, C))
        for card in self.random.sample((A, B, C, PINNED), self.random.randint(0, 3)):
            amount = self.random.choice((None, None, self.random.randint(0, 2_000)))
            offered(made, card, amount, pin=self.random.choice((PIN, PIN, "0")))
        return made

    def step(self) -> None:
        self.clock_us += self.random.choice((0, 0, 0, 1, 60_000_000, 3_600_000_000, 40 * 86_400_000_000))
        expired(self.world, self.clock_us)
        what = self.random.choice(("reserve", "commit", "commit", "cancel", "return", "return"))
        if what == "reserve" or self.open is None:
            self.open = self.basket()
            reserved(self.world, self.open, self.clock_us)
        elif what == "commit":
            committed(self.world, self.open, self.clock_us)
            self.sold.append(self.open)
            self.open = None
        elif what == "cancel":
            of = self.random.choice([self.open, *self.sold])
            request = cancel(of.receipt_number, self.world.next_seq())
            request = pos.CancelReceiptRequest.FromString(request)
            request.register_id = of.register_id
            self.world.effect(cancel_receipt, request.SerializeToString(), self.clock_us, scope_of(of))
        elif self.sold:
            of = self.random.choice(self.sold)
            self.number += 1
            back = refund((self.random.randint(1, len(of.lines)), 1000), of=of.receipt_number, number=self.number)
            back.register_id = of.register_id
            returned(self.world, back, self.clock_us)


@pytest.mark.parametrize("seed", range(12))
def test_money_is_conserved_whatever_happens(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(80):
        walk.step()
        loaded, spent, over = totals(walk.world)
        held = [sum(money(walk.world, account_id, clock_us=walk.clock_us)) for account_id in ACCOUNTS.values()]
        assert min(held) >= 0 and sum(held) <= loaded - spent - over
    check = check_of(walk.world.records, walk.world.records)
    assert (check.tally.violations, check.tally.examples) == (0, [])
    assert check.tally.checks > 20
    for row in walk.world.records:
        record = journal.Record.FromString(row.body)
        assert not record.evidence.HasField("original") or list(wrongs_of(record)) == []
    prove(walk.world)


def load_more(record: journal.Record) -> None:
    for posting, sign in zip(record.effects.entries[0].postings, (1, -1), strict=True):
        posting.points += sign


def spend_more(record: journal.Record) -> None:
    entry = record.effects.entries[-1]
    entry.postings[0].points -= 1
    entry.postings[-1].points += 1


def spend_of_another(record: journal.Record) -> None:
    record.effects.entries[-1].postings[0].account_id = ACCOUNTS[A]


def say_less(record: journal.Record) -> None:
    reply = pos.CommitReceiptResponse.FromString(record.reply)
    reply.outcome.totals.tendered_minor -= 1
    record.reply = reply.SerializeToString()


def have_less(record: journal.Record) -> None:
    record.evidence.tenders.tenders[0].available_minor = 1


def give_less(record: journal.Record) -> None:
    record.effects.returned.tenders[0].restored_points -= 1


def give_elsewhere(record: journal.Record) -> None:
    record.effects.returned.tenders[0].lot_id += 7


def forget_expiry(record: journal.Record) -> None:
    del record.effects.entries[:]


@pytest.mark.parametrize(
    ("seq", "change", "found"),
    [
        (1, load_more, "cards are sold for"),
        (4, spend_more, "tenders pay"),
        (4, spend_of_another, "tenders pay"),
        (4, say_less, "do not add up"),
        (4, have_less, "by a tender that has 1"),
        (5, give_less, "their share of 4000 is 3200"),
        (5, give_elsewhere, "given back of 0"),
        (10, forget_expiry, "the book has"),
    ],
)
def test_planted_violation_is_found(seq: int, change: Callable[[journal.Record], None], found: str) -> None:
    check = check_of(altered(LIVED.records, seq, change))
    assert check.tally.violations
    assert any(found in example for example in check.tally.examples), check.tally.examples
