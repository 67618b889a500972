# cython: overflowcheck=False
"""The rarer bytes of proto3: long varints, non-ASCII text, unknown fields; and how a refusal is told.

Agrees with protobuf's own parser on what is a message, but for groups in unknown fields nested beyond DEPTH_MAX, which are refused.
It must never read beyond `end` and never raise while parsing.
"""
from libc.stdint cimport INT32_MAX, UINT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from altyn.core.limits cimport DEPTH_MAX


class MalformedMessage(ValueError):
    """Bytes that are not a message of the asked type. `code` is a WireCode, `path` names the field: receipt.lines[3].sku."""

    def __init__(self, code: int, path: str) -> None:
        super().__init__(f"{('', 'malformed', 'not UTF-8', 'nested too deep', 'too large')[code]}: {path or 'message'}")
        self.code = code
        self.path = path


cdef int fault(WireError* error, const char* field, int32_t index) noexcept nogil:
    """Add the field that holds the failed place, and return the code: innermost field first."""
    if error.code == WIRE_OK:
        error.code = WIRE_MALFORMED
    if error.depth < DEPTH_MAX:
        error.steps[error.depth].field = field
        error.steps[error.depth].index = index
        error.depth += 1
    return error.code


cdef str path_of(const WireError* error):
    """receipt.lines[3].sku; empty for the message itself."""
    cdef int place
    names = []
    for place in range(error.depth - 1, -1, -1):
        name = "?" if error.steps[place].field == NULL else (<bytes>error.steps[place].field).decode()
        names.append(name if error.steps[place].index < 0 else f"{name}[{error.steps[place].index}]")
    return ".".join(names)


cdef object wire_exception(const WireError* error):
    return MalformedMessage(error.code, path_of(error))


