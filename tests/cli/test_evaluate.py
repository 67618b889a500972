"""`altyn evaluate`: files in, one outcome out, good errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from altyn.cli.evaluate import app

RULES = """
- {promotion: half, stage: item, when: {schedule: {hours: "10:00-11:00"}}, reward: [{percent: {rate: 50,
    of: {category: dairy}}}]}
- {promotion: off, stage: receipt, when: {receipt_sum: {from: 300.00}}, reward: [{amount: {off: 1.00}}]}
"""
RECEIPT = """
receipt: {lines: [{line_no: 1, sku: milk, qty_milli: 2000, price_minor: 7500}]}
store: {store_id: s1, zone: Europe/Moscow}
catalogue: {milk: {group_id: dairy}}
at: "2027-01-01T10:30"
"""


def run(folder: Path, *options: str, rules: str = RULES, receipt: str = RECEIPT) -> Result:
    (folder / "rules.yaml").write_text(rules)
    (folder / "receipt.yaml").write_text(receipt)
    files = ["--rules", str(folder / "rules.yaml"), "--receipt", str(folder / "receipt.yaml")]
    return CliRunner().invoke(app, [*files, *options])


def test_json_is_one_object_on_the_last_line(tmp_path: Path) -> None:
    result = run(tmp_path, "--json")
    assert result.exit_code == 0
    outcome = json.loads(result.stdout.splitlines()[-1])
    assert outcome["totals"]["to_pay_minor"] == 7500
    assert "explain" not in outcome


@pytest.mark.parametrize(("at", "to_pay"), [("2027-01-01T11:00", 15000), ("2027-01-01T07:30+00:00", 7500)])
def test_at_is_the_wall_clock_of_the_store_unless_it_has_an_offset(tmp_path: Path, at: str, to_pay: int) -> None:
    result = run(tmp_path, "--json", "--at", at)
    assert json.loads(result.stdout)["totals"]["to_pay_minor"] == to_pay


@pytest.mark.parametrize(("lang", "words"), [("en", "add 150.00"), ("ru", "не хватает 150.00")])
def test_table_says_what_to_add_in_the_language(tmp_path: Path, lang: str, words: str) -> None:
    result = run(tmp_path, "--explain", "--lang", lang)
    assert result.exit_code == 0
    assert words in " ".join(result.stdout.replace("│", " ").split())


EXPLAINED = """
- {asset: stars, scale: 0}
- {promotion: half, title: {en: Half price, ru: Полцены}, stage: item, group: {name: g, mode: BEST}, reward: [{percent:
    {rate: 50}}]}
- {promotion: third, stage: item, group: g, priority: 101, reward: [{percent: {rate: 30}}]}
- {promotion: evening, stage: item, priority: 5, when: {schedule: {hours: "20:00-21:00"}}, reward: [{percent:
    {rate: 9}}]}
- {promotion: gold, stage: card, when: {customer: {segment: gold}}, reward: [{percent: {rate: 5}}]}
- {promotion: small, stage: receipt, when: {receipt_sum: {below: 100.00}}, reward: [{amount: {off: 1.00}}]}
- {promotion: six, stage: receipt, when: {quantity: {from: 6}}, reward: [{amount: {off: 1.00}}]}
- {promotion: one, stage: card, group: {name: m, mode: MIN}, reward: [{percent: {rate: 4}}]}
- {promotion: two, stage: card, group: m, priority: 101, reward: [{percent: {rate: 8}}]}
- {promotion: first, group: {name: f, mode: FIRST}, reward: [{points: {asset: stars, percent: 300}}]}
- {promotion: late, group: f, priority: 101, reward: [{points: {asset: stars, percent: 300}}]}
- {promotion: best, group: {name: b, mode: BEST}, reward: [{points: {asset: stars, percent: 300}}]}
- {promotion: less, group: b, priority: 101, reward: [{points: {asset: stars, percent: 100}}]}
- {promotion: alone, stage: price, exclusive: ALL, reward: [{percent: {rate: 10, of: {sku: bread}}}]}
- {promotion: more, stage: card, reward: [{percent: {rate: 10, of: {sku: bread}}}]}
- {limit: bound, cap: {per: line, amount: 7.00, of: {sku: bread}}}
- {promotion: spent, stage: coupon, limits: [{budget: 1}, {per: customer, window: day, times: 1}], reward: [{percent:
    {rate: 1}}], when: {coupon: {code: GO}}}
