"""Stored replies as registers heard them: the codes that the journal keeps no trace of, made again."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from google.protobuf.message import DecodeError

from altyn.cli.verify.pages import COMMIT
from altyn.core.engine.issued import issued_code
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos

MARK = "{{ coupon }}"


def told_hash(record: Any, pepper: bytes | None) -> bytes | None:
    """SHA-256 of the record's reply as it was told. `pepper` is the identity key; None: it told codes without a key."""
    if record.kind != COMMIT or not record.evidence.issues:
        return sha256(record.reply).digest()
    reply = pos.CommitReceiptResponse.FromString(record.reply)
    if reply.outcome.issued_coupons and pepper is None:
        return None
    for place, issued in enumerate(reply.outcome.issued_coupons):
        assert pepper is not None
        issued.code = issued_code(pepper, issued.code, reply.seq, place)
        for message in ([issued.message] if issued.HasField("message") else []) + list(issued.translations):
            message.text = message.text.replace(MARK, issued.code)
    return sha256(reply.SerializeToString()).digest()


def stored_hash(body: bytes, pepper: bytes | None) -> bytes | None:
    """`told_hash` of a record's body; empty when it cannot be read."""
    try:
        return told_hash(journal.Record.FromString(body), pepper)
    except DecodeError:
        return b""
