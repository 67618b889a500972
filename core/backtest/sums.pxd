"""Sums of what the journal decided and what a draft decides, side by side, by date, store, category, segment and promotion."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.backtest.items cimport AccruedBefore, Item, LineBefore, PromotionBefore
from altyn.core.outcome cimport Outcome
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.wire.arena cimport Arena

cdef enum:
    TOP_MAX = 100

cdef struct Top:
    # A receipt with a large difference; its sums are row `place` of `top_sums`.
    int64_t weight
    int64_t points_weight
    int64_t seq
    int64_t business_time_us
    int32_t store
    int32_t place

@cython.final
cdef class Sums:
    # Of one file, begun anew with each. Rows have the columns of `sums.pyx`.
    cdef Ruleset ruleset
    cdef object names
    cdef readonly list assets      # of the file and the draft together
    cdef int32_t assets_count
    cdef int32_t* asset_columns    # by asset of the ruleset
    cdef int32_t width
    cdef int32_t given_width
    cdef int64_t* total
    cdef int64_t* dates
    cdef int64_t* stores
    cdef int64_t* categories
    cdef int64_t* segments
    cdef int64_t* top_sums
    cdef int64_t* given_before     # by promotion of the file
    cdef int64_t* given_after      # by promotion of the draft
    cdef int64_t* given_at         # seq of the last receipt it gave something on
    cdef Top top[TOP_MAX]
    cdef int32_t top_count

    cdef int64_t* claimed(self, int64_t rows) except NULL
    # The draft's outcome of a sale beside its item.
    cdef int add(self, const Item* item, const LineBefore* lines, const AccruedBefore* accrued, const PromotionBefore* promotions,
                 const int32_t* segments, const Outcome* outcome, int64_t business_time_us, Arena* arena) except -1
    cdef int add_row(self, int64_t* sums, const int64_t* row) noexcept
    cdef bint differs(self, const int64_t* row) noexcept
    cdef bint add_lines(self, const Item* item, const LineBefore* lines, const AccruedBefore* accrued, const Outcome* outcome,
                        Arena* arena) except -1
    cdef int add_given(self, const Item* item, const PromotionBefore* promotions, const Outcome* outcome) noexcept
    cdef int64_t* given(self, int32_t rule, int64_t seq) noexcept
    cdef int keep_top(self, const Item* item, const int64_t* row, int64_t business_time_us) noexcept
    cdef list listed(self, const int64_t* row, int64_t count)
    cdef list table(self, const int64_t* sums, list names, int64_t width)
    cdef dict result(self)

cdef void* zeroed(int64_t rows, size_t size) except NULL
cdef str promotion_name(Ruleset ruleset, int32_t promotion)
