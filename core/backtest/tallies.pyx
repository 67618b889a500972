"""Body of the draft's counters; see the header for what they stand for."""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from altyn.core.ledger.counters cimport counters_free, counters_set
from altyn.core.ledger.key_table cimport KeySlot, keys_find, keys_free, keys_put, keys_start, slot_value


cdef class Tallies:
    def __cinit__(self):
        keys_start(&self.places, 0)

    def __dealloc__(self):
        counters_free(&self.seen)
        keys_free(&self.places)
        free(self.rows)

    cdef Tally* row(self, const CounterId* id) except NULL:
        """The counter's row, made when it is met for the first time; good until the next call."""
        cdef KeySlot* slot = keys_find(&self.places, id.key)
        cdef Tally* grown
        if slot != NULL:
            return &self.rows[slot_value(slot)]
        if self.count == self.capacity:
            grown = <Tally*>realloc(self.rows, <size_t>(2 * self.capacity + 64) * sizeof(Tally))
            if grown == NULL:
                raise MemoryError
            self.rows = grown
            self.capacity = 2 * self.capacity + 64
        if not keys_put(&self.places, id.key, 0, <uint64_t>self.count):
            raise MemoryError
        grown = &self.rows[self.count]
        self.count += 1
        memset(grown, 0, sizeof(Tally))
        memcpy(grown.key, id.key, 16)
        grown.window = id.window
        grown.window_day = id.window_day
        return grown

    cdef int show(self, const Tally* row) except -1:
        cdef CounterId id
        cdef int64_t counted = row.journal + row.more
        memcpy(id.key, row.key, 16)
        id.window = row.window
        id.window_day = row.window_day
        # A return gives back to the journal's counter what the draft perhaps never took.
        if not counters_set(&self.seen, &id, [counted if counted > 0 else 0, 0]):
            raise MemoryError
        return 0

    cdef int told(self, const CounterId* id, int64_t counted) except -1:
        cdef Tally* row = self.row(id)
        row.told = True
        if row.journal != counted:
            row.journal = counted
            self.show(row)
        return 0

    cdef int took(self, const CounterId* id, int64_t by_draft, int64_t by_journal) except -1:
        cdef Tally* row = self.row(id)
        row.more += by_draft - by_journal
        row.journal += by_journal
        return self.show(row)

    cdef int64_t untold(self) noexcept:
        """Counters that began from nothing."""
        cdef int64_t i, found = 0
        for i in range(self.count):
            found += not self.rows[i].told
        return found

    cdef bytes kept(self):
        return (<char*>self.rows)[:self.count * sizeof(Tally)] if self.count > 0 else b""

    cdef int restore(self, bytes kept) except -1:
        """Into tallies that know nothing yet. ValueError: these bytes were not kept by this layout."""
        cdef CounterId id
        cdef const Tally* told = <const Tally*>PyBytes_AS_STRING(kept)
        cdef int64_t i, count = len(kept) // <int64_t>sizeof(Tally)
        if self.count > 0 or count * <int64_t>sizeof(Tally) != len(kept):
            raise ValueError("no counters of a replay")
        for i in range(count):
            memcpy(id.key, told[i].key, 16)
            id.window = told[i].window
            id.window_day = told[i].window_day
            self.row(&id)[0] = told[i]
            self.show(&told[i])
        return 0
