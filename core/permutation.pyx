"""Body of the keyed permutation. Rounds change the low half by the high one and the high half by the low one, in turn."""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy
from altyn.core.siphash cimport SipKey, SipState, sip_end, sip_start, sip_take


cdef uint64_t scrambled(SipKey key, uint8_t use, uint8_t bits, uint64_t value) noexcept nogil:
    cdef SipState state
    cdef uint8_t head[2]
    head[0] = use
    head[1] = bits
    sip_start(&state, key)
    sip_take(&state, head, 2)
    sip_take(&state, <const uint8_t*>&value, 8)
    return sip_end(&state).low


cdef inline void turn_once(SipKey key, uint8_t bits, uint8_t turn, uint64_t* low, uint64_t* high) noexcept nogil:
    """One round; the same again undoes it."""
    cdef uint8_t low_bits = bits >> 1
    if turn & 1:
        high[0] ^= scrambled(key, turn, bits, low[0]) & ((<uint64_t>1 << (bits - low_bits)) - 1)
    else:
        low[0] ^= scrambled(key, turn, bits, high[0]) & ((<uint64_t>1 << low_bits) - 1)


cdef uint64_t permuted(SipKey key, uint8_t bits, uint8_t rounds, uint64_t value) noexcept nogil:
    cdef uint8_t low_bits = bits >> 1, turn
    cdef uint64_t low = value & ((<uint64_t>1 << low_bits) - 1), high = value >> low_bits
    for turn in range(rounds):
        turn_once(key, bits, turn, &low, &high)
    return high << low_bits | low


cdef uint64_t unpermuted(SipKey key, uint8_t bits, uint8_t rounds, uint64_t value) noexcept nogil:
    cdef uint8_t low_bits = bits >> 1, turn
    cdef uint64_t low = value & ((<uint64_t>1 << low_bits) - 1), high = value >> low_bits
    for turn in range(rounds):
        turn_once(key, bits, rounds - 1 - turn, &low, &high)
    return high << low_bits | low


cdef SipKey checked(bytes key, int bits, int rounds, uint64_t value) except *:
    cdef SipKey taken
    if len(key) != 16 or not 2 <= bits <= PERMUTED_BITS_MAX or not 0 < rounds <= 255 or value >> bits != 0:
        raise ValueError("a key of 16 bytes, 2 to 60 bits, 1 to 255 rounds, and a value of no more bits")
    memcpy(&taken, PyBytes_AS_STRING(key), 16)
    return taken


def permute(bytes key not None, int bits, int rounds, uint64_t value):
    return permuted(checked(key, bits, rounds, value), <uint8_t>bits, <uint8_t>rounds, value)


def unpermute(bytes key not None, int bits, int rounds, uint64_t value):
    return unpermuted(checked(key, bits, rounds, value), <uint8_t>bits, <uint8_t>rounds, value)
