"""Wall clocks against zoneinfo, and the vectors of semantics §6.11.27."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.facts import Zones
from altyn.infra.zones import EPOCH, MICROSECOND, load_zone, zone_names, zone_table

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NAMES = """
    Europe/Moscow Europe/Kaliningrad Europe/Samara Europe/Volgograd Asia/Yekaterinburg Asia/Omsk Asia/Novosibirsk
    Asia/Tomsk Asia/Krasnoyarsk Asia/Irkutsk Asia/Chita Asia/Vladivostok Asia/Magadan Asia/Sakhalin Asia/Kamchatka
    Asia/Almaty Asia/Tashkent Europe/Berlin Europe/London Europe/Dublin Europe/Istanbul Africa/Casablanca
    Africa/Cairo Africa/Khartoum Asia/Tehran Asia/Kathmandu Asia/Gaza Asia/Beirut Asia/Pyongyang America/New_York
    America/St_Johns America/Caracas America/Sao_Paulo America/Nuuk America/Havana Australia/Lord_Howe
    Australia/Adelaide Antarctica/Troll Antarctica/Casey Pacific/Apia Pacific/Chatham Pacific/Tongatapu
    Pacific/Norfolk Etc/GMT+12 UTC
""".split()  # noqa: SIM905


load_zone_once = cache(load_zone)


@cache
def zones() -> Zones:
    made = Zones()
    for name in NAMES:
        made.define(name, *zone_table(name))
    return made


def us(text: str) -> int:
    """Microseconds of a date-time; without a zone, of the wall clock."""
    instant = datetime.fromisoformat(text)
    return ((instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def aware(instant_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=instant_us)


def wall_by_zoneinfo(name: str, instant_us: int) -> int:
    local = aware(instant_us).astimezone(load_zone_once(name))
    return (local.replace(tzinfo=UTC) - EPOCH) // MICROSECOND


CHANGING = [name for name in NAMES if zone_table(name).changes]
INSTANTS = st.integers(us("2015-01-01T00:00Z"), us("2044-12-31T23:59:59.999999Z"))


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(NAMES), INSTANTS)
def test_wall_clock_at_any_instant_equals_zoneinfo(name: str, instant_us: int) -> None:
    assert zones().wall_clock_at(zones().number(name), instant_us).wall_us == wall_by_zoneinfo(name, instant_us)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(CHANGING), st.data())
def test_wall_clock_near_a_change_equals_zoneinfo(name: str, data: st.DataObject) -> None:
    change_us, _ = data.draw(st.sampled_from(zone_table(name).changes))
    instant_us = change_us + data.draw(st.sampled_from([-1, 0, 1]) | st.integers(-2 * HOUR_US, 2 * HOUR_US))
    assert zones().wall_clock_at(zones().number(name), instant_us).wall_us == wall_by_zoneinfo(name, instant_us)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(CHANGING), st.data())
def test_gap_near_a_forward_jump_is_the_missing_wall_time(name: str, data: st.DataObject) -> None:
    change_us, _ = data.draw(st.sampled_from(zone_table(name).changes))
    instant_us = change_us + data.draw(st.integers(-2 * DAY_US, 2 * DAY_US))
    jump_us = wall_by_zoneinfo(name, change_us) - wall_by_zoneinfo(name, change_us - 1) - 1
    clock = zones().wall_clock_at(zones().number(name), instant_us)
    if jump_us > 0:
        assert (clock.gap_from_wall_us, clock.gap_us) == (wall_by_zoneinfo(name, change_us - 1) + 1, jump_us)
    else:
        assert clock.gap_us == 0


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_instant_of_a_wall_time_is_its_first_pass_or_moved_past_the_gap(name: str, data: st.DataObject) -> None:
    changes = [(us("2026-06-01T00:00Z"), 0), *zone_table(name).changes]
    near_us, _ = data.draw(st.sampled_from(changes))
    wall_us = wall_by_zoneinfo(name, near_us) + data.draw(st.integers(-3 * HOUR_US, 3 * HOUR_US))
    # zoneinfo: fold=0 is the first pass; in a gap it applies the offset of before, which moves the moment forward.
    naive = aware(wall_us).replace(tzinfo=None)
    expected_us = (naive.replace(tzinfo=load_zone_once(name), fold=0).astimezone(UTC) - EPOCH) // MICROSECOND
    assert zones().instant_at(zones().number(name), wall_us) == expected_us


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_wall_clock_through_a_decade_equals_zoneinfo(name: str) -> None:
    number = zones().number(name)
    start_us = us("2025-01-01T00:00Z")
    instants = range(start_us, start_us + 3_653 * DAY_US, 5 * HOUR_US // 2)
    wrong = [at for at in instants if zones().wall_clock_at(number, at).wall_us != wall_by_zoneinfo(name, at)]
    assert wrong == []


def in_window(instant: str, start: str, end: str) -> bool:
    """Is the instant inside [start, end) by Berlin's wall clock, boundaries in the gap moved forward (§6.11.27)?"""
    clock = zones().wall_clock_at(zones().number("Europe/Berlin"), us(instant))

    def moved(boundary: str) -> int:
        wall_us = us(boundary)
        is_missing = clock.gap_from_wall_us <= wall_us < clock.gap_from_wall_us + clock.gap_us
        return wall_us + clock.gap_us if is_missing else wall_us

    return moved(start) <= clock.wall_us < moved(end)


