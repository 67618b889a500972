"""Membership in lists and in product sets that are left out.

Decides nothing about amounts. Invariant: symbol 0 is in no list. Must never change what it reads.
"""
from altyn.core.rules.image cimport NO_COLUMN, ONLY_COLUMN


cdef bint in_list(const RulesView* rules, const Span* span, int32_t symbol) noexcept nogil:
    """Is the symbol in a given list."""
    cdef int32_t low = span.begin, high = span.end, middle
    if span.end == ONE:
        return span.begin == symbol
    while low < high:
        middle = (low + high) >> 1
        if rules.lists[middle] < symbol:
            low = middle + 1
        else:
            high = middle
    return low < span.end and rules.lists[low] == symbol


cdef bint in_any_excepted(const RulesView* rules, const Span* excepted, const CalcGroup* group) noexcept nogil:
    """Recursion ends with the document's nesting, which the compiler bounds."""
    cdef int32_t i
    for i in range(excepted.begin, excepted.end):
        if in_set(rules, &rules.sets[rules.lists[i]], group):
            return True
    return False


cdef int32_t search_set(const Work* work, const SetRow* products, int32_t begin) noexcept nogil:
    """Most sets name one symbol: groups without it are passed over by one comparison."""
    cdef const CalcGroup* group = &work.groups[begin]
    cdef const CalcGroup* end = &work.groups[work.groups_count]
    cdef int32_t column = products.first_column, symbol
    if column == NO_COLUMN:
        while group < end and not in_set(work.rules, products, group):
            group += 1
        return <int32_t>(group - work.groups)
    symbol = products.columns[column].begin
    while group < end:
        if group.symbols[column] == symbol:
            if products.flags & ONLY_COLUMN or in_set(work.rules, products, group):
                break
        group += 1
    return <int32_t>(group - work.groups)
