"""From a record's evidence to what a calculation reads; for whoever decides again."""
cimport cython
from libc.stdint cimport int32_t, uint8_t
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.engine.numbers cimport Numbers
from altyn.core.ledger.counters cimport Counters
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

@cython.final
cdef class Recalculator:
    cdef Calculator calculator
    cdef Arena arena           # a record and its reply decoded, and the outcome written anew
    cdef uint8_t* buffer
    cdef journal_v1.Record record
    cdef Receipt receipt
    cdef Place place
    cdef Holdings holdings
    cdef Outcome outcome
    cdef Counters counters     # as the evidence has them
    cdef Numbers numbers       # of the ruleset last decided by

    cdef int read(self, bytes body) except -1
    cdef int read_decoded(self) except -1
    cdef int read_scarce(self) except -1
    cdef pos_v1.Outcome* decide(self, Ruleset ruleset, bint told) except NULL
    cdef bint same_issues(self, Ruleset ruleset, const pos_v1.Outcome* stored) noexcept
    cdef bytes encoded(self, const pos_v1.Outcome* outcome)
    cdef bint refuses(self, const int32_t* line_nos, int32_t count) noexcept

# What the decision of a sale read, from its record; the record must outlive what is done with it.
cdef Recalculator sale_again(const journal_v1.Record* sale)
# All that a decision read of lines, place, customer and codes, into a receipt as it was sent; balances and counters are the caller's,
# for they are by the assets and limits of a ruleset. ValueError: the evidence is of another receipt.
cdef int take_evidence(Receipt* receipt, Place* place, Holdings* holdings, const journal_v1.Evidence* evidence, Arena* arena) except -1
