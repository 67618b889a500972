"""Units a set rule may use: listed, picked by its applications, shared over and used up."""
from libc.stdint cimport INT64_MAX, int32_t, int64_t
from altyn.core.calculator.notes cimport price_of
from altyn.core.calculator.work cimport Ranked, Run, Work
from altyn.core.money cimport mul_div_floor, price_times, rate_of
from altyn.core.rules.image cimport SetRewardRow

cdef enum:
    WANTED_MAX = 16            # product sets of one rule: the parts of a bundle

cdef enum:
    REUSED = 0                 # in place of an application's number: of qualifiers that stay free for all of them

cdef enum DiscountBy:
    # promotion.DiscountBy
    BY_PERCENT = 0
    BY_AMOUNT = 1
    BY_PRICE = 2

cdef struct Wanted:
    # One product set of a rule and what its units are there for.
    int32_t products           # set
    int32_t role               # outcome.Role

cdef inline int64_t off_unit(int32_t by, int64_t value, int64_t price_minor, int64_t qty_milli) noexcept nogil:
    """The discount of one unit before floors; amounts and prices are per 1.000 of measure."""
    cdef int64_t left
    if by == BY_PERCENT:
        return rate_of(price_minor, value)
    if by == BY_AMOUNT:
        return price_times(value, qty_milli)
    left = price_minor - price_times(value, qty_milli)
    return left if left > 0 else 0

cdef inline int32_t most(const Work* work, const SetRewardRow* reward) noexcept nogil:
    """How many applications the rule may have now; the first limits of a receipt bound them anyhow."""
    cdef int32_t own = reward.max_applications
    return own if 0 < own < work.applications_max else work.applications_max

cdef inline int32_t fitting(int64_t left_milli, int64_t each_milli, int32_t most) noexcept nogil:
    """How many applications, or units, of so much quantity fit into what a limit leaves; at most `most`."""
    cdef int64_t many = mul_div_floor(left_milli, 1, each_milli) if left_milli != INT64_MAX else most
    return <int32_t>many if many < most else most

cdef void list_units(Work* work, const SetRewardRow* reward, const Wanted* wanted, int32_t count, bint pieces_only) noexcept nogil
cdef void sort_ranked(Ranked* rows, int32_t count) noexcept nogil
cdef int32_t listed_units(const Work* work) noexcept nogil
cdef void add_pick(Work* work, int32_t unit, int32_t role, int32_t count) noexcept nogil
cdef int32_t pick(Work* work, int32_t sets, int32_t none_of, int32_t role, int32_t many, int32_t* cursor) noexcept nogil
cdef void pick_cheapest(Work* work, int32_t role, int32_t many) noexcept nogil
cdef int32_t repeats(Work* work, int32_t begin, int32_t most) noexcept nogil
cdef void repeat_picks(Work* work, int32_t begin, int32_t times) noexcept nogil
cdef int32_t order_picks(Work* work, int32_t begin) noexcept nogil
cdef int64_t share_over_picks(Work* work, int32_t begin, int64_t amount) noexcept nogil
cdef int64_t off_pick(Work* work, int32_t number, int64_t amount) noexcept nogil
cdef bint is_even(const Work* work, int32_t begin) noexcept nogil
cdef int64_t take_picks(Work* work, int32_t begin, int32_t end, bint gave) noexcept nogil
cdef int64_t milli_of_picks(const Work* work, int32_t begin) noexcept nogil
cdef void unpick(Work* work, int32_t begin) noexcept nogil
cdef void write_participant(Work* work, int32_t line, int32_t role) noexcept nogil
cdef void close_units(Work* work, int32_t applied_begin) noexcept nogil

cdef inline int64_t price_of_pick(const Work* work, int32_t number) noexcept nogil:
    """The price that counts of each unit of a pick."""
    return price_of(work, work.eligible[work.picks[number].unit].run)

cdef inline const Run* run_of(const Work* work, int32_t number) noexcept nogil:
    """The run of a pick's units."""
    return &work.runs[work.eligible[work.picks[number].unit].run]

cdef inline int64_t price_of_picks(const Work* work, int32_t begin, int32_t roles) noexcept nogil:
    """Sum of the prices of picked units with one of the roles."""
    cdef int64_t price = 0
    cdef int32_t i
    for i in range(begin, work.picks_count):
        if work.picks[i].role & roles:
            price += price_of_pick(work, i) * work.picks[i].count
    return price
