"""Serial series: which of them a code has the form of, and which of their serials have been given out.

Batches are ranges of serials, so ten million codes are one row. Invariants: a range keeps its series, its first and its last serial for
life, and shares no serial with another; one form belongs to one series. It must never hold anything by code.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t
from altyn.core.text cimport Text
from altyn.core.facts.copy cimport CopyRows

cdef enum:
    SHAPES_MAX = 64              # of all templates: where they have characters of their own

cdef enum RangeState:
    SERIAL_UNKNOWN = 0           # not given out
    SERIAL_OPEN = 1
    SERIAL_BLOCKED = 2

cdef struct SerialRange:
    int32_t first
    int32_t last
    uint8_t is_blocked

cdef struct SeriesRanges:
    SerialRange* ranges          # by first
    int32_t count
    int32_t capacity

cdef struct Shape:
    uint64_t symbols             # places of `#`
    uint64_t checks              # places of `?`
    int32_t size

@cython.final
cdef class Serials:
    cdef SeriesRanges* _ranges   # by series_no
    cdef Shape _shapes[SHAPES_MAX]
    cdef int32_t _shapes_count
    cdef dict _forms             # bytes of a template → series_no
    cdef size_t _ranges_bytes

    # QUERIES
    cdef int32_t series_of(self, Text code) except -1                          # 0: of none
    cdef RangeState state_of(self, int32_t series_no, int64_t serial) noexcept nogil

    # COMMANDS
    cdef int add_form(self, Text template, int32_t series_no) except -1
    cdef int remove_form(self, Text template, int32_t series_no) except -1
    cdef int32_t _place_of(self, const SeriesRanges* ranges, int64_t serial) noexcept nogil
    cdef int write_range(self, int64_t series_no, int64_t first, int64_t last, bint is_blocked) except -1
    cdef bint remove_range(self, int64_t series_no, int64_t first) noexcept
    cdef Py_ssize_t load(self, CopyRows rows, Py_ssize_t rows_max) except -1
