"""Conditions on earlier purchases that must be refused: what is asked, and every problem with its place."""

from __future__ import annotations


def asking(when: str) -> str:
    return f"{{promotion: p, stage: item, when: {{{when}}}, reward: [{{percent: {{rate: 3}}}}]}}"


REFUSED_HISTORY: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "purchases-without-edge": (asking("purchases: {window: week}"), [("p: when.purchases", "REQUIRED")]),
    "purchases-in-no-window": (asking("purchases: {from: 1}"), [("p: when.purchases.window", "REQUIRED")]),
    "purchases-in-an-unknown-window": (
        asking("purchases: {window: day, from: 1}"),
        [("p: when.purchases.window", "UNKNOWN_WORD")],
    ),
    "purchases-in-more-days-than-are-kept": (
        asking("purchases: {window: {days: 367}, from: 1}"),
        [("p: when.purchases.window.days", "OUT_OF_RANGE")],
    ),
    "purchases-of-half-a-receipt": (
        asking("purchases: {window: week, from: 1.5}"),
        [("p: when.purchases.from", "TOO_PRECISE")],
    ),
    "purchases-of-exactly-half-a-unit": (
        asking("purchases: {window: week, count: 0.5, count_by: UNITS}"),
        [("p: when.purchases.count", "TOO_PRECISE")],
    ),
    "purchases-counted-twice": (
        asking("purchases: {window: week, from: 1, count: 2}"),
        [("p: when.purchases.count", "CONTRADICTION")],
    ),
    "purchases-at-prices": (
        asking("purchases: {window: week, from: 1, of: {unit_price: {from: 5}}}"),
        [("p: when.purchases.of.unit_price", "CONTRADICTION")],
    ),
    "purchases-but-not-at-prices": (
        asking("purchases: {window: week, from: 1, of: {except: [{sku: a}, {unit_price: {from: 5}}]}}"),
        [("p: when.purchases.of.except[1].unit_price", "CONTRADICTION")],
    ),
    "turnover-between-nothing": (
        asking("turnover: {window: year, from: 5, below: 5}"),
        [("p: when.turnover", "CONTRADICTION")],
    ),
    "turnover-in-a-store-of-its-own": (
        asking("turnover: {window: year, from: 5, at: here}"),
        [("p: when.turnover.at", "UNKNOWN_WORD")],
    ),
    "turnover-at-no-store": (
        asking("turnover: {window: year, from: 5, at: {}}"),
        [("p: when.turnover.at", "EMPTY")],
    ),
    "turnover-at-prices": (
        asking("turnover: {window: year, from: 5, of: {unit_price: {to: 5}}}"),
        [("p: when.turnover.of.unit_price", "CONTRADICTION")],
    ),
    "purchase-number-without-number": (
        asking("purchase_number: {window: week}"),
        [("p: when.purchase_number", "REQUIRED")],
    ),
    "purchase-number-every-one": (
        asking("purchase_number: {every: 1}"),
        [("p: when.purchase_number.every", "OUT_OF_RANGE")],
    ),
    "purchase-number-both-ways": (
        asking("purchase_number: {every: 2, is: 3}"),
        [("p: when.purchase_number", "CONTRADICTION")],
    ),
    "purchase-number-nought": (
        asking("purchase_number: {is: [1, 0]}"),
        [("p: when.purchase_number.is[1]", "OUT_OF_RANGE")],
    ),
    "purchase-number-at-prices": (
        asking("purchase_number: {is: 1, of: {unit_price: {to: 5}}}"),
        [("p: when.purchase_number.of.unit_price", "CONTRADICTION")],
    ),
    "validity-after-nothing": (asking("validity: {days: 30}"), [("p: when.validity.after", "REQUIRED")]),
    "validity-after-two-things": (
        asking("validity: {days: 30, after: {first_use: this, turnover: {sum: 5}}}"),
        [("p: when.validity.after", "CONTRADICTION")],
    ),
    "validity-of-no-days": (
        asking("validity: {days: 0, after: {first_use: this}}"),
        [("p: when.validity.days", "OUT_OF_RANGE")],
    ),
    "validity-after-no-id": (
        asking("validity: {days: 3, after: {first_use: A B}}"),
        [("p: when.validity.after.first_use", "BAD_FORMAT")],
    ),
    "validity-after-a-sum-of-nothing": (
        asking("validity: {days: 3, after: {turnover: {sum: 0}}}"),
        [("p: when.validity.after.turnover.sum", "OUT_OF_RANGE")],
    ),
    "validity-after-a-sum-at-prices": (
        asking("validity: {days: 3, after: {turnover: {sum: 1, of: {unit_price: {to: 5}}}}}"),
        [("p: when.validity.after.turnover.of.unit_price", "CONTRADICTION")],
    ),
    "payment-rule-asks-for-purchases": (
        "{limit: l, payment: [{asset: bonus, when: {purchases: {window: week, from: 1}}}]}",
        [("l: payment[0].when.purchases", "CONTRADICTION")],
    ),
    "rounding-asks-for-turnover": (
        "{rounding: r, to: 1.00, when: {turnover: {window: week, from: 1}}}",
        [("r: when.turnover", "CONTRADICTION")],
    ),
}
