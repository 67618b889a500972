"""Sales of an extract decided again by a draft, and the difference added up.

Decides what a difference is. Invariants: a sale is decided from its item alone, from the draft's own counters where it has limits, and
from the sales before it where it asks for earlier purchases; the same items by the same rules give the same numbers; no Python object is
made for a sale. What an item's evidence does not hold is counted, and taken as nobody's. It must never decide an amount itself.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from altyn.core.backtest.depths cimport Depths
from altyn.core.backtest.earlier cimport Earlier
from altyn.core.backtest.items cimport (
    CODE_UNKNOWN, GOODS_UNKNOWN, TAKEN_BACK, AccruedBefore, CountedBefore, Item, LineBack, LineBefore, PromotionBefore, padded,
)
from altyn.core.backtest.sums cimport Sums, promotion_name, zeroed
from altyn.core.backtest.tallies cimport Tallies
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.edge cimport ReadError, read_receipt
from altyn.core.engine.replay cimport take_evidence
from altyn.core.engine.scarce cimport forget_accrual
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.limits cimport ARENA_BYTES
from altyn.core.outcome cimport CounterUse, Outcome
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.image cimport BRAND, CATEGORY, COUPON, COUPON_SERIES, READS_BALANCE, SUPPLIER
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset, arena_take
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1

cdef enum:
    BALANCES = 0
    SEGMENTS = 1
    GOODS = 2
    CODES = 3
    HISTORY = 4
    MISSING_COUNT = 5

cdef enum:
    PER_RECEIPT = 0            # of a LimitRow

MISSING = ("balances", "segments", "goods", "codes", "history")

cdef struct Spent:
    # A limit on one date.
    int64_t taken
    int64_t receipts
    int64_t counted            # of a limit per promotion: how its counter stood after the last receipt
    int64_t full               # receipts after which nothing was left


cdef class Replayer:
    """One draft. All segments it names have a history from `since_us` on. `stores`: it is tried in these alone, None: in all.
    `depths`: told of every sale the draft is tried on."""
    cdef Ruleset ruleset
    cdef Calculator calculator
    cdef Tallies tallies
    cdef Depths depths             # None: nobody asks
    cdef Earlier earlier           # None: the draft asks for no earlier purchases
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
    cdef int64_t since_us
    cdef uint8_t* asked        # by asset of the ruleset: a condition asks for its balance
    cdef object stores
    # The file being replayed.
    cdef const uint8_t[::1] items
    cdef int64_t at
    cdef object names
    cdef bytes wanted              # by store of the file: 1 where the draft is tried
    cdef list givers               # ids of the file's promotions, as bytes
    cdef Sums sums
    cdef Spent* spent              # limits × dates
    cdef int32_t dates_count
    cdef int64_t missing[MISSING_COUNT]
    cdef readonly int64_t refused_count    # receipts the calculator could not take

    def __cinit__(self, Ruleset ruleset not None, int64_t since_us=0, stores=None, Depths depths=None):
        cdef int32_t i
        self.ruleset, self.depths = ruleset, depths
        self.calculator = Calculator()
        self.tallies = Tallies()
        self.earlier = Earlier(ruleset) if ruleset.view.accumulations_count > 0 else None
        arena_open(&self.arena, 2 * ARENA_BYTES)
        self.limits_count = ruleset.view.promotions[ruleset.view.promotions_count - 1].limits_end if ruleset.view.promotions_count else 0
        for i in range(self.limits_count):
            self.counts = self.counts or ruleset.view.limits[i].per != PER_RECEIPT
        self.reads_balances = ruleset.view.payments_count > 0 or ruleset.view.summary.promotion_flags & READS_BALANCE
        self.names_goods = ruleset.view.summary.kinds & (1 << CATEGORY | 1 << BRAND | 1 << SUPPLIER)
        self.names_codes = ruleset.view.summary.kinds & (1 << COUPON | 1 << COUPON_SERIES)
        self.asked = <uint8_t*>zeroed(ruleset.view.assets_count, 1)
        in_conditions = ruleset.read_set.get("balance", ())
        for i in range(ruleset.view.assets_count):
            self.asked[i] = ruleset.assets[i][0] in in_conditions
        self.since_us = since_us
        self.stores = stores

    def __dealloc__(self):
        arena_close(&self.arena)
        free(self.asked)
        free(self.spent)

    # THE FILE

    def open(self, const uint8_t[::1] items not None, names not None):
        """Begin a file: its items, which must outlive the replay, and its names as `Extractor.names` gave them. All sums begin
        at 0; counters go on."""
        self.items, self.names, self.at = items, names, 0
        self.wanted = bytes([self.stores is None or name in self.stores for name in names["stores"]])
        self.givers = [name.encode() for name in names["promotions"]]
        self.sums = Sums(self.ruleset, names)
        if self.depths is not None:
            self.depths.begin(self.ruleset)
        self.dates_count = <int32_t>len(names["dates"])
        free(self.spent)
        self.spent = NULL
        self.spent = <Spent*>zeroed(self.limits_count * self.dates_count, sizeof(Spent))
        memset(self.missing, 0, sizeof(self.missing))
        self.refused_count = 0

    def run(self, int64_t receipts_max):
        """Replay so many receipts, or to the end of the file; how many there were, those of other stores too, and not what came
        back. ValueError: the items are damaged."""
        cdef const Item* item
        cdef const uint8_t* wanted = self.wanted
        cdef int32_t stores_count = <int32_t>len(self.wanted)
        cdef int64_t done = 0, size = self.items.shape[0]
        while done < receipts_max and self.at < size:
            item = <const Item*>&self.items[self.at]
            if size - self.at < <int64_t>sizeof(Item) or item.bytes < <int64_t>sizeof(Item) or item.bytes > size - self.at:
                raise ValueError(f"no item of an extract stands at byte {self.at}")
            if item.flags & TAKEN_BACK:
                if self.earlier is not None:
                    self.take_back(item)
                self.at += item.bytes
                continue
            if not 0 <= item.store < stores_count:
                raise ValueError(f"the item at byte {self.at} is of no store")
            if wanted[item.store] or self.earlier is not None:
                try:
                    self.replay(item, wanted[item.store])
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
        """The draft has limits with counters, or asks for earlier purchases: its files must follow one another, with the same
        counters."""
        return bool(self.counts) or self.earlier is not None

    def counters(self):
        """The draft's counters and the purchases seen as they stand, for `restore`."""
        tallies = self.tallies.kept()
        return len(tallies).to_bytes(8, "little") + tallies + (self.earlier.image() if self.earlier is not None else b"")

    def restore(self, bytes counters not None):
        """Go on from the counters of the file before, in a Replayer that has replayed nothing; b"" is of no file. ValueError."""
        cdef Py_ssize_t end = 8 + int.from_bytes(counters[:8], "little")
        if not counters:
            return
        if len(counters) < end:
            raise ValueError("no counters of a replay")
        self.tallies.restore(counters[8:end])
        if self.earlier is not None:
            self.earlier.restore(counters[end:])

    # ONE RECEIPT

    cdef int replay(self, const Item* item, bint wanted) except -1:
        """`wanted`: the draft is tried on it; else it is one of the earlier purchases of others."""
        cdef const LineBefore* lines = <const LineBefore*>(item + 1)
        cdef const AccruedBefore* accrued = <const AccruedBefore*>(lines + item.lines_count)
        cdef const PromotionBefore* promotions = <const PromotionBefore*>(accrued + item.accrued_count)
        cdef const CountedBefore* counted = <const CountedBefore*>(promotions + item.promotions_count)
        cdef const int32_t* segments = <const int32_t*>(counted + item.counted_count)
        cdef const uint8_t* body = <const uint8_t*>segments + padded(item.segments_count * <int64_t>sizeof(int32_t))
        self.read(body, item.record_bytes)
        if not wanted:
            return self.count_earlier(item, lines, promotions, NULL)
        self.note_missing(item)
        self.calculator.calculate(self.ruleset, &self.receipt, &self.where, &self.holdings, False, &self.outcome)
        if self.record.evidence.customer == NULL or self.record.evidence.customer.account_id == 0:
            forget_accrual(&self.outcome, self.receipt.lines_count)
        if self.counts:
            self.count(item, counted)
        if self.earlier is not None:
            self.count_earlier(item, lines, promotions, &self.outcome)
        self.sums.add(item, lines, accrued, promotions, segments, &self.outcome, self.record.evidence.business_time_us, &self.arena)
        if self.depths is not None:
            self.depths.look(item, &self.outcome, self.record.evidence.business_time_us)
        return 0

    cdef int count_earlier(self, const Item* item, const LineBefore* lines, const PromotionBefore* promotions, const Outcome* outcome) except -1:
        """For the customer's later sales. Where the draft was tried, what it gave is what was given."""
        cdef int32_t count = 0 if outcome != NULL else item.promotions_count
        cdef Text* gave = self.gave(promotions, count)
        return self.earlier.count(&self.record, &self.receipt, &self.where, lines, gave, count, outcome, &self.arena)

    cdef int take_back(self, const Item* item) except -1:
        cdef const LineBefore* lines = <const LineBefore*>(item + 1)
        cdef const LineBack* back = <const LineBack*>(lines + item.lines_count)
        cdef const PromotionBefore* promotions = <const PromotionBefore*>(back + item.lines_count)
        self.read(<const uint8_t*>(promotions + item.promotions_count), item.record_bytes)
        return self.earlier.take_back(&self.record, &self.receipt, &self.where, lines, back, self.gave(promotions, item.promotions_count),
                                      item.promotions_count, &self.arena)

    cdef Text* gave(self, const PromotionBefore* promotions, int32_t count) except NULL:
        """Promotions that gave something, as the journal has it."""
        cdef Text* names = <Text*>arena_take(&self.arena, (<size_t>count + 1) * sizeof(Text))
        cdef bytes name
        cdef int32_t i
        if names == NULL:
            raise MemoryError
        for i in range(count):
            name = self.givers[promotions[i].promotion]
            names[i] = Text(PyBytes_AS_STRING(name), <int32_t>len(name))
        return names

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
        take_evidence(&self.receipt, &self.where, &self.holdings, evidence, &self.arena)
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
        """Count what the draft asks for and the evidence has not; earlier purchases are then those seen."""
        cdef const journal_v1.CustomerFacts* customer = self.record.evidence.customer
        if self.names_goods and item.flags & GOODS_UNKNOWN:
            self.missing[GOODS] += 1
        if self.names_codes and item.flags & CODE_UNKNOWN:
            self.missing[CODES] += 1
        if customer == NULL:
            return 0
        if self.reads_balances and customer.account_id != 0 and self.lacks_balance():
            self.missing[BALANCES] += 1
        if self.earlier is not None and customer.account_id != 0:
            self.missing[HISTORY] += self.earlier.read(&self.holdings, self.record.evidence, &self.where, &self.arena)
        if customer.customer_id != 0 and self.record.evidence.business_time_us < self.since_us:
            self.missing[SEGMENTS] += 1
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

    def result(self):
        """Sums of the file so far, by name, as of `Sums.result`; limits, what is missing, receipts that could not be calculated."""
        cdef int32_t i
        return self.sums.result() | {
            "limits": self.limits(),
            "missing": dict(zip(MISSING, [self.missing[i] for i in range(MISSING_COUNT)])),
            "counters_from_nothing": self.tallies.untold(),
            "refused": self.refused_count,
        }

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
                    rows.append((promotion_name(self.ruleset, limit.promotion), limit.measure, limit.per, limit.window, limit.cap,
                                 self.names["dates"][j], spent.taken, spent.receipts, spent.counted, spent.full))
        return rows


cdef int32_t balance_of(const journal_v1.Evidence* evidence, Text asset) noexcept:
    """Row of the evidence's balances, -1: it has none of the asset."""
    cdef int32_t i, j
    for i in range(evidence.assets_count):
        if text_equal(evidence.assets[i].asset, asset):
            for j in range(evidence.balances_count):
                if evidence.balances[j].asset_no == evidence.assets[i].asset_no:
                    return j
    return -1
