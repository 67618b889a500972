"""Schedules against the store's wall clock."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef bint schedule_holds(Work* work, int32_t schedule) noexcept nogil
