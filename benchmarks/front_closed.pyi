import socket
import ssl
from collections.abc import Iterator, Sequence

from altyn.benchmarks.front_load import Load

class Connection:
    socket: socket.socket
    sent_at: float
    reply_bytes: int
    def __init__(
        self,
        address: str,
        method: str,
        key: str,
        requests: Iterator[bytes],
        expect: bytes,
        tls: ssl.SSLContext | None = None,
    ) -> None: ...
    def send(self) -> bool: ...
    def receive(self) -> bool: ...

class EchoConnection(Connection):
    def __init__(self, address: str, requests: Iterator[bytes]) -> None: ...

class ClosedLoop:
    def __init__(self, connections: Sequence[Connection], awake: bool = False) -> None: ...
    def close(self) -> None: ...
    def warm(self) -> None: ...
    def run(self, seconds: float) -> Load: ...
