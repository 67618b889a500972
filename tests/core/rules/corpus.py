"""Documents that must be refused: YAML text, and the paths and codes of every problem in them."""

from __future__ import annotations

from tests.core.rules.corpus_history import REFUSED_HISTORY
from tests.core.rules.corpus_own_goods import OWN_GOODS
from tests.core.rules.corpus_promised import PROMISED

# name: (text, [(path, code), …])
REFUSED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    **OWN_GOODS,
    **PROMISED,
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
    "rounding-to-nothing": ("{rounding: r, to: 0.00}", [("r: to", "OUT_OF_RANGE")]),
    "rounding-to-much": ("{rounding: r, to: 100.01}", [("r: to", "OUT_OF_RANGE")]),
    "rounding-to-parts-of-a-kopeck": ("{rounding: r, to: 0.005}", [("r: to", "TOO_PRECISE")]),
    "rounding-without-to": ("{rounding: r}", [("r: to", "REQUIRED")]),
    "rounding-by-a-sum": (
        "{rounding: r, to: 1, when: {receipt_sum: {from: 1}}}",
        [("r: when.receipt_sum", "CONTRADICTION")],
    ),
    "rounding-by-a-segment-inside": (
        "{rounding: r, to: 1, when: {any: [{customer: {has_card: true, segment: s}}, {coupon: {code: c}}]}}",
        [("r: when.any[0].customer.segment", "CONTRADICTION"), ("r: when.any[1].coupon", "CONTRADICTION")],
    ),
    "rounding-twice": ("[{rounding: r, to: 1}, {rounding: r, to: 2}]", [("r: rounding", "DUPLICATE_ID")]),
    "multiplier-of-an-amount": (
        "{promotion: p, stage: item, multiplier: [{times: 2}], reward: [{percent: {rate: 1}}, {amount: {off: 1}}]}",
        [("p: reward[1].amount", "CONTRADICTION")],
    ),
    "multiplier-of-a-message": (
        "{promotion: p, multiplier: [{times: 2}], reward: [{message: {to: slip, text: {en: x}}}]}",
        [("p: multiplier", "CONTRADICTION")],
    ),
    "multiplier-by-nothing": (
        "{promotion: p, stage: item, multiplier: [{times: 0}, {times: 100.0001}, {times: 1.00001}],"
        " reward: [{percent: {rate: 1}}]}",
        [
            ("p: multiplier[0].times", "OUT_OF_RANGE"),
            ("p: multiplier[1].times", "OUT_OF_RANGE"),
            ("p: multiplier[2].times", "TOO_PRECISE"),
        ],
    ),
    "multiplier-nine": (
        "{promotion: p, stage: item, multiplier: ["
        + ", ".join(["{times: 2}"] * 9)
        + "], reward: [{percent: {rate: 1}}]}",
        [("p: multiplier", "TOO_LARGE")],
    ),
    "multiplier-of-goods-of-fixed-points": (
        "{promotion: p, multiplier: [{times: 2, of: {sku: x}}], max_rate: 5, reward: [{points: {asset: a, fixed: 1}}]}",
        [("p: max_rate", "CONTRADICTION"), ("p: multiplier[0].of", "CONTRADICTION")],
    ),
    "multiplier-of-goods-of-progressive-tiers": (
        "{promotion: p, stage: item, multiplier: [{times: 2, of: {sku: x}}],"
        " reward: [{percent: {progressive: true, tiers: [{from: 1, rate: 1}, {from: 2, rate: 2}]}}]}",
        [("p: multiplier[0].of", "CONTRADICTION")],
    ),
    "multiplier-by-what-is-to-pay": (
        "{promotion: p, stage: item, multiplier: [{times: 2, when: {receipt_sum: {from: 1, base: NET}}}],"
        " reward: [{percent: {rate: 1}}]}",
        [("p: multiplier[0].when.receipt_sum.base", "CONTRADICTION")],
    ),
    "return-that-decides-the-cash-again": (
        "{promotion: p, stage: item, on_return: READJUDICATE, reward: [{percent: {rate: 1}}]}",
        [("p: on_return", "CONTRADICTION")],
    ),
    "return-of-points-in-whole": (
        "{promotion: p, on_return: FORBID_PARTIAL, reward: [{points: {asset: a, percent: 1}}]}",
        [("p: on_return", "CONTRADICTION")],
    ),
    "return-that-nobody-knows": (
        "{promotion: p, on_return: REFUSE, reward: [{points: {asset: a, percent: 1}}]}",
        [("p: on_return", "UNKNOWN_WORD")],
    ),
    "payment-of-nothing": (
        "{limit: l, payment: [{asset: a, except: {}}]}",
        [("l: payment[0].except", "CONTRADICTION")],
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
    "balance-without-asset": (
        "{promotion: p, stage: item, when: {balance: {from: 5}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.balance.asset", "REQUIRED")],
    ),
    "balance-without-edge": (
        "{promotion: p, stage: item, when: {balance: {asset: bonus}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.balance", "REQUIRED")],
    ),
    "balance-finer-than-the-asset": (
        "{promotion: p, stage: item, when: {balance: {asset: bonus, from: 0.001}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.balance.from", "TOO_PRECISE")],
    ),
    "payment-of-no-known-type": (
        "{promotion: p, stage: item, when: {payment: {type: [card, gold]}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.payment.type[1]", "UNKNOWN_WORD")],
    ),
    "payment-of-more-than-all": (
        "{promotion: p, stage: item, when: {payment: {type: card, from_percent: 101}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.payment.from_percent", "OUT_OF_RANGE")],
    ),
    "register-empty": (
        "{promotion: p, stage: item, when: {register: {}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.register", "EMPTY")],
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
    "percent-number-and-tiers": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 1, tiers: [{from: 1, rate: 1}, {from: 2, rate: 2}]}}]}",
        [("p: reward[0].percent", "CONTRADICTION")],
    ),
    "tiers-alone": (
        "{promotion: p, stage: item, reward: [{percent: {tiers: [{from: 1, rate: 1}]}}]}",
        [("p: reward[0].percent.tiers", "EMPTY")],
    ),
    "tiers-progressive-alone": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 1, progressive: true}}]}",
        [("p: reward[0].percent.progressive", "CONTRADICTION")],
    ),
    "tiers-progressive-with-a-quantity": (
        "{promotion: p, stage: item, limits: [{per: receipt, quantity: 1}],"
        " reward: [{percent: {progressive: true, tiers: [{from: 1, rate: 1}, {from: 2, rate: 2}]}}]}",
        [("p: limits[0].quantity", "CONTRADICTION")],
    ),
    "tiers-progressive-of-points": (
        "{promotion: p, reward: [{points: {asset: a, progressive: true,"
        " tiers: [{from: 1, percent: 1}, {from: 2, percent: 2}]}}]}",
        [("p: reward[0].points.progressive", "UNKNOWN_KEY")],
    ),
    "tiers-not-growing": (
        "{promotion: p, stage: item, reward: [{amount: {tiers: [{from: 2, off: 1}, {from: 2, off: 2}]}}]}",
        [("p: reward[0].amount.tiers[1].from", "CONTRADICTION")],
    ),
    "tiers-of-two-kinds": (
        "{promotion: p, reward: [{points: {asset: a, tiers: [{from: 1, fixed: 1}, {from: 2, percent: 2}]}}]}",
        [("p: reward[0].points.tiers[1]", "CONTRADICTION")],
    ),
    "tiers-base-without-tiers": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 1, base: GROSS}}]}",
        [("p: reward[0].percent.base", "CONTRADICTION")],
    ),
    "tiers-net": (
        "{promotion: p, stage: item,"
        " reward: [{percent: {base: NET, tiers: [{from: 1, rate: 1}, {from: 2, rate: 2}]}}]}",
        [("p: reward[0].percent.base", "CONTRADICTION")],
    ),
    "multi-buy-pays-all": (
        "{promotion: p, stage: set, reward: [{multi_buy: {take: 3, pay: 3}}]}",
        [("p: reward[0].multi_buy.pay", "CONTRADICTION")],
    ),
    "set-reward-elsewhere": (
        "{promotion: p, stage: item, reward: [{multi_buy: {take: 3, pay: 2}}]}",
        [("p: stage", "CONTRADICTION")],
    ),
    "set-reward-with-percent": (
        "{promotion: p, stage: set, reward: [{multi_buy: {take: 3, pay: 2}}, {percent: {rate: 1}}]}",
        [("p: reward", "CONTRADICTION")],
    ),
    "bundle-of-one": (
        "{promotion: p, stage: set, reward: [{bundle: {parts: [{quantity: 2}], price: 1}}]}",
        [("p: reward[0].bundle.parts", "EMPTY")],
    ),
    "bundle-two-discounts": (
        "{promotion: p, stage: set, reward: [{bundle: {parts: [{}, {}], price: 1, percent: 5}}]}",
        [("p: reward[0].bundle", "CONTRADICTION")],
    ),
    "bundle-without-targets": (
        "{promotion: p, stage: set, reward: [{bundle: {parts: [{}, {}], price: 1, allocate_to: TARGETS}}]}",
        [("p: reward[0].bundle.parts", "CONTRADICTION")],
    ),
    "buy-get-no-discount": (
        "{promotion: p, stage: set, reward: [{buy_get: {buy: {}, get: {quantity: all}}}]}",
        [("p: reward[0].buy_get", "REQUIRED"), ("p: reward[0].buy_get.get.quantity", "BAD_FORMAT")],
    ),
    "ladder-percent-above-100": (
        "{promotion: p, stage: set, reward: [{ladder: {rungs: [0, 100.5]}}]}",
        [("p: reward[0].ladder.rungs[1]", "OUT_OF_RANGE")],
    ),
    "ladder-amount-third-digit": (
        "{promotion: p, stage: set, reward: [{ladder: {rungs: [0.125], by: amount}}]}",
        [("p: reward[0].ladder.rungs[0]", "TOO_PRECISE")],
    ),
    "ladder-of-nothing": (
        "{promotion: p, stage: set, reward: [{ladder: {rungs: [0, 0]}}]}",
        [("p: reward[0].ladder.rungs", "CONTRADICTION")],
    ),
    "message-in-a-discount-stage": (
        "{promotion: p, stage: item, reward: [{message: {to: slip, text: {en: x}}}]}",
        [("p: stage", "CONTRADICTION")],
    ),
    "message-placeholder": (
        '{promotion: p, reward: [{message: {to: slip, text: {en: "{{ coupon }} {{ discout }}"}}}]}',
        [("p: reward[0].message.text.en", "BAD_FORMAT"), ("p: reward[0].message.text.en", "BAD_FORMAT")],
    ),
    "message-braces": (
        '{promotion: p, reward: [{message: {to: slip, text: {en: "{{ discount }"}}}]}',
        [("p: reward[0].message.text.en", "BAD_FORMAT")],
    ),
    "message-no-text": (
        "{promotion: p, reward: [{message: {to: slip, text: {}}}]}",
        [("p: reward[0].message.text", "EMPTY")],
    ),
    "message-to-nobody": (
        "{promotion: p, reward: [{message: {to: buyer, text: {en: x}}}]}",
        [("p: reward[0].message.to", "UNKNOWN_WORD")],
    ),
    "messages-exclusive": (
        "{promotion: p, exclusive: ALL, reward: [{issue_coupon: {series: s}}]}",
        [("p: exclusive", "CONTRADICTION")],
    ),
    "messages-limited": (
        "{promotion: p, limits: [{per: card, window: day, times: 1}], reward: [{issue_coupon: {series: s}}]}",
        [("p: limits", "CONTRADICTION")],
    ),
    "coupon-code-and-series": (
        "{promotion: p, stage: coupon, when: {coupon: {code: a, series: b}}, reward: [{percent: {rate: 1}}]}",
        [("p: when.coupon", "CONTRADICTION")],
    ),
    "coupon-of-nothing": (
        "{promotion: p, stage: coupon, when: {coupon: {}}, reward: [{percent: {rate: 1}}]}",
        [("p: when.coupon", "REQUIRED")],
    ),
    "limit-per-and-window-missing": (
        "{promotion: p, stage: item, limits: [{times: 1}, {per: card, times: 1}], reward: [{percent: {rate: 1}}]}",
        [("p: limits[0].per", "REQUIRED"), ("p: limits[1].window", "REQUIRED")],
    ),
    "limit-per-receipt": (
        "{promotion: p, stage: item, limits: [{per: receipt, window: day, amount: 1}, {per: receipt, times: 1}],"
        " reward: [{percent: {rate: 1}}]}",
        [("p: limits[0].window", "CONTRADICTION"), ("p: limits[1].times", "CONTRADICTION")],
    ),
    "limit-two-measures": (
        "{promotion: p, stage: item, limits: [{per: card, window: day, amount: 1, times: 1}],"
        " reward: [{percent: {rate: 1}}]}",
        [("p: limits[0]", "CONTRADICTION")],
    ),
    "limit-twice": (
        "{promotion: p, stage: item, limits: [{budget: 1}, {per: promotion, window: always, amount: 2}],"
        " reward: [{percent: {rate: 1}}]}",
        [("p: limits[1]", "CONTRADICTION")],
    ),
    "limit-on-short-of-times": (
        "{promotion: p, stage: item, limits: [{per: card, window: day, times: 1, on_short: SKIP}],"
        " reward: [{percent: {rate: 1}}]}",
        [("p: limits[0].on_short", "CONTRADICTION")],
    ),
    "limit-quantity-of-a-spread": (
        "{promotion: p, stage: item, limits: [{per: receipt, quantity: 1}], reward: [{amount: {off: 1}}]}",
        [("p: limits[0].quantity", "CONTRADICTION")],
    ),
    "limit-points-of-a-discount": (
        "{promotion: p, stage: item, limits: [{per: receipt, points: 1}], reward: [{percent: {rate: 1}}]}",
        [("p: limits[0].points", "CONTRADICTION")],
    ),
    "limit-points-of-two-assets": (
        "{promotion: p, limits: [{budget: 1}],"
        " reward: [{points: {asset: a, fixed: 1}}, {points: {asset: b, fixed: 1}}]}",
        [("p: limits[0].budget", "CONTRADICTION")],
    ),
    "limit-budget-third-digit": (
        "{promotion: p, stage: item, limits: [{budget: 1.005}], reward: [{percent: {rate: 1}}]}",
        [("p: limits[0].budget", "TOO_PRECISE")],
    ),
    "limit-document-of-nothing": ("{limit: l}", [("l", "REQUIRED")]),
    "limit-document-of-both": (
        "{limit: l, cap: {per: receipt, percent: 5}, payment: [{asset: a}]}",
        [("l", "CONTRADICTION")],
    ),
    "limit-document-twice": (
        "[{limit: l, cap: {per: receipt, percent: 5}}, {limit: l, cap: {per: receipt, percent: 5}}]",
        [("l: limit", "DUPLICATE_ID")],
    ),
    "cap-two-numbers": (
        "{limit: l, cap: {per: receipt, percent: 5, amount: 1}}",
        [("l: cap", "CONTRADICTION")],
    ),
    "payment-of-and-except": (
        "{limit: l, payment: [{asset: a, of: {sku: x}, except: {sku: y}}]}",
        [("l: payment[0].except", "CONTRADICTION")],
    ),
    "payment-sum-and-coupon": (
        "{limit: l, payment: [{asset: a, when: {all: [{coupon: {code: x}}, {receipt_sum: {from: 1}}]}}]}",
        [
            ("l: payment[0].when.all[0].coupon", "CONTRADICTION"),
            ("l: payment[0].when.all[1].receipt_sum", "CONTRADICTION"),
        ],
    ),
    "payment-max-below-min": (
        "{limit: l, payment: [{asset: a, min: 5, max: 4}]}",
        [("l: payment[0].max", "CONTRADICTION")],
    ),
    "payment-finer-than-scale": (
        "[{asset: a, scale: 0}, {limit: l, payment: [{asset: a, step: 0.5}]}]",
        [("l: payment[0].step", "TOO_PRECISE")],
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
    **REFUSED_HISTORY,
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
