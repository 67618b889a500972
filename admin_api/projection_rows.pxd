"""Rows of the projection's large tables in PostgreSQL's binary COPY format: see the body."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t

from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

@cython.final
cdef class TableRows:
    cdef uint8_t* data
    cdef Py_ssize_t room
    cdef Py_ssize_t used
    cdef readonly int64_t count
    cdef bint is_closed
    cdef int exports
    cdef bint has_overflow          # a number did not fit its column

    cdef int make_room(self, Py_ssize_t extra) except -1
    cdef int begin(self, int columns, Py_ssize_t texts_bytes) except -1
    cdef void put_number(self, int64_t value, int size) noexcept nogil
    cdef void put_field(self, int64_t value, int size) noexcept nogil
    cdef void put_known(self, int64_t value) noexcept nogil
    cdef void put_text(self, Text text) noexcept nogil
    cdef void put_smalls(self, const int32_t* values, int32_t count) noexcept nogil

@cython.final
cdef class ProjectionRows:
    cdef readonly TableRows receipts
    cdef readonly TableRows lines
    cdef readonly TableRows discounts
    cdef readonly TableRows entries
    cdef Arena arena

    cdef int add_receipt(self, int64_t seq, const journal_v1.Record* record, const pos_v1.CommitReceiptResponse* reply) except -1
    cdef int add_line(
        self, int64_t seq, const pos_v1.ReceiptLine* line, const journal_v1.LineFacts* facts, const pos_v1.LineOutcome* outcome
    ) except -1
    cdef int add_entries(self, int64_t seq, const journal_v1.Record* record) except -1
