"""What has become of codes that are known by series and serial: two bits each, in pages made when first touched.

Decides nothing: it is the memory behind such codes. A page is of 16,384 serials in a row, so a series of ten million codes, all of them
touched, takes 2.5 million bytes; one that nobody touched takes none.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef enum:
    SERIAL_PAGE_BYTES = 4_096
    SERIALS_PER_PAGE = 16_384

cdef enum SerialBits:
    SERIAL_FREE = 0
    SERIAL_HELD = 1
    SERIAL_USED = 2
    SERIAL_APART = 3           # it has an end of its own, and lies among the codes known by hash

cdef struct SerialPages:
    uint8_t** pages            # NULL: nobody touched it
    uint32_t count             # places for pages

cdef struct Serials:
    SerialPages* series        # by series_no
    int32_t series_count       # places for series
    int64_t pages_count
    int64_t places_count

# A code's key: serial and series, little-endian, and zeros. 0: it is a keyed hash.
cdef void serial_key(int32_t series_no, int64_t serial, uint8_t* key) noexcept nogil
cdef int64_t serial_of_key(const uint8_t* key, int32_t* series_no) noexcept nogil

cdef SerialBits serial_read(const Serials* serials, int32_t series_no, int64_t serial) noexcept nogil
# Make the page: then a write cannot fail. False: no memory.
cdef bint serial_reserve(Serials* serials, int32_t series_no, int64_t serial) noexcept nogil
cdef void serial_write(Serials* serials, int32_t series_no, int64_t serial, SerialBits bits) noexcept nogil
cdef void serials_free(Serials* serials) noexcept nogil
cdef int64_t serials_bytes(const Serials* serials) noexcept nogil
