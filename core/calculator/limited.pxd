"""Limits: what a promotion may still give on this receipt (semantics §6.11.5, §6.11.19)."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport PromotionRow, RuleRow

cdef struct Left:
    # What the limits leave to one promotion; INT64_MAX: no limit. It shrinks as its rules give.
    int64_t amount_minor       # or points, in accrual
    int64_t quantity_milli
    bint skip                  # the amount is all or nothing
    bint closed                # there is nobody to count for, or no more receipts may have it
    int32_t verdict            # what a rule it leaves nothing is told: LIMIT or BUDGET

cdef void limits_left(Work* work, const PromotionRow* promotion, Left* left) noexcept nogil
cdef void begin_limited(Work* work, const RuleRow* rule, const Left* left) noexcept nogil
cdef int64_t end_limited(Work* work, int32_t applied_begin, int64_t given, Left* left) noexcept nogil
