"""What waits for the journal's writer: see the body."""
from libc.stdint cimport int64_t

from altyn.server.copy_exchange cimport CopyExchange
from altyn.server.copy_rows cimport CopyRows

cdef class JournalQueue:
    cdef readonly int shard
    cdef readonly int64_t epoch
    cdef public int64_t _seq        # of the last record appended
    cdef bytes hash                 # of the last record appended
    cdef CopyRows open              # None until a record comes
    cdef list closed                # full batches, the oldest last
    cdef CopyRows spare             # the memory of a batch that is durable
    cdef int64_t rows
    cdef int64_t bytes_used
    cdef int64_t rows_max
    cdef int64_t bytes_max
    cdef int64_t batch_rows_max
    cdef int64_t batch_bytes_max
    cdef int64_t partition_rows
    cdef int64_t wait_ns_max
    cdef int64_t kib_ns             # what the last batches took, by size; 0: not known
    cdef public bint _ending
    cdef int64_t looked_ns          # when it was asked last whether an answer has come
    cdef public CopyExchange _exchange  # where a batch may be under way
    cdef public bint _goes_on       # after the batch under way the next one goes out at once
    cdef public object _wake        # called, once, by the next append; None: nobody waits

    cdef int look(self) except -1
