"""UploadReceipts: facts that a register stored while it could not reach the server.

Each fact is the call it stands for: same bytes, same look-up in the journal, same op_id, so one that had come
before is answered and not done again. They are decided in the order they stand in, which is the register's own, and
answered together when all are durable. What cannot be a fact (malformed, out of range, another register's) is
DECLINED by itself: one bad receipt must not hold up a queue. When the server is busy, or seconds have passed, the rest
is left for the next upload. Never here: a decision.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import structlog

from altyn.core.engine import CallRefused, Known, Lookup, Scope
from altyn.core.ledger.keys import natural_key, receipt_key
from altyn.pos.v1 import outcome_pb2, reasons_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.journal_reader import LOOKUPS_A_QUESTION_MAX
from altyn.server.own_message import read_own

RECEIPTS_MAX = 256
PUSH_BACK_US = 1_000_000
RECEIPTS_FIELD = 3
OP_ID_BYTES = 16
# Facts decided in one turn of the loop: live calls are decided in between.
FACTS_A_TURN = 16
# With the wait for one old release it stays below a register's ten seconds; what is left comes in the next upload.
PATIENCE_S = 5.0

COMMIT, RETURN, CANCEL = 1, 2, 3
_REPLIES: dict[int, Any] = {
    COMMIT: pos.CommitReceiptResponse,
    RETURN: pos.ReturnReceiptResponse,
    CANCEL: pos.CancelReceiptResponse,
}
_KINDS = {
    "commit": pos.OPERATION_KIND_COMMIT,
    "return": pos.OPERATION_KIND_RETURN,
    "cancel": pos.OPERATION_KIND_CANCEL,
}
_REFUSED = {"INVALID_ARGUMENT", "PERMISSION_DENIED"}

log = structlog.get_logger(__name__)


class Fact(NamedTuple):
    """One uploaded receipt: the number of its place in UploadedReceipt's oneof, and the call's own bytes."""

    kind: int
    request: bytes


FindAll = Callable[[Sequence[Lookup]], Awaitable[list[Known]]]


class LookedUpAhead:
    """What the journal holds of an upload's facts: when one needs to be looked up, those behind it are in the same
    question. A hint that may be out of date by the time it is used: whoever decides by it asks again when memory knows
    of something later, and is then given nothing here.
    """

    def __init__(self, lookups: Iterable[Lookup], find_all: FindAll) -> None:
        self._find_all = find_all
        self._ahead = dict.fromkeys(lookups)
        self._found: dict[Lookup, Known] = {}

    async def find(self, lookup: Lookup) -> Known | None:
        """Once for each; None: ask by yourself. CallRefused."""
        key = lookup._replace(after_seq=0, is_new=False)
        if key in self._ahead:
            behind = itertools.dropwhile(lambda one: one != key, self._ahead)
            asked = list(itertools.islice(behind, LOOKUPS_A_QUESTION_MAX))
            for one in asked:
                del self._ahead[one]
            self._found.update(zip(asked, await self._find_all(asked), strict=True))
        return self._found.pop(key, None)


Admit = Callable[[Fact, Scope, LookedUpAhead], Awaitable[bytes | Awaitable[bytes]]]


async def upload_receipts(
    request: bytes, scope: Scope, admit: Admit, find_all: FindAll, clock: Callable[[], int]
) -> bytes:
    """`admit` decides one fact: its reply, or a promise of it when that is durable. CallRefused as of a call."""
    call = read_own(pos.UploadReceiptsRequest, request, scope)
    facts = list(facts_of(request))
    if len(facts) > RECEIPTS_MAX:
        raise CallRefused("INVALID_ARGUMENT", "TOO_LARGE", "receipts", f"at most {RECEIPTS_MAX} receipts in one upload")
    ahead = LookedUpAhead(filter(None, (_lookup_of(one, scope) for one in call.receipts)), find_all)
    reply = pos.UploadReceiptsResponse()
    promised: list[tuple[Fact, bytes | Awaitable[bytes]]] = []
    refused: dict[int, CallRefused] = {}
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + PATIENCE_S
    for place, fact in enumerate(facts):
        if place % FACTS_A_TURN == 0:
            await asyncio.sleep(0)
        if loop.time() > give_up_at and promised:
            break
        try:
            promised.append((fact, await admit(fact, scope, ahead)))
        except CallRefused as error:
            if error.code not in _REFUSED:
                reply.push_back_us = PUSH_BACK_US
                break
            refused[place] = error
            promised.append((fact, b""))
    if not promised and facts:
        raise CallRefused("UNAVAILABLE", "OVERLOADED", "", "no receipt could be taken now; send the same ones again")
    for place, (fact, answer) in enumerate(promised):
        if place in refused:
            reply.results.append(_declined(call.receipts[place], refused[place], scope))
        else:
            reply.results.append(_result(fact, answer if isinstance(answer, bytes) else await answer))
            reply.results[-1].op_id = op_id_of(call.receipts[place])
    reply.server_time_us = clock()
    return reply.SerializeToString()


def op_id_of(uploaded: pos.UploadedReceipt) -> bytes:
    name = uploaded.WhichOneof("fact")
    return bytes(getattr(uploaded, name).op_id) if name else b""


def _lookup_of(uploaded: pos.UploadedReceipt, scope: Scope) -> Lookup | None:
    """The keys the engine will ask for, if it asks. None: it will refuse this one, or cannot be foreseen."""
    name = uploaded.WhichOneof("fact")
    fact = getattr(uploaded, name) if name else None
    if fact is None or len(fact.op_id) != OP_ID_BYTES:
        return None
    about = fact if name == "cancel" else fact.receipt
    receipt = receipt_key(*scope, about.shift_number, about.receipt_number)
    natural = natural_key(receipt, _KINDS[name], fact.op_no)
    if name == "cancel":
        return Lookup(fact.op_id, natural, receipt, 0, receipt)
    if name == "commit":
        return Lookup(fact.op_id, natural, receipt, 0, receipt, fact.op_id, waiting=True)
    sale = fact.receipt.original
    if sale.without_receipt or len(sale.op_id) not in (0, OP_ID_BYTES):
        return None
    key = receipt_key(
        scope.tenant,
        sale.store_id or scope.store_id,
        sale.register_id or scope.register_id,
        sale.shift_number,
        sale.receipt_number,
    )
    named_by_op_id = sale.op_id and sale.receipt_number == 0
    return Lookup(fact.op_id, natural, receipt, 0, sale.op_id if named_by_op_id else key, sale.op_id or None)


def _result(fact: Fact, answer: bytes) -> pos.UploadResult:
    reply = _REPLIES[fact.kind].FromString(answer)
    return pos.UploadResult(status=reply.status, reason=reply.reason, exceptions=reply.exceptions, seq=reply.seq)


def _declined(uploaded: pos.UploadedReceipt, error: CallRefused, scope: Scope) -> pos.UploadResult:
    log.warning(
        "upload_declined", store=scope.store_id, register=scope.register_id, reason=error.reason, field=error.field
    )
    return pos.UploadResult(
        op_id=op_id_of(uploaded), status=outcome_pb2.STATUS_DECLINED, reason=reasons_pb2.REASON_NOT_APPLICABLE
    )


# BYTES: a fact's content hash is over the bytes the register made, so they are cut out and not written anew.


def facts_of(request: bytes) -> Iterator[Fact]:
    """The facts of a request that is known to be well-formed. One without any fact has kind 0."""
    for number, uploaded in _messages(request):
        if number == RECEIPTS_FIELD:
            known = [(kind, body) for kind, body in _messages(uploaded) if kind in _REPLIES]
            yield Fact(*known[-1]) if known else Fact(0, b"")


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(field number, bytes) of every length-delimited field."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            _, at = _varint(data, at)
        elif wire == 1:
            at += 8
        elif wire == 5:
            at += 4
        elif wire == 2:
            size, at = _varint(data, at)
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            raise CallRefused("INVALID_ARGUMENT", "MALFORMED", "receipts", "groups are not a part of this call")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at
