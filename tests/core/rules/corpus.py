"""Documents that must be refused: YAML text, and the paths and codes of every problem in them."""

from __future__ import annotations

# name: (text, [(path, code), …])
REFUSED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "misspelt-key": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {categry: x}}}]}",
        [("p: reward[0].percent.of.categry", "UNKNOWN_KEY")],
    ),
    "kind-unknown": ("{promo: p, reward: []}", [("document[0]", "REQUIRED")]),
    "document-empty": ("[{}]", [("document[0]", "EMPTY")]),
    "id-capital": (
        "{promotion: Bakery, stage: item, reward: [{percent: {rate: 3}}]}",
        [("Bakery: promotion", "BAD_FORMAT")],
    ),
    "id-long": (
        "{promotion: " + "a" * 65 + ", stage: item, reward: [{percent: {rate: 3}}]}",
        [("a" * 60 + "…: promotion", "TOO_LARGE")],
    ),
    "id-missing-value": (
        "{promotion: , stage: item, reward: [{percent: {rate: 3}}]}",
        [("document[0]: promotion", "WRONG_TYPE")],
    ),
    "id-twice": (
        "[{promotion: p, stage: item, reward: [{percent: {rate: 3}}]},"
        " {promotion: p, stage: item, reward: [{percent: {rate: 4}}]}]",
        [("p: promotion", "DUPLICATE_ID")],
    ),
    "asset-twice": ("[{asset: a}, {asset: a}]", [("a: asset", "DUPLICATE_ID")]),
    "asset-scale": ("{asset: a, scale: 5}", [("a: scale", "OUT_OF_RANGE")]),
    "asset-step-zero": ("{asset: a, step: 0}", [("a: step", "OUT_OF_RANGE")]),
    "asset-step-finer-than-scale": ("{asset: a, scale: 0, step: 0.5}", [("a: step", "TOO_PRECISE")]),
    "stage-missing": ("{promotion: p, reward: [{percent: {rate: 3}}]}", [("p: stage", "REQUIRED")]),
    "stage-not-the-marketers": (
        "{promotion: p, stage: rounding, reward: [{percent: {rate: 3}}]}",
        [("p: stage", "UNKNOWN_WORD")],
    ),
    "stage-of-points": (
        "{promotion: p, stage: item, reward: [{points: {asset: a, percent: 1}}]}",
        [("p: stage", "CONTRADICTION")],
    ),
    "stage-of-discount": (
        "{promotion: p, stage: accrual, reward: [{percent: {rate: 3}}]}",
        [("p: stage", "CONTRADICTION")],
    ),
    "discounts-and-points": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3}}, {points: {asset: a, percent: 1}}]}",
        [("p: reward", "CONTRADICTION")],
    ),
    "reward-missing": ("{promotion: p, stage: item}", [("p: reward", "REQUIRED")]),
    "reward-empty": ("{promotion: p, stage: item, reward: []}", [("p: reward", "EMPTY")]),
    "reward-not-list": (
        "{promotion: p, stage: item, reward: {percent: {rate: 3}}}",
        [("p: reward", "WRONG_TYPE")],
    ),
    "reward-two-kinds": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3}, amount: {off: 1}}]}",
        [("p: reward[0]", "CONTRADICTION")],
    ),
    "reward-unknown": (
        "{promotion: p, stage: item, reward: [{percnt: {rate: 3}}]}",
        [("p: reward[0].percnt", "UNKNOWN_KEY")],
    ),
    "rewards-17": (
        "{promotion: p, stage: item, reward: [" + "{percent: {rate: 3}}," * 17 + "]}",
        [("p: reward", "TOO_LARGE")],
    ),
    "rate-zero": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 0}}]}",
        [("p: reward[0].percent.rate", "OUT_OF_RANGE")],
    ),
    "rate-above-100": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 100.0001}}]}",
        [("p: reward[0].percent.rate", "OUT_OF_RANGE")],
    ),
    "rate-too-fine": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 1.00001}}]}",
        [("p: reward[0].percent.rate", "TOO_PRECISE")],
    ),
    "rate-with-sign": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 5%}}]}",
        [("p: reward[0].percent.rate", "BAD_FORMAT")],
    ),
    "amount-negative": (
        "{promotion: p, stage: item, reward: [{amount: {off: -1.00}}]}",
        [("p: reward[0].amount.off", "OUT_OF_RANGE")],
    ),
    "amount-third-digit": (
        "{promotion: p, stage: item, reward: [{amount: {off: 1.005}}]}",
        [("p: reward[0].amount.off", "TOO_PRECISE")],
    ),
    "amount-exponent": (
        "{promotion: p, stage: item, reward: [{amount: {off: 1e3}}]}",
        [("p: reward[0].amount.off", "BAD_FORMAT")],
    ),
    "amount-comma": (
        '{promotion: p, stage: item, reward: [{amount: {off: "1,50"}}]}',
        [("p: reward[0].amount.off", "BAD_FORMAT")],
    ),
    "amount-other-digits": (
        "{promotion: p, stage: item, reward: [{amount: {off: ١٢}}]}",
        [("p: reward[0].amount.off", "BAD_FORMAT")],
    ),
    "spread-capital": (
        "{promotion: p, stage: item, reward: [{amount: {off: 1, spread: UNIT}}]}",
        [("p: reward[0].amount.spread", "UNKNOWN_WORD")],
    ),
    "points-percent-and-fixed": (
        "{promotion: p, reward: [{points: {asset: a, percent: 1, fixed: 2}}]}",
        [("p: reward[0].points", "CONTRADICTION")],
    ),
    "points-neither": ("{promotion: p, reward: [{points: {asset: a}}]}", [("p: reward[0].points", "REQUIRED")]),
    "points-no-asset": (
        "{promotion: p, reward: [{points: {percent: 1}}]}",
        [("p: reward[0].points.asset", "REQUIRED")],
    ),
    "points-finer-than-scale": (
        "[{asset: a, scale: 0}, {promotion: p, reward: [{points: {asset: a, fixed: 1.5}}]}]",
        [("p: reward[0].points.fixed", "TOO_PRECISE")],
    ),
    "points-two-expiries": (
        "{promotion: p, reward: [{points: {asset: a, fixed: 1, expires: {days: 1, end_of_month: 1}}}]}",
        [("p: reward[0].points.expires", "CONTRADICTION")],
    ),
    "points-expire-before-active": (
        "{promotion: p, reward: [{points: {asset: a, fixed: 1, active_after: {days: 14}, expires: {days: 13}}}]}",
        [("p: reward[0].points.expires.days", "CONTRADICTION")],
    ),
    "points-with-floor": (
        "{promotion: p, floor: {price: 1}, reward: [{points: {asset: a, fixed: 1}}]}",
        [("p: floor", "CONTRADICTION")],
    ),
    "floor-two-ways": (
        "{promotion: p, stage: item, floor: {price: 1, percent: 5}, reward: [{percent: {rate: 3}}]}",
        [("p: floor", "CONTRADICTION")],
    ),
    "priority-negative": (
        "{promotion: p, stage: item, priority: -1, reward: [{percent: {rate: 3}}]}",
        [("p: priority", "OUT_OF_RANGE")],
    ),
    "priority-fraction": (
        "{promotion: p, stage: item, priority: 1.5, reward: [{percent: {rate: 3}}]}",
        [("p: priority", "BAD_FORMAT")],
    ),
    "group-mode": (
        "{promotion: p, stage: item, group: {name: g, mode: BETS}, reward: [{percent: {rate: 3}}]}",
        [("p: group.mode", "UNKNOWN_WORD")],
    ),
    "group-nameless": (
        "{promotion: p, stage: item, group: {mode: BEST}, reward: [{percent: {rate: 3}}]}",
        [("p: group.name", "REQUIRED")],
    ),
    "title-language": (
        "{promotion: p, title: {English: x}, stage: item, reward: [{percent: {rate: 3}}]}",
        [("p: title.English", "UNKNOWN_KEY")],
    ),
    "flag-in-quotes": (
        '{promotion: p, allow_free: "true", stage: item, reward: [{percent: {rate: 3}}]}',
        [("p: allow_free", "WRONG_TYPE")],
    ),
    "when-empty": (
        "{promotion: p, stage: item, when: {}, reward: [{percent: {rate: 3}}]}",
        [("p: when", "EMPTY")],
    ),
    "when-text": (
        "{promotion: p, stage: item, when: always, reward: [{percent: {rate: 3}}]}",
        [("p: when", "WRONG_TYPE")],
    ),
    "any-empty": (
        "{promotion: p, stage: item, when: {any: []}, reward: [{percent: {rate: 3}}]}",
        [("p: when.any", "EMPTY")],
    ),
    "nested-nine": (
        "{promotion: p, stage: item, when: "
        + "{all: [" * 8
        + "{coupon: {code: x}}"
        + "]}" * 8
        + ", reward: [{percent: {rate: 3}}]}",
        [("p: when" + ".all[0]" * 8 + ".coupon", "TOO_DEEP")],
    ),
    "conditions-65": (
        "{promotion: p, stage: item, when: {any: ["
        + "{coupon: {code: x}}," * 64
        + "]}, reward: [{percent: {rate: 3}}]}",
        [("p: when", "TOO_LARGE")],
    ),
    "sum-without-edge": (
        "{promotion: p, stage: item, when: {receipt_sum: {base: GROSS}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.receipt_sum", "REQUIRED")],
    ),
    "sum-from-not-below": (
        "{promotion: p, stage: item, when: {receipt_sum: {from: 5, below: 5.00}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.receipt_sum", "CONTRADICTION")],
    ),
    "sum-net-before-accrual": (
        "{promotion: p, stage: item, when: {none: [{receipt_sum: {from: 5, base: NET}}]},"
        " reward: [{percent: {rate: 3}}]}",
        [("p: when.none[0].receipt_sum.base", "CONTRADICTION")],
    ),
    "quantity-half-unit": (
        "{promotion: p, stage: item, when: {quantity: {from: 1.5}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.quantity.from", "TOO_PRECISE")],
    ),
    "store-choice-contradiction": (
        "{promotion: p, stage: item, when: {store: {region: {any_of: [a], none_of: [a, b]}}},"
        " reward: [{percent: {rate: 3}}]}",
        [("p: when.store.region", "CONTRADICTION")],
    ),
    "store-empty": (
        "{promotion: p, stage: item, when: {store: {}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.store", "EMPTY")],
    ),
    "customer-without-card": (
        "{promotion: p, stage: item, when: {customer: {has_card: false, card_type: gold}},"
        " reward: [{percent: {rate: 3}}]}",
        [("p: when.customer", "CONTRADICTION")],
    ),
    "customer-id-text": (
        "{promotion: p, stage: item, when: {customer: {id: [12, anna]}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.customer.id[1]", "BAD_FORMAT")],
    ),
    "coupon-blank": (
        '{promotion: p, stage: coupon, when: {coupon: {code: "  "}}, reward: [{percent: {rate: 3}}]}',
        [("p: when.coupon.code", "EMPTY")],
    ),
    "schedule-from-after-to": (
        "{promotion: p, stage: item, when: {schedule: {from: 2027-02-01, to: 2027-01-31}},"
        " reward: [{percent: {rate: 3}}]}",
        [("p: when.schedule", "CONTRADICTION")],
    ),
    "schedule-not-a-date": (
        "{promotion: p, stage: item, when: {schedule: {from: 2027-02-29}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.schedule.from", "OUT_OF_RANGE")],
    ),
    "schedule-seconds": (
        "{promotion: p, stage: item, when: {schedule: {from: 2027-02-01T10:00:00}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.schedule.from", "BAD_FORMAT")],
    ),
    "schedule-hours": (
        "{promotion: p, stage: item, when: {schedule: {hours: [07:00-10:00, 24:00-25:00]}},"
        " reward: [{percent: {rate: 3}}]}",
        [("p: when.schedule.hours[1]", "OUT_OF_RANGE")],
    ),
    "schedule-weekday": (
        "{promotion: p, stage: item, when: {schedule: {weekdays: [monday]}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.schedule.weekdays[0]", "UNKNOWN_WORD")],
    ),
    "set-empty-list": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {sku: []}}}]}",
        [("p: reward[0].percent.of.sku", "EMPTY")],
    ),
    "set-price-range": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {unit_price: {from: 2, to: 1.99}}}}]}",
        [("p: reward[0].percent.of.unit_price", "CONTRADICTION")],
    ),
    "set-all-excepted": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {sku: a, except: {sku: [a, b]}}}}]}",
        [("p: reward[0].percent.of.except", "CONTRADICTION")],
    ),
    "set-except-deep": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {sku: a"
        + ", except: {sku: b" * 9
        + "}" * 9
        + "}}}]}",
        [("p: reward[0].percent.of" + ".except" * 9, "TOO_DEEP")],
    ),
    "several-at-once": (
        "[{promotion: p, stage: itm, priority: x, reward: [{percent: {rate: 3, rte: 4}}]}, {promotion: q}]",
        [
            ("p: stage", "UNKNOWN_WORD"),
            ("p: priority", "BAD_FORMAT"),
            ("p: reward[0].percent.rte", "UNKNOWN_KEY"),
            ("q: stage", "REQUIRED"),
            ("q: reward", "REQUIRED"),
        ],
    ),
}

