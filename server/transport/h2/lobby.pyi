from typing import Any, final

from altyn.server.meters import CallMeter
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import Authenticate

@final
class Method:
    def __init__(self, call: Any, authenticate: Authenticate, meter: CallMeter, is_traced: bool = False) -> None: ...

@final
class Lobby:
    connections: set[Any]
    sent_away: dict[str, int]
    connections_max: int
    connections_of_address_max: int
    entered_count: int
    age_ns: int
    def __init__(
        self,
        *,
        refusals: RefusalLog,
        idle_ns: int,
        age_ns: int,
        grace_ns: int,
        handshake_ns: int,
        request_ns: int,
        answer_ns: int,
        ping_interval_ns: int,
        connections_max: int,
        connections_of_address_max: int,
        request_bytes_max: int,
        turn_ns_max: int,
    ) -> None: ...
    @property
    def streams_count(self) -> int: ...
    @property
    def request_bytes(self) -> int: ...
    def add(self, path: str, method: Method) -> None: ...
    def enter(self, origin: str) -> bool: ...
    def leave(self, origin: str) -> None: ...
    def count_sent_away(self, reason: str) -> int: ...
    def say(self, service: str, status: int) -> None: ...
    def tick(self) -> bool: ...
    def drain(self) -> None: ...
    def abandon(self) -> None: ...
