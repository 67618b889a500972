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
