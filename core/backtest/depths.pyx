"""Body of the depths. Decides what "deep" and "low" are: a receipt's discount above so much of its gross; a line left with less than
so much of its own. Invariants: shares are in millionths, rounded against the draft by less than one; a receipt of no value is neither.
Sums by hour are those of discounts alone, by the hour of business. It must never change an amount.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset
from altyn.core.backtest.items cimport Item
from altyn.core.backtest.sums cimport promotion_name
from altyn.core.money cimport PPM, mul_div_floor
from altyn.core.outcome cimport DISCOUNT, LineDiscount, Outcome, kind_of
from altyn.core.rules.ruleset cimport Ruleset

# How far a discount moves, in millionths of the gross: the steps away from 0, to both sides.
STEPS_PPM = (10_000, 50_000, 100_000, 200_000, 500_000)

cdef enum:
    SAME = 6                   # the step of a discount that stays
    HOUR_US = 3_600_000_000


cdef inline int32_t step_of(int64_t change_minor, int64_t gross_minor) noexcept nogil:
    cdef int64_t ppm
    cdef int32_t away
    if change_minor == 0:
        return SAME
    ppm = mul_div_floor(change_minor if change_minor > 0 else -change_minor, PPM, gross_minor)
    away = 1 if ppm < 10_000 else 2 if ppm < 50_000 else 3 if ppm < 100_000 else 4 if ppm < 200_000 else 5 if ppm < 500_000 else 6
    return SAME + away if change_minor > 0 else SAME - away


cdef class Depths:
    """`receipt_max_ppm`: a discount above so much of a receipt's gross is deep. `floor_ppm`: a line that keeps less than so much of
    its own is low; 0: none is."""

    def __init__(self, int64_t receipt_max_ppm=PPM, int64_t floor_ppm=0):
        if not (0 <= receipt_max_ppm <= PPM and 0 <= floor_ppm <= PPM):
            raise ValueError("shares are between 0 and a million")
        self.receipt_max_ppm, self.floor_ppm = receipt_max_ppm, floor_ppm
        self.hours = {}

    cdef int begin(self, Ruleset ruleset) except -1:
        """Of another file: all sums are 0."""
        self.ruleset, self.hours = ruleset, {}
        memset(self.steps, 0, sizeof(self.steps))
        self.deep_count = self.deepest_ppm = self.low_count = self.worst_count = 0
        self.lowest_ppm = PPM
        self.first_us = self.last_us = 0
        return 0

    cdef int look(self, const Item* item, const Outcome* outcome, int64_t business_time_us) except -1:
        """The draft's outcome of a sale beside its item."""
        cdef int64_t ppm
        cdef int32_t i
        cdef bint low = False
        if self.first_us == 0 or business_time_us < self.first_us:
            self.first_us = business_time_us
        self.last_us = max(self.last_us, business_time_us)
        self.spend(item, outcome, business_time_us // HOUR_US)
        if item.gross_minor <= 0:
            return 0
        self.steps[step_of(outcome.discount_minor - item.discount_minor, item.gross_minor)] += 1
        ppm = mul_div_floor(outcome.discount_minor, PPM, item.gross_minor)
        self.deepest_ppm = max(self.deepest_ppm, ppm)
        if ppm > self.receipt_max_ppm:
            self.deep_count += 1
        for i in range(item.lines_count):
            if outcome.lines[i].gross_minor > 0:
                kept_ppm = mul_div_floor(max(outcome.lines[i].gross_minor - outcome.lines[i].discount_minor, 0), PPM,
                                         outcome.lines[i].gross_minor)
                self.lowest_ppm = min(self.lowest_ppm, kept_ppm)
                low = low or kept_ppm < self.floor_ppm
        self.low_count += low
        if low or ppm > self.receipt_max_ppm:
            self.keep_worst(item.seq, ppm)
        return 0

    cdef int keep_worst(self, int64_t seq, int64_t ppm) noexcept:
        """The deepest first; of equal ones the earlier."""
        cdef int32_t place = self.worst_count
        if self.worst_count < WORST_MAX:
            self.worst_count += 1
        elif ppm <= self.worst[WORST_MAX - 1].ppm:
            return 0
        else:
            place = WORST_MAX - 1
        while place > 0 and self.worst[place - 1].ppm < ppm:
            self.worst[place] = self.worst[place - 1]
            place -= 1
        self.worst[place] = Deep(seq, ppm)
        return 0

    cdef int spend(self, const Item* item, const Outcome* outcome, int64_t hour) except -1:
        """What each promotion takes off in this hour."""
        cdef const LineDiscount* discount
        cdef int32_t i, j
        cdef list sums = None
        for i in range(item.lines_count):
            j = outcome.lines[i].first_discount
            while j >= 0:
                discount = &outcome.discounts[j]
                if discount.rule >= 0 and kind_of(discount.rule) == DISCOUNT:
                    if sums is None:
                        sums = self.hours.setdefault(hour, [0] * self.ruleset.view.promotions_count)
                    sums[self.ruleset.view.rules[discount.rule].promotion] += discount.amount_minor
                j = discount.next
        return 0

    def result(self):
        """By name. `steps`: receipts by how far their discount moves, from −50 % of the gross or more to +50 % or more, the middle one
        is of those where it stays. `hours`: (promotion, hour since 1970, minor) where each promotion took most off in an hour."""
        cdef int32_t i
        most = {}
        for hour, sums in self.hours.items():
            for i in range(self.ruleset.view.promotions_count):
                if sums[i] > most.get(i, (0, 0))[1]:
                    most[i] = (hour, sums[i])
        return {
            "steps": [self.steps[i] for i in range(STEPS_COUNT)],
            "deep": self.deep_count,
            "deepest_ppm": self.deepest_ppm,
            "low": self.low_count,
            "lowest_ppm": self.lowest_ppm,
            "worst": [(self.worst[i].seq, self.worst[i].ppm) for i in range(self.worst_count)],
            "hours": [(promotion_name(self.ruleset, i), *most[i]) for i in sorted(most)],
            "first_us": self.first_us,
            "last_us": self.last_us,
        }
