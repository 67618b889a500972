"""A whole server behind TLS: registers that show certificates, and settings it does not start with."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from altyn.infra.certificates import hash_name
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import DOORS, System, basket, prepare
from tests.server.back_office import back_office
from tests.server.certificates import Authority, client_credentials

NAME = "urn:altyn:demo:s1:r1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls") / "shop")
    made.sign("server")
    made.sign("till", f"URI:{NAME}")
    return made


@pytest.fixture(scope="module", params=DOORS)
def system(
    request: pytest.FixtureRequest,
    authority: Authority,
    embedded_postgres: EmbeddedPostgres,
    postgres_dsn: str,
    redis_url: str,
) -> Iterator[System]:
    name = f"tls_{request.param}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn))
    asyncio.run(bind(dsn))
    environment = {
        "ALTYN_DOOR": request.param,
        "ALTYN_GRPC_LISTEN": "0.0.0.0:0",
        "ALTYN_TLS_CERTIFICATE": str(authority.folder / "server.crt"),
        "ALTYN_TLS_KEY": str(authority.folder / "server.key"),
        "ALTYN_TLS_CLIENTS_CA": str(authority.ca),
    }
    with tempfile.TemporaryDirectory(prefix="altyn-tls-") as folder:
        running = System(dsn, redis_url, Path(folder), environment)
        running.start()
        yield running
        running.stop()


async def bind(dsn: str) -> None:
    async with back_office(dsn) as office, office.change():
        bound = {"key_hash": hash_name(NAME), "kind": "CERTIFICATE_NAME", "name": NAME}
        await office.put("register_credentials", **bound, store_id="s1", register_id="r1")


def target(system: System) -> str:
    return f"localhost:{system.grpc_address.rpartition(':')[2]}"


async def test_register_is_known_by_its_certificate_and_sells_for_itself_alone(
    system: System, authority: Authority
) -> None:
    credentials = client_credentials(authority, authority.folder / "till.crt")
    async with grpc.aio.secure_channel(target(system), credentials) as channel:
        sale = pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=1, receipt=basket(1))
        for _ in range(2):
            reply = await system.call(channel, "CommitReceipt", sale, key="none")
            assert reply.status == 1
        foreign = pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=1, receipt=basket(2))
        foreign.receipt.register_id = "r2"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await system.call(channel, "CommitReceipt", foreign, key="register-key-2")
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_whole_server_speaks_nothing_older_than_tls_1_3(system: System, authority: Authority) -> None:
    """In its own process, where gRPC has been told in time."""
    till = authority.folder / "till.crt"
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context = ssl.create_default_context(cafile=str(authority.ca))
        context.load_cert_chain(till, till.with_suffix(".key"))
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2"])
        host, port = target(system).split(":")
        with socket.create_connection((host, int(port)), 5) as plain:
            if version is ssl.TLSVersion.TLSv1_3:
                with context.wrap_socket(plain, server_hostname="localhost") as secured:
                    assert secured.recv(9)[3] == 4  # SETTINGS
            else:
                with pytest.raises(OSError):
                    context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ALTYN_GRPC_LISTEN": "0.0.0.0:0"}, "ALTYN_GRPC_LISTEN=0.0.0.0:0 would be open to others in plaintext"),
        ({"ALTYN_TLS_CERTIFICATE": "no.crt", "ALTYN_TLS_KEY": "no.key"}, "TLS cannot be set up from no.crt, no.key"),
    ],
)
def test_server_does_not_start_open_to_others_or_with_files_it_cannot_use(given: dict[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "altyn.server"], env=os.environ | given, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(said)
    assert "Traceback" not in ended.stderr
