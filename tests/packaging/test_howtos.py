"""What the how-tos name is there: files, folders, and the names they say stand in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOWTOS = sorted((ROOT / "docs/howto").glob("*.md"))
PLACE = re.compile(r"`((?:admin_api|cli|core|docs|proto|server|tests)(?:/[\w./-]*)?)`")
# «`NAME` of `file`», «`NAME` in `file`»; several names may stand before one file.
NAMED = re.compile(r"((?:`\w+`(?:, | or | and )?)+) (?:of|in)\s+`([\w/]+\.\w+)`")


@pytest.mark.parametrize("page", HOWTOS, ids=lambda page: page.stem)
def test_files_a_howto_names_are_there(page: Path) -> None:
    named = PLACE.findall(page.read_text(encoding="utf-8"))
    assert len(named) >= 10
    assert [place for place in named if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", HOWTOS, ids=lambda page: page.stem)
def test_names_stand_in_the_files_a_howto_says(page: Path) -> None:
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert len(named) >= 8
    absent = [
        (name, place)
        for names, place in named
        for name in re.findall(r"`(\w+)`", names)
        if not re.search(rf"\b{name}\b", (ROOT / place).read_text(encoding="utf-8"))
    ]
    assert absent == []
