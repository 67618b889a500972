"""Who may import whom, over .py, .pyx and .pxd alike: `cimport` is invisible to ordinary import linters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {"pos", "ops", "journal"}
ALLOWED = {
    "core": {"core"},
    "infra": {"infra"},
    "register": {"register", *CONTRACTS},
    "server": {"server", "core", "infra", *CONTRACTS},
    "admin_api": {"admin_api", "core", "infra", "migrations", *CONTRACTS},
}
IMPORT = re.compile(r"^\s*(?:from|c?import)\s+altyn\.(\w+)", re.MULTILINE)
SOURCES = [
    path for folder in ALLOWED for kind in ("py", "pyx", "pxd", "pyi") for path in (ROOT / folder).rglob(f"*.{kind}")
]


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_imports_of_a_folder_stay_within_what_it_may_know(folder: str) -> None:
    strangers = {
        f"{path.relative_to(ROOT)} imports altyn.{name}"
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == folder
        for name in IMPORT.findall(path.read_text())
        if name not in ALLOWED[folder]
    }
    assert not strangers


def test_core_reads_no_clock_socket_log_or_random_number() -> None:
    impure = re.compile(
        r"^\s*(?:from|c?import)\s+(time|datetime|random|secrets|socket|logging|asyncio|os|pathlib|structlog)\b",
        re.MULTILINE,
    )
    build_time = {"core/wire/generate.py"}
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if path.is_relative_to(ROOT / "core") and str(path.relative_to(ROOT)) not in build_time
        for name in impure.findall(path.read_text())
    }
    assert not found
