"""What a line promotion with limits gave in its trial, taken afterwards where it won."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work

cdef void note_gifts(Work* work) noexcept nogil
cdef int64_t take_won(Work* work) noexcept nogil
