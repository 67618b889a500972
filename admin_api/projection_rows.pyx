"""What a journal record means for the tables that have many rows: receipts, their lines and discounts, ledger entries.

A receipt has some fifty rows there; they are laid out from the record's bytes as COPY takes them, without an object per row.
Invariants: columns are those of `altyn.admin_api.projector.COLUMNS`, in their order; a record that cannot be read, or holds
a number that its column cannot, raises and the rows are of no more use. Never here: what is rare, and SQL.
"""
cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from altyn.core.limits cimport ARENA_BYTES, OP_ID_BYTES
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport arena_close, arena_open, arena_reset
from altyn.core.wire.format cimport WireError, path_of
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef bytes HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
cdef bytes TRAILER = b"\xff\xff"

cdef enum:
    HEADER_BYTES = 19
    TRAILER_BYTES = 2
    NUMBER_BYTES_MAX = 4 + 8           # a field of a number: its size and itself
    SMALLINT_OID = 21
    DAYS_1970_TO_2000 = 10_957

cdef int64_t DAY_US = 86_400_000_000


@cython.final
cdef class TableRows:
    """Rows of one table; a buffer once closed."""

    def __cinit__(self):
        self.make_room(1 << 16)
        memcpy(self.data, PyBytes_AS_STRING(HEADER), HEADER_BYTES)
        self.used = HEADER_BYTES

    def __dealloc__(self):
        free(self.data)

    cdef int make_room(self, Py_ssize_t extra) except -1:
        cdef uint8_t* grown
        if self.used + extra > self.room:
            grown = <uint8_t*>realloc(self.data, <size_t>(2 * self.room + extra))
            if grown == NULL:
                raise MemoryError
            self.data = grown
            self.room = 2 * self.room + extra
        return 0

    cdef int begin(self, int columns, Py_ssize_t texts_bytes) except -1:
        """A row of so many columns, whose texts and arrays have so many bytes together."""
        assert not self.is_closed and self.exports == 0, "closed rows are never changed"
        self.make_room(2 + columns * NUMBER_BYTES_MAX + texts_bytes + TRAILER_BYTES)
        self.put_number(columns, 2)
        self.count += 1
        return 0

    cdef void put_number(self, int64_t value, int size) noexcept nogil:
        """Big-endian."""
        cdef int i
        for i in range(size):
            self.data[self.used + i] = <uint8_t>((value >> (8 * (size - 1 - i))) & 0xFF)
        self.used += size

    cdef void put_field(self, int64_t value, int size) noexcept nogil:
        if (size == 2 and not INT16_MIN <= value <= INT16_MAX) or (size == 4 and not INT32_MIN <= value <= INT32_MAX):
            self.has_overflow = True
        self.put_number(size, 4)
        self.put_number(value, size)

    cdef void put_known(self, int64_t value) noexcept nogil:
        """A bigint, or NULL for 0."""
        if value == 0:
            self.put_number(-1, 4)
        else:
            self.put_field(value, 8)

    cdef void put_text(self, Text text) noexcept nogil:
        self.put_number(text.size, 4)
        if text.size > 0:
            memcpy(self.data + self.used, text.data, <size_t>text.size)
        self.used += text.size

    cdef void put_smalls(self, const int32_t* values, int32_t count) noexcept nogil:
        """A smallint[]: dimensions, no NULLs, type of its elements; then size and lower bound of the one dimension."""
        cdef int32_t i
        self.put_number((12 if count == 0 else 20) + count * 6, 4)
        self.put_number(0 if count == 0 else 1, 4)
        self.put_number(0, 4)
        self.put_number(SMALLINT_OID, 4)
        if count > 0:
            self.put_number(count, 4)
            self.put_number(1, 4)
        for i in range(count):
            self.put_field(values[i], 2)

    def close(self):
        """End the rows; the answer is they, as a buffer."""
        if not self.is_closed:
            self.make_room(TRAILER_BYTES)
            memcpy(self.data + self.used, PyBytes_AS_STRING(TRAILER), TRAILER_BYTES)
            self.used += TRAILER_BYTES
            self.is_closed = True
        return self

    def __getbuffer__(self, Py_buffer* view, int flags):
        assert self.is_closed, "only closed rows are read"
        PyBuffer_FillInfo(view, self, self.data, self.used, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1


cdef inline int64_t moment(int64_t instant_us) noexcept nogil:
    """UTC microseconds as timestamptz has them."""
    return instant_us - DAYS_1970_TO_2000 * DAY_US


cdef const pos_v1.LineOutcome* outcome_of(const pos_v1.Outcome* outcome, int32_t line_no, int32_t place) noexcept nogil:
    """Outcomes stand in the order of the lines; only a stranger's would not."""
    cdef int32_t i
    if place < outcome.lines_count and outcome.lines[place].line_no == line_no:
        return &outcome.lines[place]
    for i in range(outcome.lines_count):
        if outcome.lines[i].line_no == line_no:
            return &outcome.lines[i]
    return NULL


cdef const journal_v1.LineFacts* facts_of(const journal_v1.Evidence* evidence, int32_t line_no, int32_t place) noexcept nogil:
    """Facts stand in the order of the lines they differ from, so never after the line's own place."""
    cdef int32_t i
    for i in range(min(place, evidence.lines_count - 1), -1, -1):
        if evidence.lines[i].line_no == line_no:
            return &evidence.lines[i]
    return NULL


@cython.final
cdef class ProjectionRows:
    """The rows of one turn."""

    def __cinit__(self):
        arena_open(&self.arena, 2 * ARENA_BYTES)
        self.receipts = TableRows()
        self.lines = TableRows()
        self.discounts = TableRows()
        self.entries = TableRows()

    def __dealloc__(self):
        arena_close(&self.arena)

    def add(self, int64_t seq, bytes body not None):
        """The rows of one record. True: it also means something for the tables of few rows. ValueError: it cannot be read."""
        cdef journal_v1.Record record
        cdef pos_v1.CommitReceiptResponse reply
        cdef WireError error
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(body)
        memset(&error, 0, sizeof(WireError))
        arena_reset(&self.arena)
        if journal_v1.decode_Record(&record, start, start + len(body), &self.arena, &error) != 0:
            raise ValueError(f"journal record {seq} cannot be read: {path_of(&error)}")
        if record.kind == pos_v1.OPERATION_KIND_COMMIT:
            start = <const uint8_t*>record.reply.data
            if pos_v1.decode_CommitReceiptResponse(&reply, start, start + record.reply.size, &self.arena, &error) != 0:
                raise ValueError(f"the reply in journal record {seq} cannot be read: {path_of(&error)}")
            if record.request == NULL or record.request.receipt == NULL or record.evidence == NULL or record.op_id.size != OP_ID_BYTES:
                raise ValueError(f"journal record {seq} is a Commit without its receipt, evidence or op_id")
            self.add_receipt(seq, &record, &reply)
        self.add_entries(seq, &record)
        if self.receipts.has_overflow or self.lines.has_overflow or self.discounts.has_overflow or self.entries.has_overflow:
            raise ValueError(f"journal record {seq} has a number that its column cannot hold")
        return (
            record.exceptions_count > 0
            or record.kind in (pos_v1.OPERATION_KIND_RETURN, pos_v1.OPERATION_KIND_CANCEL, pos_v1.OPERATION_KIND_DECIDE)
            or (record.effects != NULL and record.effects.coupons_count > 0)
            or (record.evidence != NULL and record.evidence.fraud != NULL)
        )

    cdef int add_receipt(self, int64_t seq, const journal_v1.Record* record, const pos_v1.CommitReceiptResponse* reply) except -1:
        cdef const pos_v1.Receipt* receipt = record.request.receipt
        cdef const journal_v1.Evidence* evidence = record.evidence
        cdef TableRows rows = self.receipts
        cdef pos_v1.Outcome outcome
        cdef pos_v1.Totals totals
        cdef int32_t i
        memset(&outcome, 0, sizeof(outcome))
        memset(&totals, 0, sizeof(totals))
        if reply.outcome != NULL:
            outcome = reply.outcome[0]
        if outcome.totals != NULL:
            totals = outcome.totals[0]
        rows.begin(21, OP_ID_BYTES + receipt.store_id.size + receipt.register_id.size + receipt.currency.size + 20 + record.exceptions_count * 6)
        rows.put_field(seq, 8)
        rows.put_text(record.op_id)
        rows.put_text(receipt.store_id)
        rows.put_text(receipt.register_id)
        rows.put_field(receipt.shift_number, 8)
        rows.put_field(receipt.receipt_number, 8)
        rows.put_field(moment(evidence.business_time_us), 8)
        rows.put_field(evidence.store_wall_us // DAY_US - DAYS_1970_TO_2000, 4)
        rows.put_field(moment(record.instant_us), 8)
        rows.put_known(evidence.customer.customer_id if evidence.customer != NULL else 0)
        rows.put_known(evidence.customer.account_id if evidence.customer != NULL else 0)
        rows.put_text(receipt.currency)
        rows.put_field(totals.gross_minor, 8)
        rows.put_field(totals.discount_minor, 8)
        rows.put_field(totals.points_paid_minor, 8)
        rows.put_field(totals.rounding_minor, 8)
        rows.put_field(totals.to_pay_minor, 8)
        rows.put_field(receipt.lines_count, 4)
        rows.put_field(evidence.rules_version, 8)
        rows.put_field(reply.status, 2)
        rows.put_smalls(record.exceptions, record.exceptions_count)
        for i in range(receipt.lines_count):
            self.add_line(seq, &receipt.lines[i], facts_of(evidence, receipt.lines[i].line_no, i),
                          outcome_of(&outcome, receipt.lines[i].line_no, i))
        return 0

    cdef int add_line(
        self, int64_t seq, const pos_v1.ReceiptLine* line, const journal_v1.LineFacts* facts, const pos_v1.LineOutcome* outcome
    ) except -1:
        """Attributes are the ones the decision used."""
        cdef TableRows rows = self.lines
        cdef Text group = facts.group_id if facts != NULL else line.group_id
        cdef Text brand = facts.brand_id if facts != NULL else line.brand_id
        cdef const pos_v1.LineDiscount* given
        cdef int32_t i
        rows.begin(10, line.sku.size + group.size + brand.size)
        rows.put_field(seq, 8)
        rows.put_field(line.line_no, 4)
        rows.put_text(line.sku)
        rows.put_text(group)
        rows.put_text(brand)
        rows.put_field(line.qty_milli, 8)
        rows.put_field(line.price_minor, 8)
        rows.put_field(outcome.gross_minor if outcome != NULL else 0, 8)
        rows.put_field(outcome.discount_minor if outcome != NULL else 0, 8)
        rows.put_field(outcome.net_minor if outcome != NULL else 0, 8)
        if outcome == NULL:
            return 0
        rows = self.discounts
        for i in range(outcome.discounts_count):
            given = &outcome.discounts[i]
            rows.begin(7, given.promotion_id.size)
            rows.put_field(seq, 8)
            rows.put_field(line.line_no, 4)
            rows.put_field(i, 4)
            rows.put_text(given.promotion_id)
            rows.put_field(given.reward_no, 4)
            rows.put_field(given.stage, 2)
            rows.put_field(given.amount_minor, 8)
        return 0

    cdef int add_entries(self, int64_t seq, const journal_v1.Record* record) except -1:
        cdef TableRows rows = self.entries
        cdef const journal_v1.Entry* entry
        cdef const journal_v1.Posting* posting
        cdef int32_t i, j
        if record.effects == NULL:
            return 0
        for i in range(record.effects.entries_count):
            entry = &record.effects.entries[i]
            for j in range(entry.postings_count):
                posting = &entry.postings[j]
                rows.begin(9, 0)
                rows.put_field(seq, 8)
                rows.put_field(i, 4)
                rows.put_field(j, 4)
                rows.put_field(entry.kind, 2)
                rows.put_field(posting.account_id, 8)
                rows.put_field(posting.asset_no, 2)
                rows.put_field(posting.points, 8)
                rows.put_field(posting.lot_id, 8)
                rows.put_field(moment(record.instant_us), 8)
        return 0
