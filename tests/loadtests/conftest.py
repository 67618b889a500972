"""One real server for the module, and what Locust needs to load it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf import json_format

from altyn.cli.chaos.server_process import ServerProcess
from altyn.cli.chaos.small_world import CARDS, STORE, basket, prepare, register_key, register_name
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database

ROOT = Path(__file__).resolve().parents[2]
REGISTERS_COUNT = 24


@dataclass
class LoadedSystem:
    """A server and its stores; ``locust`` loads it from a share of its registers."""

    server: ServerProcess
    dsn: str
    folder: Path

    async def start_locust(
        self, shape: str, share: range, *words: str, name: str = ""
    ) -> tuple[asyncio.subprocess.Process, Path]:
        out = self.folder / (name or shape)
        registers = [{"store_id": STORE, "register_id": register_name(n), "key": register_key(n)} for n in share]
        out.mkdir()
        (out / "registers.json").write_text(json.dumps(registers))
        stock = [json_format.MessageToDict(basket(card, str(card)), preserving_proto_field_name=True) for card in CARDS]
        (out / "stock.json").write_text(json.dumps(stock))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        if shape != "steady":
            environment["ALTYN_LOAD_SHAPE"] = shape
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests/locustfile.py")),
            *("--headless", "--only-summary", "--spawn-rate", "50", "--users", str(len(share))),
            *("--target", self.server.grpc_address, "--registers", str(out / "registers.json")),
            *("--stock", str(out / "stock.json"), "--out", str(out), *words),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return process, out


@pytest.fixture(scope="module")
def loaded_system(
    embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, request: pytest.FixtureRequest
) -> Iterator[LoadedSystem]:
    """A system of each module's own."""
    name = "loaded_" + request.module.__name__.rpartition(".")[2]
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn, REGISTERS_COUNT))
    with tempfile.TemporaryDirectory(prefix="altyn-load-") as folder:
        server = ServerProcess(dsn, redis_url, Path(folder))
        server.start()
        yield LoadedSystem(server, dsn, Path(folder))
        server.stop()
