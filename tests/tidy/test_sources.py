"""House rules on source text."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 600
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    if name and (ROOT / name).is_file()
]
CODE = [path for path in TRACKED if path.suffix in {".py", ".pyx", ".pxd", ".pyi"}]
BANNED = re.compile(
    r"\b(?:class|def|cdef struct|cdef class)\s+\w*(?:Manager|Helper|Util|Common|Bonus|manager|helper|bonus_)\w*"
)


def test_there_is_code_to_look_at() -> None:
    assert len(CODE) > 50


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX


def test_names_avoid_words_that_mean_two_things() -> None:
    found = {f"{path.relative_to(ROOT)}: {name}" for path in CODE for name in BANNED.findall(path.read_text())}
    assert not found


def test_amounts_are_divided_only_in_money() -> None:
    """`//` and `%` on amounts outside core/money round differently from it."""
    division = re.compile(r"\b\w*(?:_minor|_points)\b\s*(?://|%)|(?://|%)\s*\w*(?:_minor|_points)\b")
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in CODE
        if path.is_relative_to(ROOT / "core") and not path.name.startswith("money")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if division.search(line.split("#")[0])
    }
    assert not found


def test_core_holds_no_float() -> None:
    number = re.compile(r"\b(?:float|double)\b")
    found = {
        f"{path.relative_to(ROOT)}:{at}"
        for path in CODE
        if path.is_relative_to(ROOT / "core") and path.suffix in {".pyx", ".pxd"} and "generated" not in path.parts
        for at, line in enumerate(path.read_text().splitlines(), 1)
        if number.search(line.split("#")[0]) and '"' not in line
    }
    assert not found


def test_no_textual_includes() -> None:
    assert not [path for path in TRACKED if path.suffix == ".pxi"]
    assert not [path for path in CODE if re.search(r"^include\s", path.read_text(), re.MULTILINE)]


def test_modules_are_cimported_whole() -> None:
    """The build follows `cimport a.b as b` and misses `from a cimport b`: what is stale would stay so."""
    loose = [
        f"{path}: {line}"
        for path in CODE
        if path.suffix in {".pyx", ".pxd"}
        for line in path.read_text().splitlines()
        if re.match(r"from altyn\.core\.wire\.generated cimport", line)
    ]
    assert not loose


def test_compiled_modules_used_by_python_have_stubs() -> None:
    missing = [
        path
        for path in CODE
        if path.suffix == ".pyx" and not path.with_suffix(".pxd").exists() and not path.with_suffix(".pyi").exists()
    ]
    assert not missing
