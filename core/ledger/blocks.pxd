"""Blocks: memory of its own for each of many owners, growing and shrinking, that leaves no holes.

Decides nothing: buckets and pages of counters lie in them. A block has one of some kinds of size, an eighth apart. Blocks of one kind fill slabs
of 8 KiB one after the other; when one is given back the last of its kind moves into its place, and a slab without blocks goes
back to the system. So whatever grew in whatever order, at most one slab of a kind is partly full. Blocks above 1 KiB lie alone.
Whoever makes room for one owner may thereby move the block of any other.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from altyn.core.ledger.accounts cimport AccountShard, AccountSlot, accounts_find

cdef enum:
    SLAB_BITS = 10
    SLAB_UNITS = 1024          # of 8 bytes
    SLAB_KINDS = 40            # kinds of size that share slabs: up to 128 units
    BLOCK_NOTE_MAX = 0xFFFFFF

cdef struct BlockKind:
    uint32_t* slabs            # their numbers, in the order they are filled
    uint32_t slabs_count
    uint32_t slabs_max
    uint32_t blocks_count

cdef struct Blocks:
    # By owner (not 0). `live` is its block, 0: none; `empty` the block's kind << 24 | what the owner notes.
    AccountShard* shards       # NULL: nothing ever was
    int64_t** slabs            # by number; 0 stands for none
    uint32_t slabs_count       # numbers ever given
    uint32_t slabs_max
    uint32_t* free_slabs       # numbers to be given again
    uint32_t free_count
    int64_t bytes              # of slabs, and of blocks that lie alone
    BlockKind kinds[SLAB_KINDS]

cdef inline AccountSlot* block_owner(const Blocks* blocks, int64_t owner) noexcept nogil:
    """Valid until room is made for an owner. NULL: it never had a block."""
    return accounts_find(blocks.shards, owner) if blocks.shards != NULL else NULL

cdef inline uint32_t block_note(const AccountSlot* slot) noexcept nogil:
    return slot.empty & BLOCK_NOTE_MAX

cdef inline uint32_t kind_units(uint32_t kind) noexcept nogil:
    """1, 2, 3 … 16, 18 … 32, 36 … 64 and so on, of 8 bytes; the first has the owner."""
    return kind + 1 if kind < 8 else (9 + (kind & 7)) << ((kind >> 3) - 1)

cdef inline uint32_t block_room(const AccountSlot* slot) noexcept nogil:
    """Bytes that the block of an owner that has one takes."""
    return (kind_units(slot.empty >> 24) - 1) * 8

cdef inline void* block_data(const Blocks* blocks, const AccountSlot* slot) noexcept nogil:
    """The block of an owner that has one; its bytes are in multiples of 8. Valid until room is made, or any block is given back."""
    return &blocks.slabs[slot.live >> SLAB_BITS][(slot.live & (SLAB_UNITS - 1)) + 1]

# The owner's block with room for so many bytes, what was in it kept and what is new undefined. NULL: no memory; nothing has then changed.
cdef AccountSlot* block_reserve(Blocks* blocks, int64_t owner, uint32_t size) noexcept nogil
# A smaller block where so many bytes leave much of it empty; 0: none. Without memory it stays as it is.
cdef void block_fit(Blocks* blocks, AccountSlot* slot, uint32_t size) noexcept nogil
cdef void blocks_free(Blocks* blocks) noexcept nogil
cdef int64_t blocks_bytes(const Blocks* blocks) noexcept nogil
