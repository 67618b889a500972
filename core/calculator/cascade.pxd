"""Groups in which all promotions apply, each on the running price or on that of group entry."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef void run_cascade(Work* work, int32_t begin, int32_t end) noexcept nogil
cdef void run_add(Work* work, int32_t begin, int32_t end) noexcept nogil
