"""What comes out of the engine besides bytes: an answer, and the journal row that makes it true.

Values: nobody changes them once made.
"""
cimport cython
from libc.stdint cimport int64_t


@cython.final
@cython.freelist(256)
cdef class Record:
    """One journal row to be written. `seq` is the place the engine counted on. `receipt_key` is None when the
    operation is about no receipt, `natural_key` also when it was taken before.
    `original_key` names the sale that it takes back, or
    that it waits for."""

    def __init__(self, int64_t seq, bytes op_id not None, int kind, bytes natural_key, bytes receipt_key, int64_t instant_us,
                 bytes body not None, bytes original_key=None):
        self.seq = seq
        self.op_id = op_id
        self.kind = kind
        self.natural_key = natural_key
        self.receipt_key = receipt_key
        self.instant_us = instant_us
        self.body = body
        self.original_key = original_key


@cython.final
@cython.freelist(256)
cdef class Answer:
    """A reply, the record to journal with it (None for reads and repeats), and the seq the reply depends on."""

    def __init__(self, bytes reply not None, Record record, int64_t seq):
        self.reply = reply
        self.record = record
        self.seq = seq


cdef Record new_row(int64_t seq, bytes op_id, int kind, bytes natural_key, bytes receipt_key, int64_t instant_us, bytes body,
                    bytes original_key):
    cdef Record record = Record.__new__(Record)
    record.seq = seq
    record.op_id = op_id
    record.kind = kind
    record.natural_key = natural_key
    record.receipt_key = receipt_key
    record.instant_us = instant_us
    record.body = body
    record.original_key = original_key
    return record


cdef Answer new_answer(bytes reply, Record record, int64_t seq):
    cdef Answer answer = Answer.__new__(Answer)
    answer.reply = reply
    answer.record = record
    answer.seq = seq
    return answer
