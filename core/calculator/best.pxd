"""A group with one winner, per receipt or per calc group."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef void run_best(Work* work, int32_t begin, int32_t end, bint by_line) noexcept nogil
cdef void run_one(Work* work, int32_t begin, int32_t end, int32_t mode) noexcept nogil
