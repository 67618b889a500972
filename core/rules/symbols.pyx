"""Builds the symbol table of an image.

Decides where a symbol lives. Invariant: at most half of the slots are used, so every search meets an empty one. Must
never depend on anything but its arguments: equal rules give equal bytes.
"""
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport uint8_t


FILTER_BITS_PER_SYMBOL = 16


def build_table(list symbols) -> tuple[bytes, bytes]:
    """Slots and filter for symbols 1, 2, …, each (kind, text, place of the text in TEXTS, postings begin, postings
    end).

    Texts are at most 255 bytes and all (kind, text) differ. Both sizes are powers of two, the filter's in bits.
    """
    cdef int64_t capacity = 16, bits = 512, place, mask
    cdef uint64_t hashed
    cdef SymbolSlot* slot
    cdef int32_t symbol = 0, text_place, begin, end
    cdef uint32_t kind
    cdef bytes text
    while capacity < 2 * len(symbols) + 2:
        capacity *= 2
    while bits < FILTER_BITS_PER_SYMBOL * len(symbols):
        bits *= 2
    mask = capacity - 1
    cdef bytearray slots = bytearray(capacity * sizeof(SymbolSlot))
    cdef bytearray filter_bytes = bytearray(bits >> 3)
    cdef SymbolSlot* slot_rows = <SymbolSlot*>PyByteArray_AS_STRING(slots)
    cdef uint64_t* filter_words = <uint64_t*>PyByteArray_AS_STRING(filter_bytes)
    for kind, text, text_place, begin, end in symbols:
        symbol += 1
        hashed = symbol_hash(kind, text, <int32_t>len(text))
        filter_words[hashed >> 32 & <uint64_t>((bits >> 6) - 1)] |= <uint64_t>1 << (hashed & 63)
        place = <int64_t>(hashed & <uint64_t>mask)
        while slot_rows[place].symbol != 0:
            place = (place + 1) & mask
        slot = &slot_rows[place]
        slot.hash = <uint32_t>hashed
        slot.symbol = symbol
        slot.promotions.begin = begin
        slot.promotions.end = end
        slot.kind = <uint8_t>kind
        slot.size = <uint8_t>len(text)
        if len(text) <= 14:
            memcpy(slot.text, <const char*>text, len(text))
        else:
            memcpy(slot.text, &text_place, 4)
    return bytes(slots), bytes(filter_bytes)
