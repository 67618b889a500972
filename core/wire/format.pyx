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
            p = read_varint(p, end).after
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


cdef int32_t run_count(const uint8_t* p, const uint8_t* end, int32_t size, uint32_t tag) noexcept nogil:
    """How many fields of this tag follow one another, when the first holds `size` bytes at `p`: how much room to take."""
    cdef int32_t count = 0
    cdef Varint read
    read.after = p
    read.value = <uint64_t>size
    while read.after != NULL:
        count += 1
        p = read.after + read.value
        read = read_tag(p, end)
        if read.after == NULL or read.value != tag:
            break
        read = read_size(read.after, end)
    return count


cdef int32_t packed_count(const uint8_t* p, int32_t size) noexcept nogil:
    """How many varints end within `size` bytes."""
    cdef int32_t place, count = 0
    for place in range(size):
        count += p[place] < 0x80
    return count


cdef uint8_t* put_varint_longest(uint8_t* p, uint64_t value) noexcept nogil:
    """Nine or ten bytes: the last first."""
    cdef int shift = 63 if value >> 63 else 56
    p -= 1
    p[0] = <uint8_t>(value >> shift)
    while shift:
        shift -= 7
        p -= 1
        p[0] = <uint8_t>(value >> shift) | 0x80
    return p
