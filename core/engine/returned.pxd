"""What a sale did and what has been taken back of it: the arithmetic of returns (semantics §6.7, §6.11.26).

Everything is cumulative: of an amount `whole` that belongs to a line, R(k) = floor(whole × k ÷ qty) has been taken back once k of its qty
is, so any partition of a return ends in the same sums. Nothing here reads a book or a clock.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef struct SoldLine:
    const pos_v1.LineOutcome* outcome
    int64_t qty_milli
    int64_t before_milli       # taken back before this operation, and with it
    int64_t after_milli
    int64_t paid_points        # of the asset last asked for, see `share_payment`
    int32_t line_no

cdef struct Sale:
    journal_v1.Record record
    pos_v1.CommitReceiptResponse reply
    SoldLine* lines
    int32_t lines_count
    const journal_v1.ReturnState* before   # NULL: nothing was taken back yet

# The sale of a record body, with what `before` says of it. ValueError: no sale.
cdef int read_sale(Sale* sale, bytes body, const journal_v1.ReturnState* before, Arena* arena) except -1
# False: it was stored and not applied.
cdef bint is_applied(const Sale* sale) noexcept nogil
# The line, or NULL.
cdef SoldLine* find_line(const Sale* sale, int32_t line_no) noexcept nogil
cdef void return_all(Sale* sale) noexcept nogil
# Net, discount and points (as money) of a line at `k`.
cdef int64_t part_at(int64_t whole, int64_t k_milli, int64_t qty_milli) noexcept nogil

# Points the sale earned, in an asset, that belong to what is returned: before this operation, or with it.
cdef int64_t earned_at(const Sale* sale, int32_t asset_no, bint after) noexcept nogil
# Points of an asset the sale was paid with.
cdef int64_t paid_with(const Sale* sale, int32_t asset_no) noexcept nogil
# Share them over the lines as paid; then `paid_at` answers as `earned_at` does. -1: the arena is full.
cdef int share_payment(Sale* sale, int32_t asset_no, Arena* arena) noexcept nogil
cdef int64_t paid_at(const Sale* sale, bint after) noexcept nogil
# By how much a counter that the sale raised is lowered.
cdef int64_t lowered_at(const Sale* sale, const journal_v1.CounterChange* counter, bint after) noexcept nogil
# Every line that the promotion touched is back; of one that touched none, every line of the receipt.
cdef bint is_back(const Sale* sale, Text promotion_id, bint after) noexcept nogil
# The promotion a code of the sale belonged to.
cdef Text promotion_of_code(const Sale* sale, Text code_hash) noexcept nogil
