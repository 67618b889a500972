"""The command finds its commands, and tells expected failures in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from altyn.cli import main
from altyn.cli.main import COMMANDS, app, available


def status_of(*words: str) -> object:
    with pytest.raises(SystemExit) as ended:
        app(list(words))
    return ended.value.code


def test_help_lists_the_commands_this_installation_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("--help") == 0
    shown = capsys.readouterr().out
    assert {"up", "server", "admin", "migrate", "doctor"} <= set(available()) <= set(COMMANDS)
    for name in available():
        assert f"\n  {name} " in shown


@pytest.mark.parametrize("name", available())
def test_command_of_the_list_can_tell_about_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(name, "--help") == 0
    assert f"altyn {name}" in capsys.readouterr().out


def test_call_without_a_command_or_with_an_unknown_one_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of() == 2
    assert status_of("nonsense") == 2
    assert status_of("../main") == 2
    assert "no such command: 'nonsense'" in capsys.readouterr().err


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("--version") == 0
    assert capsys.readouterr().out.startswith("altyn")


def test_wrong_setting_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALTYN_TENANT_ZONE", "Europe/Nowhere")
    assert status_of("doctor") == 2
    assert "ALTYN_TENANT_ZONE" in capsys.readouterr().err


def test_unreachable_database_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", "postgresql://nobody@/x?host=/nonexistent")
    assert status_of("migrate") == 1
    assert capsys.readouterr().err.startswith("altyn: ")


def test_surprise_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> object:
        raise AssertionError("a broken contract")

    monkeypatch.setattr(main, "import_module", broken)
    with pytest.raises(AssertionError):
        app(["doctor"])


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, altyn.cli.main as m\ntry: m.app(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"typer", "pydantic", "asyncpg", "redis", "grpc"} & set(loaded.splitlines()[-1].split())
