"""Rules against fraud over real households' purchases with seeded fraud in between: few honest ones are suspected, and
nearly every fraud is.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import product
from typing import NamedTuple

from altyn.cli.demo import dataset
from altyn.cli.demo.dataset import Basket, stable_number
from altyn.cli.demo.origin import LAST_DAY
from altyn.core.engine import Scope, adjust_points, commit_receipt, return_receipt
from altyn.core.engine.identity import card_hash
from altyn.core.facts.directory import CARD_ACTIVE, CardFact
from altyn.core.facts.fraud import FraudRuleFact
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import new_engine, sale
from tests.core.engine.world import PEPPER, World, commit, new_op_id

S_US, MINUTE_US, HOUR_US, DAY_US = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
PER_KIND = 20
CROWD = 3
#: The rules that docs/operations/antifraud.md starts with, in US cents.
RULES = (
    FraudRuleFact("card-receipts", "CARD_RECEIPTS", threshold=4),
    FraudRuleFact("card-interval", "CARD_INTERVAL", seconds=60),
    FraudRuleFact("cashier-card", "CASHIER_CARD", "MONTH", threshold=5),
    FraudRuleFact("cashier-share", "CASHIER_CARD_SHARE", "MONTH", threshold=3, share_percent=20),
    FraudRuleFact("cashier-activations", "CASHIER_ACTIVATIONS", threshold=10),
    FraudRuleFact("receipt-amount", "RECEIPT_AMOUNT", threshold=100_000),
    FraudRuleFact("card-amount", "CARD_AMOUNT", threshold=150_000),
    FraudRuleFact("cashier-returns", "CASHIER_RETURNS", threshold=10),
    FraudRuleFact("fast-return", "FAST_RETURN", seconds=600),
    FraudRuleFact("card-coupons", "CARD_COUPONS", threshold=5),
    FraudRuleFact("new-card-redemption", "NEW_CARD_REDEMPTION", seconds=86_400),
    FraudRuleFact("duplicate-sign", "DUPLICATE_SIGN", "MONTH", threshold=1),
)


class Event(NamedTuple):
    """A sale, or with `returns` the return of the sale of that number. `scenario`: of which fraud; empty: honest."""

    at_us: int
    number: int
    card: str
    cashier: str
    price: int
    scenario: str = ""
    codes: int = 0
    redeems: bool = False
    sign: str = ""
    returns: int = 0
    register: str = "r1"


def drawn(text: str, ppm: int) -> bool:
    return stable_number(text, 1_000_000) < ppm


def registers(baskets: Iterable[Basket]) -> dict[str, str]:
    """Of each basket. Registers are not published, and times are to the minute: whoever pays again in a store within
    ten minutes stands at the same register, but for one in ten, who sends somebody to another.
    """
    found: dict[str, str] = {}
    last: dict[tuple[str, str], Basket] = {}
    for basket in baskets:
        before = last.get((basket.store_id, basket.card_number))
        stays = before and basket.sold_at - before.sold_at < timedelta(minutes=10)
        if before and stays and not drawn(f"another till{basket.basket_id}", 100_000):
            found[basket.basket_id] = found[before.basket_id]
        else:
            found[basket.basket_id] = basket.register_id
        last[basket.store_id, basket.card_number] = basket
    return found


def honest() -> Iterator[Event]:
    """Households' own baskets at their own times; 24 cashiers a store; codes, points and returns as in the demo."""
    chain = dataset.load(LAST_DAY, baskets_count=20_000)
    place = registers(chain.baskets)
    for number, basket in enumerate(chain.baskets, 1):
        at_us, one = int(basket.sold_at.timestamp()) * S_US, basket.basket_id
        shift = f"{basket.register_id}{basket.sold_at.date()}{basket.sold_at.hour // 8}"
        cashier = f"{basket.store_id}-{stable_number(shift, 24)}"
        card = "" if drawn(f"anonymous{one}", 80_000) else basket.card_number
        codes = 1 + stable_number(f"codes{one}", 2) if drawn(f"coupon{one}", 60_000) else 0
        redeems = drawn(f"redeem{one}", 300_000)
        sold = Event(at_us, number, card, cashier, max(basket.gross_minor, 1), "", codes, redeems, f"sign{number}")
        sold = sold._replace(register=place[one])
        yield sold
        if drawn(f"returned{one}", 20_000):
            later_us = timedelta(minutes=20 + stable_number(one, 4_000)) // timedelta(microseconds=1)
            by = f"{basket.store_id}-{stable_number(f'back{one}', 24)}"
            yield Event(at_us + later_us, 500_000 + number, "", by, 0, returns=number, register=sold.register)


def crowd(traffic: Iterable[Event]) -> Iterator[Event]:
    """Other members at the same cashiers: the published households are a few of a store's customers, and a cashier's
    receipts would be too few to be shares of. Judged as neither.
    """
    for event in traffic:
        for part in range(CROWD if event.card else 0):
            drawn_from = f"crowd{event.number}/{part}"
            at_us = event.at_us + (part + 1) * MINUTE_US
            card = f"crowd{stable_number(drawn_from, 4_000)}"
            number = 1_000_000 + event.number * CROWD + part
            yield Event(at_us, number, card, event.cashier, 2_000, "crowd", sign=drawn_from, register="crowd")


