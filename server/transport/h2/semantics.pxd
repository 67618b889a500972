"""gRPC over HTTP/2, the parts that are text: see the body."""

from libc.stdint cimport int64_t, uint8_t

cdef enum Status:
    GRPC_OK = 0
    GRPC_CANCELLED = 1
    GRPC_DEADLINE_EXCEEDED = 4
    GRPC_NOT_FOUND = 5
    GRPC_RESOURCE_EXHAUSTED = 8
    GRPC_UNIMPLEMENTED = 12
    GRPC_INTERNAL = 13
    GRPC_UNAVAILABLE = 14

cdef enum:
    STATUS_COUNT = 17

cdef int64_t timeout_ns(const uint8_t* text, size_t size) noexcept nogil
cdef bint is_grpc(const uint8_t* content_type, size_t size) noexcept nogil
cdef const char* status_text(int status) noexcept nogil
cdef bytes percent_encoded(bytes message)