"""
EXPLAINED_RECEIPT = """
receipt: {lines: [{line_no: 1, sku: milk, qty_milli: 2000, price_minor: 7500}, {line_no: 2, sku: bread, qty_milli: 1000,
    price_minor: 10000}], coupons: [{code: go}]}
store: {store_id: s1, zone: Europe/Moscow}
at: "2027-01-01T10:30"
"""
# Worked by hand: bread 100.00 − 10.00 alone, cut to 7.00; milk 150.00 − 50 % = 75.00, − 4 % = 3.00, to pay 72.00.
# Together 165.00 to pay: 495 stars at 300 %, 165 at 100 %.
TOLD = {
    "half": ("applied −75.00", "применена −75.00"),
    "third": ("half gives 30.00 more", "half выгоднее на 30.00"),
    "evening": ("outside the schedule", "не подходит расписание"),
    "gold": ("does not hold: customer.segment", "не выполнено: customer.segment"),
    "small": ("sum 250.00, only below 100.00", "сумма 250.00, нужно меньше 100.00"),
    "six": ("quantity 3, from 6 on: add 3", "количество 3, нужно от 6: не хватает 3"),
    "two": ("one gives 3.00 less", "one даёт на 3.00 меньше"),
    "late": ("first goes before it", "first стоит раньше"),
    "less": ("best gives 330 more", "best выгоднее на 330"),
    "alone": ("3.00 of it cut by bound", "из них 3.00 срезано: bound"),
    "more": ("alone leaves nothing to others", "alone не оставляет другим ничего"),
    "spent": ("the limit leaves nothing", "лимит исчерпан, или не за кем считать"),
}


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_explanation_says_why_each_promotion_gave_what_it_gave(
    tmp_path: Path, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = run(tmp_path, "--explain", "--lang", lang, rules=EXPLAINED, receipt=EXPLAINED_RECEIPT)
    assert result.exit_code == 0
    rows = [" ".join(line.replace("│", " ").split()) for line in result.stdout.splitlines()]
    for promotion, texts in TOLD.items():
        assert any(row.startswith(promotion) and texts[lang == "ru"] in row for row in rows), promotion
    assert ("Полцены" if lang == "ru" else "Half price") in rows


@pytest.mark.parametrize(
    ("rules", "receipt", "path"),
    [
        (RULES.replace("category", "categry"), RECEIPT, "half: reward[0].percent.of.categry"),
        (RULES, RECEIPT.replace("7500", "-1"), "lines[0].price_minor"),
        (RULES, RECEIPT.replace("7500", "75.00"), "lines[0].price_minor"),
        (RULES, RECEIPT.replace("2000", "10000001"), "lines[0].qty_milli"),
        (RULES, RECEIPT.replace("7500}", "7500, gross_minor: 14998}"), "lines[0].gross_minor"),
        (RULES, RECEIPT.replace("Europe/Moscow", "Europe/Nowhere"), "store.zone"),
        (RULES, RECEIPT.replace("group_id", "category"), "catalogue.milk.category"),
        (RULES, RECEIPT.replace("10:30", "ten"), "at"),
        (RULES, "[]", "receipt"),
    ],
)
def test_what_cannot_be_calculated_is_refused_with_its_path(
    tmp_path: Path, rules: str, receipt: str, path: str
) -> None:
    result = run(tmp_path, "--json", rules=rules, receipt=receipt)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"][0]["path"] == path


def test_missing_file_is_a_wrong_call(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--rules", str(tmp_path / "no"), "--receipt", str(tmp_path / "no")])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "printed quantity price sum"), ("ru", "в чеке количество цена сумма")]
)
def test_fiscal_plan_is_a_table_of_its_own(tmp_path: Path, lang: str, words: str) -> None:
    # 2.345 kg at 5.00 less 1.73: 10.00, which no price makes.
    receipt = """
