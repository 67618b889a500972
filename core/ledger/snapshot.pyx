"""Snapshots: the book and the seen-before index as blocks of bytes, and back.

A snapshot is the state after one journal seq. Blocks are chained by their checksums, so a block changed, missing, doubled or out
of place is found before anything is served; every number is checked again on the way in. The loader raises SnapshotDamaged,
with the block and the reason, and never crashes. It does no IO: files are the server's.
"""
from hashlib import sha256
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from altyn.core.ledger.accounts cimport ACCOUNT_SHARDS
from altyn.core.ledger.accumulators_image cimport buckets_image, load_buckets, load_register, register_image
from altyn.core.ledger.book cimport Book
from altyn.core.ledger.counters_image cimport counters_image, load_counters
from altyn.core.ledger.image cimport (
    UNDAMAGED, Damage, accounts_image, coupons_image, forwards_image, holds_image, is_balanced, load_accounts, load_coupons,
    load_forwards, load_holds, load_serials, load_totals, serials_image, totals_image,
)
from altyn.core.ledger.key_table cimport KeyCursor, KeySlot, KeyTable, keys_next, keys_put, slot_value
from altyn.core.ledger.operations cimport GENERATIONS, RECEIPT_COMMITTED, RECEIPT_OWED, RECEIPT_RESERVED, Generation, Operations
from altyn.core.ledger.tiers cimport load_tiers, tiers_image

import struct
from typing import NamedTuple

cdef uint32_t MAGIC = 0x534E4C41      # "ALNS"
cdef uint32_t VERSION = 1
cdef Py_ssize_t HEAD_SIZE = sizeof(BlockHead)
cdef Py_ssize_t BLOCK_WANTED = 1 << 20
HEAD = struct.Struct("<qqqq32s")
END = struct.Struct("<qqqqqq32s")
SLOT = struct.Struct("<QQQQ")
DAMAGES = ("", "is too short", "account out of range or doubled", "lot out of range or out of order", "hold that cannot be",
           "total out of range or doubled", "no memory", "coupon out of range or doubled",
           "merged account out of range, doubled or leading on")


class SnapshotDamaged(ValueError):
    """The bytes are not a whole, unaltered snapshot."""


class SnapshotHead(NamedTuple):
    """Where in the journal a snapshot was taken: after the record `seq` of `epoch`, whose chain hash is `chain_hash`."""

    seq: int
    epoch: int
    instant_us: int
    complete_since_seq: int
    chain_hash: bytes


# WRITE

cdef bytes block(int kind, bytes payload, bytes former):
    """The head and the bytes of a block. Its checksum is at offset 16."""
    head = struct.pack("<IIQ", MAGIC, kind << 16 | VERSION, len(payload))
    return b"%b%b%b" % (head, sha256(b"%b%b%b" % (former, head, payload)).digest(), payload)


cdef bytes slots_image(KeyTable* table, KeyCursor* cursor):
    """Keys with their two numbers, 32 bytes each, until a block is full; empty at the end of the table."""
    cdef KeySlot* slot
    rows = []
    while len(rows) < 32_768:
        slot = keys_next(table, cursor)
        if slot == NULL:
            break
        rows.append(SLOT.pack(slot.key_low, slot.key_high, slot.first, slot_value(slot)))
    return b"".join(rows)


def table_blocks(Operations operations):
    """(kind, payload) of the seen-before index, generations from the oldest: a later one's receipt states win."""
    cdef KeyCursor cursor
    cdef KeyTable* table
    cdef Generation* generation
    cdef int age, kind
    for age in range(operations.kept - 1, -2, -1):
        for kind in range(BLOCK_OPERATIONS, BLOCK_TAPES + 1):
            if (kind >= BLOCK_REGISTERS) != (age < 0):
                continue
            generation = &operations.generations[(operations.newest - max(age, 0)) & (GENERATIONS - 1)]
            table = table_of(operations, generation, kind)
            cursor = [0, 0]
            while True:
                payload = slots_image(table, &cursor)
                if not payload:
                    break
                yield kind, payload


cdef KeyTable* table_of(Operations operations, Generation* generation, int kind) noexcept nogil:
    if kind == BLOCK_OPERATIONS:
        return &generation.operations
    if kind == BLOCK_NATURALS:
        return &generation.naturals
    if kind == BLOCK_RECEIPTS:
        return &generation.receipts
    return &operations.registers if kind == BLOCK_REGISTERS else &operations.tapes


