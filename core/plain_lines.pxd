"""Reading plain Python values into the calculator's structs."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.receipt cimport Line, Receipt
from altyn.core.text cimport Text

@cython.final
cdef class Texts:
    # Keeps the bytes that Text spans point into.
    cdef list _kept

    cdef void* room(self, size_t size) except NULL
    cdef Text* some(self, int count) except NULL
    cdef Text add(self, object value, str path) except *

# A whole number in a range, or its default. ReceiptError names the field.
cdef object number(dict row, str path, str key, object low, object high, object default=*)
# The attributes of a row's product, kept by `texts`; NULL: none.
cdef Text* attributes_of(dict row, str path, Texts texts, int32_t* count) except? NULL
# UnitKind and Flag bits of a row.
cdef int32_t unit_of(dict row, str path) except -1
cdef int32_t flags_of(dict row, str path) except -1
# Fill `receipt.lines`, which has room for them.
cdef int fill_lines(Receipt* receipt, list rows, Texts texts) except -1
