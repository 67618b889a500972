"""A customer's whole life as a machine of rules: every movement of value there is, in any order, beside a plain model.

The model knows net sums by account and asset, what a sale gave and took, and whose each code is; nothing of lots, holds
or records. Every record is also held against the plain checks of `altyn verify`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from altyn.cli.verify.limits import Limits
from altyn.cli.verify.lots import Lots
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.core.engine import Engine, replay
from altyn.core.engine.identity import gift_card_hash
from altyn.core.facts import AssetFact
from altyn.core.facts.coupon_codes import serial_key
from altyn.core.facts.coupons import COUPON_UNIQUE, NEVER_US, SeriesFact
from altyn.core.facts.gift_cards import GiftCardFact, GiftSeriesFact
from altyn.core.facts.serial_codes import serial_codes
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import read_coupon, read_leads_to, read_lots, read_totals
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from tests.core.engine.returns import refund
from tests.core.engine.scarce_world import DAY_US
from tests.core.engine.tender_world import cancelled, committed, expired, offered, reserved, returned
from tests.core.engine.transfers import ACCOUNTS, adjust, convert, family_engine, merge, move
from tests.core.engine.world import NOW_US, PEPPER, World, line, receipt

BONUS, MONEY, GIFT = 1, 2, 3
ASSETS = {"bonus": BONUS, "money": MONEY}
TEMPLATE = "S-####-#####?"
SERIALS = 6
GIFT_CARDS = {"9900 0001": 501, "9900 0002": 502, "9900 0003": 503}
OK = outcome_pb2.STATUS_OK
USED = journal.COUPON_USE_USED
MINUTE_US = 60_000_000
RECORDS_BETWEEN_RESTARTS = 5
COUNTS: Counter[str] = Counter()

cards = st.sampled_from(sorted(ACCOUNTS))
accounts = st.sampled_from(sorted(ACCOUNTS.values()))
gifts = st.sampled_from(sorted(GIFT_CARDS))
amounts = st.integers(1, 5_000)


def life_engine() -> Engine:
    """Several customers, two assets with rates, a series of serials, gift cards."""
    engine = family_engine()
    facts = engine.facts
    facts.coupons.upsert_series(SeriesFact(3, "spring", COUPON_UNIQUE, False, 0, NEVER_US, 1, TEMPLATE, True))
    facts.coupons.upsert_range(3, 1, SERIALS)
    facts.assets["gift"] = AssetFact("gift", GIFT, 2, 1, "{}", "MONEY")
    facts.gift_cards.upsert_series(GiftSeriesFact(1, "cards", "gift", "RUB", 60))
    for number, account_id in GIFT_CARDS.items():
        hashed = gift_card_hash(PEPPER, number)
        facts.gift_cards.upsert(GiftCardFact(hashed, account_id - 500, account_id, 1, number[-4:], b"", False))
    return engine


@dataclass
class Sale:
    """What a sale gave and took: of a customer's points, of a gift card, of a code."""

    number: int
    receipt: receipt_pb2.Receipt
    account_id: int
    units: int
    serial: int = 0
    gift: str = ""
    sells: str = ""
    points: int = 0
    earned: int = 0
    tendered: int = 0
    back: int = 0
    restored: int = 0
    cancelled: int = 0
    money_back: int = 0
    is_late: bool = False


