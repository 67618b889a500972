"""Earlier purchases as a replay knows them: the journal's own numbers where its evidence has them, else what the replay has seen.

What it has seen are the sales of the extract, in their order, at the prices they were sold at, less what came back of them since. A number
is missing when its window begins before the first sale seen: what was bought before then is not known, nor is what came back of it.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.accumulations cimport EarlierReceipt
from altyn.core.backtest.items cimport LineBack, LineBefore
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
    cdef int64_t first_seq     # and its place in the journal

    # Fill the holdings of a customer's sale. True: some number is missing, and only what was seen is in it.
    cdef bint read(self, Holdings* holdings, const journal_v1.Evidence* evidence, const Place* where, Arena* arena) except -1
    # Take in a sale as it was sold. `gave`: promotions that gave something; `outcome`: what the draft gave, NULL: it was not tried.
    cdef int count(self, const journal_v1.Record* record, const Receipt* receipt, const Place* where, const LineBefore* lines, const Text* gave,
                   int32_t gave_count, const Outcome* outcome, Arena* arena) except -1
    # What came back of such a sale counts no more, at the sale's date; `record` is the sale's, with the instant of the return. What the
    # draft would have given on it is not remembered: `gave` is what the journal gave.
    cdef int take_back(self, const journal_v1.Record* record, const Receipt* receipt, const Place* where, const LineBefore* lines,
                       const LineBack* back, const Text* gave, int32_t gave_count, Arena* arena) except -1
    cdef int64_t* no_parts(self, Arena* arena) except NULL
    cdef int put_parts(self, const journal_v1.Record* record, const EarlierReceipt* sold, const int64_t* parts) except -1
    cdef int put(self, AccumulatorChange* change, int64_t instant_us) except -1
    cdef bytes image(self)
    # Into one that has seen nothing. ValueError: no such image.
    cdef int restore(self, bytes image) except -1
