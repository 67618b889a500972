"""Vectors of pos-conversation §4.6 and semantics §6.11.24."""

import random
from typing import Any

import pytest

from .fiscal_plan import measured_rows, one_row, piece_rows
from .goods import Line, read_line
from .numbers import round_half_up
from .oracle import calculate

STORE = {"store_id": "s-1", "zone": "Europe/Moscow"}


def kilos(qty: int, price: int = 50_000, **more: Any) -> Line:
    return read_line({"line_no": 1, "sku": "a", "qty_milli": qty, "price_minor": price, "unit": "KG", **more})


def test_ten_roubles_of_2_345_kg() -> None:
    assert measured_rows(kilos(2345), 1000) == [(2304, 426, 982), (41, 427, 18)]
    assert one_row(kilos(2345), 1000) is None
    assert one_row(kilos(2345), 999) == (2345, 426, 999)


def test_three_pieces_for_ten_roubles() -> None:
    assert piece_rows([334, 333, 333], singly=False) == [(2000, 333, 666), (1000, 334, 334)]
    assert piece_rows([334, 333, 333], singly=True) == [(1000, 333, 333), (1000, 333, 333), (1000, 334, 334)]


@pytest.mark.parametrize("seed", range(200))
def test_every_sum_is_reachable_in_two_rows_and_up_to_a_kilogram_in_one(seed: int) -> None:
    rng = random.Random(seed)
    line = kilos(rng.randint(1, 6000), rng.randint(1, 100_000))
    total = rng.randint(0, line.gross)
    rows = measured_rows(line, total)
    assert len(rows) <= (1 if line.qty <= 1000 else 2)
    assert sum(qty for qty, _, _ in rows) == line.qty
    assert sum(printed for _, _, printed in rows) == total
    assert all(round_half_up(price * qty, 1000) == printed for qty, price, printed in rows)


def test_one_label_is_rounded_down_and_the_cigarettes_beside_it_are_not() -> None:
    lines = [
        {"line_no": 1, "sku": "a", "qty_milli": 2345, "price_minor": 500, "unit": "KG", "no_split": True,
         "external_discounts": [{"discount_id": "till", "amount_minor": 173}]},
        {"line_no": 2, "sku": "b", "qty_milli": 1000, "price_minor": 19999, "flags": {"no_discount": True}},
    ]  # fmt: skip
    result = calculate([], {"lines": lines}, STORE, None, 0)
    assert [line["net_minor"] for line in result["lines"]] == [999, 19999]
    assert result["totals"]["rounding_minor"] == 1
    assert not result["split_unavoidable"]
