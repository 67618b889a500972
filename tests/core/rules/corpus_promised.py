"""Documents with multipliers of other promotions and with gifts that must be refused, as in `corpus`."""

from __future__ import annotations

PROMISED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "rate-of-itself": (
        "{promotion: p, reward: [{multiplier: {times: 2, promotion: p}}]}",
        [("p: reward[0].multiplier.promotion", "CONTRADICTION")],
    ),
    "rate-beside-a-discount": (
        "{promotion: p, reward: [{multiplier: {times: 2, promotion: q}}, {percent: {rate: 1}}]}",
        [("p: stage", "REQUIRED")],
    ),
    "rate-beside-a-discount-of-a-stage": (
        "{promotion: p, stage: rate, reward: [{multiplier: {times: 2, promotion: q}}, {percent: {rate: 1}}]}",
        [("p: stage", "CONTRADICTION"), ("p: reward[1].percent", "CONTRADICTION")],
    ),
    "rate-beside-a-coupon": (
        "{promotion: p, reward: [{multiplier: {times: 2, promotion: q}}, {issue_coupon: {series: s}}]}",
        [("p: reward[1].issue_coupon", "CONTRADICTION")],
    ),
    "rate-in-another-stage": (
        "{promotion: p, stage: item, reward: [{multiplier: {times: 2, promotion: q}}]}",
        [("p: stage", "CONTRADICTION")],
    ),
    "rate-with-all-that-it-has-not": (
        "{promotion: p, group: g, limits: [{per: card, window: day, times: 1}], multiplier: [{times: 2}], max_rate: 5,"
        " allow_free: true, exclusive: ALL, messages: {nudge: {en: x}},"
        " reward: [{multiplier: {times: 2, promotion: q}}]}",
        [
            ("p: allow_free", "CONTRADICTION"),
            ("p: exclusive", "CONTRADICTION"),
            ("p: group", "CONTRADICTION"),
            ("p: limits", "CONTRADICTION"),
            ("p: multiplier", "CONTRADICTION"),
            ("p: max_rate", "CONTRADICTION"),
            ("p: messages.nudge", "CONTRADICTION"),
        ],
    ),
    "rate-of-nobody": (
        "{promotion: p, reward: [{multiplier: {times: 0}}]}",
        [("p: reward[0].multiplier.times", "OUT_OF_RANGE"), ("p: reward[0].multiplier.promotion", "REQUIRED")],
    ),
    "gift-of-nothing": (
        "{promotion: p, reward: [{gift: {quantity: 0}}, {gift: {sku: []}}]}",
        [
            ("p: reward[0].gift.sku", "REQUIRED"),
            ("p: reward[0].gift.quantity", "OUT_OF_RANGE"),
            ("p: reward[1].gift.sku", "EMPTY"),
        ],
    ),
    "gift-too-many": (
        "{promotion: p, reward: [{gift: {quantity: 101, sku: [" + ", ".join(f"s{n}" for n in range(33)) + "]}}]}",
        [("p: reward[0].gift.sku", "TOO_LARGE"), ("p: reward[0].gift.quantity", "OUT_OF_RANGE")],
    ),
    "gift-limited-by-money": (
        "{promotion: p, limits: [{per: card, window: day, amount: 1}], reward: [{gift: {sku: s}}]}",
        [("p: limits[0]", "CONTRADICTION")],
    ),
    "gift-with-a-floor": (
        "{promotion: p, floor: {price: 1}, reward: [{gift: {sku: s}}]}",
        [("p: floor", "CONTRADICTION")],
    ),
}
