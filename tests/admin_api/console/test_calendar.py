"""The calendar: days and hours of schedules, by the wall clock of the stores."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_reviewing import People, people
from tests.admin_api.desk import STORE, TEN, Desk

__all__ = ["people"]

#: A Wednesday; 22:30 UTC is half past one on Thursday in Moscow.
NOW = datetime(2027, 1, 13, 22, 30, tzinfo=UTC)
WEEK = "/console/calendar?span=week&from=2027-01-13"


@pytest.fixture
def january(desk: Desk) -> Desk:
    desk.office.clock = lambda: NOW
    return desk


async def put(desk: Desk, when: dict[str, Any] | None, name: str = "ten") -> None:
    document = {**TEN, "promotion": name} | ({"when": when} if when else {})
    assert (await desk.post("/v1/promotions?state=ACTIVE", json=document)).status_code == 201


def cells(page: Page, name: str = "ten") -> list[str]:
    """What the days of a promotion's row say."""
    row = page.html.partition(f'href="/console/promotions/{name}">')[2].partition("</tr>")[0]
    return [one.strip() for one in re.findall(r'<span class="(?:visually-hidden)?">([^<]*)</span></span></td>', row)]


OFF, ON = "not in force", "all day"


@pytest.mark.parametrize(
    ("when", "week"),
    [
        (None, [ON] * 7),
        ({"schedule": {"from": "2027-01-13", "to": "2027-01-15"}}, [OFF, OFF, ON, ON, ON, OFF, OFF]),
        ({"schedule": {"weekdays": ["mon", "sun"]}}, [ON, OFF, OFF, OFF, OFF, OFF, ON]),
        ({"schedule": {"days_of_month": [12, 31]}}, [OFF, ON, OFF, OFF, OFF, OFF, OFF]),
        ({"schedule": {"hours": ["10:00-12:00", "18:00-24:00"]}}, ["10:00–12:00, 18:00–24:00"] * 7),
        (
            {"schedule": {"hours": ["22:00-02:00"], "weekdays": ["fri"]}},
            [OFF, OFF, OFF, OFF, "22:00–24:00", "00:00–02:00", OFF],
        ),
        (
            {"schedule": {"from": "2027-01-13T09:30", "to": "2027-01-14T18:00"}},
            [OFF, OFF, "09:30–24:00", "00:00–18:00", OFF, OFF, OFF],
        ),
        ({"none": [{"schedule": {"weekdays": ["sat", "sun"]}}]}, [ON] * 5 + [OFF] * 2),
        (
            {
                "any": [
                    {"schedule": {"weekdays": ["mon"], "hours": ["10:00-14:00"]}},
                    {"schedule": {"weekdays": ["mon", "tue"], "hours": ["12:00-16:00"]}},
                ]
            },
            ["10:00–16:00", "12:00–16:00", OFF, OFF, OFF, OFF, OFF],
        ),
    ],
)
async def test_days_and_hours_are_those_of_the_schedule(
    january: Desk, browser: Browser, when: dict[str, Any] | None, week: list[str]
) -> None:
    await put(january, when)
    page = await browser.get(WEEK)
    assert page.status == 200 and cells(page) == week


async def test_store_leaves_out_what_its_attributes_rule_out(january: Desk, browser: Browser) -> None:
    await january.put("/v1/stores/s1", json={**STORE, "zone": "Asia/Vladivostok"})
    await put(january, {"store": {"format": {"none_of": ["super"]}}})
    await put(january, {"store": {"region": "msk"}}, "local")
    page = await browser.get(WEEK + "&store=s1")
    assert cells(page) == [OFF] * 7 and cells(page, "local") == [ON] * 7
    assert "Asia/Vladivostok" in page.text
    unknown = await browser.get(WEEK + "&store=nowhere")
    assert cells(unknown) == [ON] * 7 and "There is no such store" in unknown.text


async def test_today_is_the_programmes_and_weeks_are_counted_by_days(january: Desk, browser: Browser) -> None:
    await put(january, {"schedule": {"weekdays": ["mon", "tue"], "to": "2027-01-19"}})
    page = await browser.get("/console/calendar?span=week")
    heads = re.findall(r'<th scope="col" class="calendar-now">.*?</th>', page.html)
    assert len(heads) == 1 and "14.01" in heads[0]
    quarter = await browser.get("/console/calendar?span=quarter")
    assert cells(quarter) == ["2 days", "2 days", *[OFF] * 11]
    assert len(cells(await browser.get("/console/calendar"))) == 28


async def test_filters_and_pages_are_those_of_the_list(january: Desk, browser: Browser) -> None:
    for number in range(26):
        await put(january, None, f"p{number:02}")
    page = await browser.get(WEEK + "&state=ACTIVE")
    assert "promotions/p24" in page.html and "promotions/p25" not in page.html
    following = re.findall(r'href="([^"]*after=p24[^"]*)"', page.html)[0].replace("&amp;", "&")
    assert {"state=ACTIVE", "span=week", "from=2027-01-11"} <= set(following.partition("?")[2].split("&"))
    assert cells(await browser.get(following), "p25") == [ON] * 7
    assert not cells(await browser.get(WEEK + "&state=DRAFT"), "p01")


@pytest.mark.parametrize("query", ["from=x", "from=9999-12-31", "from=0001-01-01", "span=year", "store=%00"])
async def test_odd_questions_get_a_page(january: Desk, browser: Browser, query: str) -> None:
    await put(january, None)
    assert (await browser.get(f"/console/calendar?{query}")).status == 200


async def test_scheduled_promotion_begins_at_its_moment(people: People, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    for login, act, typed in (
        ("mary", "submit", {}),
        ("dora", "approve", {}),
        ("dora", "publish", {"effective_at": "2027-01-20T12:00"}),
    ):
        page = await people[login].get("/console/promotions/ten/review")
        await people[login].post(f"/console/promotions/ten/{act}", page.changed(typed))
    page = await people["mary"].get("/console/calendar?span=week&from=2027-01-18")
    assert cells(page) == [OFF, OFF, "12:00–24:00", ON, ON, ON, ON]
