"""What the wire codec costs: many varied requests decoded, many varied replies encoded, no Python object inside the loops.

In a server the request has just been received and the reply's structs have just been written, so each batch is brought into the
nearest caches before its clock starts. The clock is the thread's processor time, read once per batch.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_THREAD_CPUTIME_ID, clock_gettime, timespec
from altyn.core.limits cimport ARENA_BYTES, REPLY_BYTES_MAX
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset
from altyn.core.wire.format cimport WireError, wire_exception
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    BATCH = 32                 # messages: as structs about 150 kB, less than the second cache holds


cdef struct Span:
    const uint8_t* data
    int64_t size


cdef class Messages:
    """Messages as bytes, side by side in memory of their own."""
    cdef Span* spans
    cdef int32_t count
    cdef list kept

    def __cinit__(self, list messages not None):
        cdef int32_t index
        self.kept = [bytes(message) for message in messages]
        self.count = <int32_t>len(messages)
        self.spans = <Span*>malloc(<size_t>self.count * sizeof(Span))
        if self.spans == NULL:
            raise MemoryError
        for index in range(self.count):
            self.spans[index].data = <const uint8_t*><const char*><bytes>self.kept[index]
            self.spans[index].size = len(self.kept[index])

    def __dealloc__(self):
        free(self.spans)


cdef inline int64_t thread_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return now.tv_sec * <int64_t>1_000_000_000 + now.tv_nsec


def decode_nanoseconds(Messages requests not None, int rounds):
    """Processor nanoseconds to decode one CommitReceiptRequest, and all decoded lines as a check, over `rounds` passes."""
    cdef Arena arena
    cdef WireError error
    cdef pos_v1.CommitReceiptRequest request
    cdef Span* span
    cdef int32_t batch, end, index
    cdef int64_t place, lines = 0, spent = 0, begin, read = 0
    arena_open(&arena, ARENA_BYTES)
    with nogil:
        for _ in range(rounds):
            end = 0
            while end < requests.count:
                batch = end
                end = min(batch + BATCH, requests.count)
                for index in range(batch, end):
                    for place in range(0, requests.spans[index].size, 64):
                        read += requests.spans[index].data[place]
                begin = thread_ns()
                for index in range(batch, end):
                    span = &requests.spans[index]
                    arena_reset(&arena)
                    if pos_v1.decode_CommitReceiptRequest(&request, span.data, span.data + span.size, &arena, &error) == 0:
                        lines += request.receipt.lines_count
                spent += thread_ns() - begin
    arena_close(&arena)
    assert read != 0
    return spent / (rounds * requests.count), lines


def encode_nanoseconds(Messages replies not None, int rounds, int times=1):
    """Processor nanoseconds to encode one CommitReceiptResponse, and all bytes written as a check; each batch `times` times."""
    cdef Arena arena
    cdef WireError error
    cdef pos_v1.CommitReceiptResponse[BATCH] built
    cdef Span* span
    cdef int32_t batch, end, index, done
    cdef int64_t written = 0, spent = 0, begin
    buffer = bytearray(REPLY_BYTES_MAX)
    cdef uint8_t* target = buffer
    arena_open(&arena, ARENA_BYTES)
    for done in range(rounds):
        end = 0
        while end < replies.count:
            batch = end
            end = min(batch + BATCH, replies.count)
            arena_reset(&arena)
            for index in range(batch, end):
                span = &replies.spans[index]
                if pos_v1.decode_CommitReceiptResponse(&built[index - batch], span.data, span.data + span.size, &arena, &error):
                    raise wire_exception(&error)
            with nogil:
                begin = thread_ns()
                for _ in range(times):
                    for index in range(end - batch):
                        written += pos_v1.encode_CommitReceiptResponse(&built[index], target, REPLY_BYTES_MAX)
                spent += thread_ns() - begin
    arena_close(&arena)
    return spent / (rounds * times * replies.count), written
