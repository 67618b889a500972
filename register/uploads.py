"""Facts told together: which of a queue go into one upload, and its bytes.

A fact's bytes go in as they were saved: the server compares content by them. An upload is bounded in facts and bytes,
so that a queue of days is told piece by piece, and what was answered leaves the file before the next piece is made.
Never here: sending, and what an answer means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Protocol

from altyn.register.records import Queued

#: The server takes 256 facts and 1 MiB; answers of fewer come before the attempt's time-out also on a busy day.
FACTS_MAX = 100
BYTES_MAX = 512 << 10
#: Facts a till may tell together, and their numbers in UploadedReceipt.
FACTS = MappingProxyType({"CommitReceipt": 1, "ReturnReceipt": 2, "CancelReceipt": 3})

_STORE_ID, _REGISTER_ID, _RECEIPTS = 1, 2, 3


class Fact(Protocol):
    """An operation, queued or just made."""

    @property
    def op_id(self) -> bytes: ...
    @property
    def call(self) -> str: ...
    @property
    def request(self) -> bytes: ...


def together(queue: Sequence[Queued], may_go: Callable[[Queued], bool]) -> list[Queued]:
    """The facts at the head of a queue that make one upload; empty when the first is none or goes alone."""
    taken: list[Queued] = []
    size = 0
    for operation in queue:
        size += len(operation.request)
        if operation.call not in FACTS or len(taken) == FACTS_MAX or size > BYTES_MAX or not may_go(operation):
            break
        taken.append(operation)
    return taken if len(taken) > 1 else []


def encode_upload(store_id: str, register_id: str, facts: Iterable[Fact]) -> bytes:
    """An UploadReceiptsRequest with the facts' bytes as they are."""
    told = (_field(_RECEIPTS, _field(FACTS[fact.call], fact.request)) for fact in facts)
    return _field(_STORE_ID, store_id.encode()) + _field(_REGISTER_ID, register_id.encode()) + b"".join(told)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of protocol buffers."""
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
