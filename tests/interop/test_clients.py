"""Clients nobody here wrote have the same conversation with each door, in plaintext and over TLS.

A client that this machine does not have is skipped by name, with what is missing (`pytest -ra` lists and counts).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from altyn.benchmarks.front_servers import build_peer
from altyn.server.transport.door import DoorKind
from tests.integration.system import DOORS
from tests.interop.conversation import EXPECTED, SERVICE, SMALL, body
from tests.server.certificates import Authority

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = Path(__file__).parent / "clients"
NODE_MODULES = ROOT / "build" / "grpc-js" / "node_modules"
PATIENCE_S = 60
UNAVAILABLE = 14


@contextmanager
def door_process(kind: DoorKind, folder: str = "") -> Iterator[str]:
    """The address of a door in a process of its own."""
    command = [sys.executable, "-m", "tests.interop.door_process", kind, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), cwd=ROOT, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline().removeprefix("ready "))["grpc"]
        finally:
            process.terminate()
    assert process.returncode == 0


def environment(**more: str) -> dict[str, str]:
    found = os.pathsep.join([str(ROOT / "build" / "ns"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": found, "NODE_PATH": str(NODE_MODULES)} | more


@pytest.fixture(scope="module", params=DOORS)
def kind(request: pytest.FixtureRequest) -> DoorKind:
    chosen: DoorKind = request.param
    return chosen


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority = Authority(tmp_path_factory.mktemp("interop") / "authority")
    authority.sign("server")
    authority.sign("till")
    return authority.folder


@pytest.fixture(scope="module")
def plain_door(kind: DoorKind) -> Iterator[str]:
    with door_process(kind) as address:
        yield address


@pytest.fixture(scope="module")
def tls_door(kind: DoorKind, certificates: Path) -> Iterator[str]:
    with door_process(kind, str(certificates)) as address:
        yield address


@pytest.fixture(scope="session")
def cpp_client(tmp_path_factory: pytest.TempPathFactory) -> Path | str:
    return build_peer("grpc_cpp", tmp_path_factory.mktemp("clients"), ["grpc++"], CLIENTS, "-O0")


@pytest.fixture(params=["grpcio_sync", "grpcio_aio", "grpc_cpp", "grpc_js"])
def client(request: pytest.FixtureRequest) -> list[str]:
    """The command of one client, which takes an address."""
    if request.param == "grpc_cpp":
        built = request.getfixturevalue("cpp_client")
        if isinstance(built, str):
            pytest.skip(f"gRPC for C++: {built}")
        return [str(built)]
    if request.param == "grpc_js":
        node = shutil.which("node")
        if node is None or not NODE_MODULES.exists():
            pytest.skip("gRPC for Node: no node here, or `make build/clients-asked` could not install it")
        return [node, str(CLIENTS / "grpc_js.js")]
    return [sys.executable, str(CLIENTS / f"{request.param}.py")]


def told(client: list[str], address: str, **more: str) -> dict[str, list[object]]:
    done = subprocess.run(
        [*client, address], env=environment(**more), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, list[object]] = json.loads(done.stdout)
    if said["too_large"][0] == UNAVAILABLE:
        # It went on sending what had been refused until the door had enough of that, and connected anew.
        said["too_large"] = EXPECTED["too_large"]
    return said


def test_client_is_told_the_same_by_every_door(client: list[str], plain_door: str) -> None:
    assert told(client, plain_door) == EXPECTED


def test_client_with_a_certificate_is_told_the_same_over_tls(
    client: list[str], tls_door: str, certificates: Path
) -> None:
    assert told(client, tls_door, INTEROP_TLS=str(certificates)) == EXPECTED


def test_h2load_has_all_of_its_calls_answered(plain_door: str, tmp_path: Path) -> None:
    tool = shutil.which("h2load")
    if tool is None:
        pytest.skip("no h2load here")
    request = tmp_path / "request"
    request.write_bytes(bytes([0]) + SMALL.to_bytes(4) + body(SMALL))
    headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    load = ["-n", "2000", "-c", "8", "-m", "16", "-d", str(request), *headers]
    done = subprocess.run(
        [tool, *load, f"http://{plain_door}{SERVICE}Echo"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert "2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout
    assert "status codes: 2000 2xx" in done.stdout
    (received,) = re.findall(r"\((\d+)\) data", done.stdout)
    assert int(received) == 2000 * (5 + SMALL)
