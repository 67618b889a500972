"""Coupons as the ledger sees them: which codes are held, used, issued or cancelled. A code nobody touched yet is free and takes no memory.

A code is known by the first 16 bytes of its keyed hash, or by series and serial, written as a key of 16 bytes too. States go FREE → HELD (a part of a pending hold) → FREE or, by a commit, USED;
USED → FREE when its sale is taken back; an issued code starts FREE and may end CANCELLED. Another way is refused whole.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.ledger.key_table cimport KeyTable
from altyn.core.ledger.serials cimport Serials
from altyn.core.limits cimport COUPON_CHANGES_MAX

cdef enum CouponUse:
    # altyn.journal.v1.CouponUse
    COUPON_FREE = 1
    COUPON_HELD = 2
    COUPON_USED = 3
    COUPON_CANCELLED = 4

cdef struct Coupon:
    int64_t expires_at_us      # of an issued code, or one with grace; 0: as its series says
    int32_t series_no          # 0: not told
    int32_t use                # CouponUse
    bint issued                # made by a receipt, so that no fact knows it
    bint has_grace             # let be used again by a return: good until expires_at_us, whenever its series ends

cdef struct Coupons:
    KeyTable by_key
    Serials serials

cdef struct CouponChange:
    uint8_t key[16]
    Coupon after

cdef struct CouponPlan:
    CouponChange changes[COUPON_CHANGES_MAX]
    int32_t count

cdef Coupon coupon_read(Coupons* coupons, const uint8_t* key) noexcept nogil
cdef bint coupon_set(Coupons* coupons, const uint8_t* key, const Coupon* coupon) noexcept nogil
# One step of the plan: False when the state does not allow it, or there are too many.
cdef bint coupons_plan(Coupons* coupons, CouponPlan* plan, const uint8_t* key, const Coupon* wanted) noexcept nogil
cdef bint coupons_room(Coupons* coupons, const CouponPlan* plan) noexcept nogil
cdef void coupons_write(Coupons* coupons, const CouponPlan* plan) noexcept nogil
cdef void coupons_free(Coupons* coupons) noexcept nogil
cdef int64_t coupons_bytes(const Coupons* coupons) noexcept nogil
