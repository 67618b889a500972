"""Layout of an extract's items: one sale each, everything that deciding it again reads, and what the journal decided; and one for each
return or void of a sale.

An item is: Item, LineBefore per line of the receipt, AccruedBefore, PromotionBefore, CountedBefore, the numbers of the customer's
segments, and the record: altyn.journal.v1.Record with request and evidence alone. One that took something back is TAKEN_BACK and is: Item,
LineBefore, LineBack per line, PromotionBefore, and the record of the sale, with the instant at which it was taken back. Parts are padded to 8 bytes, numbers are
little-endian. Dates, stores, categories, segments, assets and promotions are numbers of names kept beside the items.
Any change of this file is another EXTRACT_FORMAT.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef enum:
    EXTRACT_FORMAT = 3
    OF_RECEIPT = -1            # AccruedBefore.line

cdef enum ItemFlag:
    GOODS_UNKNOWN = 1          # the catalogue said nothing of some line then
    CODE_UNKNOWN = 2           # a code was entered that no rule and no series named; it was not kept
    TAKEN_BACK = 4             # no sale; of the numbers of Item those of lines and promotions stand, and `seq`

cdef struct Item:
    int32_t bytes              # of the whole item
    int32_t record_bytes
    int64_t seq
    int64_t gross_minor        # these four as the journal decided
    int64_t discount_minor
    int64_t points_paid_minor
    int64_t to_pay_minor
    int32_t date               # by the store's wall clock
    int32_t store
    int32_t lines_count
    int32_t accrued_count
    int32_t promotions_count
    int32_t counted_count
    int32_t segments_count
    uint32_t flags             # ItemFlag

cdef struct LineBefore:
    int64_t discount_minor
    int64_t points_paid_minor
    int32_t category
    int32_t reserved

cdef struct LineBack:
    # What has come back of a line before this operation, and with it.
    int64_t before_milli
    int64_t after_milli
    int64_t before_refund_minor
    int64_t after_refund_minor

cdef struct AccruedBefore:
    int64_t points
    int32_t asset
    int32_t line               # index in the receipt, OF_RECEIPT: all of it

cdef struct PromotionBefore:
    int64_t discount_minor     # this, or points of one asset
    int64_t points
    int32_t promotion
    int32_t asset              # -1: a discount

cdef struct CountedBefore:
    # What the sale took of a counter.
    uint8_t key[16]
    int64_t used
    int64_t window_day
    int32_t window
    int32_t reserved

cdef inline int64_t padded(int64_t size) noexcept nogil:
    return (size + 7) & ~<int64_t>7
