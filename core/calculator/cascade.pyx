"""Group mode CASCADE (semantics §6.2): every member in its order on the running price.

Decides nothing but the order. Must never skip a member.
"""
from altyn.core.calculator.apply cimport apply_promotion
from altyn.core.calculator.work cimport Matched


cdef void run_cascade(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """Apply candidates[begin:end], one group."""
    cdef Matched matched
    cdef int32_t i
    for i in range(begin, end):
        apply_promotion(work, work.candidates[i], work.traces_count, &matched)
