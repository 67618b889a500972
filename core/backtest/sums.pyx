"""Body of the sums: rows of 64-bit numbers, one a name, added to sale by sale.

Decides what "changed" is: any amount of the receipt or of a line, or points of any asset. Invariants: rows of dates, of stores and of
receipts add up to the total; categories add up to it in money; a promotion is counted once a receipt.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from altyn.core.backtest.items cimport OF_RECEIPT
from altyn.core.outcome cimport DISCOUNT, LineDiscount, kind_of
from altyn.core.wire.arena cimport arena_take

cdef enum:
    # Of every row of sums; two more for each asset: points before and after. "Before" is as the journal decided.
    ROWS = 0                   # receipts; of a category lines
    CHANGED = 1
    GROSS = 2
    DISCOUNT_BEFORE = 3
    DISCOUNT_AFTER = 4
    PAID_BEFORE = 5            # with points
    PAID_AFTER = 6
    TO_PAY_BEFORE = 7
    TO_PAY_AFTER = 8
    POINTS = 9

cdef enum:
    # Of a promotion; two more for each asset, of the draft one.
    GIVEN_RECEIPTS = 0
    GIVEN_DISCOUNT = 1
    GIVEN_POINTS = 2

COLUMNS = ("receipts", "changed", "gross_minor", "discount_before_minor", "discount_after_minor", "points_paid_before_minor",
           "points_paid_after_minor", "to_pay_before_minor", "to_pay_after_minor")


cdef inline int64_t magnitude(int64_t amount) noexcept nogil:
    return amount if amount >= 0 else -amount


cdef class Sums:
    def __init__(self, Ruleset ruleset not None, names not None):
        cdef int32_t i
        self.ruleset, self.names = ruleset, names
        of_draft = [(name, scale) for name, scale, _ in ruleset.assets]
        self.assets = [tuple(asset) for asset in names["assets"]]
        known = [name for name, _ in self.assets]
        self.assets += [asset for asset in of_draft if asset[0] not in known]
        known = [name for name, _ in self.assets]
        self.asset_columns = <int32_t*>zeroed(ruleset.view.assets_count, sizeof(int32_t))
        for i in range(ruleset.view.assets_count):
            self.asset_columns[i] = known.index(of_draft[i][0])
        self.assets_count = <int32_t>len(self.assets)
        self.width = POINTS + 2 * self.assets_count
        self.given_width = GIVEN_POINTS + self.assets_count
        self.total = self.claimed(1)
        self.dates = self.claimed(len(names["dates"]))
        self.stores = self.claimed(len(names["stores"]))
        self.categories = self.claimed(len(names["categories"]))
        self.segments = self.claimed(len(names["segments"]))
        self.top_sums = self.claimed(TOP_MAX)
        self.given_before = self.claimed(len(names["promotions"]))
        self.given_after = self.claimed(ruleset.view.promotions_count)
        self.given_at = <int64_t*>zeroed(ruleset.view.promotions_count, sizeof(int64_t))

    def __dealloc__(self):
        free(self.asset_columns)
        free(self.total)
        free(self.dates)
        free(self.stores)
        free(self.categories)
        free(self.segments)
        free(self.top_sums)
        free(self.given_before)
        free(self.given_after)
        free(self.given_at)

    cdef int64_t* claimed(self, int64_t rows) except NULL:
        return <int64_t*>zeroed(rows * self.width, sizeof(int64_t))

    cdef int add(self, const Item* item, const LineBefore* lines, const AccruedBefore* accrued, const PromotionBefore* promotions,
                 const int32_t* segments, const Outcome* outcome, int64_t business_time_us, Arena* arena) except -1:
        cdef int64_t* row = <int64_t*>arena_take(arena, <size_t>self.width * sizeof(int64_t))
        cdef bint changed
        cdef int32_t i
        if row == NULL:
            raise MemoryError
        row[ROWS] = 1
        row[GROSS] = item.gross_minor
        row[DISCOUNT_BEFORE] = item.discount_minor
        row[DISCOUNT_AFTER] = outcome.discount_minor
        row[PAID_BEFORE] = item.points_paid_minor
        row[PAID_AFTER] = outcome.points_paid_minor
        row[TO_PAY_BEFORE] = item.to_pay_minor
        row[TO_PAY_AFTER] = outcome.to_pay_minor
        for i in range(item.accrued_count):
            if accrued[i].line == OF_RECEIPT:
                row[POINTS + 2 * accrued[i].asset] += accrued[i].points
        for i in range(outcome.accruals_count):
            row[POINTS + 2 * self.asset_columns[outcome.accruals[i].asset] + 1] += outcome.accruals[i].points
        changed = self.add_lines(item, lines, accrued, outcome, arena)
        row[CHANGED] = changed or self.differs(row)
        self.add_row(self.total, row)
        self.add_row(&self.dates[item.date * <int64_t>self.width], row)
        self.add_row(&self.stores[item.store * <int64_t>self.width], row)
        for i in range(item.segments_count):
            self.add_row(&self.segments[segments[i] * <int64_t>self.width], row)
        if row[CHANGED]:
            self.keep_top(item, row, business_time_us)
        self.add_given(item, promotions, outcome)
        return 0

    cdef int add_row(self, int64_t* sums, const int64_t* row) noexcept:
        cdef int32_t i
        for i in range(self.width):
            sums[i] += row[i]
        return 0

    cdef bint differs(self, const int64_t* row) noexcept:
        cdef int32_t i
        for i in range(DISCOUNT_BEFORE, self.width, 2):
            if row[i] != row[i + 1]:
                return True
        return False

    cdef bint add_lines(self, const Item* item, const LineBefore* lines, const AccruedBefore* accrued, const Outcome* outcome,
                        Arena* arena) except -1:
        """Into the lines' categories; whether some line differs."""
        cdef int64_t* row = <int64_t*>arena_take(arena, <size_t>self.width * sizeof(int64_t))
        cdef bint changed = False
        cdef int32_t i, j, next = 0
        if row == NULL:
            raise MemoryError
        while next < item.accrued_count and accrued[next].line == OF_RECEIPT:
            next += 1
        for i in range(item.lines_count):
            memset(row, 0, <size_t>self.width * sizeof(int64_t))
            row[ROWS] = 1
            row[GROSS] = outcome.lines[i].gross_minor
            row[DISCOUNT_BEFORE] = lines[i].discount_minor
            row[DISCOUNT_AFTER] = outcome.lines[i].discount_minor
            row[PAID_BEFORE] = lines[i].points_paid_minor
            row[TO_PAY_BEFORE] = row[GROSS] - row[DISCOUNT_BEFORE] - row[PAID_BEFORE]
            row[TO_PAY_AFTER] = outcome.lines[i].net_minor
            row[PAID_AFTER] = row[GROSS] - row[DISCOUNT_AFTER] - row[TO_PAY_AFTER]
            while next < item.accrued_count and accrued[next].line == i:
                row[POINTS + 2 * accrued[next].asset] += accrued[next].points
                next += 1
            j = outcome.lines[i].first_accrual
            while j >= 0:
                row[POINTS + 2 * self.asset_columns[outcome.line_accruals[j].asset] + 1] += outcome.line_accruals[j].points
                j = outcome.line_accruals[j].next
            row[CHANGED] = self.differs(row)
            changed = changed or row[CHANGED]
            self.add_row(&self.categories[lines[i].category * <int64_t>self.width], row)
        return changed

    cdef int add_given(self, const Item* item, const PromotionBefore* promotions, const Outcome* outcome) noexcept:
        """What each promotion gave, before by the file's names, after by the draft's."""
        cdef const LineDiscount* discount
        cdef int64_t* row
        cdef int32_t i, j
        for i in range(item.promotions_count):
            row = &self.given_before[promotions[i].promotion * <int64_t>self.given_width]
            # Of a promotion that gave both, the discount comes first.
            row[GIVEN_RECEIPTS] += i == 0 or not given_in(promotions, i)
            row[GIVEN_DISCOUNT] += promotions[i].discount_minor
            if promotions[i].asset >= 0:
                row[GIVEN_POINTS + promotions[i].asset] += promotions[i].points
        for i in range(item.lines_count):
            j = outcome.lines[i].first_discount
            while j >= 0:
                discount = &outcome.discounts[j]
                if discount.rule >= 0 and kind_of(discount.rule) == DISCOUNT:
                    self.given(discount.rule, item.seq)[GIVEN_DISCOUNT] += discount.amount_minor
                j = discount.next
        for i in range(outcome.accruals_count):
            row = self.given(outcome.accruals[i].rule, item.seq)
            row[GIVEN_POINTS + self.asset_columns[outcome.accruals[i].asset]] += outcome.accruals[i].points
        return 0

    cdef int64_t* given(self, int32_t rule, int64_t seq) noexcept:
        """Sums of the rule's promotion, the receipt counted once."""
        cdef int32_t promotion = self.ruleset.view.rules[rule].promotion
        cdef int64_t* row = &self.given_after[promotion * <int64_t>self.given_width]
        row[GIVEN_RECEIPTS] += self.given_at[promotion] != seq
        self.given_at[promotion] = seq
        return row

    cdef int keep_top(self, const Item* item, const int64_t* row, int64_t business_time_us) noexcept:
        """A heap with the least at its root."""
        cdef Top top
        cdef int32_t i, place, child
        top.weight = magnitude(row[DISCOUNT_AFTER] - row[DISCOUNT_BEFORE])
        top.points_weight = 0
        for i in range(self.assets_count):
            top.points_weight += magnitude(row[POINTS + 2 * i + 1] - row[POINTS + 2 * i])
        top.seq = item.seq
        top.business_time_us = business_time_us
        top.store = item.store
        if self.top_count < TOP_MAX:
            place = self.top_count
            top.place = self.top_count
            self.top_count += 1
            while place > 0 and is_less(&top, &self.top[(place - 1) >> 1]):
                self.top[place] = self.top[(place - 1) >> 1]
                place = (place - 1) >> 1
        elif is_less(&self.top[0], &top):
            top.place = self.top[0].place
            place = 0
            while 2 * place + 1 < TOP_MAX:
                child = 2 * place + 1
                if child + 1 < TOP_MAX and is_less(&self.top[child + 1], &self.top[child]):
                    child += 1
                if not is_less(&self.top[child], &top):
                    break
                self.top[place] = self.top[child]
                place = child
        else:
            return 0
        self.top[place] = top
        memcpy(&self.top_sums[top.place * <int64_t>self.width], row, <size_t>self.width * sizeof(int64_t))
        return 0

    # TELLING

    cdef dict result(self):
        """By name. Rows of sums are in the order of `COLUMNS`, then points before and after for each of `assets`; of promotions:
        receipts, discount, points for each asset."""
        cdef int32_t i
        names = self.names
        of_draft = [promotion_name(self.ruleset, i) for i in range(self.ruleset.view.promotions_count)]
        return {
            "assets": self.assets,
            "total": self.listed(self.total, self.width),
            "dates": self.table(self.dates, names["dates"], self.width),
            "stores": self.table(self.stores, names["stores"], self.width),
            "categories": self.table(self.categories, names["categories"], self.width),
            "segments": self.table(self.segments, names["segments"], self.width),
            "promotions_before": self.table(self.given_before, names["promotions"], self.given_width),
            "promotions_after": self.table(self.given_after, of_draft, self.given_width),
            "top": [
                (self.top[i].seq, self.top[i].business_time_us, names["stores"][self.top[i].store],
                 self.listed(&self.top_sums[self.top[i].place * <int64_t>self.width], self.width))
                for i in range(self.top_count)
            ],
        }

    cdef list listed(self, const int64_t* row, int64_t count):
        cdef int64_t i
        return [row[i] for i in range(count)]

    cdef list table(self, const int64_t* sums, list names, int64_t width):
        """(name, row) of what occurred."""
        cdef int64_t i
        return [(names[i], self.listed(&sums[i * width], width)) for i in range(len(names)) if sums[i * width] > 0]


cdef void* zeroed(int64_t rows, size_t size) except NULL:
    """Zeroed; also of no row."""
    cdef void* memory = calloc(<size_t>rows + 1, size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef bint given_in(const PromotionBefore* promotions, int32_t place) noexcept:
    """An earlier row is of the same promotion."""
    cdef int32_t i
    for i in range(place):
        if promotions[i].promotion == promotions[place].promotion:
            return True
    return False


cdef bint is_less(const Top* a, const Top* b) noexcept:
    """By the discount's change, then the points'; of equal ones the later receipt is less."""
    if a.weight != b.weight:
        return a.weight < b.weight
    if a.points_weight != b.points_weight:
        return a.points_weight < b.points_weight
    return a.seq > b.seq


cdef str promotion_name(Ruleset ruleset, int32_t promotion):
    cdef int32_t begin = ruleset.view.promotions[promotion].id_begin
    return ruleset.view.texts[begin:begin + ruleset.view.promotions[promotion].id_size].decode()
