"""A snapshot as bytes: blocks, each with its kind, length and checksum. See snapshot.pyi for the two functions."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum BlockKind:
    BLOCK_HEAD = 1
    BLOCK_TOTALS = 2
    BLOCK_ACCOUNTS = 3
    BLOCK_HOLDS = 4
    BLOCK_OPERATIONS = 5
    BLOCK_NATURALS = 6
    BLOCK_RECEIPTS = 7
    BLOCK_REGISTERS = 8
    BLOCK_TAPES = 9
    BLOCK_END = 10
    BLOCK_COUNTERS_FORMER = 11 # before counters were told by window; read when it is empty
    BLOCK_COUPONS = 12
    BLOCK_FORWARDS = 13
    BLOCK_SERIALS = 14         # only when a serial was used
    BLOCK_ACCUMULATIONS = 15
    BLOCK_BUCKETS = 16
    BLOCK_TIERS = 17           # only when an account has a row
    BLOCK_COUNTERS = 18        # one window each

cdef struct BlockHead:
    # Stands before every block's bytes; 48 bytes.
    uint32_t magic
    uint32_t kind_version      # kind << 16 | version of the kind's layout
    uint64_t size
    uint8_t checksum[32]       # SHA-256(checksum of the block before ‖ the 16 bytes above ‖ the block's bytes)
