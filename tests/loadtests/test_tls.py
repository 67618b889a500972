"""The load tester through TLS, as to a server behind a proxy: both kinds of user, and a certificate nobody vouched for.

The certificate and its key in ``tls/`` are for this test alone: `openssl req -x509 -newkey ec -pkeyopt
ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.loadtests.conftest import LoadedSystem
from tests.loadtests.test_runs import BRISK, GENEROUS, finish, require_nothing_lost

if find_spec("locust") is None:
    pytest.skip("locust is not installed", allow_module_level=True)

TLS = Path(__file__).parent / "tls"


@asynccontextmanager
async def proxy(server: str) -> AsyncIterator[str]:
    """Ends TLS and passes the bytes of HTTP/2 on, as a load balancer does; its address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    context.set_alpn_protocols(["h2"])
    host, port = server.rsplit(":", 1)

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


async def test_registers_of_both_kinds_sell_through_tls(loaded_system: LoadedSystem) -> None:
    async with proxy(loaded_system.server.grpc_address) as target:
        status, said, report = await finish(
            await loaded_system.start_locust(
                "steady",
                range(1, 7),
                *("--run-time", "4s", "--target", target, "--tls", str(TLS / "certificate.pem")),
                *(*BRISK, *GENEROUS, "--store-forward-ppm", "500000", "--faults-ppm", "0"),
                name="tls",
            )
        )
    assert (status, report["passed"], report["wrong"]) == (0, True, 0), said
    assert min(report["calls"][name]["answered"] for name in ("CommitReceipt", "till CommitReceipt")) > 0
    await require_nothing_lost(loaded_system, loaded_system.folder / "tls", acked_min=5)


async def test_certificate_of_a_stranger_is_not_believed(loaded_system: LoadedSystem) -> None:
    async with proxy(loaded_system.server.grpc_address) as target:
        status, said, report = await finish(
            await loaded_system.start_locust(
                "steady",
                range(1, 3),
                *("--run-time", "3s", "--target", target, "--tls", str(TLS / "strangers_certificate.pem")),
                *(*BRISK, "--store-forward-ppm", "0", "--faults-ppm", "0", "--threshold", "error_share=0.01"),
                name="stranger",
            )
        )
    assert (status, report["passed"]) == (1, False), said
    assert report["silent"] > 0
    assert sum(call["answered"] for call in report["calls"].values()) == 0
