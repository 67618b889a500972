"""Wall-clock vectors of semantics §6.11.27."""

from datetime import UTC, date, datetime, timedelta

import pytest

from .wallclock import EPOCH, read_schedule, wall_clock

MOSCOW, BERLIN = "Europe/Moscow", "Europe/Berlin"


def microseconds(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def inside(document: dict[str, object], utc: str, zone: str = BERLIN) -> bool:
    return read_schedule(document)(wall_clock(microseconds(utc), zone))


@pytest.mark.parametrize(
    ("day", "hours", "periods"),
    [
        ("2026-03-29", "02:30-05:00", [("01:30", "03:00")]),
        ("2026-03-29", "02:15-02:45", [("01:15", "01:45")]),
        ("2026-03-29", "01:00-02:30", [("00:00", "01:30")]),
        ("2026-10-25", "02:15-02:45", [("00:15", "00:45"), ("01:15", "01:45")]),
    ],
)
def test_hours_on_the_day_of_a_clock_change_6_11_27(day: str, hours: str, periods: list[tuple[str, str]]) -> None:
    """The window holds in exactly these UTC periods of the day, to the microsecond at their ends."""
    schedule = read_schedule({"hours": hours})
    midnight = microseconds(f"{day}T00:00")
    wanted = [(microseconds(f"{day}T{start}"), microseconds(f"{day}T{end}")) for start, end in periods]
    for minute in range(-60, 22 * 60):
        for shift in (-1, 0):
            at = midnight + minute * 60_000_000 + shift
            assert schedule(wall_clock(at, BERLIN)) is any(start <= at < end for start, end in wanted), minute


@pytest.mark.parametrize(
    ("utc", "holds"),
    [
        ("2026-06-19T19:00", True),  # Friday 22:00
        ("2026-06-19T22:30", True),  # Saturday 01:30
        ("2026-06-19T23:00", False),  # Saturday 02:00
        ("2026-06-18T22:30", False),  # Friday 01:30
        ("2026-06-19T18:59", False),
    ],
)
def test_window_over_midnight_belongs_to_its_start_date_6_11_27(utc: str, holds: bool) -> None:
    assert inside({"hours": "22:00-02:00", "weekdays": ["fri"]}, utc, MOSCOW) is holds
    assert inside({"hours": "22:00-02:00", "days_of_month": [19]}, utc, MOSCOW) is holds
    assert inside({"hours": "22:00-02:00", "from": "2026-06-19", "to": "2026-06-19"}, utc, MOSCOW) is holds


@pytest.mark.parametrize(("utc", "holds"), [("2026-06-20T06:59", True), ("2026-06-20T07:00", False)])
def test_start_equal_to_end_is_24_hours_6_11_27(utc: str, holds: bool) -> None:
    assert inside({"hours": "10:00-10:00", "weekdays": ["fri"]}, utc, MOSCOW) is holds


@pytest.mark.parametrize(
    ("bounds", "utc", "holds"),
    [
        ({"to": "2027-01-01"}, "2027-01-01T20:59", True),
        ({"to": "2027-01-01"}, "2027-01-01T21:00", False),
        ({"to": date(2027, 1, 1)}, "2027-01-01T20:59", True),
        ({"to": "2027-01-01T10:00"}, "2027-01-01T06:59", True),
        ({"to": "2027-01-01T10:00"}, "2027-01-01T07:00", False),
        ({"from": "2027-01-01"}, "2026-12-31T20:59", False),
        ({"from": "2027-01-01"}, "2026-12-31T21:00", True),
        ({"from": datetime(2027, 1, 1, 10)}, "2027-01-01T07:00", True),
        ({"from": "2027-01-01T10:00"}, "2027-01-01T06:59", False),
    ],
)
def test_bounds_bare_dates_are_included_and_times_are_not_6_11_27(
    bounds: dict[str, object], utc: str, holds: bool
) -> None:
    assert inside(bounds, utc, MOSCOW) is holds


def test_date_time_bound_cuts_a_running_window_but_a_bare_date_does_not_6_11_27() -> None:
    hours = {"hours": "22:00-02:00"}
    assert inside({**hours, "to": "2026-06-19"}, "2026-06-19T22:30", MOSCOW)
    assert not inside({**hours, "to": "2026-06-20T01:00"}, "2026-06-19T22:30", MOSCOW)


def test_date_time_bound_inside_a_gap_moves_forward_6_11_27() -> None:
    assert not inside({"from": "2026-03-29T02:30"}, "2026-03-29T01:29")
    assert inside({"from": "2026-03-29T02:30"}, "2026-03-29T01:30")


@pytest.mark.parametrize(("utc", "holds"), [("2026-06-19T20:59", True), ("2026-06-19T21:00", False)])
def test_twenty_four_is_the_end_of_the_day(utc: str, holds: bool) -> None:
    assert inside({"hours": "20:00-24:00"}, utc, MOSCOW) is holds


def test_hours_list_holds_when_any_window_does() -> None:
    schedule: dict[str, object] = {"hours": ["07:00-10:00", "12:00-13:00"]}
    open_hours = [hour for hour in range(24) if inside(schedule, f"2026-06-19T{hour:02d}:00", MOSCOW)]
    assert open_hours == [4, 5, 6, 9]
