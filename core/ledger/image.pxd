"""The book as bytes, in one order only: equal books give equal bytes, however they came to be."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from altyn.core.ledger.book cimport Book
from altyn.core.ledger.serials cimport SERIAL_PAGE_BYTES

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

cdef struct CouponImage:
    # 32 bytes. HELD is not in it: the holds say so.
    uint8_t key[16]
    int64_t expires_at_us
    int32_t series_no
    uint16_t use
    uint16_t issued            # 1: issued; 2: with grace

cdef struct SerialImage:
    # 4,104 bytes: a page of serials, as it is kept; only USED is in it.
    int32_t series_no
    int32_t page
    uint8_t bits[SERIAL_PAGE_BYTES]

cdef struct ForwardImage:
    int64_t account_id
    int64_t to_account_id

cdef struct TotalImage:
    int64_t asset_no
    int64_t account            # as SystemAccount
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
    IMAGE_COUPON = 7
    IMAGE_FORWARD = 8

cdef bytes totals_image(Book book)
cdef bytes accounts_image(Book book, int* shard, Py_ssize_t size_wanted)
cdef bytes holds_image(Book book)
cdef bytes coupons_image(Book book)
cdef bytes forwards_image(Book book)
cdef bytes serials_image(Book book)
cdef Damage load_totals(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef Damage load_accounts(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef Damage load_holds(Book book, const uint8_t* data, int64_t size) noexcept nogil
# Coupons come before the holds, which take them, and before the pages of serials.
cdef Damage load_coupons(Book book, const uint8_t* data, int64_t size) noexcept nogil
# After the accounts: one that leads elsewhere has no lots.
cdef Damage load_forwards(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef Damage load_serials(Book book, const uint8_t* data, int64_t size) noexcept nogil
cdef bint is_balanced(Book book) noexcept nogil
