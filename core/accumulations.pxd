"""What earlier receipts of a customer come to: the numbers behind conditions on earlier purchases.

A receipt is taken in or out as a whole, at its business date; a return takes out the receipt as it was and takes in what
is left of it. What is kept are sums by business date (and store, for `same_store`), so neither the order in which
receipts come nor a window that moves on needs to look at a receipt twice.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.calculator.work cimport CalcGroup
from altyn.core.limits cimport ATTRIBUTES_MAX
from altyn.core.rules.image cimport AccumulationRow, RulesView
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text

cdef struct EarlierLine:
    Text texts[4]              # SKU, CATEGORY, BRAND, SUPPLIER
    Text* attributes           # name=value
    int32_t attributes_count   # at most ATTRIBUTES_MAX
    int64_t qty_milli          # what is not returned, > 0
    int64_t paid_minor         # what was paid in money for it
    int32_t unit               # receipt.UnitKind
    uint32_t flags             # receipt.Flag
    CalcGroup goods            # what product sets look at; filled by `name_receipt`, as are its tags
    int32_t tags[ATTRIBUTES_MAX + 1]

cdef struct EarlierReceipt:
    # Sums of its lines are in the range of a receipt (semantics §6.1.7).
    int64_t day                # business date, days since 1970-01-01
    Text store[4]              # id, region, format, cluster
    int32_t store_symbols[4]   # filled by `name_receipt`
    EarlierLine* lines
    int32_t lines_count
    Text* gave                 # ids of promotions that gave something
    int32_t gave_count

# Look up what of the receipt the rules name; before `part_of`.
cdef void name_receipt(const RulesView* rules, EarlierReceipt* receipt) noexcept nogil
# What the receipt adds to an accumulation, in its unit, whenever it was; of FIRST_USE_DAY 1, of REACHED_DAY its sum.
cdef int64_t part_of(const RulesView* rules, const AccumulationRow* row, const EarlierReceipt* receipt) noexcept nogil
# Does the window of a receipt of `day` hold this business date.
cdef bint window_holds(const AccumulationRow* row, int64_t date, int64_t day) noexcept nogil

@cython.final
cdef class Accumulations:
    cdef Ruleset ruleset
    cdef list sums             # of each accumulation {(store or b"", date): sum of parts}

    cdef int take(self, EarlierReceipt* receipt, int32_t times) except -1
    cdef int read(self, int64_t day, bytes store_id, int64_t* values) except -1
