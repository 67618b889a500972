"""Stage 9: payment with points."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work
from altyn.core.receipt cimport Holdings
from altyn.core.rules.image cimport PaymentRow

cdef void pay_with_points(Work* work) noexcept nogil
# The altyn.pos.v1.Reason why whoever is known in this way pays nothing by the rule; 0: they may.
cdef int32_t why_not_paying(const PaymentRow* rule, const Holdings* holdings) noexcept nogil
