"""A group in which all promotions apply, each on the running price."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef void run_cascade(Work* work, int32_t begin, int32_t end) noexcept nogil
