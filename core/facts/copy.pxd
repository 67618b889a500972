"""Rows of PostgreSQL's binary COPY, read in place from the chunks a connection delivers.

Decides where a row begins and ends, and nothing about its meaning. Chunks may break anywhere. Fields point into the chunk
and are valid until the next append. It must never believe a length it has not checked against the bytes at hand.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.text cimport Text

cdef enum:
    COPY_FIELDS_MAX = 16
    COPY_ROW_BYTES_MAX = 65_536

cdef struct Field:
    const unsigned char* data
    int32_t size                 # -1: null

@cython.final
cdef class CopyRows:
    cdef bytes _chunk
    cdef Py_ssize_t _position
    cdef bint _header_read
    cdef readonly bint finished  # the trailer was read: no row follows
    cdef readonly int64_t rows_count

    cdef int next_row(self, Field* fields, int32_t fields_count) except -1   # 1: a row; 0: append more or finished
    cdef int _read_header(self) except -1

cdef int64_t field_int(Field field) except? -1                   # int2, int4, int8; not null
cdef int field_bool(Field field) except -1
cdef int field_text(Field field, int32_t bytes_max, Text* text) except -1
