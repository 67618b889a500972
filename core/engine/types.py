"""What goes into the engine and comes out of it, besides bytes."""

from __future__ import annotations

from typing import NamedTuple


class CallRefused(Exception):
    """The call cannot be answered. `code` names a gRPC status, `reason` an ErrorReason without its prefix; `field`
    may be empty.
    """

    def __init__(self, code: str, reason: str, field: str, message: str) -> None:
        super().__init__(f"{reason} {field}: {message}" if field else f"{reason}: {message}")
        self.code = code
        self.reason = reason
        self.field = field
        self.message = message


class Scope(NamedTuple):
    """What a register's credential is bound to."""

    tenant: str
    store_id: str
    register_id: str


class Record(NamedTuple):
    """One journal row to be written. `seq` is the place the engine counted on. `receipt_key` is None when the
    operation is about no
    receipt, `natural_key` also when it was taken before."""

    seq: int
    op_id: bytes
    kind: int
    natural_key: bytes | None
    receipt_key: bytes | None
    instant_us: int
    body: bytes


class Answer(NamedTuple):
    """A reply, the record to journal with it (None for reads and repeats), and the seq the reply depends on."""

    reply: bytes
    record: Record | None
    seq: int


class Lookup(NamedTuple):
    """Memory cannot tell: once `after_seq` is durable, ask the journal for these keys, then call again with what it
    said.
    """

    op_id: bytes
    natural_key: bytes | None
    receipt_key: bytes | None
    after_seq: int


class Known(NamedTuple):
    """What the journal holds under the keys of a Lookup: record bodies, or None."""

    by_op_id: bytes | None
    by_natural_key: bytes | None
