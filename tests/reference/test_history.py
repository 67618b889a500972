"""Earlier purchases, worked by hand (semantics §6.11.28, promotion-document «Earlier purchases»)."""

from datetime import date, timedelta
from typing import Any

import pytest

from .history import window_of
from .receipts import STORE, Document, line, percent, promotion, rows, run

# The receipt is of 16 June 2026, a Tuesday.
HERE = {"store_id": "s-1", "region": "msk", "format": "super"}


def bought(day: str, *lines: Document, store: Document = HERE, gave: tuple[str, ...] = ()) -> Document:
    return {"date": day, "store": store, "lines": list(lines or [sold()]), "gave": list(gave)}


def sold(paid: int = 100_00, qty: int = 1000, **fields: Any) -> Document:
    return {"sku": "x", "qty_milli": qty, "unit": "UNIT_PIECE", "paid_minor": paid, **fields}


def holds(when: Document, *history: Document, lines: list[Document] | None = None, **fields: Any) -> bool:
    rule = promotion("a", percent("10"), when=when)
    result = run([rule], lines or [line(1, 100_00)], holdings={"history": list(history)}, **fields)
    return sum(rows(result, "a")) > 0


@pytest.mark.parametrize(
    ("today", "window", "first", "last"),
    [
        ("2028-03-01", {"days": 2}, "2028-02-29", "2028-03-01"),
        ("2028-03-01", {"days": 1}, "2028-03-01", "2028-03-01"),
        ("2027-01-01", "week", "2026-12-28", "2027-01-03"),
        ("2028-02-29", "month", "2028-02-01", "2028-02-29"),
        ("2028-12-31", {"days": 366}, "2028-01-01", "2028-12-31"),
        ("2027-12-31", {"days": 366}, "2026-12-31", "2027-12-31"),
        ("2027-05-05", "year", "2027-01-01", "2027-12-31"),
    ],
)
def test_window_is_a_set_of_business_dates(today: str, window: Any, first: str, last: str) -> None:
    within = window_of(window, date.fromisoformat(today))
    ends = date.fromisoformat(first), date.fromisoformat(last)
    assert all(map(within, ends))
    assert not any(map(within, (ends[0] - timedelta(days=1), ends[1] + timedelta(days=1))))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"window": "always", "count": 3}, True),
        ({"window": "always", "count": 2}, False),
        ({"window": "month", "from": 2, "below": 3}, True),
        ({"window": {"days": 16}, "from": 2}, True),
        ({"window": {"days": 15}, "from": 2}, False),
        ({"window": "always", "of": {"category": "tea"}, "count": 1}, True),
        ({"window": "always", "count_by": "UNITS", "count": 6}, True),
        ({"window": "always", "count_by": "WEIGHT", "from": "5.5", "below": "5.501"}, True),
        ({"window": "always", "at": {"region": "spb"}, "count": 1}, True),
        ({"window": "always", "at": {"region": {"none_of": "spb"}}, "count": 2}, True),
        ({"window": "always", "at": "same_store", "count": 2}, True),
    ],
)
def test_purchases_are_counted_by_receipts_units_or_weight(terms: Document, expected: bool) -> None:
    """Three pieces and half a kilogram on 1 June; a piece of tea there on 16 June, one elsewhere on 31 May."""
    history = [
        bought("2026-06-01", sold(qty=3000), sold(qty=500, unit="UNIT_KG")),
        bought("2026-06-16", sold(group_id="tea"), sold(flags={"gift": True}), sold(flags={"no_threshold": True})),
        bought("2026-05-31", store={"store_id": "s-2", "region": "spb"}),
        bought("2026-06-02", sold(flags={"gift": True})),
    ]
    assert holds({"purchases": terms}, *history) is expected


