"""Body of the serials' bits. No function raises."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from altyn.core.limits cimport SERIALS_MAX, SERIES_NO_MAX


cdef void serial_key(int32_t series_no, int64_t serial, uint8_t* key) noexcept nogil:
    cdef uint64_t high = <uint64_t>series_no
    memcpy(key, &serial, 8)
    memcpy(key + 8, &high, 8)


cdef int64_t serial_of_key(const uint8_t* key, int32_t* series_no) noexcept nogil:
    cdef uint64_t serial, high
    memcpy(&serial, key, 8)
    memcpy(&high, key + 8, 8)
    if not 0 < serial <= <uint64_t>SERIALS_MAX or not 0 < high <= <uint64_t>SERIES_NO_MAX:
        return 0
    series_no[0] = <int32_t>high
    return <int64_t>serial


cdef SerialBits serial_read(const Serials* serials, int32_t series_no, int64_t serial) noexcept nogil:
    cdef const SerialPages* series
    cdef uint32_t at = <uint32_t>serial
    if series_no >= serials.series_count:
        return SERIAL_FREE
    series = &serials.series[series_no]
    if at // SERIALS_PER_PAGE >= series.count or series.pages[at // SERIALS_PER_PAGE] == NULL:
        return SERIAL_FREE
    return <SerialBits>(series.pages[at // SERIALS_PER_PAGE][at % SERIALS_PER_PAGE >> 2] >> ((at & 3) * 2) & 3)


cdef bint serial_reserve(Serials* serials, int32_t series_no, int64_t serial) noexcept nogil:
    cdef uint32_t page = <uint32_t>serial // SERIALS_PER_PAGE, places
    cdef int32_t wanted = series_no + 1 + (series_no >> 1)
    cdef SerialPages* series
    cdef uint8_t** grown
    if series_no >= serials.series_count:
        series = <SerialPages*>realloc(serials.series, <size_t>wanted * sizeof(SerialPages))
        if series == NULL:
            return False
        memset(series + serials.series_count, 0, <size_t>(wanted - serials.series_count) * sizeof(SerialPages))
        serials.series = series
        serials.series_count = wanted
    series = &serials.series[series_no]
    if page >= series.count:
        places = page + 1 + (page >> 1)
        grown = <uint8_t**>realloc(series.pages, places * sizeof(uint8_t*))
        if grown == NULL:
            return False
        memset(grown + series.count, 0, (places - series.count) * sizeof(uint8_t*))
        serials.places_count += places - series.count
        series.pages = grown
        series.count = places
    if series.pages[page] == NULL:
        series.pages[page] = <uint8_t*>calloc(1, SERIAL_PAGE_BYTES)
        if series.pages[page] == NULL:
            return False
        serials.pages_count += 1
    return True


cdef void serial_write(Serials* serials, int32_t series_no, int64_t serial, SerialBits bits) noexcept nogil:
    cdef uint32_t at = <uint32_t>serial
    cdef uint8_t* byte = &serials.series[series_no].pages[at // SERIALS_PER_PAGE][at % SERIALS_PER_PAGE >> 2]
    cdef int shift = (at & 3) * 2
    byte[0] = <uint8_t>((byte[0] & ~(3 << shift)) | <int>bits << shift)


cdef void serials_free(Serials* serials) noexcept nogil:
    cdef int32_t series_no
    cdef uint32_t page
    for series_no in range(serials.series_count):
        for page in range(serials.series[series_no].count):
            free(serials.series[series_no].pages[page])
        free(serials.series[series_no].pages)
    free(serials.series)
    memset(serials, 0, sizeof(Serials))


cdef int64_t serials_bytes(const Serials* serials) noexcept nogil:
    """Memory of pages and the places for them."""
    cdef int64_t total = serials.pages_count * SERIAL_PAGE_BYTES + serials.places_count * <int64_t>sizeof(uint8_t*)
    return total + serials.series_count * <int64_t>sizeof(SerialPages)
