"""One application of a promotion's rules to the present state."""
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.calculator.limited cimport Left
from altyn.core.calculator.work cimport Matched, Work
from altyn.core.outcome cimport RuleTrace
from altyn.core.rules.image cimport PromotionRow, RuleRow

cdef int64_t apply_promotion(Work* work, int32_t promotion, int32_t traces_begin, Matched* matched) noexcept nogil
cdef int64_t apply_matched(Work* work, int32_t promotion, int32_t traces_begin, Matched* matched) noexcept nogil
cdef bint meets_conditions(Work* work, const PromotionRow* promotion, int32_t rule, RuleTrace* trace, const Left* left) noexcept nogil
cdef void use_coupon(Work* work, int32_t rule) noexcept nogil
cdef void use_code(Work* work, int32_t rule, int32_t coupon) noexcept nogil
cdef void note_codes(Work* work, const RuleRow* rule, uint32_t factors, int32_t* codes) noexcept nogil
cdef void use_factors(Work* work, const RuleRow* rule, int32_t number, uint32_t factors, const int32_t* codes) noexcept nogil
cdef void trace_lines(Work* work, RuleTrace* trace, int32_t applied_begin) noexcept nogil
