"""Body of the coupons' states. No function raises."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from altyn.core.ledger.key_table cimport (
    KeySlot, keys_bytes, keys_find, keys_free, keys_put, keys_remove, keys_reserve, slot_value,
)
from altyn.core.ledger.serials cimport (
    SERIAL_APART, SERIAL_FREE, SERIAL_HELD, SERIAL_USED, SerialBits, serial_of_key, serial_read, serial_reserve, serial_write,
    serials_bytes, serials_free,
)


cdef Coupon read_apart(Coupons* coupons, const uint8_t* key) noexcept nogil:
    cdef Coupon coupon = [0, 0, COUPON_FREE, False, False]
    cdef KeySlot* slot = keys_find(&coupons.by_key, key)
    if slot != NULL:
        coupon.use = <int32_t>(slot.first & 7)
        coupon.issued = (slot.first >> 3) & 1
        coupon.has_grace = (slot.first >> 4) & 1
        coupon.series_no = <int32_t>(slot.first >> 8)
        coupon.expires_at_us = <int64_t>slot_value(slot)
    return coupon


cdef bint set_apart(Coupons* coupons, const uint8_t* key, const Coupon* coupon) noexcept nogil:
    return keys_put(
        &coupons.by_key, key,
        <uint64_t>coupon.series_no << 8 | <uint64_t>coupon.has_grace << 4 | <uint64_t>coupon.issued << 3 | <uint64_t>coupon.use,
        <uint64_t>coupon.expires_at_us)


cdef Coupon coupon_read(Coupons* coupons, const uint8_t* key) noexcept nogil:
    cdef Coupon coupon = [0, 0, COUPON_FREE, False, False]
    cdef int64_t serial = serial_of_key(key, &coupon.series_no)
    cdef SerialBits bits = SERIAL_APART if serial == 0 else serial_read(&coupons.serials, coupon.series_no, serial)
    if bits == SERIAL_APART:
        return read_apart(coupons, key)
    coupon.use = COUPON_HELD if bits == SERIAL_HELD else COUPON_USED if bits == SERIAL_USED else COUPON_FREE
    return coupon


cdef bint coupon_set(Coupons* coupons, const uint8_t* key, const Coupon* coupon) noexcept nogil:
    """False: no memory. A free code that a fact knows and that has no end of its own is forgotten."""
    cdef int32_t series_no = 0
    cdef int64_t serial = serial_of_key(key, &series_no)
    cdef SerialBits bits = SERIAL_HELD if coupon.use == COUPON_HELD else SERIAL_USED if coupon.use == COUPON_USED else SERIAL_FREE
    cdef bint is_apart = coupon.has_grace or (serial == 0 and (coupon.use != COUPON_FREE or coupon.issued))
    if serial != 0:
        if not serial_reserve(&coupons.serials, series_no, serial):
            return False
        serial_write(&coupons.serials, series_no, serial, SERIAL_APART if is_apart else bits)
    if is_apart:
        return set_apart(coupons, key, coupon)
    keys_remove(&coupons.by_key, key)
    return True


cdef bint may_become(const Coupon* now, const Coupon* wanted, bint may_be_issued) noexcept nogil:
    if wanted.issued:
        return wanted.use == COUPON_FREE and may_be_issued
    if wanted.use == COUPON_FREE:
        return now.use == COUPON_HELD or now.use == COUPON_USED
    if wanted.use == COUPON_HELD or wanted.use == COUPON_USED:
        return now.use == COUPON_FREE
    return wanted.use == COUPON_CANCELLED and now.use == COUPON_FREE and now.issued


cdef bint coupons_plan(Coupons* coupons, CouponPlan* plan, const uint8_t* key, const Coupon* wanted) noexcept nogil:
    cdef CouponChange* change
    cdef bint may_be_issued = False
    cdef int32_t i, series_no = 0
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
        # A serial is a fact's from the first.
        may_be_issued = keys_find(&coupons.by_key, key) == NULL and serial_of_key(key, &series_no) == 0
    if wanted.series_no < 0 or wanted.expires_at_us < 0 or not may_become(&change.after, wanted, may_be_issued):
        return False
    if wanted.use == COUPON_FREE and wanted.expires_at_us != 0 and not wanted.issued:
        change.after.has_grace = True
    change.after.use = wanted.use
    if wanted.issued:
        change.after.issued = True
    if wanted.series_no != 0:
        change.after.series_no = wanted.series_no
    if wanted.expires_at_us != 0:
        change.after.expires_at_us = wanted.expires_at_us
    return True


cdef bint coupons_room(Coupons* coupons, const CouponPlan* plan) noexcept nogil:
    cdef int32_t i, series_no = 0
    cdef int64_t serial
    for i in range(plan.count):
        serial = serial_of_key(plan.changes[i].key, &series_no)
        if serial != 0 and not serial_reserve(&coupons.serials, series_no, serial):
            return False
        if serial == 0 or plan.changes[i].after.has_grace:
            if not keys_reserve(&coupons.by_key, plan.changes[i].key, <uint32_t>plan.count):
                return False
    return True


cdef void coupons_write(Coupons* coupons, const CouponPlan* plan) noexcept nogil:
    cdef int32_t i
    for i in range(plan.count):
        coupon_set(coupons, plan.changes[i].key, &plan.changes[i].after)


cdef void coupons_free(Coupons* coupons) noexcept nogil:
    keys_free(&coupons.by_key)
    serials_free(&coupons.serials)


cdef int64_t coupons_bytes(const Coupons* coupons) noexcept nogil:
    return keys_bytes(&coupons.by_key) + serials_bytes(&coupons.serials)
