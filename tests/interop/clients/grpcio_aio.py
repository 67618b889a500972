"""gRPC for Python on asyncio: `grpcio_aio.py HOST:PORT`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import grpc
import grpc.aio

from tests.interop.conversation import KEY, LARGE, LATE_S, LIMIT, MANY, SERVICE, SMALL, body


def channel_to(address: str) -> grpc.aio.Channel:
    folder = os.environ.get("INTEROP_TLS")
    if not folder:
        return grpc.aio.insecure_channel(address)
    ca, key, shown = ((Path(folder) / name).read_bytes() for name in ("ca.crt", "till.key", "till.crt"))
    name = (("grpc.ssl_target_name_override", "localhost"),)
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca, key, shown), options=name)


def refusal(error: grpc.aio.AioRpcError, with_text: bool) -> list[object]:
    found = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    reason = "OUT_OF_RANGE" if b"OUT_OF_RANGE" in found else ""
    return [error.code().value[0], error.details() if with_text else "", reason]


async def converse(channel: grpc.aio.Channel) -> dict[str, list[object]]:
    said: dict[str, list[object]] = {}

    def call(name: str, request: bytes, **options: object) -> grpc.aio.UnaryUnaryCall[bytes, bytes]:
        path = name if name.startswith("/") else SERVICE + name
        return channel.unary_unary(path)(request, **{"timeout": 10.0} | options)

    async def whole(case: str, name: str, size: int) -> None:
        said[case] = [0, "", "whole" if await call(name, body(size)) == body(size) else "broken"]

    await whole("empty", "Echo", 0)
    await whole("small", "Echo", SMALL)
    await whole("large", "Echo", LARGE)
    await whole("later", "Later", SMALL)
    replies = await asyncio.gather(*(call("Later", body(SMALL, seed)) for seed in range(MANY)))
    is_whole = replies == [body(SMALL, seed) for seed in range(MANY)]
    said["many"] = [0, "", "whole" if is_whole else "broken"]
    metadata = (("authorization", KEY), ("trace-bin", bytes(range(40))))
    said["who"] = [0, "", (await call("Who", b"", metadata=metadata)).decode()]
    healthy = await call("/grpc.health.v1.Health/Check", b"\x0a\x0c" + b"test.Service")
    said["health"] = [0, "", "SERVING" if healthy == b"\x08\x01" else repr(healthy)]
    for case, name, size, timeout_s in (
        ("refused", "Refuse", 0, 10.0),
        ("unknown", "Nothing", 0, 10.0),
        ("late", "Never", 0, LATE_S),
        ("too_large", "Echo", LIMIT + 1, 10.0),
    ):
        try:
            await call(name, body(size), timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            said[case] = refusal(error, case in ("refused", "unknown"))
    leaving = call("Never", b"")
    await asyncio.sleep(0.05)
    leaving.cancel()
    said["left"] = [(await leaving.code()).value[0], "", ""]
    await whole("after_all", "Echo", SMALL)
    return said


async def main(address: str) -> None:
    async with channel_to(address) as channel:
        print(json.dumps(await converse(channel)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
