"""Body of the counters' table: see the header for layout and cost. No function raises.

A page is a word of 64 bits, one for each subject that counts, and the amounts of those in order: all of 2 bytes, or all of 4.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

from altyn.core.ledger.accounts cimport ACCOUNT_SHARDS, AccountShard, AccountSlot
from altyn.core.ledger.blocks cimport block_data, block_fit, block_note, block_owner, block_reserve, block_room
from altyn.core.ledger.blocks cimport blocks_bytes, blocks_free
from altyn.core.ledger.key_table cimport (
    KEY_BYTES, KeyCursor, KeySlot, keys_bytes, keys_find, keys_free, keys_next, keys_put, keys_remove, keys_reserve, keys_start,
    slot_value,
)

cdef extern from *:
    int popcount "__builtin_popcountll"(unsigned long long word) noexcept nogil

cdef enum:
    PAGE_BITS = 6
    PAGE_SUBJECTS = 64
    PAGED_GROUPS_MAX = 0x7FFFFF
    NARROW = 2
    WIDE = 4


cdef inline int64_t subject_max() noexcept nogil:
    """A page's owner is the number of its group, 23 bits, and that of its subjects, 40 bits."""
    return <int64_t>1 << 45


cdef inline uint64_t group_of(const uint8_t* key) noexcept nogil:
    cdef uint64_t group
    memcpy(&group, key, 8)
    return group


cdef inline int64_t subject_of(const uint8_t* key) noexcept nogil:
    cdef int64_t subject
    memcpy(&subject, key + 8, 8)
    return subject


cdef inline void set_key(uint8_t* key, uint64_t group, int64_t subject) noexcept nogil:
    memcpy(key, &group, 8)
    memcpy(key + 8, &subject, 8)


cdef inline bint may_be_paged(int64_t subject) noexcept nogil:
    """Subject 0 is the only one of its group."""
    return subject != 0 and -subject_max() <= subject and subject < subject_max()


cdef inline uint32_t width_of(int64_t used) noexcept nogil:
    return NARROW if used <= 0xFFFF else WIDE


cdef inline bint fits_page(int64_t used) noexcept nogil:
    return used <= <int64_t>0xFFFFFFFFu


cdef inline int64_t page_owner(uint32_t number, int64_t subject) noexcept nogil:
    return <int64_t>number << 40 | ((subject >> PAGE_BITS) + (<int64_t>1 << 39))


cdef inline uint64_t bit_of(int64_t subject) noexcept nogil:
    return <uint64_t>1 << (subject & (PAGE_SUBJECTS - 1))


cdef inline uint32_t page_size(uint32_t count, uint32_t width) noexcept nogil:
    return 8 + count * width if count > 0 else 0


cdef inline bint same_page(const uint8_t* key, const uint8_t* other) noexcept nogil:
    return memcmp(key, other, 8) == 0 and subject_of(key) >> PAGE_BITS == subject_of(other) >> PAGE_BITS


cdef inline KeySlot* group_slot(CounterTable* table, uint64_t group) noexcept nogil:
    cdef uint8_t key[KEY_BYTES]
    set_key(key, group, 0)
    return keys_find(&table.groups, key)


cdef inline uint32_t pages_number(CounterTable* table, const uint8_t* key) noexcept nogil:
    """0: the counter cannot be in a page."""
    cdef const KeySlot* slot
    if table.paged_groups == 0 or not may_be_paged(subject_of(key)):
        return 0
    slot = group_slot(table, group_of(key))
    return <uint32_t>slot_value(slot) if slot != NULL else 0


cdef inline AccountSlot* page_of(const CounterTable* table, uint32_t number, int64_t subject) noexcept nogil:
    """NULL: there is none."""
    cdef AccountSlot* slot = block_owner(&table.pages, page_owner(number, subject))
    return slot if slot != NULL and block_note(slot) != 0 else NULL


cdef inline uint32_t page_count(const CounterTable* table, const AccountSlot* page) noexcept nogil:
    return <uint32_t>popcount((<uint64_t*>block_data(&table.pages, page))[0])


