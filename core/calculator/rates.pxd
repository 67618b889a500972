"""Promotions that multiply the rates of others."""
from altyn.core.calculator.work cimport Work

# For an explanation only: nothing was looked at yet.
cdef void begin_rates(Work* work) noexcept nogil
# What promotions that acted say, and the rows of all that were looked at.
cdef void end_rates(Work* work) noexcept nogil
