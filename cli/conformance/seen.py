"""One request as it came from a register: the bytes, and what they say of themselves.

Facts inside an UploadReceipts are seen one by one, as the calls they stand for. Never here: what is right or wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.message import DecodeError

from altyn.pos.v1 import pos_service_pb2

METHODS = {method.name: method for method in pos_service_pb2.DESCRIPTOR.services_by_name["PosService"].methods}
EFFECTS = ("ReserveReceipt", "CommitReceipt", "CancelReceipt", "ReturnReceipt")
OF_FACT = {"commit": "CommitReceipt", "return": "ReturnReceipt", "cancel": "CancelReceipt"}

#: (shift_number, receipt_number)
Receipt = tuple[int, int]


@dataclass
class Seen:
    """A request, and what was done with it. ``reply`` is what the server said, ``answer`` what the register was told:
    "OK" or the name of a gRPC status. ``arrived_s`` counts from the proxy's start.
    """

    number: int
    call: str
    request: bytes
    authorization: str
    arrived_s: float
    fault: str = ""
    reply: bytes | None = None
    answer: str = ""
    is_stubbed: bool = False

    @cached_property
    def message(self) -> Any:
        """The request, or None when it cannot be read."""
        try:
            return getattr(pos_service_pb2, f"{self.call}Request").FromString(self.request)
        except DecodeError:
            return None

    @property
    def response(self) -> Any:
        """What the server said, or None."""
        if self.reply is None:
            return None
        return getattr(pos_service_pb2, f"{self.call}Response").FromString(self.reply)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The effects it asks for: one, or those of an upload; none for a call without effects."""
        return tuple(self._operations())

    def _operations(self) -> Iterator[Operation]:
        if self.message is None:
            return
        if self.call in EFFECTS:
            yield Operation(self, self.call, self.message, self.request)
        elif self.call == "UploadReceipts":
            for fact in self.message.receipts:
                kind = fact.WhichOneof("fact")
                if kind:
                    found = getattr(fact, kind)
                    yield Operation(self, OF_FACT[kind], found, found.SerializeToString())

    def __str__(self) -> str:
        told = "; ".join(str(operation) for operation in self.operations)
        return f"#{self.number} at {self.arrived_s:.2f} s {self.call} {told} [{self.fault or 'passed on'}]".replace(
            "  ", " "
        )


@dataclass
class Operation:
    """An effect call, or a fact of an upload."""

    seen: Seen = field(repr=False)
    call: str
    message: Any
    request: bytes

    @property
    def op_id(self) -> bytes:
        return bytes(self.message.op_id)

    @property
    def register_seq(self) -> int:
        return int(self.message.register_seq)

    @property
    def place(self) -> tuple[str, str]:
        """(store_id, register_id)"""
        of = self._of
        return of.store_id, of.register_id

    @property
    def receipt(self) -> Receipt:
        of = self._of
        return of.shift_number, of.receipt_number

    @property
    def _of(self) -> Any:
        return self.message if self.call == "CancelReceipt" else self.message.receipt

    def __str__(self) -> str:
        shift_number, receipt_number = self.receipt
        return f"{shift_number}/{receipt_number} op {self.op_id.hex()[-8:]} seq {self.register_seq}"
