"""The contracts only grow: compared with the snapshot in the tree, and linted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = Path(__file__).with_name("contracts.binpb")


def described(tmp_path: Path) -> descriptor_pb2.FileDescriptorSet:
    out = tmp_path / "now.binpb"
    protos = sorted(str(path) for path in (ROOT / "proto").rglob("*.proto"))
    assert protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={out}", *protos]) == 0
    return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def facts(files: descriptor_pb2.FileDescriptorSet) -> dict[str, str]:
    """Everything a peer depends on: field numbers and types, enum numbers, methods."""
    found: dict[str, str] = {}

    def enum(prefix: str, given: descriptor_pb2.EnumDescriptorProto) -> None:
        for value in given.value:
            found[f"{prefix}.{given.name}#{value.number}"] = value.name

    def message(prefix: str, given: descriptor_pb2.DescriptorProto) -> None:
        name = f"{prefix}.{given.name}"
        for field in given.field:
            found[f"{name}#{field.number}"] = (
                f"{field.name} {field.type} {field.label} {field.type_name} {field.proto3_optional}"
            )
        for inner in given.nested_type:
            message(name, inner)
        for inner_enum in given.enum_type:
            enum(name, inner_enum)

    for file in files.file:
        for top in file.message_type:
            message(file.package, top)
        for top_enum in file.enum_type:
            enum(file.package, top_enum)
        for service in file.service:
            for method in service.method:
                found[f"{file.package}.{service.name}.{method.name}"] = f"{method.input_type} {method.output_type}"
    return found


def test_contracts_keep_every_number_of_the_snapshot(tmp_path: Path) -> None:
    """`python tests/contract/test_descriptors.py` writes the snapshot anew after an addition."""
    before = facts(descriptor_pb2.FileDescriptorSet.FromString(SNAPSHOT.read_bytes()))
    now = facts(described(tmp_path))
    assert len(before) > 300
    assert {key: now.get(key) for key in before} == before


def test_snapshot_knows_every_contract(tmp_path: Path) -> None:
    assert facts(described(tmp_path)) == facts(descriptor_pb2.FileDescriptorSet.FromString(SNAPSHOT.read_bytes()))


def test_contracts_follow_the_standard_rules() -> None:
    buf = shutil.which("buf", path=str(Path(sys.executable).parent))
    if buf is None:
        pytest.fail("buf is not installed beside Python: install requirements.lock")
    result = subprocess.run([buf, "lint"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


if __name__ == "__main__":
    SNAPSHOT.write_bytes(described(SNAPSHOT.parent).SerializeToString())
    (SNAPSHOT.parent / "now.binpb").unlink()
