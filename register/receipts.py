"""Builds receipts as the contract wants them, from whole numbers.

Money is minor units, quantities are thousandths (one piece is 1000), times are the wall clock of the shop. A float
never comes near: builders refuse anything that is not an ``int`` where a number is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from altyn.pos.v1 import receipt_pb2

PIECE_MILLI = 1000
_FLAGS = frozenset(receipt_pb2.LineFlags.DESCRIPTOR.fields_by_name)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt.

    ``price_minor`` is per piece or per 1.000 of measure; ``gross_minor`` the till's own price × quantity, when it has
    one. Attributes left empty are taken from the server's catalogue. ``flags`` are names of LineFlags:
    ``{"no_discount", "excise"}``. ``gift_card`` is the number of the gift card that the line sells.
    """

    sku: str
    price_minor: int
    qty_milli: int = PIECE_MILLI
    unit: int = receipt_pb2.UNIT_PIECE
    gross_minor: int | None = None
    barcode: str = ""
    group_id: str = ""
    brand_id: str = ""
    supplier_id: str = ""
    vat_code: int = 0
    min_price_minor: int = 0
    cost_minor: int | None = None
    flags: frozenset[str] = frozenset()
    gift_card: str = ""


@dataclass(frozen=True, slots=True)
class LocalTime:
    """The register's wall clock: microseconds of that clock, and minutes to subtract from it to get UTC."""

    local_time_us: int
    utc_offset_minutes: int

    @classmethod
    def of(cls, moment: datetime) -> LocalTime:
        """The wall clock of an aware datetime."""
        offset = moment.utcoffset()
        if offset is None:
            raise ValueError("moment: needs a time zone")
        wall = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return cls(
            (wall.days * 86_400 + wall.seconds) * 1_000_000 + wall.microseconds, int(offset.total_seconds()) // 60
        )

    @classmethod
    def now(cls, zone: tzinfo | None = None) -> LocalTime:
        """This moment in ``zone``, or in the zone of this computer."""
        return cls.of(datetime.now(UTC).astimezone(zone))


def card(number: str, *, scanned: bool = True) -> receipt_pb2.Identity:
    """A loyalty card, read by the scanner or typed by the cashier."""
    method = receipt_pb2.INPUT_METHOD_SCAN if scanned else receipt_pb2.INPUT_METHOD_MANUAL
    return receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_CARD, value=number, input_method=method)


def qr(shown: str) -> receipt_pb2.Identity:
    """What an app showed as a QR code: the short-lived code of a virtual card, or a card number."""
    return receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_QR, value=shown, input_method=receipt_pb2.INPUT_METHOD_QR)


def phone(number: str, code: str = "") -> receipt_pb2.Identity:
    """A phone number the customer said, and the one-time code that was sent to it."""
    method = receipt_pb2.INPUT_METHOD_PHONE_CODE if code else receipt_pb2.INPUT_METHOD_PHONE
    return receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value=number, input_method=method, code=code)


def gift_card(number: str, amount_minor: int | None = None, *, pin: str = "") -> receipt_pb2.Tender:
    """Payment with a gift card; no amount: as much as there is and may be paid."""
    tender = receipt_pb2.Tender(kind=receipt_pb2.TENDER_KIND_GIFT_CARD, number=number, pin=pin)
    return _of_amount(tender, amount_minor)


def stored_value(asset: str, amount_minor: int | None = None) -> receipt_pb2.Tender:
    """Payment with the identified customer's own money; no amount: as much as there is and may be paid."""
    return _of_amount(receipt_pb2.Tender(kind=receipt_pb2.TENDER_KIND_STORED_VALUE, asset=asset), amount_minor)


def _of_amount(tender: receipt_pb2.Tender, amount_minor: int | None) -> receipt_pb2.Tender:
    if amount_minor is None:
        tender.max = True
    elif type(amount_minor) is not int:
        raise TypeError(f"amount_minor: {amount_minor!r} is not a whole number")
    else:
        tender.amount_minor = amount_minor
    return tender


def build_receipt(
    *,
    store_id: str,
    register_id: str,
    shift_number: int,
    receipt_number: int,
    lines: Iterable[Line],
    currency: str,
    exponent: int = 2,
    at: LocalTime,
    cashier_id: str = "",
    identity: receipt_pb2.Identity | None = None,
    coupons: Iterable[str] = (),
    points: Iterable[receipt_pb2.PointsRequest] = (),
    payments: Iterable[receipt_pb2.Payment] = (),
    tenders: Iterable[receipt_pb2.Tender] = (),
    mode: int = receipt_pb2.MODE_ONLINE,
    sales_channel: str = "",
) -> receipt_pb2.Receipt:
    """A sale, with lines numbered from 1 in the order given.

    Raises TypeError when an amount or a quantity is not a whole number, ValueError when a flag is unknown.
    """
    return receipt_pb2.Receipt(
        store_id=store_id,
        register_id=register_id,
        shift_number=shift_number,
        receipt_number=receipt_number,
        cashier_id=cashier_id,
        local_time_us=at.local_time_us,
        utc_offset_minutes=at.utc_offset_minutes,
        sales_channel=sales_channel,
        currency=currency,
        exponent=exponent,
        identity=identity,
        lines=[_build_line(number, line) for number, line in enumerate(lines, start=1)],
        coupons=[receipt_pb2.CouponEntry(code=code, source=receipt_pb2.COUPON_SOURCE_SCAN) for code in coupons],
        points=points,
        payments=payments,
        tenders=tenders,
        mode=mode,  # type: ignore[arg-type]
    )


def _build_line(line_no: int, line: Line) -> receipt_pb2.ReceiptLine:
    for name in ("price_minor", "qty_milli", "gross_minor", "min_price_minor", "cost_minor"):
        value = getattr(line, name)
        if value is not None and type(value) is not int:
            raise TypeError(f"lines[{line_no}].{name}: {value!r} is not a whole number")
    unknown = line.flags - _FLAGS
    if unknown:
        raise ValueError(f"lines[{line_no}].flags: {', '.join(sorted(unknown))}")
    return receipt_pb2.ReceiptLine(
        line_no=line_no,
        sku=line.sku,
        barcode=line.barcode,
        qty_milli=line.qty_milli,
        unit=line.unit,  # type: ignore[arg-type]
        price_minor=line.price_minor,
        gross_minor=line.gross_minor,
        vat_code=line.vat_code,
        group_id=line.group_id,
        brand_id=line.brand_id,
        supplier_id=line.supplier_id,
        min_price_minor=line.min_price_minor,
        cost_minor=line.cost_minor,
        flags=receipt_pb2.LineFlags(**dict.fromkeys(line.flags, True)) if line.flags else None,
        gift_card=line.gift_card,
    )
