"""The page of lint codes is what the table of codes says."""

from __future__ import annotations

from pathlib import Path

from altyn.cli.rules.page import page
from altyn.core.rules.lint import KINDS

ROOT = Path(__file__).resolve().parents[2]


def test_page_of_codes_is_current() -> None:
    assert (ROOT / "docs/rules-lint.md").read_text(encoding="utf-8") == page(), "run make docs"


def test_page_names_every_code_once() -> None:
    rows = [line.split("`")[1] for line in page().splitlines() if line.startswith("| `") and "--" not in line[:5]]
    assert sorted(row for row in rows if row.isupper()) == sorted(KINDS)
