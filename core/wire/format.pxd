"""Bytes of proto3: reading forwards, writing backwards.

Readers take (p, end), return the place after what they read, or NULL; they never look at or beyond `end`. Writers take the place
where the next byte must end and return where it starts; whoever calls them has made sure of the room. Little-endian machines only.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from altyn.core.limits cimport DEPTH_MAX
from altyn.core.text cimport Text

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
cdef str path_of(const WireError* error)
cdef object wire_exception(const WireError* error)

cdef const uint8_t* skip_field(const uint8_t* p, const uint8_t* end, uint32_t tag, WireError* error) noexcept nogil
cdef bint utf8_valid(const uint8_t* p, const uint8_t* end) noexcept nogil
cdef int32_t run_count(const uint8_t* p, const uint8_t* end, int32_t size, uint32_t tag) noexcept nogil
cdef int32_t packed_count(const uint8_t* p, int32_t size) noexcept nogil

cdef struct Varint:
    # Two registers, so that the common path of a reader keeps its place out of memory.
    const uint8_t* after
    uint64_t value

cdef Varint read_varint_bytewise(const uint8_t* p, const uint8_t* end) noexcept nogil
cdef Varint read_tag_long(const uint8_t* p, const uint8_t* end) noexcept nogil
cdef Varint read_size_long(const uint8_t* p, const uint8_t* end) noexcept nogil

cdef inline Varint read_varint_long(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Two and three bytes by foreseeable branches, more at once where eight bytes are there."""
    cdef Varint read
    cdef uint64_t word, stop = 0
    if end - p >= 2 and p[1] < 0x80:
        read.value = <uint64_t>(p[0] & 0x7f) | <uint64_t>p[1] << 7
        read.after = p + 2
        return read
    if end - p >= 3 and p[2] < 0x80:
        read.value = <uint64_t>(p[0] & 0x7f) | <uint64_t>(p[1] & 0x7f) << 7 | <uint64_t>p[2] << 14
        read.after = p + 3
        return read
    if end - p >= 8:
        memcpy(&word, p, 8)
        stop = ~word & <uint64_t>0x8080808080808080
    if stop == 0:
        return read_varint_bytewise(p, end)
    # Keep the bytes up to the first without a continuation bit, then close the gaps between 7-bit groups.
    word &= (stop ^ (stop - 1)) & <uint64_t>0x7f7f7f7f7f7f7f7f
    word = (word & <uint64_t>0x007f007f007f007f) | ((word & <uint64_t>0x7f007f007f007f00) >> 1)
    word = (word & <uint64_t>0x00003fff00003fff) | ((word & <uint64_t>0x3fff00003fff0000) >> 2)
    read.value = (word & <uint64_t>0x000000000fffffff) | ((word & <uint64_t>0x0fffffff00000000) >> 4)
    read.after = p + ((__builtin_ctzll(stop) + 1) >> 3)
    return read

cdef inline Varint read_varint(const uint8_t* p, const uint8_t* end) noexcept nogil:
    cdef Varint read
    if p < end and p[0] < 0x80:
        read.value = p[0]
        read.after = p + 1
        return read
    return read_varint_long(p, end)

cdef inline Varint read_tag(const uint8_t* p, const uint8_t* end) noexcept nogil:
    cdef Varint read
    if p < end and p[0] < 0x80:
        read.value = p[0]
        read.after = p + 1
        return read
    return read_tag_long(p, end)

