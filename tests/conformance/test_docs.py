"""The page names every check, rule and command there is."""

from __future__ import annotations

import re
from pathlib import Path

from altyn.cli.conformance import bench, checks, reference
from altyn.cli.conformance.judge import RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs/register/conformance.md").read_text("utf-8")


def test_page_has_a_row_for_each_check_and_names_each_rule() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.split("## Checks")[1], re.MULTILINE)
    assert rows == list(checks.CHECKS)
    assert all(f"`{name}`" in PAGE for name in RULES)


def test_page_has_a_row_for_each_command_and_the_reference_knows_them() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.split("## The adapter")[1].split("## Checks")[0], re.MULTILINE)
    given = {"power_on", "power_off", "start", "add", "calculate", "send_code", "settle", "drain", *bench.EFFECT_OF}
    assert set(rows) - {"do"} == given
    known = {"return" if name == "return_" else name for name in vars(reference.Till)}
    assert given <= known


def test_figures_of_the_page_are_those_of_the_kit() -> None:
    assert f"within {bench.CASHIER_PATIENCE_S:.0f} s" in PAGE
    assert f"at most {bench.ATTEMPTS_MAX} attempts each" in PAGE
    assert f"RetryInfo {checks.WAIT_S} s" in PAGE
