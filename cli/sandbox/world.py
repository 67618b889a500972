"""What is in the sandbox: registers, cards, goods. Every number here is in the documentation and is never changed.

Pure data; ``load`` puts it into a running system, ``examples.yaml`` shows what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

STORE = "sandbox"
ZONE = "Europe/Moscow"
CURRENCY = "RUB"
EXPONENT = 2
ASSET = "sandbox-points"
SEGMENT = "sandbox-vip"
REGISTERS = ("till-1", "till-2", "till-3", "till-4")
UNKNOWN_CARD = "9990000000000009"
COUPON = "SANDBOX50"
#: Two customers have it.
SHARED_PHONE = "+79990000007"


@dataclass(frozen=True, slots=True)
class LotOfPoints:
    """Points given at loading. ``days`` until they expire, 0 for never."""

    points: int
    days: int = 0


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card, and what it is there to show."""

    number: str
    shows: str
    state: str = "ACTIVE"
    lots: tuple[LotOfPoints, ...] = ()
    segment: str = ""
    phone: str = ""
    kind: str = "PLASTIC"

    __test__ = False


@dataclass(frozen=True, slots=True)
class TestProduct:
    """A product at the price the examples sell it for; ``unit`` as in the contract."""

    sku: str
    title: str
    group: str
    price_minor: int
    shows: str
    unit: str = "PIECE"
    flags: frozenset[str] = frozenset()
    min_price_minor: int = 0

    __test__ = False


CARDS = (
    TestCard("9990000000000500", "active, 500 points that never expire", lots=(LotOfPoints(500),)),
    TestCard("9990000000000001", "active, no points", phone="+79990000001"),
    TestCard("9990000000000002", "blocked: the sale goes on without member benefits", state="BLOCKED"),
    TestCard("9990000000000003", "new, not active yet", state="NEW"),
    TestCard("9990000000000004", "closed", state="CLOSED"),
    TestCard("9990000000000005", "active, in the segment sandbox-vip: 5 % off all goods", segment=SEGMENT),
    TestCard(
        "9990000000000006",
        "active, 300 points: 100 expire in 7 days, 200 in 30",
        lots=(LotOfPoints(100, 7), LotOfPoints(200, 30)),
    ),
    TestCard("9990000000000007", "active; its phone is also that of the next card", phone=SHARED_PHONE),
    TestCard("9990000000000008", "active; its phone is also that of the card before", phone=SHARED_PHONE),
    TestCard("9990000000000010", "active and virtual: known by the codes of `altyn token`", kind="VIRTUAL"),
)

PRODUCTS = (
    TestProduct("sandbox-loaf", "Bread", "sandbox-bread", 5_000, "10 % off"),
    TestProduct("sandbox-milk", "Milk", "sandbox-dairy", 10_000, "no promotion of its own"),
    TestProduct("sandbox-cheese", "Cheese", "sandbox-cheese", 80_000, "by weight, 50.00 off a kilogram", unit="KG"),
    TestProduct(
        "sandbox-cigarettes",
        "Cigarettes",
        "sandbox-tobacco",
        20_000,
        "tobacco: no discount, no points, not counted in sums",
        flags=frozenset({"no_discount", "no_redeem", "no_accrual", "no_threshold", "excise"}),
    ),
    TestProduct(
        "sandbox-vodka",
        "Vodka",
        "sandbox-alcohol",
        40_000,
        "alcohol: 20 % off, but never below 350.00",
        flags=frozenset({"excise"}),
        min_price_minor=35_000,
    ),
    TestProduct("sandbox-boots", "Boots", "sandbox-shoes", 120_000, "a marked product", flags=frozenset({"marked"})),
)
