"""Sales of an extract decided again by a draft, and the difference added up.

Decides what a difference is. Invariants: a sale is decided from its item alone, and from the draft's own counters where it has limits;
the same items by the same rules give the same numbers; no Python object is made for a sale. What an item's evidence does not hold
is counted, and taken as nobody's. It must never decide an amount itself.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from altyn.core.backtest.items cimport (
    CODE_UNKNOWN, GOODS_UNKNOWN, OF_RECEIPT, AccruedBefore, CountedBefore, Item, LineBefore, PromotionBefore, padded,
)
from altyn.core.backtest.tallies cimport Tallies
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.edge cimport ReadError, read_receipt
from altyn.core.engine.replay cimport take_codes, take_holdings, take_line_facts, take_place
from altyn.core.engine.scarce cimport forget_accrual
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.limits cimport ARENA_BYTES
from altyn.core.outcome cimport DISCOUNT, CounterUse, LineDiscount, Outcome, kind_of
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.image cimport BRAND, CATEGORY, COUPON, COUPON_SERIES, READS_BALANCE, SUPPLIER
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset, arena_take
from altyn.core.wire.format cimport WireError
from libc.string cimport memcpy
cimport altyn.core.wire.generated.journal_v1 as journal_v1

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
    BALANCES = 0
    SEGMENTS = 1
    GOODS = 2
    CODES = 3
    MISSING_COUNT = 4

cdef enum:
    # Of a promotion; two more for each asset, of the draft one.
    GIVEN_RECEIPTS = 0
    GIVEN_DISCOUNT = 1
    GIVEN_POINTS = 2

cdef enum:
    TOP_MAX = 100
    PER_RECEIPT = 0            # of a LimitRow

COLUMNS = ("receipts", "changed", "gross_minor", "discount_before_minor", "discount_after_minor", "points_paid_before_minor",
           "points_paid_after_minor", "to_pay_before_minor", "to_pay_after_minor")
MISSING = ("balances", "segments", "goods", "codes")

cdef struct Top:
    # A receipt with a large difference; its sums are row `place` of `top_sums`.
    int64_t weight
    int64_t points_weight
    int64_t seq
    int64_t business_time_us
    int32_t store
    int32_t place

cdef struct Since:
    # A segment the draft names, and when its history begins.
    Text segment
    int64_t since_us

cdef struct Spent:
    # A limit on one date.
    int64_t taken
    int64_t receipts
    int64_t counted            # of a limit per promotion: how its counter stood after the last receipt
    int64_t full               # receipts after which nothing was left


cdef inline int64_t magnitude(int64_t amount) noexcept nogil:
    return amount if amount >= 0 else -amount


cdef class Replayer:
    """One draft. `since` are (segment, first instant of its history) of segments it names."""
    cdef Ruleset ruleset
    cdef Calculator calculator
    cdef Tallies tallies
    cdef Arena arena
    cdef journal_v1.Record record
    cdef Receipt receipt
    cdef Place where
    cdef Holdings holdings
    cdef Outcome outcome
    cdef bint counts           # the draft has limits with counters
    cdef int64_t limits_count  # rows of limits, which lie in order of their promotions
    cdef bint reads_balances
    cdef bint names_goods
    cdef bint names_codes
    cdef list since_names
    cdef Since* since
    cdef int32_t since_count
    cdef uint8_t* asked        # by asset of the ruleset: the same
    # The file being replayed.
    cdef const uint8_t[::1] items
    cdef int64_t at
    cdef object names
    cdef int32_t assets_count  # of the file and the draft together
    cdef list assets
    cdef int32_t* asset_columns    # by asset of the ruleset
    cdef int32_t width
    cdef int32_t given_width
    cdef int64_t* total
    cdef int64_t* dates
    cdef int64_t* stores
    cdef int64_t* categories
    cdef int64_t* segments
    cdef int64_t* top_sums
    cdef int64_t* given_before     # by promotion of the file
    cdef int64_t* given_after      # by promotion of the draft
    cdef int64_t* given_at         # seq of the last receipt it gave something on
    cdef Spent* spent              # limits × dates
    cdef Top top[TOP_MAX]
    cdef int32_t top_count
    cdef int32_t dates_count
    cdef int64_t missing[MISSING_COUNT]
    cdef readonly int64_t refused_count    # receipts the calculator could not take

    def __cinit__(self, Ruleset ruleset not None, since=()):
        cdef int32_t i
        self.ruleset = ruleset
        self.calculator = Calculator()
        self.tallies = Tallies()
        arena_open(&self.arena, 2 * ARENA_BYTES)
        self.limits_count = ruleset.view.promotions[ruleset.view.promotions_count - 1].limits_end if ruleset.view.promotions_count else 0
        for i in range(self.limits_count):
            self.counts = self.counts or ruleset.view.limits[i].per != PER_RECEIPT
        self.reads_balances = ruleset.view.payments_count > 0 or ruleset.view.summary.promotion_flags & READS_BALANCE
        self.names_goods = ruleset.view.summary.kinds & (1 << CATEGORY | 1 << BRAND | 1 << SUPPLIER)
        self.names_codes = ruleset.view.summary.kinds & (1 << COUPON | 1 << COUPON_SERIES)
        self.asked = <uint8_t*>claimed(ruleset.view.assets_count, 1)
        self.asset_columns = <int32_t*>claimed(ruleset.view.assets_count, sizeof(int32_t))
        in_conditions = ruleset.read_set.get("balance", ())
        for i in range(ruleset.view.assets_count):
            self.asked[i] = ruleset.assets[i][0] in in_conditions
        self.since_names = [(name.encode(), at_us) for name, at_us in since]
        self.since_count = <int32_t>len(self.since_names)
        self.since = <Since*>claimed(self.since_count, sizeof(Since))
        for i in range(self.since_count):
            self.since[i].segment.data = <const char*><bytes>self.since_names[i][0]
            self.since[i].segment.size = <int32_t>len(self.since_names[i][0])
            self.since[i].since_us = self.since_names[i][1]

    def __dealloc__(self):
        arena_close(&self.arena)
        self.free_sums()
        free(self.asked)
        free(self.asset_columns)
        free(self.since)

    cdef int free_sums(self) noexcept:
        free(self.total)
        free(self.dates)
        free(self.stores)
        free(self.categories)
        free(self.segments)
        free(self.top_sums)
        free(self.given_before)
        free(self.given_after)
        free(self.given_at)
        free(self.spent)
        self.total = self.dates = self.stores = self.categories = self.segments = self.top_sums = NULL
        self.given_before = self.given_after = self.given_at = NULL
        self.spent = NULL
        return 0

    # THE FILE

    def open(self, const uint8_t[::1] items not None, names not None):
        """Begin a file: its items, which must outlive the replay, and its names as `Extractor.names` gave them. All sums begin
        at 0; counters go on."""
        cdef int32_t i
        self.items, self.names, self.at = items, names, 0
        of_draft = [(name, scale) for name, scale, _ in self.ruleset.assets]
        self.assets = [tuple(asset) for asset in names["assets"]]
        known = [name for name, _ in self.assets]
        self.assets += [asset for asset in of_draft if asset[0] not in known]
        known = [name for name, _ in self.assets]
        for i in range(self.ruleset.view.assets_count):
            self.asset_columns[i] = known.index(of_draft[i][0])
        self.assets_count = <int32_t>len(self.assets)
        self.width = POINTS + 2 * self.assets_count
        self.dates_count = <int32_t>len(names["dates"])
        self.free_sums()
        self.total = self.sums(1)
        self.dates = self.sums(self.dates_count)
        self.stores = self.sums(len(names["stores"]))
        self.categories = self.sums(len(names["categories"]))
        self.segments = self.sums(len(names["segments"]))
        self.top_sums = self.sums(TOP_MAX)
        self.given_width = GIVEN_POINTS + self.assets_count
        self.given_before = <int64_t*>claimed(len(names["promotions"]) * self.given_width, sizeof(int64_t))
        self.given_after = <int64_t*>claimed(self.ruleset.view.promotions_count * <int64_t>self.given_width, sizeof(int64_t))
        self.given_at = <int64_t*>claimed(self.ruleset.view.promotions_count, sizeof(int64_t))
        self.spent = <Spent*>claimed(self.limits_count * self.dates_count, sizeof(Spent))
        self.top_count = 0
        memset(self.missing, 0, sizeof(self.missing))
        self.refused_count = 0

    cdef int64_t* sums(self, int64_t rows) except NULL:
        return <int64_t*>claimed(rows * self.width, sizeof(int64_t))

    def run(self, int64_t receipts_max):
        """Replay so many receipts, or to the end of the file; how many there were. ValueError: the items are damaged."""
        cdef const Item* item
        cdef int64_t done = 0, size = self.items.shape[0]
        while done < receipts_max and self.at < size:
            item = <const Item*>&self.items[self.at]
            if size - self.at < <int64_t>sizeof(Item) or item.bytes < <int64_t>sizeof(Item) or item.bytes > size - self.at:
                raise ValueError(f"no item of an extract stands at byte {self.at}")
            try:
                self.replay(item)
            except (OverflowError, AssertionError):
                self.refused_count += 1
            self.at += item.bytes
            done += 1
        return done

    def close(self):
        """Let go of the items; the sums stay."""
        self.items = None

    @property
    def needs_order(self):
        """The draft has limits with counters: its files must follow one another, with the same counters."""
        return bool(self.counts)

    def counters(self):
        """The draft's counters as they stand, for `restore`."""
        return self.tallies.kept()

    def restore(self, bytes counters not None):
        """Go on from the counters of the file before, in a Replayer that has replayed nothing. ValueError."""
        self.tallies.restore(counters)

    # ONE RECEIPT

    cdef int replay(self, const Item* item) except -1:
        cdef const LineBefore* lines = <const LineBefore*>(item + 1)
        cdef const AccruedBefore* accrued = <const AccruedBefore*>(lines + item.lines_count)
        cdef const PromotionBefore* promotions = <const PromotionBefore*>(accrued + item.accrued_count)
        cdef const CountedBefore* counted = <const CountedBefore*>(promotions + item.promotions_count)
        cdef const int32_t* segments = <const int32_t*>(counted + item.counted_count)
        cdef const uint8_t* body = <const uint8_t*>segments + padded(item.segments_count * <int64_t>sizeof(int32_t))
        self.read(body, item.record_bytes)
        self.note_missing(item)
        self.calculator.calculate(self.ruleset, &self.receipt, &self.where, &self.holdings, False, &self.outcome)
        if self.record.evidence.customer == NULL or self.record.evidence.customer.account_id == 0:
            forget_accrual(&self.outcome, self.receipt.lines_count)
        if self.counts:
            self.count(item, counted)
        self.add_up(item, lines, accrued, promotions, segments)
        return 0

    cdef int read(self, const uint8_t* body, int64_t size) except -1:
        """All that the decision reads. ValueError: the items are damaged."""
        cdef const journal_v1.Evidence* evidence
        cdef WireError error
        cdef ReadError wrong
        cdef CounterId id
        cdef int32_t i
        arena_reset(&self.arena)
        memset(&error, 0, sizeof(error))
        if (journal_v1.decode_Record(&self.record, body, body + size, &self.arena, &error) != 0 or self.record.request == NULL
                or self.record.evidence == NULL):
            raise ValueError(f"the item at byte {self.at} cannot be read")
        if read_receipt(self.record.request.receipt, &self.receipt, &self.arena, &wrong) != 0:
            raise ValueError(f"the item at byte {self.at} has a receipt out of range")
        evidence = self.record.evidence
        take_line_facts(&self.receipt, evidence)
        take_place(&self.where, evidence)
        take_holdings(&self.holdings, evidence.customer)
        self.holdings.input_method = evidence.input_method
        self.holdings.limits_waived = evidence.limits_waived
        self.holdings.coupons = take_codes(&self.receipt, evidence, &self.arena)
        if self.reads_balances and evidence.balances_count > 0:
            self.read_balances(evidence)
        if self.counts:
            for i in range(evidence.counters_count):
                id = id_of_key(evidence.counters[i].key)
                self.tallies.told(&id, evidence.counters[i].used + evidence.counters[i].held)
            self.holdings.counters = &self.tallies.seen
        return 0

    cdef int read_balances(self, const journal_v1.Evidence* evidence) except -1:
        """By the draft's assets; one the journal did not read is 0, and was counted."""
        cdef int32_t i, j
        cdef int64_t* balances = <int64_t*>arena_take(&self.arena, <size_t>self.ruleset.view.assets_count * sizeof(int64_t))
        if balances == NULL:
            raise MemoryError
        for i in range(self.ruleset.view.assets_count):
            j = balance_of(evidence, self.ruleset.asset_text(i))
            balances[i] = evidence.balances[j].active_points if j >= 0 else 0
        self.holdings.balances = balances
        return 0

    cdef int note_missing(self, const Item* item) except -1:
        cdef const journal_v1.CustomerFacts* customer = self.record.evidence.customer
        cdef int32_t i
        if self.names_goods and item.flags & GOODS_UNKNOWN:
            self.missing[GOODS] += 1
        if self.names_codes and item.flags & CODE_UNKNOWN:
            self.missing[CODES] += 1
        if customer == NULL:
            return 0
        if self.reads_balances and customer.account_id != 0 and self.lacks_balance():
            self.missing[BALANCES] += 1
        for i in range(self.since_count if customer.customer_id != 0 else 0):
            if self.record.evidence.business_time_us < self.since[i].since_us:
                self.missing[SEGMENTS] += 1
                break
        return 0

    cdef bint lacks_balance(self) noexcept:
        """An asset a condition asks for, or the customer wanted to pay with, has no balance here."""
        cdef int32_t i, j
        cdef Text asset
        for i in range(self.ruleset.view.assets_count):
            asset = self.ruleset.asset_text(i)
            if balance_of(self.record.evidence, asset) >= 0:
                continue
            if self.asked[i]:
                return True
            for j in range(self.receipt.wishes_count if self.ruleset.view.payments_count > 0 else 0):
                if text_equal(self.receipt.wishes[j].asset, asset):
                    return True
        return False

    cdef int count(self, const Item* item, const CountedBefore* counted) except -1:
        """What the draft and the journal took of counters; where the draft's limits stand by that date."""
        cdef const CounterUse* use
        cdef CounterId id
        cdef Spent* spent
        cdef int32_t i
        for i in range(item.counted_count):
            memcpy(id.key, counted[i].key, 16)
            id.window = counted[i].window
            id.window_day = counted[i].window_day
            self.tallies.took(&id, 0, counted[i].used)
        for i in range(self.outcome.counters_count):
            use = &self.outcome.counters[i]
            spent = &self.spent[use.row * <int64_t>self.dates_count + item.date]
            if use.taken > 0:
                self.tallies.took(&use.id, use.taken, 0)
                spent.receipts += 1
            spent.taken += use.taken
            spent.counted = use.used + use.held + use.taken
            spent.full += spent.counted >= use.cap
        return 0

    # ADDING UP

    cdef int add_up(self, const Item* item, const LineBefore* lines, const AccruedBefore* accrued, const PromotionBefore* promotions,
                    const int32_t* segments) except -1:
        cdef int64_t* row = <int64_t*>arena_take(&self.arena, <size_t>self.width * sizeof(int64_t))
        cdef bint changed
        cdef int32_t i
        if row == NULL:
            raise MemoryError
        row[ROWS] = 1
        row[GROSS] = item.gross_minor
        row[DISCOUNT_BEFORE] = item.discount_minor
        row[DISCOUNT_AFTER] = self.outcome.discount_minor
        row[PAID_BEFORE] = item.points_paid_minor
        row[PAID_AFTER] = self.outcome.points_paid_minor
        row[TO_PAY_BEFORE] = item.to_pay_minor
        row[TO_PAY_AFTER] = self.outcome.to_pay_minor
        for i in range(item.accrued_count):
            if accrued[i].line == OF_RECEIPT:
                row[POINTS + 2 * accrued[i].asset] += accrued[i].points
        for i in range(self.outcome.accruals_count):
            row[POINTS + 2 * self.asset_columns[self.outcome.accruals[i].asset] + 1] += self.outcome.accruals[i].points
        changed = self.add_lines(item, lines, accrued)
        row[CHANGED] = changed or self.differs(row)
        self.add_row(self.total, row)
        self.add_row(&self.dates[item.date * <int64_t>self.width], row)
        self.add_row(&self.stores[item.store * <int64_t>self.width], row)
        for i in range(item.segments_count):
            self.add_row(&self.segments[segments[i] * <int64_t>self.width], row)
        if row[CHANGED]:
            self.keep_top(item, row)
        self.add_given(item, promotions)
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

    cdef bint add_lines(self, const Item* item, const LineBefore* lines, const AccruedBefore* accrued) except -1:
        """Into the lines' categories; whether some line differs."""
        cdef int64_t* row = <int64_t*>arena_take(&self.arena, <size_t>self.width * sizeof(int64_t))
        cdef bint changed = False
        cdef int32_t i, j, next = 0
        if row == NULL:
            raise MemoryError
        while next < item.accrued_count and accrued[next].line == OF_RECEIPT:
            next += 1
        for i in range(item.lines_count):
            memset(row, 0, <size_t>self.width * sizeof(int64_t))
            row[ROWS] = 1
            row[GROSS] = self.outcome.lines[i].gross_minor
            row[DISCOUNT_BEFORE] = lines[i].discount_minor
            row[DISCOUNT_AFTER] = self.outcome.lines[i].discount_minor
            row[PAID_BEFORE] = lines[i].points_paid_minor
            row[TO_PAY_BEFORE] = row[GROSS] - row[DISCOUNT_BEFORE] - row[PAID_BEFORE]
            row[TO_PAY_AFTER] = self.outcome.lines[i].net_minor
            row[PAID_AFTER] = row[GROSS] - row[DISCOUNT_AFTER] - row[TO_PAY_AFTER]
            while next < item.accrued_count and accrued[next].line == i:
                row[POINTS + 2 * accrued[next].asset] += accrued[next].points
                next += 1
            j = self.outcome.lines[i].first_accrual
            while j >= 0:
                row[POINTS + 2 * self.asset_columns[self.outcome.line_accruals[j].asset] + 1] += self.outcome.line_accruals[j].points
                j = self.outcome.line_accruals[j].next
            row[CHANGED] = self.differs(row)
            changed = changed or row[CHANGED]
            self.add_row(&self.categories[lines[i].category * <int64_t>self.width], row)
        return changed

    cdef int add_given(self, const Item* item, const PromotionBefore* promotions) noexcept:
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
            j = self.outcome.lines[i].first_discount
            while j >= 0:
                discount = &self.outcome.discounts[j]
                if discount.rule >= 0 and kind_of(discount.rule) == DISCOUNT:
                    self.given(discount.rule, item.seq)[GIVEN_DISCOUNT] += discount.amount_minor
                j = discount.next
        for i in range(self.outcome.accruals_count):
            row = self.given(self.outcome.accruals[i].rule, item.seq)
            row[GIVEN_POINTS + self.asset_columns[self.outcome.accruals[i].asset]] += self.outcome.accruals[i].points
        return 0

    cdef int64_t* given(self, int32_t rule, int64_t seq) noexcept:
        """Sums of the rule's promotion, the receipt counted once."""
        cdef int32_t promotion = self.ruleset.view.rules[rule].promotion
        cdef int64_t* row = &self.given_after[promotion * <int64_t>self.given_width]
        row[GIVEN_RECEIPTS] += self.given_at[promotion] != seq
        self.given_at[promotion] = seq
        return row

    cdef int keep_top(self, const Item* item, const int64_t* row) noexcept:
        """A heap with the least at its root."""
        cdef Top top
        cdef int32_t i, place, child
        top.weight = magnitude(row[DISCOUNT_AFTER] - row[DISCOUNT_BEFORE])
        top.points_weight = 0
        for i in range(self.assets_count):
            top.points_weight += magnitude(row[POINTS + 2 * i + 1] - row[POINTS + 2 * i])
        top.seq = item.seq
        top.business_time_us = self.record.evidence.business_time_us
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

    def result(self):
        """Sums of the file so far, by name. Rows of sums are in the order of `COLUMNS`, then points before and after for each of
        `assets`; of promotions: receipts, discount, points for each asset."""
        cdef int32_t i
        names = self.names
        of_draft = [promotion_text(self.ruleset, i) for i in range(self.ruleset.view.promotions_count)]
        return {
            "assets": self.assets,
            "total": self.listed(self.total, self.width),
            "dates": self.table(self.dates, names["dates"], self.width),
            "stores": self.table(self.stores, names["stores"], self.width),
            "categories": self.table(self.categories, names["categories"], self.width),
            "segments": self.table(self.segments, names["segments"], self.width),
            "promotions_before": self.table(self.given_before, names["promotions"], self.given_width),
            "promotions_after": self.table(self.given_after, of_draft, self.given_width),
            "limits": self.limits(),
            "top": [
                (self.top[i].seq, self.top[i].business_time_us, names["stores"][self.top[i].store],
                 self.listed(&self.top_sums[self.top[i].place * <int64_t>self.width], self.width))
                for i in range(self.top_count)
            ],
            "missing": dict(zip(MISSING, [self.missing[i] for i in range(MISSING_COUNT)])),
            "counters_from_nothing": self.tallies.untold(),
            "refused": self.refused_count,
        }

    cdef list listed(self, const int64_t* row, int32_t count):
        cdef int32_t i
        return [row[i] for i in range(count)]

    cdef list table(self, const int64_t* sums, list names, int64_t width):
        """(name, row) of what occurred."""
        cdef int64_t i
        return [(names[i], self.listed(&sums[i * width], width)) for i in range(len(names)) if sums[i * width] > 0]

    cdef list limits(self):
        """(promotion, measure, per, window, cap, date, taken, receipts, counted, full) of limits that were looked at."""
        cdef const Spent* spent
        cdef int64_t i, j
        cdef list rows = []
        for i in range(self.limits_count):
            limit = self.ruleset.view.limits[i]
            for j in range(self.dates_count):
                spent = &self.spent[i * self.dates_count + j]
                if spent.taken > 0 or spent.full > 0:
                    rows.append((promotion_text(self.ruleset, limit.promotion), limit.measure, limit.per, limit.window, limit.cap,
                                 self.names["dates"][j], spent.taken, spent.receipts, spent.counted, spent.full))
        return rows


cdef void* claimed(int64_t rows, size_t size) except NULL:
    """Zeroed; also of no row."""
    cdef void* memory = calloc(<size_t>rows + 1, size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef int32_t balance_of(const journal_v1.Evidence* evidence, Text asset) noexcept:
    """Row of the evidence's balances, -1: it has none of the asset."""
    cdef int32_t i, j
    for i in range(evidence.assets_count):
        if text_equal(evidence.assets[i].asset, asset):
            for j in range(evidence.balances_count):
                if evidence.balances[j].asset_no == evidence.assets[i].asset_no:
                    return j
    return -1


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


cdef str promotion_text(Ruleset ruleset, int32_t promotion):
    cdef int32_t begin = ruleset.view.promotions[promotion].id_begin
    return ruleset.view.texts[begin:begin + ruleset.view.promotions[promotion].id_size].decode()


