"""Body of the earlier purchases; see the header for what they stand for.

Counts with the functions of the ledger and the engine, so what it comes to is what a server would have kept. Must never count a sale before it
is decided.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset
from altyn.core.accumulations cimport EarlierReceipt
from altyn.core.backtest.items cimport LineBack, LineBefore
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.earlier cimport add_giver, add_givers, add_line, add_parts, open_receipt, put_place
from altyn.core.engine.numbers cimport Numbers
from altyn.core.ledger.accumulators cimport (
    READY, Accumulation, AccumulatorChange, accumulation_of, accumulator_value, accumulators_begin, accumulators_free, accumulators_plan, accumulators_room,
    accumulators_write, bucket_day, put_row, put_store, read_name, store_number,
)
from altyn.core.ledger.accumulators_image cimport buckets_image, load_buckets, load_register, register_image
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_take
cimport altyn.core.wire.generated.journal_v1 as journal_v1

cdef enum:
    WINDOW_DAYS = 1            # words.PurchaseWindow

cdef extern from *:
    const Py_ssize_t PY_SSIZE_T_MAX

cdef struct Head:
    # Then the register and the buckets.
    int64_t first_day
    int64_t first_seq
    int64_t register_bytes


@cython.final
cdef class Earlier:
    """One draft's, from the first file to the last."""

    def __cinit__(self, Ruleset ruleset not None):
        cdef Accumulation made
        cdef int32_t i
        cdef bytes name
        self.numbers = Numbers(ruleset)
        self.first_day = -1
        for i in range(self.numbers.count):
            name = self.numbers.names[i]
            if not read_name(Text(PyBytes_AS_STRING(name), <int32_t>len(name)), &made):
                raise ValueError("no name of an accumulation")
            made.state = READY
            if not put_row(&self.kept, i + 1, &made, Text(PyBytes_AS_STRING(name), <int32_t>len(name))):
                raise MemoryError

    def __dealloc__(self):
        accumulators_free(&self.kept)

    cdef bint read(self, Holdings* holdings, const journal_v1.Evidence* evidence, const Place* where, Arena* arena) except -1:
        cdef int64_t* values = <int64_t*>arena_take(arena, <size_t>self.numbers.count * sizeof(int64_t))
        cdef int64_t day = floor_div(where.wall_us, day_us())
        cdef uint32_t store_no = store_number(&self.kept, where.store_id)
        cdef bint missing = False
        cdef int32_t i, j
        if values == NULL:
            raise MemoryError
        for i in range(self.numbers.count):
            j = 0
            while j < evidence.accumulations_count and evidence.accumulations[j].digest != self.numbers.digests[i]:
                j += 1
            if j < evidence.accumulations_count:
                values[i] = evidence.accumulations[j].value
                continue
            values[i] = accumulator_value(&self.kept, i + 1, evidence.customer.account_id, day, store_no)
            missing = missing or self.first_day < 0 or window_begins(&self.kept.rows[i + 1], day) < self.first_day
        holdings.accumulations = values
        return missing

    cdef int count(self, const journal_v1.Record* record, const Receipt* receipt, const Place* where, const LineBefore* lines, const Text* gave,
                   int32_t gave_count, const Outcome* outcome, Arena* arena) except -1:
        cdef const journal_v1.CustomerFacts* customer = record.evidence.customer
        cdef EarlierReceipt sold
        cdef int64_t* parts
        cdef int32_t i
        if self.first_day < 0:
            self.first_day = floor_div(where.wall_us, day_us())
            self.first_seq = record.seq
        if customer == NULL or customer.account_id == 0:
            return 0
        read_left(&sold, receipt, where, lines, NULL, False, gave, gave_count, arena)
        if outcome != NULL:
            add_givers(&sold, outcome, receipt.lines_count, self.numbers.ruleset)
            for i in range(outcome.accruals_count):
                if outcome.accruals[i].points > 0:
                    add_giver(&sold, self.numbers.ruleset.promotion_text(outcome.accruals[i].rule))
        parts = self.no_parts(arena)
        add_parts(self.numbers.ruleset, &sold, 1, parts)
        return self.put_parts(record, &sold, parts)

    cdef int take_back(self, const journal_v1.Record* record, const Receipt* receipt, const Place* where, const LineBefore* lines,
                       const LineBack* back, const Text* gave, int32_t gave_count, Arena* arena) except -1:
        cdef const journal_v1.CustomerFacts* customer = record.evidence.customer
        cdef EarlierReceipt left
        cdef int64_t* parts
        if self.first_day < 0 or record.seq < self.first_seq or customer == NULL or customer.account_id == 0:
            return 0
        parts = self.no_parts(arena)
        if read_left(&left, receipt, where, lines, back, True, gave, gave_count, arena):
            add_parts(self.numbers.ruleset, &left, 1, parts)
        if read_left(&left, receipt, where, lines, back, False, gave, gave_count, arena):
            add_parts(self.numbers.ruleset, &left, -1, parts)
        return self.put_parts(record, &left, parts)

    cdef int64_t* no_parts(self, Arena* arena) except NULL:
        """Zeros, one for each number."""
        cdef int64_t* parts = <int64_t*>arena_take(arena, (<size_t>self.numbers.count + 1) * sizeof(int64_t))
        if parts == NULL:
            raise MemoryError
        memset(parts, 0, (<size_t>self.numbers.count + 1) * sizeof(int64_t))
        return parts

    cdef int put_parts(self, const journal_v1.Record* record, const EarlierReceipt* sold, const int64_t* parts) except -1:
        """Into the customer's buckets, at the sale's date and store."""
        cdef AccumulatorChange change
        cdef int32_t i
        for i in range(self.numbers.count):
            if parts[i] == 0 or (self.kept.rows[i + 1].same_store and sold.store[0].size <= 0):
                continue
            memset(&change, 0, sizeof(change))
            change.number = i + 1
            change.account_id = record.evidence.customer.account_id
            change.day = bucket_day(&self.kept.rows[i + 1], sold.day)
            change.difference = parts[i]
            if self.kept.rows[i + 1].same_store:
                if store_number(&self.kept, sold.store[0]) == 0 and not put_store(&self.kept, sold.store[0]):
                    raise MemoryError
                change.store_no = store_number(&self.kept, sold.store[0])
            self.put(&change, record.instant_us)
        return 0

    cdef int put(self, AccumulatorChange* change, int64_t instant_us) except -1:
        accumulators_begin(&self.kept, instant_us)
        if not accumulators_plan(&self.kept, change):
            raise OverflowError("a sale of a date that no number can be kept of")
        if not accumulators_room(&self.kept):
            raise MemoryError
        accumulators_write(&self.kept)
        return 0

    cdef bytes image(self):
        cdef bytes register = register_image(&self.kept)
        cdef Head head = [self.first_day, self.first_seq, len(register)]
        cdef int shard = 0
        return (<char*>&head)[:sizeof(Head)] + register + buckets_image(&self.kept, &shard, PY_SSIZE_T_MAX)

    cdef int restore(self, bytes image) except -1:
        cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(image)
        cdef int64_t size = len(image) - <int64_t>sizeof(Head)
        cdef Head head
        cdef const Accumulation* row
        cdef int32_t i
        if size >= 0:
            memcpy(&head, data, sizeof(Head))
            data += sizeof(Head)
        if size < 0 or not 0 <= head.register_bytes <= size:
            raise ValueError("no earlier purchases of a replay")
        accumulators_free(&self.kept)
        if (not load_register(&self.kept, data, head.register_bytes)
                or not load_buckets(&self.kept, data + head.register_bytes, size - head.register_bytes)):
            raise ValueError("no earlier purchases of a replay")
        for i in range(self.numbers.count):
            row = accumulation_of(&self.kept, i + 1)
            if row == NULL or row.name.data[:row.name.size] != self.numbers.names[i]:
                raise ValueError("earlier purchases of another draft's replay")
        self.first_day = head.first_day
        self.first_seq = head.first_seq
        return 0


