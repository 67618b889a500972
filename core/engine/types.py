"""What goes into the engine and comes out of it, besides bytes."""

from __future__ import annotations

from typing import NamedTuple

from altyn.core.engine.answers import Answer, Record

__all__ = ["WAITING_MAX", "Answer", "CallRefused", "Known", "Lookup", "Record", "RulesWanted", "Scope"]


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


class Lookup(NamedTuple):
    """Memory cannot tell: once `after_seq` is durable, ask the journal for these keys, then call again with what it
    said. `original_key` asks for a sale and what was taken back of it: the sale's receipt key, or its Commit's op_id.
    `waiting`: and for the returns that came before it. `is_new`: the operation itself is certainly new, so that nothing
    need be asked about it but its original.
    """

    op_id: bytes
    natural_key: bytes | None
    receipt_key: bytes | None
    after_seq: int
    original_key: bytes | None = None
    original_op_id: bytes | None = None
    waiting: bool = False
    is_new: bool = False


class RulesWanted(NamedTuple):
    """An offline receipt is to be judged by the release of this time, and memory does not hold it: `take_past_ruleset`,
    then call again. With a version: a return is judged by that release, `take_release`.
    """

    business_time_us: int
    version: int = 0


class RulesMissing(Exception):
    """Inside the engine: a decision cannot go on without what is wanted."""

    def __init__(self, wanted: RulesWanted) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class Known(NamedTuple):
    """What the journal holds under the keys of a Lookup: record bodies, or None.

    Of an original: the sale's record, the latest that took something of it back, and, where they were asked for, the
    returns that came before it, oldest first, at most `WAITING_MAX`. `after_seq`: up to there nothing was missed.
    """

    by_op_id: bytes | None
    by_natural_key: bytes | None
    sale: bytes | None = None
    taken_back: bytes | None = None
    waiting: tuple[bytes, ...] = ()
    after_seq: int = 0


# Returns of one sale that may come before it; later ones are for a person.
WAITING_MAX = 64
