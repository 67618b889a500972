"""The calculation of one receipt: rules, receipt, place and holdings in, outcome out."""
cimport cython
from altyn.core.calculator.rest cimport LineRest
from altyn.core.calculator.work cimport Work
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.ruleset cimport Ruleset

@cython.final
cdef class Calculator:
    # One per thread: its scratch memory is used by every call, and the outcome's arrays live in it until the next one.
    cdef Work work
    cdef void** blocks
    cdef int blocks_count

    cdef void* reserve(self, size_t size) except NULL
    cdef int calculate(self, Ruleset rules, const Receipt* receipt, const Place* place, const Holdings* holdings,
                       bint explain, Outcome* out) except -1 nogil
    cdef int accrue_rest(self, Ruleset rules, const Receipt* receipt, const Place* place, const Holdings* holdings, const LineRest* lines,
                         Outcome* out) except -1 nogil
    cdef void plan(self, Outcome* out, bint wanted) noexcept nogil