def book_blocks(Book book):
    """(kind, payload) of the book's image."""
    cdef int shard = 0
    cdef uint32_t window = 0
    yield BLOCK_TOTALS, totals_image(book)
    while shard < ACCOUNT_SHARDS:
        payload = accounts_image(book, &shard, BLOCK_WANTED)
        if payload:
            yield BLOCK_ACCOUNTS, payload
    while window < book.counters.count:
        payload = counters_image(&book.counters, &window)
        if payload:
            yield BLOCK_COUNTERS, payload
    yield BLOCK_COUPONS, coupons_image(book)
    payload = serials_image(book)
    if payload:
        yield BLOCK_SERIALS, payload
    yield BLOCK_HOLDS, holds_image(book)
    yield BLOCK_FORWARDS, forwards_image(book)
    payload = register_image(&book.accumulators)
    shard = 0
    while payload:
        yield BLOCK_ACCUMULATIONS if shard == 0 else BLOCK_BUCKETS, payload
        payload = buckets_image(&book.accumulators, &shard, BLOCK_WANTED)
    payload = tiers_image(&book.tiers)
    if payload:
        yield BLOCK_TIERS, payload


def write_snapshot(Book book not None, Operations operations not None, head):
    """Yield the snapshot's blocks as bytes. Nothing may change until the last one is out. `head` is a SnapshotHead.

    head.complete_since_seq is not read: the index knows it.
    """
    payload = HEAD.pack(head.seq, head.epoch, head.instant_us, operations.complete_since_seq, head.chain_hash)
    made = block(BLOCK_HEAD, payload, bytes(32))
    yield made
    digest = sha256()
    count = 1
    for kind, payload in book_blocks(book):
        digest.update(payload)
        made = block(kind, payload, made[16:48])
        count += 1
        yield made
    for kind, payload in table_blocks(operations):
        made = block(kind, payload, made[16:48])
        count += 1
        yield made
    payload = END.pack(count, book.accounts_count, book.lots_count, book.holds_count, len(operations), 0, digest.digest())
    yield block(BLOCK_END, payload, made[16:48])


# LOAD

cdef bint is_slot(int kind, const KeySlot* slot, int64_t seq_max) noexcept nogil:
    """True when the two numbers are in range. `second` is the plain value here."""
    if slot.second >> 63 != 0:
        return False
    if kind == BLOCK_OPERATIONS or kind == BLOCK_NATURALS:
        return 0 < <int64_t>slot.second <= seq_max
    if kind == BLOCK_RECEIPTS:
        return 0 < <int64_t>slot.first <= seq_max and RECEIPT_RESERVED <= slot.second <= RECEIPT_OWED
    return <int64_t>slot.first >= 0


cdef str load_table(Operations operations, int kind, const uint8_t* data, int64_t size, int64_t seq_max):
    """Put every key of a block in its table; why not, or None."""
    cdef Generation* generation = &operations.generations[operations.newest]
    cdef KeyTable* table = table_of(operations, generation, kind)
    cdef KeySlot slot
    if size & 31:
        return "is too short"
    while size > 0:
        memcpy(&slot, data, 32)
        if not is_slot(kind, &slot, seq_max):
            return "number out of range"
        if not keys_put(table, data, slot.first, slot.second):
            raise MemoryError
        if kind == BLOCK_OPERATIONS:
            generation.count += 1
        data += 32
        size -= 32
    return None


