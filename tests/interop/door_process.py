"""A door of one kind with a few calls, alone in a process, so that clients may block: `python -m … h2 [FOLDER]`.

FOLDER: speak TLS with its `server.crt`, and ask every peer for a certificate signed by its `ca.crt`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate
from altyn.server.app import address_of, say_ready
from altyn.server.calls import Reply
from altyn.server.ops import bearer
from altyn.server.transport.door import DoorKind, Metadata, Service, choose, new_door
from altyn.server.transport.tls import Tls, TlsFiles

SERVICE = "test.Service"
LISTEN = "127.0.0.1:0"


def authenticate(metadata: Metadata, certificate: Certificate | None) -> Scope:
    return Scope("demo", "s1", bearer(metadata))


def echo(request: bytes, scope: Scope) -> Reply:
    return request


async def later(request: bytes, scope: Scope) -> bytes:
    await asyncio.sleep(0.01)
    return request


async def never(request: bytes, scope: Scope) -> bytes:
    await asyncio.Event().wait()
    return request


def who(request: bytes, scope: Scope) -> Reply:
    return scope.register_id.encode()


def refuse(request: bytes, scope: Scope) -> Reply:
    raise CallRefused("INVALID_ARGUMENT", "OUT_OF_RANGE", "receipt.lines[0].qty_milli", "more than 0 %, больше 0")


TABLE = {"Echo": echo, "Later": later, "Never": never, "Who": who, "Refuse": refuse}


async def serve(kind: DoorKind, folder: str = "") -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    files = Path(folder)
    tls = Tls(TlsFiles(files / "server.crt", files / "server.key", files / "ca.crt")) if folder else None
    door = new_door(kind, [Service(SERVICE, TABLE, authenticate)], LISTEN, tls=tls)
    await door.start()
    await door.say_serving()
    say_ready({"grpc": address_of(LISTEN, door.port)})
    await stopping.wait()
    await door.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(choose(sys.argv[1]), *sys.argv[2:]))  # type: ignore[arg-type]
