"""Bytes of proto3: reading forwards, writing backwards.

A decoder reads its own copy of the message, which PADDING bytes follow: fields are read without asking whether their bytes are there,
and a place beyond `end` says afterwards that they were not. `read_tag`, `read_size` and `skip_field` never look beyond `end`, so
they also walk bytes without padding. Writers take the place where the next byte must end and return where it starts; whoever
calls them has made sure of the room. Little-endian machines only.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from altyn.core.limits cimport DEPTH_MAX
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_room

cdef extern from *:
    int __builtin_ctzll(unsigned long long) noexcept nogil
    int __builtin_clzll(unsigned long long) noexcept nogil

cdef enum WireCode:
    WIRE_OK = 0
    WIRE_MALFORMED = 1      # truncated, a varint or length too long, a bad tag, an open group
    WIRE_BAD_UTF8 = 2
    WIRE_TOO_DEEP = 3       # groups in unknown fields
    WIRE_TOO_LARGE = 4      # more structs than the arena holds

cdef struct PathStep:
    const char* field       # name in the contract; NULL: a field nobody knows
    int32_t index           # -1: not repeated

cdef struct WireError:
    int32_t code            # WireCode, or the reader's own
    int32_t depth
    PathStep[DEPTH_MAX] steps    # innermost first

cdef int fault(WireError* error, const char* field, int32_t index) noexcept nogil

cdef inline int ended(const uint8_t* p, const uint8_t* end, const char* field, WireError* error) noexcept nogil:
    """A message was read to its end, or beyond it in this field."""
    return WIRE_OK if p == end else fault(error, field, -1)

cdef inline int full(WireError* error, const char* field) noexcept nogil:
    """The arena has no room for this field."""
    error.code = WIRE_TOO_LARGE
    return fault(error, field, -1)

cdef str path_of(const WireError* error)
cdef object wire_exception(const WireError* error)

cdef enum:
    PADDING = 32            # from the last byte of a message: a tag, then the longest varint or SHORT bytes with their length
    SHORT = 16              # bytes of a text that are checked at once
    GUESS_MAX = 32          # elements that room is taken for before they are seen

cdef inline const uint8_t* nowhere() noexcept nogil:
    """Where reading went wrong: beyond every end."""
    return <const uint8_t*><size_t>-1

cdef const uint8_t* skip_field(const uint8_t* p, const uint8_t* end, uint32_t tag, WireError* error) noexcept nogil
cdef const uint8_t* skip_unexpected(const uint8_t* p, const uint8_t* end, WireError* error) noexcept nogil
cdef const uint8_t* read_text_long(const uint8_t* p, const uint8_t* end, Text* text, WireError* error) noexcept nogil
cdef int32_t packed_count(const uint8_t* p, const uint8_t* end) noexcept nogil

cdef struct Varint:
    # Two registers, so that the common path of a reader keeps its place out of memory.
    const uint8_t* after
    uint64_t value

cdef Varint read_varint_bytewise(const uint8_t* p, const uint8_t* end) noexcept nogil
cdef Varint read_tag_long(const uint8_t* p, const uint8_t* end) noexcept nogil
cdef Varint read_size_long(const uint8_t* p, const uint8_t* end) noexcept nogil

cdef inline const uint8_t* padded_copy(const uint8_t* p, int64_t size, Arena* arena) noexcept nogil:
    """The message as decoders read it, in the arena; NULL when that is full."""
    cdef uint8_t* copy = <uint8_t*>arena_room(arena, <size_t>size + PADDING)
    if copy != NULL:
        memcpy(copy, p, <size_t>size)
        memset(copy + size, 0, PADDING)
    return copy

cdef Varint read_varint_far(const uint8_t* p) noexcept nogil

cdef inline Varint read_small(const uint8_t* p) noexcept nogil:
    """A number that mostly has one byte."""
    cdef Varint read
    if p[0] >= 0x80:
        return read_varint_far(p)
    read.value = p[0]
    read.after = p + 1
    return read

cdef inline Varint read_varint(const uint8_t* p) noexcept nogil:
    """Most numbers have one to three bytes: foreseeable branches, where each byte's continuation bit is taken off with the next."""
    cdef Varint read
    read.value = p[0]
    read.after = p + 1
    if p[0] >= 0x80:
        read.value += (<uint64_t>p[1] - 1) << 7
        read.after = p + 2
        if p[1] >= 0x80:
            read.value += (<uint64_t>p[2] - 1) << 14
            read.after = p + 3
            if p[2] >= 0x80:
                return read_varint_far(p)
    return read

cdef inline Varint read_tag(const uint8_t* p, const uint8_t* end) noexcept nogil:
    cdef Varint read
    if p < end and p[0] < 0x80:
        read.value = p[0]
        read.after = p + 1
        return read
    return read_tag_long(p, end)

