"""Has this been said before? See recall.pyx."""
from libc.stdint cimport int64_t
from altyn.core.engine.step cimport Engine, Operation

cdef object recall(Engine engine, Operation operation, known)
cdef object lookup(Engine engine, Operation operation, int64_t after_seq, bint is_new)
cdef bint is_certainly_new(Engine engine, Operation operation) except -1
