"""Body of the book: plan, check, write, read.

Decides whether effects may be applied, never what they should be: choosing promotions, lots to give back or whom to refuse
is the engine's. Knows no clock: an instant is always handed in. Never raises for what a till sent: a flawed plan means a wrong
engine or a damaged journal, and nothing of it is applied.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, llabs
from libc.string cimport memset

from altyn.core.ledger.accounts cimport (
    ACCOUNT_SHARDS, AccountShard, AccountSlot, Lot, account_write, accounts_bytes, accounts_find, accounts_free, accounts_put,
    accounts_reserve, is_named, is_small, lot_read, lots_due, next_of, pool_bytes, pool_free, pool_reserve, pool_start,
)
from altyn.core.ledger.accumulators cimport (
    accumulators_begin, accumulators_free, accumulators_move, accumulators_move_room, accumulators_room, accumulators_write,
)
from altyn.core.ledger.balances cimport balance_of, balances_of, endings_of, pick_lots
from altyn.core.ledger.counters cimport (
    WINDOW_ALWAYS, WINDOW_DAY, Counter, CounterId, counters_bytes, counters_forget, counters_free, counters_plan, counters_read,
    counters_room, counters_sound, counters_write,
)
from altyn.core.ledger.coupons cimport COUPON_FREE, COUPON_HELD, Coupon, coupon_read
from altyn.core.ledger.coupons cimport coupons_bytes, coupons_free, coupons_plan, coupons_room, coupons_write
from altyn.core.ledger.flaws cimport (
    ACCOUNT_RANGE, ASSET_RANGE, COUNTER_RANGE, COUPON_STATE, ENTRY_UNBALANCED, FLAWLESS, FORWARD_STATE, HOLD_TAKEN, KIND_UNKNOWN,
    LOT_OVERDRAWN, LOT_OVERFILLED, LOT_TAKEN, LOT_UNKNOWN, POINTS_RANGE, TIME_RANGE, TOO_MANY,
)
from altyn.core.ledger.forwards cimport forward_of, forwards_bytes, forwards_free, forwards_put, forwards_room, may_lead
from altyn.core.ledger.holds cimport (
    HOLD_PENDING, PART_COUNTER, PART_COUPON, Hold, HoldPart, hold_due, hold_of_id, hold_of_receipt, holds_forget, holds_free,
    holds_start, part_counter,
)
from altyn.core.ledger.key_table cimport keys_bytes
from altyn.core.ledger.planned_holds cimport (
    plan_hold_end, plan_holds_drop, plan_holds_room, plan_holds_write, plan_new_hold, plan_receipts_free,
)
from altyn.core.ledger.tiers cimport tiers_bytes, tiers_free, tiers_room, tiers_write
from altyn.core.limits cimport HOLD_CHANGES_MAX, LEDGER_ASSETS_MAX, LOTS_OPENED_MAX, LOTS_TOUCHED_MAX, POSTINGS_MAX

@cython.overflowcheck(False)
cdef inline uint32_t lot_place(int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
    cdef uint64_t x = <uint64_t>account_id * 0x9E3779B97F4A7C15u + <uint64_t>lot_id
    x = (x ^ <uint64_t>asset_no) * 0x94D049BB133111EBu
    return <uint32_t>(x >> 52)


@cython.final
cdef class Book:
    """Accounts, lots, holds and totals in C memory. Not for two threads at once."""

    def __cinit__(self):
        self.shards = <AccountShard*>calloc(ACCOUNT_SHARDS, sizeof(AccountShard))
        self.totals = <Total*>calloc(LEDGER_ASSETS_MAX * SYSTEM_ACCOUNTS, sizeof(Total))
        self.plan = <Plan*>calloc(1, sizeof(Plan))
        holds_start(&self.holds)
        if self.shards == NULL or self.totals == NULL or self.plan == NULL or not pool_start(&self.lots):
            raise MemoryError

    def __dealloc__(self):
        if self.plan != NULL:
            self.drop_plan()
        if self.shards != NULL:
            accounts_free(self.shards)
        pool_free(&self.lots)
        holds_free(&self.holds)
        counters_free(&self.counters)
        coupons_free(&self.coupons)
        forwards_free(&self.forwards)
        accumulators_free(&self.accumulators)
        tiers_free(&self.tiers)
        free(self.shards)
        free(self.totals)
        free(self.plan)

    # PLAN

    cdef void drop_plan(self) noexcept nogil:
        """Free what an unwritten plan made."""
        plan_holds_drop(&self.plan.holds)
        self.plan.is_checked = False

    cdef int begin(self, int64_t instant_us) noexcept nogil:
        """Start a plan; an unwritten one is dropped."""
        cdef Plan* plan = self.plan
        self.drop_plan()
        plan.instant_us = instant_us
        plan.flaw = FLAWLESS if instant_us > 0 else TIME_RANGE
        plan.entry_kind = 0
        plan.postings_count = 0
        plan.changes_count = 0
        plan.opened_count = 0
        plan.assets_count = 0
        plan.system_count = 0
        plan.forward_account = 0
        plan.counters.count = 0
        plan.coupons.count = 0
        accumulators_begin(&self.accumulators, instant_us)
        self.tiers.plan_count = 0
        if plan.stamp == 0xFFFFFFFFu:
            memset(plan.stamps, 0, sizeof(plan.stamps))
            plan.stamp = 0
        plan.stamp += 1
        return plan.flaw

    cdef Change* changed(self, int64_t account_id, int32_t asset_no, int64_t lot_id, bint make) noexcept nogil:
        """The lot as the plan leaves it so far: taken from the book on first touch. `make`: a lot nobody has. NULL: flawed."""
        cdef Plan* plan = self.plan
        cdef uint32_t place = lot_place(account_id, asset_no, lot_id)
        cdef Change* change
        cdef uint32_t cell
        while plan.stamps[place] == plan.stamp:
            change = &plan.changes[plan.places[place]]
            if (change.after.lot_id == lot_id and change.after.account_id == account_id
                    and change.after.asset_no == asset_no):
                if make:
                    plan.flaw = plan.flaw or LOT_TAKEN
                    return NULL
                return change
            place = (place + 1) & 4095
        cell = self.find_cell(account_id, asset_no, lot_id)
        if make and cell != 0:
            plan.flaw = plan.flaw or LOT_TAKEN
            return NULL
        if not make and cell == 0 and lot_id != 0:
            plan.flaw = plan.flaw or LOT_UNKNOWN
            return NULL
        if plan.changes_count == LOTS_TOUCHED_MAX:
            plan.flaw = plan.flaw or TOO_MANY
            return NULL
        change = &plan.changes[plan.changes_count]
        plan.stamps[place] = plan.stamp
        plan.places[place] = <uint16_t>plan.changes_count
        plan.changes_count += 1
        change.cell = cell
        change.closes = False
        if cell != 0:
            lot_read(&self.lots, cell, account_id, &change.after)
        else:
            change.after = [lot_id, account_id, 0, 0, 0, 0, 0, asset_no, 0]
        return change

    cdef int open_lot(self, int64_t lot_id, int64_t account_id, int32_t asset_no, int64_t points, int64_t active_from_us,
                      int64_t expires_at_us) noexcept nogil:
        """Open an empty lot that may hold up to `points`; a posting of the same plan fills it."""
        cdef Plan* plan = self.plan
        cdef Change* change
        if plan.flaw != FLAWLESS:
            return plan.flaw
        if account_id <= 0 or lot_id <= 0:
            plan.flaw = ACCOUNT_RANGE
        elif asset_no < 0 or asset_no >= LEDGER_ASSETS_MAX:
            plan.flaw = ASSET_RANGE
        elif points <= 0 or points > points_limit():
            plan.flaw = POINTS_RANGE
        elif active_from_us < 0 or expires_at_us < 0:
            plan.flaw = TIME_RANGE
        elif plan.opened_count == LOTS_OPENED_MAX:
            plan.flaw = TOO_MANY
        else:
            change = self.changed(account_id, asset_no, lot_id, True)
            if change != NULL:
                plan.opened_count += 1
                change.after.initial_points = points
                change.after.active_from_us = active_from_us
                change.after.expires_at_us = expires_at_us
        return plan.flaw

    cdef int begin_entry(self, int32_t kind) noexcept nogil:
        cdef Plan* plan = self.plan
        if plan.flaw != FLAWLESS:
            return plan.flaw
        if plan.entry_kind != 0:
            plan.flaw = ENTRY_UNBALANCED
        elif kind < ENTRY_ACCRUAL or kind > ENTRY_SPEND:
            plan.flaw = KIND_UNKNOWN
        plan.entry_kind = kind
        plan.assets_count = 0
        return plan.flaw

    cdef int post(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t lot_id) noexcept nogil:
        """One posting of the open entry. Lot 0 on a customer's account is its debt. Only an expiry may post 0: it closes a lot."""
        cdef Plan* plan = self.plan
        cdef Change* change
        cdef int i
        if plan.flaw != FLAWLESS:
            return plan.flaw
        if plan.entry_kind == 0:
            plan.flaw = ENTRY_UNBALANCED
        elif account_id < -SYSTEM_ACCOUNTS or account_id == 0 or lot_id < 0 or (account_id < 0 and lot_id != 0):
            plan.flaw = ACCOUNT_RANGE
        elif asset_no < 0 or asset_no >= LEDGER_ASSETS_MAX:
            plan.flaw = ASSET_RANGE
        elif points < -points_limit() or points > points_limit() or (points == 0 and plan.entry_kind != ENTRY_EXPIRY):
            plan.flaw = POINTS_RANGE
        elif plan.postings_count == POSTINGS_MAX:
            plan.flaw = TOO_MANY
        if plan.flaw != FLAWLESS:
            return plan.flaw
        plan.postings_count += 1
        for i in range(plan.assets_count):
            if plan.assets[i] == asset_no:
                plan.sums[i] += points
                break
        else:
            plan.assets[plan.assets_count] = asset_no
            plan.sums[plan.assets_count] = points
            plan.assets_count += 1
        if account_id < 0:
            i = plan.system_count
            plan.system_assets[i] = asset_no
            plan.system_accounts[i] = <int32_t>-account_id
            plan.system_points[i] = points
            plan.system_count += 1
            return FLAWLESS
        change = self.changed(account_id, asset_no, lot_id, False)
        if change != NULL:
            change.after.remaining_points += points
            change.closes = change.closes or plan.entry_kind == ENTRY_EXPIRY
        return plan.flaw

    cdef int end_entry(self) noexcept nogil:
        cdef Plan* plan = self.plan
        cdef int i
        for i in range(plan.assets_count):
            if plan.sums[i] != 0:
                plan.flaw = plan.flaw or ENTRY_UNBALANCED
        plan.entry_kind = 0
        plan.assets_count = 0
        return plan.flaw

    cdef int close_lot(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
        """The plan leaves nothing in the lot, and nothing will come back to it: it is forgotten."""
        cdef Change* change = self.changed(account_id, asset_no, lot_id, False) if self.plan.flaw == FLAWLESS else NULL
        if change != NULL:
            change.closes = True
        return self.plan.flaw

    cdef int forward(self, int64_t account_id, int64_t to_account_id) noexcept nogil:
        """The account stands empty once the plan is written, and leads to the other."""
        cdef Plan* plan = self.plan
        if plan.flaw == FLAWLESS:
            if plan.forward_account != 0 or not may_lead(&self.forwards, account_id, to_account_id):
                plan.flaw = FORWARD_STATE
            plan.forward_account = account_id
            plan.forward_to = to_account_id
        return plan.flaw

    cdef int plan_holding(self, Hold* hold, int sign) noexcept nogil:
        """Count a hold's parts into their lots and counters, or (sign −1) out of them; take or free its coupons."""
        cdef Change* change
        cdef const HoldPart* part
        cdef Coupon coupon = [0, 0, COUPON_HELD if sign > 0 else COUPON_FREE, False, False]
        cdef CounterId id
        cdef int i
        for i in range(hold.parts_count):
            part = &hold.parts[i]
            if part.kind == PART_COUNTER:
                id = part_counter(part)
                self.count(&id, 0, sign * part.points)
            elif part.kind == PART_COUPON:
                self.coupon_change(part.key, &coupon)
            else:
                change = self.changed(part.account_id or hold.account_id, part.asset_no, part.lot_id, False)
                if change == NULL:
                    break
                change.after.held_points += sign * part.points
        return self.plan.flaw

    cdef int hold_change(self, const uint8_t* hold_id, int32_t state, int64_t account_id, int64_t expires_at_us,
                         const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count) noexcept nogil:
        """PENDING makes a hold. Any other state ends the known one: then only `hold_id` and `state` are read."""
        cdef Plan* plan = self.plan
        cdef Hold* hold
        if plan.flaw == FLAWLESS:
            if state == HOLD_PENDING:
                plan.flaw = plan_new_hold(&plan.holds, &self.holds, hold_id, account_id, expires_at_us, receipt_key, parts, parts_count,
                                          points_limit())
            else:
                plan.flaw = plan_hold_end(&plan.holds, &self.holds, hold_id, state)
        if plan.flaw != FLAWLESS:
            return plan.flaw
        hold = plan.holds.changes[plan.holds.count - 1].hold
        return self.plan_holding(hold, 1 if state == HOLD_PENDING else -1) if hold.state == HOLD_PENDING else plan.flaw

    cdef int count(self, const CounterId* id, int64_t used, int64_t held) noexcept nogil:
        """Differences of one counter."""
        cdef Plan* plan = self.plan
        if plan.flaw != FLAWLESS:
            return plan.flaw
        if id.window < WINDOW_DAY or id.window > WINDOW_ALWAYS or llabs(used) > points_limit() or llabs(held) > points_limit():
            plan.flaw = COUNTER_RANGE
        elif not counters_plan(&self.counters, &plan.counters, id, used, held, plan.instant_us):
            plan.flaw = TOO_MANY
        return plan.flaw

    cdef int coupon_change(self, const uint8_t* key, const Coupon* wanted) noexcept nogil:
        cdef Plan* plan = self.plan
        if plan.flaw == FLAWLESS and not coupons_plan(&self.coupons, &plan.coupons, key, wanted):
            plan.flaw = COUPON_STATE
        return plan.flaw

    # CHECK

    cdef int check(self) except -1:
        """The plan's Flaw, 0 when it may be written. MemoryError when there is no room: nothing has then changed."""
        cdef Plan* plan = self.plan
        cdef Lot* after
        cdef int i
        if plan.flaw == FLAWLESS and plan.entry_kind != 0:
            plan.flaw = ENTRY_UNBALANCED
        if plan.flaw == FLAWLESS and plan.forward_account != 0:
            self.check_forward()
        for i in range(plan.changes_count if plan.flaw == FLAWLESS else 0):
            after = &plan.changes[i].after
            if after.lot_id == 0:
                if after.remaining_points > 0:
                    plan.flaw = LOT_OVERFILLED
                elif after.held_points != 0 or after.remaining_points < -4 * 1024 * points_limit():
                    plan.flaw = LOT_OVERDRAWN
            elif after.held_points < 0 or after.remaining_points < after.held_points:
                plan.flaw = LOT_OVERDRAWN
            elif after.remaining_points > after.initial_points:
                plan.flaw = LOT_OVERFILLED
        if plan.flaw == FLAWLESS and not counters_sound(&plan.counters):
            plan.flaw = COUNTER_RANGE
        if plan.flaw == FLAWLESS and not plan_receipts_free(&plan.holds, &self.holds):
            plan.flaw = HOLD_TAKEN
        if plan.flaw == FLAWLESS and not self.make_room():
            raise MemoryError("no memory for the book")
        plan.is_checked = plan.flaw == FLAWLESS
        return plan.flaw

    cdef void check_forward(self) noexcept nogil:
        """All that the account has is closed by the plan, and nothing new comes to it."""
        cdef Plan* plan = self.plan
        cdef AccountSlot* account = accounts_find(self.shards, plan.forward_account)
        cdef Change* change
        cdef Lot lot
        cdef uint32_t cell
        cdef int i
        for i in range(2 if account != NULL else 0):
            cell = account.live if i == 0 else account.empty
            while cell != 0 and plan.flaw == FLAWLESS:
                lot_read(&self.lots, cell, plan.forward_account, &lot)
                cell = lot.next
                change = self.changed(lot.account_id, lot.asset_no, lot.lot_id, False)
                if change != NULL and (change.after.remaining_points != 0 or not (change.closes or lot.lot_id == 0)):
                    plan.flaw = FORWARD_STATE
        for i in range(plan.changes_count):
            change = &plan.changes[i]
            if change.cell == 0 and change.after.account_id == plan.forward_account and not (
                    change.after.lot_id == 0 and change.after.remaining_points == 0):
                plan.flaw = plan.flaw or FORWARD_STATE

    cdef bint make_room(self) noexcept nogil:
        """Reserve all that `write` will need."""
        cdef Plan* plan = self.plan
        cdef uint32_t opened = 0, small = 0
        cdef int i
        for i in range(plan.changes_count):
            opened += plan.changes[i].cell == 0
            small += is_small(&plan.changes[i].after)
        # Any lot may change its kind of cell.
        if not pool_reserve(&self.lots, small, <uint32_t>plan.changes_count - small):
            return False
        for i in range(plan.changes_count):
            if plan.changes[i].cell == 0:
                if not accounts_reserve(self.shards, plan.changes[i].after.account_id, opened):
                    return False
        if plan.forward_account != 0 and not (
                forwards_room(&self.forwards, plan.forward_account, plan.forward_to)
                and accumulators_move_room(&self.accumulators, plan.forward_account, plan.forward_to)):
            return False
        return (plan_holds_room(&plan.holds, &self.holds) and counters_room(&self.counters, &plan.counters)
                and coupons_room(&self.coupons, &plan.coupons) and accumulators_room(&self.accumulators) and tiers_room(&self.tiers))

    # WRITE

    cdef int write(self) except -1:
        """Apply the checked plan. Total after the assertion that there is one."""
        cdef Plan* plan = self.plan
        cdef int i
        assert plan.is_checked, "write without a passed check"
        plan.is_checked = False
        for i in range(plan.changes_count):
            self.write_change(&plan.changes[i])
        for i in range(plan.system_count):
            total_add(&self.totals[plan.system_assets[i] * SYSTEM_ACCOUNTS + plan.system_accounts[i] - 1],
                      plan.system_points[i])
        plan_holds_write(&plan.holds, &self.holds)
        if plan.forward_account != 0:
            forwards_put(&self.forwards, plan.forward_account, plan.forward_to)
            accumulators_move(&self.accumulators, plan.forward_account, plan.forward_to)
        counters_write(&self.counters, &plan.counters)
        coupons_write(&self.coupons, &plan.coupons)
        holds_forget(&self.holds, plan.instant_us, HOLD_CHANGES_MAX)
        counters_forget(&self.counters, plan.instant_us)
        accumulators_write(&self.accumulators)
        tiers_write(&self.tiers)
        return 0

    cdef void write_change(self, Change* change) noexcept nogil:
        """Put one lot as planned."""
        cdef Lot* after = &change.after
        cdef bint is_gone = after.remaining_points == 0 and (change.closes or after.lot_id == 0)
        cdef AccountSlot* account = accounts_find(self.shards, after.account_id)
        if account == NULL:
            if is_gone:
                return
            account = accounts_put(self.shards, after.account_id)
            self.accounts_count += 1
        account_write(&self.lots, account, change.cell, after, is_gone)

    # READ

    cdef uint32_t find_cell(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        cdef uint32_t cell
        cdef int chain
        if account == NULL:
            return 0
        for chain in range(2):
            cell = account.live if chain == 0 else account.empty
            while cell != 0:
                if is_named(&self.lots, cell, lot_id, asset_no):
                    return cell
                cell = next_of(&self.lots, cell)[0]
        return 0

    cdef const Lot* lot(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
        """The lot, or NULL. Valid until the next one is asked for."""
        cdef uint32_t cell = self.find_cell(account_id, asset_no, lot_id)
        if cell == 0:
            return NULL
        lot_read(&self.lots, cell, account_id, &self.plan.read)
        return &self.plan.read

    cdef int64_t leads_to(self, int64_t account_id) noexcept nogil:
        """The account that stands for this one: itself unless it was merged."""
        return forward_of(&self.forwards, account_id)

    cdef int balances(self, int64_t account_id, int64_t instant_us, Balance* out, int capacity) noexcept nogil:
        """Fill one Balance per asset that has points or a debt, by asset_no ascending; the answer is how many."""
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        return balances_of(&self.lots, account.live, instant_us, out, capacity) if account != NULL else 0

    cdef Balance balance(self, int64_t account_id, int32_t asset_no, int64_t instant_us) noexcept nogil:
        """One asset's balance; zeros when the account has none of it."""
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        return balance_of(&self.lots, account.live if account != NULL else 0, asset_no, instant_us)

    cdef int pick(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t instant_us, HoldPart* out,
                  int capacity) noexcept nogil:
        """Choose active lots in the order of use until `points` are together; the answer is how many parts.

        Their sum is below `points` when there is not enough, or the parts do not fit. Changes nothing.
        """
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        return pick_lots(&self.lots, account.live, asset_no, points, instant_us, out, capacity) if account != NULL else 0

    cdef int endings(self, int64_t account_id, int32_t asset_no, int64_t instant_us, Ending* out, int capacity) noexcept nogil:
        """The next moments at which active points of an asset end, soonest first; the answer is how many."""
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        return endings_of(&self.lots, account.live, asset_no, instant_us, out, capacity) if account != NULL else 0

    cdef Counter counter(self, const CounterId* id) noexcept nogil:
        """What is used and held; zeros when nobody counted yet."""
        return counters_read(&self.counters, id)

    cdef Coupon coupon(self, const uint8_t* key) noexcept nogil:
        """State of a code; FREE when nobody touched it."""
        return coupon_read(&self.coupons, key)

    cdef const Hold* hold(self, const uint8_t* hold_id) noexcept nogil:
        """The pending or expired hold, or NULL. Valid until the next write."""
        return hold_of_id(&self.holds, hold_id)

    cdef const Hold* hold_for(self, const uint8_t* receipt_key) noexcept nogil:
        """The hold of a receipt, pending or expired, or NULL."""
        return hold_of_receipt(&self.holds, receipt_key)

    cdef const Hold* due_hold(self, int64_t instant_us) noexcept nogil:
        """The pending hold that has been due longest, or NULL."""
        return hold_due(&self.holds, instant_us)

    cdef int due_lots(self, uint32_t* cursor, int64_t instant_us, int scanned_max, const Lot** out, int capacity) noexcept nogil:
        """Walk on through the accounts for lots to be expired; the answer is how many. The cursor turns to 0 at the end.

        Due is an expired lot with points that nobody holds, or with none at all: an expiry posting of its free points closes it.
        They are valid until the next are asked for.
        """
        cdef int i, count = lots_due(
            self.shards, &self.lots, cursor, instant_us, scanned_max, self.plan.due, min(capacity, LOTS_DUE_MAX))
        for i in range(count):
            out[i] = &self.plan.due[i]
        return count

    @property
    def holds_count(self):
        """Holds kept: pending and expired."""
        return self.holds.count

    @property
    def lots_count(self):
        """Lots and debts kept, empty ones among them."""
        return self.lots.count

    @property
    def bytes_used(self):
        """Memory of accounts, lots and the holds' tables."""
        cdef int64_t total = accounts_bytes(self.shards) + pool_bytes(&self.lots) + <int64_t>sizeof(Plan)
        total += keys_bytes(&self.holds.by_id) + keys_bytes(&self.holds.by_receipt)
        return total + counters_bytes(&self.counters) + coupons_bytes(&self.coupons) + forwards_bytes(&self.forwards) + tiers_bytes(&self.tiers)
