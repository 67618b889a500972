"""Requests that take sales back, for engine tests."""

from __future__ import annotations

from collections.abc import Sequence

from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.world import line, new_op_id, receipt


def refund(
    *lines: tuple[int, int], of: int = 1, number: int = 900, op_id: bytes = b"", **fields: object
) -> receipt_pb2.Receipt:
    """(line_no, qty_milli) of receipt `of`; `op_id`: the sale is named by its Commit's op_id alone."""
    made = receipt(
        *(refund_line(place, *what) for place, what in enumerate(lines, 1)), number=number, card="", **fields
    )
    if op_id:
        made.original.op_id = op_id
    else:
        made.original.shift_number = 1
        made.original.receipt_number = of
    return made


def refund_line(line_no: int, sold_line_no: int, qty_milli: int) -> receipt_pb2.ReceiptLine:
    made = line(line_no, "loaf", 0, qty_milli)
    made.refund_of.line_no = sold_line_no
    made.refund_of.qty_milli = qty_milli
    return made


def give_back(of: receipt_pb2.Receipt, register_seq: int, op_id: bytes | None = None) -> bytes:
    return pos.ReturnReceiptRequest(
        op_id=op_id or new_op_id(), register_seq=register_seq, receipt=of
    ).SerializeToString()


def refunds(reply: pos.ReturnReceiptResponse) -> Sequence[int]:
    return [line.net_minor for line in reply.outcome.lines]
