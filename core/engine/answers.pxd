"""What the engine says of one call: made for every receipt, so without a Python call or a tuple."""
cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Record:
    cdef readonly int64_t seq
    cdef readonly bytes op_id
    cdef readonly int kind
    cdef readonly bytes natural_key
    cdef readonly bytes receipt_key
    cdef readonly int64_t instant_us
    cdef readonly bytes body
    cdef readonly bytes original_key

@cython.final
cdef class Answer:
    cdef readonly bytes reply
    cdef readonly Record record
    cdef readonly int64_t seq

cdef Record new_row(int64_t seq, bytes op_id, int kind, bytes natural_key, bytes receipt_key, int64_t instant_us, bytes body,
                    bytes original_key)
cdef Answer new_answer(bytes reply, Record record, int64_t seq)
