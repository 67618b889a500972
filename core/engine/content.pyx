"""Which bytes of a request make its content.

A repeat may differ in its envelope and in nothing else: fields 1, 2, 3 of a register's effect call (op_id, register_seq,
calc_token), field 1 of an order of the back office (op_id). A shown price holds for the same goods, coupons and customer,
whatever the clock, the payments and the receipt's number say. Requests have been decoded before they get here, so walking
their fields cannot fail on bytes that were accepted.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from altyn.core.sha256 cimport SHA256_BYTES, Sha256, sha256_end, sha256_start, sha256_take
from altyn.core.siphash cimport SipState, sip_take
from altyn.core.wire.format cimport Varint, WireError, read_size, read_tag, skip_field

cdef enum:
    CALL_ENVELOPE = 0b1110
    ORDER_ENVELOPE = 0b0010
    LENGTH_DELIMITED = 2

cdef inline const uint8_t* next_field(const uint8_t* p, const uint8_t* end, uint32_t* number, WireError* error) noexcept nogil:
    """The end of the field that begins at p, or NULL. Nearly all are a line or a text of less than 128 bytes."""
    cdef Varint tag
    if end - p >= 2 and p[0] & 0x87 == LENGTH_DELIMITED and p[1] < 0x80 and end - p - 2 >= p[1]:
        number[0] = p[0] >> 3
        return p + 2 + p[1]
    tag = read_tag(p, end)
    if tag.after == NULL:
        return NULL
    number[0] = <uint32_t>(tag.value >> 3)
    return skip_field(tag.after, end, <uint32_t>tag.value, error)

cdef int take_fields(SipState* state, const uint8_t* p, const uint8_t* end, uint64_t wanted, bint inverted) noexcept nogil:
    cdef uint32_t number = 0
    cdef WireError error
    cdef const uint8_t* after
    cdef const uint8_t* run = p
    cdef bint take
    while p < end:
        after = next_field(p, end, &number, &error)
        if after == NULL:
            return -1
        take = number < 64 and ((wanted >> number) & 1) != 0
        take = take != inverted
        if not take:
            sip_take(state, run, <uint64_t>(p - run))
            run = after
        p = after
    sip_take(state, run, <uint64_t>(p - run))
    return 0

cdef int64_t field_bytes(const uint8_t* p, const uint8_t* end, int number, const uint8_t** data) noexcept nogil:
    cdef uint32_t found = 0
    cdef Varint size
    cdef WireError error
    cdef const uint8_t* after
    while p < end:
        after = next_field(p, end, &found, &error)
        if after == NULL:
            return -1
        if found == <uint32_t>number:
            size = read_size(read_tag(p, end).after, end)
            data[0] = size.after
            return <int64_t>size.value if size.after != NULL else -1
        p = after
    return -1

cdef bytes sha256_without(bytes request, uint32_t envelope):
    cdef const uint8_t* start = <const uint8_t*>request
    cdef const uint8_t* end = start + len(request)
    cdef const uint8_t* p = start
    cdef const uint8_t* run = start
    cdef const uint8_t* after
    cdef uint32_t number = 0
    cdef WireError error
    cdef Sha256 state
    cdef uint8_t out[SHA256_BYTES]
    sha256_start(&state)
    while p < end:
        after = next_field(p, end, &number, &error)
        if after == NULL:
            break
        if number < 4 and ((envelope >> number) & 1) != 0:
            sha256_take(&state, run, <size_t>(p - run))
            run = after
        p = after
    sha256_take(&state, run, <size_t>(p - run))
    sha256_end(&state, out)
    return PyBytes_FromStringAndSize(<char*>out, SHA256_BYTES)

cdef bytes content_sha256(bytes request):
    return sha256_without(request, CALL_ENVELOPE)

cdef bytes order_sha256(bytes request):
    return sha256_without(request, ORDER_ENVELOPE)
