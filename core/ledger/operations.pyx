"""Body of the seen-before index.

Decides only what is remembered; whether an operation is a repeat, a conflict or new is the engine's. The same operations added
in the same way leave the same index, so a standby forgets what the owner forgets. Never holds a reply: see replies.pxd.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from altyn.core.ledger.key_table cimport (
    KEY_SHARDS, KeyCursor, KeySlot, KeyTable, keys_bytes, keys_expect, keys_find, keys_free, keys_next, keys_put, keys_start, slot_value,
)

cdef uint8_t NO_KEY[16]
memset(NO_KEY, 0, 16)


cdef inline bint is_key(const uint8_t* key) noexcept nogil:
    return memcmp(key, NO_KEY, 16) != 0


cdef void generation_start(Generation* generation, uint64_t seed) noexcept nogil:
    memset(generation, 0, sizeof(Generation))
    keys_start(&generation.operations, seed)
    keys_start(&generation.naturals, seed)
    keys_start(&generation.receipts, seed)


cdef inline void free_shard(KeyTable* table, int shard) noexcept nogil:
    free(table.shards[shard].slots)
    table.shards[shard].slots = NULL


@cython.final
cdef class Operations:
    """entries_max: operations remembered at most; horizon_us: how long at most; seed: any number, kept from strangers.

    Between three and four quarters of either limit are remembered: forgetting is by quarters. `complete_since_seq` is the
    first seq that will be added.
    """

    def __cinit__(self, *, int64_t entries_max=4_194_304, int64_t horizon_us=72 * 3_600_000_000, uint64_t seed=0,
                  int64_t complete_since_seq=1):
        if entries_max < GENERATIONS or horizon_us < GENERATIONS:
            raise ValueError(f"entries_max and horizon_us must be at least {GENERATIONS}")
        self.generations = <Generation*>calloc(GENERATIONS, sizeof(Generation))
        self.dying = <Generation*>calloc(1, sizeof(Generation))
        if self.generations == NULL or self.dying == NULL:
            raise MemoryError
        self.generation_entries = entries_max >> 2
        self.generation_us = horizon_us >> 2
        self.seed = seed
        self.complete_since_seq = complete_since_seq
        self.kept = 1
        self.dying_shard = KEY_SHARDS
        keys_start(&self.registers, seed)
        keys_start(&self.tapes, seed)
        generation_start(&self.generations[0], seed)

    def __dealloc__(self):
        cdef int i
        if self.generations != NULL and self.dying != NULL:
            self.release(KEY_SHARDS)
            for i in range(GENERATIONS):
                keys_free(&self.generations[i].operations)
                keys_free(&self.generations[i].naturals)
                keys_free(&self.generations[i].receipts)
            keys_free(&self.registers)
            keys_free(&self.tapes)
        free(self.generations)
        free(self.dying)

    cdef void expect(self, const uint8_t* op_id, const uint8_t* natural_key, const uint8_t* receipt_key) noexcept nogil:
        """These will be looked for soon, and are nowhere near: a search that waits for memory takes as long as a thousand steps."""
        cdef Generation* generation
        cdef int i
        for i in range(self.kept):
            generation = &self.generations[(self.newest - i) & (GENERATIONS - 1)]
            keys_expect(&generation.operations, op_id)
            keys_expect(&generation.naturals, natural_key)
            keys_expect(&generation.receipts, receipt_key)
            keys_expect(&generation.receipts, op_id)  # returns that wait for a sale may name it by its op_id

    # READ. From the newest generation to the oldest: a receipt's latest state wins.

    cdef SeenOperation find_operation(self, const uint8_t* op_id) noexcept nogil:
        cdef SeenOperation seen = [0, 0]
        cdef KeySlot* slot
        cdef int i
        for i in range(self.kept):
            slot = keys_find(&self.generations[(self.newest - i) & (GENERATIONS - 1)].operations, op_id)
            if slot != NULL:
                seen.content = slot.first
                seen.seq = <int64_t>slot_value(slot)
                break
        return seen

    cdef int64_t find_natural(self, const uint8_t* natural_key) noexcept nogil:
        """The seq of the operation that took the natural key; 0: not here."""
        cdef KeySlot* slot
        cdef int i
        for i in range(self.kept):
            slot = keys_find(&self.generations[(self.newest - i) & (GENERATIONS - 1)].naturals, natural_key)
            if slot != NULL:
                return <int64_t>slot_value(slot)
        return 0

    cdef SeenReceipt find_receipt(self, const uint8_t* receipt_key) noexcept nogil:
        cdef SeenReceipt seen = [0, RECEIPT_UNKNOWN]
        cdef KeySlot* slot
        cdef int i
        for i in range(self.kept):
            slot = keys_find(&self.generations[(self.newest - i) & (GENERATIONS - 1)].receipts, receipt_key)
            if slot != NULL:
                seen.seq = <int64_t>slot.first
                seen.state = <int32_t>slot_value(slot)
                break
        return seen

    cdef int64_t register_seq(self, const uint8_t* register_key) noexcept nogil:
        """The highest register_seq of a register; −1: none yet. An operation with a higher one is certainly new."""
        cdef KeySlot* slot = keys_find(&self.registers, register_key)
        return -1 if slot == NULL else <int64_t>slot.first

    cdef bint is_new_receipt(self, const uint8_t* register_key, int64_t shift_number, int64_t receipt_number) noexcept nogil:
        """True when no receipt of the register had so high a shift and number: its natural key is certainly free."""
        cdef KeySlot* slot = keys_find(&self.tapes, register_key)
        cdef int64_t shift
        if slot == NULL:
            return self.complete_since_seq <= 1
        shift = <int64_t>slot.first
        return shift_number > shift or (shift_number == shift and receipt_number > <int64_t>slot_value(slot))

    # ADD

    cdef int add(self, const Operation* operation) except -1:
        """Remember one operation. Seqs come in ascending order. MemoryError leaves the index unfit for use."""
        cdef Generation* generation = &self.generations[self.newest]
        if generation.count > 0 and (
            generation.count >= self.generation_entries
            or operation.instant_us - generation.first_instant_us >= self.generation_us
        ):
            self.rotate(operation.seq, operation.instant_us)
            generation = &self.generations[self.newest]
        if generation.count == 0:
            generation.first_seq = operation.seq
            generation.first_instant_us = operation.instant_us
        generation.count += 1
        cdef bint fits = keys_put(&generation.operations, operation.op_id, operation.content, <uint64_t>operation.seq)
        if is_key(operation.natural_key):
            fits &= keys_put(&generation.naturals, operation.natural_key, 0, <uint64_t>operation.seq)
        if is_key(operation.receipt_key) and operation.receipt_state != RECEIPT_UNKNOWN:
            fits &= keys_put(&generation.receipts, operation.receipt_key, <uint64_t>operation.seq,
                             <uint64_t>operation.receipt_state)
        if is_key(operation.original_key) and operation.original_state != RECEIPT_UNKNOWN:
            fits &= keys_put(&generation.receipts, operation.original_key, <uint64_t>operation.seq,
                             <uint64_t>operation.original_state)
        if is_key(operation.register_key):
            fits &= self.add_register(operation)
        if not fits:
            raise MemoryError("no memory for the seen-before index")
        self.release(1)
        return 0

    cdef bint add_register(self, const Operation* operation) noexcept nogil:
        """Raise what is highest of a register. Negative numbers never raise anything."""
        cdef bint fits = True
        if operation.register_seq > self.register_seq(operation.register_key):
            fits = keys_put(&self.registers, operation.register_key, <uint64_t>operation.register_seq,
                            <uint64_t>operation.seq)
        cdef KeySlot* tape = keys_find(&self.tapes, operation.register_key)
        if not is_key(operation.receipt_key) or operation.shift_number < 0 or operation.receipt_number < 0:
            return fits
        if tape == NULL or operation.shift_number > <int64_t>tape.first or (
            operation.shift_number == <int64_t>tape.first and operation.receipt_number > <int64_t>slot_value(tape)
        ):
            fits &= keys_put(&self.tapes, operation.register_key, <uint64_t>operation.shift_number,
                             <uint64_t>operation.receipt_number)
        return fits

    cdef void rotate(self, int64_t seq, int64_t instant_us) noexcept nogil:
        """Start a generation; with four in use, drop the oldest. Its memory goes in 256 steps, one per operation."""
        cdef Generation* oldest
        self.newest = (self.newest + 1) & (GENERATIONS - 1)
        oldest = &self.generations[self.newest]
        if self.kept == GENERATIONS:
            self.release(KEY_SHARDS)
            self.dying[0] = oldest[0]
            self.dying_shard = 0
            self.complete_since_seq = self.generations[(self.newest + 1) & (GENERATIONS - 1)].first_seq
        else:
            self.kept += 1
        generation_start(oldest, self.seed)

    cdef void release(self, int shards) noexcept nogil:
        cdef int i
        for i in range(shards):
            if self.dying_shard == KEY_SHARDS:
                return
            free_shard(&self.dying.operations, self.dying_shard)
            free_shard(&self.dying.naturals, self.dying_shard)
            free_shard(&self.dying.receipts, self.dying_shard)
            self.dying_shard += 1

    # FROM PYTHON

    def remember(self, bytes op_id, int64_t seq, int64_t instant_us, bytes content_sha256, *, bytes natural_key=b"",
                 bytes receipt_key=b"", int32_t receipt_state=0, bytes register_key=b"", int64_t register_seq=-1,
                 int64_t shift_number=-1, int64_t receipt_number=-1):
        """`add` for tools and recovery. Keys are 16 bytes, or empty for none."""
        cdef Operation operation
        memset(&operation, 0, sizeof(Operation))
        copy_key(operation.op_id, op_id, "op_id")
        copy_key(operation.natural_key, natural_key or bytes(16), "natural_key")
        copy_key(operation.receipt_key, receipt_key or bytes(16), "receipt_key")
        copy_key(operation.register_key, register_key or bytes(16), "register_key")
        operation.content = int.from_bytes(content_sha256[:8], "little")
        operation.seq = seq
        operation.instant_us = instant_us
        operation.register_seq = register_seq
        operation.shift_number = shift_number
        operation.receipt_number = receipt_number
        operation.receipt_state = receipt_state
        self.add(&operation)

    def read_operation(self, bytes op_id):
        """(seq, first 8 bytes of the content hash), or None when it is not here."""
        cdef uint8_t key[16]
        copy_key(key, op_id, "op_id")
        cdef SeenOperation seen = self.find_operation(key)
        return None if seen.seq == 0 else (seen.seq, seen.content.to_bytes(8, "little"))

    def read_natural(self, bytes natural_key):
        """The seq that took the natural key, or None."""
        cdef uint8_t key[16]
        copy_key(key, natural_key, "natural_key")
        return self.find_natural(key) or None

    def read_receipt(self, bytes receipt_key):
        """(state, seq) with state 1 reserved, 2 committed, 3 voided; or None."""
        cdef uint8_t key[16]
        copy_key(key, receipt_key, "receipt_key")
        cdef SeenReceipt seen = self.find_receipt(key)
        return None if seen.seq == 0 else (seen.state, seen.seq)

    def read_register(self, bytes register_key):
        """The highest register_seq, or None."""
        cdef uint8_t key[16]
        copy_key(key, register_key, "register_key")
        cdef int64_t highest = self.register_seq(key)
        return None if highest < 0 else highest

    def read_is_new_receipt(self, bytes register_key, int64_t shift_number, int64_t receipt_number):
        cdef uint8_t key[16]
        copy_key(key, register_key, "register_key")
        return bool(self.is_new_receipt(key, shift_number, receipt_number))

    def read_owed(self):
        """Receipt keys of the sales that returns had waited for, oldest first. Walks over everything kept."""
        cdef KeyCursor cursor
        cdef KeySlot* slot
        cdef SeenReceipt seen
        cdef uint8_t key[16]
        cdef int i
        found = set()
        for i in range(self.kept):
            memset(&cursor, 0, sizeof(KeyCursor))
            while True:
                slot = keys_next(&self.generations[(self.newest - i) & (GENERATIONS - 1)].receipts, &cursor)
                if slot == NULL:
                    break
                memcpy(key, &slot.key_low, 8)
                memcpy(key + 8, &slot.key_high, 8)
                seen = self.find_receipt(key)
                if seen.state == RECEIPT_OWED:
                    found.add((seen.seq, (<const char*>key)[:16]))
        return [one for _, one in sorted(found)]

    def __len__(self):
        cdef int i
        return sum([self.generations[(self.newest - i) & (GENERATIONS - 1)].count for i in range(self.kept)])

    @property
    def bytes_used(self):
        """Memory of the tables."""
        cdef int64_t total = keys_bytes(&self.registers) + keys_bytes(&self.tapes)
        cdef int i
        for i in range(GENERATIONS):
            total += keys_bytes(&self.generations[i].operations) + keys_bytes(&self.generations[i].naturals)
            total += keys_bytes(&self.generations[i].receipts)
        return total


cdef int copy_key(uint8_t* to, bytes key, str name) except -1:
    if len(key) != 16:
        raise ValueError(f"{name} must be 16 bytes")
    memcpy(to, PyBytes_AS_STRING(key), 16)
    return 0
