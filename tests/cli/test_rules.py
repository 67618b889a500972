"""The commands `altyn rules schema | lint | diff`, as a person at a terminal sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from altyn.cli.rules import app

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


def test_lint_of_a_good_file_prints_it_with_all_defaults(file: Path) -> None:
    result = run("lint", file)
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


def test_lint_of_its_own_output_prints_the_same(file: Path) -> None:
    printed = run("lint", file).stdout
    assert run("lint", "-", given=printed).stdout == printed


def test_lint_of_a_bad_file_prints_all_problems_and_fails(file: Path) -> None:
    file.write_text(BAD, encoding="utf-8")
    result = run("lint", file)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "bakery: stage: UNKNOWN_WORD: 'itm' is not known here: did you mean \"item\"?",
        'bakery: reward[0].percent.of.categry: UNKNOWN_KEY: unknown key: did you mean "category"?',
    ]


def test_lint_tells_remarks_beside_the_documents(file: Path) -> None:
    file.write_text(GOOD.replace("item", "coupon"), encoding="utf-8")
    result = run("lint", file)
    assert result.exit_code == 0
    assert "bakery: stage: NO_COUPON" in result.stderr
    assert "NO_COUPON" not in result.stdout


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


def test_diff_prints_changed_places(file: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.yaml"
    after.write_text(GOOD.replace("rate: 3", "rate: 4") + "---\nasset: stars\n", encoding="utf-8")
    result = run("diff", file, after)
    assert result.exit_code == 0
    assert result.stdout == (
        "added    asset stars\n"  #
        "changed  promotion bakery\n"
        "         reward[0].percent.rate: 3 -> 4\n"
    )
    assert json.loads(run("diff", file, after, "--json").stdout)["changes"][0]["change"] == "added"


def test_diff_of_equal_files_prints_nothing(file: Path) -> None:
    assert run("diff", file, file).stdout == ""