lines: [{line_no: 1, sku: milk, qty_milli: 2345, unit: KG, price_minor: 500, external_discounts: [{amount_minor: 173}]}]
"""
    result = run(tmp_path, "--fiscal-plan", "--lang", lang, receipt=receipt)
    assert result.exit_code == 0
    shown = " ".join(result.stdout.replace("│", " ").replace("┃", " ").split())
    assert words in shown
    assert "1.1 2.304 4.26 9.82" in shown and "1.2 0.041 4.27 0.18" in shown
    assert words not in " ".join(run(tmp_path, "--lang", lang, receipt=receipt).stdout.replace("┃", " ").split())


def test_rounding_has_a_name_in_the_table(tmp_path: Path) -> None:
    receipt = """
lines: [{line_no: 1, sku: milk, qty_milli: 2345, unit: KG, price_minor: 500, no_split: true,
  external_discounts: [{amount_minor: 173}]}]
"""
    shown = run(tmp_path, "--explain", receipt=receipt).stdout
    assert "rounding −0.01" in shown


HISTORIC = """
- {promotion: a-three, stage: card, when: {purchases: {window: {days: 30}, from: 3}}, reward: [{percent: {rate: 5}}]}
- {promotion: b-spent, stage: card, when: {turnover: {window: month, from: 100.00}}, reward: [{amount: {off: 1.00}}]}
- {promotion: c-fifth, stage: card, when: {purchase_number: {every: 5}}, reward: [{percent: {rate: 5}}]}
- {promotion: d-over, stage: card, when: {validity: {days: 3, after: {first_use: b-spent}}},
    reward: [{percent: {rate: 5}}]}
"""
# Dates as a person writes them: without quotes.
CUSTOMER = """
customer_id: 7
history:
  - date: 2027-01-01
    store: {store_id: s1}
    lines: [{sku: milk, qty_milli: 1000, paid_minor: 6000}]
    gave: [b-spent]
  - {date: 2027-01-07, lines: [{sku: milk, qty_milli: 1000, paid_minor: 4050}]}
"""


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        (
            "en",
            [
                "earlier purchases 2, from 3 on: add 1",
                "purchase number 3, from 5 on: add 2",
                "days since the start 9, only below 3",
            ],
        ),
        (
            "ru",
            [
                "прежних покупок 2, нужно от 3: не хватает 1",
                "номер покупки 3, нужно от 5: не хватает 2",
                "дней с начала 9, нужно меньше 3",
            ],
        ),
    ],
)
def test_history_of_the_customer_is_read_and_told(
    tmp_path: Path, lang: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "customer.yaml").write_text(CUSTOMER)
    options = ["--explain", "--lang", lang, "--customer", str(tmp_path / "customer.yaml"), "--at", "2027-01-10T12:00"]
    result = run(tmp_path, *options, rules=HISTORIC)
    assert result.exit_code == 0
    shown = " ".join(result.stdout.replace("│", " ").split())
    assert all(line in shown for line in told), shown
    # 100.50 of 100.00 was spent in January
    assert "b-spent −1.00" in shown


def test_history_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "customer.yaml").write_text("history: [{date: 2027-01-01, lines: [{sku: milk, paid_minor: 1}]}]")
    result = run(tmp_path, "--customer", str(tmp_path / "customer.yaml"))
    assert result.exit_code == 1
    assert "history[0].lines[0].qty_milli: FIELD_REQUIRED" in result.stderr
