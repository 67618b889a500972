# cython: cdivision=True
"""Body of the blocks: see the header for layout and cost. No function raises. Divisors are sizes of blocks, above 0.

Before a block's bytes stand 8 with its owner, so that whoever moves it finds where that is written down.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from altyn.core.ledger.accounts cimport (
    ACCOUNT_SHARDS, AccountShard, AccountSlot, accounts_bytes, accounts_find, accounts_free, accounts_put, accounts_reserve,
)

cdef enum:
    UNIT_BYTES = 8
    SLABS_NUMBERS_MAX = 4194303
    NUMBERS_FIRST = 64


cdef inline uint32_t kind_for(uint32_t size) noexcept nogil:
    """The smallest kind for so many bytes and the owner."""
    cdef uint32_t units = (size + UNIT_BYTES - 1) // UNIT_BYTES + 1
    cdef uint32_t kind = 0, octave = 0
    while 16 << octave < units:
        octave += 1
    kind = octave << 3
    while kind_units(kind) < units:
        kind += 1
    return kind


cdef inline int64_t* unit_at(const Blocks* blocks, uint32_t place) noexcept nogil:
    return &blocks.slabs[place >> SLAB_BITS][place & (SLAB_UNITS - 1)]


cdef uint32_t new_slab(Blocks* blocks, uint32_t units) noexcept nogil:
    """The number of new memory; 0: there is none."""
    cdef int64_t** slabs
    cdef uint32_t* free_slabs
    cdef uint32_t number, wanted
    cdef int64_t* memory
    if blocks.free_count == 0 and blocks.slabs_count + 1 >= blocks.slabs_max:
        if blocks.slabs_max >= SLABS_NUMBERS_MAX:
            return 0
        wanted = blocks.slabs_max * 2 if blocks.slabs_max else NUMBERS_FIRST
        slabs = <int64_t**>realloc(blocks.slabs, wanted * sizeof(int64_t*))
        if slabs == NULL:
            return 0
        blocks.slabs = slabs
        # As long: giving a number back never needs memory.
        free_slabs = <uint32_t*>realloc(blocks.free_slabs, wanted * sizeof(uint32_t))
        if free_slabs == NULL:
            return 0
        blocks.free_slabs = free_slabs
        blocks.slabs_max = wanted
    memory = <int64_t*>malloc(<size_t>units * UNIT_BYTES)
    if memory == NULL:
        return 0
    if blocks.free_count > 0:
        blocks.free_count -= 1
        number = blocks.free_slabs[blocks.free_count]
    else:
        blocks.slabs_count += 1
        number = blocks.slabs_count
    blocks.slabs[number] = memory
    blocks.bytes += <int64_t>units * UNIT_BYTES
    return number


cdef void drop_slab(Blocks* blocks, uint32_t number, uint32_t units) noexcept nogil:
    free(blocks.slabs[number])
    blocks.slabs[number] = NULL
    blocks.free_slabs[blocks.free_count] = number
    blocks.free_count += 1
    blocks.bytes -= <int64_t>units * UNIT_BYTES


cdef inline uint32_t place_of(const BlockKind* kind, uint32_t block, uint32_t units) noexcept nogil:
    cdef uint32_t per_slab = SLAB_UNITS // units
    return kind.slabs[block // per_slab] << SLAB_BITS | block % per_slab * units


cdef uint32_t take(Blocks* blocks, uint32_t kind, int64_t owner) noexcept nogil:
    """A block with its owner written down; 0: no memory."""
    cdef uint32_t units = kind_units(kind), place, wanted, number
    cdef uint32_t* numbers
    cdef BlockKind* row
    if kind >= SLAB_KINDS:
        place = new_slab(blocks, units) << SLAB_BITS
    else:
        row = &blocks.kinds[kind]
        if row.blocks_count == row.slabs_count * (SLAB_UNITS // units):
            if row.slabs_count == row.slabs_max:
                wanted = row.slabs_max * 2 if row.slabs_max else 4
                numbers = <uint32_t*>realloc(row.slabs, wanted * sizeof(uint32_t))
                if numbers == NULL:
                    return 0
                row.slabs = numbers
                row.slabs_max = wanted
            number = new_slab(blocks, SLAB_UNITS)
            if number == 0:
                return 0
            row.slabs[row.slabs_count] = number
            row.slabs_count += 1
        place = place_of(row, row.blocks_count, units)
        row.blocks_count += 1
    if place != 0:
        unit_at(blocks, place)[0] = owner
    return place


cdef void give(Blocks* blocks, uint32_t kind, uint32_t place) noexcept nogil:
    """Nobody's any more: the last block of its kind moves there."""
    cdef uint32_t units = kind_units(kind), last
    cdef BlockKind* row
    if kind >= SLAB_KINDS:
        drop_slab(blocks, place >> SLAB_BITS, units)
        return
    row = &blocks.kinds[kind]
    row.blocks_count -= 1
    last = place_of(row, row.blocks_count, units)
    if last != place:
        memcpy(unit_at(blocks, place), unit_at(blocks, last), units * UNIT_BYTES)
        accounts_find(blocks.shards, unit_at(blocks, place)[0]).live = place
    if row.blocks_count == (row.slabs_count - 1) * (SLAB_UNITS // units):
        row.slabs_count -= 1
        drop_slab(blocks, row.slabs[row.slabs_count], SLAB_UNITS)


cdef bint change_kind(Blocks* blocks, AccountSlot* slot, uint32_t kind) noexcept nogil:
    cdef uint32_t former = slot.empty >> 24, place = take(blocks, kind, slot.account_id)
    if place == 0:
        return False
    if slot.live != 0:
        memcpy(unit_at(blocks, place) + 1, unit_at(blocks, slot.live) + 1,
               (min(kind_units(former), kind_units(kind)) - 1) * UNIT_BYTES)
        give(blocks, former, slot.live)
    slot.live = place
    slot.empty = kind << 24 | block_note(slot)
    return True


cdef AccountSlot* block_reserve(Blocks* blocks, int64_t owner, uint32_t size) noexcept nogil:
    cdef AccountSlot* slot
    cdef uint32_t kind
    if blocks.shards == NULL:
        blocks.shards = <AccountShard*>calloc(ACCOUNT_SHARDS, sizeof(AccountShard))
        if blocks.shards == NULL:
            return NULL
    slot = accounts_find(blocks.shards, owner)
    if slot == NULL:
        if not accounts_reserve(blocks.shards, owner, 1):
            return NULL
        slot = accounts_put(blocks.shards, owner)
    if slot.live != 0 and block_room(slot) >= size:
        return slot
    return slot if change_kind(blocks, slot, kind_for(size)) else NULL


cdef void block_fit(Blocks* blocks, AccountSlot* slot, uint32_t size) noexcept nogil:
    cdef uint32_t kind = slot.empty >> 24
    if slot.live == 0:
        return
    if size == 0:
        give(blocks, kind, slot.live)
        slot.live = slot.empty = 0
    elif kind_for(size) + 4 < kind:
        change_kind(blocks, slot, kind_for(size))


cdef void blocks_free(Blocks* blocks) noexcept nogil:
    cdef uint32_t i
    for i in range(1, blocks.slabs_count + 1):
        free(blocks.slabs[i])
    free(blocks.slabs)
    free(blocks.free_slabs)
    for i in range(SLAB_KINDS):
        free(blocks.kinds[i].slabs)
    if blocks.shards != NULL:
        accounts_free(blocks.shards)
    free(blocks.shards)
    memset(blocks, 0, sizeof(Blocks))


cdef int64_t blocks_bytes(const Blocks* blocks) noexcept nogil:
    """Of blocks and of the table of owners."""
    cdef int64_t total = blocks.bytes + <int64_t>blocks.slabs_max * <int64_t>(sizeof(int64_t*) + sizeof(uint32_t))
    cdef int i
    for i in range(SLAB_KINDS):
        total += <int64_t>blocks.kinds[i].slabs_max * <int64_t>sizeof(uint32_t)
    return total + accounts_bytes(blocks.shards) if blocks.shards != NULL else total
