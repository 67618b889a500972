"""Wall clocks; see the header."""
from typing import NamedTuple

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
cimport cython


class WallClock(NamedTuple):
    wall_us: int
    gap_from_wall_us: int
    gap_us: int


cdef inline int64_t _day_us() noexcept nogil:
    return 86_400_000_000


@cython.final
cdef class Zones:
    def __cinit__(self):
        self._numbers = {}
        self._names = []

    def __dealloc__(self):
        cdef int32_t i
        for i in range(self._zones_count):
            free(self._zones[i].changes_us)
            free(self._zones[i].offsets_us)

    def __len__(self):
        return self._zones_count

    # QUERIES

    cdef int32_t _changes_until(self, int32_t zone, int64_t instant_us) noexcept nogil:
        """How many offset changes happened at or before the instant."""
        cdef const Zone* table = &self._zones[zone]
        cdef int32_t low = 0
        cdef int32_t high = table.changes_count
        cdef int32_t middle
        while low < high:
            middle = (low + high) >> 1
            if table.changes_us[middle] <= instant_us:
                low = middle + 1
            else:
                high = middle
        return low

    cdef int64_t offset_us(self, int32_t zone, int64_t instant_us) noexcept nogil:
        return self._zones[zone].offsets_us[self._changes_until(zone, instant_us)]

    cdef void wall_clock(self, int32_t zone, int64_t instant_us, int64_t* wall_us, int64_t* gap_from_wall_us,
                         int64_t* gap_us) noexcept nogil:
        cdef const Zone* table = &self._zones[zone]
        cdef int32_t next_change = self._changes_until(zone, instant_us)
        cdef int32_t i
        cdef int64_t jump, away
        cdef int64_t nearest = 2 * _day_us() + 1
        wall_us[0] = instant_us + table.offsets_us[next_change]
        gap_from_wall_us[0] = 0
        gap_us[0] = 0
        # Two changes on each side: offsets do not change more often than that in four days, and a backward one may stand
        # between.
        for i in range(next_change - 2, next_change + 2):
            if i < 0 or i >= table.changes_count:
                continue
            jump = table.offsets_us[i + 1] - table.offsets_us[i]
            away = instant_us - table.changes_us[i]
            if away < 0:
                away = -away
            if jump > 0 and away < nearest:
                nearest = away
                gap_from_wall_us[0] = table.changes_us[i] + table.offsets_us[i]
                gap_us[0] = jump

    cdef int64_t instant_us(self, int32_t zone, int64_t wall_us) noexcept nogil:
        cdef const Zone* table = &self._zones[zone]
        # The first change whose earlier side has not reached this wall time yet: before it, the offset ahead of it holds.
        cdef int32_t i = self._changes_until(zone, wall_us - 2 * _day_us())
        while i < table.changes_count and wall_us - table.offsets_us[i] >= table.changes_us[i]:
            i += 1
        # In a gap the offset of before is meant, or the moment would move backward: 02:30 with an hour missing is 03:30.
        if i > 0 and wall_us - table.offsets_us[i] < table.changes_us[i - 1]:
            return wall_us - table.offsets_us[i - 1]
        return wall_us - table.offsets_us[i]

    # COMMANDS AND QUERIES OF PYTHON

    def define(self, str name not None, int64_t offset_us, changes not None):
        cdef Zone* table
        cdef int32_t i
        cdef int64_t at_us, before_us = 0
        if name in self._numbers:
            raise ValueError("zone " + name + " is defined already")
        if self._zones_count == ZONES_MAX or len(changes) > CHANGES_MAX:
            raise ValueError("too many zones, or too many changes of " + name)
        for i, (at_us, new_us) in enumerate([(0, offset_us), *changes]):
            if abs(new_us) >= _day_us():
                raise ValueError("zone " + name + " has an offset of a day or more")
            if i > 1 and at_us <= before_us:
                raise ValueError("changes of zone " + name + " do not grow")
            before_us = at_us
        table = &self._zones[self._zones_count]
        table.changes_count = <int32_t>len(changes)
        table.changes_us = <int64_t*>malloc((<size_t>table.changes_count + 1) * sizeof(int64_t))
        table.offsets_us = <int64_t*>malloc((<size_t>table.changes_count + 1) * sizeof(int64_t))
        if table.changes_us == NULL or table.offsets_us == NULL:
            free(table.changes_us)
            free(table.offsets_us)
            raise MemoryError()
        table.offsets_us[0] = offset_us
        for i, (at_us, new_us) in enumerate(changes):
            table.changes_us[i] = at_us
            table.offsets_us[i + 1] = new_us
        self._numbers[name] = self._zones_count
        self._names.append(name.encode())
        self._zones_count += 1
        return self._zones_count - 1

    cdef int _check(self, int32_t zone) except -1:
        if not 0 <= zone < self._zones_count:
            raise IndexError("no zone of number " + str(zone))
        return 0

    def number(self, str name not None):
        return self._numbers[name]

    def names(self):
        return list(self._numbers)

    cpdef str name(self, int32_t zone):
        return self.name_bytes(zone).decode()

    cdef bytes name_bytes(self, int32_t zone):
        self._check(zone)
        return self._names[zone]

    cpdef object wall_clock_at(self, int32_t zone, int64_t instant):
        cdef int64_t wall_us, gap_from_wall_us, gap_us
        self._check(zone)
        self.wall_clock(zone, instant, &wall_us, &gap_from_wall_us, &gap_us)
        return WallClock(wall_us, gap_from_wall_us, gap_us)

    def instant_at(self, int32_t zone, int64_t wall_us):
        self._check(zone)
        return self.instant_us(zone, wall_us)
