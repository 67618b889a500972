"""The small world with gift cards and the customer's own money."""

from __future__ import annotations

from altyn.core.engine import (
    Engine,
    LotSweep,
    Scope,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    expire_holds,
    replay,
    reserve_receipt,
    return_receipt,
    same_decision,
)
from altyn.core.engine.identity import gift_card_hash, pin_hash
from altyn.core.facts import AssetFact
from altyn.core.facts.gift_cards import GiftCardFact, GiftSeriesFact
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import read_balances, read_totals
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back
from tests.core.engine.scarce_world import new_engine as scarce_engine
from tests.core.engine.scarce_world import ruleset
from tests.core.engine.world import NOW_US, PEPPER, World, cancel, commit, line, receipt, reserve

GIFT, RUB = 2, 3  # asset_no
ISSUED, REDEEMED, EXPIRED = 1, 2, 3
A, B, C, PINNED = "9900 0001", "9900 0002", "9900 0003", "9900 0007"
ACCOUNTS = {A: 501, B: 502, C: 503, PINNED: 507}
PIN = "4711"


def new_engine() -> Engine:
    """Gift cards A, B and C of one series, valid a year; PINNED asks for a PIN; money of the customer is asset rub."""
    engine = scarce_engine()
    facts = engine.facts
    facts.assets["gift"] = AssetFact("gift", GIFT, 2, 1, "{}", "MONEY")
    facts.assets["rub"] = AssetFact("rub", RUB, 2, 1, "{}", "MONEY")
    facts.gift_cards.upsert_series(GiftSeriesFact(1, "cards", "gift", "RUB", 365))
    for number, account_id in ACCOUNTS.items():
        hidden = pin_hash(PEPPER, number, PIN) if number == PINNED else b""
        facts.gift_cards.upsert(card_fact(number, account_id, pin=hidden))
    return engine


def card_fact(number: str, account_id: int, pin: bytes = b"", is_blocked: bool = False) -> GiftCardFact:
    hashed = gift_card_hash(PEPPER, number)
    return GiftCardFact(hashed, account_id - 500, account_id, 1, number[-4:], pin, is_blocked)


def new_world() -> World:
    return World(new_engine())


def offered(
    of: receipt_pb2.Receipt, number: str = "", amount: int | None = None, pin: str = "", asset: str = ""
) -> receipt_pb2.Receipt:
    """The receipt with one more means of payment; no amount: as much as may be."""
    kind = receipt_pb2.TENDER_KIND_STORED_VALUE if asset else receipt_pb2.TENDER_KIND_GIFT_CARD
    tender = of.tenders.add(kind=kind, number=number, pin=pin, asset=asset)
    if amount is None:
        tender.max = True
    else:
        tender.amount_minor = amount
    return of


def basket(number: int, *prices: int, card: str = "", register: str = "r1") -> receipt_pb2.Receipt:
    made = receipt(*(line(place, "milk", price) for place, price in enumerate(prices, 1)), number=number, card=card)
    made.register_id = register
    return made


def selling(number: int, gift_card: str, price: int, register: str = "r1") -> receipt_pb2.Receipt:
    made = basket(number, price, register=register)
    made.lines[0].gift_card = gift_card
    return made


def scope_of(of: receipt_pb2.Receipt) -> Scope:
    return Scope("demo", of.store_id, of.register_id)


def calculated(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    answer = calculate_receipt(world.engine, request, scope_of(of), clock_us)
    if not isinstance(answer, bytes):
        answer = calculate_receipt(world.engine, request, scope_of(of), clock_us, world.known(answer))
    return pos.CalculateReceiptResponse.FromString(answer)


def reserved(
    world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US, op_no: int = 0
) -> pos.ReserveReceiptResponse:
    request = reserve(of, world.next_seq(), op_no=op_no)
    return pos.ReserveReceiptResponse.FromString(world.effect(reserve_receipt, request, clock_us, scope_of(of)))


def committed(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.CommitReceiptResponse:
    request = commit(of, world.next_seq())
    return pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, request, clock_us, scope_of(of)))


def cancelled(world: World, number: int, clock_us: int = NOW_US) -> pos.CancelReceiptResponse:
    return pos.CancelReceiptResponse.FromString(
        world.effect(cancel_receipt, cancel(number, world.next_seq()), clock_us)
    )


def returned(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.ReturnReceiptResponse:
    request = give_back(of, world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, clock_us, scope_of(of)))


def sold(world: World, gift_card: str, value: int, number: int, clock_us: int = NOW_US) -> None:
    """The card was bought."""
    reply = committed(world, selling(number, gift_card, value), clock_us)
    assert (reply.status, list(reply.exceptions)) == (outcome_pb2.STATUS_OK, [])


def paid(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.CommitReceiptResponse:
    """Reserved and committed, all as it should be."""
    assert reserved(world, of, clock_us).status == outcome_pb2.STATUS_OK
    reply = committed(world, of, clock_us)
    assert (reply.status, list(reply.exceptions)) == (outcome_pb2.STATUS_OK, [])
    return reply


def expired(world: World, clock_us: int) -> None:
    """Holds and lots whose time is over are ended."""
    world.records += expire_holds(world.engine, clock_us, 100)
    record = LotSweep(world.engine).expire_lots(clock_us, 1 << 20)
    if record is not None:
        world.records.append(record)


def money(world: World, account_id: int, asset_no: int = GIFT, clock_us: int = NOW_US) -> tuple[int, int]:
    """(free, held) on an account."""
    active, _, held, debt = read_balances(world.engine.book, account_id, clock_us).get(asset_no, (0, 0, 0, 0))
    assert debt == 0
    return active, held


def totals(world: World, asset_no: int = GIFT) -> tuple[int, int, int]:
    """What was loaded, spent and has expired, taken back deducted."""
    found = read_totals(world.engine.book, asset_no)
    return -found[ISSUED], found[REDEEMED], found[EXPIRED]


def amounts(outcome: outcome_pb2.Outcome) -> list[int]:
    return [tender.amount_minor for tender in outcome.tenders]


def whys(outcome: outcome_pb2.Outcome) -> list[str]:
    return [name(tender.reason) for tender in outcome.tenders]


def name(reason: int) -> str:
    return reasons_pb2.Reason.Name(reason).removeprefix("REASON_")


def names(reasons: object) -> list[str]:
    return [name(reason) for reason in reasons]  # type: ignore[attr-defined]


def prove(world: World) -> None:
    """Nothing of a number or a PIN is journalled; a replay and a snapshot give the same book, and decisions come out
    the same.
    """
    engine = new_engine()
    for record in world.records:
        replay(engine, record.seq, record.body)
        for secret in (*ACCOUNTS, *(number.replace(" ", "") for number in ACCOUNTS), PIN):
            assert secret.encode() not in record.body
        if record.kind in (pos.OPERATION_KIND_RESERVE, pos.OPERATION_KIND_COMMIT):
            assert same_decision(record.body, ruleset())
    assert state_digest(engine.book) == state_digest(world.engine.book)
    head = SnapshotHead(engine.last_seq, 1, engine.last_instant_us, 1, bytes(32))
    _, book, _ = load_snapshot(b"".join(write_snapshot(engine.book, engine.operations, head)))
    assert state_digest(book) == state_digest(engine.book)
