"""Receipts for load tests: real basket sizes and goods, a fresh identity for every sale.

A stock is made once, before the first call, from the demonstration's baskets or from a file; a user then takes one
after another and only puts its own store, register, shift and receipt number in. Sizes and goods of the demonstration
follow the published skew instead of a uniform guess.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from google.protobuf import json_format

from altyn.pos.v1 import pos_service_pb2, receipt_pb2
from altyn.register import Line, LocalTime, build_receipt, card

if TYPE_CHECKING:
    from altyn.cli.demo import dataset


class Stock:
    """Receipts ready to be sold. Any register may sell any of them."""

    def __init__(self, receipts: Sequence[receipt_pb2.Receipt]) -> None:
        if not receipts:
            raise ValueError("a stock has at least one receipt")
        self._receipts = receipts

    @classmethod
    def of_demonstration(cls, baskets_count: int, last_day: date | None = None) -> Stock:
        """The demonstration's baskets. Takes seconds; raises DatasetMissing."""
        from altyn.cli.demo import dataset

        day = last_day or datetime.now(UTC).date() - timedelta(days=1)
        return cls([_receipt(basket) for basket in dataset.load(day, baskets_count=baskets_count).baskets])

    @classmethod
    def of_file(cls, path: Path) -> Stock:
        """A JSON list of altyn.pos.v1.Receipt, field names as in the contract. Raises OSError, ValueError."""
        try:
            found = orjson.loads(path.read_bytes())
            return cls([json_format.ParseDict(one, receipt_pb2.Receipt()) for one in found])
        except (json_format.ParseError, TypeError) as error:
            raise ValueError(f"{path}: not a list of receipts: {error}") from error

    @classmethod
    def open(cls, path: str, baskets_count: int) -> Stock:
        """The file when one is named, else the demonstration's."""
        return cls.of_file(Path(path)) if path else cls.of_demonstration(baskets_count)

    def __len__(self) -> int:
        return len(self._receipts)

    def receipt(self, number: int, at: LocalTime) -> receipt_pb2.Receipt:
        """A copy of the ``number``-th receipt (round and round) with the present moment."""
        receipt = receipt_pb2.Receipt()
        receipt.CopyFrom(self._receipts[number % len(self._receipts)])
        receipt.local_time_us, receipt.utc_offset_minutes = at.local_time_us, at.utc_offset_minutes
        return receipt


class Numbering:
    """One register's identity in one run: its shift is the moment it begins, so runs never meet."""

    def __init__(self, store_id: str, register_id: str) -> None:
        self.store_id = store_id
        self.register_id = register_id
        # Milliseconds: a user that stops and another that takes its register over must not share a shift.
        self._shift_number = time.time_ns() // 1_000_000
        self._receipt_number = 0
        self._register_seq = time.time_ns() // 1000

    def next_receipt(self, receipt: receipt_pb2.Receipt) -> None:
        """Make it this register's next receipt."""
        self._receipt_number += 1
        receipt.store_id, receipt.register_id = self.store_id, self.register_id
        receipt.shift_number, receipt.receipt_number = self._shift_number, self._receipt_number

    def operation(self) -> tuple[bytes, int]:
        """A new operation's id and number."""
        self._register_seq += 1
        return os.urandom(16), self._register_seq

    def tell(
        self, call: str, receipt: receipt_pb2.Receipt, calc_token: bytes = b"", op_id: bytes = b""
    ) -> tuple[bytes, bytes]:
        """The operation's id (new, unless given) and the bytes of a Reserve- or CommitReceipt."""
        new_id, register_seq = self.operation()
        form = {
            "ReserveReceipt": pos_service_pb2.ReserveReceiptRequest,
            "CommitReceipt": pos_service_pb2.CommitReceiptRequest,
        }[call]
        op_id = op_id or new_id
        return op_id, form(
            op_id=op_id, register_seq=register_seq, calc_token=calc_token, receipt=receipt
        ).SerializeToString()

    def cancel(self, receipt: receipt_pb2.Receipt) -> tuple[bytes, bytes]:
        """The operation's id and the bytes of a CancelReceipt."""
        op_id, register_seq = self.operation()
        request = pos_service_pb2.CancelReceiptRequest(
            op_id=op_id,
            register_seq=register_seq,
            store_id=receipt.store_id,
            register_id=receipt.register_id,
            shift_number=receipt.shift_number,
            receipt_number=receipt.receipt_number,
            cashier_id=receipt.cashier_id,
            local_time_us=receipt.local_time_us,
            utc_offset_minutes=receipt.utc_offset_minutes,
        )
        return op_id, request.SerializeToString()


def receipt_key(receipt: receipt_pb2.Receipt) -> str:
    """The receipt's own name, for people and for the check after the run."""
    return f"{receipt.store_id}/{receipt.register_id}/{receipt.shift_number}/{receipt.receipt_number}"


def _receipt(basket: dataset.Basket) -> receipt_pb2.Receipt:
    from altyn.cli.demo import dataset

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
