"""Trying something and taking it back."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef struct Outer:
    # What a trial inside another one gives back to it.
    bint trying
    int32_t number
    int32_t runs_begin
    int32_t groups_begin
    int32_t runs_top
    int32_t applied_top

cdef void begin_trial(Work* work, Outer* outer) noexcept nogil
cdef void end_trial(Work* work, const Outer* outer) noexcept nogil
