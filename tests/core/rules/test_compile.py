"""Compilation of all promotions together: order, agreement, the image."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

import pytest

from altyn.core.rules.compile import CompileError, compile_accumulations, compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.promotion import Asset
from altyn.core.rules.ruleset import Ruleset

MIXED = """
- {promotion: last, reward: [{points: {asset: bonus, percent: 1}}]}
- {promotion: b, stage: item, priority: 5, reward: [{percent: {rate: 1}}, {percent: {rate: 2}}]}
- {promotion: a10, stage: item, priority: 5, reward: [{percent: {rate: 1}}]}
- {promotion: A.late, stage: item, group: {name: zz, priority: 1}, priority: 900, reward: [{percent: {rate: 1}}]}
- {promotion: m, stage: item, group: zz, priority: 3, reward: [{percent: {rate: 1}}]}
- {promotion: price, stage: price, priority: 900, reward: [{percent: {rate: 1}}]}
""".replace("A.late", "0.late")


def image_of(text: str, version: int = 1) -> bytes:
    rules = read_documents(load_documents(text))
    return compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=version)


def test_rules_are_numbered_in_order_of_evaluation() -> None:
    ruleset = Ruleset(image_of(MIXED))
    order = [(ruleset.promotion_id(number), ruleset.reward_no(number)) for number in range(ruleset.rules_count)]
    assert order == [("price", 0), ("m", 0), ("0.late", 0), ("a10", 0), ("b", 0), ("b", 1), ("last", 0)]
    assert [ruleset.stage(number) for number in range(ruleset.rules_count)] == [1, 2, 2, 2, 2, 2, 11]


def test_image_does_not_depend_on_the_order_of_documents_in_what_it_means() -> None:
    rules = read_documents(load_documents(MIXED))
    shuffled = list(rules.promotions)
    Random(4).shuffle(shuffled)
    ruleset, other = Ruleset(image_of(MIXED)), Ruleset(compile_ruleset(shuffled, version=1))
    assert [ruleset.promotion_id(n) for n in range(7)] == [other.promotion_id(n) for n in range(7)]
    assert image_of(MIXED) == image_of(MIXED)


@pytest.mark.parametrize(
    ("documents", "path", "code"),
    [
        (
            """
            promotion: a
            stage: item
            when: {any: [{store: {id: s}}, {validity: {days: 5, after: {first_use: b}}}]}
            reward: [{percent: {rate: 1}}]
            """,
            "a:when.any[1].validity.after.first_use",
            "UNKNOWN_PROMOTION",
        ),
        (
            """
            - {promotion: a, stage: item, group: g, reward: [{percent: {rate: 1}}]}
            - {promotion: b, stage: card, group: g, reward: [{percent: {rate: 1}}]}
            """,
            "b:stage",
            "GROUP_DISAGREES",
        ),
        (
            """
            - {promotion: a, stage: item, group: {name: g, mode: BEST}, reward: [{percent: {rate: 1}}]}
            - {promotion: b, stage: item, group: {name: g, mode: CASCADE}, reward: [{percent: {rate: 1}}]}
            """,
            "b:group.mode",
            "GROUP_DISAGREES",
        ),
        (
            """
            - {promotion: a, stage: item, group: {name: g, priority: 1}, reward: [{percent: {rate: 1}}]}
            - {promotion: b, stage: item, group: {name: g, priority: 2}, reward: [{percent: {rate: 1}}]}
            """,
            "b:group.priority",
            "GROUP_DISAGREES",
        ),
        (
            """
            - {promotion: g, stage: item, reward: [{percent: {rate: 1}}]}
            - {promotion: b, stage: item, group: g, reward: [{percent: {rate: 1}}]}
            """,
            "g:promotion",
            "GROUP_NAME_TAKEN",
        ),
        (
            """
            - {promotion: a, group: g, reward: [{points: {asset: x, fixed: 1}}]}
            - {promotion: b, group: {name: g, mode: MIN}, reward: [{points: {asset: x, fixed: 1}}]}
            """,
            "b:group.mode",
            "GROUP_MODE_NOT_ALLOWED",
        ),
        (
            "{promotion: a, group: {name: g, mode: FIRST}, reward: [{message: {to: slip, text: {en: x}}}]}",
            "a:group.mode",
            "GROUP_MODE_NOT_ALLOWED",
        ),
        (
            "{promotion: a, reward: [{multiplier: {times: 2, promotion: b}}]}",
            "a:reward[0].multiplier.promotion",
            "UNKNOWN_PROMOTION",
        ),
        (
            """
            - {promotion: a, reward: [{message: {to: slip, text: {en: x}}}, {multiplier: {times: 2, promotion: b}}]}
            - {promotion: b, stage: item, reward: [{amount: {off: 1}}]}
            """,
            "a:reward[1].multiplier.promotion",
            "NOTHING_TO_MULTIPLY",
        ),
        (
            """
            - {promotion: a, reward: [{multiplier: {times: 2, promotion: b}}]}
            - {promotion: b, reward: [{multiplier: {times: 2, promotion: a}}]}
            """,
            "a:reward[0].multiplier.promotion",
            "NOTHING_TO_MULTIPLY",
        ),
        (
            """
            - {promotion: a, reward: [{multiplier: {times: 2, promotion: b, of: {sku: s}}}]}
            - {promotion: b, reward: [{points: {asset: x, fixed: 1}}]}
            """,
            "a:reward[0].multiplier.of",
            "SET_NOT_ALLOWED",
        ),
        (
            "[{promotion: b, multiplier: [{times: 2}], reward: [{points: {asset: x, fixed: 1}}]},"
            " {promotion: a, reward: [" + ", ".join(["{multiplier: {times: 2, promotion: b}}"] * 16) + "]}]",
            "a:reward[15].multiplier",
            "TOO_MANY_MULTIPLIERS",
        ),
        (
            """
            - promotion: a
              when: {receipt_sum: {from: 1, base: NET}}
              reward: [{multiplier: {times: 2, promotion: b}}]
            - {promotion: b, stage: item, reward: [{percent: {rate: 1}}]}
            """,
            "a:when.receipt_sum",
            "BASE_NOT_AVAILABLE",
        ),
        (
            "\n---\n".join(f"{{limit: b{n}, payment: [{'{asset: x}, ' * 8}]}}" for n in range(33)),
            "",
            "TOO_MANY_LIMITS",
        ),
    ],
)
def test_documents_that_contradict_one_another_are_refused_at_their_path(documents: str, path: str, code: str) -> None:
    with pytest.raises(CompileError) as refused:
        image_of(documents)
    assert (refused.value.path, refused.value.code) == (path, code)
    again = pickle.loads(pickle.dumps(refused.value))
    assert (again.path, again.code, again.message) == (path, code, refused.value.message)


def test_assets_that_no_document_declares_have_the_defaults() -> None:
    assert Ruleset(image_of(MIXED)).assets == [("bonus", 2, 1)]
    declared = compile_ruleset((), (Asset("stars", {}, 0, 5),), version=1)
    assert Ruleset(declared).assets == [("stars", 0, 5)]


def test_what_is_measured_alike_is_one_accumulation() -> None:
    """Whatever the order of a list, the promotion, the edges and the kind of condition."""
    documents = """
    - promotion: a
      stage: item
      when: {all: [{purchases: {window: week, of: {sku: [x, y]}, at: {id: [s, t]}, from: 1}},
                   {purchases: {window: week, of: {sku: [y, x]}, at: {id: [t, s]}, below: 9}},
                   {purchase_number: {window: week, of: {sku: [x, y]}, at: {id: [s, t]}, every: 2}},
                   {validity: {days: 3, after: {first_use: this}}}]}
      reward: [{percent: {rate: 1}}]
    - promotion: b
      stage: item
      when: {all: [{purchases: {window: week, of: {sku: [x, y]}, from: 1}},
                   {purchases: {window: month, of: {sku: [x, y]}, at: {id: [s, t]}, from: 1}},
                   {purchases: {window: week, of: {sku: [x, y]}, at: {id: [s, t]}, count_by: UNITS, from: 1}},
                   {validity: {days: 30, after: {first_use: a}}},
                   {validity: {days: 3, after: {first_use: this}}}]}
      reward: [{percent: {rate: 1}}]
      multiplier: [{times: 2, when: {turnover: {window: week, from: 1}}}]
    """
    names = Ruleset(image_of(documents)).read_set["accumulations"]
    assert names == [
        '{"at":{"id":{"any_of":["s","t"]}},"measure":"RECEIPTS","of":{"sku":["x","y"]},"window":"week"}',
        '{"measure":"FIRST_USE","promotion":"a"}',
        '{"measure":"RECEIPTS","of":{"sku":["x","y"]},"window":"week"}',
        '{"at":{"id":{"any_of":["s","t"]}},"measure":"RECEIPTS","of":{"sku":["x","y"]},"window":"month"}',
        '{"at":{"id":{"any_of":["s","t"]}},"measure":"UNITS","of":{"sku":["x","y"]},"window":"week"}',
        '{"measure":"FIRST_USE","promotion":"b"}',
        '{"measure":"SUM","of":{},"window":"week"}',
    ]


def test_no_more_is_asked_of_a_customer_than_can_be_kept() -> None:
    asked = "{{turnover: {{window: week, of: {{sku: s{0}}}, from: 1}}}}"
    given = "{{promotion: p{0}, stage: item, when: {1}, reward: [{{percent: {{rate: 1}}}}]}}"
    documents = "[" + ", ".join(given.format(number, asked.format(number)) for number in range(1_025)) + "]"
    with pytest.raises(CompileError) as refused:
        image_of(documents)
    assert refused.value.code == "TOO_MANY_ACCUMULATIONS"


def test_read_set_names_the_facts_that_conditions_read() -> None:
    documents = """
    - promotion: a
      stage: item
      when: {all: [{customer: {segment: [x, y]}}, {store: {region: msk}}, {receipt_sum: {from: 1, base: RUNNING}},
                   {balance: {asset: stars, from: 1}}, {turnover: {window: month, of: {sku: [y, x]}, from: 1}}]}
      reward: [{percent: {rate: 1}}]
    - {promotion: b, reward: [{points: {asset: bonus, percent: 1}}]}
    """
    assert Ruleset(image_of(documents)).read_set == {
        "accumulations": ['{"measure":"SUM","of":{"sku":["x","y"]},"window":"month"}'],
        "assets": ["bonus", "stars"],
        "attributes": [],
        "balance": ["stars"],
        "bases": ["RUNNING"],
        "customer": ["has_card", "segment"],
        "grants": [],
        "limits": [],
        "payment": [],
        "segments": ["x", "y"],
        "series": [],
        "store": ["region"],
    }


def test_read_set_names_what_is_the_customers_own() -> None:
    documents = """
