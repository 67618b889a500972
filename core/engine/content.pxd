"""Which bytes of a request make its content: the fields whose change makes another operation of it."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from altyn.core.siphash cimport SipState

# Visit the fields of a message whose numbers' bits (below 64) are set in `wanted`, or of all others when `inverted`, and take their
# bytes, tags included, into the state. -1 when the bytes are not a message.
cdef int take_fields(SipState* state, const uint8_t* p, const uint8_t* end, uint64_t wanted, bint inverted) noexcept nogil
# The bytes of the first sub-message field with this number; its size, or -1.
cdef int64_t field_bytes(const uint8_t* p, const uint8_t* end, int number, const uint8_t** data) noexcept nogil
# SHA-256 of a register's call without its envelope.
cdef bytes content_sha256(bytes request)
# The same of an order of the back office.
cdef bytes order_sha256(bytes request)
