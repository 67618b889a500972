"""Symbols: a (kind, text) that some rule names is a small integer; everything else is 0.

One lookup per attribute of a line finds both the symbol and the promotions it is a gate of. Comparison is exact; the
hash only finds the place. A filter of one bit per hash, small enough for the nearest caches, answers most misses.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from altyn.core.rules.image cimport RulesView, SymbolSlot
from altyn.core.text cimport Text

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    static inline uint64_t altyn_mix(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }

    static inline uint64_t altyn_read8(const char *p) { uint64_t v; memcpy(&v, p, 8); return v; }

    /* Texts of other lengths than the usual ones: the head of a long text goes into the seed. */
    static __attribute__((noinline)) uint64_t altyn_hash_unusual(uint64_t seed, const char *p, int32_t size) {
        uint64_t a = 0, b = 0;
        for (; size > 16; p += 8, size -= 8) seed = altyn_mix(altyn_read8(p) ^ 0xA0761D6478BD642Full, seed);
        if (size >= 8) {
            a = altyn_read8(p);
            b = altyn_read8(p + size - 8);
        } else {
            memcpy(&a, p, (size_t)size);
        }
        return altyn_mix(a ^ 0xE7037ED1A0B428DBull, b ^ seed);
    }

    /* Every byte and the length count; two overlapping reads cover a text of 8 to 16 bytes. */
    static inline uint64_t altyn_hash(uint32_t kind, const char *p, int32_t size) {
        uint64_t seed = 0x9E3779B97F4A7C15ull * (kind + 1) + (uint64_t)size;
        if (__builtin_expect((uint32_t)size - 8 > 8, 0)) return altyn_hash_unusual(seed, p, size);
        return altyn_mix(altyn_read8(p) ^ 0xE7037ED1A0B428DBull, altyn_read8(p + size - 8) ^ seed);
    }
    """
    uint64_t symbol_hash "altyn_hash"(uint32_t kind, const char* text, int32_t size) noexcept nogil
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil

cdef inline bint passes(const uint64_t* filter_words, uint64_t words_mask, uint64_t hashed) noexcept nogil:
    """False when no rule names the text; one bit answers nearly all of those."""
    return filter_words[hashed >> 32 & words_mask] >> (hashed & 63) & 1

cdef inline bint may_be_symbol(const RulesView* rules, uint64_t hashed) noexcept nogil:
    return passes(rules.filter, <uint64_t>rules.summary.filter_mask, hashed)

cdef inline bint slot_is(const RulesView* rules, const SymbolSlot* slot, uint32_t kind, Text text) noexcept nogil:
    cdef int32_t place
    if slot.kind != kind or slot.size != text.size:
        return False
    if text.size <= 14:
        return memcmp(slot.text, text.data, <size_t>text.size) == 0
    memcpy(&place, slot.text, 4)
    return memcmp(rules.texts + place, text.data, <size_t>text.size) == 0

cdef inline const SymbolSlot* find_symbol(const RulesView* rules, uint64_t hashed, uint32_t kind,
                                          Text text) noexcept nogil:
    """The slot of a text that a rule names, else NULL."""
    cdef int64_t mask = rules.summary.slots_mask
    cdef int64_t place = <int64_t>(hashed & <uint64_t>mask)
    cdef const SymbolSlot* slot = &rules.slots[place]
    while slot.symbol != 0:
        if slot.hash == <uint32_t>hashed and slot_is(rules, slot, kind, text):
            return slot
        place = (place + 1) & mask
        slot = &rules.slots[place]
    return NULL
