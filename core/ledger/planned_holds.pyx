"""Body of what a plan holds. No function raises."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp

from altyn.core.ledger.flaws cimport (
    ACCOUNT_RANGE, FLAWLESS, HOLD_STATE, HOLD_TAKEN, HOLD_UNKNOWN, POINTS_RANGE, TIME_RANGE, TOO_MANY,
)
from altyn.core.ledger.holds cimport (
    HOLD_EXPIRED, HOLD_PENDING, HOLD_POSTED, Hold, HoldPart, has_receipt, hold_free, hold_new, hold_of_id, hold_of_receipt, holds_add,
    holds_expire, holds_remove, holds_reserve, is_part,
)
from altyn.core.limits cimport HOLD_CHANGES_MAX, HOLD_PARTS_MAX, HOLDS_MAX


cdef void plan_holds_drop(HoldsPlan* plan) noexcept nogil:
    cdef int i
    for i in range(plan.count):
        if plan.changes[i].is_new:
            hold_free(plan.changes[i].hold)
    plan.count = 0


cdef int place_flaw(const HoldsPlan* plan, const uint8_t* hold_id) noexcept nogil:
    """A plan changes a hold once."""
    cdef int i
    if plan.count == HOLD_CHANGES_MAX:
        return TOO_MANY
    for i in range(plan.count):
        if memcmp(plan.changes[i].hold.hold_id, hold_id, 16) == 0:
            return HOLD_TAKEN
    return FLAWLESS


cdef int plan_new_hold(HoldsPlan* plan, Holds* holds, const uint8_t* hold_id, int64_t account_id, int64_t expires_at_us,
                       const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count, int64_t points_max) noexcept nogil:
    cdef int flaw = place_flaw(plan, hold_id)
    cdef Hold* hold
    cdef int i
    if flaw != FLAWLESS:
        return flaw
    if account_id < 0:
        return ACCOUNT_RANGE
    if expires_at_us <= 0:
        return TIME_RANGE
    if parts_count < 0 or parts_count > HOLD_PARTS_MAX or holds.count + plan.count >= HOLDS_MAX:
        return TOO_MANY
    if hold_of_id(holds, hold_id) != NULL:
        return HOLD_TAKEN
    for i in range(parts_count):
        if not is_part(&parts[i], account_id, points_max):
            return POINTS_RANGE
    hold = hold_new(hold_id, receipt_key, account_id, expires_at_us, parts, parts_count)
    if hold == NULL:
        return TOO_MANY
    plan.changes[plan.count] = [hold, HOLD_PENDING, True]
    plan.count += 1
    return FLAWLESS


cdef int plan_hold_end(HoldsPlan* plan, Holds* holds, const uint8_t* hold_id, int32_t state) noexcept nogil:
    cdef int flaw = place_flaw(plan, hold_id)
    cdef Hold* hold
    if flaw != FLAWLESS:
        return flaw
    hold = hold_of_id(holds, hold_id)
    if hold == NULL:
        return HOLD_UNKNOWN
    if state < HOLD_POSTED or state > HOLD_EXPIRED or (hold.state == HOLD_EXPIRED and state == HOLD_EXPIRED):
        return HOLD_STATE
    plan.changes[plan.count] = [hold, state, False]
    plan.count += 1
    return FLAWLESS


cdef bint receipt_is_free(const HoldsPlan* plan, Holds* holds, const Hold* made) noexcept nogil:
    """True when the receipt has no other pending hold once the plan is written."""
    cdef Hold* known
    cdef int i
    if not has_receipt(made):
        return True
    known = hold_of_receipt(holds, made.receipt_key)
    if known != NULL and known.state == HOLD_PENDING:
        for i in range(plan.count):
            if plan.changes[i].hold == known:
                break
        else:
            return False
    for i in range(plan.count):
        if (plan.changes[i].is_new and plan.changes[i].hold != made
                and memcmp(plan.changes[i].hold.receipt_key, made.receipt_key, 16) == 0):
            return False
    return True


cdef bint plan_receipts_free(const HoldsPlan* plan, Holds* holds) noexcept nogil:
    cdef int i
    for i in range(plan.count):
        if plan.changes[i].is_new and not receipt_is_free(plan, holds, plan.changes[i].hold):
            return False
    return True


cdef bint plan_holds_room(const HoldsPlan* plan, Holds* holds) noexcept nogil:
    cdef int i
    for i in range(plan.count):
        if plan.changes[i].is_new and not holds_reserve(holds, plan.changes[i].hold, plan.count):
            return False
    return True


cdef void plan_holds_write(HoldsPlan* plan, Holds* holds) noexcept nogil:
    cdef const HoldChange* change
    cdef Hold* former
    cdef int i
    for i in range(plan.count):
        change = &plan.changes[i]
        if change.state == HOLD_EXPIRED:
            holds_expire(holds, change.hold)
        elif not change.is_new:
            holds_remove(holds, change.hold)
    for i in range(plan.count):
        change = &plan.changes[i]
        if change.is_new:
            former = hold_of_receipt(holds, change.hold.receipt_key)
            if former != NULL:
                holds_remove(holds, former)
            holds_add(holds, change.hold)
    plan.count = 0
