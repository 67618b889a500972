"""Gift cards and the customer's money, as the library puts them into a receipt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from altyn.pos.v1 import receipt_pb2
from altyn.register import Line, LocalTime, build_receipt, gift_card, stored_value

AT = LocalTime.of(datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_receipt_carries_the_card_it_sells_and_what_it_is_paid_with() -> None:
    made = build_receipt(
        store_id="s1",
        register_id="r1",
        shift_number=1,
        receipt_number=1,
        lines=[Line("gift", 100_000, gift_card="9900 1"), Line("milk", 5_000)],
        currency="RUB",
        at=AT,
        tenders=[gift_card("9900 2", 3_000, pin="4711"), gift_card("9900 3"), stored_value("rub", 0)],
    )
    assert [line.gift_card for line in made.lines] == ["9900 1", ""]
    card, money = receipt_pb2.TENDER_KIND_GIFT_CARD, receipt_pb2.TENDER_KIND_STORED_VALUE
    assert list(made.tenders) == [
        receipt_pb2.Tender(kind=card, number="9900 2", pin="4711", amount_minor=3_000),
        receipt_pb2.Tender(kind=card, number="9900 3", max=True),
        receipt_pb2.Tender(kind=money, asset="rub", amount_minor=0),
    ]


@pytest.mark.parametrize("amount", [10.0, True, "10"])
def test_amount_that_is_not_a_whole_number_is_refused(amount: object) -> None:
    with pytest.raises(TypeError, match="not a whole number"):
        gift_card("1", amount)  # type: ignore[arg-type]
