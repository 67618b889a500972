"""Which calc groups a product set holds."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport CalcGroup, Work
from altyn.core.rules.image cimport ABSENT, ALL_GOODS, HAS_EXCEPTED, HAS_PRICE, ONE, RulesView, SetRow, Span

cdef bint in_list(const RulesView* rules, const Span* span, int32_t symbol) noexcept nogil
cdef bint in_any_excepted(const RulesView* rules, const Span* excepted, const CalcGroup* group) noexcept nogil

cdef int32_t search_set(const Work* work, const SetRow* products, int32_t begin) noexcept nogil

cdef inline int32_t next_in_set(const Work* work, const SetRow* products, int32_t begin) noexcept nogil:
    """The first calc group of the set from number `begin` on; `groups_count` when there is none."""
    return begin if products.flags & ALL_GOODS else search_set(work, products, begin)

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
    if products.flags & HAS_EXCEPTED:
        return not in_any_excepted(rules, &products.excepted, group)
    return True