cdef inline int64_t amount_at(const void* page, uint32_t width, uint32_t place) noexcept nogil:
    cdef const uint8_t* amounts = <const uint8_t*>page + 8
    return (<const uint16_t*>amounts)[place] if width == NARROW else (<const uint32_t*>amounts)[place]


cdef inline void set_amount(void* page, uint32_t width, uint32_t place, int64_t used) noexcept nogil:
    cdef uint8_t* amounts = <uint8_t*>page + 8
    if width == NARROW:
        (<uint16_t*>amounts)[place] = <uint16_t>used
    else:
        (<uint32_t*>amounts)[place] = <uint32_t>used


cdef void table_start(CounterTable* table) noexcept nogil:
    memset(table, 0, sizeof(CounterTable))
    keys_start(&table.apart, 0)
    keys_start(&table.groups, 0)


cdef void table_free(CounterTable* table) noexcept nogil:
    keys_free(&table.apart)
    keys_free(&table.groups)
    blocks_free(&table.pages)


cdef int64_t table_bytes(const CounterTable* table) noexcept nogil:
    return keys_bytes(&table.apart) + keys_bytes(&table.groups) + blocks_bytes(&table.pages) + <int64_t>sizeof(CounterTable)


# READ

cdef Counter table_read(CounterTable* table, const uint8_t* key) noexcept nogil:
    cdef Counter counter = [0, 0]
    cdef const KeySlot* slot = keys_find(&table.apart, key)
    cdef uint32_t number
    if slot != NULL:
        counter.used = <int64_t>slot.first
        counter.held = <int64_t>slot_value(slot)
    number = pages_number(table, key) if counter.used == 0 else 0
    if number != 0:
        counter.used = paged_amount(table, number, subject_of(key))
    return counter


cdef int64_t paged_amount(const CounterTable* table, uint32_t number, int64_t subject) noexcept nogil:
    cdef const AccountSlot* slot = page_of(table, number, subject)
    cdef const uint64_t* page
    if slot == NULL:
        return 0
    page = <const uint64_t*>block_data(&table.pages, slot)
    if not page[0] & bit_of(subject):
        return 0
    return amount_at(page, block_note(slot), <uint32_t>popcount(page[0] & (bit_of(subject) - 1)))


# CHANGE

cdef bint table_room(CounterTable* table, const uint8_t* key, Counter value, uint32_t of_page, uint32_t changes) noexcept nogil:
    cdef const KeySlot* slot = keys_find(&table.apart, key)
    cdef uint8_t group_key[KEY_BYTES]
    cdef uint32_t number
    if not keys_reserve(&table.apart, key, changes):
        return False
    if value.used == 0 or not may_be_paged(subject_of(key)) or (slot != NULL and slot.first != 0):
        return True
    number = pages_number(table, key)
    if number != 0:
        return not fits_page(value.used) or page_room(table, number, subject_of(key), width_of(value.used), of_page)
    set_key(group_key, group_of(key), 0)
    return keys_reserve(&table.groups, group_key, changes)


cdef bint page_room(CounterTable* table, uint32_t number, int64_t subject, uint32_t width, uint32_t extra) noexcept nogil:
    cdef AccountSlot* slot = page_of(table, number, subject)
    cdef uint32_t count = 0
    cdef bint is_new = slot == NULL
    if not is_new:
        count = page_count(table, slot)
        width = max(width, block_note(slot))
    slot = block_reserve(&table.pages, page_owner(number, subject), page_size(min(count + extra, <uint32_t>PAGE_SUBJECTS), width))
    if slot == NULL:
        return False
    if is_new:
        slot.empty |= NARROW
        (<uint64_t*>block_data(&table.pages, slot))[0] = 0
    return True


