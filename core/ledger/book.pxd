"""The book: accounts, lots, holds, counters, coupons and the programme's own totals. The only memory that money changes.

It changes by one verb. A decision's effects are laid out as a *plan* (begin, open_lot, begin_entry, post, end_entry,
hold_change, count, coupon_change), `check` says whether the whole plan may be applied and makes all room it needs, `write` applies it and cannot
fail. Serving and replay take the same way.

Holds for ever: every entry sums to zero per asset; 0 ≤ remaining ≤ initial and 0 ≤ held ≤ remaining on every lot; a debt is
below 0; Σ remaining over an asset's lots = −Σ its programme totals. A plan that would break one of these is refused whole.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from altyn.core.ledger.accounts cimport AccountShard, Lot, LotPool
from altyn.core.ledger.counters cimport Counter, CounterId, CounterPlan, Counters
from altyn.core.ledger.coupons cimport Coupon, CouponPlan
from altyn.core.ledger.holds cimport Hold, HoldPart, Holds
from altyn.core.ledger.key_table cimport KeyTable
from altyn.core.limits cimport HOLD_CHANGES_MAX, LEDGER_ASSETS_MAX, LOTS_TOUCHED_MAX, POSTINGS_MAX

cdef enum:
    SYSTEM_ACCOUNTS = 4

cdef enum EntryKind:
    # altyn.journal.v1.EntryKind
    ENTRY_ACCRUAL = 1
    ENTRY_REDEMPTION = 2
    ENTRY_ADJUSTMENT = 3
    ENTRY_EXPIRY = 4
    ENTRY_CLAWBACK = 5
    ENTRY_RESTORE = 6

cdef enum SystemAccount:
    # As negative account ids: altyn.journal.v1.SystemAccount
    SYSTEM_ISSUED = 1
    SYSTEM_REDEEMED = 2
    SYSTEM_EXPIRED = 3
    SYSTEM_ADJUSTED = 4

cdef enum Flaw:
    # Why a plan is refused. Never a business "no": the engine that made the plan, or the journal, is wrong.
    FLAWLESS = 0
    TOO_MANY = 1               # a limit of core/limits.pxd
    ACCOUNT_RANGE = 2
    ASSET_RANGE = 3
    POINTS_RANGE = 4
    TIME_RANGE = 5
    KIND_UNKNOWN = 6
    ENTRY_UNBALANCED = 7       # postings do not sum to zero, or stand outside an entry
    LOT_UNKNOWN = 8
    LOT_TAKEN = 9              # the account has a lot with this id
    LOT_OVERDRAWN = 10         # remaining below 0, or below what is held
    LOT_OVERFILLED = 11        # remaining above initial; a debt above 0
    HOLD_UNKNOWN = 12
    HOLD_TAKEN = 13            # the id or the receipt has a hold
    HOLD_STATE = 14            # no way from its state to that one
    COUNTER_RANGE = 15         # an amount out of range, or a counter below 0
    COUPON_STATE = 16          # no way from its state to that one

cdef struct Balance:
    int32_t asset_no
    int64_t active_points      # may be spent now; held points are not in it; a debt is not taken off
    int64_t pending_points     # become active later
    int64_t held_points        # by pending holds
    int64_t debt_points        # ≥ 0

cdef struct Total:
    # 128 bits.
    uint64_t low
    int64_t high

cdef struct Change:
    # One touched lot: as it will be.
    uint32_t cell              # 0: to be opened
    bint closes                # an expiry that leaves nothing: the lot is forgotten
    Lot after

cdef struct HoldChange:
    Hold* hold                 # in the book, or `is_new`: made by this plan
    int32_t state              # HoldState
    bint is_new

cdef struct Plan:
    int64_t instant_us
    int32_t flaw               # Flaw: the first one found
    int32_t entry_kind         # 0: outside an entry
    int32_t postings_count
    int32_t changes_count
    int32_t opened_count
    int32_t holds_count
    int32_t assets_count       # assets of the open entry, in `assets`
    int32_t system_count       # programme postings, in `system`
    bint is_checked
    uint32_t stamp
    uint32_t stamps[4096]      # a small hash from lot to change
    uint16_t places[4096]
    int32_t assets[LEDGER_ASSETS_MAX]
    int64_t sums[LEDGER_ASSETS_MAX]
    int32_t system_assets[POSTINGS_MAX]
    int32_t system_accounts[POSTINGS_MAX]
    int64_t system_points[POSTINGS_MAX]
    Change changes[LOTS_TOUCHED_MAX]
    HoldChange holds[HOLD_CHANGES_MAX]
    CounterPlan counters
    CouponPlan coupons

cdef inline int64_t points_limit() noexcept nogil:
    """Largest amount of one posting or lot; 1,024 of them stay far inside 64 bits."""
    return 1_000_000_000_000_000


cdef class Book:
    cdef:
        AccountShard* shards
        LotPool lots
        Holds holds
        Counters counters
        KeyTable coupons
        Total* totals          # [asset_no × 4 + account − 1]
        Plan* plan
        readonly int64_t accounts_count

    # The one verb, in steps. Each step answers the plan's Flaw so far; all may be ignored until `check`.
    cdef int begin(self, int64_t instant_us) noexcept nogil
    cdef int open_lot(self, int64_t lot_id, int64_t account_id, int32_t asset_no, int64_t points, int64_t active_from_us,
                      int64_t expires_at_us) noexcept nogil
    cdef int begin_entry(self, int32_t kind) noexcept nogil
    cdef int post(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t lot_id) noexcept nogil
    cdef int end_entry(self) noexcept nogil
    cdef int hold_change(self, const uint8_t* hold_id, int32_t state, int64_t account_id, int64_t expires_at_us,
                         const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count) noexcept nogil
    cdef int count(self, const CounterId* id, int64_t used, int64_t held) noexcept nogil
    cdef int coupon_change(self, const uint8_t* key, const Coupon* wanted) noexcept nogil
    cdef int check(self) except -1
    cdef int write(self) except -1

    # What a decision reads.
    cdef Balance balance(self, int64_t account_id, int32_t asset_no, int64_t instant_us) noexcept nogil
    cdef int balances(self, int64_t account_id, int64_t instant_us, Balance* out, int capacity) noexcept nogil
    cdef int pick(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t instant_us, HoldPart* out,
                  int capacity) noexcept nogil
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
    cdef Hold* planned_hold(self, const uint8_t* hold_id, int64_t account_id, int64_t expires_at_us,
                            const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count) noexcept nogil
    cdef bint receipt_is_free(self, Hold* made) noexcept nogil
    cdef bint make_room(self) noexcept nogil
    cdef void write_change(self, Change* change) noexcept nogil
    cdef void drop_plan(self) noexcept nogil
