"""gRPC over HTTP/2, the parts that are text: time-outs, the content type, statuses and messages.

Every function is total: what is malformed gives an answer that says so. Never here: frames, calls, Python's grpc.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

cdef enum:
    TIMEOUT_DIGITS_MAX = 8  # by the specification

cdef int64_t TIMEOUT_NS_MAX = 365 * 24 * 3600 * 1_000_000_000  # longer ones mean "no hurry" as well
cdef const char* STATUS_TEXTS[STATUS_COUNT]
STATUS_TEXTS[:] = [
    b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"10", b"11", b"12", b"13", b"14", b"15", b"16",
]
cdef bytes HEX = b"0123456789ABCDEF"


cdef int64_t timeout_ns(const uint8_t* text, size_t size) noexcept nogil:
    """Nanoseconds of a `grpc-timeout`, a year at most; -1 when it is malformed."""
    cdef int64_t value = 0, unit
    cdef size_t i
    if size < 2 or size > TIMEOUT_DIGITS_MAX + 1:
        return -1
    for i in range(size - 1):
        if text[i] < 48 or text[i] > 57:
            return -1
        value = value * 10 + (text[i] - 48)
    if text[size - 1] == b"n":
        unit = 1
    elif text[size - 1] == b"u":
        unit = 1_000
    elif text[size - 1] == b"m":
        unit = 1_000_000
    elif text[size - 1] == b"S":
        unit = 1_000_000_000
    elif text[size - 1] == b"M":
        unit = 60_000_000_000
    elif text[size - 1] == b"H":
        unit = 3_600_000_000_000
    else:
        return -1
    # Eight digits of seconds fit; of minutes and hours they do not.
    if unit > 1_000_000_000 and value > 525_600:
        return TIMEOUT_NS_MAX
    value *= unit
    return value if value < TIMEOUT_NS_MAX else TIMEOUT_NS_MAX


cdef bint is_grpc(const uint8_t* content_type, size_t size) noexcept nogil:
    """`application/grpc`, alone or with a subtype or parameters."""
    if size < 16 or memcmp(content_type, b"application/grpc", 16) != 0:
        return False
    return size == 16 or content_type[16] == b"+" or content_type[16] == b";"


cdef const char* status_text(int status) noexcept nogil:
    """The digits of a status code; of one that does not exist, those of UNKNOWN."""
    return STATUS_TEXTS[status if 0 <= status < STATUS_COUNT else 2]


cdef bytes percent_encoded(bytes message):
    """A message as `grpc-message` carries it: what is not printable ASCII, and `%`, as %XX."""
    cdef const uint8_t* start = message
    cdef Py_ssize_t i, size = len(message)
    cdef bytearray encoded
    for i in range(size):
        if start[i] < 0x20 or start[i] > 0x7E or start[i] == 0x25:
            break
    else:
        return message
    encoded = bytearray()
    for i in range(size):
        if start[i] < 0x20 or start[i] > 0x7E or start[i] == 0x25:
            encoded.append(0x25)
            encoded.append(HEX[start[i] >> 4])
            encoded.append(HEX[start[i] & 15])
        else:
            encoded.append(start[i])
    return bytes(encoded)


def parse_timeout(bytes text not None) -> int:
    """`timeout_ns` for whoever is not compiled."""
    return timeout_ns(text, len(text))


def encode_message(bytes message not None) -> bytes:
    """`percent_encoded` for whoever is not compiled."""
    return percent_encoded(message)
