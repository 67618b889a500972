"""What `altyn bench front` sets up: stores, our two doors in plaintext and the compiled one over TLS, and their peers.

Servers stand on one core; the generator, which is the calling process, and PostgreSQL on the other. All servers are up
at once, each of ours with a database of its own, and are told apart by name: `door`, `tls`, `portable`, `echo`, `cpp`,
`tcp`, `upb`, `raw`. What cannot be built or started here is told in `not_run`, never left out in silence.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_load import Load
from altyn.benchmarks.front_servers import build_peer, on_core, start_servers
from altyn.infra.database import connect
from altyn.infra.embedded.services import create_database, embedded_services
from altyn.infra.processes import Child
from altyn.infra.settings import Settings
from altyn.server.transport.door import built

SERVICE = "/altyn.pos.v1.PosService/"
CALCULATE, COMMIT = SERVICE + "CalculateReceipt", SERVICE + "CommitReceipt"
STATUS_OK = b"\x08\x01"  # the first field of a reply
CONNECTIONS_MAX = 8_192
LISTEN = dict.fromkeys(("grpc_listen", "ops_listen", "metrics_listen"), "127.0.0.1:0")
OURS = ("door", "tls", "portable")
NO_H2 = "built without libnghttp2"
NO_OPENSSL = "no openssl here to make a certificate"


@dataclass(frozen=True, slots=True)
class Scene:
    """Servers that are up. `tls`: of a client of the server of that name."""

    children: Mapping[str, Child]
    addresses: Mapping[str, str]
    tls: ssl.SSLContext | None
    not_run: dict[str, str]

    def spent_s(self, name: str) -> float:
        return processor_seconds(self.children[name].process.pid)

    def resident_bytes(self, name: str) -> int:
        pid = self.children[name].process.pid
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def expected(self, name: str) -> bytes:
        """What a reply to CalculateReceipt begins with."""
        return STATUS_OK if name in (*OURS, "upb") else b""


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one server. `server_us`: processor time of its process per call."""

    load: Load
    server_us: float


def processor_seconds(pid: int) -> float:
    """Of a process with all its threads, user and system, since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def scene(registers: int) -> Iterator[Scene]:
    """All servers, in a temporary directory, with the durability settings of production."""
    with tempfile.TemporaryDirectory(prefix="altyn-front-") as name, ExitStack() as stack:
        folder, not_run = Path(name), dict[str, str]()
        peers = {"tcp": build_peer("tcp_echo", folder), "cpp": build_peer("grpc_echo", folder, packages=["grpc++"])}
        stack.enter_context(on_core(1))
        settings = Settings(var=folder, tenant_id=world.TENANT, tenant_zone=world.ZONE, pepper=world.PEPPER.hex())
        stores = stack.enter_context(embedded_services(settings))
        assert stores.postgres is not None, "no other is asked for"
        peer, server = [sys.executable, "-m", "altyn.benchmarks.front_peers"], [sys.executable, "-m", "altyn.server"]
        commands = {"door": server, "portable": server, "raw": [*peer, "raw"], "upb": [*peer, "upb"]}
        more = {"door": {}, "portable": {"ALTYN_DOOR": "grpc_aio"}}
        if built("h2"):
            commands["echo"] = [*peer, "h2"]
        else:
            not_run["echo"] = NO_H2
        certificate = self_signed(folder) if built("h2") else None
        if certificate is not None:
            commands["tls"] = server
            more["tls"] = {"ALTYN_TLS_CERTIFICATE": str(certificate), "ALTYN_TLS_KEY": str(folder / "front.key")}
        else:
            not_run["tls"] = NO_OPENSSL if built("h2") else NO_H2
        for key, made in peers.items():
            if isinstance(made, Path):
                commands[key] = [str(made)]
            else:
                not_run[key] = made
        asyncio.run(_settle(stores.postgres_dsn))
        environment: dict[str, dict[str, str]] = {}
        for kind, added in more.items():
            asyncio.run(create_database(stores.postgres_dsn, f"front_{kind}"))
            dsn = stores.postgres.dsn(f"front_{kind}")
            asyncio.run(world.prepare(dsn, registers))
            own = settings.model_copy(
                update={**LISTEN, "var": folder / kind, "connections_of_address_max": CONNECTIONS_MAX}
            )
            environment[kind] = {**own.environment(), **stores.environment(), "ALTYN_POSTGRES_DSN": dsn, **added}
        children, addresses = start_servers(commands, environment, folder, stack)
        yield Scene(children, addresses, client_of(certificate) if certificate else None, not_run)


@dataclass(frozen=True, slots=True)
class OneServer:
    """A processing server that is up; `pid` is also its loop's thread."""

    address: str
    pid: int


@contextmanager
def one_server(registers: int, stores_core: int = 1) -> Iterator[OneServer]:
    """One processing server on the first core, the caller on the second, the stores on either."""
    with tempfile.TemporaryDirectory(prefix="altyn-door-") as name, ExitStack() as stack:
        folder = Path(name)
        settings = Settings(var=folder, tenant_id=world.TENANT, tenant_zone=world.ZONE, pepper=world.PEPPER.hex())
        with on_core(stores_core):
            stores = stack.enter_context(embedded_services(settings))
        stack.enter_context(on_core(1))
        asyncio.run(_settle(stores.postgres_dsn))
        asyncio.run(world.prepare(stores.postgres_dsn, registers))
        environment = {**settings.model_copy(update=LISTEN).environment(), **stores.environment()}
        commands = {"door": [sys.executable, "-m", "altyn.server"]}
        children, addresses = start_servers(commands, {"door": environment}, folder, stack)
        yield OneServer(addresses["door"], children["door"].process.pid)


async def _settle(dsn: str) -> None:
    """A database server as it is after an hour."""
    connection = await connect(dsn, name="altyn bench", command_timeout_s=None)
    try:
        await world.age(connection)
    finally:
        await connection.close()


def self_signed(folder: Path) -> Path | None:
    """A certificate of this run, P-256, beside its key; None: there is no openssl."""
    if shutil.which("openssl") is None:
        return None
    made = folder / "front.crt"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    told = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    out = ["-keyout", str(folder / "front.key"), "-out", str(made)]
    subprocess.run(["openssl", "req", "-x509", *curve, *told, *out], check=True, capture_output=True)
    return made


def client_of(certificate: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(certificate))
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols(["h2"])
    return made
