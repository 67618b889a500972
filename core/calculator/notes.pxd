"""What is remembered of units beside their price: who may still take from them (semantics §6.2, §6.11.10)."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport CalcGroup, SHUT_ALL, SHUT_STAGE, Work
from altyn.core.rules.image cimport PromotionRow

cdef inline bint is_open(const Work* work, int32_t number) noexcept nogil:
    """May the rule being applied take from the units of this run."""
    return work.runs[number].running_minor > 0 and (not work.noted or not work.notes[number].marks & work.shut)

cdef inline bint is_shut_receipt(const Work* work) noexcept nogil:
    """Did an exclusive promotion close the whole receipt to the one being applied."""
    return work.all_shut_by >= 0 or work.stage_shut_by >= 0

cdef inline bint is_shut(const Work* work, int32_t number) noexcept nogil:
    """Did an exclusive promotion close the units of this run, also as qualifiers."""
    return work.noted and work.notes[number].marks & work.shut & (SHUT_STAGE | SHUT_ALL) != 0

cdef inline int64_t price_of(const Work* work, int32_t number) noexcept nogil:
    """Price of a unit of which rates are taken and by which amounts are shared: running, or of ADD group entry."""
    return work.notes[number].entry_minor if work.adding else work.runs[number].running_minor

cdef void keep_notes(Work* work) noexcept nogil
cdef void mark_unit(Work* work, int32_t number) noexcept nogil
cdef void mark_qualifier(Work* work, int32_t number) noexcept nogil
cdef void mark_group(Work* work, const CalcGroup* group) noexcept nogil
cdef void open_to(Work* work, const PromotionRow* promotion) noexcept nogil
cdef void settle_marks(Work* work) noexcept nogil
cdef void reopen_stage(Work* work) noexcept nogil
