"""gRPC for Python, blocking: `grpcio_sync.py HOST:PORT`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import grpc

from tests.interop.conversation import KEY, LARGE, LATE_S, LIMIT, MANY, SERVICE, SMALL, body


def channel_to(address: str) -> grpc.Channel:
    folder = os.environ.get("INTEROP_TLS")
    if not folder:
        return grpc.insecure_channel(address)
    ca, key, shown = ((Path(folder) / name).read_bytes() for name in ("ca.crt", "till.key", "till.crt"))
    name = (("grpc.ssl_target_name_override", "localhost"),)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, shown), options=name)


def refusal(error: grpc.RpcError, with_text: bool = True) -> list[object]:
    found = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    reason = "OUT_OF_RANGE" if b"OUT_OF_RANGE" in found else ""
    return [error.code().value[0], error.details() if with_text else "", reason]


def converse(channel: grpc.Channel) -> dict[str, list[object]]:
    said: dict[str, list[object]] = {}

    def call(name: str) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
        return channel.unary_unary(name if name.startswith("/") else SERVICE + name)

    def whole(case: str, name: str, size: int) -> None:
        said[case] = [0, "", "whole" if call(name)(body(size), timeout=10) == body(size) else "broken"]

    whole("empty", "Echo", 0)
    whole("small", "Echo", SMALL)
    whole("large", "Echo", LARGE)
    whole("later", "Later", SMALL)
    waiting = [call("Later").future(body(SMALL, seed), timeout=10) for seed in range(MANY)]
    is_whole = all(one.result() == body(SMALL, seed) for seed, one in enumerate(waiting))
    said["many"] = [0, "", "whole" if is_whole else "broken"]
    metadata = (("authorization", KEY), ("trace-bin", bytes(range(40))))
    said["who"] = [0, "", call("Who")(b"", timeout=10, metadata=metadata).decode()]
    healthy = call("/grpc.health.v1.Health/Check")(b"\x0a\x0c" + b"test.Service", timeout=10)
    said["health"] = [0, "", "SERVING" if healthy == b"\x08\x01" else repr(healthy)]
    for case, name, size, timeout_s in (
        ("refused", "Refuse", 0, 10.0),
        ("unknown", "Nothing", 0, 10.0),
        ("late", "Never", 0, LATE_S),
        ("too_large", "Echo", LIMIT + 1, 10.0),
    ):
        try:
            call(name)(body(size), timeout=timeout_s)
        except grpc.RpcError as error:
            said[case] = refusal(error, case in ("refused", "unknown"))
    leaving = call("Never").future(b"", timeout=10)
    leaving.cancel()
    said["left"] = [grpc.StatusCode.CANCELLED.value[0] if leaving.cancelled() else -1, "", ""]
    whole("after_all", "Echo", SMALL)
    return said


if __name__ == "__main__":
    with channel_to(sys.argv[1]) as made:
        print(json.dumps(converse(made)))
