"""Bodies of the UDS partner protocol, read and written.

Sums are decimal numbers of two digits at most; they are read digit by digit and never become binary fractions. A
receipt of this protocol has no goods, only sums, so it becomes up to three lines: what takes part in everything, what
points may not pay, and what takes part in nothing. Each line is measured goods of 10.00 a unit, one thousandth a
kopeck, so that a part of it can be returned to the kopeck. A point pays one unit of money. Never here: calls, sockets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from altyn.pos.v1 import outcome_pb2, receipt_pb2

SUM_MAX = 1_000_000_000  # minor units, of a whole receipt
UNIT_PRICE_MINOR = 1_000
DIGITS = 2
TEXT_MAX = 64
# What takes part in everything; what points may not pay; what takes part in nothing.
GOODS, UNREDEEMABLE, SKIPPED = 1, 2, 3
SKUS = {GOODS: "uds-total", UNREDEEMABLE: "uds-unredeemable", SKIPPED: "uds-skipped"}


class Refused(Exception):
    """An answer of this protocol that says no. `error_code` is one of its own."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code


@dataclass(frozen=True, slots=True)
class Sums:
    """Of a receipt, in minor units. `points`: to pay with, in the asset's smallest unit; `cash`: None, not told."""

    total: int
    unredeemable: int
    skipped: int
    points: int
    cash: int | None
    number: str


def read_body(body: bytes) -> dict[str, Any]:
    """An object with numbers as decimals. Refused: it is none."""
    try:
        read = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "badRequest", "the body is not JSON") from None
    if not isinstance(read, dict):
        raise Refused(400, "badRequest", "the body is not an object")
    return read


def child(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside; one that is not told is empty."""
    found = body.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Refused(400, "badRequest", f"{name} is not an object")
    return found


def text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or len(found.encode()) > TEXT_MAX:
        raise Refused(400, "badRequest", f"{name} is not a text of at most {TEXT_MAX} bytes")
    return found.strip()


def amount(body: Mapping[str, Any], name: str, digits: int = DIGITS) -> int:
    """A number as a whole number of smallest units; 0 where it is not told. In a query it comes as text."""
    found = body.get(name)
    if found is None:
        return 0
    if isinstance(found, str):
        try:
            found = Decimal(found)
        except ArithmeticError:
            raise Refused(400, "badRequest", f"{name} is not a number") from None
    if isinstance(found, bool) or not isinstance(found, int | Decimal) or not 0 <= found <= SUM_MAX:
        raise Refused(400, "badRequest", f"{name} is not a number between 0 and {SUM_MAX}")
    exact = Decimal(found).scaleb(digits)
    if exact != exact.to_integral_value() or exact > SUM_MAX:
        raise Refused(400, "badRequest", f"{name} has more than {digits} digits after the point, or is too much")
    return int(exact)


def read_sums(receipt: Mapping[str, Any], scale: int, *, is_final: bool) -> Sums:
    """`scale`: digits of a point. A final receipt says what is paid in cash."""
    total, skipped = amount(receipt, "total"), amount(receipt, "skipLoyaltyTotal")
    unredeemable = amount(receipt, "unredeemableTotal")
    if total == 0:
        raise Refused(400, "badRequest", "total is more than 0")
    if skipped + unredeemable > total:
        raise Refused(400, "badRequest", "skipLoyaltyTotal and unredeemableTotal are more than total")
    if is_final and receipt.get("cash") is None:
        raise Refused(400, "badRequest", "cash is to be told")
    cash = amount(receipt, "cash") if is_final else None
    return Sums(total, unredeemable, skipped, amount(receipt, "points", scale), cash, text(receipt, "number"))


def receipt_lines(sums: Sums) -> Iterable[receipt_pb2.ReceiptLine]:
    """The lines of these sums, in the order of their numbers; those of nothing are left out."""
    for line_no, minor in (
        (GOODS, sums.total - sums.unredeemable - sums.skipped),
        (UNREDEEMABLE, sums.unredeemable),
        (SKIPPED, sums.skipped),
    ):
        if minor:
            yield receipt_line(line_no, minor)


def receipt_line(line_no: int, minor: int) -> receipt_pb2.ReceiptLine:
    """A line of this sum."""
    line = receipt_pb2.ReceiptLine(
        line_no=line_no,
        sku=SKUS[line_no],
        qty_milli=minor,
        unit=receipt_pb2.UNIT_KG,
        price_minor=UNIT_PRICE_MINOR,
    )
    line.flags.no_redeem = line_no != GOODS
    line.flags.no_discount = line.flags.no_accrual = line.flags.no_threshold = line_no == SKIPPED
    return line


def identity(code: str, phone: str) -> receipt_pb2.Identity:
    """Who pays: a card or the code of an app, else a phone. Refused: nobody is named."""
    if code:
        return receipt_pb2.Identity(
            kind=receipt_pb2.TOKEN_KIND_CARD, value=code, input_method=receipt_pb2.INPUT_METHOD_QR
        )
    if phone:
        by_phone = receipt_pb2.INPUT_METHOD_PHONE
        return receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value=phone, input_method=by_phone)
    raise Refused(400, "badRequest", "name the customer by code or by participant.phone")


def decimal(number: int, digits: int = DIGITS) -> orjson.Fragment:
    """A number of JSON with its point."""
    return orjson.Fragment(str(Decimal(number).scaleb(-digits)))


def share(part: int, whole: int) -> orjson.Fragment:
    """Percent, to two digits, rounded down."""
    return decimal(part * 10_000 // whole if whole else 0)


def purchase(outcome: outcome_pb2.Outcome, sums: Sums, asset: str, scale: int) -> dict[str, Any]:
    """What a receipt comes to."""
    totals = outcome.totals
    most = sum(one.points for one in outcome.max_redeem if one.asset == asset)
    most_minor = sum(one.amount_minor for one in outcome.max_redeem if one.asset == asset)
    gross, off = totals.gross_minor, totals.discount_minor
    return {
        "maxPoints": decimal(most, scale),
        "maxScoresDiscount": share(most_minor, gross),
        "total": decimal(gross),
        "skipLoyaltyTotal": decimal(sums.skipped),
        "unredeemableTotal": decimal(sums.unredeemable),
        "discountAmount": decimal(off),
        "discountPercent": share(off, gross),
        "points": decimal(totals.points_paid_minor),
        "pointsPercent": share(totals.points_paid_minor, gross),
        "certificatePoints": decimal(0),
        "netDiscount": decimal(off + totals.points_paid_minor),
        "netDiscountPercent": share(off + totals.points_paid_minor, gross),
        "cash": decimal(totals.to_pay_minor),
        "cashTotal": decimal(totals.to_pay_minor),
        "cashBack": decimal(sum(one.points for one in totals.accrual if one.asset == asset), scale),
    }


def _no_number(word: str) -> Any:
    raise ValueError(word)
