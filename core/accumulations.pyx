"""Body of the accumulations.

Decides what counts of an earlier receipt, and what all of it comes to for a receipt of a given date and store (semantics
§6.11.28). Invariants: the order in which receipts were taken in does not matter; what was taken out leaves no trace.
Must never look at the receipt being decided: what of it counts is added where the condition is tested.
"""
from libc.stdint cimport INT64_MIN
from libc.string cimport memset
from altyn.core.calculator.targets cimport in_list, in_set
from altyn.core.ledger.counters cimport window_first_day
from altyn.core.money cimport MILLI, whole_units
from altyn.core.receipt cimport GIFT, NO_THRESHOLD, PIECE
from altyn.core.rules.image cimport (
    ABSENT, ATTRIBUTE, FIRST_USE_DAY, REACHED_DAY, RECEIPTS_COUNT, STORE_ID, SUM_MINOR, Span, SymbolSlot, UNITS_MILLI, WEIGHT_MILLI,
)
from altyn.core.rules.symbols cimport find_symbol, symbol_hash
from altyn.core.text cimport text_equal

cdef enum Window:
    # words.PurchaseWindow; calendar windows are those of the counters
    DAYS = 1
    ALWAYS = 5


cdef int32_t symbol_of(const RulesView* rules, uint32_t kind, Text text) noexcept nogil:
    """0 when no rule names the text."""
    cdef const SymbolSlot* slot
    if text.size <= 0 or not rules.summary.kinds >> kind & 1:
        return 0
    slot = find_symbol(rules, symbol_hash(kind, text.data, text.size), kind, text)
    return slot.symbol if slot != NULL else 0


cdef void name_receipt(const RulesView* rules, EarlierReceipt* receipt) noexcept nogil:
    cdef EarlierLine* line
    cdef int32_t* tag
    cdef int32_t i, j
    cdef uint32_t kind
    for kind in range(<uint32_t>4):
        receipt.store_symbols[kind] = symbol_of(rules, STORE_ID + kind, receipt.store[kind])
    for i in range(receipt.lines_count):
        line = &receipt.lines[i]
        memset(&line.goods, 0, sizeof(CalcGroup))
        for kind in range(<uint32_t>4):
            line.goods.symbols[kind] = symbol_of(rules, kind, line.texts[kind])
        tag = line.tags
        for j in range(line.attributes_count):
            tag[0] = symbol_of(rules, ATTRIBUTE, line.attributes[j])
            tag += tag[0] != 0
        tag[0] = 0
        line.goods.tags = line.tags


cdef bint at_stores(const RulesView* rules, const AccumulationRow* row, const EarlierReceipt* receipt) noexcept nogil:
    """As the condition `store`: an attribute nobody named is in no list."""
    cdef const Span* any_of
    cdef const Span* none_of
    cdef int32_t kind, symbol
    for kind in range(4):
        symbol = receipt.store_symbols[kind]
        any_of = &row.stores[2 * kind]
        none_of = &row.stores[2 * kind + 1]
        if any_of.end != ABSENT and (symbol == 0 or not in_list(rules, any_of, symbol)):
            return False
        if none_of.end != ABSENT and symbol != 0 and in_list(rules, none_of, symbol):
            return False
    return True


cdef int64_t part_of_line(const AccumulationRow* row, const EarlierLine* line) noexcept nogil:
    if row.measure == RECEIPTS_COUNT:
        return 1
    if row.measure == WEIGHT_MILLI:
        return line.qty_milli
    if row.measure == UNITS_MILLI:
        return MILLI * max(whole_units(line.qty_milli), 1) if line.unit == PIECE else MILLI
    return line.paid_minor


cdef bint gave(const RulesView* rules, const AccumulationRow* row, const EarlierReceipt* receipt) noexcept nogil:
    cdef Text promotion
    cdef int32_t i
    promotion.data = rules.texts + row.id_begin
    promotion.size = row.id_size
    for i in range(receipt.gave_count):
        if text_equal(receipt.gave[i], promotion):
            return True
    return False


cdef int64_t part_of(const RulesView* rules, const AccumulationRow* row, const EarlierReceipt* receipt) noexcept nogil:
    cdef const EarlierLine* line
    cdef int64_t part = 0
    cdef int32_t i
    if row.measure == FIRST_USE_DAY:
        return gave(rules, row, receipt)
    if not at_stores(rules, row, receipt):
        return 0
    for i in range(receipt.lines_count):
        line = &receipt.lines[i]
        if not line.flags & (NO_THRESHOLD | GIFT) and in_set(rules, &rules.sets[row.products], &line.goods):
            part += part_of_line(row, line)
            if row.measure == RECEIPTS_COUNT:
                break
    return part


cdef bint window_holds(const AccumulationRow* row, int64_t date, int64_t day) noexcept nogil:
    if row.window == ALWAYS:
        return True
    if row.window == DAYS:
        return day - row.days < date <= day
    return window_first_day(row.window, date) == window_first_day(row.window, day)


cdef int64_t start_of(const AccumulationRow* row, dict sums) except? -1:
    """The first date on which the running sum is as large as it needs to be; INT64_MIN: there is none."""
    needed = row.sum_minor if row.measure == REACHED_DAY else 1
    for (_, date), part in sorted(sums.items(), key=by_date):
        needed -= part
        if needed <= 0:
            return date
    return INT64_MIN


cdef object by_date(entry):
    return entry[0][1]


cdef class Accumulations:
    """All that is kept of one customer for a ruleset. `values` fit int64 while no more than 1 000 receipts are taken in;
    more may raise OverflowError."""

    def __init__(self, Ruleset ruleset not None):
        self.ruleset = ruleset
        self.sums = [{} for _ in range(ruleset.view.accumulations_count)]

    cdef int take(self, EarlierReceipt* receipt, int32_t times) except -1:
        """`times` 1 takes the receipt in, -1 takes it out again."""
        cdef const RulesView* rules = &self.ruleset.view
        cdef const AccumulationRow* row
        cdef int64_t part
        cdef int32_t i
        name_receipt(rules, receipt)
        for i in range(rules.accumulations_count):
            row = &rules.accumulations[i]
            part = part_of(rules, row, receipt)
            if part == 0:
                continue
            sums = self.sums[i]
            key = (receipt.store[0].data[:receipt.store[0].size] if row.same_store else b"", receipt.day)
            left = sums.get(key, 0) + times * part
            if left:
                sums[key] = left
            else:
                del sums[key]
        return 0

    cdef int read(self, int64_t day, bytes store_id, int64_t* values) except -1:
        """The values for a receipt of this business date and store, by the ruleset's accumulation."""
        cdef const AccumulationRow* row
        cdef int32_t i
        for i in range(self.ruleset.view.accumulations_count):
            row = &self.ruleset.view.accumulations[i]
            kept = self.sums[i]
            if row.same_store:
                kept = {key: part for key, part in kept.items() if key[0] == store_id}
            if row.measure == FIRST_USE_DAY or row.measure == REACHED_DAY:
                values[i] = start_of(row, kept)
            else:
                values[i] = sum([part for (_, date), part in kept.items() if window_holds(row, date, day)])
        return 0
