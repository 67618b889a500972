"""What Locust and its process of tills say to one another: one JSON object a line.

``altyn.register`` lives on asyncio and on gRPC's own threads, Locust on gevent: they share no process. Orders go down
(``open``, ``sell``, ``close``), one answer each comes up under the order's number. Moments are UTC microseconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

#: What may happen to a receipt: the till gives up early, sends twice, has no network for a while, voids.
MISHAPS = ("time_out", "duplicate", "offline", "void")


@dataclass(frozen=True, slots=True)
class Order:
    """``open`` takes the identity; ``sell`` the place in the stock and maybe a mishap; ``close`` settles and ends."""

    number: int
    do: str
    till: int
    store_id: str = ""
    register_id: str = ""
    key: str = ""
    place: int = 0
    mishap: str = ""


@dataclass(slots=True)
class Done:
    """``calls``: name, sent_us, done_us, what is wrong with the answer, and whether it was silence."""

    number: int
    calls: list[tuple[str, int, int, str, bool]] = field(default_factory=list)
    left_count: int = 0
    failure: str = ""


def encode(message: Order | Done) -> bytes:
    return orjson.dumps(asdict(message)) + b"\n"


def decode_order(line: bytes) -> Order:
    return Order(**orjson.loads(line))


def decode_done(line: bytes) -> Done:
    found: dict[str, Any] = orjson.loads(line)
    found["calls"] = [tuple(call) for call in found["calls"]]
    return Done(**found)
