"""Counters of limits and budgets: how much of a limit is used up, and how much pending holds keep, for one subject in one window.

A counter is found by its group, a digest of all its key but the subject, and its subject. Counters of one window lie together and are forgotten together, 40 days after the window's
end: no receipt is accepted that late (semantics §6.11.27). Keeps always: used ≥ 0 and held ≥ 0. Caps are the rules' business and not
known here. Changes are planned, checked and written with the book's plan they belong to.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from altyn.core.ledger.counter_table cimport Counter, CounterTable
from altyn.core.limits cimport COUNTER_CHANGES_MAX
from altyn.core.text cimport Text

cdef enum LimitWindow:
    # altyn.journal.v1.LimitWindow
    WINDOW_DAY = 1
    WINDOW_WEEK = 2
    WINDOW_MONTH = 3
    WINDOW_YEAR = 4
    WINDOW_ALWAYS = 5

cdef struct CounterId:
    uint8_t key[16]            # the group's digest, 8 bytes, and the subject
    int64_t window_day         # first day of the window, days since 1970-01-01; 0: always
    int32_t window             # LimitWindow

cdef struct CounterWindow:
    CounterTable* table
    int64_t window_day
    int32_t window

cdef struct Counters:
    CounterWindow* windows     # by (window, window_day)
    uint32_t count
    uint32_t capacity

cdef struct CounterChange:
    CounterId id
    Counter after

cdef struct CounterPlan:
    CounterChange changes[COUNTER_CHANGES_MAX]
    int32_t count

cdef CounterId counter_id(Text limit, int32_t measure, int32_t per, int32_t window, int64_t subject, int64_t window_day) noexcept nogil
cdef int64_t window_first_day(int32_t window, int64_t day) noexcept nogil
cdef Counter counters_read(const Counters* counters, const CounterId* id) noexcept nogil
# Set a counter outright: for images and for a replay's evidence. False: no memory.
cdef bint counters_set(Counters* counters, const CounterId* id, Counter value) noexcept nogil
cdef void counters_free(Counters* counters) noexcept nogil
# Drop one window whole that has been over for 40 days, if there is such.
cdef void counters_forget(Counters* counters, int64_t instant_us) noexcept nogil
# The window's table, made when it is not there; NULL without memory.
cdef CounterTable* window_made(Counters* counters, const CounterId* id) noexcept nogil
cdef int64_t counters_bytes(const Counters* counters) noexcept nogil

# The plan. `counters_plan` answers False when there are too many (a window that was forgotten already is passed over); `counters_sound` False when a counter would go below 0;
# `counters_room` False without memory; `counters_write` cannot fail after it.
cdef bint counters_plan(const Counters* counters, CounterPlan* plan, const CounterId* id, int64_t used, int64_t held, int64_t instant_us) noexcept nogil
cdef bint counters_sound(const CounterPlan* plan) noexcept nogil
cdef bint counters_room(Counters* counters, const CounterPlan* plan) noexcept nogil
cdef void counters_write(Counters* counters, const CounterPlan* plan) noexcept nogil
