"""The book as bytes, in one order only: equal books give equal bytes, however they came to be."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from altyn.core.ledger.book cimport Book

cdef struct AccountHead:
    int64_t account_id
    int64_t lots_count

cdef struct LotImage:
    # 48 bytes. What is held is not in it: the holds say so.
    int64_t lot_id
    int64_t initial_points
    int64_t remaining_points
    int64_t active_from_us
    int64_t expires_at_us
    int32_t asset_no
    int32_t zero

cdef struct HoldImage:
    # 56 bytes, then its parts.
    uint8_t hold_id[16]
    uint8_t receipt_key[16]
    int64_t account_id
    int64_t expires_at_us
    int32_t state
    int32_t parts_count

# A hold's part is written as it is kept: HoldPart, 48 bytes.

cdef struct CounterImage:
    # 40 bytes. What is held is not in it: the holds say so.
    uint8_t key[16]
    int64_t window_day
    int32_t window
    int32_t zero
    int64_t used

cdef struct CouponImage:
    # 32 bytes. HELD is not in it: the holds say so.
    uint8_t key[16]
    int64_t expires_at_us
    int32_t series_no
    uint16_t use
    uint16_t issued

cdef struct TotalImage:
    int64_t asset_no
    int64_t account            # 1 … 4, as SystemAccount
    int64_t low
    int64_t high

cdef enum Damage:
    # Why bytes are not the image of a book.
    UNDAMAGED = 0
    IMAGE_TOO_SHORT = 1
    IMAGE_ACCOUNT = 2          # id out of range, or there already
    IMAGE_LOT = 3              # a number out of range, or not after the lot before it
    IMAGE_HOLD = 4             # as above; or it holds what is not there
    IMAGE_TOTAL = 5
    IMAGE_MEMORY = 6
    IMAGE_COUNTER = 7
    IMAGE_COUPON = 8

cdef bytes totals_image(Book book)
cdef bytes accounts_image(Book book, int* shard, Py_ssize_t size_wanted)
cdef bytes holds_image(Book book)
cdef bytes counters_image(Book book)
cdef bytes coupons_image(Book book)
cdef Damage load_totals(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef Damage load_accounts(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef Damage load_holds(Book book, const uint8_t* data, int64_t size) noexcept nogil
# Counters and coupons come before the holds, which count into them.
cdef Damage load_counters(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef Damage load_coupons(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef bint is_balanced(Book book) noexcept nogil
