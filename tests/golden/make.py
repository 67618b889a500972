"""Writes a golden journal: a fixed day in a small world, every kind of operation in it.

Clock, ids and keys are fixed, so the same code writes the same bytes. Run once per released version.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from altyn.core.engine import (
    Engine,
    Record,
    adjust_points,
    cancel_receipt,
    commit_receipt,
    expire_holds,
    replay,
    reserve_receipt,
)
from altyn.core.engine.identity import card_hash, phone_hash
from altyn.core.facts import AssetFact, Facts
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.directory import CARD_ACTIVE, CARD_BLOCKED, CardFact, CustomerFact
from altyn.core.facts.stores import StoreFact
from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import SnapshotHead, write_snapshot
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.world import PEPPER, TOKEN_KEY, World, line

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
        request.op_id = self.calls_count.to_bytes(16, "big")
        if decide is not adjust_points:
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


def new_engine(document: bytes) -> Engine:
    engine = Engine(tenant="demo", facts=facts(), zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    rules = read_documents(load_documents(document.decode()))
    image = compile_ruleset(rules.promotions, rules.assets, version=1)
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


def make(folder: Path) -> None:
    """Write a version's files; FileExistsError when there are some."""
    document = json.dumps(load_documents(RULES), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    day = Day(World(new_engine(document)))
    live(day)
    engine, records = day.world.engine, day.world.records
    journalled = rows(records, day.requests)
    half = new_engine(document)
    for record in records[:SNAPSHOT_SEQ]:
        replay(half, record.seq, record.body)
    head = SnapshotHead(
        SNAPSHOT_SEQ, EPOCH, half.last_instant_us, 1, bytes.fromhex(journalled[SNAPSHOT_SEQ - 1]["hash"])
    )
    folder.mkdir()
    (folder / "rules.json").write_bytes(document)
    (folder / "journal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in journalled))
    (folder / "snapshot.bin").write_bytes(b"".join(write_snapshot(half.book, half.operations, head)))
    state = {
        "last_seq": engine.last_seq,
        "state_digest": state_digest(engine.book).hex(),
        "snapshot_seq": SNAPSHOT_SEQ,
        "snapshot_digest": state_digest(half.book).hex(),
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2) + "\n")


if __name__ == "__main__":
    make(HERE / sys.argv[1])
