"""Documents that must be refused for what they say of attributes, favourites, birthdays and grants."""

from __future__ import annotations

# name: (text, [(path, code), …])
OWN_GOODS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "set-attribute-no-mapping": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {attribute: colour}}}]}",
        [("p: reward[0].percent.of.attribute", "WRONG_TYPE")],
    ),
    "set-attribute-empty": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {attribute: {}}}}]}",
        [("p: reward[0].percent.of.attribute", "EMPTY")],
    ),
    "set-attribute-name": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {attribute: {Colour: red, size: []}}}}]}",
        [
            ("p: reward[0].percent.of.attribute.Colour", "BAD_FORMAT"),
            ("p: reward[0].percent.of.attribute.size", "EMPTY"),
        ],
    ),
    "set-attribute-value": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {attribute: {a: [x, true]}}}}]}",
        [("p: reward[0].percent.of.attribute.a[1]", "WRONG_TYPE")],
    ),
    "set-attributes-many": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {attribute: {"
        + ", ".join(f"a{number}: x" for number in range(17))
        + "}}}}]}",
        [("p: reward[0].percent.of.attribute", "TOO_LARGE")],
    ),
    "set-all-attributes-excepted": (
        "{promotion: p, stage: item,"
        " reward: [{percent: {rate: 3, of: {attribute: {a: x, b: y}, except: {attribute: {b: [y, z]}}}}}]}",
        [("p: reward[0].percent.of.except", "CONTRADICTION")],
    ),
    "set-favourite-false": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {favourite: false}}}]}",
        [("p: reward[0].percent.of.favourite", "WRONG_TYPE")],
    ),
    "set-personal-word": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {personal: mine}}}]}",
        [("p: reward[0].percent.of.personal", "WRONG_TYPE")],
    ),
    "set-all-favourites-excepted": (
        "{promotion: p, stage: item, reward: [{percent: {rate: 3, of: {favourite: true, except: {favourite: true}}}}]}",
        [("p: reward[0].percent.of.except", "CONTRADICTION")],
    ),
    "birthday-far": (
        "{promotion: p, stage: item, when: {birthday: {before: 61, after: -1}}, reward: [{percent: {rate: 3}}]}",
        [("p: when.birthday.before", "OUT_OF_RANGE"), ("p: when.birthday.after", "OUT_OF_RANGE")],
    ),
    "birthday-no-mapping": (
        "{promotion: p, stage: item, when: {birthday: 05-17}, reward: [{percent: {rate: 3}}]}",
        [("p: when.birthday", "WRONG_TYPE")],
    ),
    "personal-false": (
        "{promotion: p, stage: item, when: {personal: false}, reward: [{percent: {rate: 3}}]}",
        [("p: when.personal", "WRONG_TYPE")],
    ),
    "cap-of-personal-goods": (
        "{limit: l, cap: {per: line, percent: 30, of: {except: {personal: true}}}}",
        [("l: cap.of", "CONTRADICTION")],
    ),
    "payment-for-personal-goods": (
        "{limit: l, payment: [{asset: a, of: {personal: true}}]}",
        [("l: payment[0].of", "CONTRADICTION")],
    ),
    "payment-by-grant": (
        "{limit: l, payment: [{asset: a,"
        " when: {any: [{personal: true}, {quantity: {from: 1, of: {personal: true}}}]}}]}",
        [
            ("l: payment[0].when.any[0].personal", "CONTRADICTION"),
            ("l: payment[0].when.any[1].quantity.of", "CONTRADICTION"),
        ],
    ),
    "rounding-on-birthdays": (
        "{rounding: r, to: 1.00, when: {birthday: {}}}",
        [("r: when.birthday", "CONTRADICTION")],
    ),
}
