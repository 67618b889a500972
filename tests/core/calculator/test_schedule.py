"""Business time (semantics §6.11.27): windows, dates, gaps."""

from __future__ import annotations

from datetime import datetime

import pytest

from altyn.core.facts import Zones
from altyn.infra.zones import ensure_zone
from tests.core.calculator.scenario import calculate, lines

UTC_EPOCH = datetime(1970, 1, 1)
ZONES = Zones()
BERLIN = ensure_zone(ZONES, "Europe/Berlin")


def wall_us(text: str) -> int:
    since = datetime.fromisoformat(text) - UTC_EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000


def applies(schedule: str, wall: tuple[int, int, int]) -> bool:
    rules = f"{{promotion: p, stage: item, when: {{schedule: {schedule}}}, reward: [{{percent: {{rate: 10}}}}]}}"
    return bool(calculate(rules, lines(1000), wall=wall)["totals"]["discount_minor"])


@pytest.mark.parametrize(
    ("schedule", "moment", "inside"),
    [
        ("{weekdays: [fri], hours: '22:00-02:00'}", "2027-01-02T01:30", True),
        ("{weekdays: [fri], hours: '22:00-02:00'}", "2027-01-01T01:30", False),
        ("{weekdays: [fri], hours: '22:00-02:00'}", "2027-01-01T22:00", True),
        ("{weekdays: [fri], hours: '22:00-02:00'}", "2027-01-02T02:00", False),
        ("{hours: '08:00-08:00', weekdays: [fri]}", "2027-01-02T07:59", True),
        ("{to: 2027-01-01}", "2027-01-01T23:59", True),
        ("{to: 2027-01-01}", "2027-01-02T00:00", False),
        ("{to: '2027-01-01T10:00'}", "2027-01-01T10:00", False),
        ("{from: '2027-01-01T10:00'}", "2027-01-01T10:00", True),
        ("{to: 2027-01-01, hours: '22:00-02:00'}", "2027-01-02T01:00", True),
        ("{days_of_month: [29]}", "2028-02-29T12:00", True),
        ("{days_of_month: [29]}", "2028-03-01T12:00", False),
        ("{hours: ['07:00-08:00', '12:00-24:00']}", "2027-01-01T23:59", True),
        ("{hours: ['07:00-08:00', '12:00-24:00']}", "2027-01-01T09:00", False),
    ],
)
def test_schedule_at_a_moment_holds_as_its_windows_say(schedule: str, moment: str, inside: bool) -> None:
    assert applies(schedule, (wall_us(moment), 0, 0)) is inside


@pytest.mark.parametrize(
    ("hours", "day", "spans"),
    [
        ("02:30-05:00", "2026-03-29", [("01:30", "03:00")]),
        ("02:15-02:45", "2026-03-29", [("01:15", "01:45")]),
        ("01:00-02:30", "2026-03-29", [("00:00", "01:30")]),
        ("02:15-02:45", "2026-10-25", [("00:15", "00:45"), ("01:15", "01:45")]),
    ],
)
def test_schedule_across_a_clock_change_holds_in_the_spans_of_the_vector(
    hours: str, day: str, spans: list[tuple[str, str]]
) -> None:
    begins = wall_us(f"{day}T00:00")
    held = {
        minute
        for minute in range(240)
        if applies(f"{{hours: '{hours}'}}", tuple(ZONES.wall_clock_at(BERLIN, begins + minute * 60_000_000)))
    }
    expected = {
        minute
        for start, end in spans
        for minute in range(*(int(text[:2]) * 60 + int(text[3:]) for text in (start, end)))
    }
    assert held == expected
