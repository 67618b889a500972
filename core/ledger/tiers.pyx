"""Body of the tiers of accounts. Only the loader raises, and only for want of memory."""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memcpy, memset

from altyn.core.ledger.forwards cimport account_key
from altyn.core.ledger.key_table cimport (
    KEY_BYTES, KeySlot, keys_bytes, keys_find, keys_free, keys_put, keys_remove, keys_reserve,
)
from altyn.core.limits cimport TIER_CHANGES_MAX, TIER_RANK_MAX

cdef enum:
    DAYS_MAX = 100_000_000     # of a calendar: far beyond any date

cdef inline int64_t counted_max() noexcept nogil:
    return 2_000_000_000_000_000_000

cdef inline bint is_empty(const TierRow* row) noexcept nogil:
    return row.rank == 0 and row.given_rank == 0 and row.counted == 0 and row.counted_before == 0

cdef bint is_row(const TierRow* row) noexcept nogil:
    return (row.account_id > 0 and 0 <= row.rank <= TIER_RANK_MAX and -counted_max() <= row.counted <= counted_max()
            and -counted_max() <= row.counted_before <= counted_max() and -DAYS_MAX <= row.period_day <= DAYS_MAX
            and -DAYS_MAX <= row.until_day <= DAYS_MAX and 0 <= row.given_rank <= TIER_RANK_MAX
            and 0 <= row.given_until_day <= DAYS_MAX and (row.given_rank > 0 or row.given_until_day == 0))


cdef void tiers_free(Tiers* tiers) noexcept nogil:
    keys_free(&tiers.places)
    free(tiers.rows)
    memset(tiers, 0, sizeof(Tiers))


cdef bint tiers_plan(Tiers* tiers, const TierRow* row) noexcept nogil:
    cdef int32_t i
    if tiers.plan_count == TIER_CHANGES_MAX or not is_row(row):
        return False
    for i in range(tiers.plan_count):
        if tiers.plan[i].account_id == row.account_id:
            return False
    tiers.plan[tiers.plan_count] = row[0]
    tiers.plan_count += 1
    return True


cdef bint tiers_room(Tiers* tiers) noexcept nogil:
    cdef uint8_t key[KEY_BYTES]
    cdef uint32_t wanted = tiers.count + <uint32_t>tiers.plan_count
    cdef TierRow* rows
    cdef int32_t i
    if tiers.plan_count == 0:
        return True
    if wanted > tiers.capacity:
        wanted = wanted + wanted // 4 + 16
        rows = <TierRow*>realloc(tiers.rows, <size_t>wanted * sizeof(TierRow))
        if rows == NULL:
            return False
        tiers.rows = rows
        tiers.capacity = wanted
    for i in range(tiers.plan_count):
        account_key(tiers.plan[i].account_id, key)
        if not keys_reserve(&tiers.places, key, <uint32_t>tiers.plan_count):
            return False
    return True


cdef void write_row(Tiers* tiers, const TierRow* row) noexcept nogil:
    cdef uint8_t key[KEY_BYTES]
    cdef KeySlot* slot
    cdef uint64_t place
    account_key(row.account_id, key)
    slot = keys_find(&tiers.places, key)
    if not is_empty(row):
        place = slot.first if slot != NULL else tiers.count
        tiers.rows[place] = row[0]
        if slot == NULL:
            keys_put(&tiers.places, key, place, 0)
            tiers.count += 1
    elif slot != NULL:
        # The last row takes its place.
        place = slot.first
        keys_remove(&tiers.places, key)
        tiers.count -= 1
        if place != tiers.count:
            tiers.rows[place] = tiers.rows[tiers.count]
            account_key(tiers.rows[place].account_id, key)
            keys_put(&tiers.places, key, place, 0)


cdef void tiers_write(Tiers* tiers) noexcept nogil:
    cdef int32_t i
    for i in range(tiers.plan_count):
        write_row(tiers, &tiers.plan[i])
    tiers.plan_count = 0


cdef int64_t tiers_bytes(const Tiers* tiers) noexcept nogil:
    return keys_bytes(&tiers.places) + <int64_t>tiers.capacity * <int64_t>sizeof(TierRow)


cdef int by_account(const void* a, const void* b) noexcept nogil:
    cdef int64_t left = (<const TierRow*>a).account_id
    cdef int64_t right = (<const TierRow*>b).account_id
    return (left > right) - (left < right)


cdef bytes tiers_image(const Tiers* tiers):
    cdef size_t size = <size_t>tiers.count * sizeof(TierRow)
    cdef TierRow* rows
    if size == 0:
        return b""
    rows = <TierRow*>malloc(size)
    if rows == NULL:
        raise MemoryError
    memcpy(rows, tiers.rows, size)
    qsort(rows, tiers.count, sizeof(TierRow), by_account)
    try:
        return PyBytes_FromStringAndSize(<const char*>rows, <Py_ssize_t>size)
    finally:
        free(rows)


cdef bint load_tiers(Tiers* tiers, const uint8_t* data, int64_t size) except -1:
    cdef TierRow row
    cdef int64_t former = tiers.rows[tiers.count - 1].account_id if tiers.count > 0 else 0
    while size >= <int64_t>sizeof(TierRow):
        memcpy(&row, data, sizeof(TierRow))
        if is_empty(&row) or row.account_id <= former or not tiers_plan(tiers, &row):
            return False
        if not tiers_room(tiers):
            raise MemoryError
        tiers_write(tiers)
        former = row.account_id
        data += sizeof(TierRow)
        size -= sizeof(TierRow)
    return size == 0
