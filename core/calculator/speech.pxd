"""Stage 12: which messages are said and which coupons are issued."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work
from altyn.core.outcome cimport Said
from altyn.core.rules.image cimport PromotionRow

cdef void speak(Work* work, int32_t begin) noexcept nogil
# Everything a promotion says that gave something.
cdef void speak_for(Work* work, const PromotionRow* row, Said* said) noexcept nogil
