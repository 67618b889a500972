"""Membership in lists, by attributes, and in product sets that are left out.

Decides nothing about amounts. Invariant: symbol 0 is in no list. Must never change what it reads.
"""
from altyn.core.calculator.work cimport SYMBOLS_BLOCK, symbols_in
from altyn.core.rules.image cimport HAS_ATTRIBUTES, NO_COLUMN, ONLY_COLUMN

cdef extern from *:
    """
    #include <stdint.h>
    #ifdef __SSE2__
    #include <emmintrin.h>
    #endif
    /* Which of 16 symbols are this one, a bit each; they lie at a multiple of 16 bytes. */
    static inline uint64_t altyn_equal_symbols(const int32_t *symbols, int32_t symbol) {
    #ifdef __SSE2__
        const __m128i *four = (const __m128i *)symbols;
        __m128i one = _mm_set1_epi32(symbol);
        __m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(four[0], one), _mm_cmpeq_epi32(four[1], one));
        __m128i high = _mm_packs_epi32(_mm_cmpeq_epi32(four[2], one), _mm_cmpeq_epi32(four[3], one));
        return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high));
    #else
        uint64_t bits = 0;
        int i;
        for (i = 0; i < 16; i++) bits |= (uint64_t)(symbols[i] == symbol) << i;
        return bits;
    #endif
    }
    """
    uint64_t equal_symbols "altyn_equal_symbols"(const int32_t* symbols, int32_t symbol) noexcept nogil

cdef enum:
    SHORT = 12                 # symbols of a list up to which comparing all of them beats searching


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


cdef bint has_tag(const RulesView* rules, const Span* span, const CalcGroup* group) noexcept nogil:
    """Is some tag of the group in the list."""
    cdef const int32_t* tag = group.tags
    while tag[0] != 0:
        if in_list(rules, span, tag[0]):
            return True
        tag += 1
    return False


cdef bint has_attributes(const RulesView* rules, const SetRow* products, const CalcGroup* group) noexcept nogil:
    """Of every list behind that of the excepted sets the group has a tag."""
    cdef const int32_t* numbers = rules.lists + products.excepted.end
    cdef int32_t count = numbers[0], i
    cdef Span span
    for i in range(count):
        span.begin, span.end = numbers[2 * i + 1], numbers[2 * i + 2]
        if not has_tag(rules, &span, group):
            return False
    return True


cdef bint is_left_in(const RulesView* rules, const SetRow* products, const CalcGroup* group) noexcept nogil:
    """It has the attributes and is in no excepted set. Recursion ends with the document's nesting, which the compiler
    bounds."""
    cdef int32_t i
    if products.flags & HAS_ATTRIBUTES and not has_attributes(rules, products, group):
        return False
    if products.flags & HAS_EXCEPTED:
        for i in range(products.excepted.begin, products.excepted.end):
            if in_set(rules, &rules.sets[rules.lists[i]], group):
                return False
    return True


cdef uint64_t holders_of(const Work* work, const int32_t* symbols, const Span* list) noexcept nogil:
    """Which calc groups of a block have a symbol of the list in a column; a bit each."""
    cdef uint64_t bits = 0
    cdef int32_t i
    if list.end == ONE:
        return equal_symbols(symbols, list.begin)
    if list.end - list.begin <= SHORT:
        for i in range(list.begin, list.end):
            bits |= equal_symbols(symbols, work.rules.lists[i])
        return bits
    for i in range(SYMBOLS_BLOCK):
        bits |= <uint64_t>in_list(work.rules, list, symbols[i]) << i
    return bits


cdef uint64_t find_members(const Work* work, const SetRow* products, int32_t first) noexcept nogil:
    """One column passes over most groups, by comparing a block of them at once; the others are looked at one by one."""
    cdef int32_t column = products.first_column, count = work.groups_count - first, i = 0
    cdef uint64_t bits = 0, left
    if count <= 0:
        return 0
    count = count if count < MEMBERS else MEMBERS
    if column == NO_COLUMN:
        bits = <uint64_t>-1 >> (MEMBERS - count)
    else:
        while i < count:
            bits |= holders_of(work, symbols_in(work, column, first + i), &products.columns[column]) << i
            i += SYMBOLS_BLOCK
    if products.flags & (ALL_GOODS | ONLY_COLUMN):
        return bits
    left = bits
    while left != 0:
        i = lowest_bit(left)
        if not in_set(work.rules, products, &work.groups[first + i]):
            bits ^= <uint64_t>1 << i
        left &= left - 1
    return bits