cdef void table_set(CounterTable* table, const uint8_t* key, Counter value) noexcept nogil:
    cdef const KeySlot* slot = keys_find(&table.apart, key)
    cdef bint was_apart = slot != NULL and slot.first != 0
    cdef uint32_t number = pages_number(table, key)
    if number != 0:
        if not was_apart and page_put(table, number, subject_of(key), value.used):
            value.used = 0
        else:
            page_drop(table, number, subject_of(key))
    if value.used != 0 or value.held != 0:
        keys_put(&table.apart, key, <uint64_t>value.used, <uint64_t>value.held)
        if value.used != 0 and not was_apart and number == 0 and may_be_paged(subject_of(key)):
            one_more_apart(table, group_of(key))
    elif slot != NULL:
        keys_remove(&table.apart, key)


cdef void one_more_apart(CounterTable* table, uint64_t group) noexcept nogil:
    """From PAGED_FROM on the group has pages."""
    cdef const KeySlot* slot = group_slot(table, group)
    cdef uint64_t count = slot.first + 1 if slot != NULL else 1
    cdef uint8_t key[KEY_BYTES]
    set_key(key, group, 0)
    keys_put(&table.groups, key, count, next_number(table) if count >= PAGED_FROM else 0)


cdef uint64_t next_number(CounterTable* table) noexcept nogil:
    """0: there is none left, and all further ones of this group lie apart."""
    if table.paged_groups == PAGED_GROUPS_MAX:
        return 0
    table.paged_groups += 1
    return table.paged_groups


cdef bint page_put(CounterTable* table, uint32_t number, int64_t subject, int64_t used) noexcept nogil:
    """False: it is nothing, is too much, or no room was made, because the group had no pages when the plan was checked."""
    cdef AccountSlot* slot = page_of(table, number, subject)
    cdef uint64_t* page
    cdef uint32_t place, count, width
    cdef uint8_t* amounts
    cdef bint is_new
    if slot == NULL or used == 0 or not fits_page(used):
        return False
    width = max(block_note(slot), width_of(used))
    page = <uint64_t*>block_data(&table.pages, slot)
    count = <uint32_t>popcount(page[0])
    is_new = not page[0] & bit_of(subject)
    if page_size(count + is_new, width) > block_room(slot):
        return False
    if width != block_note(slot):
        widen(page)
        slot.empty += WIDE - NARROW
    place = <uint32_t>popcount(page[0] & (bit_of(subject) - 1))
    if is_new:
        amounts = <uint8_t*>page + 8
        memmove(amounts + (place + 1) * width, amounts + place * width, (count - place) * width)
        page[0] |= bit_of(subject)
        table.paged_count += 1
    set_amount(page, width, place, used)
    return True


cdef void page_drop(CounterTable* table, uint32_t number, int64_t subject) noexcept nogil:
    cdef AccountSlot* slot = page_of(table, number, subject)
    cdef uint64_t* page
    cdef uint32_t place, count, width
    cdef uint8_t* amounts
    if slot == NULL:
        return
    width = block_note(slot)
    page = <uint64_t*>block_data(&table.pages, slot)
    if page[0] & bit_of(subject):
        amounts = <uint8_t*>page + 8
        place = <uint32_t>popcount(page[0] & (bit_of(subject) - 1))
        count = <uint32_t>popcount(page[0])
        memmove(amounts + place * width, amounts + (place + 1) * width, (count - place - 1) * width)
        page[0] ^= bit_of(subject)
        table.paged_count -= 1


cdef void widen(uint64_t* page) noexcept nogil:
    """Amounts of 2 bytes become such of 4, the last one first."""
    cdef uint32_t place = <uint32_t>popcount(page[0])
    while place > 0:
        place -= 1
        set_amount(page, WIDE, place, amount_at(page, NARROW, place))


cdef void table_fit(CounterTable* table, const uint8_t* key) noexcept nogil:
    cdef uint32_t number = pages_number(table, key)
    cdef AccountSlot* slot = page_of(table, number, subject_of(key)) if number != 0 else NULL
    if slot != NULL:
        block_fit(&table.pages, slot, page_size(page_count(table, slot), block_note(slot)))


# IMAGE

cdef int64_t table_rows_max(const CounterTable* table) noexcept nogil:
    return table.apart.count + table.paged_count


