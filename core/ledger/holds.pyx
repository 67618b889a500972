"""Body of the holds: two key tables and one binary heap over the same records.

No function raises. `holds_add` cannot fail after `holds_reserve` for that hold. The heap's order is total (due_us, then
hold_id), so that what is due next depends on the holds alone, never on the way they came.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from altyn.core.ledger.counters cimport WINDOW_ALWAYS, WINDOW_DAY
from altyn.core.ledger.key_table cimport KeySlot, keys_find, keys_free, keys_put, keys_remove, keys_reserve, keys_start
from altyn.core.limits cimport LEDGER_ASSETS_MAX


cdef inline int64_t kept_us() noexcept nogil:
    """How long an expired hold is remembered: 30 days, the longest a receipt may come late (semantics §6.11.27)."""
    return 30 * 86_400 * 1_000_000


cdef bint is_part(const HoldPart* part, int64_t account_id, int64_t amount_max) noexcept nogil:
    if part.account_id < 0 or (part.account_id != 0 and part.kind != PART_POINTS):
        return False
    if part.kind == PART_COUPON:
        return part.points == 0 and part.lot_id == 0 and part.asset_no == 0
    if part.points <= 0 or part.points > amount_max:
        return False
    if part.kind == PART_COUNTER:
        return WINDOW_DAY <= part.asset_no and part.asset_no <= WINDOW_ALWAYS
    return part.kind == PART_POINTS and (account_id > 0 or part.account_id > 0) and part.lot_id > 0 and 0 <= part.asset_no and part.asset_no < LEDGER_ASSETS_MAX


cdef void holds_start(Holds* holds) noexcept nogil:
    memset(holds, 0, sizeof(Holds))
    keys_start(&holds.by_id, 0)
    keys_start(&holds.by_receipt, 0)


cdef void holds_free(Holds* holds) noexcept nogil:
    cdef uint32_t i
    for i in range(holds.count):
        hold_free(holds.heap[i])
    free(holds.heap)
    keys_free(&holds.by_id)
    keys_free(&holds.by_receipt)
    holds_start(holds)


cdef Hold* hold_new(const uint8_t* hold_id, const uint8_t* receipt_key, int64_t account_id, int64_t expires_at_us,
                    const HoldPart* parts, int32_t parts_count) noexcept nogil:
    """A pending hold that is in no list yet, or NULL without memory. Parts lie behind it in the same piece."""
    cdef size_t parts_bytes = <size_t>parts_count * sizeof(HoldPart)
    cdef Hold* hold = <Hold*>malloc(sizeof(Hold) + parts_bytes)
    if hold == NULL:
        return NULL
    memset(hold, 0, sizeof(Hold))
    memcpy(hold.hold_id, hold_id, 16)
    if receipt_key != NULL:
        memcpy(hold.receipt_key, receipt_key, 16)
    hold.account_id = account_id
    hold.expires_at_us = expires_at_us
    hold.due_us = expires_at_us
    hold.state = HOLD_PENDING
    hold.parts_count = parts_count
    hold.parts = <HoldPart*>(hold + 1)
    if parts_count > 0:
        memcpy(hold.parts, parts, parts_bytes)
    return hold


cdef void hold_free(Hold* hold) noexcept nogil:
    free(hold)


cdef bint has_receipt(const Hold* hold) noexcept nogil:
    cdef int i
    for i in range(16):
        if hold.receipt_key[i] != 0:
            return True
    return False


cdef inline bint due_before(const Hold* a, const Hold* b) noexcept nogil:
    if a.due_us != b.due_us:
        return a.due_us < b.due_us
    return memcmp(a.hold_id, b.hold_id, 16) < 0


cdef inline void put_at(Holds* holds, uint32_t place, Hold* hold) noexcept nogil:
    holds.heap[place] = hold
    hold.place = place


cdef void rise(Holds* holds, uint32_t place) noexcept nogil:
    cdef Hold* hold = holds.heap[place]
    cdef uint32_t parent
    while place > 0:
        parent = (place - 1) >> 1
        if not due_before(hold, holds.heap[parent]):
            break
        put_at(holds, place, holds.heap[parent])
        place = parent
    put_at(holds, place, hold)


cdef void sink(Holds* holds, uint32_t place) noexcept nogil:
    cdef Hold* hold = holds.heap[place]
    cdef uint32_t child
    while True:
        child = 2 * place + 1
        if child >= holds.count:
            break
        if child + 1 < holds.count and due_before(holds.heap[child + 1], holds.heap[child]):
            child += 1
        if not due_before(holds.heap[child], hold):
            break
        put_at(holds, place, holds.heap[child])
        place = child
    put_at(holds, place, hold)


cdef bint holds_reserve(Holds* holds, const Hold* hold, uint32_t extra) noexcept nogil:
    """Make room for `extra` holds, this one among them."""
    cdef Hold** heap
    cdef uint32_t wanted = holds.capacity
    while wanted < holds.count + extra:
        wanted = wanted * 2 if wanted else 64
    if wanted != holds.capacity:
        heap = <Hold**>realloc(holds.heap, wanted * sizeof(Hold*))
        if heap == NULL:
            return False
        holds.heap = heap
        holds.capacity = wanted
    if not keys_reserve(&holds.by_id, hold.hold_id, extra):
        return False
    return not has_receipt(hold) or keys_reserve(&holds.by_receipt, hold.receipt_key, extra)


cdef void holds_add(Holds* holds, Hold* hold) noexcept nogil:
    keys_put(&holds.by_id, hold.hold_id, <uint64_t><uintptr_t>hold, 0)
    if has_receipt(hold):
        keys_put(&holds.by_receipt, hold.receipt_key, <uint64_t><uintptr_t>hold, 0)
    put_at(holds, holds.count, hold)
    holds.count += 1
    rise(holds, holds.count - 1)


cdef void holds_remove(Holds* holds, Hold* hold) noexcept nogil:
    """Take a hold out of every list and free it."""
    cdef uint32_t place = hold.place
    keys_remove(&holds.by_id, hold.hold_id)
    if has_receipt(hold):
        keys_remove(&holds.by_receipt, hold.receipt_key)
    holds.count -= 1
    if place != holds.count:
        put_at(holds, place, holds.heap[holds.count])
        rise(holds, place)
        sink(holds, place)
    hold_free(hold)


cdef void holds_expire(Holds* holds, Hold* hold) noexcept nogil:
    """Keep the hold as expired."""
    hold.state = HOLD_EXPIRED
    hold.due_us = hold.expires_at_us + kept_us()
    sink(holds, hold.place)


cdef void holds_forget(Holds* holds, int64_t instant_us, int most) noexcept nogil:
    """Forget expired holds whose time has come, at most so many, as long as they stand first."""
    cdef int i
    for i in range(most):
        if holds.count == 0 or holds.heap[0].state != HOLD_EXPIRED or holds.heap[0].due_us > instant_us:
            return
        holds_remove(holds, holds.heap[0])


cdef Hold* hold_of_id(Holds* holds, const uint8_t* hold_id) noexcept nogil:
    cdef KeySlot* slot = keys_find(&holds.by_id, hold_id)
    return NULL if slot == NULL else <Hold*><uintptr_t>slot.first


cdef Hold* hold_of_receipt(Holds* holds, const uint8_t* receipt_key) noexcept nogil:
    cdef KeySlot* slot = keys_find(&holds.by_receipt, receipt_key)
    return NULL if slot == NULL else <Hold*><uintptr_t>slot.first


cdef Hold* hold_due(Holds* holds, int64_t instant_us) noexcept nogil:
    """The pending hold that has been due longest, or NULL. Looks behind the first only while that one waits to be forgotten."""
    cdef Hold* first = NULL
    cdef Hold* hold
    cdef uint32_t i
    for i in range(holds.count):
        hold = holds.heap[i]
        if hold.due_us > instant_us and i == 0:
            return NULL
        if hold.state == HOLD_PENDING and hold.due_us <= instant_us and (first == NULL or due_before(hold, first)):
            first = hold
            if i == 0:
                return hold
    return first