@pytest.mark.parametrize(
    ("start", "end", "passes"),
    [
        ("2026-03-29T02:30", "2026-03-29T05:00", [("2026-03-29T01:30Z", "2026-03-29T03:00Z")]),
        ("2026-03-29T02:15", "2026-03-29T02:45", [("2026-03-29T01:15Z", "2026-03-29T01:45Z")]),
        ("2026-03-29T01:00", "2026-03-29T02:30", [("2026-03-29T00:00Z", "2026-03-29T01:30Z")]),
        (
            "2026-10-25T02:15",
            "2026-10-25T02:45",
            [("2026-10-25T00:15Z", "2026-10-25T00:45Z"), ("2026-10-25T01:15Z", "2026-10-25T01:45Z")],
        ),
    ],
)
def test_window_of_berlin_on_a_change_day_holds_exactly_its_passes(
    start: str, end: str, passes: list[tuple[str, str]]
) -> None:
    day = datetime.fromisoformat(passes[0][0][:10] + "T00:00Z")
    for minute in range(-120, 24 * 60):
        instant = (day + timedelta(minutes=minute)).isoformat()
        expected = any(us(begin) <= us(instant) < us(until) for begin, until in passes)
        assert in_window(instant, start, end) == expected, instant


def test_zone_names_of_the_pinned_data_hold_links_and_not_paths() -> None:
    assert {"Europe/Moscow", "Europe/Kiev", "W-SU", "UTC"} <= zone_names()
    for name in ("", "Europe/Nowhere", "../zones", "/etc/localtime", "europe/moscow"):
        with pytest.raises(KeyError):
            zone_table(name)


@pytest.mark.parametrize(
    ("offset_us", "changes", "message"),
    [
        (DAY_US, [], "a day or more"),
        (0, [(5, HOUR_US), (5, 0)], "do not grow"),
        (0, [(5, -DAY_US)], "a day or more"),
        (0, [(number, 0) for number in range(4_097)], "too many"),
    ],
)
def test_define_given_a_bad_table_refuses_it(offset_us: int, changes: list[tuple[int, int]], message: str) -> None:
    made = Zones()
    with pytest.raises(ValueError, match=message):
        made.define("X", offset_us, changes)
    assert len(made) == 0


def test_define_of_a_taken_name_is_refused_and_numbers_stay() -> None:
    made = Zones()
    assert made.define("A", 0, []) == 0
    assert made.define("B", HOUR_US, [(0, 2 * HOUR_US)]) == 1
    with pytest.raises(ValueError, match="defined already"):
        made.define("A", HOUR_US, [])
    assert (made.number("A"), made.number("B"), made.names()) == (0, 1, ["A", "B"])
    assert [made.wall_clock_at(1, at).wall_us for at in (-1, 0)] == [HOUR_US - 1, 2 * HOUR_US]
    with pytest.raises(IndexError):
        made.wall_clock_at(2, 0)
