"""A span of bytes that someone else owns."""
from libc.stdint cimport int32_t
from libc.string cimport memcmp

cdef struct Text:
    const char* data
    int32_t size

cdef inline int text_compare(Text a, Text b) noexcept nogil:
    """Order as bytes: below, equal to or above 0. Shorter first on a common prefix."""
    cdef int32_t shorter = a.size if a.size < b.size else b.size
    cdef int order = memcmp(a.data, b.data, <size_t>shorter) if shorter > 0 else 0
    if order != 0:
        return order
    return (a.size > b.size) - (a.size < b.size)

cdef inline bint text_equal(Text a, Text b) noexcept nogil:
    return a.size == b.size and (a.size == 0 or memcmp(a.data, b.data, <size_t>a.size) == 0)
