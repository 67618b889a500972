"""A run that cannot go well is refused before it begins, naming the option."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from altyn.loadtests.settings import OPTIONS, LoadSettings, SettingWrong


def options(tmp_path: Path, **given: object) -> argparse.Namespace:
    registers = tmp_path / "registers.json"
    registers.write_text(json.dumps([{"store_id": "s", "register_id": "r", "key": "k"}]))
    chosen = {name.replace("-", "_"): how.get("default") for name, how in OPTIONS} | {"registers": str(registers)}
    return argparse.Namespace(**(chosen | given))


def test_settings_by_default_are_an_open_loop_on_this_machine(tmp_path: Path) -> None:
    settings = LoadSettings.of(options(tmp_path))
    assert settings.pacing == "open"
    assert settings.registers[0].register_id == "r"


def test_settings_for_a_remote_target_without_tls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match="--tls"):
        LoadSettings.of(options(tmp_path, target="pos.example.com:443"))
    assert LoadSettings.of(options(tmp_path, target="pos.example.com:443", tls="system")).tls == "system"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("receipts_per_s", 0.0),
        ("backlog_max", 0),
        ("faults_ppm", 1_000_001),
        ("registers", ""),
        ("forecasts", -1),
        ("scan_gap_ms", 250.0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(SettingWrong, match="--" + name.replace("_", "-")):
        LoadSettings.of(options(tmp_path, **{name: value}))


@pytest.mark.parametrize("text", ["{}", "[]", "[1]", "nonsense", '[{"store_id": "s"}]'])
def test_registers_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(SettingWrong, match="--registers"):
        LoadSettings.of(options(tmp_path, registers=str(file)))