promotion: mine
stage: item
when: {birthday: {after: 3}}
reward: [{percent: {rate: 5, of: {personal: true, favourite: true, attribute: {size: [s, m], colour: red}}}}]
"""
    found = Ruleset(image_of(documents)).read_set
    assert (found["customer"], found["grants"]) == (["birthday", "favourites"], ["mine"])
    assert found["attributes"] == ["colour", "size"]


def test_compilation_in_another_process_gives_the_same_bytes() -> None:
    rules = read_documents(load_documents(MIXED))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        image = pool.submit(compile_ruleset, rules.promotions, rules.assets, version=1).result(60)
    assert image == image_of(MIXED)


WHOLE = """
- {asset: bonus, scale: 0}
- {limit: second, priority: 2, cap: {per: line, amount: 5.00, of: {sku: x}}}
- {limit: first, priority: 1, cap: {per: receipt, percent: 40, include_points: true}}
- {limit: pay, payment: [{asset: bonus, rate: 0.3, deny_input: [phone, qr]}, {asset: other, max: 7}]}
- promotion: tiers
  stage: receipt
  exclusive: {over: ALL, scope: RECEIPT}
  skip_discounted: true
  limits: [{per: customer, window: week, amount: 10.00}, {budget: 500.00, on_short: SKIP}, {per: receipt, amount: 3.00}]
  reward: [{percent: {tiers: [{from: 10, rate: 5}, {from: 20, rate: 10}], over: {sku: y}}}]
