"""The edge: every number outside its range is refused with a stable reason and the field's path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from altyn.core.edge import check_request, receipt_as_read
from altyn.core.engine.types import CallRefused
from altyn.pos.v1 import pos_service_pb2, receipt_pb2

Receipt = receipt_pb2.Receipt
AMOUNT_MAX = 2**53 - 1
Change = Callable[[Any], object]


def receipt(lines: int = 2) -> Any:
    """A receipt that is in order, of lines at 19.90."""
    made = Receipt(store_id="S1", register_id="R1", currency="RUB", exponent=2)
    for number in range(1, lines + 1):
        made.lines.add(line_no=number, sku=f"SKU{number}", qty_milli=1000, price_minor=1990)
    return made


def read(made: Any, currency: str = "", exponent: int = 0) -> Any:
    return receipt_as_read(made.SerializeToString(), currency, exponent)


def setting(path: str, value: object) -> Change:
    """Put a value at a dotted path; a number in it is a place, appended when it is the next one."""

    def change(message: Any) -> None:
        *steps, last = path.split(".")
        for step in steps:
            if step.isdigit():
                message = message.add() if int(step) == len(message) else message[int(step)]
            else:
                message = getattr(message, step)
        if hasattr(message, "SetInParent"):
            message.SetInParent()
        setattr(message, last, value)

    return change


def adding(path: str, count: int, **values: object) -> Change:
    def change(message: Any) -> None:
        for step in path.split("."):
            message = message[int(step)] if step.isdigit() else getattr(message, step)
        for _ in range(count):
            message.add(**values)

    return change


def cleared(name: str) -> Change:
    return lambda message: message.ClearField(name)


LINE = "lines.1."
RANGES = [
    # (path, lowest allowed, highest allowed)
    ("shift_number", 0, 2**63 - 1),
    ("receipt_number", 0, 2**63 - 1),
    ("local_time_us", 0, 4_133_980_800_000_000),
    ("utc_offset_minutes", -840, 840),
    ("exponent", 0, 4),
    ("mode", 0, 2),
    ("rules_version", 0, 2**63 - 1),
    ("computed_by", 0, 3),
    (LINE + "unit", 0, 4),
    (LINE + "qty_milli", 1, 9_999_000),
    (LINE + "price_minor", 0, 10**9),
    (LINE + "gross_minor", 0, AMOUNT_MAX - 1990),
    (LINE + "vat_code", 0, 1000),
    (LINE + "min_price_minor", 0, 10**9),
    (LINE + "cost_minor", 0, 10**9),
    (LINE + "external_discounts.0.amount_minor", 0, AMOUNT_MAX),
    (LINE + "manual_discount.percent_ppm", 0, 1_000_000),
    (LINE + "manual_discount.amount_minor", 0, AMOUNT_MAX),
    ("payments.0.type", 0, 6),
    ("payments.0.sum_minor", 0, AMOUNT_MAX),
    ("original.shift_number", 0, 2**63 - 1),
    ("original.receipt_number", 0, 2**63 - 1),
]


def shown(path: str) -> str:
    """lines.1.sku as a refusal spells it."""
    spelled = "receipt"
    for step in path.split("."):
        spelled += f"[{step}]" if step.isdigit() else f".{step}"
    return spelled


def refused(made: Any, reason: str, field: str) -> CallRefused:
    with pytest.raises(CallRefused) as error:
        read(made)
    assert (error.value.code, error.value.reason, error.value.field) == ("INVALID_ARGUMENT", reason, field)
    return error.value


@pytest.mark.parametrize(("path", "low", "high"), RANGES, ids=[path for path, _, _ in RANGES])
def test_receipt_number_at_its_limits_passes_and_beyond_is_refused(path: str, low: int, high: int) -> None:
    for value in (low, high):
        made = receipt()
        setting(path, value)(made)
        read(made)
    for value in (low - 1, high + 1, -(2**31), 2**31 - 1):
        if low <= value <= high or not -(2**63) <= value < 2**63:
            continue
        made = receipt()
        setting(path, value)(made)
        assert str(value) in refused(made, "OUT_OF_RANGE", shown(path)).message


def test_receipt_numbers_of_nested_requests_are_checked() -> None:
    for name, low, high in (("line_no", 1, 1_000_000), ("sub_no", 0, 1_000_000), ("qty_milli", 1, 10_000_000)):
        for value in (low, high, low - 1, high + 1):
            made = receipt()
            made.lines[0].refund_of.MergeFrom(receipt_pb2.RefundOf(line_no=1, qty_milli=1000))
            setattr(made.lines[0].refund_of, name, value)
            if low <= value <= high:
                read(made)
            else:
                refused(made, "OUT_OF_RANGE", f"receipt.lines[0].refund_of.{name}")
    for value in (0, 10**12):
        made = receipt()
        made.points.add(asset="MAIN", requested_points=value)
        read(made)
    for value in (-1, 10**12 + 1):
        made = receipt()
        made.points.add(asset="MAIN", max=True)
        made.points.add(asset="MAIN", requested_points=value)
        refused(made, "OUT_OF_RANGE", "receipt.points[1].requested_points")
    for number in (0, -1, 1_000_001):
        made = receipt()
        made.lines[1].line_no = number
        refused(made, "OUT_OF_RANGE", "receipt.lines[1].line_no")


TEXTS = [
    # (path, most bytes)
    ("store_id", 64),
    ("register_id", 64),
    ("cashier_id", 64),
    ("sales_channel", 64),
    (LINE + "sku", 64),
    (LINE + "barcode", 64),
    (LINE + "group_id", 64),
    (LINE + "brand_id", 64),
    (LINE + "supplier_id", 64),
    (LINE + "mark_code", 256),
    (LINE + "external_discounts.0.discount_id", 64),
    ("coupons.0.code", 64),
    ("points.0.asset", 64),
    (LINE + "gift_card", 64),
    ("original.store_id", 64),
    ("original.register_id", 64),
    ("fiscal.drive", 64),
    ("fiscal.document", 64),
    ("fiscal.sign", 64),
]


@pytest.mark.parametrize(("path", "size"), TEXTS, ids=[path for path, _ in TEXTS])
def test_receipt_text_longer_than_its_limit_is_too_large(path: str, size: int) -> None:
    made = receipt()
    setting(path, "x" * size)(made)
    read(made)
    made = receipt()
    setting(path, "x" * (size + 1))(made)
    assert refused(made, "TOO_LARGE", shown(path)).message == f"{size + 1} is more than {size}"


def test_receipt_tenders_name_what_they_are_of_within_limits() -> None:
    card, money = receipt_pb2.TENDER_KIND_GIFT_CARD, receipt_pb2.TENDER_KIND_STORED_VALUE

    def tried(**fields: Any) -> Any:
        made = receipt()
        made.tenders.add(kind=card, number="1", max=True)
        made.tenders.add(**fields)
        return made

    for fields in (
        {"kind": card, "number": "9" * 64, "pin": "1" * 16, "amount_minor": AMOUNT_MAX},
        {"kind": money, "asset": "a" * 64, "amount_minor": 0},
        {"kind": money, "asset": "a", "max": True},
    ):
        read(tried(**fields))
    at = "receipt.tenders[1]."
    refused(tried(kind=0, number="1"), "OUT_OF_RANGE", at + "kind")
    refused(tried(kind=3, number="1"), "OUT_OF_RANGE", at + "kind")
    refused(tried(kind=card), "FIELD_REQUIRED", at + "number")
    refused(tried(kind=money, number="1"), "FIELD_REQUIRED", at + "asset")
    refused(tried(kind=card, number="9" * 65), "TOO_LARGE", at + "number")
    refused(tried(kind=money, asset="9" * 65), "TOO_LARGE", at + "asset")
    refused(tried(kind=card, number="1", pin="1" * 17), "TOO_LARGE", at + "pin")
    for amount in (-1, AMOUNT_MAX + 1):
        refused(tried(kind=card, number="1", amount_minor=amount), "OUT_OF_RANGE", at + "amount_minor")
    made = receipt()
    adding("tenders", 8, kind=card, number="1")(made)
    read(made)
    adding("tenders", 1, kind=card, number="1")(made)
    refused(made, "TOO_LARGE", "receipt.tenders")


def test_receipt_line_sells_one_whole_gift_card_and_is_neutral() -> None:
    made = receipt(22)
    made.lines[0].gift_card = "1"
    assert read(made)["lines"][0]["flags"] == 0b1111
    made.lines[0].qty_milli = 2000
    refused(made, "OUT_OF_RANGE", "receipt.lines[0].qty_milli")
    made.lines[0].qty_milli, made.lines[0].unit = 1000, receipt_pb2.UNIT_KG
    refused(made, "OUT_OF_RANGE", "receipt.lines[0].unit")
    made.lines[0].unit = receipt_pb2.UNIT_PIECE
    for line in made.lines[:20]:
        line.gift_card = "1"
    read(made)
    made.lines[20].gift_card = "1"
    refused(made, "TOO_LARGE", "receipt.lines.gift_card")


def test_receipt_identity_and_manual_reason_have_limits() -> None:
    made = receipt()
    made.identity.MergeFrom(receipt_pb2.Identity(kind=1, value="4" * 64, input_method=5))
    made.lines[0].manual_discount.MergeFrom(receipt_pb2.ManualDiscount(percent_ppm=1, reason="r" * 256))
    read(made)
    made.lines[0].manual_discount.reason = "r" * 257
    refused(made, "TOO_LARGE", "receipt.lines[0].manual_discount.reason")
    made.identity.value = "4" * 65
    refused(made, "TOO_LARGE", "receipt.identity.value")
    made.identity.value = ""
    refused(made, "FIELD_REQUIRED", "receipt.identity.value")
    for name, value in (("kind", 4), ("kind", -1), ("input_method", 6), ("input_method", -1)):
        made.identity.CopyFrom(receipt_pb2.Identity(kind=1, value="4", input_method=1))
        setattr(made.identity, name, value)
        refused(made, "OUT_OF_RANGE", f"receipt.identity.{name}")
    made.identity.CopyFrom(receipt_pb2.Identity(value="4"))
    refused(made, "FIELD_REQUIRED", "receipt.identity.kind")


COUNTS = [
    ("coupons", 20, {"code": "C"}),
    ("points", 8, {"asset": "MAIN"}),
    ("payments", 16, {"type": 1}),
    ("lines.0.external_discounts", 16, {"discount_id": "D"}),
]


@pytest.mark.parametrize(("path", "count", "values"), COUNTS, ids=[path for path, _, _ in COUNTS])
def test_receipt_more_of_a_thing_than_its_limit_is_too_large(path: str, count: int, values: dict[str, object]) -> None:
    made = receipt()
    adding(path, count, **values)(made)
    read(made)
    adding(path, 1, **values)(made)
    refused(made, "TOO_LARGE", shown(path))


def test_receipt_of_a_thousand_lines_passes_and_one_more_is_too_large() -> None:
    assert len(read(receipt(1000))["lines"]) == 1000
    assert refused(receipt(1001), "TOO_LARGE", "receipt.lines").message == "1001 is more than 1000"


@pytest.mark.parametrize("name", ["store_id", "register_id", "currency"])
def test_receipt_without_a_required_field_is_refused(name: str) -> None:
    made = receipt()
    made.ClearField(name)
    refused(made, "FIELD_REQUIRED", f"receipt.{name}")


def test_receipt_line_coupon_and_points_without_their_names_are_refused() -> None:
    made = receipt()
    made.lines[1].sku = ""
    refused(made, "FIELD_REQUIRED", "receipt.lines[1].sku")
    made = receipt()
    made.coupons.add(code=" \t ")
    refused(made, "FIELD_REQUIRED", "receipt.coupons[0].code")
    made = receipt()
    made.points.add(max=True)
    refused(made, "FIELD_REQUIRED", "receipt.points[0].asset")
    made = receipt()
    made.lines[0].manual_discount.reason = "a gift"
    refused(made, "FIELD_REQUIRED", "receipt.lines[0].manual_discount.value")
    made = receipt()
    made.coupons.add(code="X", source=3)
    refused(made, "OUT_OF_RANGE", "receipt.coupons[0].source")


@pytest.mark.parametrize(
    ("path", "value", "form"),
    [
        ("currency", "RU", "three letters"),
        ("currency", "RUBL", "three letters"),
        ("currency", "rub", "three letters"),
        ("currency", "12\n", "three letters"),
        ("original.date", "2026-1-01", "YYYY-MM-DD"),
        ("original.date", "2026/01/01", "YYYY-MM-DD"),
        ("original.date", "2026-01-0x", "YYYY-MM-DD"),
        ("original.op_id", b"short", "16 bytes"),
    ],
)
def test_receipt_value_of_another_form_is_refused(path: str, value: object, form: str) -> None:
    made = receipt()
    setting(path, value)(made)
    assert form in refused(made, "BAD_FORMAT", shown(path)).message


def test_receipt_original_with_date_and_op_id_passes() -> None:
    made = receipt()
    made.original.MergeFrom(receipt_pb2.OriginalReceipt(date="2026-01-31", op_id=bytes(16)))
    read(made)


def test_receipt_currency_must_be_the_stores() -> None:
    made = receipt()
    assert read(made, "RUB", 2)["currency"] == "RUB"
    for currency, exponent, field in (("KZT", 2, "receipt.currency"), ("RUB", 0, "receipt.exponent")):
        with pytest.raises(CallRefused) as error:
            read(made, currency, exponent)
        assert (error.value.reason, error.value.field) == ("WRONG_CURRENCY", field)


def test_receipt_line_number_used_twice_is_refused() -> None:
    made = receipt(5)
    made.lines[3].line_no = 2
    assert "2 is the number" in refused(made, "DUPLICATE_LINE", "receipt.lines[3].line_no").message
    made = receipt(3)
    made.lines[1].line_no = made.lines[0].line_no
    refused(made, "DUPLICATE_LINE", "receipt.lines[1].line_no")
    made = receipt(1000)
    for place, line in enumerate(made.lines):
        line.line_no = 1_000_000 - 1000 * place
    read(made)
    made.lines[999].line_no = made.lines[0].line_no
    refused(made, "DUPLICATE_LINE", "receipt.lines[999].line_no")


def test_receipt_sums_beyond_their_limits_name_the_line_that_passes_them() -> None:
    made = receipt(3)
    made.lines[0].qty_milli = 5_000_000
    made.lines[1].qty_milli = 4_999_000
    read(made)
    made.lines[2].qty_milli = 1001
    refused(made, "OUT_OF_RANGE", "receipt.lines[2].qty_milli")
    made = receipt(3)
    made.lines[0].gross_minor = AMOUNT_MAX - 2 * 1990
    read(made)
    made.lines[1].gross_minor = 1991
    refused(made, "OUT_OF_RANGE", "receipt.lines[2].gross_minor")
    made = receipt()
    made.payments.add(type=1, sum_minor=AMOUNT_MAX)
    made.payments.add(type=2, sum_minor=1)
    refused(made, "OUT_OF_RANGE", "receipt.payments[1].sum_minor")
    made = receipt()
    made.lines[0].external_discounts.add(amount_minor=AMOUNT_MAX)
    made.lines[0].external_discounts.add(amount_minor=1)
    refused(made, "OUT_OF_RANGE", "receipt.lines[0].external_discounts[1].amount_minor")


@pytest.mark.parametrize(
    ("price", "qty", "gross", "taken", "mismatch"),
    [
        (1990, 3000, None, 5970, False),
        (1990, 3000, 5970, 5970, False),
        (1990, 3000, 5971, 5971, False),
        (1990, 3000, 5969, 5969, False),
        (1990, 3000, 5972, 5972, True),
        (1990, 3000, 5968, 5968, True),
        (1990, 3000, 0, 0, True),
        (39990, 1234, None, 49348, False),
        (39990, 1234, 49347, 49347, False),
        (1, 500, None, 1, False),
        (1, 499, None, 0, False),
    ],
)
def test_line_gross_is_the_registers_and_a_difference_is_marked(
    price: int, qty: int, gross: int | None, taken: int, mismatch: bool
) -> None:
    made = receipt(1)
    made.lines[0].MergeFrom(receipt_pb2.ReceiptLine(price_minor=price, qty_milli=qty, gross_minor=gross))
    line = read(made)["lines"][0]
    assert (line["gross_minor"], line["sum_mismatch"]) == (taken, mismatch)


def test_line_is_read_as_it_came() -> None:
    made = receipt(1)
    made.lines[0].MergeFrom(
        receipt_pb2.ReceiptLine(
            line_no=7, sku="A", barcode="460", qty_milli=1500, unit=2, price_minor=100, vat_code=2, group_id="g",
            brand_id="b", supplier_id="s", min_price_minor=90, cost_minor=80, mark_code="m",
            flags=receipt_pb2.LineFlags(no_redeem=True, excise=True),
            external_discounts=[{"amount_minor": 3}, {"amount_minor": 4}],
            manual_discount=receipt_pb2.ManualDiscount(percent_ppm=50_000),
        )
    )  # fmt: skip
    assert read(made)["lines"][0] == {
        "line_no": 7, "sku": "A", "qty_milli": 1500, "unit": 1, "price_minor": 100, "gross_minor": 150, "vat_code": 2,
        "group": "g", "brand": "b", "supplier": "s", "min_price_minor": 90, "cost_minor": 80, "mark_code": "m",
        "flags": 2 + 64, "external_minor": 7, "manual_ppm": 50_000, "manual_minor": -1, "sum_mismatch": False,
    }  # fmt: skip


def test_line_absent_values_have_their_marks() -> None:
    line = read(receipt(1))["lines"][0]
    assert (line["unit"], line["flags"], line["external_minor"]) == (0, 0, 0)
    assert (line["cost_minor"], line["manual_ppm"], line["manual_minor"]) == (-1, -1, -1)


def test_line_flags_are_bits_in_field_order() -> None:
    names = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")
    for bit, name in enumerate(names):
        made = receipt(1)
        setattr(made.lines[0].flags, name, True)
        assert read(made)["lines"][0]["flags"] == 1 << bit


def test_coupons_are_trimmed_and_upper_case_in_order_of_entry() -> None:
    made = receipt()
    for code in (" spring-10\r\n", "Привет a", "X"):
        made.coupons.add(code=code)
    assert read(made)["coupons"] == ["SPRING-10", "Привет A", "X"]


def test_receipt_without_lines_passes() -> None:
    assert read(receipt(0))["lines"] == []


def check(message: Any) -> None:
    check_request(type(message).__name__, message.SerializeToString())


def call_refused(message: Any, reason: str, field: str) -> None:
    with pytest.raises(CallRefused) as error:
        check(message)
    assert (error.value.reason, error.value.field) == (reason, field)


COMMIT = pos_service_pb2.CommitReceiptRequest(op_id=bytes(16))
CANCEL = pos_service_pb2.CancelReceiptRequest(op_id=bytes(16), store_id="S", register_id="R")
AUTHORIZE = pos_service_pb2.AuthorizeCustomerRequest(
    store_id="S", register_id="R", identity=receipt_pb2.Identity(kind=1, value="4")
)
RECONCILE = pos_service_pb2.ReconcileShiftRequest(store_id="S", register_id="R")


@pytest.mark.parametrize(
    ("good", "change", "reason", "field"),
    [
        (COMMIT, cleared("op_id"), "FIELD_REQUIRED", "op_id"),
        (COMMIT, setting("op_id", bytes(15)), "BAD_FORMAT", "op_id"),
        (COMMIT, setting("op_id", bytes(17)), "BAD_FORMAT", "op_id"),
        (COMMIT, setting("register_seq", -1), "OUT_OF_RANGE", "register_seq"),
        (COMMIT, setting("op_no", -1), "OUT_OF_RANGE", "op_no"),
        (COMMIT, setting("op_no", 1_000_001), "OUT_OF_RANGE", "op_no"),
        (COMMIT, setting("calc_token", bytes(257)), "TOO_LARGE", "calc_token"),
        (CANCEL, cleared("op_id"), "FIELD_REQUIRED", "op_id"),
        (CANCEL, cleared("store_id"), "FIELD_REQUIRED", "store_id"),
        (CANCEL, cleared("register_id"), "FIELD_REQUIRED", "register_id"),
        (CANCEL, setting("cashier_id", "c" * 65), "TOO_LARGE", "cashier_id"),
        (CANCEL, setting("shift_number", -1), "OUT_OF_RANGE", "shift_number"),
        (CANCEL, setting("receipt_number", -1), "OUT_OF_RANGE", "receipt_number"),
        (CANCEL, setting("utc_offset_minutes", 841), "OUT_OF_RANGE", "utc_offset_minutes"),
        (AUTHORIZE, cleared("identity"), "FIELD_REQUIRED", "identity"),
        (AUTHORIZE, setting("identity.value", ""), "FIELD_REQUIRED", "identity.value"),
        (AUTHORIZE, setting("local_time_us", -1), "OUT_OF_RANGE", "local_time_us"),
        (AUTHORIZE, setting("sales_channel", "s" * 65), "TOO_LARGE", "sales_channel"),
        (RECONCILE, setting("receipts_count", -1), "OUT_OF_RANGE", "receipts_count"),
        (RECONCILE, setting("returns_count", 2**31), "OUT_OF_RANGE", "returns_count"),
        (RECONCILE, setting("sales_sum_minor", -1), "OUT_OF_RANGE", "sales_sum_minor"),
        (RECONCILE, setting("returns_sum_minor", 2**53), "OUT_OF_RANGE", "returns_sum_minor"),
        (RECONCILE, setting("last_register_seq", -1), "OUT_OF_RANGE", "last_register_seq"),
    ],
)
def test_request_field_outside_its_range_is_refused(good: Any, change: Change, reason: str, field: str) -> None:
    check(good)
    message = type(good)()
    message.CopyFrom(good)
    change(message)
    call_refused(message, reason, field)
