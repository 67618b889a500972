"""Refused and failed calls in the log: findable, bounded, without what the request holds."""

from __future__ import annotations

import uuid

from structlog.testing import capture_logs

from altyn.core.engine import CallRefused, Scope
from altyn.pos.v1 import pos_service_pb2
from altyn.server.refusals import LINES_PER_S, RefusalLog

SCOPE = Scope("demo", "s1", "r7")
BUSY = CallRefused("UNAVAILABLE", "OVERLOADED", "", "busy")
WRONG = CallRefused("INVALID_ARGUMENT", "FIELD_INVALID", "receipt.lines[0].sku", "4276380012345678 is no sku")


def test_refusal_names_the_operation_and_the_register_and_not_the_content() -> None:
    op_id = uuid.uuid4().bytes
    request = pos_service_pb2.CommitReceiptRequest(op_id=op_id)
    request.receipt.identity.value = "4276380012345678"
    with capture_logs() as lines:
        RefusalLog().refused("CommitReceipt", WRONG, request.SerializeToString(), SCOPE)
    (line,) = lines
    assert line == {
        "event": "call_refused",
        "log_level": "info",
        "method": "CommitReceipt",
        "code": "INVALID_ARGUMENT",
        "reason": "FIELD_INVALID",
        "field": "receipt.lines[0].sku",
        "store_id": "s1",
        "register_id": "r7",
        "op_id": op_id.hex(),
        "left_out_count": 0,
    }


def test_flood_is_cut_and_the_next_line_says_by_how_much() -> None:
    now_s = 100.0
    told = RefusalLog(lambda: now_s)
    with capture_logs() as lines:
        for _ in range(1_000):
            told.refused("CommitReceipt", BUSY, b"", SCOPE)
        told.refused("ReserveReceipt", BUSY, b"", None)
        now_s += 1.0
        told.refused("CommitReceipt", BUSY, b"", SCOPE)
    counts = [(line["method"], line["left_out_count"]) for line in lines]
    assert counts == [
        *[("CommitReceipt", 0)] * LINES_PER_S,
        ("ReserveReceipt", 0),
        ("CommitReceipt", 1_000 - LINES_PER_S),
    ]


def test_fault_of_ours_is_an_error_with_its_trace_and_request_without_op_id_has_none() -> None:
    with capture_logs() as lines:
        RefusalLog().failed("GetBalance", ZeroDivisionError("x"), b"\x08\x01", None)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("call_failed", "error")
    assert isinstance(line["exc_info"], ZeroDivisionError) and "op_id" not in line
