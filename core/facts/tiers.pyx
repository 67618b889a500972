"""Body of the programme's tiers: days and sums. Only `put` raises."""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t

from altyn.core.calendar cimport first_of_month, first_of_year, floor_div
from altyn.core.limits cimport TIER_RANK_MAX

cdef enum TierPeriod:
    MONTH = 1
    QUARTER = 2
    YEAR = 3
    DAYS = 4

PERIODS = {"MONTH": MONTH, "QUARTER": QUARTER, "YEAR": YEAR, "DAYS": DAYS}
DAYS_MAX = 3_660
VALID_PERIODS_MAX = 120
SUM_MAX = 10**15


def whole_between(value, low, high, path):
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{path} is {value!r}, not a whole number from {low} to {high}")
    return value


def read_steps(rows):
    """(tier, rank, sum) of each; ValueError."""
    if not 0 < len(rows) <= TIER_RANK_MAX:
        raise ValueError(f"{len(rows)} tiers, not 1 to {TIER_RANK_MAX}")
    steps = []
    rank_before = least_before = 0
    for place, row in enumerate(rows):
        path = f"tiers[{place}]"
        rank = whole_between(row["rank"], 1, TIER_RANK_MAX, f"{path}.rank")
        least = whole_between(row["sum"], 1, SUM_MAX, f"{path}.sum")
        if not isinstance(row["tier"], str) or not row["tier"]:
            raise ValueError(f"{path}.tier is no name")
        if rank <= rank_before or least <= least_before:
            raise ValueError(f"{path} has no higher rank and sum than the tier before it")
        rank_before, least_before = rank, least
        steps.append((row["tier"], rank, least))
    if len({tier for tier, _, _ in steps}) < len(steps):
        raise ValueError("two tiers have one name")
    return steps


@cython.final
cdef class TierTerms:
    """One tenant's; made without tiers."""

    def __cinit__(self):
        self.clear()

    def clear(self):
        self.points_asset = None
        self.count = 0
        self.period = MONTH
        self.days = 1
        self.valid_periods = 1
        self.texts = []

    def put(self, dict document not None):
        cdef int32_t i
        by, period = document["by"], document["period"]
        if by not in ("TURNOVER", "POINTS") or period not in PERIODS:
            raise ValueError(f"tiers by {by} in periods of {period}")
        days = whole_between(document["days"], 1, DAYS_MAX, "days") if period == "DAYS" else 1
        valid = whole_between(document["valid_periods"], 1, VALID_PERIODS_MAX, "valid_periods")
        steps = read_steps(document["tiers"])
        self.points_asset = document["asset"] if by == "POINTS" else None
        self.period = PERIODS[period]
        self.days = days
        self.valid_periods = valid
        self.texts = [tier.encode() for tier, _, _ in steps]
        for i in range(<int32_t>len(steps)):
            self.steps[i].rank = steps[i][1]
            self.steps[i].least = steps[i][2]
            self.steps[i].tier.data = PyBytes_AS_STRING(self.texts[i])
            self.steps[i].tier.size = <int32_t>len(self.texts[i])
        self.count = <int32_t>len(steps)

    cdef int64_t first_of(self, int64_t day) noexcept nogil:
        cdef int64_t first
        if self.period == MONTH:
            return first_of_month(day, 0)
        if self.period == DAYS:
            return floor_div(day, self.days) * self.days
        first = first_of_year(day)
        while self.period == QUARTER and first_of_month(first, 3) <= day:
            first = first_of_month(first, 3)
        return first

    cdef int64_t after(self, int64_t first_day, int64_t periods) noexcept nogil:
        if self.period == DAYS:
            return first_day + periods * self.days
        return first_of_month(first_day, periods * (1 if self.period == MONTH else 3 if self.period == QUARTER else 12))

    cdef int64_t last_day(self, int64_t first_day) noexcept nogil:
        return self.after(first_day, 1 + self.valid_periods) - 1

    cdef int32_t rank_of(self, int64_t counted) noexcept nogil:
        cdef int32_t i, rank = 0
        for i in range(self.count):
            if counted >= self.steps[i].least:
                rank = self.steps[i].rank
        return rank

    cdef int32_t steps_of(self, int32_t rank) noexcept nogil:
        cdef int32_t i = 0
        while i < self.count and self.steps[i].rank <= rank:
            i += 1
        return i
