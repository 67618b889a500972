"""What a calculation costs: many varied receipts, no Python object inside the loop.

The codec leaves a receipt in the nearest caches, so each batch is read before its clock starts; rules come as they
come. The clock is the thread's processor time, read once per batch: what that costs is below 1 % of a batch.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_THREAD_CPUTIME_ID, clock_gettime, timespec
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Holdings, Line, Place, Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text

cdef enum:
    BATCH = 32                 # receipts: with their texts about 130 kB, less than the second cache holds


cdef class Corpus:
    """Receipts as the edge leaves them: structs, and texts side by side in one buffer per receipt."""
    cdef Receipt* receipts
    cdef int32_t count
    cdef char* texts
    cdef int64_t texts_used
    cdef readonly int64_t lines_count

    def __cinit__(self, list rows not None):
        """Each row is a list of (sku, category, brand, price, quantity in thousandths)."""
        cdef int32_t i, j
        cdef Line* line
        self.count = <int32_t>len(rows)
        self.receipts = <Receipt*>calloc(self.count, sizeof(Receipt))
        self.texts = <char*>calloc(sum(sum(len(part) for part in line[:3]) for row in rows for line in row) + 64, 1)
        for i in range(self.count):
            self.receipts[i].lines_count = <int32_t>len(rows[i])
            self.receipts[i].exponent = 2
            self.receipts[i].lines = <Line*>calloc(len(rows[i]), sizeof(Line))
            for j in range(self.receipts[i].lines_count):
                sku, category, brand, price, quantity = rows[i][j]
                line = &self.receipts[i].lines[j]
                line.line_no = j + 1
                line.price_minor = price
                line.qty_milli = quantity
                line.gross_minor = price * quantity // 1000
                line.cost_minor = line.manual_ppm = line.manual_minor = -1
                line.sku = self.keep(sku)
                line.group = self.keep(category)
                line.brand = self.keep(brand)
                self.lines_count += 1

    def __dealloc__(self):
        cdef int32_t i
        for i in range(self.count):
            free(self.receipts[i].lines)
        free(self.receipts)
        free(self.texts)

    cdef Text keep(self, bytes spelled):
        cdef Text text
        text.data = self.texts + self.texts_used
        text.size = <int32_t>len(spelled)
        memcpy(self.texts + self.texts_used, <const char*>spelled, len(spelled))
        self.texts_used += len(spelled)
        return text


cdef int64_t fetch(const Receipt* receipt) noexcept nogil:
    """Read a receipt's lines and texts, one byte per cache line; their sum, so that nothing is left out."""
    cdef const char* lines = <const char*>receipt.lines
    cdef const char* texts = receipt.lines[0].sku.data
    cdef const Text* last = &receipt.lines[receipt.lines_count - 1].brand
    cdef int64_t place, total = 0
    for place in range(0, receipt.lines_count * <int64_t>sizeof(Line), 64):
        total += lines[place]
    for place in range(0, last.data + last.size - texts, 64):
        total += texts[place]
    return total


cdef inline int64_t thread_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return now.tv_sec * <int64_t>1_000_000_000 + now.tv_nsec


def calculate_nanoseconds(Ruleset ruleset not None, Corpus corpus not None, int rounds, bint has_card=True):
    """Processor nanoseconds per receipt, promotions looked at per receipt, and the discount of one pass as a check."""
    cdef Calculator calculator = Calculator()
    cdef Outcome out
    cdef Place place
    cdef Holdings holdings
    cdef Text none
    cdef int64_t discount = 0, candidates = 0, spent = 0, begin, read = 0
    cdef int32_t i, done, batch, end
    none.data = NULL
    none.size = 0
    place.store_id = place.region = place.format = place.cluster = none
    place.wall_us = 1_800_000_000_000_000
    place.gap_from_wall_us = place.gap_us = 0
    memset(&holdings, 0, sizeof(Holdings))
    holdings.has_card = has_card
    holdings.customer_id = 42
    holdings.card_type = none
    with nogil:
        for done in range(rounds):
            end = 0
            while end < corpus.count:
                batch = end
                end = batch + BATCH if batch + BATCH < corpus.count else corpus.count
                for i in range(batch, end):
                    read += fetch(&corpus.receipts[i])
                begin = thread_ns()
                for i in range(batch, end):
                    calculator.calculate(ruleset, &corpus.receipts[i], &place, &holdings, False, &out)
                    discount += out.discount_minor
                    candidates += calculator.work.candidates_count
                spent += thread_ns() - begin
    assert read != 0
    passes = rounds * corpus.count
    return spent / passes, candidates / passes, discount // rounds
