"""Schedules by the store's wall clock (semantics §6.11.27).

Decides whether a business instant is inside a schedule. Never reads a clock: the instant is given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from .goods import as_list

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class WallClock:
    """An instant as the store's wall shows it; both passes of an overlap show the same."""

    time: datetime
    zone: str


Schedule = Callable[[WallClock], bool]


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def wall_clock(at_us: int, zone: str) -> WallClock:
    """UTC microseconds on the wall clock of an IANA zone."""
    local = (EPOCH + timedelta(microseconds=at_us)).astimezone(_zone(zone))
    return WallClock(local.replace(tzinfo=None, fold=0), zone)


@lru_cache(maxsize=65536)
def shown(boundary: datetime, zone: str) -> datetime:
    """The boundary itself, or, when no clock ever shows it, moved forward by the gap."""
    there_and_back = boundary.replace(tzinfo=_zone(zone)).astimezone(UTC).astimezone(_zone(zone))
    return there_and_back.replace(tzinfo=None, fold=0)


@dataclass(frozen=True)
class Window:
    """[start, end) in minutes after midnight of its start date; an end not after the start is on the next day."""

    start: int
    end: int

    def holds(self, clock: WallClock, start_date: date) -> bool:
        midnight = datetime(start_date.year, start_date.month, start_date.day)
        end = self.end if self.end > self.start else self.end + 24 * 60
        first = shown(midnight + timedelta(minutes=self.start), clock.zone)
        last = shown(midnight + timedelta(minutes=end), clock.zone)
        return first <= clock.time < last


WHOLE_DAY = Window(0, 24 * 60)


def read_schedule(document: dict[str, Any]) -> Schedule:
    """`schedule: {from, to, hours, weekdays, days_of_month}` as a test of a wall clock."""
    date_tests: list[Callable[[date], bool]] = []
    time_tests: list[Schedule] = []
    first, last = _boundary(document.get("from")), _boundary(document.get("to"))
    if isinstance(first, datetime):
        first_time = first
        time_tests.append(lambda clock: clock.time >= shown(first_time, clock.zone))
    elif first is not None:
        first_date = first
        date_tests.append(lambda day: day >= first_date)
    if isinstance(last, datetime):
        last_time = last
        time_tests.append(lambda clock: clock.time < shown(last_time, clock.zone))
    elif last is not None:
        last_date = last
        date_tests.append(lambda day: day <= last_date)
    if "weekdays" in document:
        weekdays = {WEEKDAYS.index(name) for name in as_list(document["weekdays"])}
        date_tests.append(lambda day: day.weekday() in weekdays)
    if "days_of_month" in document:
        days = {int(day) for day in as_list(document["days_of_month"])}
        date_tests.append(lambda day: day.day in days)
    windows = [_window(text) for text in as_list(document["hours"])] if "hours" in document else [WHOLE_DAY]

    def holds(clock: WallClock) -> bool:
        if not all(test(clock) for test in time_tests):
            return False
        today = clock.time.date()
        start_dates = [day for day in (today, today - DAY) if all(test(day) for test in date_tests)]
        return any(window.holds(clock, day) for day in start_dates for window in windows)

    return holds


def _boundary(value: Any) -> date | datetime | None:
    """A bare date or a local date-time, from text or as a YAML loader gives it."""
    if value is None or isinstance(value, date):
        return value
    text = str(value).strip()
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def _window(text: str) -> Window:
    start, _, end = text.replace(" ", "").partition("-")
    return Window(_minutes(start), _minutes(end))


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
