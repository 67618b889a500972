"""Try it: the draft on a sample receipt, in words of the visitor's language."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import STORE, TEN, Desk

OTHERS: list[dict[str, Any]] = [
    TEN,
    {
        "promotion": "big",
        "title": {"en": "Big receipts"},
        "stage": "receipt",
        "when": {"receipt_sum": {"from": "5000"}},
        "reward": [{"amount": {"off": "100"}}],
    },
    {
        "promotion": "early",
        "title": {"en": "Early birds"},
        "stage": "receipt",
        "when": {"schedule": {"hours": "05:00-06:00"}},
        "reward": [{"amount": {"off": "1"}}],
    },
]


@pytest.fixture
async def page(browser: Browser, desk: Desk) -> Page:
    """The slides' promotion, with a store and three others that are on."""
    await desk.put("/v1/stores/s1", json=STORE)
    for document in OTHERS:
        assert (await desk.post("/v1/promotions?state=ACTIVE", json=document)).status_code == 201
    return await browser.get("/console/promotions/new?card=small-receipt-points")


async def tried(browser: Browser, page: Page, **changed: str) -> Page:
    values = {"try.line.price": "", "try.at": "2027-01-05T12:00", "try.store": "s1"}
    values |= {name.replace("__", "."): value for name, value in changed.items()}
    lines = [one for one in page.changed(values) if not one[0].startswith("try.line.")]
    prices = changed.get("prices", "500").split()
    for number, price in enumerate(prices):
        lines += [
            ("try.line.sku", f"sku{number}"),
            ("try.line.category", ""),
            ("try.line.price", price),
            ("try.line.quantity", "1"),
        ]
    return await browser.part("/console/promotions/try", lines)


async def test_draft_fires_and_every_line_says_why(browser: Browser, page: Page) -> None:
    part = await tried(browser, page, prices="500 200,50")
    assert part.status == 200
    assert "It fires 3.15 bonus" in part.text
    assert "“Ten percent” took 50.00 off: 500.00 → 450.00" in part.text
    assert "630.45" in part.text and "2.25 bonus accrued" in part.text
    assert "You earned 3.15 points" in part.text and "Начислено баллов: 3.15" in part.text


async def test_what_is_promised_is_told(browser: Browser, desk: Desk, page: Page) -> None:
    gift: dict[str, Any] = {"promotion": "cup", "title": {"en": "A cup"}, "stage": "message"}
    gift["reward"] = [{"gift": {"sku": ["cup", "mug"], "quantity": 2}}]
    near: dict[str, Any] = {
        "promotion": "near",
        "title": {"en": "Near"},
        "stage": "receipt",
        "when": {"receipt_sum": {"from": "1000"}},
        "reward": [{"amount": {"off": "100"}}],
        "messages": {"nudge": {"en": "{{ distance }} to go", "ru": "ещё {{ distance }}"}},
    }
    for document in (gift, near):
        answer = await desk.post("/v1/promotions?state=ACTIVE", json=document)
        assert answer.status_code == 201, answer.text
    part = await tried(browser, page, prices="900")
    assert "“A cup” gives 2 × cup / mug, to be handed out" in part.text
    assert "“Near” is near: 100.00 to go" in part.text
    browser.language = "ru"
    assert "«Near» уже близко: ещё" in (await tried(browser, page, prices="900")).text


async def test_promotions_that_gave_nothing_say_why(browser: Browser, page: Page) -> None:
    part = await tried(browser, page, prices="900")
    assert "Needs: the receipt sum is 5,000 or more. Here 900.00, 4,100.00 short" in part.text
    assert "Needs: at 05:00-06:00" in part.text
    part = await tried(browser, page, prices="1200")
    assert "It gives nothing here Needs: the receipt sum is below 1,000. Here 1,200.00" in part.text


async def test_receipt_of_the_form_decides(browser: Browser, page: Page) -> None:
    assert "Needs: a loyalty card is presented" in (await tried(browser, page, try__card="")).text
    early = await tried(browser, page, try__at="2027-01-05T05:30")
    assert "−1.00 RUB" in early.text and "Early birds" in early.text
    alone = await tried(browser, page, try__alone="1")
    assert "Ten percent" not in alone.text


async def test_words_are_those_of_the_language(browser: Browser, page: Page) -> None:
    browser.language = "ru"
    part = await tried(browser, page, prices="1200")
    assert "Нужно: сумма чека меньше 1 000. Сейчас 1 200,00" in part.text


async def test_what_is_not_finished_is_told_and_not_calculated(browser: Browser, page: Page) -> None:
    cases: list[tuple[dict[str, str], str]] = [
        ({"prices": "abc"}, "line[1].price"),
        ({"prices": "1.999"}, "line[1].price"),
        ({"prices": ""}, "Give at least one line a price"),
        ({"try__at": "yesterday"}, "at yesterday"),
        ({"doc__when__all__1__receipt_sum__below|word": "x"}, "is not a sum"),
    ]
    for changed, says in cases:
        part = await tried(browser, page, **changed)
        assert part.status == 200 and "Not finished yet" in part.text and says in part.text


async def test_draft_that_contradicts_what_is_on_is_tried_alone(browser: Browser, desk: Desk, page: Page) -> None:
    one = {
        "promotion": "g1",
        "stage": "item",
        "group": {"name": "g", "mode": "BEST"},
        "reward": [{"percent": {"rate": "5"}}],
    }
    assert (await desk.post("/v1/promotions?state=ACTIVE", json=one)).status_code == 201
    other = await browser.get("/console/promotions/new?card=happy-hours")
    part = await tried(browser, other, **{"doc__group__name|word": "g", "doc__group__mode|word": "MIN"})
    assert "it was tried alone" in part.text


async def test_own_former_self_takes_no_part(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    page = await browser.get("/console/promotions/ten")
    part = await tried(browser, page, **{"doc__reward__0__percent__rate|word": "50", "try__store": ""})
    assert "−250.00 RUB" in part.text and part.text.count("Ten percent") == 2


async def test_remarks_of_the_check_are_shown(browser: Browser, page: Page) -> None:
    part = await tried(browser, page, **{"doc__when__all__1__receipt_sum__below|word": "1", "try__alone": "1"})
    assert "Worth a look" in part.text


async def test_earlier_purchases_of_the_customer_are_typed_one_a_line(browser: Browser, desk: Desk, page: Page) -> None:
    asked = {"window": "month", "of": {"category": "coffee"}, "at": "same_store", "count": 2}
    third = {"promotion": "third", "title": {"en": "Twice coffee"}, "stage": "receipt", "when": {"purchases": asked}}
    third["reward"] = [{"amount": {"off": "30"}}]
    assert (await desk.post("/v1/promotions?state=ACTIVE", json=third)).status_code == 201
    typed = "2027-01-02 300 coffee\n2027-01-04 150.50 coffee\n\n2027-01-04 20\n2026-12-31 99 coffee"
    part = await tried(browser, page, try__card="1", try__history=typed)
    assert "“Twice coffee” took 30.00 off" in part.text
    for other in ("", typed.partition("\n")[0]):
        part = await tried(browser, page, try__card="1", try__history=other)
        assert "“Twice coffee” took" not in part.text
    wrong = await tried(browser, page, try__card="1", try__history="2027-02-30 5")
    assert "history[0].date" in wrong.text
