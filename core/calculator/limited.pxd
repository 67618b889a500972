"""Limits: what a promotion may still give on this receipt (semantics §6.11.5, §6.11.19)."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.limits cimport LIMITS_MAX
from altyn.core.rules.image cimport LimitRow, PromotionRow, RuleRow

cdef struct Left:
    # What the limits leave to one promotion. It shrinks as its rules give.
    int64_t rooms[LIMITS_MAX]  # of its limits of amount or points, as written
    const LimitRow* bounds[LIMITS_MAX]
    int32_t bounds_count
    bint closed                # there is nobody to count for, or no more receipts may have it
    int64_t quantity_milli     # INT64_MAX: no limit
    int32_t verdict            # of a rule that its amounts left nothing, else -1

cdef void limits_left(Work* work, const PromotionRow* promotion, Left* left) noexcept nogil
cdef int64_t granted(const Left* left, int64_t wanted, int32_t* verdict) noexcept nogil
cdef void spend(Left* left, int64_t given) noexcept nogil
cdef void begin_limited(Work* work, const RuleRow* rule, const Left* left) noexcept nogil
cdef void open_chosen(Work* work) noexcept nogil
cdef int64_t end_limited(Work* work, const RuleRow* rule, int32_t applied_begin, int64_t given, Left* left) noexcept nogil
