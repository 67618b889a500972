"""Writes a golden journal: a fixed day in a small world, every kind of operation in it.

Clock, ids and keys are fixed, so the same code writes the same bytes. Run once per released version.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from altyn.core.engine import (
    Engine,
    LotSweep,
    Record,
    TierSweep,
    adjust_points,
    authorize_customer,
    cancel_receipt,
    commit_receipt,
    convert_points,
    decide_exception,
    expire_holds,
    merge_accounts,
    replay,
    reserve_receipt,
    return_receipt,
    set_tier,
)
from altyn.core.engine.identity import (
    CODE_STEP_US,
    card_hash,
    gift_card_hash,
    one_time_code,
    phone_hash,
    pin_hash,
    qr_token,
)
from altyn.core.facts import AssetFact, Facts, OfflineLimits, RateFact, ReturnLimits
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.coupons import COUPON_UNIQUE, NEVER_US, SeriesFact
from altyn.core.facts.directory import CARD_ACTIVE, CARD_BLOCKED, CardFact, CustomerFact
from altyn.core.facts.fraud import FraudRuleFact
from altyn.core.facts.gift_cards import GiftCardFact, GiftSeriesFact
from altyn.core.facts.serial_codes import serial_codes
from altyn.core.facts.stores import StoreFact
from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import SnapshotHead, write_snapshot
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2, receipt_pb2
from tests.core.engine.test_accumulate import make_ready
from tests.core.engine.world import PEPPER, SCOPE, TOKEN_KEY, World, line

HERE = Path(__file__).parent
# 2026-03-29T00:50:00Z: ten minutes before the store's clock jumps from 02:00 to 03:00.
START_US = 1_774_745_400_000_000
MINUTE_US = 60_000_000
EPOCH = 3
SNAPSHOT_SEQ = 18
RULES = """
asset: bonus
title: {en: Points}
---
promotion: bakery
stage: item
when: {store: {region: berlin}}
reward:
  - percent: {rate: 10, of: {category: bread}}
---
promotion: friends
stage: coupon
when: {coupon: {code: HELLO}}
reward:
  - amount: {off: 3.33}
---
promotion: gold
stage: card
when: {customer: {segment: gold}}
reward:
  - percent: {rate: 5}
---
promotion: base-points
reward:
  - points: {asset: bonus, percent: 1, expires: {days: 30}}
"""
PAYMENT = """
---
limit: pay
payment: [{asset: bonus, up_to_percent: 50}]
"""

# What a value day adds: earlier purchases, codes of serials, a return that is decided again, conversion, a merge.
VALUE_SNAPSHOT_SEQ = 40
VALUE_RULES = f"""{RULES}---
promotion: loyal
stage: card
when: {{turnover: {{window: {{days: 30}}, from: 200.00}}}}
reward:
  - amount: {{off: 2.00}}
---
promotion: spring
stage: coupon
when: {{coupon: {{series: spring}}}}
reward:
  - percent: {{rate: 10}}
---
promotion: large
on_return: READJUDICATE
when: {{receipt_sum: {{from: 150.00}}}}
reward:
  - points: {{asset: bonus, fixed: 40, expires: {{days: 10}}}}
