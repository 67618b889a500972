"""Reader of binary COPY rows; see the header."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcmp
from altyn.core.text cimport Text
cimport cython

cdef enum:
    SIGNATURE_BYTES = 11
    HEADER_BYTES = 19            # signature, flags, length of the extension

cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\x00"


cdef inline int32_t _int32(const unsigned char* data) noexcept nogil:
    return <int32_t>((<uint32_t>data[0] << 24) | (<uint32_t>data[1] << 16) | (<uint32_t>data[2] << 8) | data[3])


cdef inline int32_t _int16(const unsigned char* data) noexcept nogil:
    cdef int32_t value = (<int32_t>data[0] << 8) | data[1]
    return value - 65_536 if value >= 32_768 else value


@cython.final
cdef class CopyRows:
    def __cinit__(self):
        self._chunk = b""

    def append(self, chunk not None):
        if self.finished and chunk:
            raise ValueError("bytes after the end of the COPY stream")
        if self._position < len(self._chunk):
            self._chunk = self._chunk[self._position:] + chunk
        else:
            self._chunk = bytes(chunk)
        self._position = 0

    cdef int _read_header(self) except -1:
        """1 when the header has been passed, 0 when more bytes are needed."""
        cdef const unsigned char* data = <const unsigned char*>PyBytes_AS_STRING(self._chunk)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self._chunk)
        cdef int64_t extension
        if size < HEADER_BYTES:
            return 0
        if memcmp(data, PyBytes_AS_STRING(SIGNATURE), SIGNATURE_BYTES) != 0:
            raise ValueError("not a binary COPY stream")
        extension = _int32(data + HEADER_BYTES - 4)
        if not 0 <= extension <= COPY_ROW_BYTES_MAX:
            raise ValueError("COPY header extension of " + str(extension) + " bytes")
        if size < HEADER_BYTES + extension:
            return 0
        self._position = <Py_ssize_t>(HEADER_BYTES + extension)
        self._header_read = True
        return 1

    cdef int next_row(self, Field* fields, int32_t fields_count) except -1:
        cdef const unsigned char* data
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self._chunk)
        cdef Py_ssize_t at
        cdef int32_t i, field_size
        assert 0 < fields_count <= COPY_FIELDS_MAX
        if self.finished or not self._header_read and not self._read_header():
            return 0
        data = <const unsigned char*>PyBytes_AS_STRING(self._chunk)
        at = self._position
        if size - at < 2:
            return 0
        i = _int16(data + at)
        at += 2
        if i == -1:
            if size > at:
                raise ValueError("bytes after the end of the COPY stream")
            self._position = at
            self.finished = True
            return 0
        if i != fields_count:
            raise ValueError("COPY row of " + str(i) + " fields, expected " + str(fields_count))
        for i in range(fields_count):
            if size - at < 4:
                return 0
            field_size = _int32(data + at)
            at += 4
            if not -1 <= field_size <= COPY_ROW_BYTES_MAX:
                raise ValueError("COPY field of " + str(field_size) + " bytes")
            fields[i].data = data + at
            fields[i].size = field_size
            if field_size > 0:
                if size - at < field_size:
                    return 0
                at += field_size
        self._position = at
        self.rows_count += 1
        return 1


@cython.overflowcheck(False)
cdef int64_t field_int(Field field) except? -1:
    cdef uint64_t value = 0
    cdef int32_t i
    if field.size == 2:
        return _int16(field.data)
    if field.size == 4:
        return _int32(field.data)
    if field.size != 8:
        raise ValueError("COPY field of " + str(field.size) + " bytes where a number was expected")
    for i in range(8):
        value = (value << 8) | field.data[i]
    return <int64_t>value


cdef int field_bool(Field field) except -1:
    if field.size != 1:
        raise ValueError("COPY field of " + str(field.size) + " bytes where a boolean was expected")
    return field.data[0] != 0


cdef int field_text(Field field, int32_t bytes_max, Text* text) except -1:
    """Null reads as empty."""
    if field.size > bytes_max:
        raise ValueError("COPY text of " + str(field.size) + " bytes, at most " + str(bytes_max))
    text.data = <const char*>field.data
    text.size = field.size if field.size > 0 else 0
    return 0
