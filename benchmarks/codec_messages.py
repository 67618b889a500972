"""Receipts of 20 lines and their replies, varied, as bytes: what the codec benchmark feeds on."""

from __future__ import annotations

import random

from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2


def commit_request(rng: random.Random) -> bytes:
    """A CommitReceiptRequest of 20 lines, about 850 bytes."""
    receipt = receipt_pb2.Receipt(
        store_id=f"M{rng.randrange(1000):03}",
        register_id=f"K{rng.randrange(30):02}",
        shift_number=rng.randrange(1, 2000),
        receipt_number=rng.randrange(1, 900),
        cashier_id=f"C{rng.randrange(1000)}",
        local_time_us=1_780_000_000_000_000 + rng.randrange(10**12),
        utc_offset_minutes=180,
        currency="RUB",
        exponent=2,
        mode=receipt_pb2.MODE_ONLINE,
        identity=receipt_pb2.Identity(
            kind=receipt_pb2.TOKEN_KIND_CARD,
            value=f"{rng.randrange(10**13):013}",
            input_method=receipt_pb2.INPUT_METHOD_SCAN,
        ),
        fiscal=receipt_pb2.FiscalMark(
            drive="9960440301", document=str(rng.randrange(10**5)), sign=str(rng.randrange(10**10))
        ),
    )
    for line_no in range(1, 21):
        line = receipt.lines.add(
            line_no=line_no,
            sku=str(rng.randrange(10**6, 10**7)),
            barcode=f"{rng.randrange(10**13):013}",
            unit=1,
            qty_milli=rng.choice((1000, 1000, 1000, 2000, 3000, rng.randrange(100, 5000))),
            price_minor=rng.randrange(990, 150_000),
            vat_code=rng.choice((1, 2)),
        )
        if rng.random() < 0.1:
            line.flags.no_discount = True
    if rng.random() < 0.2:
        receipt.coupons.add(code=f"SPRING{rng.randrange(100)}", source=1)
    receipt.payments.add(type=2, sum_minor=rng.randrange(10**4, 10**6))
    request = pos_service_pb2.CommitReceiptRequest(
        op_id=rng.randbytes(16), register_seq=rng.randrange(10**6), receipt=receipt
    )
    return request.SerializeToString()


def commit_reply(rng: random.Random) -> bytes:
    """A CommitReceiptResponse for 20 lines, about 800 bytes."""
    outcome = outcome_pb2.Outcome(rules_version=rng.randrange(1, 500), reserve_required=False)
    for line_no in range(1, 21):
        gross = rng.randrange(990, 150_000)
        discount = gross // 10 if rng.random() < 0.5 else 0
        line = outcome.lines.add(
            line_no=line_no, gross_minor=gross, net_minor=gross - discount, discount_minor=discount
        )
        if discount:
            line.discounts.add(
                promotion_id=f"P{rng.randrange(1000)}", version=17, stage=2, amount_minor=discount, kind=1
            )
        line.accrual.add(asset="MAIN", points=gross // 50)
    outcome.totals.gross_minor = sum(line.gross_minor for line in outcome.lines)
    outcome.totals.discount_minor = sum(line.discount_minor for line in outcome.lines)
    outcome.totals.to_pay_minor = outcome.totals.gross_minor - outcome.totals.discount_minor
    outcome.totals.accrual.add(asset="MAIN", points=rng.randrange(10**5))
    outcome.balances.add(asset="MAIN", active_points=rng.randrange(10**6), pending_points=500, scale=2)
    outcome.messages.add(channel=1, text="Спасибо за покупку", language="ru", promotion_id="P7")
    reply = pos_service_pb2.CommitReceiptResponse(
        status=outcome_pb2.STATUS_OK, outcome=outcome, server_time_us=1_780_000_000_000_000, seq=rng.randrange(10**7)
    )
    return reply.SerializeToString()
