"""Body of the counters' image: windows in their order, groups by digest, subjects by number.

The loader believes nothing; what was half filled by a damaged image must be thrown away.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy

from altyn.core.ledger.counter_table cimport CounterRow, CounterTable, table_list, table_load, table_rows_max
from altyn.core.ledger.counters cimport WINDOW_ALWAYS, WINDOW_DAY, CounterId, CounterWindow, Counters, window_made

cdef enum:
    PAIR_BYTES = 16


# WRITE

cdef int by_group(const void* a, const void* b) noexcept nogil:
    cdef const CounterRow* left = <const CounterRow*>a
    cdef const CounterRow* right = <const CounterRow*>b
    if left.group != right.group:
        return (left.group > right.group) - (left.group < right.group)
    return (left.subject > right.subject) - (left.subject < right.subject)


cdef int64_t count_groups(const CounterRow* rows, int64_t count) noexcept nogil:
    cdef int64_t groups = 0, i
    for i in range(count):
        groups += i == 0 or rows[i].group != rows[i - 1].group
    return groups


cdef void write_rows(const CounterRow* rows, int64_t count, uint8_t* out) noexcept nogil:
    cdef GroupImage head
    cdef int64_t begin = 0, i
    for i in range(count):
        if i == 0 or rows[i].group != rows[i - 1].group:
            begin = i
            while begin < count and rows[begin].group == rows[i].group:
                begin += 1
            head = [rows[i].group, begin - i]
            memcpy(out, &head, sizeof(GroupImage))
            out += sizeof(GroupImage)
        memcpy(out, &rows[i].subject, PAIR_BYTES)
        out += PAIR_BYTES


cdef bytes window_image(const CounterWindow* window):
    """Empty: nothing of it is used."""
    cdef CounterRow* rows = <CounterRow*>malloc(<size_t>(table_rows_max(window.table) + 1) * sizeof(CounterRow))
    cdef WindowImage head = [window.window_day, window.window, 0]
    cdef int64_t count = 0
    cdef uint8_t* out
    cdef bytes image
    try:
        if rows == NULL or not table_list(window.table, rows, &count):
            raise MemoryError
        if count == 0:
            return b""
        with nogil:
            qsort(rows, <size_t>count, sizeof(CounterRow), by_group)
        image = PyBytes_FromStringAndSize(
            NULL, sizeof(WindowImage) + count_groups(rows, count) * <int64_t>sizeof(GroupImage) + count * PAIR_BYTES)
        out = <uint8_t*>PyBytes_AS_STRING(image)
        memcpy(out, &head, sizeof(WindowImage))
        write_rows(rows, count, out + sizeof(WindowImage))
        return image
    finally:
        free(rows)


cdef bytes counters_image(const Counters* counters, uint32_t* window):
    cdef bytes image = b""
    while not image and window[0] < counters.count:
        image = window_image(&counters.windows[window[0]])
        window[0] += 1
    return image


# LOAD

cdef bint are_pairs(const uint8_t* data, int64_t count) noexcept nogil:
    """Subjects ascend, and something is used of each."""
    cdef int64_t pair[2]
    cdef int64_t former = 0, i
    for i in range(count):
        memcpy(pair, data + i * PAIR_BYTES, PAIR_BYTES)
        if pair[1] <= 0 or (i > 0 and pair[0] <= former):
            return False
        former = pair[0]
    return True


cdef bint load_counters(Counters* counters, const uint8_t* data, int64_t size) except -1:
    """One window, which nothing was loaded of before."""
    cdef WindowImage window
    cdef GroupImage head
    cdef CounterId id
    cdef CounterTable* table
    cdef uint64_t former = 0
    cdef uint32_t known = counters.count
    cdef bint is_first = True
    if size <= <int64_t>sizeof(WindowImage):
        return False
    memcpy(&window, data, sizeof(WindowImage))
    data += sizeof(WindowImage)
    size -= sizeof(WindowImage)
    if window.zero != 0 or window.window < WINDOW_DAY or window.window > WINDOW_ALWAYS:
        return False
    id.window = window.window
    id.window_day = window.window_day
    table = window_made(counters, &id)
    if table == NULL:
        raise MemoryError
    if counters.count == known:
        return False
    while size > 0:
        if size < <int64_t>sizeof(GroupImage):
            return False
        memcpy(&head, data, sizeof(GroupImage))
        data += sizeof(GroupImage)
        size -= sizeof(GroupImage)
        if head.count <= 0 or head.count > size // PAIR_BYTES or (not is_first and head.digest <= former):
            return False
        if not are_pairs(data, head.count):
            return False
        if not table_load(table, head.digest, data, head.count):
            raise MemoryError
        former = head.digest
        is_first = False
        data += head.count * PAIR_BYTES
        size -= head.count * PAIR_BYTES
    return True
