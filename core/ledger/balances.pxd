"""What an account's chain of live lots comes to: balances at an instant, and which lots a redemption would use."""
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.ledger.accounts cimport LotPool
from altyn.core.ledger.holds cimport HoldPart

cdef struct Balance:
    int32_t asset_no
    int64_t active_points      # may be spent now; held points are not in it; a debt is not taken off
    int64_t pending_points     # become active later
    int64_t held_points        # by pending holds
    int64_t debt_points        # ≥ 0

cdef struct Ending:
    int64_t expires_at_us
    int64_t points             # that may be spent until then

# `cell`: the first lot of the chain; 0: none.
cdef int balances_of(const LotPool* pool, uint32_t cell, int64_t instant_us, Balance* out, int capacity) noexcept nogil
cdef Balance balance_of(const LotPool* pool, uint32_t cell, int32_t asset_no, int64_t instant_us) noexcept nogil
cdef int pick_lots(const LotPool* pool, uint32_t cell, int32_t asset_no, int64_t points, int64_t instant_us, HoldPart* out,
                   int capacity) noexcept nogil
# The next moments at which points end that may be spent now, soonest first.
cdef int endings_of(const LotPool* pool, uint32_t cell, int32_t asset_no, int64_t instant_us, Ending* out, int capacity) noexcept nogil
