"""Stage 12: which messages are said and which coupons are issued."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef void speak(Work* work, int32_t begin) noexcept nogil