def test_turnover_is_what_was_paid_and_this_receipt_when_asked() -> None:
    history = bought("2026-06-01", sold(paid=400_00), sold(paid=0), sold(paid=50_00, group_id="tea"))
    terms = {"window": "year", "from": "450.00", "below": "450.01"}
    assert holds({"turnover": terms}, history)
    assert not holds({"turnover": terms}, history, customer=None)
    assert holds({"none": [{"turnover": terms}]}, history, customer=None)
    here = [line(1, 30_00, group_id="tea"), line(2, 5_00)]
    tea = {"window": "year", "of": {"category": "tea"}, "include_current": True}
    assert holds({"turnover": {**tea, "from": "80.00", "below": "80.01"}}, history, lines=here)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [({"every": 3}, True), ({"every": 2}, False), ({"is": 1}, False), ({"is": [1, 3]}, True)],
)
def test_purchase_number_is_one_more_than_the_earlier_receipts(terms: Document, expected: bool) -> None:
    history = [bought("2026-06-01"), bought("2025-06-01")]
    assert holds({"purchase_number": terms}, *history) is expected


def test_purchase_number_needs_goods_that_count_in_this_receipt() -> None:
    terms = {"is": 1, "of": {"category": "tea"}}
    assert not holds({"purchase_number": terms})
    assert not holds(
        {"purchase_number": terms}, lines=[line(1, 1_00), line(2, 1_00, group_id="tea", no_threshold=True)]
    )
    assert holds({"purchase_number": terms}, lines=[line(1, 1_00, group_id="tea")])


@pytest.mark.parametrize(
    ("after", "days", "expected"),
    [
        ({"first_use": "a"}, 16, True),
        ({"first_use": "a"}, 15, False),
        ({"first_use": "b"}, 366, False),
        ({"first_use": "this"}, 16, True),
        ({"first_use": "this"}, 15, False),
        ({"turnover": {"sum": "100.00"}}, 16, True),
        ({"turnover": {"sum": "100.00"}}, 15, False),
        ({"turnover": {"sum": "100.01"}}, 2, True),
        ({"turnover": {"sum": "100.01"}}, 1, False),
        ({"turnover": {"sum": "200.01"}}, 366, False),
    ],
)
def test_validity_runs_from_the_first_use_or_the_sum_reached(after: Document, days: int, expected: bool) -> None:
    """`a` gave on 1 and 15 June; the book had the later receipt first."""
    history = [bought("2026-06-15", gave=("a",)), bought("2026-06-01", gave=("a", "c"))]
    assert holds({"validity": {"days": days, "after": after}}, *history) is expected


def test_first_use_of_this_holds_until_there_is_one() -> None:
    this = {"validity": {"days": 1, "after": {"first_use": "this"}}}
    assert holds(this)
    assert not holds(this, customer=None)
    assert not holds({"validity": {"days": 1, "after": {"first_use": "a"}}})
    assert not holds(this, bought("2026-06-17", gave=("a",)), store=STORE)


def test_failure_tells_figures_and_what_was_wanted() -> None:
    history = [
        bought("2026-06-01"),
        bought("2026-06-03"),
        bought("2026-06-19", sold(flags={"gift": True}), gave=("late",)),
    ]
    expected: list[tuple[Document, tuple[int, int]]] = [
        ({"purchases": {"window": "month", "from": 3}}, (2000, 3000)),
        ({"turnover": {"window": "month", "from": "200.01"}}, (200_00, 200_01)),
        ({"purchase_number": {"every": 2}}, (3, 4)),
        ({"purchase_number": {"is": 2}}, (3, 0)),
        ({"purchase_number": {"is": 1, "of": {"sku": "none"}}}, (0, 0)),
        ({"validity": {"days": 5, "after": {"turnover": {"sum": "1.00"}}}}, (15, 5)),
        ({"validity": {"days": 5, "after": {"first_use": "b"}}}, (0, 0)),
        ({"validity": {"days": 5, "after": {"first_use": "late"}}}, (-3, 0)),
    ]
    for when, figures in expected:
        result = run([promotion("a", percent("10"), when=when)], [line(1, 1_00)], holdings={"history": history})
        (row,) = result["rules"]
        assert (row["actual"], row["needed"]) == figures, when
