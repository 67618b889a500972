"""What a plan holds: the holds it makes and ends, until the book writes it.

Decides whether holds may change so, and nothing about the lots, counters and coupons they keep: the book counts those. A hold that the
plan makes is the plan's until it is written, and freed with it otherwise.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.ledger.holds cimport Hold, HoldPart, Holds
from altyn.core.limits cimport HOLD_CHANGES_MAX

cdef struct HoldChange:
    Hold* hold                 # in the book, or `is_new`: made by this plan
    int32_t state              # HoldState
    bint is_new

cdef struct HoldsPlan:
    int32_t count
    HoldChange changes[HOLD_CHANGES_MAX]

# Free what an unwritten plan made.
cdef void plan_holds_drop(HoldsPlan* plan) noexcept nogil
# Each answers a Flaw; without one the change is the last of the plan.
cdef int plan_new_hold(HoldsPlan* plan, Holds* holds, const uint8_t* hold_id, int64_t account_id, int64_t expires_at_us,
                       const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count, int64_t points_max) noexcept nogil
cdef int plan_hold_end(HoldsPlan* plan, Holds* holds, const uint8_t* hold_id, int32_t state) noexcept nogil
# No receipt has two pending holds once the plan is written.
cdef bint plan_receipts_free(const HoldsPlan* plan, Holds* holds) noexcept nogil
# False: no memory. Then `plan_holds_write` cannot fail.
cdef bint plan_holds_room(const HoldsPlan* plan, Holds* holds) noexcept nogil
cdef void plan_holds_write(HoldsPlan* plan, Holds* holds) noexcept nogil
