"""A keyed permutation of the numbers of so many bits: unpredictable without the key, and with it turned round.

A Feistel network whose round function is SipHash-2-4: whatever the key and the number of bits, different numbers give different numbers of
as many bits, by construction. It knows nothing of what the numbers stand for.
"""
from libc.stdint cimport uint8_t, uint64_t
from altyn.core.siphash cimport SipKey

cdef enum:
    PERMUTED_BITS_MAX = 60     # what a code's symbols hold, twelve of five bits

# A pseudorandom number of a number: `use` and `bits` keep apart what it is for.
cdef uint64_t scrambled(SipKey key, uint8_t use, uint8_t bits, uint64_t value) noexcept nogil
# `value` has no more than `bits` bits, 2 to PERMUTED_BITS_MAX; fewer than eight rounds are not for secrets.
cdef uint64_t permuted(SipKey key, uint8_t bits, uint8_t rounds, uint64_t value) noexcept nogil
cdef uint64_t unpermuted(SipKey key, uint8_t bits, uint8_t rounds, uint64_t value) noexcept nogil