cdef Varint read_varint_bytewise(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Ten bytes at most; bits beyond 64 are dropped."""
    cdef Varint read
    cdef int shift = 0
    read.value = 0
    read.after = p
    while read.after < end and shift < 70:
        read.value |= <uint64_t>(read.after[0] & 0x7f) << shift
        read.after += 1
        if (read.after - 1)[0] < 0x80:
            return read
        shift += 7
    read.after = NULL
    return read


cdef Varint read_varint_far(const uint8_t* p) noexcept nogil:
    """Eight bytes at once; more, one by one."""
    cdef Varint read
    cdef uint64_t word, stop
    memcpy(&word, p, 8)
    stop = ~word & <uint64_t>0x8080808080808080
    if stop == 0:
        read = read_varint_bytewise(p, p + 10)
        if read.after == NULL:
            read.after = nowhere()
        return read
    # Keep the bytes up to the first without a continuation bit, then close the gaps between 7-bit groups.
    word &= (stop ^ (stop - 1)) & <uint64_t>0x7f7f7f7f7f7f7f7f
    word = (word & <uint64_t>0x007f007f007f007f) | ((word & <uint64_t>0x7f007f007f007f00) >> 1)
    word = (word & <uint64_t>0x00003fff00003fff) | ((word & <uint64_t>0x3fff00003fff0000) >> 2)
    read.value = (word & <uint64_t>0x000000000fffffff) | ((word & <uint64_t>0x0fffffff00000000) >> 4)
    read.after = p + ((__builtin_ctzll(stop) + 1) >> 3)
    return read


cdef Varint read_tag_long(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """A tag of five bytes at most, within 32 bits."""
    cdef Varint read = read_varint_bytewise(p, end)
    if read.after - p > 5 or read.value > UINT32_MAX:
        read.after = NULL
    return read


cdef Varint read_size_long(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """A length of five bytes at most, within 31 bits and within what is left."""
    cdef Varint read = read_varint_bytewise(p, end)
    if read.after - p > 5 or read.value > INT32_MAX or <int64_t>read.value > end - read.after:
        read.after = NULL
    return read


cdef const uint8_t* skip_field(const uint8_t* p, const uint8_t* end, uint32_t tag, WireError* error) noexcept nogil:
    """The place after an unknown field whose tag was just read; groups must close in order."""
    cdef uint32_t[DEPTH_MAX] groups
    cdef int depth = 0
    cdef Varint read
    while True:
        if tag >> 3 == 0:
            return NULL
        elif tag & 7 == 0:
            p = read_varint_bytewise(p, end).after
        elif tag & 7 == 1:
            p = p + 8 if end - p >= 8 else NULL
        elif tag & 7 == 2:
            read = read_size(p, end)
            p = read.after + read.value if read.after != NULL else NULL
        elif tag & 7 == 3:
            if depth == DEPTH_MAX:
                error.code = WIRE_TOO_DEEP
                return NULL
            groups[depth] = tag >> 3
            depth += 1
        elif tag & 7 == 4:
            if depth == 0 or groups[depth - 1] != tag >> 3:
                return NULL
            depth -= 1
        elif tag & 7 == 5:
            p = p + 4 if end - p >= 4 else NULL
        else:
            return NULL
        if p == NULL or depth == 0:
            return p
        read = read_tag(p, end)
        if read.after == NULL:
            return NULL
        p = read.after
        tag = <uint32_t>read.value


cdef const uint8_t* skip_unexpected(const uint8_t* p, const uint8_t* end, WireError* error) noexcept nogil:
    """What a decoder did not foresee at `p`: the place after an unknown field, or where a known one begins once its tag is respelled.

    Tags are compared as they are spelled. One that somebody spelled with more bytes than it needs is written anew, just before its
    value: the bytes are the decoder's own.
    """
    cdef Varint read = read_tag(p, end)
    cdef uint8_t* respelled = <uint8_t*>read.after
    if read.after == NULL:
        return nowhere()
    cdef int needed = 1 if read.value < 0x80 else 2
    if read.value < 1 << 14 and read.after - p > needed:
        respelled -= needed
        respelled[0] = <uint8_t>read.value if needed == 1 else <uint8_t>read.value | 0x80
        if needed == 2:
            respelled[1] = <uint8_t>(read.value >> 7)
        return respelled
    p = skip_field(read.after, end, <uint32_t>read.value, error)
    return p if p != NULL else nowhere()


cdef const uint8_t* read_text_long(const uint8_t* p, const uint8_t* end, Text* text, WireError* error) noexcept nogil:
    """A `string` of any length and any characters."""
    cdef Varint size = read_size(p, end)
    if size.after == NULL:
        return nowhere()
    text.data = <const char*>size.after
    text.size = <int32_t>size.value
    if not utf8_valid(size.after, size.after + size.value):
        error.code = WIRE_BAD_UTF8
        return nowhere()
    return size.after + size.value


cdef bint utf8_valid(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Shortest form only, no surrogates, nothing above U+10FFFF."""
    cdef uint64_t word
    cdef uint8_t lead
    while p < end:
        if end - p >= 8:
            memcpy(&word, p, 8)
            if word & <uint64_t>0x8080808080808080 == 0:
                p += 8
                continue
        lead = p[0]
        if lead < 0x80:
            p += 1
        elif 0xc2 <= lead < 0xe0 and end - p >= 2 and p[1] & 0xc0 == 0x80:
            p += 2
        elif 0xe0 <= lead < 0xf0 and end - p >= 3 and p[1] & 0xc0 == 0x80 and p[2] & 0xc0 == 0x80:
            if (lead == 0xe0 and p[1] < 0xa0) or (lead == 0xed and p[1] > 0x9f):
                return False
            p += 3
        elif (0xf0 <= lead < 0xf5 and end - p >= 4
                and p[1] & 0xc0 == 0x80 and p[2] & 0xc0 == 0x80 and p[3] & 0xc0 == 0x80):
            if (lead == 0xf0 and p[1] < 0x90) or (lead == 0xf4 and p[1] > 0x8f):
                return False
            p += 4
        else:
            return False
    return True


cdef int32_t packed_count(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """How many varints end here."""
    cdef int32_t count = 0
    while p < end:
        count += p[0] < 0x80
        p += 1
    return count


cdef uint8_t* put_varint_long(uint8_t* p, uint64_t value) noexcept nogil:
    """Up to eight bytes at once, right-aligned: those before the varint's first byte are overwritten later. More, one by one."""
    cdef int bits
    if value >> 56:
        bits = 63 if value >> 63 else 56
        p -= 1
        p[0] = <uint8_t>(value >> bits)
        while bits:
            bits -= 7
            p -= 1
            p[0] = <uint8_t>(value >> bits) | 0x80
        return p
    bits = ((63 - __builtin_clzll(value)) * 37 >> 8) << 3    # of the bytes after the first
    value = (value & <uint64_t>0x000000000fffffff) | ((value & <uint64_t>0x00fffffff0000000) << 4)
    value = (value & <uint64_t>0x00003fff00003fff) | ((value & <uint64_t>0x0fffc0000fffc000) << 2)
    value = (value & <uint64_t>0x007f007f007f007f) | ((value & <uint64_t>0x3f803f803f803f80) << 1)
    value |= <uint64_t>0x8080808080808080 & ((<uint64_t>1 << bits) - 1)
    value <<= 56 - bits
    memcpy(p - 8, &value, 8)
    return p - 1 - (bits >> 3)


cdef uint8_t* put_text_long(uint8_t* p, const char* source, int64_t size) noexcept nogil:
    p -= size
    memcpy(p, source, <size_t>size)
    return put_varint(p, <uint64_t>size)