@dataclass
class Model:
    """What there should be."""

    net: Counter[tuple[int, int]] = field(default_factory=Counter)
    leads: dict[int, int] = field(default_factory=dict)
    pending: dict[int, Sale] = field(default_factory=dict)
    sales: dict[int, Sale] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)  # serial: the sale's number
    loaded: dict[str, int] = field(default_factory=dict)  # gift card: the sale's number
    owed: set[int] = field(default_factory=set)  # accounts that have had a debt

    def led(self, account_id: int) -> int:
        return self.leads.get(account_id, account_id)

    def held(self, account_id: int) -> int:
        """Points that pending sales keep."""
        kept = [sale for sale in self.pending.values() if not sale.is_late]
        return sum(sale.points for sale in kept if self.led(sale.account_id) == account_id)


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(life_engine())
        self.model = Model()
        self.now_us = NOW_US
        self.number = 0
        self.seen = self.restarted_at = 0
        self.lots = Lots(Rebuilt(None))
        self.limits = Limits(self.lots.model)

    @initialize()
    def begin(self) -> None:
        for account_id in ACCOUNTS.values():
            self.give_points(account_id, 3_000, False, "bonus")
        self.sell_gift_card("9900 0001", 15_000)

    # AT THE TILL

    @rule(
        card=cards,
        units=st.integers(1, 3),
        price=st.sampled_from([1_000, 9_999, 10_000]),
        points=st.integers(0, 6_000),
        serial=st.integers(0, SERIALS),
        gift=st.sampled_from(["", "", *GIFT_CARDS]),
        now=st.booleans(),
    )
    def sell(self, card: str, units: int, price: int, points: int, serial: int, gift: str, now: bool) -> None:
        of = self.basket(card, units, price)
        if points:
            of.points.add(asset="bonus").requested_points = points
        if serial:
            code = serial_codes(PEPPER, "demo", 3, TEMPLATE, serial, 1).decode().strip()
            of.coupons.add(code=code)
        if gift:
            offered(of, gift)
        reply = reserved(self.world, of, self.tick())
        is_good = not gift or gift in self.model.loaded
        assert (reply.status == OK) == is_good, reply.reason
        if not is_good:
            return
        made = Sale(self.number, of, self.model.led(ACCOUNTS[card]), units, gift=gift)
        outcome = reply.outcome
        kept = {one.serial for one in self.model.pending.values() if not one.is_late}
        is_free = serial not in self.model.used.keys() | kept | {0}
        assert is_free == any(one.state == outcome_pb2.COUPON_STATE_APPLIED for one in outcome.coupons)
        made.serial = serial if is_free else 0
        made.points = outcome.totals.points_paid_minor
        made.tendered = outcome.totals.tendered_minor
        self.require_paid(made, points, outcome.totals)
        self.settle_on(made)
        self.model.pending[made.number] = made
        COUNTS["reserved"] += 1
        if now:
            self.pay(made)

    def settle_on(self, made: Sale) -> None:
        """What is paid is what was kept: the till asks for no more, whatever is free by then."""
        for name, kept in (("coupons", made.serial), ("points", made.points), ("tenders", made.tendered)):
            if not kept:
                made.receipt.ClearField(name)
        for wish in made.receipt.points:
            wish.requested_points = made.points
        for tender in made.receipt.tenders:
            tender.ClearField("max")
            tender.amount_minor = made.tendered

    def require_paid(self, made: Sale, wished: int, totals: outcome_pb2.Totals) -> None:
        """Points and money as far as there are any, and no further than the receipt lets them."""
        gross = totals.gross_minor - totals.discount_minor
        assert totals.discount_minor == (totals.gross_minor // 10 if made.serial else 0) or totals.gross_minor % 10
        assert made.points <= min(wished, gross // 2)
        if made.account_id not in self.model.owed:
            free = self.model.net[made.account_id, BONUS] - self.model.held(made.account_id)
            assert made.points == min(wished, gross // 2, free)
        if made.gift:
            account_id = GIFT_CARDS[made.gift]
            kept = sum(one.tendered for one in self.model.pending.values() if one.gift == made.gift and not one.is_late)
            assert made.tendered == min(totals.to_pay_minor, self.model.net[account_id, GIFT] - kept)

    @precondition(lambda self: self.model.pending)
    @rule(data=st.data())
    def pay_later(self, data: st.DataObject) -> None:
        self.pay(self.model.pending[data.draw(st.sampled_from(sorted(self.model.pending)))])

    def pay(self, made: Sale) -> None:
        reply = committed(self.world, made.receipt, self.tick())
        assert reply.status == OK
        del self.model.pending[made.number]
        assert bool(reply.exceptions) <= made.is_late
        totals = reply.outcome.totals
        assert totals.points_paid_minor == made.points
        made.earned = sum(one.points for one in totals.accrual)
        assert made.earned == (totals.to_pay_minor) // 100
        self.model.net[made.account_id, BONUS] += made.earned - made.points
        if made.is_late and made.points:
            self.model.owed.add(made.account_id)
        if made.tendered:
            self.model.net[GIFT_CARDS[made.gift], GIFT] -= made.tendered
        if made.serial and made.serial in self.model.used:
            made.serial = 0  # another had it meanwhile
            assert reply.exceptions
        if made.serial:
            self.model.used[made.serial] = made.number
        self.model.sales[made.number] = made
        COUNTS["committed" + " late" * made.is_late] += 1

    @precondition(lambda self: self.model.pending)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """The customer walks away: whatever was kept is free again."""
        number = data.draw(st.sampled_from(sorted(self.model.pending)))
        assert cancelled(self.world, number, self.tick()).status == OK
        del self.model.pending[number]
        COUNTS["cancelled"] += 1

    @precondition(lambda self: self.model.sales)
    @rule(data=st.data(), units=st.integers(1, 3), is_void=st.booleans())
    def take_back(self, data: st.DataObject, units: int, is_void: bool) -> None:
        """Some of a sale, or all: of all of it nothing is left, whatever happened in between."""
        sale = self.model.sales[data.draw(st.sampled_from(sorted(self.model.sales)))]
        units = sale.units - sale.back if is_void and not sale.back else min(units, sale.units - sale.back)
        if is_void and not sale.back:
            reply: Any = cancelled(self.world, sale.number, self.tick())
        else:
            self.number += 1
            reply = returned(self.world, refund((1, units * 1000), of=sale.number, number=self.number), self.tick())
        assert reply.status == OK
        sale.back += units
        self.take_points_back(sale)
        COUNTS["voided" if is_void else "returned"] += 1
        if sale.back < sale.units:
            return
        assert (sale.cancelled, sale.restored, sale.money_back) == (sale.earned, sale.points, sale.tendered)
        del self.model.sales[sale.number]
        if sale.serial:
            del self.model.used[sale.serial]

    def take_points_back(self, sale: Sale) -> None:
        """By the record's own postings; that they stay in bounds and end in the whole is what is proven."""
        record = journal.Record.FromString(self.world.records[-1].body)
        account_id = self.model.led(sale.account_id)
        for booked in record.effects.entries:
            for one in booked.postings:
                if one.account_id == -journal.SYSTEM_ACCOUNT_ISSUED and one.asset_no == BONUS:
                    sale.cancelled += one.points
                    self.model.net[account_id, BONUS] -= one.points
                elif one.account_id == -journal.SYSTEM_ACCOUNT_REDEEMED and one.asset_no == BONUS:
                    sale.restored -= one.points
                    self.model.net[account_id, BONUS] -= one.points
                elif one.account_id == -journal.SYSTEM_ACCOUNT_REDEEMED and one.asset_no == GIFT:
                    sale.money_back -= one.points
                    self.model.net[GIFT_CARDS[sale.gift], GIFT] -= one.points
        assert 0 <= sale.cancelled <= sale.earned and 0 <= sale.restored <= sale.points
        assert 0 <= sale.money_back <= sale.tendered
        self.model.owed.add(account_id)

    @rule(gift=gifts, value=st.integers(100, 20_000))
    def sell_gift_card(self, gift: str, value: int) -> None:
        of = self.basket("", 1, value)
        of.lines[0].gift_card = gift
        was_sold = gift in self.model.loaded
        reply = reserved(self.world, of, self.tick())
        assert (reply.status == OK) == (not was_sold)
        if was_sold:
            return
        assert committed(self.world, of, self.tick()).status == OK
        self.model.net[GIFT_CARDS[gift], GIFT] += value
        self.model.loaded[gift] = self.number
        COUNTS["gift card sold"] += 1

    # THE BACK OFFICE

    @rule(account=accounts, points=amounts, is_dated=st.booleans(), asset=st.sampled_from(sorted(ASSETS)))
    def give_points(self, account: int, points: int, is_dated: bool, asset: str) -> None:
        end_us = self.now_us + 20 * DAY_US if is_dated else 0
        assert adjust(self.world, account, points, asset, expires_at_us=end_us).applied
        self.model.net[self.model.led(account), ASSETS[asset]] += points
        COUNTS["given"] += 1

    @rule(account=accounts, points=amounts, asset=st.sampled_from(sorted(ASSETS)))
    def take_points(self, account: int, points: int, asset: str) -> None:
        to = self.model.led(account)
        applied = adjust(self.world, account, -points, asset).applied
        self.expect_enough(to, ASSETS[asset], points, applied)
        self.model.net[to, ASSETS[asset]] -= points * applied
        COUNTS["taken"] += applied

    @rule(account=accounts, points=amounts)
    def convert_points(self, account: int, points: int) -> None:
        to = self.model.led(account)
        reply, given = convert(self.world, account, points), points * 2 // 3
        if given:
            self.expect_enough(to, BONUS, points, reply.applied)
        if not reply.applied:
            return
        assert (reply.given_points, reply.taken_points) == (given, -(-given * 3 // 2))
        self.model.net[to, BONUS] -= reply.taken_points
        self.model.net[to, MONEY] += given
        COUNTS["converted"] += 1

    @rule(account=accounts, to=accounts, points=amounts)
    def move_points(self, account: int, to: int, points: int) -> None:
        """What one who leaves a family takes along."""
        source, target = self.model.led(account), self.model.led(to)
        applied = move(self.world, account, to, points).applied
        if source == target:
            assert not applied
            return
        self.expect_enough(source, BONUS, points, applied)
        self.model.net[source, BONUS] -= points * applied
        self.model.net[target, BONUS] += points * applied
        COUNTS["moved"] += applied

    @rule(account=accounts, into=accounts)
    def merge_accounts(self, account: int, into: int) -> None:
        """Two customers are one, or one joins a family: everything goes along, once, and never in a circle."""
        source, target = self.model.led(account), self.model.led(into)
        reply = merge(self.world, account, into, clock_us=self.tick())
        pending = [one for one in self.model.pending.values() if not one.is_late]
        is_kept = any(self.model.led(one.account_id) == source for one in pending)
        if source == target or account in self.model.leads:
            assert not reply.applied
            return
        if not reply.applied:
            assert is_kept and reply.reason == "HOLDS_PENDING"
            return
        assert reply.is_done
        for asset_no in (BONUS, MONEY):
            self.model.net[target, asset_no] += self.model.net.pop((source, asset_no), 0)
        self.model.leads = {led: target if to == source else to for led, to in self.model.leads.items()}
        self.model.leads[source] = target
        for sale in [*self.model.pending.values(), *self.model.sales.values()]:
            sale.account_id = self.model.led(sale.account_id)
        if source in self.model.owed:
            self.model.owed.add(target)
        COUNTS["merged"] += 1

    def expect_enough(self, account_id: int, asset_no: int, points: int, applied: bool) -> None:
        held = self.model.held(account_id) if asset_no == BONUS else 0
        if account_id not in self.model.owed:
            assert applied == (self.model.net[account_id, asset_no] - held >= points)
        else:
            assert not applied or self.model.net[account_id, asset_no] - held >= points - held

    # TIME, AND WHAT IT BREAKS

    @rule(minutes=st.sampled_from([1, 16, 16, 60 * 24 * 21, 60 * 24 * 35]))
    def wait(self, minutes: int) -> None:
        """Nobody waits for days, nor a quarter of an hour for a gift card: such sales are given up first."""
        for sale in [one for one in self.model.pending.values() if (one.gift and minutes > 14) or minutes > 60]:
            cancelled(self.world, sale.number, self.tick())
            del self.model.pending[sale.number]
        self.now_us += minutes * MINUTE_US
        if minutes > 14:
            for sale in self.model.pending.values():
                sale.is_late = sale.is_late or bool(sale.points or sale.serial)
        expired(self.world, self.now_us - 1)  # holds first: what they kept may be over
        for account_id in {*ACCOUNTS.values(), *GIFT_CARDS.values()}:
            for lot_id, _, _, remaining, held, _, end_us in read_lots(self.world.engine.book, account_id):
                assert not lot_id or held or not remaining or not 0 < end_us < self.now_us
        for record in self.world.records[self.seen :]:
            for booked in journal.Record.FromString(record.body).effects.entries:
                for one in booked.postings if booked.kind == journal.ENTRY_KIND_EXPIRY else ():
                    if one.account_id > 0:
                        self.model.net[one.account_id, one.asset_no] += one.points
                        COUNTS["expired"] += 1

    @precondition(lambda self: len(self.world.records) >= self.restarted_at + RECORDS_BETWEEN_RESTARTS)
    @rule(from_journal=st.booleans())
    def restart(self, from_journal: bool) -> None:
        """From a snapshot, as when a server is told to stop; or with nothing left but the journal, as when it dies."""
        engine, old = life_engine(), self.world.engine
        if from_journal:
            for record in self.world.records:
                replay(engine, record.seq, record.body)
        else:
            head = SnapshotHead(old.last_seq, 1, old.last_instant_us, 1, bytes(32))
            found, book, operations = load_snapshot(b"".join(write_snapshot(old.book, old.operations, head)))
            engine.restore(book, operations, found.seq, found.instant_us)
        assert state_digest(engine.book) == state_digest(old.book)
        self.world.engine = engine
        self.restarted_at = len(self.world.records)
        COUNTS["crashed" if from_journal else "restarted"] += 1

    # WHAT ALWAYS HOLDS

    @invariant()
    def sums_are_the_models(self) -> None:
        book, found = self.world.engine.book, Counter[tuple[int, int]]()
        for account_id in {*ACCOUNTS.values(), *GIFT_CARDS.values()}:
            assert read_leads_to(book, account_id) == self.model.led(account_id)
            for _, asset_no, _, remaining, *_ in read_lots(book, account_id):
                found[account_id, asset_no] += remaining
        assert {key: points for key, points in found.items() if points} == {
            key: points for key, points in self.model.net.items() if points
        }
        for asset_no in (BONUS, MONEY, GIFT):
            everyones = sum(points for (_, asset), points in found.items() if asset == asset_no)
            assert everyones + sum(read_totals(book, asset_no).values()) == 0

    @invariant()
    def codes_are_used_as_the_model_says(self) -> None:
        for serial in range(1, SERIALS + 1):
            use = read_coupon(self.world.engine.book, serial_key(3, serial))[0]
            assert (use == USED) == (serial in self.model.used), serial

    @invariant()
    def records_hold_what_verify_asks(self) -> None:
        for row in self.world.records[self.seen :]:
            record = journal.Record.FromString(row.body)
            self.lots.take_record(row.seq, record)
            self.limits.take_record(row.seq, record)
        self.seen = len(self.world.records)
        for tally in (self.lots.conserved, self.lots.overdrafts, self.lots.lots, self.lots.model, self.limits.tally):
            assert not tally.violations, tally.examples

    def teardown(self) -> None:
        COUNTS["lives"] += 1
        COUNTS["records"] += len(self.world.records)

    # THE MACHINE'S OWN

    def basket(self, card: str, units: int, price: int) -> receipt_pb2.Receipt:
        self.number += 1
        return receipt(line(1, "milk", price, units * 1000), number=self.number, card=card)

    def tick(self) -> int:
        self.now_us += 1
        return self.now_us
