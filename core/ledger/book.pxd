"""The book: accounts, lots, holds, counters, coupons and the programme's own totals. The only memory that money changes.

It changes by one verb. A decision's effects are laid out as a *plan* (begin, open_lot, begin_entry, post, end_entry,
close_lot, hold_change, count, coupon_change, forward; of accumulators and tiers by functions of their own), `check` says whether the whole plan may be applied and makes all room it needs, `write` applies it and cannot
fail. Serving and replay take the same way.

Holds for ever: every entry sums to zero per asset; 0 ≤ remaining ≤ initial and 0 ≤ held ≤ remaining on every lot; a debt is
below 0; Σ remaining over an asset's lots = −Σ its programme totals; an account that leads elsewhere has no lots. A plan that would break one of these is refused whole.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from altyn.core.ledger.accounts cimport AccountShard, Lot, LotPool
from altyn.core.ledger.accumulators cimport Accumulators
from altyn.core.ledger.balances cimport Balance, Ending
from altyn.core.ledger.counters cimport Counter, CounterId, CounterPlan, Counters
from altyn.core.ledger.coupons cimport Coupon, CouponPlan, Coupons
from altyn.core.ledger.forwards cimport Forwards
from altyn.core.ledger.holds cimport Hold, HoldPart, Holds
from altyn.core.ledger.planned_holds cimport HoldsPlan
from altyn.core.ledger.tiers cimport Tiers
from altyn.core.limits cimport LEDGER_ASSETS_MAX, LOTS_TOUCHED_MAX, POSTINGS_MAX

cdef enum:
    SYSTEM_ACCOUNTS = 8        # with room for more; see SystemAccount
    LOTS_DUE_MAX = 256

cdef enum EntryKind:
    # altyn.journal.v1.EntryKind
    ENTRY_ACCRUAL = 1
    ENTRY_REDEMPTION = 2
    ENTRY_ADJUSTMENT = 3
    ENTRY_EXPIRY = 4
    ENTRY_CLAWBACK = 5
    ENTRY_RESTORE = 6
    ENTRY_TRANSFER = 7
    ENTRY_CONVERSION = 8
    ENTRY_LOAD = 9
    ENTRY_SPEND = 10

cdef enum SystemAccount:
    # As negative account ids: altyn.journal.v1.SystemAccount
    SYSTEM_ISSUED = 1
    SYSTEM_REDEEMED = 2
    SYSTEM_EXPIRED = 3
    SYSTEM_ADJUSTED = 4
    SYSTEM_CONVERTED = 5

cdef struct Total:
    # 128 bits.
    uint64_t low
    int64_t high

cdef struct Change:
    # One touched lot: as it will be.
    uint32_t cell              # 0: to be opened
    bint closes                # once nothing is left: the lot is forgotten
    Lot after

cdef struct Plan:
    int64_t instant_us
    int32_t flaw               # Flaw: the first one found
    int32_t entry_kind         # 0: outside an entry
    int32_t postings_count
    int32_t changes_count
    int32_t opened_count
    int32_t assets_count       # assets of the open entry, in `assets`
    int32_t system_count       # programme postings, in `system`
    bint is_checked
    int64_t forward_account    # 0: no account is led anywhere
    int64_t forward_to
    uint32_t stamp
    uint32_t stamps[4096]      # a small hash from lot to change
    uint16_t places[4096]
    int32_t assets[LEDGER_ASSETS_MAX]
    int64_t sums[LEDGER_ASSETS_MAX]
    int32_t system_assets[POSTINGS_MAX]
    int32_t system_accounts[POSTINGS_MAX]
    int64_t system_points[POSTINGS_MAX]
    Change changes[LOTS_TOUCHED_MAX]
    HoldsPlan holds
    CounterPlan counters
    CouponPlan coupons
    Lot read                   # what `lot` answers
    Lot due[LOTS_DUE_MAX]      # what `due_lots` answers

@cython.overflowcheck(False)
cdef inline void total_add(Total* total, int64_t points) noexcept nogil:
    cdef uint64_t low = total.low + <uint64_t>points
    total.high += (points >> 63) + (low < total.low)
    total.low = low

cdef inline int64_t points_limit() noexcept nogil:
    """Largest amount of one posting or lot; 1,024 of them stay far inside 64 bits."""
    return 1_000_000_000_000_000


cdef class Book:
    cdef:
        AccountShard* shards
        LotPool lots
        Holds holds
        Counters counters
        Coupons coupons
        Forwards forwards
        Accumulators accumulators
        Tiers tiers
        Total* totals          # [asset_no × SYSTEM_ACCOUNTS + account − 1]
        Plan* plan
        readonly int64_t accounts_count

    # The one verb, in steps. Each step answers the plan's Flaw so far; all may be ignored until `check`.
    cdef int begin(self, int64_t instant_us) noexcept nogil
    cdef int open_lot(self, int64_t lot_id, int64_t account_id, int32_t asset_no, int64_t points, int64_t active_from_us,
                      int64_t expires_at_us) noexcept nogil
    cdef int begin_entry(self, int32_t kind) noexcept nogil
    cdef int post(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t lot_id) noexcept nogil
    cdef int end_entry(self) noexcept nogil
    cdef int close_lot(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil
    cdef int forward(self, int64_t account_id, int64_t to_account_id) noexcept nogil
    cdef int hold_change(self, const uint8_t* hold_id, int32_t state, int64_t account_id, int64_t expires_at_us,
                         const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count) noexcept nogil
    cdef int count(self, const CounterId* id, int64_t used, int64_t held) noexcept nogil
    cdef int coupon_change(self, const uint8_t* key, const Coupon* wanted) noexcept nogil
    cdef int check(self) except -1
    cdef int write(self) except -1

    # What a decision reads.
    cdef int64_t leads_to(self, int64_t account_id) noexcept nogil
    cdef Balance balance(self, int64_t account_id, int32_t asset_no, int64_t instant_us) noexcept nogil
    cdef int balances(self, int64_t account_id, int64_t instant_us, Balance* out, int capacity) noexcept nogil
    cdef int pick(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t instant_us, HoldPart* out,
                  int capacity) noexcept nogil
    cdef int endings(self, int64_t account_id, int32_t asset_no, int64_t instant_us, Ending* out, int capacity) noexcept nogil
    cdef Counter counter(self, const CounterId* id) noexcept nogil
    cdef Coupon coupon(self, const uint8_t* key) noexcept nogil
    cdef const Lot* lot(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil
    cdef const Hold* hold(self, const uint8_t* hold_id) noexcept nogil
    cdef const Hold* hold_for(self, const uint8_t* receipt_key) noexcept nogil
    cdef const Hold* due_hold(self, int64_t instant_us) noexcept nogil
    cdef int due_lots(self, uint32_t* cursor, int64_t instant_us, int scanned_max, const Lot** out, int capacity) noexcept nogil

    # The book's own.
    cdef uint32_t find_cell(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil
    cdef Change* changed(self, int64_t account_id, int32_t asset_no, int64_t lot_id, bint make) noexcept nogil
    cdef int plan_holding(self, Hold* hold, int sign) noexcept nogil
    cdef void check_forward(self) noexcept nogil
    cdef bint make_room(self) noexcept nogil
    cdef void write_change(self, Change* change) noexcept nogil
    cdef void drop_plan(self) noexcept nogil
