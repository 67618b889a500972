"""Group modes CASCADE and ADD (semantics §6.2): every member in its order.

Decides which price the members see: in CASCADE the running one, in ADD the one at the entry of the group, while
floors hold for what is left now. Must never skip a member.
"""
from altyn.core.calculator.apply cimport apply_promotion
from altyn.core.calculator.notes cimport keep_notes, settle_marks
from altyn.core.calculator.work cimport Matched


cdef void run_cascade(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """Apply candidates[begin:end], one group."""
    cdef Matched matched
    cdef int32_t i
    for i in range(begin, end):
        if apply_promotion(work, work.candidates[i], work.traces_count, &matched) > 0 and work.noted:
            settle_marks(work)


cdef void run_add(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """Apply candidates[begin:end], one group, each on the prices of now."""
    cdef int32_t i
    keep_notes(work)
    for i in range(work.runs_count):
        work.notes[i].entry_minor = work.runs[i].running_minor
    work.adding = True
    run_cascade(work, begin, end)
    work.adding = False
