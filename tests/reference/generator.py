"""Seeded random cases, biased to where calculations collide.

The same seed gives the same case for ever. Documents are valid by docs/promotion-document.md; receipts are valid
too, save that a few carry a till's gross which must be refused.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .conditions import codes_named
from .documents import read_rules
from .generator_conditions import CARD_TYPES, CHANNELS, CODES, PAYMENTS, REGISTERS, SEGMENTS, tiers_of
from .generator_later import Draft, write_later
from .generator_optimal import optimal_groups
from .generator_rules import Author, documents
from .generator_wide import UNIQUE, WideAuthor, balances_held, counters_of, holdings, wide_documents
from .goods import FLAGS, read_line
from .numbers import round_half_up
from .oracle import calculate
from .wallclock import EPOCH, wall_clock

# Instants where a wall clock does something, by zone: gaps, overlaps (some at midnight) and plain midnights.
MOMENTS = (
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/Santiago", "2026-09-06T04:00"),
    ("America/Santiago", "2026-04-05T03:00"),
    ("Europe/Moscow", "2026-12-31T21:00"),
    ("Europe/Moscow", "2026-06-15T09:00"),
    ("Asia/Yekaterinburg", "2026-02-28T19:00"),
)
CATEGORIES = ("bakery", "coffee", "tobacco", "")
BRANDS = ("acme", "best", "")
SUPPLIERS = ("north", "south", "")
REGIONS = ("msk", "spb", "")


@dataclass(frozen=True)
class Case:
    """Arguments of `calculate`, in its order."""

    rules_documents: list[dict[str, Any]]
    receipt: dict[str, Any]
    store: dict[str, Any]
    customer: dict[str, Any] | None
    at: int
    holdings: dict[str, Any] | None = None


def generate(seed: int, width: int = 1, without: frozenset[str] = frozenset()) -> Case:
    """The case of a seed.

    Width 1 has percents, amounts and points alone, width 2 all of the second width, width 3 small change, width 4 the
    whole vocabulary less the parts of `generator_later` that `without` names.
    """
    rng = random.Random(seed)
    zone, at = _moment(rng)
    store = {
        "store_id": rng.choice(("s-1", "s-2")),
        "zone": zone,
        "region": rng.choice(REGIONS),
        "format": rng.choice(("super", "discounter", "")),
        "cluster": rng.choice(("a", "b", "")),
    }
    tiny, guarded = rng.random() < 0.15, rng.random() < 0.25
    products = [_product(rng, number, tiny, guarded) for number in range(rng.randint(1, 7))]
    if width > 1 and rng.random() < 0.4:
        for product in products:
            product["price_minor"] = rng.choice(products)["price_minor"]
    lines = _lines(rng, products)
    # Of draws of their own: labels came later, and the rest of a seed's case stays what it was.
    _labels(random.Random(f"labels {seed}"), lines)
    customer = _customer(rng)
    receipt = _receipt(rng, store, lines, customer, at)

    probed: dict[str, dict[str, Any]] = {}

    def probe(written: list[dict[str, Any]]) -> dict[str, Any]:
        key = repr(written)
        if key not in probed:
            nothing = {"to_pay_minor": 100, "discount_minor": 0, "accrual": {}}
            probed[key] = calculate(written, receipt, store, customer, at).get("totals", nothing)
        return probed[key]

    wall = wall_clock(at, zone).time
    if width == 1:
        rules_documents = documents(Author(rng, receipt, wall, store, {}, probe))
        receipt["coupons"] = _coupons(rng, rules_documents)
        return Case(rules_documents, receipt, store, customer, at)
    balances = balances_held(rng)
    rules_documents = wide_documents(WideAuthor(rng, receipt, wall, store, balances, probe))
    book = read_rules(rules_documents)
    held = holdings(rng, rules_documents, balances, book.assets)
    receipt["coupons"] = _coupons(rng, rules_documents)
    if any("series" in str(document.get("when")) for document in rules_documents):
        codes = rng.sample(UNIQUE, rng.choice((1, 1, 2, 3)))
        receipt["coupons"] += [{"code": code, "source": "SCAN"} for code in codes]
    if customer is not None:
        receipt["identity"]["input_method"] = rng.choice(("SCAN", "SCAN", "MANUAL", "PHONE", "QR", "PHONE_CODE"))
    pays = customer is not None and any("payment" in document for document in rules_documents)
    bare = calculate(book, receipt, store, customer, at, held) if pays else {}
    receipt["points"] = _wishes(rng, bare.get("max_redeem", []))
    # Of draws of their own as well.
    own = random.Random(f"optimal {seed}")
    sets = optimal_groups(WideAuthor(own, receipt, wall, store, balances, probe))
    rules_documents += sets
    held["counters"] += counters_of(own, sets, book.assets)
    draft = Draft(seed, rules_documents, receipt, wall, store, balances, probe, customer, at, held)
    write_later(draft, width, without)
    return Case(rules_documents, receipt, store, customer, at, held)


def _wishes(rng: random.Random, max_redeem: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Most often an asset that may pay: as many as may be, or a number beside the most."""
    result = []
    for row in max_redeem:
        most = row["points"]
        beside = rng.choice((most, most - 1, most + 1, most // 2, most * 2 // 3, 1, most + 10_000))
        if rng.random() < 0.75:
            wish = {"max": True} if rng.random() < 0.4 else {"requested_points": max(1, beside)}
            result.append({"asset": row["asset"], **wish})
    if rng.random() < 0.03:
        result.append({"asset": "nothing", "max": True})
    rng.shuffle(result)
    return result


def _moment(rng: random.Random) -> tuple[str, int]:
    zone, text = rng.choice(MOMENTS)
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    minutes = rng.choice((0, 0, -15, 15, 30, -30, -45, 60, -60, rng.randint(-1600, 1600)))
    at_us = (moment + timedelta(minutes=minutes) - EPOCH) // timedelta(microseconds=1)
    return zone, at_us + rng.choice((0, 0, 0, -1, 1, 1_000_000))


def _price(rng: random.Random) -> int:
    kind = rng.random()
    if kind < 0.2:
        return rng.randint(1, 7)
    if kind < 0.5:
        return rng.choice((100, 101, 10000, 5000, 9999))
    if kind < 0.97:
        return rng.randint(8, 60000)
    return rng.choice((1_000_000, 99_999_999))


def _product(rng: random.Random, number: int, tiny: bool, guarded: bool) -> dict[str, Any]:
    """A product; a tiny one costs a few kopecks, a guarded one more often has a minimal price and a cost."""
    price = rng.randint(1, 7) if tiny else _price(rng)
    product: dict[str, Any] = {
        "sku": rng.choice((f"{number}", f"460000000{number:03d}", f"Б{number}", f"sku-{number}")),
        "unit": rng.choice(("PIECE", "PIECE", "PIECE", "PIECE", "KG", "KG", "L", "M")),
        "price_minor": price,
        "vat_code": rng.choice((1, 1, 1, 2)),
        "group_id": rng.choice(CATEGORIES),
        "brand_id": rng.choice(BRANDS),
        "supplier_id": rng.choice(SUPPLIERS),
    }
    if rng.random() < (0.8 if guarded else 0.15):
        product["min_price_minor"] = rng.choice((1, price, max(0, price - 1), price + 3, price // 2, price * 9 // 10))
    if rng.random() < (0.8 if guarded else 0.2):
        product["cost_minor"] = rng.choice((0, 1, price // 2, price * 8 // 10, price, price + 10))
    return product


def _quantity(rng: random.Random, unit: str) -> int:
    if unit != "PIECE":
        return rng.choice((1000, 500, 1, rng.randint(1, 3000), rng.randint(1, 3000)))
    kind = rng.random()
    if kind < 0.8:
        return 1000 * rng.choice((1, 1, 1, 2, 2, 3, 4))
    if kind < 0.96:
        return 1000 * rng.randint(5, 12)
    return rng.choice((500, 1500, 250, 2333))


def _lines(rng: random.Random, products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    count = rng.choice((1, 2, 3, 4, 5, 6, rng.randint(1, 12), rng.randint(1, 12), rng.randint(1, 30)))
    flag_rate = rng.choice((0.0, 0.0, 0.03, 0.12))
    till_rate = rng.choice((0.0, 0.0, 0.1, 0.3))
    refused = rng.random() < 0.02
    step = rng.choice((1, 1, 1, 10))
    lines = []
    for number in range(1, count + 1):
        line = dict(rng.choice(products))
        if rng.random() < 0.1:
            line["price_minor"] = max(1, line["price_minor"] + rng.choice((-1, 1, 100)))
        if rng.random() < 0.1:
            line |= rng.choice(({"vat_code": 3}, {"cost_minor": 0}, {"min_price_minor": 1}, {"brand_id": "best"}))
        line["line_no"] = number * step
        line["qty_milli"] = _quantity(rng, line["unit"])
        if rng.random() < 0.3:
            line["unit"] = f"UNIT_{line['unit']}"
        flags = {flag: True for flag in FLAGS if rng.random() < flag_rate}
        if flags or rng.random() < 0.1:
            line["flags"] = flags
        _till_gross(rng, line, refused)
        if rng.random() < till_rate:
            _till_discount(rng, line)
        lines.append(line)
    return lines


def _labels(rng: random.Random, lines: list[dict[str, Any]]) -> None:
    """Goods of one label, and marked ones."""
    if rng.random() < 0.6:
        return
    for line in lines:
        if rng.random() < 0.4:
            line["no_split"] = True
        if rng.random() < 0.1:
            line["mark_code"] = f"010460{line['line_no']}"


def _till_gross(rng: random.Random, line: dict[str, Any], refused: bool) -> None:
    computed = round_half_up(line["price_minor"] * line["qty_milli"], 1000)
    if refused and rng.random() < 0.5:
        line["gross_minor"] = max(0, computed + rng.choice((-2, 2, 3, 100)))
    elif rng.random() < 0.35:
        line["gross_minor"] = max(0, computed + rng.choice((0, 0, -1, 1)))


def _till_discount(rng: random.Random, line: dict[str, Any]) -> None:
    gross = read_line(line).gross
    amounts = (1, 2, max(1, gross // 10), max(1, gross // 2), max(1, gross - 1), max(1, gross), gross + 5)
    if rng.random() < 0.7:
        count = 2 if rng.random() < 0.1 else 1
        line["external_discounts"] = [
            {"discount_id": f"till-{number}", "amount_minor": rng.choice(amounts)} for number in range(count)
        ]
    if "external_discounts" not in line or rng.random() < 0.3:
        if rng.random() < 0.5:
            line["manual_discount"] = {"percent_ppm": rng.choice((50_000, 100_000, 333_333, 1_000_000, 1))}
        else:
            line["manual_discount"] = {"amount_minor": rng.choice(amounts)}


def _customer(rng: random.Random) -> dict[str, Any] | None:
    if rng.random() < 0.25:
        return None
    customer: dict[str, Any] = {
        "customer_id": rng.choice(("c-1", "c-2")),
        "card_type": rng.choice(CARD_TYPES),
        "card_state": rng.choice(("ACTIVE", "ACTIVE", "ACTIVE", "ACTIVE", "ACTIVE", "BLOCKED", "NEW")),
        "segments": [segment for segment in SEGMENTS if rng.random() < 0.4],
    }
    return customer | {"tiers": tiers_of(customer["segments"])}


def _entered_code(rng: random.Random, named: list[str]) -> str:
    code = rng.choice((*named * 12, *CODES, "NOPE"))
    return rng.choice((code, code, code.lower(), code.title(), f" {code} "))


def _coupons(rng: random.Random, rules_documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mostly codes that some document names."""
    named = {code for document in rules_documents for code in codes_named(document.get("when"))}
    entered = rng.choice((0, 1, 1, 2, 4) if named else (0, 0, 0, 0, 0, 0, 0, 1))
    codes = [_entered_code(rng, sorted(named)) for _ in range(entered)]
    return [{"code": code, "source": rng.choice(("SCAN", "MANUAL"))} for code in codes]


def _payments(rng: random.Random, total: int) -> list[dict[str, Any]]:
    """Most often one or two payments, in halves or a kopeck beside them; now and then one of nothing."""
    half = total // 2
    first = rng.choice((total, half, min(total, half + 1), max(0, half - 1), total // 3, rng.randint(0, total)))
    sums = rng.choice(((), (total,), (total,), (first, total - first), (first, first), (first, 1, total), (0,)))
    prefix = rng.choice(("", "PAYMENT_TYPE_"))
    return [{"type": prefix + rng.choice(PAYMENTS).upper(), "sum_minor": amount} for amount in sums]


def _receipt(
    rng: random.Random,
    store: dict[str, Any],
    lines: list[dict[str, Any]],
    customer: dict[str, Any] | None,
    at: int,
) -> dict[str, Any]:
    wall = wall_clock(at, store["zone"]).time
    local_us = (wall.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    receipt: dict[str, Any] = {
        "store_id": store["store_id"],
        "register_id": rng.choice(REGISTERS),
        "sales_channel": rng.choice((*CHANNELS, "")),
        "payments": _payments(rng, sum(read_line(line).gross for line in lines)),
        "shift_number": 1,
        "receipt_number": rng.randint(1, 9999),
        "local_time_us": local_us,
        "utc_offset_minutes": (local_us - at) // 60_000_000,
        "currency": "RUB",
        "exponent": 2,
        "lines": lines,
        "coupons": [],
        "mode": "ONLINE",
    }
    if customer is not None:
        receipt["identity"] = {"kind": "CARD", "value": f"card-of-{customer['customer_id']}", "input_method": "SCAN"}
    return receipt