cdef bint table_list(CounterTable* table, CounterRow* out, int64_t* count) noexcept nogil:
    cdef KeyCursor cursor = [0, 0]
    cdef const KeySlot* slot
    cdef uint64_t* groups
    cdef int shard
    count[0] = 0
    while True:
        slot = keys_next(&table.apart, &cursor)
        if slot == NULL:
            break
        if slot.first != 0:
            out[count[0]] = [slot.key_low, <int64_t>slot.key_high, <int64_t>slot.first]
            count[0] += 1
    if table.pages.shards == NULL:
        return True
    groups = <uint64_t*>calloc(<size_t>table.paged_groups + 1, sizeof(uint64_t))
    if groups == NULL:
        return False
    cursor = [0, 0]
    while True:
        slot = keys_next(&table.groups, &cursor)
        if slot == NULL:
            break
        groups[slot_value(slot)] = slot.key_low
    for shard in range(ACCOUNT_SHARDS):
        list_pages(table, &table.pages.shards[shard], groups, out, count)
    free(groups)
    return True


cdef void list_pages(
    const CounterTable* table, const AccountShard* shard, const uint64_t* groups, CounterRow* out, int64_t* count
) noexcept nogil:
    cdef const AccountSlot* slot
    cdef const uint64_t* page
    cdef int64_t first
    cdef uint32_t i, place
    cdef int bit
    for i in range(shard.capacity):
        slot = &shard.slots[i]
        if slot.account_id == 0 or block_note(slot) == 0:
            continue
        page = <const uint64_t*>block_data(&table.pages, slot)
        first = ((slot.account_id & (<int64_t>1 << 40) - 1) - (<int64_t>1 << 39)) << PAGE_BITS
        place = 0
        for bit in range(PAGE_SUBJECTS):
            if page[0] >> bit & 1:
                out[count[0]] = [groups[slot.account_id >> 40], first + bit, amount_at(page, block_note(slot), place)]
                count[0] += 1
                place += 1


cdef inline int64_t number_at(const uint8_t* pairs, int64_t place) noexcept nogil:
    cdef int64_t number
    memcpy(&number, pairs + place * 8, 8)
    return number


cdef inline bint goes_in_page(const uint8_t* pairs, int64_t i) noexcept nogil:
    return may_be_paged(number_at(pairs, 2 * i)) and fits_page(number_at(pairs, 2 * i + 1))


cdef bint table_load(CounterTable* table, uint64_t group, const uint8_t* pairs, int64_t count) noexcept nogil:
    cdef uint8_t key[KEY_BYTES]
    cdef uint32_t number = <uint32_t>next_number(table) if count >= PAGED_FROM else 0
    cdef int64_t i = 0, end
    set_key(key, group, 0)
    if (count > 1 or number_at(pairs, 0) != 0) and not keys_put(&table.groups, key, <uint64_t>(count if number == 0 else 0), number):
        return False
    while i < count:
        end = i + 1
        if number == 0 or not goes_in_page(pairs, i):
            set_key(key, group, number_at(pairs, 2 * i))
            if not keys_put(&table.apart, key, <uint64_t>number_at(pairs, 2 * i + 1), 0):
                return False
        else:
            while (end < count and number_at(pairs, 2 * end) >> PAGE_BITS == number_at(pairs, 2 * i) >> PAGE_BITS
                    and goes_in_page(pairs, end)):
                end += 1
            if not load_page(table, number, pairs + 16 * i, <uint32_t>(end - i)):
                return False
        i = end
    return True


cdef bint load_page(CounterTable* table, uint32_t number, const uint8_t* pairs, uint32_t count) noexcept nogil:
    """Counters that follow one another, of one page; a page of which something lies apart comes in parts."""
    cdef uint32_t width = NARROW, i
    cdef int64_t subject = number_at(pairs, 0)
    for i in range(count):
        width = max(width, width_of(number_at(pairs, 2 * i + 1)))
    if not page_room(table, number, subject, width, count):
        return False
    for i in range(count):
        page_put(table, number, number_at(pairs, 2 * i), number_at(pairs, 2 * i + 1))
    return True