# Texts that are not documents at all: (text, [(path, code), …])
UNREADABLE: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "not-yaml": ("promotion: [", [("documents", "BAD_SYNTAX")]),
    "control-character": ("promotion: \x07", [("documents", "BAD_SYNTAX")]),
    "surrogate": ("promotion: \ud800", [("documents", "BAD_SYNTAX")]),
    "surrogate-in-json": ('{"promotion": "\\ud800"}', [("document[0].promotion", "BAD_FORMAT")]),
    "alias": ("a: &x 1\nb: *x", [("document[0].a", "BAD_SYNTAX"), ("document[0].b", "BAD_SYNTAX")]),
    "tag": ("a: !!python/name:os.system x", [("document[0].a", "BAD_SYNTAX")]),
    "float-tag": ("a: !!float 1", [("document[0].a", "BAD_SYNTAX")]),
    "key-twice": ("a:\n- {b: 1, b: 2}", [("document[0].a[0].b", "DUPLICATE_KEY")]),
    "key-twice-in-json": ('{"a": 1, "a": 2}', [("documents", "DUPLICATE_KEY")]),
    "key-not-text": ("true: 1", [("document[0].true", "WRONG_TYPE")]),
    "too-deep": ("x: " + "[" * 65 + "]" * 65, [("documents", "TOO_DEEP")]),
    "too-deep-json": ('{"a":' * 100_000, [("documents", "TOO_DEEP")]),
    "scalar": ("hello", [("document[0]", "WRONG_TYPE")]),
    "too-large": ("#" * (1 << 20) + "\n", [("documents", "TOO_LARGE")]),
}
