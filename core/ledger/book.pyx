"""Body of the book: plan, check, write, read.

Decides whether effects may be applied, never what they should be: choosing promotions, lots to give back or whom to refuse
is the engine's. Knows no clock: an instant is always handed in. Never raises for what a till sent: a flawed plan means a wrong
engine or a damaged journal, and nothing of it is applied.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, llabs
from libc.string cimport memcmp, memset

from altyn.core.ledger.accounts cimport (
    ACCOUNT_SHARDS, CHUNK_LOTS, AccountShard, AccountSlot, Lot, accounts_find, accounts_free, accounts_put,
    accounts_reserve, chain_in, chain_out, lot_at, lots_due, pool_free, pool_give, pool_reserve, pool_take,
)
from altyn.core.ledger.counters cimport (
    WINDOW_ALWAYS, WINDOW_DAY, Counter, CounterId, counters_bytes, counters_forget, counters_free, counters_plan, counters_read,
    counters_room, counters_sound, counters_write,
)
from altyn.core.ledger.coupons cimport COUPON_FREE, COUPON_HELD, Coupon, coupon_read, coupons_plan, coupons_room, coupons_write
from altyn.core.ledger.holds cimport (
    HOLD_EXPIRED, HOLD_PENDING, HOLD_POSTED, HOLD_VOIDED, PART_COUNTER, PART_COUPON, Hold, HoldPart, has_receipt, hold_due,
    hold_free, hold_new, hold_of_id, hold_of_receipt, holds_add, holds_expire, holds_forget, holds_free, holds_remove,
    holds_reserve, holds_start, is_part, part_counter, points_part,
)
from altyn.core.ledger.key_table cimport keys_bytes, keys_free
from altyn.core.limits cimport HOLD_CHANGES_MAX, HOLD_PARTS_MAX, HOLDS_MAX, LEDGER_ASSETS_MAX
from altyn.core.limits cimport LOTS_OPENED_MAX, LOTS_TOUCHED_MAX, POSTINGS_MAX

@cython.overflowcheck(False)
cdef inline void total_add(Total* total, int64_t points) noexcept nogil:
    cdef uint64_t low = total.low + <uint64_t>points
    total.high += (points >> 63) + (low < total.low)
    total.low = low


@cython.overflowcheck(False)
cdef inline uint32_t lot_place(int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
    cdef uint64_t x = <uint64_t>account_id * 0x9E3779B97F4A7C15u + <uint64_t>lot_id
    x = (x ^ <uint64_t>asset_no) * 0x94D049BB133111EBu
    return <uint32_t>(x >> 52)


cdef inline void count_lot(Balance* balance, const Lot* lot, int64_t instant_us) noexcept nogil:
    """Add one lot to its asset's balance as it is at an instant. An expired lot counts only in what is held."""
    if lot.lot_id == 0:
        balance.debt_points -= lot.remaining_points
        return
    balance.held_points += lot.held_points
    if lot.expires_at_us != 0 and lot.expires_at_us <= instant_us:
        return
    if lot.active_from_us > instant_us:
        balance.pending_points += lot.remaining_points - lot.held_points
    else:
        balance.active_points += lot.remaining_points - lot.held_points


