"""Body of the serial series; see the header for the invariants.

A form is found by its shape: with `#` and `?` put back in their places a code is its template, if it has one of that shape. So a look costs
as much as there are shapes, not series.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memmove
from altyn.core.facts.copy cimport CopyRows, Field, field_bool, field_int
from altyn.core.limits cimport SERIALS_MAX, SERIES_NO_MAX
from altyn.core.text cimport Text
cimport cython

cdef enum:
    FORM_BYTES_MAX = 64


cdef int measure(Text template, Shape* shape) except -1:
    cdef int32_t i
    if template.size > FORM_BYTES_MAX:
        raise ValueError("a template of " + str(template.size) + " bytes")
    shape.symbols = shape.checks = 0
    shape.size = template.size
    for i in range(template.size):
        if template.data[i] == c"#":
            shape.symbols |= <uint64_t>1 << i
        elif template.data[i] == c"?":
            shape.checks |= <uint64_t>1 << i
    return 0


@cython.final
cdef class Serials:
    def __cinit__(self):
        self._forms = {}
        # Pages nobody writes to cost only address space.
        self._ranges = <SeriesRanges*>calloc(SERIES_NO_MAX + 1, sizeof(SeriesRanges))
        if self._ranges == NULL:
            raise MemoryError()

    def __dealloc__(self):
        cdef int32_t i
        if self._ranges != NULL:
            for i in range(SERIES_NO_MAX + 1):
                free(self._ranges[i].ranges)
        free(self._ranges)

    # QUERIES

    cdef int32_t series_of(self, Text code) except -1:
        cdef char form[FORM_BYTES_MAX]
        cdef const Shape* shape
        cdef int32_t i, at, found = 0
        for i in range(self._shapes_count):
            shape = &self._shapes[i]
            if shape.size != code.size:
                continue
            for at in range(code.size):
                form[at] = c"#" if shape.symbols >> at & 1 else c"?" if shape.checks >> at & 1 else code.data[at]
            # The lowest, were there ever more than one: an answer must not hang on the order of arrival.
            at = self._forms.get(form[:code.size], 0)
            if at != 0 and (found == 0 or at < found):
                found = at
        return found

    cdef int32_t _place_of(self, const SeriesRanges* ranges, int64_t serial) noexcept nogil:
        """Place of the last range that begins at the serial or before it; −1: none does."""
        cdef int32_t low = 0, high = ranges.count, middle
        while low < high:
            middle = (low + high) >> 1
            if ranges.ranges[middle].first <= serial:
                low = middle + 1
            else:
                high = middle
        return low - 1

    cdef RangeState state_of(self, int32_t series_no, int64_t serial) noexcept nogil:
        cdef const SeriesRanges* ranges = &self._ranges[series_no]
        cdef int32_t place = self._place_of(ranges, serial)
        if place < 0 or serial > ranges.ranges[place].last:
            return SERIAL_UNKNOWN
        return SERIAL_BLOCKED if ranges.ranges[place].is_blocked else SERIAL_OPEN

    # COMMANDS

    cdef int add_form(self, Text template, int32_t series_no) except -1:
        cdef Shape shape
        cdef int32_t i
        measure(template, &shape)
        for i in range(self._shapes_count):
            if (self._shapes[i].size == shape.size and self._shapes[i].symbols == shape.symbols
                    and self._shapes[i].checks == shape.checks):
                break
        else:
            if self._shapes_count == SHAPES_MAX:
                raise ValueError("templates of serial series have more than " + str(SHAPES_MAX) + " shapes")
            self._shapes[self._shapes_count] = shape
            self._shapes_count += 1
        self._forms.setdefault(template.data[:template.size], series_no)
        return 0

    cdef int remove_form(self, Text template, int32_t series_no) except -1:
        cdef bytes form = template.data[:template.size], one
        cdef Text text
        if self._forms.get(form) != series_no:
            return 0
        del self._forms[form]
        self._shapes_count = 0
        for one, number in list(self._forms.items()):
            text = [one, <int32_t>len(one)]
            self.add_form(text, number)
        return 0

    cdef int write_range(self, int64_t series_no, int64_t first, int64_t last, bint is_blocked) except -1:
        cdef SeriesRanges* ranges
        cdef SerialRange* grown
        cdef int32_t place, capacity
        if not 0 < series_no <= SERIES_NO_MAX or not 0 < first <= last <= SERIALS_MAX:
            raise ValueError(f"serials {first} to {last} of series_no {series_no}")
        ranges = &self._ranges[series_no]
        place = self._place_of(ranges, first)
        if place >= 0 and ranges.ranges[place].first == first and ranges.ranges[place].last == last:
            ranges.ranges[place].is_blocked = is_blocked
            return 0
        if (place >= 0 and ranges.ranges[place].last >= first) or (
                place + 1 < ranges.count and ranges.ranges[place + 1].first <= last):
            raise ValueError(f"serials {first} to {last} of series_no {series_no} are given out")
        if ranges.count == ranges.capacity:
            capacity = ranges.capacity + (ranges.capacity >> 1) + 4
            grown = <SerialRange*>realloc(ranges.ranges, <size_t>capacity * sizeof(SerialRange))
            if grown == NULL:
                raise MemoryError()
            self._ranges_bytes += <size_t>(capacity - ranges.capacity) * sizeof(SerialRange)
            ranges.ranges = grown
            ranges.capacity = capacity
        memmove(&ranges.ranges[place + 2], &ranges.ranges[place + 1], <size_t>(ranges.count - place - 1) * sizeof(SerialRange))
        ranges.ranges[place + 1] = [<int32_t>first, <int32_t>last, is_blocked]
        ranges.count += 1
        return 0

    cdef bint remove_range(self, int64_t series_no, int64_t first) noexcept:
        cdef SeriesRanges* ranges
        cdef int32_t place
        if not 0 < series_no <= SERIES_NO_MAX:
            return False
        ranges = &self._ranges[series_no]
        place = self._place_of(ranges, first)
        if place < 0 or ranges.ranges[place].first != first:
            return False
        memmove(&ranges.ranges[place], &ranges.ranges[place + 1], <size_t>(ranges.count - place - 1) * sizeof(SerialRange))
        ranges.count -= 1
        return True

    cdef Py_ssize_t load(self, CopyRows rows, Py_ssize_t rows_max) except -1:
        cdef Field fields[5]
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 5):
            if field_bool(fields[4]):
                self.remove_range(field_int(fields[0]), field_int(fields[1]))
            else:
                self.write_range(field_int(fields[0]), field_int(fields[1]), field_int(fields[2]), field_bool(fields[3]))
            count += 1
        return count

    @property
    def allocated_bytes(self):
        return self._ranges_bytes + (SERIES_NO_MAX + 1) * sizeof(SeriesRanges)
