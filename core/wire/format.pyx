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


cdef const uint8_t* read_varint_bytewise(const uint8_t* p, const uint8_t* end, uint64_t* value) noexcept nogil:
    """Ten bytes at most; bits beyond 64 are dropped."""
    cdef uint64_t found = 0
    cdef uint8_t byte
    cdef int shift = 0
    while p < end and shift < 70:
        byte = p[0]
        p += 1
        found |= <uint64_t>(byte & 0x7f) << shift
        if byte < 0x80:
            value[0] = found
            return p
        shift += 7
    return NULL


cdef const uint8_t* read_tag_long(const uint8_t* p, const uint8_t* end, uint32_t* tag) noexcept nogil:
    """A tag of five bytes at most, within 32 bits."""
    cdef uint64_t value
    cdef const uint8_t* after = read_varint_bytewise(p, end, &value)
    if after == NULL or after - p > 5 or value > UINT32_MAX:
        return NULL
    tag[0] = <uint32_t>value
    return after


cdef const uint8_t* read_size_long(const uint8_t* p, const uint8_t* end, int32_t* size) noexcept nogil:
    """A length of five bytes at most, within 31 bits and within what is left."""
    cdef uint64_t value
    cdef const uint8_t* after = read_varint_bytewise(p, end, &value)
    if after == NULL or after - p > 5 or value > INT32_MAX or <int64_t>value > end - after:
        return NULL
    size[0] = <int32_t>value
    return after


cdef const uint8_t* skip_field(const uint8_t* p, const uint8_t* end, uint32_t tag, WireError* error) noexcept nogil:
    """The place after an unknown field whose tag was just read; groups must close in order."""
    cdef uint32_t[DEPTH_MAX] groups
    cdef int depth = 0
    cdef int32_t size
    cdef uint64_t ignored
    while True:
        if tag >> 3 == 0:
            return NULL
        elif tag & 7 == 0:
            p = read_varint(p, end, &ignored)
        elif tag & 7 == 1:
            p = p + 8 if end - p >= 8 else NULL
        elif tag & 7 == 2:
            p = read_size(p, end, &size)
            if p != NULL:
                p += size
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
        p = read_tag(p, end, &tag)
        if p == NULL:
            return NULL


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
    cdef int32_t count = 1
    cdef uint32_t next_tag
    p += size
    while p < end:
        p = read_tag(p, end, &next_tag)
        if p == NULL or next_tag != tag:
            break
        p = read_size(p, end, &size)
        if p == NULL:
            break
        p += size
        count += 1
    return count


cdef int32_t packed_count(const uint8_t* p, int32_t size) noexcept nogil:
    """How many varints end within `size` bytes."""
    cdef int32_t place, count = 0
    for place in range(size):
        count += p[place] < 0x80
    return count


cdef uint8_t* put_varint_long(uint8_t* p, uint64_t value) noexcept nogil:
    cdef int shift = (((63 - __builtin_clzll(value)) * 37) >> 8) * 7    # 7 × whole sevens below the top bit
    cdef uint8_t following = 0
    while shift >= 0:
        p -= 1
        p[0] = <uint8_t>((value >> shift) & 0x7f) | following
        following = 0x80
        shift -= 7
    return p
