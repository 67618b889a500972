"""Body of what a chain of lots comes to. Changes nothing; no function raises."""
from libc.stdint cimport int32_t, int64_t, uint32_t

from altyn.core.ledger.accounts cimport Lot, LotPool, lot_read
from altyn.core.ledger.holds cimport HoldPart, points_part


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


cdef int balances_of(const LotPool* pool, uint32_t cell, int64_t instant_us, Balance* out, int capacity) noexcept nogil:
    """One Balance per asset that has points or a debt, by asset_no ascending; the answer is how many."""
    cdef Lot lot
    cdef int count = 0
    while cell != 0:
        lot_read(pool, cell, 0, &lot)
        cell = lot.next
        if count == 0 or out[count - 1].asset_no != lot.asset_no:
            if count == capacity:
                return count
            out[count] = [lot.asset_no, 0, 0, 0, 0]
            count += 1
        count_lot(&out[count - 1], &lot, instant_us)
    return count


cdef Balance balance_of(const LotPool* pool, uint32_t cell, int32_t asset_no, int64_t instant_us) noexcept nogil:
    cdef Balance balance = [asset_no, 0, 0, 0, 0]
    cdef Lot lot
    while cell != 0:
        lot_read(pool, cell, 0, &lot)
        cell = lot.next
        if lot.asset_no > asset_no:
            break
        if lot.asset_no == asset_no:
            count_lot(&balance, &lot, instant_us)
    return balance


cdef inline int64_t spendable(const Lot* lot, int64_t instant_us) noexcept nogil:
    """Points of it that may be used now."""
    if lot.active_from_us > instant_us or (lot.expires_at_us != 0 and lot.expires_at_us <= instant_us):
        return 0
    return lot.remaining_points - lot.held_points


cdef inline int64_t next_spendable(const LotPool* pool, uint32_t* cell, int32_t asset_no, int64_t instant_us, Lot* lot) noexcept nogil:
    """Step to the next lot of an asset, in the order of use, that has points for now, and past it; they, or 0: there is none."""
    cdef int64_t points
    while cell[0] != 0:
        lot_read(pool, cell[0], 0, lot)
        if lot.asset_no > asset_no:
            return 0
        cell[0] = lot.next
        points = spendable(lot, instant_us) if lot.asset_no == asset_no else 0
        if points > 0:
            return points
    return 0


cdef int pick_lots(const LotPool* pool, uint32_t cell, int32_t asset_no, int64_t points, int64_t instant_us, HoldPart* out,
                   int capacity) noexcept nogil:
    cdef Lot lot
    cdef int64_t free_points
    cdef int count = 0
    while points > 0 and count < capacity:
        free_points = next_spendable(pool, &cell, asset_no, instant_us, &lot)
        if free_points == 0:
            break
        out[count] = points_part(free_points if free_points < points else points, lot.lot_id, asset_no)
        points -= out[count].points
        count += 1
    return count


cdef int endings_of(const LotPool* pool, uint32_t cell, int32_t asset_no, int64_t instant_us, Ending* out, int capacity) noexcept nogil:
    cdef Lot lot
    cdef int64_t free_points
    cdef int count = 0
    while True:
        free_points = next_spendable(pool, &cell, asset_no, instant_us, &lot)
        # In the order of use what never ends comes last.
        if free_points == 0 or lot.expires_at_us == 0:
            return count
        if count == 0 or out[count - 1].expires_at_us != lot.expires_at_us:
            if count == capacity:
                return count
            out[count] = Ending(lot.expires_at_us, 0)
            count += 1
        out[count - 1].points += free_points
