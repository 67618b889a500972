"""What the wire codec costs: many varied requests decoded, many varied replies encoded, no Python object inside the loops."""
import time

from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.limits cimport ARENA_BYTES, REPLY_BYTES_MAX
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset, arena_take
from altyn.core.wire.format cimport WireError, wire_exception
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    MESSAGES_MAX = 20_000


cdef struct Span:
    const uint8_t* data
    int64_t size


def decode_nanoseconds(list requests, int rounds):
    """Processor nanoseconds to decode one CommitReceiptRequest, and all decoded lines as a check, over `rounds` passes through `requests`."""
    cdef Span[MESSAGES_MAX] spans
    cdef Arena arena
    cdef WireError error
    cdef pos_v1.CommitReceiptRequest request
    cdef int count = len(requests), index
    cdef int64_t lines = 0
    assert 0 < count <= MESSAGES_MAX
    for index in range(count):
        spans[index].data = <const uint8_t*><char*><bytes>requests[index]
        spans[index].size = len(requests[index])
    arena_open(&arena, ARENA_BYTES)
    begin = time.thread_time_ns()
    with nogil:
        for _ in range(rounds):
            for index in range(count):
                arena_reset(&arena)
                if pos_v1.decode_CommitReceiptRequest(
                    &request, spans[index].data, spans[index].data + spans[index].size, &arena, &error
                ) == 0:
                    lines += request.receipt.lines_count
    spent = time.thread_time_ns() - begin
    arena_close(&arena)
    return spent / (rounds * count), lines


def encode_nanoseconds(list replies, int rounds):
    """Processor nanoseconds to encode one CommitReceiptResponse, and all bytes written as a check."""
    cdef Arena arena
    cdef WireError error
    cdef pos_v1.CommitReceiptResponse* built
    cdef int count = len(replies), index
    cdef int64_t written = 0
    cdef const uint8_t* data
    buffer = bytearray(REPLY_BYTES_MAX)
    cdef uint8_t* target = buffer
    assert 0 < count <= MESSAGES_MAX
    arena_open(&arena, <size_t>count * 32_768)
    built = <pos_v1.CommitReceiptResponse*>arena_take(&arena, count * sizeof(pos_v1.CommitReceiptResponse))
    for index in range(count):
        data = <const uint8_t*><char*><bytes>replies[index]
        if pos_v1.decode_CommitReceiptResponse(&built[index], data, data + len(replies[index]), &arena, &error):
            raise wire_exception(&error)
    begin = time.thread_time_ns()
    with nogil:
        for _ in range(rounds):
            for index in range(count):
                written += pos_v1.encode_CommitReceiptResponse(&built[index], target, REPLY_BYTES_MAX)
    spent = time.thread_time_ns() - begin
    arena_close(&arena)
    return spent / (rounds * count), written
