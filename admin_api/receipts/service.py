"""A stored receipt, decided again from its own evidence: the same core, the same release, nothing but the record.

Equal means byte for byte, in all that the calculator makes (``core/engine/replay``). Invariants: what is shown are the
amounts that were answered, never those of the replay; a replay that differs is told, whatever the reason. It must never
show a code as it was typed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from altyn.admin_api.receipts.errors import ReceiptUnknown
from altyn.admin_api.releases.compiling import compile_bytes
from altyn.core.engine import CallRefused, recalculate, same_decision
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos

REPLIES: dict[int, Any] = {
    pos.OPERATION_KIND_RESERVE: pos.ReserveReceiptResponse,
    pos.OPERATION_KIND_COMMIT: pos.CommitReceiptResponse,
}


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A Reserve or Commit as the journal has it. ``record``: altyn.journal.v1.Record."""

    seq: int
    record: Any
    reply: Any

    @property
    def receipt(self) -> dict[str, Any]:
        return plain(self.record.request.receipt)

    @property
    def outcome(self) -> dict[str, Any]:
        """As it was answered, codes left out."""
        told = plain(self.reply.outcome)
        for row in (*told["coupons"], *told["issued_coupons"]):
            row["code"] = ""
        return told

    @property
    def is_commit(self) -> bool:
        return bool(self.record.kind == pos.OPERATION_KIND_COMMIT)


@dataclass(frozen=True, slots=True)
class Again:
    """What deciding again gave: equal or not, why not, and the explanation of altyn.pos.v1.Outcome."""

    equal: bool
    why: str
    explain: dict[str, Any] | None
    documents: list[dict[str, Any]]


def stored_receipt(body: bytes) -> StoredReceipt:
    """Raises ReceiptUnknown: the record cannot be read, or is about no receipt that was priced."""
    try:
        record = journal.Record.FromString(body)
        reply_type = REPLIES.get(record.kind)
        reply = reply_type.FromString(record.reply) if reply_type else None
    except DecodeError:
        raise ReceiptUnknown("the record cannot be read") from None
    if reply is None or not reply.HasField("outcome") or not record.request.HasField("receipt"):
        raise ReceiptUnknown(f"record {record.seq} is no sale that was priced")
    return StoredReceipt(record.seq, record, reply)


def decide_again(body: bytes, release: bytes | None) -> Again:
    """The decision made again by the document of its release. For a thread: compiling may take a second."""
    if release is None:
        return Again(False, "its release is not here", None, [])
    documents = json.loads(release)
    version = stored_receipt(body).record.evidence.rules_version
    compiled = compile_bytes(version, release)
    if compiled.problems:
        return Again(
            False, f"its release does not compile any more: {compiled.problems[0]['message']}", None, documents
        )
    ruleset = Ruleset(compiled.image)
    try:
        equal = same_decision(body, ruleset)
        outcome = outcome_pb2.Outcome.FromString(recalculate(body, ruleset, True))
    except (ValueError, CallRefused) as error:
        return Again(False, str(error), None, documents)
    why = "" if equal else "deciding again gives other amounts than the stored reply"
    return Again(equal, why, plain(outcome.explain), documents)


def plain(message: Message) -> dict[str, Any]:
    """Fields by name: numbers as numbers, enums by name, absent messages left out."""
    found: dict[str, Any] = {}
    for field in cast(Sequence[FieldDescriptor], message.DESCRIPTOR.fields):
        value = getattr(message, field.name)
        if field.is_repeated:
            found[field.name] = [_plain_value(field, one) for one in value]
        elif field.message_type is None or message.HasField(field.name):
            found[field.name] = _plain_value(field, value)
    return found


def _plain_value(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    return value.hex() if isinstance(value, bytes) else value
