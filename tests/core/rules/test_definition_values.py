"""What documents mean: every key of the vocabulary, its default and its unit."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from altyn.core.rules.condition import (
    ALL_GOODS,
    AllOf,
    AnyOf,
    Attribute,
    Balance,
    Choice,
    Condition,
    CouponIs,
    CustomerIs,
    Earlier,
    NoneOf,
    PaymentIs,
    ProductSet,
    PurchaseNumber,
    Purchases,
    Quantity,
    ReceiptSum,
    RegisterIs,
    Schedule,
    StoreIs,
    Turnover,
    Validity,
)
from altyn.core.rules.definition import (
    Rules,
    canonical_json,
    default_document,
    default_documents,
    dump_documents,
    load_documents,
    read_documents,
)
from altyn.core.rules.promotion import Amount, Asset, Expiry, Floor, Group, Percent, Points, Promotion, Reward
from altyn.core.rules.words import (
    AmountSpread,
    CountBy,
    GroupMode,
    GroupScope,
    PurchaseCount,
    PurchaseWindow,
    Stage,
    SumBase,
)


def day(year: int, month: int, number: int) -> int:
    return (date(year, month, number) - date(1970, 1, 1)).days


def read(text: str) -> Rules:
    return read_documents(load_documents(text))


def promotion(text: str) -> Promotion:
    rules = read(text)
    assert len(rules.promotions) == 1
    return rules.promotions[0]


def condition(text: str, stage: str = "item") -> Condition | None:
    reward = "{points: {asset: a, percent: 1}}" if stage == "accrual" else "{percent: {rate: 1}}"
    return promotion(f"{{promotion: p, stage: {stage}, when: {text}, reward: [{reward}]}}").when


def reward(text: str) -> Reward:
    stage = "accrual" if "points" in text else "item"
    return promotion(f"{{promotion: p, stage: {stage}, reward: [{text}]}}").rewards[0]


def test_promotion_with_nothing_optional_has_the_defaults() -> None:
    assert promotion("{promotion: p, stage: item, reward: [{percent: {rate: 3}}]}") == Promotion(
        promotion_id="p",
        title={},
        stage=Stage.ITEM,
        group=None,
        priority=100,
        when=None,
        rewards=(Percent("reward[0].percent", 30_000, ALL_GOODS),),
        allow_free=False,
        floor=Floor(),
        cost_floor=False,
    )


def test_promotion_with_everything_keeps_everything() -> None:
    made = promotion(
        """
        promotion: p.1_x-y
        title: {en: Bread, ru: Хлеб}
        stage: card
        group: {name: g, mode: BEST, scope: LINE, priority: 7}
        priority: 1000000
        reward: [{percent: {rate: 0.0001}}, {amount: {off: 0.01}}]
        allow_free: true
        floor: {percent: 50}
        cost_floor: true
        """
    )
    assert made.title == {"en": "Bread", "ru": "Хлеб"}
    assert made.group == Group("g", GroupMode.BEST, GroupScope.LINE, 7)
    assert (made.stage, made.priority, made.allow_free, made.cost_floor) == (Stage.CARD, 1_000_000, True, True)
    assert made.floor == Floor(rate_ppm=500_000)
    assert made.rewards[0] == Percent("reward[0].percent", 1, ALL_GOODS)
    assert made.rewards[1] == Amount("reward[1].amount", 1, AmountSpread.RECEIPT, ALL_GOODS)


def test_promotion_of_points_alone_needs_no_stage() -> None:
    assert promotion("{promotion: p, reward: [{points: {asset: a, percent: 1}}]}").stage is Stage.ACCRUAL


@pytest.mark.parametrize("name", ["price", "item", "set", "receipt", "coupon", "card"])
def test_stage_of_discounts_is_any_of_the_marketers(name: str) -> None:
    assert promotion(f"{{promotion: p, stage: {name}, reward: [{{percent: {{rate: 1}}}}]}}").stage.name == name.upper()


def test_group_given_by_name_leaves_the_rest_to_other_members() -> None:
    assert promotion("{promotion: p, stage: item, group: g, reward: [{percent: {rate: 1}}]}").group == Group("g")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("300.00", 30_000),
        ('"300.00"', 30_000),
        ("300", 30_000),
        ("300.5", 30_050),
        ("0.01", 1),
        ("90071992547409.91", 2**53 - 1),
    ],
)
def test_amount_is_read_exactly(text: str, minor: int) -> None:
    made = reward(f"{{amount: {{off: {text}}}}}")
    assert isinstance(made, Amount)
    assert made.off_minor == minor


@pytest.mark.parametrize(("text", "ppm"), [("3", 30_000), ("0.5", 5_000), ("100", 1_000_000), ("33.3333", 333_333)])
def test_rate_is_read_exactly(text: str, ppm: int) -> None:
    made = reward(f"{{percent: {{rate: {text}}}}}")
    assert isinstance(made, Percent)
    assert made.rate_ppm == ppm


def test_points_with_nothing_optional_have_the_defaults() -> None:
    path = "reward[0].points"
    assert reward("{points: {asset: a, percent: 0.5}}") == Points(
        path, "a", 5_000, None, ALL_GOODS, True, False, 0, Expiry()
    )


def test_points_are_read_in_the_scale_of_their_asset() -> None:
    promotions = [f"{{promotion: {name}, reward: [{{points: {{asset: {name}, fixed: 10}}}}]}}" for name in "abc"]
    rules = read(f"[{{asset: a, scale: 0, step: 5}}, {{asset: b, scale: 4}}, {', '.join(promotions)}]")
    assert rules.assets == (Asset("a", {}, 0, 5), Asset("b", {}, 4, 1))
    fixed = [one.fixed_points for promotion in rules.promotions for one in promotion.rewards if isinstance(one, Points)]
    assert fixed == [10, 100_000, 1_000]


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        ("{days: 180}", Expiry(days=180)),
        ("{date: 2027-12-31}", Expiry(date=day(2027, 12, 31))),
        ("{end_of_month: 0}", Expiry(end_of_month=0)),
        ("{end_of_year: 1}", Expiry(end_of_year=1)),
    ],
)
def test_points_expire_in_one_of_four_ways(text: str, expiry: Expiry) -> None:
    made = reward(f"{{points: {{asset: a, fixed: 1, active_after: {{days: 14}}, expires: {text}}}}}")
    assert isinstance(made, Points)
    assert (made.active_after_days, made.expiry) == (14, expiry)


def test_product_set_takes_a_value_or_a_list_and_drops_repeats() -> None:
    made = reward(
        "{percent: {rate: 1, of: {brand: b, sku: [0123, x, 0123], unit_price: {to: 9.99}, except: {supplier: s}}}}"
    )
    assert isinstance(made, Percent)
    assert made.of == ProductSet(
        {Attribute.SKU: ("0123", "x"), Attribute.BRAND: ("b",)},
        None,
        999,
        (ProductSet({Attribute.SUPPLIER: ("s",)}),),
    )


def test_product_set_that_is_empty_is_all_goods() -> None:
    made = reward("{percent: {rate: 1, of: {}}}")
    assert isinstance(made, Percent)
    assert made.of.is_all


def test_mapping_with_several_keys_is_short_for_all_in_the_order_of_the_vocabulary() -> None:
    assert condition("{coupon: {code: x}, store: {cluster: c, id: s}}") == AllOf(
        "when",
        (
            AllOf(
                "when.store",
                (
                    StoreIs("when.store.id", "id", Choice(("s",))),
                    StoreIs("when.store.cluster", "cluster", Choice(("c",))),
                ),
            ),
            CouponIs("when.coupon", "X"),
        ),
    )


def test_nested_conditions_keep_their_paths() -> None:
    text = (
        "{any: [{coupon: {code: ' comeback '}}, {none: [{customer: {segment: [a, b]}}]}, {all: [{coupon: {code: y}}]}]}"
    )
    assert condition(text) == AnyOf(
        "when.any",
        (
            CouponIs("when.any[0].coupon", "COMEBACK"),
            NoneOf(
                "when.any[1].none",
                (CustomerIs("when.any[1].none[0].customer.segment", "segment", Choice(("a", "b"))),),
            ),
            AllOf("when.any[2].all", (CouponIs("when.any[2].all[0].coupon", "Y"),)),
        ),
    )


def test_customer_keys_are_separate_conditions() -> None:
    assert condition("{customer: {has_card: true, id: {none_of: 12}}}") == AllOf(
        "when.customer",
        (
            CustomerIs("when.customer.has_card", "has_card", None, True),
            CustomerIs("when.customer.id", "id", Choice(None, ("12",))),
        ),
    )
    assert condition("{customer: {has_card: false}}") == CustomerIs("when.customer.has_card", "has_card", None, False)


def test_sum_and_quantity_have_their_units() -> None:
    assert condition("{receipt_sum: {from: 1500, base: NET}}", "accrual") == ReceiptSum(
        "when.receipt_sum", 150_000, None, SumBase.NET, ALL_GOODS
    )
    assert condition("{quantity: {from: 2, below: 5}}") == Quantity(
        "when.quantity", 2_000, 5_000, CountBy.UNITS, ALL_GOODS
    )
    assert condition("{quantity: {below: 1.25, count_by: WEIGHT, of: {category: c}}}") == Quantity(
        "when.quantity", None, 1_250, CountBy.WEIGHT, ProductSet({Attribute.CATEGORY: ("c",)})
    )


def test_balance_payment_and_register_are_read() -> None:
    assert condition("{balance: {asset: bonus, from: 5, below: 7.25}}") == Balance("when.balance", "bonus", 500, 725)
    assert condition("{payment: {type: [other, cash]}}") == PaymentIs("when.payment", (1, 6), None)
    assert condition("{payment: {type: card, from_percent: 50}}") == PaymentIs("when.payment", (2,), 500_000)
    assert condition("{register: {id: 7, channel: {none_of: web}}}") == AllOf(
        "when.register",
        (
            RegisterIs("when.register.id", "id", Choice(("7",))),
            RegisterIs("when.register.channel", "channel", Choice(None, ("web",))),
        ),
    )


def test_conditions_on_earlier_purchases_are_read() -> None:
    coffee = ProductSet({Attribute.CATEGORY: ("coffee",)})
    assert condition(
        "{purchases: {window: {days: 30}, of: {category: coffee}, at: same_store, count: 2}}"
    ) == Purchases(
        "when.purchases",
        Earlier(PurchaseWindow.DAYS, 30, coffee, same_store=True),
        PurchaseCount.RECEIPTS,
        2_000,
        3_000,
    )
    assert condition("{purchases: {window: week, count: 1.5, count_by: WEIGHT}}") == Purchases(
        "when.purchases", Earlier(PurchaseWindow.WEEK), PurchaseCount.WEIGHT, 1_500, 1_501
    )
    hyper = (("region", Choice(None, ("spb",))), ("format", Choice(("hyper",))))
    text = "{turnover: {window: month, at: {format: hyper, region: {none_of: spb}}, below: 5, include_current: true}}"
    assert condition(text) == Turnover("when.turnover", Earlier(PurchaseWindow.MONTH, at=hyper), None, 500, True)
    assert condition("{purchase_number: {is: [5, 1]}}") == PurchaseNumber(
        "when.purchase_number", Earlier(), None, (1, 5)
    )
    assert condition("{validity: {days: 30, after: {first_use: this}}}") == Validity("when.validity", 30, "this")
    assert condition("{validity: {days: 30, after: {turnover: {sum: 10, of: {category: coffee}}}}}") == Validity(
        "when.validity", 30, None, 1_000, Earlier(of=coffee)
    )


def test_short_form_asks_for_earlier_purchases_after_the_balance() -> None:
    both = condition(
        "{register: {id: 7}, validity: {days: 1, after: {first_use: this}}, turnover: {window: week, from: 1},"
        " purchases: {window: week, from: 1}, purchase_number: {is: 1}, balance: {asset: bonus, from: 1}}"
    )
    assert isinstance(both, AllOf)
    order = [Balance, Purchases, Turnover, PurchaseNumber, Validity, RegisterIs]
    assert [type(part) for part in both.conditions] == order


def test_schedule_of_dates_hours_and_days() -> None:
    days = "weekdays: [fri, mon], days_of_month: 1"
    text = f"{{schedule: {{from: 2027-01-01, to: 2027-01-31, hours: [22:00-02:00, 07:00-24:00], {days}}}}}"
    assert condition(text) == Schedule(
        "when.schedule",
        from_date=day(2027, 1, 1),
        to_date=day(2027, 1, 31),
        windows=((420, 1440), (1320, 120)),
        weekdays=(0, 4),
        days_of_month=(1,),
    )


def test_schedule_of_date_times_is_in_wall_microseconds() -> None:
    made = condition("{schedule: {from: 1970-01-02T00:01, to: 1970-01-03T00:00}}")
    assert made == Schedule("when.schedule", from_wall_us=86_460_000_000, to_wall_us=172_800_000_000)


def test_schedule_that_reaches_over_midnight_of_its_last_day_is_no_contradiction() -> None:
    made = condition("{schedule: {from: 2027-01-01T01:00, to: 2026-12-31, hours: 22:00-02:00}}")
    assert isinstance(made, Schedule)


def test_yaml_and_json_are_the_same_thing() -> None:
    yaml = "promotion: p\nstage: item\nreward:\n- amount: {off: 300.00}\ncost_floor: true\n"
    json = '{"promotion": "p", "stage": "item", "reward": [{"amount": {"off": 300.00}}], "cost_floor": true}'
    assert load_documents(yaml) == load_documents(json) == load_documents(f"[{json}]")
    assert canonical_json(load_documents(yaml)) == (
        b'[{"cost_floor":true,"promotion":"p","reward":[{"amount":{"off":"300.00"}}],"stage":"item"}]'
    )


def test_stream_and_list_may_be_mixed_and_empty_documents_are_left_out() -> None:
    assert load_documents("asset: a\n---\n---\n- asset: b\n- asset: c\n") == [{"asset": n} for n in "abc"]
    assert load_documents("") == []


def test_scalars_stay_the_text_that_was_written() -> None:
    text = "[{a: [no, 0123, 1_000, 07:00, 2027-01-01, 1.10, 0x1F, .inf, yes, <<], b: true, c: null, d: 'true'}]"
    assert load_documents(text) == [
        {
            "a": ["no", "0123", "1_000", "07:00", "2027-01-01", "1.10", "0x1F", ".inf", "yes", "<<"],
            "b": True,
            "c": None,
            "d": "true",
        }
    ]


def test_canonical_json_does_not_depend_on_the_order_of_keys_or_the_kind_of_number() -> None:
    left: list[dict[str, Any]] = [{"b": 1, "a": {"d": "ы", "c": [True, None]}}]
    right: list[dict[str, Any]] = [{"a": {"c": [True, None], "d": "ы"}, "b": "1"}]
    assert canonical_json(left) == canonical_json(right) == '[{"a":{"c":[true,null],"d":"ы"},"b":"1"}]'.encode()


def test_default_document_prints_and_reads_back_to_the_same_rules() -> None:
    rules = read(
        """
        - {asset: stars, scale: 0}
        - {promotion: a, reward: [{points: {asset: stars, fixed: 3, expires: {end_of_month: 2}}}]}
        - {promotion: b, stage: set, when: {store: {id: "true"}, schedule: {hours: 22:00-02:00}},
           reward: [{amount: {off: 5, of: {except: {category: null-things}}}}]}
        """
    )
    written = default_documents(rules)
    assert read_documents(load_documents(dump_documents(written))) == rules
    assert default_document(rules.promotions[1])["reward"][0] == {
        "amount": {"off": "5.00", "spread": "receipt", "of": {"except": [{"category": ["null-things"]}]}}
    }
