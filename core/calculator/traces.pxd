"""Rows of the explanation."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Failure, Work
from altyn.core.outcome cimport RuleTrace

cdef void begin_trace(RuleTrace* trace, int32_t rule) noexcept nogil
cdef RuleTrace* open_trace(Work* work, int32_t number, int32_t rule) noexcept nogil
cdef void trace_failure(Work* work, const Failure* failure, RuleTrace* trace) noexcept nogil
