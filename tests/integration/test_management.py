"""The management door of a whole server: health, reflection, and TLS with a certificate at both ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from altyn.admin_api.accounts.server import OpsClient, ServerAway
from altyn.infra.channels import PeerFiles, open_channel, ops_files
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from tests.integration.system import DOORS, OPS_KEY, System, prepare
from tests.server.certificates import Authority, client_credentials

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("management") / "shop")
    made.sign("server")
    made.sign("office")
    return made


@pytest.fixture(scope="module", params=DOORS)
def system(
    request: pytest.FixtureRequest,
    authority: Authority,
    embedded_postgres: EmbeddedPostgres,
    postgres_dsn: str,
    redis_url: str,
) -> Iterator[System]:
    name = f"management_{request.param}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn))
    environment = {
        "ALTYN_DOOR": request.param,
        "ALTYN_OPS_LISTEN": "0.0.0.0:0",
        "ALTYN_OPS_TLS_CERTIFICATE": str(authority.folder / "server.crt"),
        "ALTYN_OPS_TLS_KEY": str(authority.folder / "server.key"),
        "ALTYN_OPS_TLS_CA": str(authority.ca),
    }
    with tempfile.TemporaryDirectory(prefix="altyn-management-") as folder:
        running = System(dsn, redis_url, Path(folder), environment)
        running.start()
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def address(system: System) -> str:
    return f"localhost:{system.ops_address.rpartition(':')[2]}"


@pytest.fixture(scope="module")
def files(authority: Authority) -> PeerFiles:
    office = authority.folder / "office.crt"
    return PeerFiles(office, office.with_suffix(".key"), authority.ca)


async def test_health_is_told_of_this_door_and_of_the_registers(address: str, files: PeerFiles) -> None:
    async with open_channel(address, files) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "altyn.ops.v1.OpsService", "altyn.pos.v1.PosService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert answer.status == SERVING


def test_reflection_gives_a_tool_the_contracts(address: str, authority: Authority) -> None:
    with grpc.secure_channel(address, client_credentials(authority, authority.folder / "office.crt")) as channel:
        told = ProtoReflectionDescriptorDatabase(channel)
        assert set(told.get_services()) >= {"altyn.ops.v1.OpsService", "grpc.health.v1.Health"}
        pool = DescriptorPool(told)
        method = pool.FindServiceByName("altyn.ops.v1.OpsService").FindMethodByName("GetBalance")
        assert [field.name for field in method.input_type.fields] == ["account_id"]
        assert pool.FindServiceByName("altyn.pos.v1.PosService").FindMethodByName("CommitReceipt")
        # The same under the name it has had since it is stable.
        ask = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        (answer,) = ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
        assert {one.name for one in answer.list_services_response.service} == set(told.get_services())


async def test_back_office_with_a_certificate_is_served_and_nobody_without(
    address: str, files: PeerFiles, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.sign("office")
    foreign = stranger.folder / "office.crt"
    for shown, is_served in (
        (files, True),
        (PeerFiles(foreign, foreign.with_suffix(".key"), authority.ca), False),  # signed by another CA
        (files._replace(ca=stranger.ca), False),  # does not trust the server
        (None, False),  # plaintext
    ):
        client = OpsClient(address, bytes.fromhex(OPS_KEY), shown)
        try:
            if is_served:
                assert (await client.rules_in_force()).rules_version == 1
            else:
                with pytest.raises(ServerAway):
                    await client.rules_in_force()
        finally:
            await client.close()


def test_management_door_speaks_nothing_older_than_tls_1_3(address: str, files: PeerFiles) -> None:
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context = ssl.create_default_context(cafile=str(files.ca))
        context.load_cert_chain(files.certificate, files.key)
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2"])
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), 5) as plain:
            if version is ssl.TLSVersion.TLSv1_3:
                with context.wrap_socket(plain, server_hostname="localhost") as secured:
                    assert secured.recv(9)[3] == 4  # SETTINGS
            else:
                with pytest.raises(OSError):
                    context.wrap_socket(plain, server_hostname="localhost")


def test_channel_is_told_by_the_settings_and_files_that_are_missing_are_named(tmp_path: Path) -> None:
    assert ops_files(Settings()) is None
    given = {f"ops_tls_{name}": str(tmp_path / name) for name in ("certificate", "key", "ca")}
    with pytest.raises(Trouble, match=r"TLS to server:1 cannot be set up.*ca"):
        open_channel("server:1", ops_files(Settings(**given)))
