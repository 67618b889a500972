"""Body of the coupons' states. No function raises."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from altyn.core.ledger.key_table cimport KeySlot, KeyTable, keys_find, keys_put, keys_remove, keys_reserve, slot_value


cdef Coupon coupon_read(KeyTable* coupons, const uint8_t* key) noexcept nogil:
    cdef Coupon coupon = [0, 0, COUPON_FREE, False]
    cdef KeySlot* slot = keys_find(coupons, key)
    if slot != NULL:
        coupon.use = <int32_t>(slot.first & 7)
        coupon.issued = (slot.first >> 3) & 1
        coupon.series_no = <int32_t>(slot.first >> 8)
        coupon.expires_at_us = <int64_t>slot_value(slot)
    return coupon


cdef bint coupon_set(KeyTable* coupons, const uint8_t* key, const Coupon* coupon) noexcept nogil:
    """False: no memory. A free code that a fact knows is forgotten."""
    if coupon.use == COUPON_FREE and not coupon.issued:
        keys_remove(coupons, key)
        return True
    return keys_put(coupons, key, <uint64_t>coupon.series_no << 8 | <uint64_t>coupon.issued << 3 | <uint64_t>coupon.use,
                    <uint64_t>coupon.expires_at_us)


cdef bint may_become(const Coupon* now, const Coupon* wanted, bint is_known) noexcept nogil:
    if wanted.issued:
        return wanted.use == COUPON_FREE and not is_known
    if wanted.use == COUPON_FREE:
        return now.use == COUPON_HELD or now.use == COUPON_USED
    if wanted.use == COUPON_HELD or wanted.use == COUPON_USED:
        return now.use == COUPON_FREE
    return wanted.use == COUPON_CANCELLED and now.use == COUPON_FREE and now.issued


cdef bint coupons_plan(KeyTable* coupons, CouponPlan* plan, const uint8_t* key, const Coupon* wanted) noexcept nogil:
    cdef CouponChange* change
    cdef bint is_known = True
    cdef int32_t i
    for i in range(plan.count):
        change = &plan.changes[i]
        if memcmp(change.key, key, 16) == 0:
            break
    else:
        if plan.count == COUPON_CHANGES_MAX:
            return False
        change = &plan.changes[plan.count]
        plan.count += 1
        memcpy(change.key, key, 16)
        change.after = coupon_read(coupons, key)
        is_known = keys_find(coupons, key) != NULL
    if wanted.series_no < 0 or wanted.expires_at_us < 0 or not may_become(&change.after, wanted, is_known):
        return False
    change.after.use = wanted.use
    if wanted.issued:
        change.after.issued = True
    if wanted.series_no != 0:
        change.after.series_no = wanted.series_no
    if wanted.expires_at_us != 0:
        change.after.expires_at_us = wanted.expires_at_us
    return True


cdef bint coupons_room(KeyTable* coupons, const CouponPlan* plan) noexcept nogil:
    cdef int32_t i
    for i in range(plan.count):
        if not keys_reserve(coupons, plan.changes[i].key, <uint32_t>plan.count):
            return False
    return True


cdef void coupons_write(KeyTable* coupons, const CouponPlan* plan) noexcept nogil:
    cdef int32_t i
    for i in range(plan.count):
        coupon_set(coupons, plan.changes[i].key, &plan.changes[i].after)