"""
TEMPLATE = "S-####-#####?"


def facts() -> Facts:
    made = Facts()
    for zone in ("Europe/Moscow", "Europe/Berlin"):
        ensure_zone(made.zones, zone)
    made.assets["bonus"] = AssetFact("bonus", 1, 2, 1, "{}")
    made.stores.upsert(StoreFact("s1", "Europe/Berlin", "berlin", "super", "a", "RUB", 2))
    made.catalogue.upsert(ProductFact("loaf", "bread", "acme", "", 0, 4000, 0))
    made.catalogue.upsert(ProductFact("milk", "dairy", "", "north", 0, 0, 0))
    made.directory.upsert_customer(CustomerFact(7, 70))
    made.directory.upsert_customer(CustomerFact(8, 80, phone_hash(PEPPER, "+79990000008")))
    made.directory.add_segment(7, "gold")
    made.directory.upsert_card(CardFact(card_hash(PEPPER, "1001"), 1, 70, 7, "plastic", CARD_ACTIVE, "1001"))
    made.directory.upsert_card(CardFact(card_hash(PEPPER, "1002"), 2, 71, 0, "plastic", CARD_BLOCKED, "1002"))
    made.directory.upsert_card(CardFact(card_hash(PEPPER, "1003"), 3, 73, 0, "mobile", CARD_ACTIVE, "1003"))
    made.assets["gift"] = AssetFact("gift", 2, 2, 1, "{}", "MONEY")
    made.gift_cards.upsert_series(GiftSeriesFact(1, "plastic", "gift", "RUB", 30))
    for number, account_id in (("9901", 901), ("9902", 902)):
        hidden = pin_hash(PEPPER, number, "4711") if number == "9902" else b""
        card = GiftCardFact(gift_card_hash(PEPPER, number), account_id - 900, account_id, 1, number, hidden)
        made.gift_cards.upsert(card)
    return made


@dataclass
class Day:
    """The day as it goes: every call takes the next op_id and register_seq, a minute after the one before."""

    world: World
    requests: dict[int, bytes] = field(default_factory=dict)
    calls_count: int = 0

    @property
    def clock_us(self) -> int:
        return START_US + self.calls_count * MINUTE_US

    def call(self, decide: Any, request: Any) -> bytes:
        self.calls_count += 1
        if decide is not decide_exception:
            request.op_id = self.calls_count.to_bytes(16, "big")
        if decide not in (adjust_points, convert_points, decide_exception, merge_accounts, set_tier):
            request.register_seq = self.calls_count
        body: bytes = request.SerializeToString()
        before = len(self.world.records)
        reply = self.world.effect(decide, body, self.clock_us)
        if len(self.world.records) > before:
            self.requests[self.world.records[-1].seq] = body
        return reply

    def expire(self) -> None:
        self.calls_count += 16
        self.world.records += expire_holds(self.world.engine, self.clock_us, 10)


def basket(
    number: int, card: str = "1001", phone: str = "", coupons: tuple[str, ...] = (), **told: Any
) -> receipt_pb2.Receipt:
    made = receipt_pb2.Receipt(
        store_id="s1", register_id="r1", shift_number=1, receipt_number=number, currency="RUB", exponent=2, **told
    )
    made.lines.extend([line(1, "loaf", 5000), line(2, "milk", 9999), line(5, "unheard-of", 3333, 1500)])
    made.coupons.extend([receipt_pb2.CouponEntry(code=code) for code in coupons])
    if card or phone:
        made.identity.kind = receipt_pb2.TOKEN_KIND_PHONE if phone else receipt_pb2.TOKEN_KIND_CARD
        made.identity.value = phone or card
    return made


def live(day: Day) -> None:
    """What happens."""
    reserve, commit, cancel = pos.ReserveReceiptRequest, pos.CommitReceiptRequest, pos.CancelReceiptRequest
    explained = receipt_pb2.Want(explain=True)

    def void(number: int) -> Any:
        return cancel(store_id="s1", register_id="r1", shift_number=1, receipt_number=number)

    day.call(commit_receipt, commit(receipt=basket(1)))
    day.call(commit_receipt, commit(receipt=basket(2, card="")))
    day.call(commit_receipt, commit(receipt=basket(3, card="1002")))
    day.call(commit_receipt, commit(receipt=basket(4, card="1003", coupons=(" hello ", "NOPE", "nope"))))
    day.call(commit_receipt, commit(receipt=basket(5, card="", phone="8 999 000-00-08"), want=explained))
    day.call(commit_receipt, commit(receipt=basket(6, card="5555")))
    # With a hold: posted, given again, cancelled, run out, committed after it ran out.
    day.call(reserve_receipt, reserve(receipt=basket(10)))
    day.call(commit_receipt, commit(receipt=basket(10)))
    day.call(reserve_receipt, reserve(receipt=basket(11)))
    day.call(reserve_receipt, reserve(receipt=basket(11, coupons=("HELLO",)), op_no=1, want=explained))
    day.call(commit_receipt, commit(receipt=basket(11, coupons=("HELLO",))))
    day.call(reserve_receipt, reserve(receipt=basket(12)))
    day.call(cancel_receipt, void(12))
    day.call(reserve_receipt, reserve(receipt=basket(13)))
    day.expire()
    day.call(commit_receipt, commit(receipt=basket(13)))
    # Refusals and facts that disagree.
    day.call(reserve_receipt, reserve(receipt=basket(12), op_no=1))
    day.call(reserve_receipt, reserve(receipt=basket(10), op_no=1))
    wrong = basket(14)
    wrong.lines[1].gross_minor = 9000
    day.call(reserve_receipt, reserve(receipt=wrong))
    day.call(commit_receipt, commit(receipt=wrong))
    day.call(commit_receipt, commit(receipt=basket(12)))
    day.call(commit_receipt, commit(receipt=basket(10, card="1003")))
    day.call(cancel_receipt, void(10))
    day.call(cancel_receipt, void(99))
    day.call(commit_receipt, commit(receipt=basket(99)))
    # Points by hand, with every date and with none.
    day.call(
        adjust_points, ops.AdjustPointsRequest(account_id=70, asset="bonus", points=500, reason="sorry", actor="u-1")
    )
    dated = ops.AdjustPointsRequest(
        account_id=73, asset="bonus", points=1, reason="gift", active_from_us=START_US, expires_at_us=START_US * 2
    )
    day.call(adjust_points, dated)
    # Offline, in the hour that the wall clock skips, and with discounts of the till's own.
    told_us = START_US + 65 * MINUTE_US
    late = basket(20, local_time_us=told_us, utc_offset_minutes=60, mode=receipt_pb2.MODE_OFFLINE)
    day.call(commit_receipt, commit(receipt=late))
    own = basket(21)
    own.lines[0].external_discounts.add(discount_id="till", amount_minor=700)
    own.lines[1].manual_discount.percent_ppm = 50_000
    own.payments.add(sum_minor=1)
    day.call(commit_receipt, commit(receipt=own))
    # Left pending.
    day.call(reserve_receipt, reserve(receipt=basket(30)))


def gift_cards(day: Day) -> None:
    """Cards are sold, pay together and with a wrong PIN, get their money back, are voided and expire."""
    reserve, commit, back = pos.ReserveReceiptRequest, pos.CommitReceiptRequest, pos.ReturnReceiptRequest
    one = receipt_pb2.TENDER_KIND_GIFT_CARD
    for number, card, value in ((40, "9901", 5000), (41, "9902", 9999)):
        sale = basket(number)
        sale.lines.add(line_no=9, sku="gift", qty_milli=1000, price_minor=value, gift_card=card)
        day.call(reserve_receipt, reserve(receipt=sale))
        day.call(commit_receipt, commit(receipt=sale))
    paid = basket(42)
    paid.tenders.add(kind=one, number="99 01", max=True)
    paid.tenders.add(kind=one, number="9902", amount_minor=7777, pin="0000")
    paid.tenders.add(kind=receipt_pb2.TENDER_KIND_STORED_VALUE, asset="gift", max=True)
    day.call(reserve_receipt, reserve(receipt=paid))
    paid.tenders[1].pin = "4711"
    day.call(reserve_receipt, reserve(receipt=paid, op_no=1))
    day.call(commit_receipt, commit(receipt=paid))
    for number, line_no, qty_milli in ((900, 5, 500), (901, 5, 1000), (902, 1, 1000)):
        refund = receipt_pb2.Receipt(
            store_id="s1", register_id="r1", shift_number=1, receipt_number=number, currency="RUB", exponent=2
        )
        refund.original.shift_number, refund.original.receipt_number = 1, 42
        refund.lines.add(line_no=1, sku="back", qty_milli=qty_milli)
        refund.lines[0].refund_of.line_no, refund.lines[0].refund_of.qty_milli = line_no, qty_milli
        day.call(return_receipt, back(receipt=refund))
    unkept = basket(43)
    unkept.tenders.add(kind=one, number="9901", amount_minor=1)
    day.call(commit_receipt, commit(receipt=unkept))
    void = pos.CancelReceiptRequest(store_id="s1", register_id="r1", shift_number=1, receipt_number=41)
    day.call(cancel_receipt, void)
    day.calls_count += 31 * 24 * 60
    day.expire()
    ended = LotSweep(day.world.engine).expire_lots(day.clock_us, 1 << 20)
    assert ended is not None
    day.world.records.append(ended)


TIERS: dict[str, Any] = {
    "by": "TURNOVER",
    "period": "MONTH",
    "valid_periods": 1,
    "tiers": [{"tier": "silver", "rank": 1, "sum": 100_00}, {"tier": "gold", "rank": 2, "sum": 1000_00}],
}


def tier_facts() -> Facts:
    made = facts()
    made.tiers.put(TIERS)
    return made


def tiers(day: Day) -> None:
    """After a day on which tiers were reached a part comes back, and two months later they are over."""
    refund = receipt_pb2.Receipt(
        store_id="s1", register_id="r1", shift_number=1, receipt_number=900, currency="RUB", exponent=2
    )
    refund.original.shift_number, refund.original.receipt_number = 1, 11
    refund.lines.add(line_no=1, sku="back", qty_milli=1000)
    refund.lines[0].refund_of.line_no, refund.lines[0].refund_of.qty_milli = 2, 1000
    day.call(return_receipt, pos.ReturnReceiptRequest(receipt=refund))
    day.calls_count += 65 * 24 * 60
    day.call(commit_receipt, pos.CommitReceiptRequest(receipt=basket(50, card="1003")))
    day.expire()
    ended = TierSweep(day.world.engine).end_tiers(day.clock_us, 1 << 20)
    assert ended is not None
    day.world.records.append(ended)


def decisions(day: Day) -> None:
    """Points and a card are spent without a hold: within an allowance, or taken after all, and given back. Goods come
    back without a receipt.
    """
    commit, back = pos.CommitReceiptRequest, pos.ReturnReceiptRequest
    who = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=basket(1).identity)
    engine = day.world.engine
    engine.facts.offline = OfflineLimits(2, 500, 700, 86_400, 0, ("bonus",))
    engine.facts.returns = ReturnLimits(5000, 5000)
    sale = basket(40)
    sale.lines.add(line_no=9, sku="gift", qty_milli=1000, price_minor=5000, gift_card="9901")
    day.call(commit_receipt, commit(receipt=sale))
    answer = authorize_customer(engine, who.SerializeToString(), SCOPE, day.clock_us)
    told = pos.AuthorizeCustomerResponse.FromString(answer.reply).offline_allowance
    for number, points in ((50, 400), (51, 400), (52, 300)):
        made = basket(number, local_time_us=day.clock_us, mode=receipt_pb2.MODE_OFFLINE, offline_allowance=told.signed)
        made.points.add(asset="bonus", requested_points=points)
        day.call(commit_receipt, commit(receipt=made))
    unkept = basket(53)
    unkept.tenders.add(kind=receipt_pb2.TENDER_KIND_GIFT_CARD, number="9901", amount_minor=777)
    day.call(commit_receipt, commit(receipt=unkept))
    waiting = [record for record in day.world.records if is_unreserved(record)]
    for record in waiting:
        sold = journal.Record.FromString(record.body).request.receipt
        asked = ops.DecideExceptionRequest(
            seq=record.seq, exception="NOT_RESERVED", store_id="s1", register_id="r1", apply=True, note="n", actor="u-1"
        )
        asked.shift_number, asked.receipt_number = sold.shift_number, sold.receipt_number
        day.call(decide_exception, asked)
        refund = receipt_pb2.Receipt(
            store_id="s1", register_id="r1", shift_number=1, receipt_number=900 + record.seq, currency="RUB", exponent=2
        )
        refund.original.shift_number, refund.original.receipt_number = 1, sold.receipt_number
        refund.lines.add(line_no=1, sku="back", qty_milli=500)
        refund.lines[0].refund_of.line_no, refund.lines[0].refund_of.qty_milli = 2, 500
        day.call(return_receipt, back(receipt=refund))
    stray = basket(990)
    stray.original.without_receipt = True
    day.call(return_receipt, back(receipt=stray))


def is_unreserved(record: Record) -> bool:
    return reasons_pb2.REASON_NOT_RESERVED in journal.Record.FromString(record.body).exceptions


def value_facts() -> Facts:
    made = facts()
    made.assets["money"] = AssetFact("money", 3, 2, 1, "{}")
    made.rates["bonus", "money"] = RateFact(3, 2)
    made.coupons.upsert_series(SeriesFact(3, "spring", COUPON_UNIQUE, False, 0, NEVER_US, 1, TEMPLATE, True))
    made.coupons.upsert_range(3, 1, 1_000_000)
    return made


def value(day: Day) -> None:
    """History is counted, then read; codes are used, freed and held; points become money; two customers are one; of a
    sale whose points depend on the whole part comes back.
    """
    reserve, commit, back = pos.ReserveReceiptRequest, pos.CommitReceiptRequest, pos.ReturnReceiptRequest
    make_ready(day.world, VALUE_RULES, day.clock_us)
    [first, second, _] = serial_codes(PEPPER, "demo", 3, TEMPLATE, 499_999, 3).decode().split()

    def refund(number: int, of: int, line_no: int, qty_milli: int) -> receipt_pb2.Receipt:
        made = receipt_pb2.Receipt(
            store_id="s1", register_id="r1", shift_number=1, receipt_number=number, currency="RUB", exponent=2
        )
        made.original.shift_number, made.original.receipt_number = 1, of
        made.lines.add(line_no=1, sku="back", qty_milli=qty_milli)
        made.lines[0].refund_of.line_no, made.lines[0].refund_of.qty_milli = line_no, qty_milli
        return made

    for number, code in ((50, first), (51, second)):
        day.call(reserve_receipt, reserve(receipt=basket(number, coupons=(code,))))
        day.call(commit_receipt, commit(receipt=basket(number, coupons=(code,))))
    day.call(reserve_receipt, reserve(receipt=basket(52, coupons=(first,))))
    for number, line_no, qty_milli in ((910, 2, 1000), (911, 1, 1000), (912, 5, 1500)):
        day.call(return_receipt, back(receipt=refund(number, 50, line_no, qty_milli)))
    day.call(commit_receipt, commit(receipt=basket(53, card="1003")))
    day.call(
        convert_points,
        ops.ConvertPointsRequest(account_id=70, asset="bonus", to_asset="money", points=100, reason="r", actor="u-1"),
    )
    day.call(
        merge_accounts, ops.MergeAccountsRequest(account_id=73, into_account_id=70, reason="one person", actor="u-1")
    )
    day.call(return_receipt, back(receipt=refund(913, 53, 2, 1000)))
    day.call(commit_receipt, commit(receipt=basket(54, card="1003")))
    void = pos.CancelReceiptRequest(store_id="s1", register_id="r1", shift_number=1, receipt_number=51)
    day.call(cancel_receipt, void)


FRAUD = (
    FraudRuleFact("activations", "CASHIER_ACTIVATIONS", threshold=0, actions=("CASE",)),
    FraudRuleFact("amount", "CARD_AMOUNT", threshold=50_000, actions=("TAG",)),
    FraudRuleFact("coupons", "CARD_COUPONS", threshold=1, actions=("TAG", "CASE")),
    FraudRuleFact("fast", "FAST_RETURN", seconds=7_200, actions=("CASE",)),
    FraudRuleFact("interval", "CARD_INTERVAL", seconds=60, actions=("CASE",)),
    FraudRuleFact("pair", "CASHIER_CARD", "MONTH", threshold=2, actions=("HOLDBACK",), holdback_days=5),
    FraudRuleFact("receipts", "CARD_RECEIPTS", threshold=6, actions=("CASE", "DECLINE_REDEMPTION")),
    FraudRuleFact("returns", "CASHIER_RETURNS", threshold=0, actions=("TAG", "CASE")),
    FraudRuleFact("share", "CASHIER_CARD_SHARE", "MONTH", threshold=1, share_percent=50),
    FraudRuleFact("signs", "DUPLICATE_SIGN", "MONTH", threshold=1),
    FraudRuleFact("young", "NEW_CARD_REDEMPTION", seconds=86_400, actions=("DECLINE_REDEMPTION",)),
)
FRAUD_SNAPSHOT_SEQ = 50
PHONE, VIRTUAL_CARD = "+79990000007", 9


def fraud_facts() -> Facts:
    made = tier_facts()
    made.directory.upsert_customer(CustomerFact(7, 70, phone_hash(PEPPER, PHONE)))
    virtual = CardFact(card_hash(PEPPER, "7700"), VIRTUAL_CARD, 70, 7, "app", CARD_ACTIVE, "7700", True)
    made.directory.upsert_card(virtual)
    made.directory.upsert_customer(CustomerFact(9, 79))
    made.directory.upsert_card(CardFact(card_hash(PEPPER, "1009"), 10, 79, 9, "plastic", CARD_ACTIVE, "1009"))
    for rule in FRAUD:
        made.fraud.upsert(rule)
    return made


def fraud(day: Day) -> None:
    """An event earns; tiers are given by hand, read, and taken away; a token of a virtual card and a one-time code pay
    once; rules against fraud find something of nearly every kind.
    """
    reserve, commit, back = pos.ReserveReceiptRequest, pos.CommitReceiptRequest, pos.ReturnReceiptRequest
    earned = ops.AdjustPointsRequest(account_id=70, asset="bonus", points=9_000, reason="birthday", event="birthday")
    day.call(adjust_points, earned)

    def tier(account_id: int, name: str, days: int) -> None:
        until_day = (day.clock_us // 86_400_000_000 + days) if name else 0
        asked = ops.SetTierRequest(account_id=account_id, tier=name, until_day=until_day, reason="guest", actor="u-1")
        day.call(set_tier, asked)

    def bought(number: int, points: int = 0, **told: Any) -> receipt_pb2.Receipt:
        made = basket(number, cashier_id="anna", **told)
        if points:
            made.points.add(asset="bonus", requested_points=points)
        return made

    tier(70, "gold", 3)
    tier(73, "silver", 40)
    # The next day: counters of days begin anew.
    day.calls_count += 24 * 60
    token = qr_token(PEPPER, VIRTUAL_CARD, day.clock_us + 5 * MINUTE_US, b"\x01\x02")
    for number in (60, 61):
        shown = bought(number, 500)
        shown.identity.kind, shown.identity.value = receipt_pb2.TOKEN_KIND_QR, token
        shown.identity.input_method = receipt_pb2.INPUT_METHOD_QR
        day.call(reserve_receipt, reserve(receipt=shown))
        day.call(commit_receipt, commit(receipt=shown))
    code = one_time_code(PEPPER, phone_hash(PEPPER, PHONE), day.clock_us // CODE_STEP_US)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for op_no, told in enumerate((wrong, code)):
        proven = bought(62, 700, phone=PHONE)
        proven.identity.code, proven.identity.input_method = told, receipt_pb2.INPUT_METHOD_PHONE_CODE
        day.call(reserve_receipt, reserve(receipt=proven, op_no=op_no))
    day.call(commit_receipt, commit(receipt=proven))
    for number in range(63, 69):
        signed = bought(number, coupons=("HELLO", "NOPE"))
        signed.fiscal.drive, signed.fiscal.document, signed.fiscal.sign = "9", "1", f"sign-{number // 2}"
        day.call(commit_receipt, commit(receipt=signed))
    # Six receipts that day already: the seventh may not pay, and neither may a card of this day.
    for number, card in ((69, "1001"), (70, "1009"), (71, "1009")):
        day.call(reserve_receipt, reserve(receipt=bought(number, 100, card=card)))
        day.call(commit_receipt, commit(receipt=bought(number, 100, card=card)))
    refund = receipt_pb2.Receipt(
        store_id="s1", register_id="r1", shift_number=1, receipt_number=900, currency="RUB", exponent=2
    )
    refund.cashier_id, refund.original.shift_number, refund.original.receipt_number = "anna", 1, 69
    refund.lines.add(line_no=1, sku="back", qty_milli=1000)
    refund.lines[0].refund_of.line_no, refund.lines[0].refund_of.qty_milli = 2, 1000
    day.call(return_receipt, back(receipt=refund))
    tier(73, "", 0)
    tier(73, "gold", 10)
    tier(70, "platinum", 10)
    day.calls_count += 5 * 24 * 60
    day.expire()
    ended = TierSweep(day.world.engine).end_tiers(day.clock_us, 1 << 20)
    assert ended is not None
    day.world.records.append(ended)


def new_engine(document: bytes, of: Callable[[], Facts] = facts) -> Engine:
    engine = Engine(tenant="demo", facts=of(), zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    rules = read_documents(load_documents(document.decode()))
    image = compile_ruleset(rules.promotions, rules.assets, rules.limits, version=1)
    engine.take_ruleset(Ruleset(image), hashlib.sha256(document).digest(), 0)
    return engine


def rows(records: list[Record], requests: dict[int, bytes]) -> list[dict[str, Any]]:
    """Journal rows, chained."""
    hash_, made = ORIGIN, []
    for record in records:
        hash_ = chain_hash(hash_, record.seq, EPOCH, record.body)
        row = {
            "seq": record.seq,
            "epoch": EPOCH,
            "kind": record.kind,
            "instant_us": record.instant_us,
            "op_id": record.op_id.hex(),
            "receipt_key": (record.receipt_key or b"").hex(),
            "natural_key": (record.natural_key or b"").hex(),
            "hash": hash_.hex(),
            "body": record.body.hex(),
            "request": requests.get(record.seq, b"").hex(),
        }
        made.append(row)
    return made


class Kind(NamedTuple):
    """What a day adds to that of the first version."""

    rules: str = RULES
    facts: Callable[[], Facts] = facts
    snapshot_seq: int = SNAPSHOT_SEQ
    acts: Callable[[Day], None] = lambda day: None


KINDS = {
    "": Kind(),
    "gift-cards": Kind(acts=gift_cards),
    "decisions": Kind(RULES + PAYMENT, acts=decisions),
    "tiers": Kind(facts=tier_facts, acts=tiers),
    "fraud": Kind(RULES + PAYMENT, fraud_facts, FRAUD_SNAPSHOT_SEQ, fraud),
    "value": Kind(VALUE_RULES, value_facts, VALUE_SNAPSHOT_SEQ, value),
}


def make(folder: Path) -> None:
    """Write a version's files; FileExistsError when there are some. A name after the version's tells what was new."""
    kind = KINDS[folder.name.partition("-")[2]]
    document = json.dumps(
        load_documents(kind.rules), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    ).encode()
    day = Day(World(new_engine(document, kind.facts)))
    live(day)
    kind.acts(day)
    engine, records = day.world.engine, day.world.records
    journalled = rows(records, day.requests)
    half = new_engine(document, kind.facts)
    for record in records[: kind.snapshot_seq]:
        replay(half, record.seq, record.body)
    head = SnapshotHead(
        kind.snapshot_seq, EPOCH, half.last_instant_us, 1, bytes.fromhex(journalled[kind.snapshot_seq - 1]["hash"])
    )
    folder.mkdir()
    (folder / "rules.json").write_bytes(document)
    (folder / "journal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in journalled))
    (folder / "snapshot.bin").write_bytes(b"".join(write_snapshot(half.book, half.operations, head)))
    state = {
        "last_seq": engine.last_seq,
        "state_digest": state_digest(engine.book).hex(),
        "snapshot_seq": kind.snapshot_seq,
        "snapshot_digest": state_digest(half.book).hex(),
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2) + "\n")


if __name__ == "__main__":
    make(HERE / sys.argv[1])