- promotion: sets
  stage: set
  title: {ru: "Комплект", en: Set}
  reward:
  - {multi_buy: {take: 3, pay: 2, count_by: LINES}}
  - {bundle: {parts: [{of: {sku: a}}, {quantity: 2, of: {sku: b}, target: true}], price: 9.99, allocate_to: TARGETS}}
  - {buy_get: {buy: {quantity: 2, of: {sku: a}}, get: {quantity: ALL, of: {sku: b}}, percent: 50}}
  - {ladder: {rungs: [0, 10, 20], after_last: REPEAT}}
  - {issue_coupon: {series: next, expires: {days: 7}, text: {en: "{{ coupon }}"}}}
  messages: {slip: {en: "-{{discount}}"}}
- {promotion: price, stage: price, when: {coupon: {series: vip}}, reward: [{fixed_price: {price: 5.00, of: {sku: a}}}]}
- promotion: hello
  reward: [{message: {to: cashier, text: {en: Hi}, priority: 3, barcode: "123"}}, {gift: {sku: [m, n]}}]
- {promotion: a-double, when: {coupon: {code: D}}, reward: [{multiplier: {times: 2, promotion: tiers, of: {sku: x}}}]}
"""


def test_image_of_the_whole_vocabulary_opens_and_keeps_its_order() -> None:
    ruleset = Ruleset(image_of(WHOLE))
    order = [(ruleset.promotion_id(number), ruleset.reward_no(number)) for number in range(ruleset.rules_count)]
    assert order == [
        ("price", 0),
        *(("sets", n) for n in range(5)),
        ("tiers", 0),
        ("hello", 0),
        ("hello", 1),
        ("a-double", 0),
    ]
    assert [name for name, _, _ in ruleset.assets] == ["bonus", "other"]
    assert ruleset.read_set["payment"] == ["bonus", "other"]
    assert ruleset.read_set["limits"] == ["tiers"]
    assert ruleset.read_set["series"] == ["vip"]
    assert image_of(WHOLE) == image_of(WHOLE)


def test_accumulation_is_measured_from_its_name_alone_as_in_its_release() -> None:
    documents = """
promotion: p
stage: card
when:
  all:
    - turnover:
        {window: {days: 30}, of: {category: [b, a], except: [{sku: x}, {brand: [z, y]}]}, at: {region: [m, s]}, from: 1}
    - purchases: {window: week, of: {attribute: {size: xl}}, count_by: WEIGHT, from: 1.5}
    - purchase_number: {every: 3, at: same_store}
    - validity: {days: 5, after: {first_use: this}}
    - validity: {days: 5, after: {turnover: {sum: 10.00, at: {format: {none_of: [kiosk]}}}}}
reward: [{percent: {rate: 1}}]
"""
    names = Ruleset(image_of(documents)).read_set["accumulations"]
    assert len(names) == 5
    assert Ruleset(compile_accumulations(names)).read_set["accumulations"] == names
    for wrong in ('{"measure":"SUM"}', "[]", "x", names[0].replace('"a","b"', '"b","a"')):
        with pytest.raises(ValueError, match=r"."):
            compile_accumulations([wrong])
