"""Each door behind TLS: who gets in, by which certificate, and what happens when files change."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate, certificate_of, hash_name
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from altyn.server.authenticate import RegisterAuthenticate
from altyn.server.feeds.credentials import Credentials
from altyn.server.transport.door import DoorKind, Metadata, Service, new_door
from altyn.server.transport.tls import Tls, is_loopback, ops_tls_of, tls_of
from tests.integration.system import DOORS
from tests.server.certificates import Authority, client_credentials, fingerprint, key_of, server_tls

SERVICE = "test.Service"
R1, R2 = Scope("demo", "s1", "r1"), Scope("demo", "s1", "r2")
URI = "urn:altyn:demo:s1:r1"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls") / "ours")
    made.sign("server")
    made.sign("till", f"URI:{URI},DNS:till.shop")
    return made


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls") / "theirs")
    made.sign("server")
    made.sign("till", f"URI:{URI},DNS:till.shop")
    return made


@pytest.fixture(params=DOORS)
def kind(request: pytest.FixtureRequest) -> DoorKind:
    chosen: DoorKind = request.param
    return chosen


class Running:
    """A door that echoes, and what it was told of its callers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: list[Certificate | None] = []

    async def call(
        self, credentials: grpc.ChannelCredentials, request: bytes = b"hello", key: str = ""
    ) -> bytes | grpc.aio.AioRpcError:
        """A call over a connection of its own: the reply, or why there was none."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        metadata = (("authorization", f"Bearer {key}"),) if key else ()
        async with grpc.aio.secure_channel(f"localhost:{self.port}", credentials, options) as channel:
            try:
                reply: bytes = await channel.unary_unary(f"/{SERVICE}/Echo")(request, metadata=metadata, timeout=5)
            except grpc.aio.AioRpcError as error:
                return error
            return reply


@asynccontextmanager
async def door(kind: DoorKind, tls: Tls, credentials: Credentials | None = None) -> AsyncIterator[Running]:
    known = RegisterAuthenticate(credentials) if credentials is not None else lambda metadata, certificate: R1

    def authenticate(metadata: Metadata, certificate: Certificate | None) -> Scope:
        running.seen.append(certificate)
        return known(metadata, certificate)

    def echo(request: bytes, scope: Scope) -> bytes:
        return scope.register_id.encode() if request == b"who" else request

    made = new_door(kind, [Service(SERVICE, {"Echo": echo}, authenticate)], "127.0.0.1:0", tls=tls)
    await made.start()
    running = Running(made.port)
    try:
        yield running
    finally:
        await made.stop(0)


def code(outcome: bytes | grpc.aio.AioRpcError) -> grpc.StatusCode | None:
    return outcome.code() if isinstance(outcome, grpc.aio.AioRpcError) else None


async def test_call_over_tls_is_answered_and_shows_no_certificate(kind: DoorKind, ours: Authority) -> None:
    async with door(kind, server_tls(ours.folder / "server.crt")) as running:
        for size in (300_000, 1):
            assert await running.call(client_credentials(ours), bytes(size)) == bytes(size)
        assert running.seen == [None, None]


async def test_client_that_does_not_trust_the_server_or_speaks_plaintext_gets_nothing(
    kind: DoorKind, ours: Authority, theirs: Authority
) -> None:
    async with door(kind, server_tls(ours.folder / "server.crt")) as running:
        assert code(await running.call(client_credentials(theirs))) == grpc.StatusCode.UNAVAILABLE
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(f"/{SERVICE}/Echo")(b"", timeout=5)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert running.seen == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_nothing_older_than_tls_1_3_is_spoken(kind: DoorKind, ours: Authority, version: ssl.TLSVersion) -> None:
    def shake_hands(port: int) -> tuple[str | None, str | None]:
        context = ssl.create_default_context(cafile=str(ours.ca))
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return secured.version(), secured.selected_alpn_protocol()

    async with door(kind, server_tls(ours.folder / "server.crt")) as running:
        if version is ssl.TLSVersion.TLSv1_3:
            assert await asyncio.to_thread(shake_hands, running.port) == ("TLSv1.3", "h2")
        else:
            with pytest.raises(OSError):
                await asyncio.to_thread(shake_hands, running.port)


async def test_certificate_of_a_client_reaches_whoever_authenticates(kind: DoorKind, ours: Authority) -> None:
    shown = ours.folder / "till.crt"
    async with door(kind, server_tls(ours.folder / "server.crt", ours)) as running:
        for _ in range(2):
            assert await running.call(client_credentials(ours, shown)) == b"hello"
    der = ssl.PEM_cert_to_DER_cert(shown.read_text())
    assert running.seen == [certificate_of(der, [URI, "till.shop", "till"])] * 2


@pytest.mark.parametrize("shown", ["none", "of another authority", "ended"])
async def test_client_without_a_valid_certificate_does_not_get_in(
    kind: DoorKind, ours: Authority, theirs: Authority, shown: str
) -> None:
    certificates = {
        "none": None,
        "of another authority": theirs.folder / "till.crt",
        "ended": ours.sign("old", days=-1),
    }
    async with door(kind, server_tls(ours.folder / "server.crt", ours)) as running:
        outcome = await running.call(client_credentials(ours, certificates[shown]))
        assert code(outcome) == grpc.StatusCode.UNAVAILABLE
        assert running.seen == []
        assert await running.call(client_credentials(ours, ours.folder / "till.crt")) == b"hello"


async def test_register_is_the_one_its_certificate_is_bound_to_and_a_foreign_key_changes_nothing(
    kind: DoorKind, ours: Authority
) -> None:
    known = Credentials()
    till = client_credentials(ours, ours.folder / "till.crt")
    async with door(kind, server_tls(ours.folder / "server.crt", ours), known) as running:
        unknown = await running.call(till)
        assert code(unknown) == grpc.StatusCode.UNAUTHENTICATED
        known.put(hash_of("two"), R2)
        assert await running.call(till, b"who", "two") == b"r2"  # nobody bound the certificate: the key decides
        for bound in (fingerprint(ours.folder / "till.crt"), hash_name(URI), hash_name("till.shop"), hash_name("till")):
            known.put(bound, R1, of_certificate=True)
            assert await running.call(till, b"who", "two") == b"r1"
            known.revoke_certificate(bound)
            assert code(await running.call(till, b"who", "two")) == grpc.StatusCode.UNAUTHENTICATED
            known.drop(bound)


async def test_revocation_ends_the_calls_of_a_connection_that_is_open(kind: DoorKind, ours: Authority) -> None:
    known = Credentials()
    known.put(hash_name(URI), R1, of_certificate=True)
    till = client_credentials(ours, ours.folder / "till.crt")
    async with (
        door(kind, server_tls(ours.folder / "server.crt", ours), known) as running,
        grpc.aio.secure_channel(f"localhost:{running.port}", till) as channel,
    ):
        echo = channel.unary_unary(f"/{SERVICE}/Echo")
        assert await echo(b"who") == b"r1"
        known.revoke_certificate(fingerprint(ours.folder / "till.crt"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await echo(b"who")
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert refused.value.details() == "certificate: the register's certificate is revoked"


async def test_changed_files_serve_the_next_connection_and_broken_ones_change_nothing(
    kind: DoorKind, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    server, clients = tmp_path / "server.crt", tmp_path / "clients.crt"

    def install(certificate: Path, key: Path, ca: Path) -> None:
        for source, target in ((certificate, server), (key, key_of(server)), (ca, clients)):
            shutil.copy(source, target.with_suffix(".new"))
            target.with_suffix(".new").replace(target)

    first, second = ours.folder / "server.crt", theirs.folder / "server.crt"
    install(first, key_of(first), ours.ca)
    tls = tls_of(Settings(tls_certificate=str(server), tls_key=str(key_of(server)), tls_clients_ca=str(clients)))
    assert tls is not None
    till_of_ours, till_of_theirs = ours.folder / "till.crt", theirs.folder / "till.crt"
    async with door(kind, tls) as running:
        assert not tls.refresh()
        assert await running.call(client_credentials(ours, till_of_ours)) == b"hello"
        install(second, key_of(first), ours.ca)  # a key of another certificate
        assert not tls.refresh()
        assert await running.call(client_credentials(ours, till_of_ours)) == b"hello"
        install(second, key_of(second), theirs.ca)
        assert tls.refresh()
        assert await running.call(client_credentials(theirs, till_of_theirs)) == b"hello"
        assert code(await running.call(client_credentials(theirs, till_of_ours))) == grpc.StatusCode.UNAVAILABLE
        assert code(await running.call(client_credentials(ours, till_of_ours))) == grpc.StatusCode.UNAVAILABLE
        server.unlink()
        assert not tls.refresh()
        assert await running.call(client_credentials(theirs, till_of_theirs)) == b"hello"


def hash_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def test_bound_certificate_with_an_end_is_unknown_from_then_on() -> None:
    now_us = 1_000_000
    known = Credentials(lambda: now_us * 1_000)
    shown = certificate_of(b"der", ["a", "b"])
    known.put(hash_name("b"), R1, now_us + 1, of_certificate=True)
    assert known.find_certificate(shown) == R1
    now_us += 1
    assert known.find_certificate(shown) is None


def test_name_of_a_certificate_is_no_key_and_a_key_is_no_name() -> None:
    known = Credentials()
    known.put(hash_name("till"), R1, of_certificate=True)
    known.put(hash_of("other"), R2)
    authenticate = RegisterAuthenticate(known)
    for shown in (None, certificate_of(b"der", ["other"])):
        with pytest.raises(CallRefused, match="CREDENTIAL_UNKNOWN authorization"):
            authenticate((("authorization", "Bearer till"),), shown)


def test_of_a_certificate_with_very_many_names_the_first_count() -> None:
    many = certificate_of(b"der", [f"name-{number}" for number in range(1_000)])
    assert len(many.hashes) == 17
    assert certificate_of(b"der", ["", "x" * 257, "same", "same"]).hashes[1:] == (hash_name("same"),)


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/run/altyn", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("till.localhost.shop:1", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(address: str, is_safe: bool) -> None:
    assert is_loopback(address) == is_safe


@pytest.mark.parametrize("name", ["grpc_listen", "ops_listen"])
def test_plaintext_that_others_reach_is_refused_unless_it_is_asked_for(name: str) -> None:
    with pytest.raises(Trouble, match=rf"ALTYN_{name.upper()}=0\.0\.0\.0:0 .*ALTYN_PLAINTEXT=true"):
        tls_of(Settings(**{name: "0.0.0.0:0"}))
    assert tls_of(Settings(**{name: "0.0.0.0:0"}, plaintext=True)) is None


def test_tls_opens_the_registers_door_and_not_that_of_the_back_office(ours: Authority) -> None:
    files = {"tls_certificate": str(ours.folder / "server.crt"), "tls_key": str(ours.folder / "server.key")}
    assert tls_of(Settings(grpc_listen="0.0.0.0:0", **files)) is not None
    both = {"grpc_listen": "0.0.0.0:0", "ops_listen": "0.0.0.0:0"} | files
    with pytest.raises(Trouble, match=r"ALTYN_OPS_LISTEN.*ALTYN_OPS_TLS_CERTIFICATE"):
        tls_of(Settings(**both))
    given = both | {f"ops_{name}": value for name, value in files.items()} | {"ops_tls_ca": str(ours.ca)}
    assert tls_of(Settings(**given)) is not None


def test_management_door_has_files_of_its_own_and_always_asks_for_a_certificate(ours: Authority) -> None:
    files = {"ops_tls_certificate": str(ours.folder / "server.crt"), "ops_tls_key": str(ours.folder / "server.key")}
    with pytest.raises(ValueError, match="given together"):
        Settings(**files)
    made = ops_tls_of(Settings(**files, ops_tls_ca=str(ours.ca)))
    assert made is not None and made.asks_clients
    assert ops_tls_of(Settings()) is None


def test_files_that_cannot_be_used_are_named(ours: Authority, theirs: Authority) -> None:
    certificate = str(ours.folder / "server.crt")
    for key in ("missing.key", str(theirs.folder / "server.key")):
        with pytest.raises(Trouble, match=r"TLS cannot be set up from .*server\.crt"):
            tls_of(Settings(tls_certificate=certificate, tls_key=key))


@pytest.mark.parametrize("given", [{"tls_certificate": "a"}, {"tls_key": "a"}, {"tls_clients_ca": "a"}])
def test_half_of_what_tls_needs_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tls_certificate and tls_key"):
        Settings(**given)
