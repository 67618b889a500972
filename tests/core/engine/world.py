"""A small world for engine tests: one store, a few products and cards, a ruleset, and requests as a register would
make them.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from altyn.core.engine import Answer, Engine, Known, Lookup, Record, Scope, replay
from altyn.core.engine.identity import card_hash
from altyn.core.facts import AssetFact, Facts
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.directory import CARD_ACTIVE, CARD_BLOCKED, CardFact, CustomerFact
from altyn.core.facts.stores import StoreFact
from altyn.core.ledger.keys import receipt_key
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2

PEPPER = b"p" * 32
TOKEN_KEY = b"t" * 32
NOW_US = 1_795_000_000_000_000  # 2026-11-18T11:06:40Z
DOCUMENT_SHA256 = b"d" * 32
SCOPE = Scope("demo", "s1", "r1")
RULES = """
promotion: bakery
stage: item
when: {store: {region: msk}}
reward:
  - percent: {rate: 10, of: {category: bread}}
---
promotion: base-points
reward:
  - points: {asset: bonus, percent: 1, expires: {days: 30}}
"""


def image(text: str = RULES, version: int = 1) -> bytes:
    rules = read_documents(load_documents(text))
    return compile_ruleset(rules.promotions, rules.assets, version=version)


def new_facts() -> Facts:
    facts = Facts()
    ensure_zone(facts.zones, "Europe/Moscow")
    facts.assets["bonus"] = AssetFact("bonus", 1, 2, 1, "{}")
    facts.stores.upsert(StoreFact("s1", "Europe/Moscow", "msk", "super", "", "RUB", 2))
    facts.catalogue.upsert(ProductFact("loaf", "bread", "", "", 0, 0, 0))
    facts.catalogue.upsert(ProductFact("milk", "dairy", "", "", 0, 0, 0))
    facts.directory.upsert_customer(CustomerFact(7, 70))
    facts.directory.upsert_card(CardFact(card_hash(PEPPER, "1001"), 1, 70, 7, "plastic", CARD_ACTIVE, "1001"))
    facts.directory.upsert_card(CardFact(card_hash(PEPPER, "1002"), 2, 71, 0, "plastic", CARD_BLOCKED, "1002"))
    return facts


def look_up(lookup: Lookup, records: Sequence[Record]) -> Known:
    """What the journal says, as its reader finds it: nothing that was not asked for."""
    by_op = [] if lookup.is_new else [r.body for r in records if r.op_id == lookup.op_id]
    asks_natural = lookup.natural_key is not None and not lookup.is_new
    by_key = [r.body for r in records if asks_natural and r.natural_key == lookup.natural_key]
    known = Known(by_op[0] if by_op else None, by_key[0] if by_key else None, after_seq=lookup.after_seq)
    original_key, original_op_id = lookup.original_key, lookup.original_op_id
    if original_key is None:
        return known
    commits = [r for r in records if r.kind == pos.OPERATION_KIND_COMMIT]
    sale = next((r for r in commits if r.op_id == original_op_id), None)
    sale = sale or next((r for r in commits if r.receipt_key == original_key), None)
    key = sale.receipt_key if sale else original_key
    seq = sale.seq if sale else 1 << 62
    names = {key, sale.op_id if sale else None, original_op_id} - {None}
    back = [r.body for r in records if r.original_key == key and r.seq > seq]
    waiting = [r.body for r in records if r.original_key in names and r.seq < seq]
    return known._replace(
        sale=sale.body if sale else None,
        taken_back=back[-1] if back else None,
        waiting=tuple(waiting) if lookup.waiting else (),
    )


@dataclass
class World:
    """An engine and the journal it would have written."""

    engine: Engine
    records: list[Record] = field(default_factory=list)
    register_seq: int = 0

    def known(self, lookup: Lookup) -> Known:
        return look_up(lookup, self.records)

    def effect(self, call: object, request: bytes, clock_us: int = NOW_US, scope: Scope = SCOPE) -> bytes:
        """As the call table does it."""
        answer = call(self.engine, request, scope, clock_us, None)  # type: ignore[operator]
        if isinstance(answer, Lookup):
            answer = call(self.engine, request, scope, clock_us, self.known(answer))  # type: ignore[operator]
        assert isinstance(answer, Answer)
        if answer.record is not None:
            self.records.append(answer.record)
        return answer.reply

    def take(self, record: journal.Record) -> None:
        """A record that a test made, applied and journalled."""
        receipt = record.request.receipt
        key = (
            receipt_key("demo", receipt.store_id, receipt.register_id, receipt.shift_number, receipt.receipt_number)
            if record.request.HasField("receipt")
            else None
        )
        body = record.SerializeToString()
        replay(self.engine, record.seq, body)
        self.records.append(Record(record.seq, record.op_id, record.kind, None, key, record.instant_us, body))

    def next_seq(self) -> int:
        self.register_seq += 1
        return self.register_seq


def new_engine() -> Engine:
    engine = Engine(tenant="demo", facts=new_facts(), zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(image()), DOCUMENT_SHA256, 0)
    return engine


def new_world() -> World:
    return World(new_engine())


def replayed(world: World) -> Engine:
    """Another engine that has applied the same records."""
    engine = new_engine()
    for record in world.records:
        replay(engine, record.seq, record.body)
    return engine


def line(line_no: int, sku: str, price_minor: int, qty_milli: int = 1000) -> receipt_pb2.ReceiptLine:
    return receipt_pb2.ReceiptLine(
        line_no=line_no, sku=sku, qty_milli=qty_milli, unit=receipt_pb2.UNIT_PIECE, price_minor=price_minor
    )


def receipt(
    *lines: receipt_pb2.ReceiptLine, number: int = 1, card: str = "1001", **fields: object
) -> receipt_pb2.Receipt:
    made = receipt_pb2.Receipt(
        store_id="s1",
        register_id="r1",
        shift_number=1,
        receipt_number=number,
        currency="RUB",
        exponent=2,
        lines=lines,
        **fields,
    )
    if card:
        made.identity.kind = receipt_pb2.TOKEN_KIND_CARD
        made.identity.value = card
    return made


def basket(number: int = 1, card: str = "1001", **fields: object) -> receipt_pb2.Receipt:
    """Bread 50.00 and milk 100.00: 5.00 off the bread, 1.45 points."""
    return receipt(line(1, "loaf", 5000), line(2, "milk", 10000), number=number, card=card, **fields)


def new_op_id() -> bytes:
    return uuid.uuid4().bytes


def commit(of: receipt_pb2.Receipt, register_seq: int, op_id: bytes | None = None, token: bytes = b"") -> bytes:
    return pos.CommitReceiptRequest(
        op_id=op_id or new_op_id(), register_seq=register_seq, calc_token=token, receipt=of
    ).SerializeToString()


def reserve(
    of: receipt_pb2.Receipt, register_seq: int, op_id: bytes | None = None, token: bytes = b"", op_no: int = 0
) -> bytes:
    return pos.ReserveReceiptRequest(
        op_id=op_id or new_op_id(), register_seq=register_seq, calc_token=token, receipt=of, op_no=op_no
    ).SerializeToString()


def cancel(number: int, register_seq: int, op_id: bytes | None = None) -> bytes:
    return pos.CancelReceiptRequest(
        op_id=op_id or new_op_id(),
        register_seq=register_seq,
        store_id="s1",
        register_id="r1",
        shift_number=1,
        receipt_number=number,
    ).SerializeToString()
