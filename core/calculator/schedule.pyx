# cython: cdivision=True
"""Business time (semantics §6.11.27).

Decides whether the receipt's moment lies in a schedule. Invariants: windows are half-open and belong to the date of
their start, a boundary in the clock's gap moves forward by the gap. Must never convert time zones: the wall clock is
given.
"""
from libc.stdint cimport INT64_MIN, int64_t
from altyn.core.rules.image cimport ScheduleRow

cdef extern from *:
    """
    #include <stdint.h>
    /* Monday is 0; 1970-01-01 was a Thursday. Kept a call: most schedules name no weekdays, and the compiler would take
       the divisions for every day out of the loop. */
    static __attribute__((noinline)) int32_t altyn_weekday(int64_t date) {
        return (int32_t)(((date + 3) % 7 + 7) % 7);
    }
    """
    int32_t weekday_of "altyn_weekday"(int64_t date) noexcept nogil

cdef enum:
    MINUTES_OF_DAY = 1_440
    # A window of 24 hours whose end a gap moved may begin two days ago.
    DAYS_BACK = 2

cdef inline int64_t day_us() noexcept nogil:
    return 86_400_000_000

cdef inline int64_t minute_us() noexcept nogil:
    return 60_000_000


cdef inline int64_t floor_days(int64_t wall_us) noexcept nogil:
    """Days since 1970-01-01, downwards also before it."""
    return (wall_us - (day_us() - 1)) // day_us() if wall_us < 0 else wall_us // day_us()


cdef int32_t day_of_month(int64_t date) noexcept nogil:
    """By the proleptic Gregorian calendar, counted in eras of 400 years from 0000-03-01."""
    cdef int64_t shifted = date + 719_468
    cdef int64_t era = (shifted if shifted >= 0 else shifted - 146_096) // 146_097
    cdef int64_t day_of_era = shifted - era * 146_097
    cdef int64_t year = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    cdef int64_t day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    cdef int64_t month = (5 * day_of_year + 2) // 153
    return <int32_t>(day_of_year - (153 * month + 2) // 5 + 1)


cdef inline int64_t existing(const Work* work, int64_t wall_us) noexcept nogil:
    """A boundary inside the gap moves forward by the gap."""
    if work.place.gap_us > 0 and 0 <= wall_us - work.place.gap_from_wall_us < work.place.gap_us:
        return wall_us + work.place.gap_us
    return wall_us


cdef bint date_matches(const ScheduleRow* row, int64_t date) noexcept nogil:
    if row.from_date != INT64_MIN and date < row.from_date:
        return False
    if row.to_date != INT64_MIN and date > row.to_date:
        return False
    if row.weekdays != 0 and not row.weekdays >> weekday_of(date) & 1:
        return False
    return row.days_of_month == 0 or row.days_of_month >> day_of_month(date) & 1


cdef bint window_holds(const Work* work, const ScheduleRow* row, int64_t today, int64_t start,
                       int64_t end) noexcept nogil:
    cdef int64_t date, begin_us, end_us
    cdef int32_t back
    if end <= start:
        end += MINUTES_OF_DAY
    for back in range(DAYS_BACK + 1):
        date = today - back
        begin_us = existing(work, date * day_us() + start * minute_us())
        end_us = existing(work, date * day_us() + end * minute_us())
        if begin_us <= work.place.wall_us < end_us and date_matches(row, date):
            return True
    return False


cdef bint schedule_holds(Work* work, int32_t schedule) noexcept nogil:
    """Is the receipt's wall time inside the schedule."""
    cdef const ScheduleRow* row = &work.rules.schedules[schedule]
    cdef int64_t today
    cdef int32_t i
    if row.from_wall_us != INT64_MIN and work.place.wall_us < existing(work, row.from_wall_us):
        return False
    if row.to_wall_us != INT64_MIN and work.place.wall_us >= existing(work, row.to_wall_us):
        return False
    today = floor_days(work.place.wall_us)
    if row.windows.begin == row.windows.end:
        return date_matches(row, today)
    for i in range(row.windows.begin, row.windows.end, 2):
        if window_holds(work, row, today, work.rules.lists[i], work.rules.lists[i + 1]):
            return True
    return False
