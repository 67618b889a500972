"""Receipts for load tests, as bytes: real basket sizes and goods, a fresh identity for every send.

A stock is made once, before the first call, from the demonstration's baskets; a user then takes one after another and
only puts its own store, register, shift and receipt number in. Sizes and goods therefore follow the published skew
instead of a uniform guess.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta

from altyn.cli.demo import dataset
from altyn.pos.v1 import pos_service_pb2, receipt_pb2
from altyn.register import Line, LocalTime, build_receipt, card


class Stock:
    """Baskets ready to be sent. ``registers`` decides nothing here: any register may sell any basket."""

    def __init__(self, baskets_count: int, last_day: date | None = None) -> None:
        day = last_day or datetime.now(UTC).date() - timedelta(days=1)
        chain = dataset.load(day, baskets_count=baskets_count)
        self._receipts = [_receipt(basket) for basket in chain.baskets]

    def __len__(self) -> int:
        return len(self._receipts)

    def receipt(self, number: int, at: LocalTime) -> receipt_pb2.Receipt:
        """A copy of the ``number``-th basket (round and round) with the present moment."""
        receipt = receipt_pb2.Receipt()
        receipt.CopyFrom(self._receipts[number % len(self._receipts)])
        receipt.local_time_us, receipt.utc_offset_minutes = at.local_time_us, at.utc_offset_minutes
        return receipt


class Numbering:
    """One register's identity in one run: its shift is the run's begin in seconds, so runs never meet."""

    def __init__(self, store_id: str, register_id: str) -> None:
        self.store_id = store_id
        self.register_id = register_id
        self._shift_number = int(time.time())
        self._receipt_number = 0
        self._register_seq = time.time_ns() // 1000

    def next_receipt(self, receipt: receipt_pb2.Receipt) -> None:
        """Make it this register's next receipt."""
        self._receipt_number += 1
        receipt.store_id, receipt.register_id = self.store_id, self.register_id
        receipt.shift_number, receipt.receipt_number = self._shift_number, self._receipt_number

    def commit(self, receipt: receipt_pb2.Receipt, calc_token: bytes) -> bytes:
        """The bytes of a CommitReceipt under a new operation id."""
        self._register_seq += 1
        return pos_service_pb2.CommitReceiptRequest(
            op_id=os.urandom(16), register_seq=self._register_seq, calc_token=calc_token, receipt=receipt
        ).SerializeToString()


def _receipt(basket: dataset.Basket) -> receipt_pb2.Receipt:
    return build_receipt(
        store_id=basket.store_id,
        register_id=basket.register_id,
        shift_number=basket.shift_number,
        receipt_number=basket.receipt_number,
        cashier_id="cashier",
        lines=[
            Line(
                line.sku,
                line.price_minor,
                qty_milli=line.quantity_milli,
                unit=receipt_pb2.UNIT_L if line.unit == dataset.LITRE else receipt_pb2.UNIT_PIECE,
                gross_minor=line.gross_minor,
                flags=line.flags,
            )
            for line in basket.lines
        ],
        currency=dataset.CURRENCY,
        exponent=dataset.EXPONENT,
        at=LocalTime.of(basket.sold_at),
        identity=card(basket.card_number),
    )