cdef inline Varint read_size(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """A length, and that many bytes are there; else `after` is NULL."""
    cdef Varint read
    if p < end and p[0] < 0x80:
        read.value = p[0]
        read.after = p + 1 if <int64_t>read.value < end - p else NULL
        return read
    return read_size_long(p, end)

cdef inline Varint read_length(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """A length; whether so many bytes are there is for the reader to see."""
    cdef Varint read
    if p[0] >= 0x80:
        read = read_size_long(p, end)
        if read.after == NULL:
            read.after = nowhere()
            read.value = 0
        return read
    read.value = p[0]
    read.after = p + 1
    return read

@cython.cdivision(True)
cdef inline int32_t alike(const uint8_t* p, const uint8_t* end, uint64_t size) noexcept nogil:
    """How many elements of about this size the bytes may hold: a guess, so that an array is seldom moved."""
    cdef uint64_t count = <uint64_t>(end - p) // (size + 2)
    return <int32_t>(count + count // 8 + 1) if count < GUESS_MAX else GUESS_MAX

cdef inline const uint8_t* read_text(const uint8_t* p, const uint8_t* end, Text* text, WireError* error) noexcept nogil:
    """A `string`: UTF-8, checked. Of sixteen bytes the mask keeps the highest bits of those that belong to the text."""
    cdef const char* mask = b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    cdef uint64_t head, tail, head_mask, tail_mask
    cdef uint64_t size = p[0]
    p += 1
    if size > SHORT:
        return read_text_long(p - 1, end, text, error)
    mask += SHORT - size
    memcpy(&head_mask, mask, 8)
    memcpy(&tail_mask, mask + 8, 8)
    memcpy(&head, p, 8)
    memcpy(&tail, p + 8, 8)
    if (head & head_mask) | (tail & tail_mask):
        return read_text_long(p - 1, end, text, error)
    text.data = <const char*>p
    text.size = <int32_t>size
    return p + size

cdef inline const uint8_t* read_bytes(
    const uint8_t* p, const uint8_t* end, Text* text, WireError* error
) noexcept nogil:
    cdef Varint size = read_size(p, end)
    text.data = <const char*>size.after
    text.size = <int32_t>size.value
    return size.after + size.value if size.after != NULL else nowhere()

cdef inline int64_t zigzag_back(uint64_t value) noexcept nogil:
    return <int64_t>(value >> 1) ^ -<int64_t>(value & 1)

cdef inline uint64_t zigzag(int64_t value) noexcept nogil:
    return (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)

cdef uint8_t* put_varint_long(uint8_t* p, uint64_t value) noexcept nogil

cdef inline uint8_t* put_varint(uint8_t* p, uint64_t value) noexcept nogil:
    """At most 10 bytes, which must be free below `p` however few are written."""
    if value < 0x80:
        p -= 1
        p[0] = <uint8_t>value
        return p
    if value < 1 << 14:
        p -= 2
        p[0] = <uint8_t>value | 0x80
        p[1] = <uint8_t>(value >> 7)
        return p
    if value < 1 << 21:
        p -= 3
        p[0] = <uint8_t>value | 0x80
        p[1] = <uint8_t>(value >> 7) | 0x80
        p[2] = <uint8_t>(value >> 14)
        return p
    return put_varint_long(p, value)

cdef inline uint8_t* put_small(uint8_t* p, uint64_t value) noexcept nogil:
    """A number that mostly has one byte."""
    if value < 0x80:
        p -= 1
        p[0] = <uint8_t>value
        return p
    return put_varint_long(p, value)

cdef uint8_t* put_text_long(uint8_t* p, const char* source, int64_t size) noexcept nogil

cdef inline uint8_t* put_text(uint8_t* p, const char* source, int64_t size) noexcept nogil:
    """Content and length. Most texts are ids of a few bytes: two overlapping moves instead of a call."""
    cdef uint64_t head, tail
    cdef uint32_t head_half, tail_half
    if size > SHORT:
        return put_text_long(p, source, size)
    p -= size
    if size >= 8:
        memcpy(&head, source, 8)
        memcpy(&tail, source + size - 8, 8)
        memcpy(p, &head, 8)
        memcpy(p + size - 8, &tail, 8)
    elif size >= 4:
        memcpy(&head_half, source, 4)
        memcpy(&tail_half, source + size - 4, 4)
        memcpy(p, &head_half, 4)
        memcpy(p + size - 4, &tail_half, 4)
    elif size > 0:
        p[0] = <uint8_t>source[0]
        p[size >> 1] = <uint8_t>source[size >> 1]
        p[size - 1] = <uint8_t>source[size - 1]
    p -= 1
    p[0] = <uint8_t>size
    return p
