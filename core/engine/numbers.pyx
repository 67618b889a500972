"""Body of the numbers. Decides nothing: names are compared as bytes, and what is counted is the book's to say."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free

from altyn.core.ledger.accumulators cimport DROPPED, Accumulation, accumulation_of, is_ready
from altyn.core.ledger.book cimport Book
from altyn.core.limits cimport ACCUMULATIONS_KEPT_MAX
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.siphash cimport SipKey, SipState, sip_end, sip_start, sip_take


cdef uint64_t digest_of(bytes name) noexcept:
    """Names are no secret, and 64 bits tell those of one receipt apart."""
    cdef SipKey key = [0x616C74796E2E6163, 0x63756D2E6E616D65]
    cdef SipState state
    sip_start(&state, key)
    sip_take(&state, <const uint8_t*><const char*>name, <uint64_t>len(name))
    return sip_end(&state).low


@cython.final
cdef class Numbers:
    """One ruleset's; made once for it."""

    def __cinit__(self, Ruleset ruleset not None):
        cdef int32_t i
        self.ruleset = ruleset
        self.names = [name.encode() for name in ruleset.read_set["accumulations"]]
        self.count = <int32_t>len(self.names)
        self.numbers = <int32_t*>calloc(self.count + 1, sizeof(int32_t))
        self.digests = <uint64_t*>calloc(self.count + 1, sizeof(uint64_t))
        if self.numbers == NULL or self.digests == NULL:
            raise MemoryError
        for i in range(self.count):
            self.digests[i] = digest_of(self.names[i])

    def __dealloc__(self):
        free(self.numbers)
        free(self.digests)

    cdef int look(self, Book book) except -1:
        cdef const Accumulation* row
        cdef int32_t i, number
        if self.book is book and self.revision == book.accumulators.revision:
            return 0
        kept = {}
        for number in range(1, ACCUMULATIONS_KEPT_MAX + 1 if book.accumulators.rows != NULL else 1):
            row = accumulation_of(&book.accumulators, number)
            if row != NULL and row.state != DROPPED:
                kept[row.name.data[:row.name.size]] = number
        self.all_ready = True
        for i in range(self.count):
            self.numbers[i] = kept.pop(self.names[i], 0)
            self.all_ready = self.all_ready and is_ready(accumulation_of(&book.accumulators, self.numbers[i]))
        self.kept_all = not kept
        self.book = book
        self.revision = book.accumulators.revision
        return 0
