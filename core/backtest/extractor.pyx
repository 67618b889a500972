"""From journal records to items of an extract.

Decides which records are sales that were applied, and what of them is kept: all that deciding again reads, and the amounts that
were decided; of a return or void, the sale as it was and what has come back of it. Invariants: an item's receipt is in range, so a replay finds nothing to refuse in it; numbers of names count up from 0 in
order of appearance. It must never change an amount, nor keep what no decision reads: cashier, fiscal mark, codes of marked goods.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from altyn.core.backtest.items cimport (
    CODE_UNKNOWN, EXTRACT_FORMAT, GOODS_UNKNOWN, OF_RECEIPT, TAKEN_BACK, AccruedBefore, CountedBefore, Item, LineBack, LineBefore,
    PromotionBefore, padded,
)
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.edge cimport ReadError, read_receipt
from altyn.core.engine.record cimport take_line_facts
from altyn.core.engine.calls cimport decode_record
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.limits cimport ARENA_BYTES, REPLY_BYTES_MAX
from altyn.core.receipt cimport Line, Receipt
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset, arena_take
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import CallRefused

FORMAT = EXTRACT_FORMAT
SKIPPED = ("not_applied", "undecided", "unreadable", "out_of_range")


cdef int32_t number_of(dict names, name) except -1:
    found = names.get(name)
    if found is None:
        found = names[name] = len(names)
    return found


cdef inline bytes bytes_of(Text text):
    return text.data[:text.size] if text.size > 0 else b""


cdef (int64_t, int64_t) back_of(const journal_v1.ReturnState* state, int32_t line_no) noexcept:
    """(quantity, refund) of the line that is back so far."""
    cdef int32_t i
    for i in range(state.lines_count if state != NULL else 0):
        if state.lines[i].line_no == line_no:
            return state.lines[i].qty_milli, state.lines[i].refund_minor
    return 0, 0


cdef class Extractor:
    """Takes records in order of seq. One for each file of an extract: it keeps that file's names and counts."""
    cdef Arena arena
    cdef uint8_t* buffer
    cdef journal_v1.Record record
    cdef pos_v1.CommitReceiptResponse reply
    cdef Receipt receipt
    cdef uint8_t* to           # the item being written
    cdef dict dates
    cdef dict stores
    cdef dict categories
    cdef dict segments
    cdef dict assets
    cdef dict promotions
    cdef dict versions         # releases that decided
    cdef readonly dict skipped
    cdef readonly int64_t sales_count
    cdef readonly int64_t returns_count
    cdef readonly int64_t voids_count

    def __cinit__(self):
        arena_open(&self.arena, 2 * ARENA_BYTES)
        self.buffer = <uint8_t*>malloc(REPLY_BYTES_MAX)
        if self.buffer == NULL:
            raise MemoryError
        self.dates, self.stores, self.categories, self.segments = {}, {}, {}, {}
        self.assets, self.promotions, self.versions = {}, {}, {}
        self.skipped = dict.fromkeys(SKIPPED, 0)

    def __dealloc__(self):
        arena_close(&self.arena)
        free(self.buffer)

    def names(self):
        """Names by kind, each in the order of its numbers: dates (days since 1970-01-01), stores, categories, segments, assets
        (name, scale), promotions, versions."""
        texts = {"stores": self.stores, "categories": self.categories, "segments": self.segments, "promotions": self.promotions}
        return {
            "dates": list(self.dates),
            **{kind: [name.decode() for name in numbers] for kind, numbers in texts.items()},
            "assets": [(name.decode(), scale) for name, scale in self.assets],
            "versions": list(self.versions),
        }

    def take(self, bytes body not None):
        """The item of a record, or None: it neither sold anything nor took it back, or it is counted as skipped."""
        arena_reset(&self.arena)
        try:
            decode_record(body, &self.record, &self.arena)
        except ValueError:
            self.skipped["unreadable"] += 1
            return None
        if self.record.kind != pos_v1.OPERATION_KIND_COMMIT:
            return self.taken_back()
        why = self.why_not()
        if why is not None:
            self.skipped[why] += 1
            return None
        self.sales_count += 1
        return self.written()

    cdef bytes taken_back(self):
        """The item of a return or void: of the sale in its evidence. Amounts of sales stay as they were sold."""
        cdef const journal_v1.ReturnState* after = self.record.effects.returned if self.record.effects != NULL else NULL
        cdef const journal_v1.OriginalFacts* original = self.record.evidence.original if self.record.evidence != NULL else NULL
        cdef int64_t seq = self.record.seq, instant_us = self.record.instant_us
        cdef bytes sale
        if after == NULL or self.record.kind not in (pos_v1.OPERATION_KIND_RETURN, pos_v1.OPERATION_KIND_CANCEL):
            return None
        self.returns_count += self.record.kind == pos_v1.OPERATION_KIND_RETURN
        self.voids_count += self.record.kind == pos_v1.OPERATION_KIND_CANCEL
        if original == NULL:
            return None
        sale = bytes_of(original.sale)
        try:
            decode_record(sale, &self.record, &self.arena)
        except ValueError:
            return None
        if self.why_not() is not None:
            return None
        self.record.instant_us = instant_us
        return self.written_back(seq, original.before, after)

    cdef str why_not(self):
        cdef ReadError error
        cdef WireError wrong
        memset(&wrong, 0, sizeof(wrong))
        if pos_v1.decode_CommitReceiptResponse(&self.reply, <const uint8_t*>self.record.reply.data,
                                               <const uint8_t*>self.record.reply.data + self.record.reply.size, &self.arena, &wrong) != 0:
            return "unreadable"
        if self.reply.status != pos_v1.STATUS_OK:
            return "not_applied"
        if (self.record.request == NULL or self.record.request.receipt == NULL or self.record.evidence == NULL
                or self.reply.outcome == NULL or self.reply.outcome.totals == NULL
                or self.reply.outcome.lines_count != self.record.request.receipt.lines_count):
            return "undecided"
        if read_receipt(self.record.request.receipt, &self.receipt, &self.arena, &error) != 0:
            return "out_of_range"
        take_line_facts(&self.receipt, self.record.evidence)
        return None

    # WRITING

    cdef bytes written(self):
        cdef const pos_v1.Outcome* outcome = self.reply.outcome
        cdef const journal_v1.CustomerFacts* customer = self.record.evidence.customer
        cdef Item head
        cdef int64_t size, record_bytes
        cdef int32_t i
        cdef const CountedBefore* counted
        cdef bytes item
        memset(&head, 0, sizeof(head))
        self.give_numbers(&head)
        head.segments_count = customer.segments_count if customer != NULL else 0
        head.counted_count = self.record.effects.counters_count if self.record.effects != NULL else 0
        accrued = self.accrued()
        promotions = self.by_promotion()
        head.accrued_count = <int32_t>len(accrued)
        head.promotions_count = <int32_t>len(promotions)
        counted = self.counted(head.counted_count)
        segments = [number_of(self.segments, bytes_of(customer.segments[i])) for i in range(head.segments_count)]
        record_bytes = self.stripped()
        head.record_bytes = <int32_t>record_bytes
        size = (<int64_t>sizeof(Item) + head.lines_count * <int64_t>sizeof(LineBefore) + head.accrued_count * <int64_t>sizeof(AccruedBefore)
                + head.promotions_count * <int64_t>sizeof(PromotionBefore) + head.counted_count * <int64_t>sizeof(CountedBefore)
                + padded(head.segments_count * <int64_t>sizeof(int32_t)) + padded(record_bytes))
        item = self.begun(&head, size)
        self.put_lines(outcome)
        self.put_rows(accrued, promotions)
        self.put(counted, head.counted_count * sizeof(CountedBefore))
        for i in range(head.segments_count):
            (<int32_t*>self.to)[i] = segments[i]
        self.to += padded(head.segments_count * <int64_t>sizeof(int32_t))
        memcpy(self.to, self.buffer + REPLY_BYTES_MAX - record_bytes, <size_t>record_bytes)
        return item

    cdef bytes written_back(self, int64_t seq, const journal_v1.ReturnState* before, const journal_v1.ReturnState* after):
        cdef Item head
        cdef LineBack back
        cdef int64_t size, record_bytes
        cdef int32_t i
        cdef bytes item
        memset(&head, 0, sizeof(head))
        head.seq = seq
        head.flags = TAKEN_BACK
        head.lines_count = self.receipt.lines_count
        promotions = self.by_promotion()
        head.promotions_count = <int32_t>len(promotions)
        # How counters stood at the sale is no news at the return.
        self.record.evidence.counters_count = 0
        record_bytes = self.stripped()
        head.record_bytes = <int32_t>record_bytes
        size = (<int64_t>sizeof(Item) + head.lines_count * <int64_t>(sizeof(LineBefore) + sizeof(LineBack))
                + head.promotions_count * <int64_t>sizeof(PromotionBefore) + padded(record_bytes))
        item = self.begun(&head, size)
        self.put_lines(self.reply.outcome)
        for i in range(head.lines_count):
            back.before_milli, back.before_refund_minor = back_of(before, self.receipt.lines[i].line_no)
            back.after_milli, back.after_refund_minor = back_of(after, self.receipt.lines[i].line_no)
            self.put(&back, sizeof(back))
        self.put_rows([], promotions)
        memcpy(self.to, self.buffer + REPLY_BYTES_MAX - record_bytes, <size_t>record_bytes)
        return item

    cdef int64_t stripped(self) except -1:
        """The record at the end of the buffer, with what a decision reads alone; its size."""
        cdef int64_t size
        self.strip()
        size = journal_v1.encode_Record(&self.record, self.buffer, REPLY_BYTES_MAX)
        if size < 0:
            raise MemoryError("a record without its reply is larger than a reply may be")
        return size

    cdef bytes begun(self, Item* head, int64_t size):
        """An item of this size with its head; what follows is put after it."""
        cdef bytes item = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        head.bytes = <int32_t>size
        self.to = <uint8_t*>PyBytes_AS_STRING(item)
        memset(self.to, 0, <size_t>size)
        self.put(head, sizeof(Item))
        return item

    cdef int put(self, const void* data, size_t size) noexcept:
        memcpy(self.to, data, size)
        self.to += size
        return 0

    cdef int give_numbers(self, Item* head) except -1:
        cdef const journal_v1.Evidence* evidence = self.record.evidence
        cdef const pos_v1.Totals* totals = self.reply.outcome.totals
        cdef const Line* line
        cdef int32_t i
        head.seq = self.record.seq
        head.gross_minor = totals.gross_minor
        head.discount_minor = totals.discount_minor
        head.points_paid_minor = totals.points_paid_minor
        head.to_pay_minor = totals.to_pay_minor
        head.date = number_of(self.dates, floor_div(evidence.store_wall_us, day_us()))
        head.store = number_of(self.stores, bytes_of(self.record.request.receipt.store_id))
        head.lines_count = self.receipt.lines_count
        number_of(self.versions, evidence.rules_version)
        for i in range(head.lines_count):
            line = &self.receipt.lines[i]
            if line.group.size == 0 and line.brand.size == 0 and line.supplier.size == 0:
                head.flags |= GOODS_UNKNOWN
        for i in range(self.reply.outcome.coupons_count):
            if self.reply.outcome.coupons[i].state == pos_v1.COUPON_STATE_INVALID:
                head.flags |= CODE_UNKNOWN
        return 0

    cdef int32_t asset_number(self, Text name) except -1:
        """Every asset the decision knew is in its evidence."""
        cdef const journal_v1.Evidence* evidence = self.record.evidence
        cdef int32_t i, scale = 0
        for i in range(evidence.assets_count):
            if bytes_of(evidence.assets[i].asset) == bytes_of(name):
                scale = evidence.assets[i].scale
        return number_of(self.assets, (bytes_of(name), scale))

    cdef list accrued(self):
        """(points, asset, line) of the receipt, then of its lines."""
        cdef const pos_v1.Outcome* outcome = self.reply.outcome
        cdef int32_t i, j
        cdef list rows = []
        for i in range(outcome.totals.accrual_count):
            rows.append((outcome.totals.accrual[i].points, self.asset_number(outcome.totals.accrual[i].asset), OF_RECEIPT))
        for i in range(outcome.lines_count):
            for j in range(outcome.lines[i].accrual_count):
                rows.append((outcome.lines[i].accrual[j].points, self.asset_number(outcome.lines[i].accrual[j].asset), i))
        return rows

    cdef list by_promotion(self):
        """(promotion, asset or -1, sum): discounts as the lines have them, points as the lots that were opened."""
        cdef const pos_v1.Outcome* outcome = self.reply.outcome
        cdef const pos_v1.LineDiscount* discount
        cdef const journal_v1.LotOpened* lot
        cdef int32_t i, j
        cdef dict sums = {}
        for i in range(outcome.lines_count):
            for j in range(outcome.lines[i].discounts_count):
                discount = &outcome.lines[i].discounts[j]
                if discount.kind == pos_v1.DISCOUNT_KIND_DISCOUNT and discount.promotion_id.size > 0:
                    key = number_of(self.promotions, bytes_of(discount.promotion_id)), -1
                    sums[key] = sums.get(key, 0) + discount.amount_minor
        for i in range(self.record.effects.lots_count if self.record.effects != NULL else 0):
            lot = &self.record.effects.lots[i]
            key = number_of(self.promotions, bytes_of(lot.promotion_id)), self.asset_of_number(lot.asset_no)
            sums[key] = sums.get(key, 0) + lot.points
        return [(promotion, asset, amount) for (promotion, asset), amount in sums.items()]

    cdef int32_t asset_of_number(self, int32_t asset_no) except -1:
        cdef const journal_v1.Evidence* evidence = self.record.evidence
        cdef int32_t i
        for i in range(evidence.assets_count):
            if evidence.assets[i].asset_no == asset_no:
                return number_of(self.assets, (bytes_of(evidence.assets[i].asset), evidence.assets[i].scale))
        raise ValueError(f"record {self.record.seq} opens a lot of asset {asset_no}, which its evidence has not")

    cdef int put_lines(self, const pos_v1.Outcome* outcome) except -1:
        cdef LineBefore line
        cdef int32_t i
        memset(&line, 0, sizeof(line))
        for i in range(outcome.lines_count):
            line.discount_minor = outcome.lines[i].discount_minor
            line.points_paid_minor = outcome.lines[i].points_paid_minor
            line.category = number_of(self.categories, bytes_of(self.receipt.lines[i].group))
            self.put(&line, sizeof(line))
        return 0

    cdef int put_rows(self, list accrued, list promotions) except -1:
        cdef AccruedBefore row
        cdef PromotionBefore given
        memset(&row, 0, sizeof(row))
        memset(&given, 0, sizeof(given))
        for row.points, row.asset, row.line in accrued:
            self.put(&row, sizeof(row))
        for given.promotion, given.asset, amount in promotions:
            given.discount_minor = amount if given.asset < 0 else 0
            given.points = 0 if given.asset < 0 else amount
            self.put(&given, sizeof(given))
        return 0

    cdef CountedBefore* counted(self, int32_t count) except NULL:
        """What the effects take of counters; the record forgets them before the item is written."""
        cdef CountedBefore* rows = <CountedBefore*>arena_take(&self.arena, (<size_t>count + 1) * sizeof(CountedBefore))
        cdef CounterId id
        cdef int32_t i
        if rows == NULL:
            raise MemoryError
        for i in range(count):
            id = id_of_key(self.record.effects.counters[i].key)
            memcpy(rows[i].key, id.key, 16)
            rows[i].window = id.window
            rows[i].window_day = id.window_day
            rows[i].used = self.record.effects.counters[i].used
        return rows

    cdef int strip(self) except -1:
        """Leave of the record what a decision reads."""
        cdef journal_v1.Record* record = &self.record
        cdef pos_v1.Receipt* receipt = record.request.receipt
        cdef pos_v1.ReceiptLine* line
        cdef Text none
        cdef int32_t i
        none.data = NULL
        none.size = 0
        record.op_id = record.content_sha256 = record.reply = record.tenant = none
        record.effects = NULL
        record.register_seq = record.exceptions_count = 0
        record.request.want = NULL
        record.evidence.rules_sha256 = record.evidence.document_sha256 = none
        record.evidence.issues_count = 0
        receipt.cashier_id = none
        receipt.fiscal = NULL
        for i in range(receipt.lines_count):
            line = &receipt.lines[i]
            line.barcode = none
            if line.mark_code.size > 0:
                line.mark_code.data = b"*"
                line.mark_code.size = 1
        return 0
