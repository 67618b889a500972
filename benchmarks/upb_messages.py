"""The codec's job by protobuf's own Python objects (upb): the yardstick beside which the codec is measured.

A request is parsed and every field that its lines have is read; its reply is built from plain Python values and
serialised. The bytes are those that the codec writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from altyn.pos.v1.outcome_pb2 import STATUS_OK, Outcome
from altyn.pos.v1.pos_service_pb2 import CommitReceiptRequest, CommitReceiptResponse

Discount = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply says, as a calculation in Python would leave it."""

    lines: list[tuple[int, int, int, int, list[Discount], list[tuple[str, int]]]]
    totals: tuple[int, int, int]
    accrual: list[tuple[str, int]]
    balances: list[tuple[str, int, int, int]]
    messages: list[tuple[int, str, str, str]]
    rules_version: int
    server_time_us: int
    seq: int


def answer_of(reply: bytes) -> Answer:
    """The values of a reply that `codec_messages` made."""
    message = CommitReceiptResponse.FromString(reply)
    outcome = message.outcome
    return Answer(
        lines=[
            (
                line.line_no,
                line.gross_minor,
                line.net_minor,
                line.discount_minor,
                [
                    (part.promotion_id, part.version, part.stage, part.amount_minor, part.kind)
                    for part in line.discounts
                ],
                [(part.asset, part.points) for part in line.accrual],
            )
            for line in outcome.lines
        ],
        totals=(outcome.totals.gross_minor, outcome.totals.discount_minor, outcome.totals.to_pay_minor),
        accrual=[(part.asset, part.points) for part in outcome.totals.accrual],
        balances=[(part.asset, part.active_points, part.pending_points, part.scale) for part in outcome.balances],
        messages=[(part.channel, part.text, part.language, part.promotion_id) for part in outcome.messages],
        rules_version=outcome.rules_version,
        server_time_us=message.server_time_us,
        seq=message.seq,
    )


def read_request(source: bytes) -> int:
    """Parse a request and read what its lines have; something of everything, so that nothing is left out."""
    receipt = CommitReceiptRequest.FromString(source).receipt
    seen = 0
    for line in receipt.lines:
        seen += line.line_no + len(line.sku) + len(line.barcode) + line.qty_milli
        seen += line.unit + line.price_minor + line.vat_code + line.flags.no_discount
    return seen


def write_reply(answer: Answer) -> bytes:
    """Build a reply and serialise it."""
    reply = CommitReceiptResponse(status=STATUS_OK, server_time_us=answer.server_time_us, seq=answer.seq)
    outcome: Outcome = reply.outcome
    outcome.rules_version = answer.rules_version
    add_line = outcome.lines.add
    for line_no, gross, net, off, discounts, accrual in answer.lines:
        line = add_line(line_no=line_no, gross_minor=gross, net_minor=net, discount_minor=off)
        for promotion_id, version, stage, amount, kind in discounts:
            line.discounts.add(promotion_id=promotion_id, version=version, stage=stage, amount_minor=amount, kind=kind)
        for asset, points in accrual:
            line.accrual.add(asset=asset, points=points)
    totals = outcome.totals
    totals.gross_minor, totals.discount_minor, totals.to_pay_minor = answer.totals
    for asset, points in answer.accrual:
        totals.accrual.add(asset=asset, points=points)
    for asset, active, pending, scale in answer.balances:
        outcome.balances.add(asset=asset, active_points=active, pending_points=pending, scale=scale)
    for channel, text, language, promotion_id in answer.messages:
        outcome.messages.add(channel=channel, text=text, language=language, promotion_id=promotion_id)
    return reply.SerializeToString()
