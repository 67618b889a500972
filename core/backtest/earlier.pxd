"""Earlier purchases as a replay knows them: the journal's own numbers where its evidence has them, else what the replay has seen.

What it has seen are the sales of the extract, in their order, at the prices they were sold at; returns are not in an extract. A number is
missing when its window begins before the first sale seen: what was bought before then is not known.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.backtest.items cimport Item, LineBefore
from altyn.core.engine.numbers cimport Numbers
from altyn.core.ledger.accumulators cimport Accumulation, AccumulatorChange, Accumulators
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1

@cython.final
cdef class Earlier:
    cdef Numbers numbers       # of the draft; an accumulation's number here is its row and 1
    cdef Accumulators kept
    cdef int64_t first_day     # business date of the first sale seen; -1: none was

    # Fill the holdings of a customer's sale. True: some number is missing, and only what was seen is in it.
    cdef bint read(self, Holdings* holdings, const journal_v1.Evidence* evidence, const Place* where, Arena* arena) except -1
    # Take in a sale as it was sold. `gave`: promotions that gave something; `outcome`: what the draft gave, NULL: it was not tried.
    cdef int count(self, const journal_v1.Record* record, const Receipt* receipt, const Place* where, const LineBefore* lines, const Text* gave,
                   int32_t gave_count, const Outcome* outcome, Arena* arena) except -1
    cdef int put(self, AccumulatorChange* change, int64_t instant_us) except -1
    cdef bytes image(self)
    # Into one that has seen nothing. ValueError: no such image.
    cdef int restore(self, bytes image) except -1
