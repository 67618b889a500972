"""The generator: what it refuses to guess, and when it writes."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WRITE_ALL = runpy.run_path(str(ROOT / "core/wire/generate.py"))["write_all"]
TOP = 'syntax = "proto3";\npackage altyn.test.v1;\n'


def contract(folder: Path, text: str) -> Path:
    """A folder of contracts with one file."""
    target = folder / "altyn/test/v1/test.proto"
    target.parent.mkdir(parents=True)
    target.write_text(TOP + text)
    return folder


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("message A { double share = 1; }", "A.share: double is not supported"),
        ("message A { fixed64 key = 1; }", "A.key: fixed64 is not supported"),
        ("message A { map<string, int64> sums = 1; }", "nested types are not supported"),
        ("message A { message B {} B b = 1; }", "nested types are not supported"),
        ("message A { int64 far = 2048; }", "A.far: field numbers end at 2047"),
        ("message A { B b = 1; }\nmessage B { A a = 1; }", "within itself"),
    ],
)
def test_generator_construct_it_does_not_know_stops_the_build(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SystemExit, match=complaint):
        WRITE_ALL(contract(tmp_path / "proto", text), tmp_path)


def test_generator_writes_again_only_when_a_contract_is_newer(tmp_path: Path) -> None:
    protos = contract(tmp_path / "proto", "message A { int64 sum_minor = 1; bytes return = 2; }")
    WRITE_ALL(protos, tmp_path)
    module = tmp_path / "generated/test_v1.pyx"
    assert "write_A" in module.read_text()
    assert "Text return_" in module.with_suffix(".pxd").read_text()
    module.write_text("untouched")
    WRITE_ALL(protos, tmp_path)
    assert module.read_text() == "untouched"
    later = (tmp_path / "generated/__init__.py").stat().st_mtime + 10
    os.utime(protos / "altyn/test/v1/test.proto", (later, later))
    WRITE_ALL(protos, tmp_path)
    assert "write_A" in module.read_text()
