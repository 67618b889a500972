"""The director's table: whole numbers in, readable text out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from altyn.cli.demo.report import StoreTotals, Totals, amount, share, show


@pytest.mark.parametrize(
    ("minor", "digits", "text"),
    [
        (0, 2, "0.00"),
        (5, 2, "0.05"),
        (-5, 2, "−0.05"),
        (123_456_789, 2, "1\u202f234\u202f567.89"),
        (1_234, 0, "1\u202f234"),
        (12, 4, "0.0012"),
    ],
)
def test_amount_shows_every_digit(minor: int, digits: int, text: str) -> None:
    assert amount(minor, digits) == text


def test_share_is_half_up_and_has_no_share_of_nothing() -> None:
    assert [share(1, 3), share(1, 2000), share(1, 2001), share(5, 5), share(1, 0)] == [
        "33.3 %",
        "0.1 %",
        "0.0 %",
        "100.0 %",
        "–",
    ]


def test_show_names_promotions_and_stores_largest_first() -> None:
    totals = Totals(
        receipts_count=10,
        member_receipts_count=9,
        gross_minor=100_000,
        discount_minor=8_000,
        to_pay_minor=92_000,
        points_accrued=950,
        discounts_minor={"small": 1_000, "large": 7_000},
        discounted_receipts_count={"small": 2, "large": 5},
        gave={"spoke"},
        stores={"store-1": StoreTotals(4, 30_000, 1_000, 300), "store-2": StoreTotals(6, 70_000, 7_000, 650)},
    )
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(show(totals, {"large": "Large one", "spoke": "Spoke", "quiet": "Quiet one"}))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Gave nothing: Quiet one (quiet)" in text
    assert "Spoke" not in text
    assert text.index("Large one") < text.index("small")
    assert text.index("store-2") < text.index("store-1")
    for piece in ("1\u202f000.00", "−80.00", "87.5 %", "90.0 % of receipts", "9.50", "10.0 %"):
        assert piece in text, piece
