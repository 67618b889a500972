"""The core as a function: (state, request, instant) -> (effects, reply)."""

from typing import NamedTuple

from altyn.core.facts import Facts
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations

class CallRefused(Exception):
    """The call cannot be answered. `code` names a gRPC status, `reason` an ErrorReason without its prefix."""

    code: str
    reason: str
    field: str
    message: str
    def __init__(self, code: str, reason: str, field: str, message: str) -> None: ...

class Scope(NamedTuple):
    """What a register's credential is bound to."""

    tenant: str
    store_id: str
    register_id: str

class Record(NamedTuple):
    """One journal row to be written; `seq` is the place the engine counted on."""

    seq: int
    op_id: bytes
    kind: int
    natural_key: bytes | None
    receipt_key: bytes
    instant_us: int
    body: bytes

class Answer(NamedTuple):
    """A reply, the record to journal with it (None for reads and repeats), and the seq the reply depends on."""

    reply: bytes
    record: Record | None
    seq: int

class Lookup(NamedTuple):
    """The engine's memory cannot tell whether this operation was seen: ask the journal, then call again with what it said."""

    op_id: bytes
    natural_key: bytes
    receipt_key: bytes

class Known(NamedTuple):
    """What the journal holds under these keys: record bodies, or None."""

    by_op_id: bytes | None
    by_natural_key: bytes | None

class Engine:
    facts: Facts
    book: Book
    operations: Operations
    def __init__(self, *, tenant: str, facts: Facts, token_key: bytes, pepper: bytes, zone: str) -> None: ...
    last_seq: int
    last_instant_us: int
    rules_version: int
    rules_sha256: str
    promotions_count: int
    def take_ruleset(self, version: int, image: bytes, *, emergency: bool = False) -> None: ...
    def calculate_receipt(self, request: bytes, scope: Scope, clock_us: int) -> bytes: ...
    def authorize_customer(self, request: bytes, scope: Scope, clock_us: int) -> Answer: ...
    def reserve_receipt(self, request: bytes, scope: Scope, clock_us: int, known: Known | None = ...) -> Answer | Lookup: ...
    def commit_receipt(self, request: bytes, scope: Scope, clock_us: int, known: Known | None = ...) -> Answer | Lookup: ...
    def cancel_receipt(self, request: bytes, scope: Scope, clock_us: int, known: Known | None = ...) -> Answer | Lookup: ...
    def get_operation(self, request: bytes, scope: Scope, clock_us: int, known: Known | None = ...) -> Answer | Lookup: ...
    def adjust_points(self, request: bytes, scope: Scope, clock_us: int, known: Known | None = ...) -> Answer | Lookup: ...
    def get_balance(self, request: bytes, clock_us: int) -> Answer: ...
    def expire_holds(self, clock_us: int, count_max: int) -> list[Record]: ...
    def replay(self, seq: int, body: bytes) -> None: ...
