"""Which calc groups a product set holds."""
from libc.stdint cimport int32_t, uint64_t
from altyn.core.calculator.work cimport CalcGroup, KNOWN_SETS, KnownSet, Work
from altyn.core.rules.image cimport ABSENT, ALL_GOODS, HAS_ATTRIBUTES, HAS_EXCEPTED, HAS_PRICE, ONE, RulesView, SetRow, Span

cdef bint in_list(const RulesView* rules, const Span* span, int32_t symbol) noexcept nogil
cdef bint is_left_in(const RulesView* rules, const SetRow* products, const CalcGroup* group) noexcept nogil

cdef extern from *:
    int lowest_bit "__builtin_ctzll"(unsigned long long bits) noexcept nogil

cdef enum:
    MEMBERS = 64               # calc groups whose membership is found at once

cdef struct Members:
    # The calc groups of a product set that were not visited yet: a bit each from group `first` on, then the later ones.
    uint64_t bits
    int32_t first

cdef uint64_t find_members(const Work* work, const SetRow* products, int32_t first) noexcept nogil

cdef inline uint64_t members_of(const Work* work, const SetRow* products, int32_t first) noexcept nogil:
    """Which of the calc groups `first` to `first` + MEMBERS - 1 the set holds, a bit each; `first` is a multiple of MEMBERS.

    Sets are asked for again and again: by a condition and its reward, by a trial and what follows it, by promotions
    for the same goods."""
    cdef KnownSet* known = &work.known_sets[(products - work.rules.sets) & (KNOWN_SETS - 1)]
    if first > 0:
        return find_members(work, products, first)
    if known.products != products or known.calculation != work.calculation:
        known.products = products
        known.calculation = work.calculation
        known.members = find_members(work, products, 0)
    return known.members

cdef inline int32_t next_in_set(const Work* work, const SetRow* products, Members* members) noexcept nogil:
    """The next calc group of the set; `groups_count` when there is none."""
    cdef int32_t group
    while members.bits == 0:
        members.first += MEMBERS
        if members.first >= work.groups_count:
            return work.groups_count
        members.bits = members_of(work, products, members.first)
    group = members.first + lowest_bit(members.bits)
    members.bits &= members.bits - 1
    return group

cdef inline int32_t first_in_set(const Work* work, const SetRow* products, Members* members) noexcept nogil:
    """The first calc group of the set; `groups_count` when there is none."""
    members.first = 0
    members.bits = members_of(work, products, 0)
    return next_in_set(work, products, members)

cdef inline bint in_set(const RulesView* rules, const SetRow* products, const CalcGroup* group) noexcept nogil:
    """Every given attribute matches and nothing is excepted."""
    cdef int32_t column
    if products.flags & ALL_GOODS:
        return True
    for column in range(4):
        if products.columns[column].end == ONE:
            if products.columns[column].begin != group.symbols[column]:
                return False
        elif products.columns[column].end != ABSENT:
            if not in_list(rules, &products.columns[column], group.symbols[column]):
                return False
    if products.flags & HAS_PRICE:
        if not products.price_from_minor <= group.price_minor <= products.price_to_minor:
            return False
    if products.flags & (HAS_EXCEPTED | HAS_ATTRIBUTES):
        return is_left_in(rules, products, group)
    return True
