"""Which numbers the accumulations of a ruleset have in a book."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from altyn.core.ledger.book cimport Book
from altyn.core.rules.ruleset cimport Ruleset

@cython.final
cdef class Numbers:
    cdef readonly Ruleset ruleset
    cdef readonly list names   # bytes, by the ruleset's accumulation
    cdef int32_t* numbers      # likewise; 0: the book does not keep it
    cdef uint64_t* digests     # likewise, of the names
    cdef int32_t count
    cdef bint all_ready        # every value can be read
    cdef bint kept_all         # the book keeps nothing else
    cdef object book           # of which, and at which of its revisions
    cdef int64_t revision

    # Look again, when the book has changed what it keeps.
    cdef int look(self, Book book) except -1
