"""Growth and hashing of the index; probing is inline in the header."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
cimport cython


cdef void index_init(Index* index) noexcept nogil:
    memset(index, 0, sizeof(Index))


cdef Slot* _table(uint64_t slots_count) except NULL:
    cdef Slot* slots = <Slot*>calloc(slots_count, sizeof(Slot))
    if slots == NULL:
        raise MemoryError()
    return slots


cdef void _put(Slot* slots, uint64_t mask, Slot slot) noexcept nogil:
    cdef uint64_t position = slot.hash & mask
    while slots[position].number != 0:
        position = (position + 1) & mask
    slots[position] = slot


cdef void _move(Index* index, uint64_t moves) noexcept nogil:
    """Carry up to `moves` old slots over; drop the old table after the last."""
    cdef Slot slot
    while moves > 0 and index.old != NULL:
        slot = index.old[index.moved]
        if slot.number != 0:
            _put(index.slots, index.mask, slot)
        index.moved += 1
        moves -= 1
        if index.moved > index.old_mask:
            free(index.old)
            index.old = NULL


cdef int index_add(Index* index, uint32_t hash, uint32_t number) except -1:
    cdef Slot slot
    cdef Slot* larger
    if index.slots == NULL:
        index.slots = _table(INDEX_SLOTS_MIN)
        index.mask = INDEX_SLOTS_MIN - 1
    if (index.count + 1) * 4 > (index.mask + 1) * 3:
        # From one growth to the next there are 3/4 as many additions as the old table has slots, and each moves
        # INDEX_MOVES of them: the former move has ended.
        assert index.old == NULL
        larger = _table((index.mask + 1) * 2)
        index.old = index.slots
        index.old_mask = index.mask
        index.moved = 0
        index.slots = larger
        index.mask = index.mask * 2 + 1
    _move(index, INDEX_MOVES)
    slot.hash = hash
    slot.number = number + 1
    _put(index.slots, index.mask, slot)
    index.count += 1
    return 0


cdef void index_free(Index* index) noexcept nogil:
    free(index.slots)
    free(index.old)
    index_init(index)


cdef size_t index_bytes(const Index* index) noexcept nogil:
    cdef size_t slots_count = 0
    if index.slots != NULL:
        slots_count += index.mask + 1
    if index.old != NULL:
        slots_count += index.old_mask + 1
    return slots_count * sizeof(Slot)


cdef inline uint64_t word_at(const char* data) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, data, 8)
    return word


cdef inline uint64_t last_word(const char* data, int32_t size) noexcept nogil:
    """The last eight bytes, or all of fewer; they may overlap what was read before."""
    cdef uint32_t low, high
    if size >= 8:
        return word_at(data + size - 8)
    if size >= 4:
        memcpy(&low, data, 4)
        memcpy(&high, data + size - 4, 4)
        return <uint64_t>high << 32 | low
    if size == 0:
        return 0
    return <uint64_t><uint8_t>data[0] | <uint64_t><uint8_t>data[size >> 1] << 8 | <uint64_t><uint8_t>data[size - 1] << 16


@cython.overflowcheck(False)
cdef inline uint64_t mixed(uint64_t value, uint64_t word) noexcept nogil:
    value = (value ^ word) * <uint64_t>0xBF58476D1CE4E5B9ULL
    return value ^ (value >> 32)


@cython.overflowcheck(False)
cdef uint32_t hash_bytes(const char* data, int32_t size) noexcept nogil:
    """Eight bytes at a time, each mixed in by a multiplication; the length counts."""
    cdef uint64_t value = <uint64_t>size * <uint64_t>0x9E3779B97F4A7C15ULL
    cdef int32_t place = 0
    while place + 8 < size:
        value = mixed(value, word_at(data + place))
        place += 8
    return hash_number(mixed(value, last_word(data, size)))
