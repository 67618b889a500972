"""Conditions of a promotion against the present state."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Failure, Work
from altyn.core.rules.image cimport ConditionRow

cdef bint leaf_holds(Work* work, const ConditionRow* row, Failure* failure) noexcept nogil
cdef bint holds(Work* work, int32_t condition, Failure* failure) noexcept nogil
cdef int32_t unlocking_coupon(Work* work, int32_t condition) noexcept nogil
cdef int64_t base_of(const Work* work, int32_t set, int32_t base) noexcept nogil