cdef inline Varint read_size(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """A length, and that many bytes are there."""
    cdef Varint read
    if p < end and p[0] < 0x80:
        read.value = p[0]
        read.after = p + 1 if <int64_t>read.value < end - p else NULL
        return read
    return read_size_long(p, end)

cdef inline bint ascii_only(const uint8_t* p, int32_t size) noexcept nogil:
    cdef uint64_t word, bits = 0
    cdef uint32_t half, last
    cdef const uint8_t* tail
    if size >= 8:
        tail = p + size - 8
        while p < tail:
            memcpy(&word, p, 8)
            bits |= word
            p += 8
        memcpy(&word, tail, 8)
        return (bits | word) & <uint64_t>0x8080808080808080 == 0
    if size >= 4:
        memcpy(&half, p, 4)
        memcpy(&last, p + size - 4, 4)
        return (half | last) & <uint32_t>0x80808080 == 0
    if size > 0:
        return (p[0] | p[size >> 1] | p[size - 1]) < 0x80
    return True

cdef inline const uint8_t* read_text(const uint8_t* p, const uint8_t* end, Text* text, WireError* error) noexcept nogil:
    """A `string`: UTF-8, checked."""
    cdef Varint size = read_size(p, end)
    p = size.after
    if p == NULL:
        return NULL
    text.data = <const char*>p
    text.size = <int32_t>size.value
    if not ascii_only(p, <int32_t>size.value) and not utf8_valid(p, p + size.value):
        error.code = WIRE_BAD_UTF8
        return NULL
    return p + size.value

cdef inline const uint8_t* read_bytes(const uint8_t* p, const uint8_t* end, Text* text) noexcept nogil:
    cdef Varint size = read_size(p, end)
    text.data = <const char*>size.after
    text.size = <int32_t>size.value
    return size.after + size.value if size.after != NULL else NULL

cdef inline int64_t zigzag_back(uint64_t value) noexcept nogil:
    return <int64_t>(value >> 1) ^ -<int64_t>(value & 1)

cdef inline uint64_t zigzag(int64_t value) noexcept nogil:
    return (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)

cdef uint8_t* put_varint_longest(uint8_t* p, uint64_t value) noexcept nogil

cdef inline uint8_t* put_varint_long(uint8_t* p, uint64_t value) noexcept nogil:
    """Four or eight bytes at once, right-aligned: those before the varint's first byte are overwritten later."""
    cdef int bits
    cdef uint32_t half
    if value < 1 << 14:
        p -= 2
        p[0] = <uint8_t>value | 0x80
        p[1] = <uint8_t>(value >> 7)
        return p
    if value < 1 << 28:
        bits = 16 if value < 1 << 21 else 24
        half = <uint32_t>value
        half = (half & 0x00003fff) | ((half & 0x0fffc000) << 2)
        half = (half & 0x007f007f) | ((half & 0x3f803f80) << 1)
        half |= 0x00808080 & ((<uint32_t>1 << bits) - 1)
        half <<= 24 - bits
        memcpy(p - 4, &half, 4)
        return p - 1 - (bits >> 3)
    if value >> 56:
        return put_varint_longest(p, value)
    bits = ((63 - __builtin_clzll(value)) * 37 >> 8) << 3    # of the bytes after the first
    value = (value & <uint64_t>0x000000000fffffff) | ((value & <uint64_t>0x00fffffff0000000) << 4)
    value = (value & <uint64_t>0x00003fff00003fff) | ((value & <uint64_t>0x0fffc0000fffc000) << 2)
    value = (value & <uint64_t>0x007f007f007f007f) | ((value & <uint64_t>0x3f803f803f803f80) << 1)
    value |= <uint64_t>0x8080808080808080 & ((<uint64_t>1 << bits) - 1)
    value <<= 56 - bits
    memcpy(p - 8, &value, 8)
    return p - 1 - (bits >> 3)

cdef inline uint8_t* put_varint(uint8_t* p, uint64_t value) noexcept nogil:
    """At most 10 bytes, which must be free below `p` however few are written."""
    if value < 0x80:
        p -= 1
        p[0] = <uint8_t>value
        return p
    return put_varint_long(p, value)

cdef inline void copy_text(uint8_t* to, const char* source, int32_t size) noexcept nogil:
    """Most texts are ids of a few bytes: two overlapping moves instead of a call."""
    cdef uint64_t head, tail
    cdef uint32_t head_half, tail_half
    if size > 16:
        memcpy(to, source, <size_t>size)
    elif size >= 8:
        memcpy(&head, source, 8)
        memcpy(&tail, source + size - 8, 8)
        memcpy(to, &head, 8)
        memcpy(to + size - 8, &tail, 8)
    elif size >= 4:
        memcpy(&head_half, source, 4)
        memcpy(&tail_half, source + size - 4, 4)
        memcpy(to, &head_half, 4)
        memcpy(to + size - 4, &tail_half, 4)
    elif size > 0:
        to[0] = <uint8_t>source[0]
        to[size >> 1] = <uint8_t>source[size >> 1]
        to[size - 1] = <uint8_t>source[size - 1]

cdef inline uint8_t* put_text(uint8_t* p, const uint8_t* floor, const Text* text, int64_t room) noexcept nogil:
    """Content and length; NULL unless `room` bytes stay free above `floor`."""
    if p - floor < text.size + room:
        return NULL
    p -= text.size
    copy_text(p, text.data, text.size)
    return put_varint(p, <uint64_t>text.size)
