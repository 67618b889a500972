"""Attributes, favourites, birthdays and grants, worked by hand (semantics §6.3, promotion-document «Product sets»)."""

from datetime import date
from typing import Any

import pytest

from .facts import days_from_birthday, grants_in_force, instant
from .receipts import MEMBER, NOON, Document, line, percent, promotion, rows, run

RED: Document = {"attributes": {"colour": "red", "size": "m"}}


@pytest.mark.parametrize(
    ("today", "birthday", "days"),
    [
        ("2026-12-27", "01-03", -7),
        ("2027-01-10", "01-03", 7),
        ("2027-02-28", "02-29", 0),
        ("2027-03-01", "02-29", 1),
        ("2028-02-29", "02-29", 0),
        ("2028-02-28", "02-29", -1),
        ("2028-03-01", "02-28", 2),
        ("2026-06-16", "06-16", 0),
    ],
)
def test_days_from_the_nearest_birthday(today: str, birthday: str, days: int) -> None:
    assert days_from_birthday(date.fromisoformat(today), birthday) == days


@pytest.mark.parametrize(
    ("window", "birthday", "holds"),
    [
        ({}, "06-16", True),
        ({}, "06-17", False),
        ({"before": 1}, "06-17", True),
        ({"after": 3}, "06-13", True),
        ({"after": 3}, "06-12", False),
        ({"before": 60, "after": 60}, None, False),
    ],
)
def test_birthday_is_looked_at_on_the_business_date(window: Document, birthday: str | None, holds: bool) -> None:
    """16 June in Moscow."""
    rule = promotion("a", percent("10"), when={"birthday": window})
    customer = MEMBER | ({"birthday": birthday} if birthday else {})
    assert rows(run([rule], [line(1, 100_00)], customer=customer), "a") == [10_00 if holds else 0]
    blocked = {**customer, "card_state": "BLOCKED"}
    assert rows(run([rule], [line(1, 100_00)], customer=blocked), "a") == [0]


@pytest.mark.parametrize(
    ("of", "amounts"),
    [
        ({"attribute": {"colour": "red"}}, [10, 0, 0]),
        ({"attribute": {"colour": ["red", "blue"]}}, [10, 10, 0]),
        ({"attribute": {"colour": ["red", "blue"], "size": "m"}}, [10, 0, 0]),
        ({"attribute": {"colour": "Red"}}, [0, 0, 0]),
        ({"except": {"attribute": {"colour": "red"}}}, [0, 10, 10]),
    ],
)
def test_every_name_of_an_attribute_set_has_one_of_its_values(of: Document, amounts: list[int]) -> None:
    lines = [line(1, 100, **RED), line(2, 100, attributes={"colour": "blue", "size": "l"}), line(3, 100)]
    assert rows(run([promotion("a", percent("10", **of))], lines), "a") == amounts


def test_favourite_goods_are_those_of_favourite_categories() -> None:
    lines = [line(1, 100, group_id="tea"), line(2, 100, group_id="coffee"), line(3, 100)]
    rule = promotion("a", percent("10", favourite=True))
    assert rows(run([rule], lines, customer={**MEMBER, "favourites": ["coffee", "milk"]}), "a") == [0, 10, 0]
    assert rows(run([rule], lines, customer=MEMBER), "a") == [0, 0, 0]
    assert rows(run([rule], lines, customer=None), "a") == [0, 0, 0]


def grant(promotion_id: str, **fields: Any) -> Document:
    return {"promotion": promotion_id, **fields}


@pytest.mark.parametrize(
    ("from_", "to", "holds"),
    [
        (None, None, True),
        (NOON, None, True),
        (NOON + 1, None, False),
        (None, NOON + 1, True),
        (None, NOON, False),
    ],
)
def test_grant_is_in_force_from_its_start_until_before_its_end(from_: int | None, to: int | None, holds: bool) -> None:
    def text(at: int | None) -> str | None:
        return None if at is None else f"2026-06-16T12:00:00.{at - NOON:06d}+03:00"

    given = grant("a", **{"from": text(from_), "to": text(to)})
    assert bool(grants_in_force({"personal": [given]}, NOON)) is holds
    assert instant("2026-06-16T09:00:00Z") == NOON


def test_personal_goods_are_those_granted_in_this_promotion() -> None:
    """In `a` product 1 and tea are granted, in `b` coffee; the two grants of `a` hold together."""
    lines = [line(1, 100), line(2, 100, group_id="tea"), line(3, 100, group_id="coffee")]
    grants = [grant("a", skus=["sku-001"]), grant("a", categories=["tea"]), grant("b", categories=["coffee"])]
    rules = [promotion(name, percent("10", personal=True)) for name in ("a", "b", "c")]
    result = run(rules, lines, customer={**MEMBER, "personal": grants})
    assert [rows(result, name) for name in ("a", "b", "c")] == [[10, 10, 0], [0, 0, 10], [0, 0, 0]]


def test_personal_condition_asks_for_a_grant_with_or_without_goods() -> None:
    rules = [promotion(name, percent("10"), when={"personal": True}) for name in ("a", "b")]
    result = run(rules, [line(1, 100)], customer={**MEMBER, "personal": [grant("a")]})
    assert [rows(result, name) for name in ("a", "b")] == [[10], [0]]
    counted = {"receipt_sum": {"from": "1.00", "of": {"personal": True}}}
    rule = promotion("a", percent("10"), when=counted)
    assert rows(run([rule], [line(1, 100)], customer={**MEMBER, "personal": [grant("a")]}), "a") == [0]
