"""The command over this version's own migrations."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from altyn.cli.main import app


def run(capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        app(["migrate", "--json"])
    output = capsys.readouterr()
    assert ended.value.code == 0, output.err
    applied: list[str] = orjson.loads(output.out.splitlines()[-1])["applied"]
    return applied


def test_migrate_twice_applies_every_file_once(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", database_dsn)
    here = sorted(file.name for file in (Path(__file__).parents[2] / "migrations").glob("*.sql"))
    assert run(capsys) == here
    assert run(capsys) == []