def seeded(begin_us: int, end_us: int) -> Iterator[Event]:
    """Each scenario has a card and a cashier of its own, begins at any moment and keeps no exact time."""
    rng, numbers = random.Random(7), iter(range(600_000, 700_000))

    def one(at_us: int, kind: str, place: int, price: int = 3_000, **more: object) -> Event:
        scenario = f"{kind}/{place}"
        event = Event(at_us, next(numbers), f"x{kind}{place}", f"thief-{kind}{place}", price, scenario)
        return event._replace(**{"sign": f"sign{event.number}", **more})

    for place in range(PER_KIND):
        at_us = rng.randrange(begin_us, end_us - 40 * DAY_US)
        for _ in range(9):  # strangers' purchases on the cashier's own card
            yield one(at_us, "card-receipts", place, rng.randrange(500, 9_000))
            at_us += rng.randrange(5 * MINUTE_US, 50 * MINUTE_US)
        for part in range(2):  # one number, passed round, at two tills at once
            yield one(at_us + part * rng.randrange(59 * S_US), "card-interval", place, register=f"r{part}")
        for day in range(8):  # two or so a week, always the same two people
            yield one(at_us + day * DAY_US + rng.randrange(HOUR_US), "cashier-card", place)
        for day, part in product(range(3), range(6)):  # who works little: a third of the receipts are their own
            guest = one(at_us + day * DAY_US + part * 20 * MINUTE_US, "cashier-share", place)
            yield guest if part > 3 else guest._replace(card=f"guest{place}{day}{part}")
        for part in range(15):  # cards of nobody, for welcome points
            card = one(at_us + part * rng.randrange(MINUTE_US, 9 * MINUTE_US), "cashier-activations", place)
            yield card._replace(card=f"empty{place}{part}")
        yield one(at_us, "receipt-amount", place, rng.randrange(100_001, 900_000))
        for part in range(5):
            yield one(at_us + part * HOUR_US, "card-amount", place, rng.randrange(40_000, 99_000))
        for part in range(14):
            sold = one(at_us + part * 20 * MINUTE_US, "cashier-returns", place)._replace(card="")
            back = one(sold.at_us + 15 * MINUTE_US, "cashier-returns", place)
            yield from (sold, back._replace(returns=sold.number))
        sold = one(at_us, "fast-return", place)
        back = one(at_us + rng.randrange(30 * S_US, 590 * S_US), "fast-return", place)
        yield from (sold, back._replace(returns=sold.number))
        for part in range(4):
            yield one(at_us + part * HOUR_US, "card-coupons", place, codes=2)
        yield one(at_us, "new-card-redemption", place)
        yield one(at_us + rng.randrange(HOUR_US, 20 * HOUR_US), "new-card-redemption", place, redeems=True)
        for part in range(2):
            yield one(at_us + part * rng.randrange(DAY_US, 3 * DAY_US), "duplicate-sign", place, sign=f"copied{place}")


def request(event: Event, seq: int) -> tuple[object, bytes]:
    if event.returns:
        made = refund((1, 1000), of=event.returns, number=event.number)
    else:
        wish = 1 if event.redeems else None
        codes = (f"C{event.number}-{place}" for place in range(event.codes))
        made = sale(event.number, wish, *codes, price=event.price, card=event.card)
        made.fiscal.drive, made.fiscal.document, made.fiscal.sign = "9", "1", event.sign
    made.local_time_us, made.mode, made.cashier_id = event.at_us, receipt_pb2.MODE_ONLINE, event.cashier
    made.register_id = event.register
    return (return_receipt, give_back(made, seq)) if event.returns else (commit_receipt, commit(made, seq))


def play(events: list[Event]) -> dict[Event, list[str]]:
    """The rules that each tripped. Nearly all members are such since before the first day, one in twenty joins, a
    thief's card is new."""
    engine = new_engine()
    for rule in RULES:
        engine.facts.fraud.upsert(rule)
    for account, card in enumerate(sorted({event.card for event in events} - {""}), 100):
        engine.facts.directory.upsert_card(CardFact(card_hash(PEPPER, card), account, account, 0, "x", CARD_ACTIVE, ""))
    world, found, sales = World(engine), {}, {}
    members = {event.card for event in events if event.card and "/" not in event.scenario}
    for card in sorted(card for card in members if not drawn(f"joins{card}", 50_000)):
        account = engine.facts.directory.card(card_hash(PEPPER, card)).account_id
        points = ops.AdjustPointsRequest(
            op_id=new_op_id(), account_id=account, asset="bonus", points=1, reason="before"
        )
        world.effect(adjust_points, points.SerializeToString(), events[0].at_us - 30 * DAY_US)
    for event in events:
        call, body = request(event, world.next_seq())
        # Only the sale of a return is looked up: the journal is long.
        everything, world.records = world.records, [sales[event.returns]] if event.returns in sales else []
        world.effect(call, body, event.at_us, Scope("demo", "s1", event.register))
        record = world.records[-1]
        world.records = everything
        sales[event.number] = record
        found[event] = [trip.rule for trip in journal.Record.FromString(record.body).evidence.fraud.trips]
    return found


def test_few_honest_purchases_are_suspected_and_nearly_every_seeded_fraud_is() -> None:
    traffic = sorted(honest())
    events = sorted([*traffic, *crowd(traffic), *seeded(traffic[0].at_us + DAY_US, traffic[-1].at_us)])
    found = play(events)
    false = [(event, rules) for event, rules in found.items() if rules and not event.scenario]
    scenarios = {event.scenario for event in events if "/" in event.scenario}
    caught = {event.scenario for event, rules in found.items() if event.scenario.partition("/")[0] in rules}
    by_rule = Counter(rule for _, rules in false for rule in rules)
    told = f"{len(false)} of {len(traffic)} honest {dict(by_rule)}, {len(caught)} of {len(scenarios)} frauds"
    print(told, sorted(scenarios - caught))
    assert len(traffic) > 5_000 and len(scenarios) == PER_KIND * len(RULES)
    assert len(false) <= 0.005 * len(traffic), told
    assert len(caught) >= 0.95 * len(scenarios), (told, sorted(scenarios - caught))
