"""Percents and amounts on single units: where some are closed, limited, or priced at the entry of an ADD group."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport CalcGroup, Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_selected(Work* work, const RuleRow* rule) noexcept nogil
cdef int64_t percent_selected(Work* work, CalcGroup* group, int64_t rate_ppm) noexcept nogil
cdef int64_t amount_selected(Work* work, CalcGroup* group, int64_t off_minor) noexcept nogil