@cython.final
cdef class Book:
    """Accounts, lots, holds and totals in C memory. Not for two threads at once."""

    def __cinit__(self):
        self.shards = <AccountShard*>calloc(ACCOUNT_SHARDS, sizeof(AccountShard))
        self.totals = <Total*>calloc(LEDGER_ASSETS_MAX * SYSTEM_ACCOUNTS, sizeof(Total))
        self.plan = <Plan*>calloc(1, sizeof(Plan))
        holds_start(&self.holds)
        if self.shards == NULL or self.totals == NULL or self.plan == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.plan != NULL:
            self.drop_plan()
        if self.shards != NULL:
            accounts_free(self.shards)
        pool_free(&self.lots)
        holds_free(&self.holds)
        counters_free(&self.counters)
        keys_free(&self.coupons)
        free(self.shards)
        free(self.totals)
        free(self.plan)

    # PLAN

    cdef void drop_plan(self) noexcept nogil:
        """Free what an unwritten plan made."""
        cdef int i
        for i in range(self.plan.holds_count):
            if self.plan.holds[i].is_new:
                hold_free(self.plan.holds[i].hold)
        self.plan.holds_count = 0
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
        plan.counters.count = 0
        plan.coupons.count = 0
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
            change.after = lot_at(&self.lots, cell)[0]
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
        elif kind < ENTRY_ACCRUAL or kind > ENTRY_RESTORE:
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

    cdef int plan_holding(self, Hold* hold, int sign) noexcept nogil:
        """Count a hold's parts into their lots and counters, or (sign −1) out of them; take or free its coupons."""
        cdef Change* change
        cdef const HoldPart* part
        cdef Coupon coupon = [0, 0, COUPON_HELD if sign > 0 else COUPON_FREE, False]
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
                change = self.changed(hold.account_id, part.asset_no, part.lot_id, False)
                if change == NULL:
                    break
                change.after.held_points += sign * part.points
        return self.plan.flaw

    cdef int hold_change(self, const uint8_t* hold_id, int32_t state, int64_t account_id, int64_t expires_at_us,
                         const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count) noexcept nogil:
        """PENDING makes a hold. Any other state ends the known one: then only `hold_id` and `state` are read."""
        cdef Plan* plan = self.plan
        cdef Hold* hold
        cdef int i
        if plan.flaw != FLAWLESS:
            return plan.flaw
        if plan.holds_count == HOLD_CHANGES_MAX:
            plan.flaw = TOO_MANY
            return plan.flaw
        for i in range(plan.holds_count):
            if memcmp(plan.holds[i].hold.hold_id, hold_id, 16) == 0:
                plan.flaw = HOLD_TAKEN
                return plan.flaw
        if state == HOLD_PENDING:
            hold = self.planned_hold(hold_id, account_id, expires_at_us, receipt_key, parts, parts_count)
            if hold == NULL:
                return plan.flaw
        else:
            hold = hold_of_id(&self.holds, hold_id)
            if hold == NULL:
                plan.flaw = HOLD_UNKNOWN
            elif state < HOLD_POSTED or state > HOLD_EXPIRED or (hold.state == HOLD_EXPIRED and state == HOLD_EXPIRED):
                plan.flaw = HOLD_STATE
            if plan.flaw != FLAWLESS:
                return plan.flaw
        plan.holds[plan.holds_count] = [hold, state, state == HOLD_PENDING]
        plan.holds_count += 1
        return self.plan_holding(hold, 1 if state == HOLD_PENDING else -1) if hold.state == HOLD_PENDING else plan.flaw

    cdef Hold* planned_hold(self, const uint8_t* hold_id, int64_t account_id, int64_t expires_at_us,
                            const uint8_t* receipt_key, const HoldPart* parts, int32_t parts_count) noexcept nogil:
        """A new hold for the plan, or NULL with the flaw set."""
        cdef Plan* plan = self.plan
        cdef int i
        if account_id < 0:
            plan.flaw = ACCOUNT_RANGE
        elif expires_at_us <= 0:
            plan.flaw = TIME_RANGE
        elif parts_count < 0 or parts_count > HOLD_PARTS_MAX or self.holds.count + plan.holds_count >= HOLDS_MAX:
            plan.flaw = TOO_MANY
        elif hold_of_id(&self.holds, hold_id) != NULL:
            plan.flaw = HOLD_TAKEN
        for i in range(parts_count if plan.flaw == FLAWLESS else 0):
            if not is_part(&parts[i], account_id, points_limit()):
                plan.flaw = POINTS_RANGE
                break
        if plan.flaw != FLAWLESS:
            return NULL
        cdef Hold* hold = hold_new(hold_id, receipt_key, account_id, expires_at_us, parts, parts_count)
        if hold == NULL:
            plan.flaw = TOO_MANY
        return hold

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
        for i in range(plan.holds_count if plan.flaw == FLAWLESS else 0):
            if plan.holds[i].is_new and not self.receipt_is_free(plan.holds[i].hold):
                plan.flaw = HOLD_TAKEN
        if plan.flaw == FLAWLESS and not self.make_room():
            raise MemoryError("no memory for the book")
        plan.is_checked = plan.flaw == FLAWLESS
        return plan.flaw

    cdef bint receipt_is_free(self, Hold* made) noexcept nogil:
        """True when the receipt has no other pending hold once the plan is written."""
        cdef Hold* known
        cdef int i
        if not has_receipt(made):
            return True
        known = hold_of_receipt(&self.holds, made.receipt_key)
        if known != NULL and known.state == HOLD_PENDING:
            for i in range(self.plan.holds_count):
                if self.plan.holds[i].hold == known:
                    break
            else:
                return False
        for i in range(self.plan.holds_count):
            if (self.plan.holds[i].is_new and self.plan.holds[i].hold != made
                    and memcmp(self.plan.holds[i].hold.receipt_key, made.receipt_key, 16) == 0):
                return False
        return True

    cdef bint make_room(self) noexcept nogil:
        """Reserve all that `write` will need."""
        cdef Plan* plan = self.plan
        cdef uint32_t opened = 0
        cdef int i
        for i in range(plan.changes_count):
            if plan.changes[i].cell == 0:
                opened += 1
        if not pool_reserve(&self.lots, opened):
            return False
        for i in range(plan.changes_count):
            if plan.changes[i].cell == 0:
                if not accounts_reserve(self.shards, plan.changes[i].after.account_id, opened):
                    return False
        for i in range(plan.holds_count):
            if plan.holds[i].is_new and not holds_reserve(&self.holds, plan.holds[i].hold, plan.holds_count):
                return False
        return counters_room(&self.counters, &plan.counters) and coupons_room(&self.coupons, &plan.coupons)

    # WRITE

    cdef int write(self) except -1:
        """Apply the checked plan. Total after the assertion that there is one."""
        cdef Plan* plan = self.plan
        cdef HoldChange* change
        cdef Hold* former
        cdef int i
        assert plan.is_checked, "write without a passed check"
        plan.is_checked = False
        for i in range(plan.changes_count):
            self.write_change(&plan.changes[i])
        for i in range(plan.system_count):
            total_add(&self.totals[plan.system_assets[i] * SYSTEM_ACCOUNTS + plan.system_accounts[i] - 1],
                      plan.system_points[i])
        for i in range(plan.holds_count):
            change = &plan.holds[i]
            if change.state == HOLD_EXPIRED:
                holds_expire(&self.holds, change.hold)
            elif not change.is_new:
                holds_remove(&self.holds, change.hold)
        for i in range(plan.holds_count):
            change = &plan.holds[i]
            if change.is_new:
                former = hold_of_receipt(&self.holds, change.hold.receipt_key)
                if former != NULL:
                    holds_remove(&self.holds, former)
                holds_add(&self.holds, change.hold)
        plan.holds_count = 0
        counters_write(&self.counters, &plan.counters)
        coupons_write(&self.coupons, &plan.coupons)
        holds_forget(&self.holds, plan.instant_us, HOLD_CHANGES_MAX)
        counters_forget(&self.counters, plan.instant_us)
        return 0

    cdef void write_change(self, Change* change) noexcept nogil:
        """Put one lot as planned, in the chain where it then belongs."""
        cdef Lot* after = &change.after
        cdef bint was_empty = True
        cdef bint is_empty = after.remaining_points == 0
        cdef bint is_gone = is_empty and (change.closes or after.lot_id == 0)
        cdef AccountSlot* account
        cdef uint32_t cell = change.cell
        cdef Lot* lot
        if cell == 0:
            if is_gone:
                return
            account = accounts_find(self.shards, after.account_id)
            if account == NULL:
                account = accounts_put(self.shards, after.account_id)
                self.accounts_count += 1
            cell = pool_take(&self.lots)
            lot = lot_at(&self.lots, cell)
            lot[0] = after[0]
        else:
            lot = lot_at(&self.lots, cell)
            was_empty = lot.remaining_points == 0
            lot.remaining_points = after.remaining_points
            lot.held_points = after.held_points
            if was_empty == is_empty and not is_gone:
                return
            account = accounts_find(self.shards, after.account_id)
            chain_out(&self.lots, &account.empty if was_empty else &account.live, cell)
        if is_gone:
            pool_give(&self.lots, cell)
        elif is_empty:
            lot.next = account.empty
            account.empty = cell
        else:
            chain_in(&self.lots, &account.live, cell)

    # READ

    cdef uint32_t find_cell(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        cdef uint32_t cell
        cdef Lot* lot
        cdef int chain
        if account == NULL:
            return 0
        for chain in range(2):
            cell = account.live if chain == 0 else account.empty
            while cell != 0:
                lot = lot_at(&self.lots, cell)
                if lot.lot_id == lot_id and lot.asset_no == asset_no:
                    return cell
                cell = lot.next
        return 0

    cdef const Lot* lot(self, int64_t account_id, int32_t asset_no, int64_t lot_id) noexcept nogil:
        """The lot, or NULL. Valid until the next write."""
        cdef uint32_t cell = self.find_cell(account_id, asset_no, lot_id)
        return NULL if cell == 0 else lot_at(&self.lots, cell)

    cdef int balances(self, int64_t account_id, int64_t instant_us, Balance* out, int capacity) noexcept nogil:
        """Fill one Balance per asset that has points or a debt, by asset_no ascending; the answer is how many."""
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        cdef uint32_t cell = account.live if account != NULL else 0
        cdef const Lot* lot
        cdef int count = 0
        while cell != 0:
            lot = lot_at(&self.lots, cell)
            cell = lot.next
            if count == 0 or out[count - 1].asset_no != lot.asset_no:
                if count == capacity:
                    return count
                out[count] = [lot.asset_no, 0, 0, 0, 0]
                count += 1
            count_lot(&out[count - 1], lot, instant_us)
        return count

    cdef Balance balance(self, int64_t account_id, int32_t asset_no, int64_t instant_us) noexcept nogil:
        """One asset's balance; zeros when the account has none of it."""
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        cdef uint32_t cell = account.live if account != NULL else 0
        cdef Balance balance = [asset_no, 0, 0, 0, 0]
        cdef const Lot* lot
        while cell != 0:
            lot = lot_at(&self.lots, cell)
            cell = lot.next
            if lot.asset_no > asset_no:
                break
            if lot.asset_no == asset_no:
                count_lot(&balance, lot, instant_us)
        return balance

    cdef int pick(self, int64_t account_id, int32_t asset_no, int64_t points, int64_t instant_us, HoldPart* out,
                  int capacity) noexcept nogil:
        """Choose active lots in the order of use until `points` are together; the answer is how many parts.

        Their sum is below `points` when there is not enough, or the parts do not fit. Changes nothing.
        """
        cdef AccountSlot* account = accounts_find(self.shards, account_id)
        cdef uint32_t cell = account.live if account != NULL else 0
        cdef const Lot* lot
        cdef int64_t free_points
        cdef int count = 0
        while cell != 0 and points > 0 and count < capacity:
            lot = lot_at(&self.lots, cell)
            cell = lot.next
            if lot.asset_no > asset_no:
                break
            free_points = lot.remaining_points - lot.held_points
            if lot.asset_no != asset_no or free_points <= 0 or lot.active_from_us > instant_us:
                continue
            if lot.expires_at_us != 0 and lot.expires_at_us <= instant_us:
                continue
            out[count] = points_part(free_points if free_points < points else points, lot.lot_id, asset_no)
            points -= out[count].points
            count += 1
        return count

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
        """Walk on through the pool for lots to be expired; the answer is how many. The cursor turns to 0 at the end.

        Due is an expired lot with points that nobody holds, or with none at all: an expiry posting of its free points closes it.
        """
        return lots_due(&self.lots, cursor, instant_us, scanned_max, out, capacity)

    @property
    def holds_count(self):
        """Holds kept: pending and expired."""
        return self.holds.count

    @property
    def lots_count(self):
        """Lots and debts kept, empty ones among them."""
        return max(self.lots.used, 1) - 1 - self.lots.free_count

    @property
    def bytes_used(self):
        """Memory of accounts, lots and the holds' tables."""
        cdef int64_t total = <int64_t>self.lots.chunks_count * CHUNK_LOTS * <int64_t>sizeof(Lot)
        cdef int i
        for i in range(ACCOUNT_SHARDS):
            total += <int64_t>self.shards[i].capacity * <int64_t>sizeof(AccountSlot)
        total += keys_bytes(&self.holds.by_id) + keys_bytes(&self.holds.by_receipt)
        total += counters_bytes(&self.counters) + keys_bytes(&self.coupons)
        return total + ACCOUNT_SHARDS * <int64_t>sizeof(AccountShard) + <int64_t>sizeof(Plan)
