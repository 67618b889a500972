"""Who is connected to the JSON door: so many at a time, and so many from one address.

Invariant: whoever entered is counted until it leaves, under the address it entered from. Of TLS only those are counted
whose handshake is over. Never here: what a connection says.
"""

from __future__ import annotations

from typing import Any


class Guests:
    """What the metrics of a door read, too."""

    request_bytes = 0  # a body is in nobody's buffer but its request's

    def __init__(self, connections_max: int, of_address_max: int) -> None:
        self.connections: set[Any] = set()
        self.connections_max = connections_max
        self.sent_away: dict[str, int] = {}
        self._of_address_max = of_address_max
        self._origins: dict[str, int] = {}

    def enter(self, origin: str, connection: Any) -> bool:
        """Count it. False: there is no room, for anybody or for this address."""
        known = self._origins.get(origin, 0)
        if len(self.connections) >= self.connections_max:
            return self._send_away("too_many_connections")
        if known >= self._of_address_max:
            return self._send_away("too_many_connections_of_address")
        self.connections.add(connection)
        self._origins[origin] = known + 1
        return True

    def leave(self, origin: str, connection: Any) -> None:
        """It is gone."""
        self.connections.discard(connection)
        self._origins[origin] -= 1
        if not self._origins[origin]:
            del self._origins[origin]

    def _send_away(self, reason: str) -> bool:
        self.sent_away[reason] = self.sent_away.get(reason, 0) + 1
        return False
