"""What a sale did and what has been taken back of it: the arithmetic of returns (semantics §6.7, §6.11.26).

Everything is cumulative: of an amount `whole` that belongs to a line, R(k) = floor(whole × k ÷ qty) has been taken back once k of its qty
is, so any partition of a return ends in the same sums. A line printed by unit gives back what its rows cost, and R is of each row. Nothing
here reads a book or a clock.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.step cimport Engine
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef struct SoldRow:
    # A row of the fiscal receipt, of a line printed by unit.
    int64_t price_minor
    int64_t sum_minor
    int64_t qty_milli
    int64_t after_milli        # taken back so far
    int64_t taken_milli        # by the last `take_line`

cdef struct SoldLine:
    const pos_v1.LineOutcome* outcome
    const pos_v1.ReceiptLine* wire
    SoldRow* rows              # cheapest first; none: the line is not printed by unit
    int32_t rows_count
    bint marked
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

# Under which key the takings of a sale are found: its receipt key; its Commit's op_id when the register tells no more.
cdef bytes original_key_of(Engine engine, const pos_v1.Receipt* wire)
# The sale of a record body, with what `before` says of it. ValueError: no sale.
cdef int read_sale(Sale* sale, bytes body, const journal_v1.ReturnState* before, Arena* arena) except -1
# False: it was stored and not applied.
cdef bint is_applied(const Sale* sale) noexcept nogil
# The line, or NULL.
cdef SoldLine* find_line(const Sale* sale, int32_t line_no) noexcept nogil
cdef void return_all(Sale* sale) noexcept nogil
# Take back up to `qty_milli` of a line; of one printed by unit from the row `sub_no`, or with 0 from the cheapest that are left. How much.
cdef int64_t take_line(SoldLine* line, int32_t sub_no, int64_t qty_milli) noexcept nogil
# What has been paid back for a line so far.
cdef int64_t refund_of(const SoldLine* line) noexcept nogil
# Net, discount and points (as money) of a line at `k`.
cdef int64_t part_at(int64_t whole, int64_t k_milli, int64_t qty_milli) noexcept nogil

# Points the sale earned, in an asset, that belong to what is returned: before this operation, or with it.
cdef int64_t earned_at(const Sale* sale, int32_t asset_no, bint after) noexcept nogil
# Points a line earned, by the place of the asset in the evidence.
cdef int64_t earned_on(const Sale* sale, const SoldLine* line, int32_t asset) noexcept nogil
# Points of an asset the sale was paid with.
cdef int64_t paid_with(const Sale* sale, int32_t asset_no) noexcept nogil
# Share them over the lines as paid; then `paid_at` answers as `earned_at` does. -1: the arena is full.
cdef int share_payment(Sale* sale, int32_t asset_no, Arena* arena) noexcept nogil
cdef int64_t paid_at(const Sale* sale, bint after) noexcept nogil
# By how much a counter that the sale raised is lowered.
cdef int64_t lowered_at(const Sale* sale, const journal_v1.CounterChange* counter, bint after) noexcept nogil
cdef bint is_all_back(const Sale* sale, bint after) noexcept nogil
# Every line that the promotion touched is back; of one that touched none, every line of the receipt.
cdef bint is_back(const Sale* sale, Text promotion_id, bint after) noexcept nogil
# The promotion gave something on the line, or used it.
cdef bint took_part(const SoldLine* line, Text promotion_id) noexcept nogil
cdef bint is_in_part(const Sale* sale, Text promotion_id) noexcept nogil
# The promotion a code of the sale belonged to.
cdef Text promotion_of_code(const Sale* sale, const journal_v1.CouponChange* change) noexcept nogil
