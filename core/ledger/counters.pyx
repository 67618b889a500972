# cython: cdivision=True
"""Body of the counters: a sorted list of windows, each a table of its own.

No function raises. Divisors are constants above 0. The digest needs no secret: ids of promotions and customers are the back office's own.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

from altyn.core.calendar cimport day_us, first_of_month, first_of_year, monday_of
from altyn.core.ledger.counter_table cimport (
    Counter, CounterTable, same_page, table_bytes, table_fit, table_free, table_read, table_room, table_set, table_start,
)
from altyn.core.siphash cimport Digest, SipKey, SipState, sip_end, sip_start, sip_take

cdef enum:
    KEPT_DAYS = 40


cdef CounterId counter_id(Text limit, int32_t measure, int32_t per, int32_t window, int64_t subject, int64_t window_day) noexcept nogil:
    cdef SipKey key = [0x616C74796E2E6C69, 0x6D69742E636F756E]
    cdef SipState state
    cdef Digest digest
    cdef CounterId id
    cdef int64_t numbers[4]
    numbers[0] = measure
    numbers[1] = per
    numbers[2] = window
    numbers[3] = window_day
    sip_start(&state, key)
    sip_take(&state, <const uint8_t*>numbers, sizeof(numbers))
    sip_take(&state, <const uint8_t*>limit.data, <uint64_t>limit.size)
    digest = sip_end(&state)
    memcpy(id.key, &digest.low, 8)
    memcpy(id.key + 8, &subject, 8)
    id.window = window
    id.window_day = window_day
    return id


cdef int64_t window_first_day(int32_t window, int64_t day) noexcept nogil:
    """First day of the window that holds this business date."""
    if window == WINDOW_DAY:
        return day
    if window == WINDOW_WEEK:
        return monday_of(day)
    if window == WINDOW_MONTH:
        return first_of_month(day, 0)
    if window == WINDOW_YEAR:
        return first_of_year(day)
    return 0


cdef int64_t longest_days(int32_t window) noexcept nogil:
    if window == WINDOW_DAY:
        return 1
    if window == WINDOW_WEEK:
        return 7
    return 31 if window == WINDOW_MONTH else 366


cdef bint is_over(int32_t window, int64_t window_day, int64_t instant_us) noexcept nogil:
    """Nothing that is still accepted can touch the window."""
    return window != WINDOW_ALWAYS and window_day + longest_days(window) + KEPT_DAYS < instant_us // day_us()


cdef inline bint stands_before(const CounterWindow* a, int32_t window, int64_t window_day) noexcept nogil:
    return a.window < window or (a.window == window and a.window_day < window_day)


cdef uint32_t window_place(const Counters* counters, const CounterId* id) noexcept nogil:
    """Where the window stands, or would."""
    cdef uint32_t low = 0, high = counters.count, middle
    while low < high:
        middle = (low + high) >> 1
        if stands_before(&counters.windows[middle], id.window, id.window_day):
            low = middle + 1
        else:
            high = middle
    return low


cdef CounterTable* window_table(const Counters* counters, const CounterId* id) noexcept nogil:
    cdef uint32_t place = window_place(counters, id)
    cdef const CounterWindow* found
    if place == counters.count:
        return NULL
    found = &counters.windows[place]
    return found.table if found.window == id.window and found.window_day == id.window_day else NULL


cdef CounterTable* window_made(Counters* counters, const CounterId* id) noexcept nogil:
    cdef CounterTable* table = window_table(counters, id)
    cdef CounterWindow* grown
    cdef uint32_t place
    if table != NULL:
        return table
    if counters.count == counters.capacity:
        grown = <CounterWindow*>realloc(counters.windows, (counters.capacity * 2 + 16) * sizeof(CounterWindow))
        if grown == NULL:
            return NULL
        counters.windows = grown
        counters.capacity = counters.capacity * 2 + 16
    table = <CounterTable*>calloc(1, sizeof(CounterTable))
    if table == NULL:
        return NULL
    table_start(table)
    place = window_place(counters, id)
    memmove(&counters.windows[place + 1], &counters.windows[place], (counters.count - place) * sizeof(CounterWindow))
    counters.windows[place].table = table
    counters.windows[place].window = id.window
    counters.windows[place].window_day = id.window_day
    counters.count += 1
    return table


cdef Counter counters_read(const Counters* counters, const CounterId* id) noexcept nogil:
    cdef CounterTable* table = window_table(counters, id)
    return table_read(table, id.key) if table != NULL else [0, 0]


cdef bint counters_set(Counters* counters, const CounterId* id, Counter value) noexcept nogil:
    cdef CounterTable* table = window_made(counters, id)
    if table == NULL or not table_room(table, id.key, value, 1, 1):
        return False
    table_set(table, id.key, value)
    table_fit(table, id.key)
    return True


cdef void drop_window(Counters* counters, uint32_t place) noexcept nogil:
    table_free(counters.windows[place].table)
    free(counters.windows[place].table)
    counters.count -= 1
    memmove(&counters.windows[place], &counters.windows[place + 1], (counters.count - place) * sizeof(CounterWindow))


cdef void counters_free(Counters* counters) noexcept nogil:
    while counters.count > 0:
        drop_window(counters, counters.count - 1)
    free(counters.windows)
    memset(counters, 0, sizeof(Counters))


cdef void counters_forget(Counters* counters, int64_t instant_us) noexcept nogil:
    cdef uint32_t i
    for i in range(counters.count):
        if is_over(counters.windows[i].window, counters.windows[i].window_day, instant_us):
            drop_window(counters, i)
            return


cdef int64_t counters_bytes(const Counters* counters) noexcept nogil:
    cdef int64_t total = 0
    cdef uint32_t i
    for i in range(counters.count):
        total += table_bytes(counters.windows[i].table)
    return total


# PLAN

cdef bint counters_plan(const Counters* counters, CounterPlan* plan, const CounterId* id, int64_t used, int64_t held, int64_t instant_us) noexcept nogil:
    cdef CounterChange* change
    cdef int32_t i
    if is_over(id.window, id.window_day, instant_us):
        return True
    for i in range(plan.count):
        change = &plan.changes[i]
        if memcmp(change.id.key, id.key, 16) == 0:
            break
    else:
        if plan.count == COUNTER_CHANGES_MAX:
            return False
        change = &plan.changes[plan.count]
        plan.count += 1
        change.id = id[0]
        change.after = counters_read(counters, id)
    change.after.used += used
    change.after.held += held
    return True


cdef bint counters_sound(const CounterPlan* plan) noexcept nogil:
    cdef int32_t i
    for i in range(plan.count):
        if plan.changes[i].after.used < 0 or plan.changes[i].after.held < 0:
            return False
    return True


cdef bint counters_room(Counters* counters, const CounterPlan* plan) noexcept nogil:
    cdef const CounterChange* change
    cdef CounterTable* table
    cdef uint32_t neighbours
    cdef int32_t i, j
    for i in range(plan.count):
        change = &plan.changes[i]
        table = window_made(counters, &change.id)
        neighbours = 0
        for j in range(plan.count):
            neighbours += same_page(change.id.key, plan.changes[j].id.key)
        # Keys in one shard of a table may be as many as the plan has.
        if table == NULL or not table_room(table, change.id.key, change.after, neighbours, <uint32_t>plan.count):
            return False
    return True


cdef void counters_write(Counters* counters, const CounterPlan* plan) noexcept nogil:
    cdef const CounterChange* change
    cdef int32_t i
    for i in range(plan.count):
        change = &plan.changes[i]
        table_set(window_table(counters, &change.id), change.id.key, change.after)
    for i in range(plan.count):
        change = &plan.changes[i]
        table_fit(window_table(counters, &change.id), change.id.key)