cdef bint read_left(EarlierReceipt* out, const Receipt* receipt, const Place* where, const LineBefore* lines, const LineBack* back, bint after,
                    const Text* gave, int32_t gave_count, Arena* arena) except -1:
    """What there is of a sale, `back` NULL: all of it. False: nothing is left."""
    cdef int64_t qty_milli, paid_minor
    cdef int32_t i
    cdef bint is_left = False
    open_receipt(out, receipt, arena)
    put_place(out, where)
    for i in range(receipt.lines_count):
        qty_milli = receipt.lines[i].qty_milli
        paid_minor = receipt.lines[i].gross_minor - lines[i].discount_minor - lines[i].points_paid_minor
        if back != NULL:
            qty_milli -= back[i].after_milli if after else back[i].before_milli
            paid_minor -= back[i].after_refund_minor if after else back[i].before_refund_minor
        is_left = is_left or qty_milli > 0
        add_line(out, &receipt.lines[i], qty_milli, paid_minor)
    for i in range(gave_count):
        add_giver(out, gave[i])
    return is_left


cdef int64_t window_begins(const Accumulation* row, int64_t day) noexcept nogil:
    """The first day that a sale of this day looks at; of what has no beginning, one before all."""
    if row.needed != 0:
        return INT64_MIN
    if row.window == WINDOW_DAYS:
        return day - row.days + 1
    return bucket_day(row, day) or INT64_MIN
