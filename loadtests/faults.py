"""The faulty mix: what goes wrong at tills, sent on purpose, each with the answer it must get.

A fault takes the place of a receipt's commit. It uses a moment of its own register only, and leaves nothing open: a
reserved receipt is cancelled, a timed-out operation is sent again. Every answer is checked; a wrong one fails the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import grpc

from altyn.loadtests.door import Door, Expect, Said, answered, refused_with, same_as, status_is
from altyn.loadtests.receipts import Numbering, receipt_key
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2

IS_OK, IS_CONFLICT = status_is(outcome_pb2.STATUS_OK), status_is(outcome_pb2.STATUS_CONFLICT)
HOPELESS_S = 0.001
#: No programme has it: sixteen digits that fail the check digit.
STRANGER = "0000000000000001"
MALFORMED = b"\xff\xff\xff\xff"


class Till(Protocol):
    """What a fault needs of a user."""

    door: Door
    numbering: Numbering


Fault = Callable[[Till, receipt_pb2.Receipt, bytes, int], None]


def duplicate(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """The same bytes twice: the same reply twice."""
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    first = _commit(till, receipt, op_id, request, planned_us)
    _commit(till, receipt, op_id, request, planned_us, same_as(first), "CommitReceipt again")


def time_out(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """Given up after a millisecond, then sent again: done once, and answered."""
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    first = till.door.send(
        "CommitReceipt",
        request,
        planned_us=planned_us,
        expect=_answered_or_silent,
        name="CommitReceipt in 1 ms",
        op_id=op_id,
        receipt_key=receipt_key(receipt),
        timeout_s=HOPELESS_S,
    )
    _commit(till, receipt, op_id, request, planned_us, same_as(first), "CommitReceipt again")


def receipt_twice(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """The same receipt under a second op_id: the first one's reply."""
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    first = _commit(till, receipt, op_id, request, planned_us)
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    _commit(till, receipt, op_id, request, planned_us, same_as(first), "CommitReceipt under a second op_id")


def op_id_reused(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """One op_id with other content: CONFLICT, and the first stands."""
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    first = _commit(till, receipt, op_id, request, planned_us)
    if first.reply is None:
        return
    receipt.lines[0].qty_milli += 1000
    receipt.lines[0].ClearField("gross_minor")
    _, changed = till.numbering.tell("CommitReceipt", receipt, token, op_id)
    _commit(till, receipt, op_id, changed, planned_us, IS_CONFLICT, "CommitReceipt with other content")


def cancelled_after(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """Sold, then voided: a fact as well, taken back or kept for a person."""
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    _commit(till, receipt, op_id, request, planned_us)
    _cancel(till, receipt, planned_us, _stored)


def cancelled_held(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """Reserved, then given up."""
    op_id, request = till.numbering.tell("ReserveReceipt", receipt, token)
    till.door.send("ReserveReceipt", request, planned_us=planned_us, op_id=op_id, receipt_key=receipt_key(receipt))
    _cancel(till, receipt, planned_us)


def cancelled_before(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """The void overtook the sale: the sale is a fact and stored, with an exception for a person."""
    said = _cancel(till, receipt, planned_us)
    expect = _excepted(reasons_pb2.REASON_VOID_CONFLICT) if said.reply is not None else _stored
    op_id, request = till.numbering.tell("CommitReceipt", receipt, token)
    _commit(till, receipt, op_id, request, planned_us, expect, "CommitReceipt after its void")


def unknown_card(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """Nobody's card: sold without points, with a flag."""
    receipt.identity.value = STRANGER
    receipt.identity.kind = receipt_pb2.TOKEN_KIND_CARD
    op_id, request = till.numbering.tell("CommitReceipt", receipt)
    _commit(till, receipt, op_id, request, planned_us, _unknown_customer, "CommitReceipt of an unknown card")


def malformed(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """Bytes that are no message."""
    _refused(till, "CommitReceipt of no message", MALFORMED, planned_us, grpc.StatusCode.INVALID_ARGUMENT)


def out_of_range(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """A quantity that cannot be."""
    receipt.lines[0].qty_milli = -1000
    _, request = till.numbering.tell("CommitReceipt", receipt)
    _refused(till, "CommitReceipt out of range", request, planned_us, grpc.StatusCode.INVALID_ARGUMENT)


def foreign_register(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """A receipt of another register under this one's key."""
    receipt.register_id += "-other"
    _, request = till.numbering.tell("CommitReceipt", receipt)
    _refused(till, "CommitReceipt of another register", request, planned_us, grpc.StatusCode.PERMISSION_DENIED)


def unknown_key(till: Till, receipt: receipt_pb2.Receipt, token: bytes, planned_us: int) -> None:
    """A key nobody issued."""
    _, request = till.numbering.tell("CommitReceipt", receipt)
    code = grpc.StatusCode.UNAUTHENTICATED
    _refused(till, "CommitReceipt with an unknown key", request, planned_us, code, key="nobody-issued-this")


FAULTS: tuple[Fault, ...] = (
    duplicate,
    time_out,
    receipt_twice,
    op_id_reused,
    cancelled_after,
    cancelled_held,
    cancelled_before,
    unknown_card,
    malformed,
    out_of_range,
    foreign_register,
    unknown_key,
)


def _commit(
    till: Till,
    receipt: receipt_pb2.Receipt,
    op_id: bytes,
    request: bytes,
    planned_us: int,
    expect: Expect = IS_OK,
    name: str = "",
) -> Said:
    return till.door.send(
        "CommitReceipt",
        request,
        planned_us=planned_us,
        expect=expect,
        name=name,
        op_id=op_id,
        receipt_key=receipt_key(receipt),
    )


def _cancel(till: Till, receipt: receipt_pb2.Receipt, planned_us: int, expect: Expect = IS_OK) -> Said:
    op_id, request = till.numbering.cancel(receipt)
    return till.door.send(
        "CancelReceipt",
        request,
        planned_us=planned_us,
        expect=expect,
        op_id=op_id,
        receipt_key=receipt_key(receipt),
    )


def _refused(
    till: Till, name: str, request: bytes, planned_us: int, code: grpc.StatusCode, key: str | None = None
) -> None:
    # Refused at the edge: there is no operation, so nothing for the ledger.
    till.door.send("CommitReceipt", request, planned_us=planned_us, expect=refused_with(code), name=name, key=key)


def _answered_or_silent(said: Said) -> str:
    return "" if said.code is grpc.StatusCode.DEADLINE_EXCEEDED else answered(said)


def _stored(said: Said) -> str:
    return status_is(outcome_pb2.STATUS_OK, outcome_pb2.STATUS_QUARANTINED)(said)


def _excepted(reason: int) -> Expect:
    def look(said: Said) -> str:
        problem = _stored(said)
        if problem or reason in said.response.exceptions:
            return problem
        return f"no exception {reason} among {list(said.response.exceptions)}"

    return look


def _unknown_customer(said: Said) -> str:
    problem = IS_OK(said)
    if problem:
        return problem
    if reasons_pb2.REASON_CUSTOMER_UNKNOWN not in said.response.outcome.flags:
        return "no flag CUSTOMER_UNKNOWN"
    return "points for nobody" if said.response.outcome.totals.accrual else ""
