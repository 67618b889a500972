"""The commands `altyn rules schema | lint | diff`, as a person at a terminal sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from altyn.cli.rules.command import app

GOOD = """\
promotion: bakery
title: {en: Bakery, ru: Выпечка}
stage: item
reward:
- percent: {rate: 3, of: {category: bakery}}
"""
BAD = GOOD.replace("category", "categry").replace("item", "itm")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def run(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)


def test_schema_prints_json_schema() -> None:
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["$schema"].endswith("2020-12/schema")


def test_lint_of_a_good_file_has_nothing_to_say(file: Path) -> None:
    result = run("lint", file)
    assert (result.exit_code, result.stdout) == (0, "no remarks\n")


def test_documents_are_printed_with_all_defaults(file: Path) -> None:
    result = run("lint", file, "--defaults")
    assert result.exit_code == 0
    assert result.stdout == (
        "promotion: bakery\n"
        "title: {en: Bakery, ru: Выпечка}\n"
        "stage: item\n"
        "priority: 100\n"
        "reward:\n"
        "- percent:\n"
        "    rate: 3\n"
        "    of:\n"
        "      category: [bakery]\n"
        "allow_free: false\n"
        "cost_floor: false\n"
        "skip_discounted: false\n"
    )


def test_documents_with_defaults_are_printed_the_same(file: Path) -> None:
    printed = run("lint", file, "--defaults").stdout
    assert run("lint", "-", "--defaults", given=printed).stdout == printed


def test_lint_of_a_bad_file_prints_all_problems_and_fails(file: Path) -> None:
    file.write_text(BAD, encoding="utf-8")
    result = run("lint", file)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "bakery: stage: UNKNOWN_WORD: 'itm' is not known here: did you mean \"item\"?",
        'bakery: reward[0].percent.of.categry: UNKNOWN_KEY: unknown key: did you mean "category"?',
    ]


@pytest.mark.parametrize(
    ("lang", "said", "mend"),
    [
        ("en", "stage coupon, and no condition asks for a coupon", "mend: add a condition `coupon`"),
        ("ru", "ступень coupon, но ни одно условие не спрашивает купон", "как исправить: добавьте условие `coupon`"),
    ],
)
def test_lint_tells_what_is_remarkable_and_how_to_mend_it(file: Path, lang: str, said: str, mend: str) -> None:
    file.write_text(GOOD.replace("item", "coupon"), encoding="utf-8")
    result = run("lint", file, "--lang", lang)
    assert result.exit_code == 0
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0].endswith("NO_COUPON bakery: stage")
    assert lines[1] == said
    assert lines[2].startswith(mend)


def test_ruinous_documents_fail_the_lint_and_warnings_do_so_when_asked(file: Path) -> None:
    file.write_text(GOOD.replace("item", "coupon"), encoding="utf-8")
    assert run("lint", file, "--strict").exit_code == 1
    assert run("lint", file, "--strict", "--least", "error").exit_code == 0
    file.write_text(GOOD.replace("rate: 3", "rate: 100"), encoding="utf-8")
    assert run("lint", file).exit_code == 1


def test_lint_refuses_documents_that_do_not_compile_together(file: Path) -> None:
    other = GOOD.replace("bakery\n", "other\ngroup: {name: g, mode: ADD}\n", 1)
    text = GOOD.replace("bakery\n", "bakery\ngroup: {name: g, mode: BEST}\n", 1)
    file.write_text(f"{text}---\n{other}", encoding="utf-8")
    result = run("lint", file, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"][0]["code"] == "GROUP_DISAGREES"


def test_lint_judges_prices_by_a_catalogue(file: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text("bun: {group_id: bakery, price_minor: 1000, cost_minor: 980}")
    result = run("lint", file, "--catalogue", catalogue, "--json")
    (remark,) = json.loads(result.stdout)["remarks"]
    assert (result.exit_code, remark["code"], remark["severity"]) == (1, "STACK_BELOW_COST", "error")
    assert (remark["details"]["price"], remark["details"]["floor"]) == ("9.70", "9.80")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("bun: {group: bakery}", "catalogue.bun.group"),
        ("bun: {price_minor: 10.5}", "catalogue.bun.price_minor"),
        ("bun: 5", "catalogue.bun"),
        ("[bun]", "catalogue"),
        ("{catalogue: {}, coupon_series: x}", "catalogue"),
    ],
)
def test_catalogue_that_cannot_be_read_is_refused_with_its_path(
    file: Path, tmp_path: Path, text: str, path: str
) -> None:
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text(text)
    result = run("lint", file, "--catalogue", catalogue, "--json")
    assert (result.exit_code, json.loads(result.stdout)["problems"][0]["path"]) == (1, path)


@pytest.mark.parametrize("option", [("--lang", "de"), ("--at", "soon"), ("--deep", "0")])
def test_option_that_makes_no_sense_is_a_wrong_call(file: Path, option: tuple[str, str]) -> None:
    assert run("lint", file, *option).exit_code == 2


@pytest.mark.parametrize(("text", "code"), [(GOOD, 0), (BAD, 1)])
def test_lint_in_json_is_one_object(file: Path, text: str, code: int) -> None:
    file.write_text(text, encoding="utf-8")
    result = run("lint", file, "--json")
    answer = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == code
    assert (len(answer["problems"]), len(answer["documents"])) == ((0, 1) if code == 0 else (2, 0))


def test_lint_of_a_file_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    result = run("lint", tmp_path / "absent.yaml")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_lint_of_bytes_that_are_not_text_fails(file: Path) -> None:
    file.write_bytes(b"promotion: \xff")
    assert run("lint", file).exit_code == 1


RECEIPTS = """\
receipt: {receipt_id: r1, lines: [{line_no: 1, sku: bun, group_id: bakery, qty_milli: 3000, price_minor: 10000}]}
---
receipt: {receipt_id: r2, lines: [{line_no: 1, sku: ham, qty_milli: 1000, price_minor: 10000}]}
"""


@pytest.fixture
def after(tmp_path: Path) -> Path:
    path = tmp_path / "after.yaml"
    path.write_text(
        GOOD.replace("rate: 3", "rate: 4") + "messages: {slip: {en: 'saved {{discount}}'}}\n---\nasset: stars\n",
        encoding="utf-8",
    )
    return path


def test_diff_prints_changed_places_and_prices(file: Path, after: Path) -> None:
    result = run("diff", file, after)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == [
        "added     asset stars",
        "changed   promotion bakery",
        "          reward[0].percent.rate: 3 -> 4",
    ]
    cells = " ".join(result.stdout.replace("│", " ").split())
    assert "category bakery 100.00 97.00 96.00 −1.00" in cells
    assert "give --catalogue" in cells


def test_diff_is_told_in_russian(file: Path, after: Path) -> None:
    assert run("diff", file, after, "--lang", "ru").stdout.startswith(
        "добавлено валюта stars\nизменено  акция bakery\n"
    )


def test_diff_of_prices_is_of_the_catalogue(file: Path, after: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps({"bun": {"group_id": "bakery", "price_minor": 1000}, "ham": {"price_minor": 500}}))
    answer = json.loads(run("diff", file, after, "--catalogue", catalogue, "--json").stdout)
    (price,) = answer["prices"]
    assert (price["sku"], price["before_minor"], price["after_minor"]) == ("bun", 970, 960)


def test_diff_tells_receipts_that_change(file: Path, after: Path, tmp_path: Path) -> None:
    receipts = tmp_path / "receipts.yaml"
    receipts.write_text(RECEIPTS)
    answer = json.loads(run("diff", file, after, "--receipts", receipts, "--json").stdout)
    (one,) = answer["receipts"]
    assert (one["receipt"], one["before_minor"], one["after_minor"]) == ("r1", 29100, 28800)
    assert one["promotions"] == [["bakery", 900, 1200]]
    assert (one["unsaid"], one["said"]) == ([], ["slip: saved 12.00"])
    table = " ".join(run("diff", file, after, "--receipts", receipts).stdout.split())
    assert "r1" in table
    assert "r2" not in table


def test_diff_buys_what_conditions_ask_for_where_they_hold(tmp_path: Path) -> None:
    """In the region, on the day, with the card and the code; three pieces, which the threshold needs."""
    text = """\
promotion: p
stage: item
when:
  schedule: {weekdays: [sat], from: 2027-01-01}
  store: {region: msk}
  customer: {segment: gold}
  coupon: {series: spring}
  quantity: {from: 3, of: {sku: milk}}
reward: [{percent: {rate: 10, of: {sku: milk}}}]
"""
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    files[0].write_text(text)
    files[1].write_text(text.replace("rate: 10", "rate: 20"))
    (price,) = json.loads(run("diff", *files, "--json", "--at", "2027-01-01").stdout)["prices"]
    assert (price["units"], price["before_minor"], price["after_minor"]) == (3, 27000, 24000)
    assert price["situation"] == ["region msk", "segment gold", "coupon of spring", "at 2027-01-02 00:00"]


def test_diff_without_effect_says_so(file: Path, tmp_path: Path) -> None:
    titled = tmp_path / "titled.yaml"
    titled.write_text(GOOD.replace("en: Bakery", "en: Bread"), encoding="utf-8")
    assert run("diff", file, titled).stdout.endswith("no price and no receipt that was tried changes\n")


def test_diff_of_equal_files_says_so(file: Path) -> None:
    assert run("diff", file, file).stdout == "the documents mean the same\n"
