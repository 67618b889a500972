"""A group with one winner, per receipt or per calc group."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Trial, Work

cdef void run_best(Work* work, int32_t begin, int32_t end, bint by_line) noexcept nogil
cdef void mark_beaten(Work* work, const Trial* trial, int64_t margin, int32_t winner) noexcept nogil
cdef void run_one(Work* work, int32_t begin, int32_t end, int32_t mode) noexcept nogil
