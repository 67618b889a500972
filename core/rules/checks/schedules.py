"""When schedules hold, by minutes of the store's wall clock: exactly, by the rules of semantics §6.11.27.

Days are whole numbers since 1970-01-01; a moment is minutes since then.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from altyn.core.rules.condition import Schedule

DAY_MINUTES = 1_440
MINUTE_US = 60_000_000
# Every pair of a weekday and a day of the month comes up in less than three years.
SEARCH_DAYS = 1_100


def holds_at(schedule: Schedule, moment: int) -> bool:
    if schedule.from_wall_us is not None and moment * MINUTE_US < schedule.from_wall_us:
        return False
    if schedule.to_wall_us is not None and moment * MINUTE_US >= schedule.to_wall_us:
        return False
    day, minute = divmod(moment, DAY_MINUTES)
    if not schedule.windows:
        return _date_holds(schedule, day)
    for start, end in schedule.windows:
        crosses = end <= start
        if start <= minute and (crosses or minute < end) and _date_holds(schedule, day):
            return True
        if crosses and minute < end and _date_holds(schedule, day - 1):
            return True
    return False


def ranges_on(day: int, holding: Sequence[Schedule], failing: Sequence[Schedule] = ()) -> list[tuple[int, int]]:
    """Half-open ranges of minutes of a day during which the first hold and the others do not, in order and apart."""
    edges = sorted({0, DAY_MINUTES, *(edge for one in (*holding, *failing) for edge in _edges_on(one, day))})
    found: list[tuple[int, int]] = []
    for start, end in pairwise(edges):
        moment = day * DAY_MINUTES + start
        if all(holds_at(one, moment) for one in holding) and not any(holds_at(one, moment) for one in failing):
            begin = found.pop()[0] if found and found[-1][1] == start else start
            found.append((begin, end))
    return found


def _edges_on(schedule: Schedule, day: int) -> list[int]:
    """Minutes of the day at which it may begin or cease to hold; a part of a minute counts to the next one."""
    walls = [wall for wall in (schedule.from_wall_us, schedule.to_wall_us) if wall is not None]
    edges = [edge for window in schedule.windows for edge in window]
    edges += [-(-wall // MINUTE_US) - day * DAY_MINUTES for wall in walls]
    return [edge for edge in edges if 0 < edge < DAY_MINUTES]


def first_moment(schedules: Sequence[Schedule], since: int | None = None) -> int | None:
    """A moment from `since` on at which all of them hold; None when there is none within SEARCH_DAYS of it.

    Half-open windows that share a moment share the start of one of them, so only starts are tried.
    """
    first = max(since or 0, *(_begin(one) for one in schedules))
    last_day = min(_last_day(one) for one in schedules)
    starts = sorted({0, *(start for one in schedules for start, _ in one.windows)})
    if all(holds_at(one, first) for one in schedules):
        return first
    first_day = first // DAY_MINUTES
    for day in range(first_day, min(last_day, first_day + SEARCH_DAYS) + 1):
        for start in starts:
            moment = day * DAY_MINUTES + start
            if moment >= first and all(holds_at(one, moment) for one in schedules):
                return moment
    return None


def is_over(schedules: Sequence[Schedule], today: int) -> bool:
    """Do they never hold from the beginning of this day on, though their dates end."""
    ends = min(_last_day(one) for one in schedules)
    return ends < today + SEARCH_DAYS and first_moment(schedules, today * DAY_MINUTES) is None


def _begin(schedule: Schedule) -> int:
    moments = [0]
    if schedule.from_date is not None:
        moments.append(schedule.from_date * DAY_MINUTES)
    if schedule.from_wall_us is not None:
        moments.append(schedule.from_wall_us // MINUTE_US)
    return max(moments)


def _last_day(schedule: Schedule) -> int:
    """The last day on which a window may start or still run."""
    days = [10**7]
    if schedule.to_date is not None:
        days.append(schedule.to_date + any(end <= start for start, end in schedule.windows))
    if schedule.to_wall_us is not None:
        days.append(schedule.to_wall_us // MINUTE_US // DAY_MINUTES)
    return min(days)


def _date_holds(schedule: Schedule, day: int) -> bool:
    if schedule.from_date is not None and day < schedule.from_date:
        return False
    if schedule.to_date is not None and day > schedule.to_date:
        return False
    if schedule.weekdays and (day + 3) % 7 not in schedule.weekdays:
        return False
    return not schedule.days_of_month or day_of_month(day) in schedule.days_of_month


def day_of_month(day: int) -> int:
    """1…31, by whole eras of 400 years that begin on the first of March."""
    of_era = (day + 719_468) % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return of_year - (153 * month + 2) // 5 + 1