cdef str load_block(Book book, Operations operations, int kind, const uint8_t[::1] payload, int64_t seq_max):
    """Load one block between head and end; why not, or None."""
    cdef const uint8_t* data = &payload[0] if payload.shape[0] > 0 else NULL
    cdef int64_t size = payload.shape[0]
    cdef Damage damage = UNDAMAGED
    if BLOCK_OPERATIONS <= kind <= BLOCK_TAPES:
        return load_table(operations, kind, data, size, seq_max)
    if kind == BLOCK_COUNTERS_FORMER:
        return "counters of a former layout" if size > 0 else None
    if kind == BLOCK_COUNTERS:
        return None if load_counters(&book.counters, data, size) else "counter out of range or doubled"
    if kind == BLOCK_ACCUMULATIONS:
        return None if load_register(&book.accumulators, data, size) else "accumulation that cannot be"
    if kind == BLOCK_BUCKETS:
        return None if load_buckets(&book.accumulators, data, size) else "bucket out of range or out of order"
    if kind == BLOCK_TIERS:
        return None if load_tiers(&book.tiers, data, size) else "tier out of range or out of order"
    with nogil:
        if kind == BLOCK_TOTALS:
            damage = load_totals(book, data, size)
        elif kind == BLOCK_ACCOUNTS:
            damage = load_accounts(book, data, size)
        elif kind == BLOCK_HOLDS:
            damage = load_holds(book, data, size)
        elif kind == BLOCK_COUPONS:
            damage = load_coupons(book, data, size)
        elif kind == BLOCK_FORWARDS:
            damage = load_forwards(book, data, size)
        elif kind == BLOCK_SERIALS:
            damage = load_serials(book, data, size)
    if not (BLOCK_TOTALS <= kind <= BLOCK_HOLDS or BLOCK_COUPONS <= kind <= BLOCK_SERIALS):
        return "is of an unknown kind"
    return DAMAGES[<int>damage] if damage != UNDAMAGED else None


def read_blocks(source):
    """Yield (kind, payload) of each block after its checksum is proven, as memoryviews of `source`. SnapshotDamaged."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t size = len(source)
    cdef int number = 0
    former = bytes(32)
    while at < size:
        if size - at < HEAD_SIZE:
            raise SnapshotDamaged(f"block {number} is too short for its head")
        magic, kind_version, length = struct.unpack_from("<IIQ", source, at)
        if magic != MAGIC or kind_version & 0xFFFF != VERSION:
            raise SnapshotDamaged(f"block {number} is not a block of version {VERSION}")
        if length > <uint64_t>(size - at - HEAD_SIZE):
            raise SnapshotDamaged(f"block {number} is too short")
        payload = source[at + HEAD_SIZE : at + HEAD_SIZE + length]
        checksum = sha256(former)
        checksum.update(source[at : at + 16])
        checksum.update(payload)
        former = bytes(source[at + 16 : at + HEAD_SIZE])
        if checksum.digest() != former:
            raise SnapshotDamaged(f"block {number} was altered")
        yield kind_version >> 16, payload
        at += HEAD_SIZE + <Py_ssize_t>length
        number += 1


def load_snapshot(source, *, entries_max=4_194_304, horizon_us=72 * 3_600_000_000, seed=0):
    """(SnapshotHead, Book, Operations) from the bytes of a snapshot, which may be an mmap. SnapshotDamaged when not whole.

    The keyword arguments are those of Operations.
    """
    cdef Book book = Book()
    cdef Operations operations
    cdef int number = 0
    blocks = read_blocks(memoryview(source).cast("B"))
    kind, payload = next(blocks, (0, b""))
    if kind != BLOCK_HEAD or len(payload) != HEAD.size:
        raise SnapshotDamaged("block 0 is not a head")
    head = SnapshotHead(*HEAD.unpack(payload))
    if head.seq < 0 or head.epoch < 0 or head.instant_us < 0 or not 1 <= head.complete_since_seq <= head.seq + 1:
        raise SnapshotDamaged("block 0: number out of range")
    operations = Operations(entries_max=entries_max, horizon_us=horizon_us, seed=seed,
                            complete_since_seq=head.complete_since_seq)
    end = None
    for kind, payload in blocks:
        number += 1
        if end is not None:
            raise SnapshotDamaged(f"block {number} comes after the end")
        if kind == BLOCK_END:
            end = payload
            continue
        reason = load_block(book, operations, kind, payload, head.seq)
        if reason is not None:
            raise SnapshotDamaged(f"block {number}: {reason}")
    if end is None or len(end) != END.size:
        raise SnapshotDamaged("the end is missing")
    counts = END.unpack(end)[:5]
    if counts[0] != number or counts[2:4] != (book.lots_count, book.holds_count) or counts[4] != len(operations):
        raise SnapshotDamaged("the end counts other things than there are")
    if not is_balanced(book):
        raise SnapshotDamaged("points outstanding and the programme's totals do not sum to zero")
    operations.generations[0].first_seq = head.complete_since_seq
    operations.generations[0].first_instant_us = head.instant_us
    return head, book, operations
