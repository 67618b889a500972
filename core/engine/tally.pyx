"""Counting history: what the records of a journal come to, for accumulations that begin now.

Reads records as they are stored, in any order, and decides nothing: the same parts as a sale or return has when it is counted at once. It
must never look at facts, a book or rules other than what is measured.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from altyn.core.accumulations cimport EarlierReceipt
from altyn.core.engine.earlier cimport add_parts, read_earlier_sale
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.returned cimport Sale, is_applied, read_sale
from altyn.core.engine.calls cimport decode_record, text_of
from altyn.core.ledger.accumulators cimport Accumulation, bucket_day, read_name
from altyn.core.limits cimport ARENA_BYTES
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1


cdef class Tally:
    """Sums of the records taken since the last `drain`. `ruleset` measures; `numbers` are its accumulations', by row."""
    cdef Numbers rows
    cdef Accumulation* measured
    cdef int64_t* parts
    cdef list numbers
    cdef dict sums             # (account_id, number, store or b"", bucket's day): difference
    cdef Arena arena
    cdef Sale sale

    def __cinit__(self, Ruleset ruleset not None, numbers):
        cdef int32_t i
        self.rows = Numbers(ruleset)
        self.numbers = list(numbers)
        self.sums = {}
        self.measured = <Accumulation*>calloc(self.rows.count + 1, sizeof(Accumulation))
        self.parts = <int64_t*>calloc(self.rows.count + 1, sizeof(int64_t))
        arena_open(&self.arena, 3 * ARENA_BYTES)
        if self.measured == NULL or self.parts == NULL:
            raise MemoryError
        if len(self.numbers) != self.rows.count:
            raise ValueError("every accumulation of the ruleset has a number")
        for i in range(self.rows.count):
            if not read_name(text_of(self.rows.names[i]), &self.measured[i]):
                raise ValueError("no name of an accumulation")

    def __dealloc__(self):
        arena_close(&self.arena)
        free(self.measured)
        free(self.parts)

    def __len__(self):
        return len(self.sums)

    def take(self, bytes body not None):
        """Add what one record counts for; most count for nothing. ValueError: it cannot be read."""
        cdef journal_v1.Record record
        cdef const journal_v1.OriginalFacts* original
        arena_reset(&self.arena)
        decode_record(body, &record, &self.arena)
        if record.kind == pos_v1.OPERATION_KIND_COMMIT:
            if record.request == NULL or record.request.receipt == NULL or record.evidence == NULL:
                return
            read_sale(&self.sale, body, NULL, &self.arena)
            if is_applied(&self.sale):
                self.count(1)
        elif record.effects != NULL and record.effects.returned != NULL and record.evidence != NULL and record.evidence.original != NULL:
            original = record.evidence.original
            sold = original.sale.data[:original.sale.size]
            read_sale(&self.sale, sold, original.before, &self.arena)
            self.count(-1)
            read_sale(&self.sale, sold, record.effects.returned, &self.arena)
            self.count(1)

    cdef int count(self, int32_t times) except -1:
        cdef const journal_v1.CustomerFacts* customer = self.sale.record.evidence.customer
        cdef EarlierReceipt receipt
        cdef int32_t i
        cdef bytes store, where
        cdef tuple key
        if customer == NULL or customer.account_id == 0:
            return 0
        if not read_earlier_sale(&self.sale, False, &receipt, &self.arena):
            return 0
        memset(self.parts, 0, self.rows.count * sizeof(int64_t))
        add_parts(self.rows.ruleset, &receipt, times, self.parts)
        store = receipt.store[0].data[:receipt.store[0].size] if receipt.store[0].size > 0 else b""
        for i in range(self.rows.count):
            if self.parts[i] != 0 and not (self.measured[i].same_store and not store):
                where = store if self.measured[i].same_store else b""
                key = (customer.account_id, self.numbers[i], where, bucket_day(&self.measured[i], receipt.day))
                self.sums[key] = self.sums.get(key, 0) + self.parts[i]
        return 0

    def drain(self):
        """[(accumulation_no, account_id, bucket's day, store id or b"", difference)] by account, and begin anew."""
        cdef list rows = []
        for key in sorted(self.sums):
            if self.sums[key] != 0:
                rows.append((key[1], key[0], key[3], key[2], self.sums[key]))
        self.sums = {}
        return rows
