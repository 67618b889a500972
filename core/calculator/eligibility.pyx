# cython: cdivision=True
"""Finds symbols and, with the same lookups, candidates.

Decides which promotions a calculation looks at. Invariants: a promotion that could give something is among them, and
they come in order of evaluation, each once. Must never look at an amount. Cost follows what is present, not how many
rules there are.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset, strlen
from altyn.core.calculator.work cimport COLUMNS, CONDITIONS_NOT_MET, ENTERED_BEFORE, SYMBOLS_BLOCK, UNKNOWN_CODE, symbols_in
from altyn.core.limits cimport ATTRIBUTES_MAX, GRANTS_MAX, SEGMENTS_MAX, TIER_RANK_MAX
from altyn.core.receipt cimport CouponFact, GrantFact, Line
from altyn.core.rules.image cimport (
    ATTRIBUTE, CARD_TYPE, COUPON, COUPON_SERIES, CUSTOMER_ID, FAVOURITES, GRANT, ONE, REGISTER_CHANNEL, REGISTER_ID, SEGMENT, STORE_ID, Span,
    SymbolSlot, TIER, TIER_FROM,
)
from altyn.core.rules.symbols cimport find_symbol, may_be_symbol, passes, prefetch, symbol_hash
from altyn.core.text cimport Text, text_equal

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdio.h>
    /* Decimal text of a positive number; its length. */
    static inline int32_t altyn_decimal(int64_t number, char *text) {
        return (int32_t)snprintf(text, 24, "%lld", (long long)number);
    }
    """
    int32_t decimal_text "altyn_decimal"(int64_t number, char* text) noexcept nogil
    int lowest_bit "__builtin_ctzll"(unsigned long long bits) noexcept nogil

cdef enum:
    LOOKAHEAD = 64

cdef struct Probe:
    # A text of a line that a rule may name; place: the line's index × COLUMNS + its column.
    uint64_t hashed
    uint32_t place


cdef inline void add_promotion(Work* work, int32_t promotion) noexcept nogil:
    """A candidate; its row is wanted soon."""
    cdef int32_t word = promotion >> 6
    prefetch(&work.rules.promotions[promotion])
    work.candidate_bits[word] |= <uint64_t>1 << (promotion & 63)
    work.candidate_words[word >> 6] |= <uint64_t>1 << (word & 63)


cdef inline void add_promotions(Work* work, const Span* promotions) noexcept nogil:
    cdef int32_t i
    if promotions.end == ONE:
        add_promotion(work, promotions.begin)
    for i in range(promotions.begin, promotions.end):
        add_promotion(work, work.rules.postings[i])


cdef inline int32_t look_up(Work* work, uint32_t kind, Text text) noexcept nogil:
    """The symbol of a text, 0 when no rule names it; its promotions become candidates."""
    cdef const SymbolSlot* slot
    cdef uint64_t hashed
    if text.size <= 0 or not work.rules.summary.kinds >> kind & 1:
        return 0
    hashed = symbol_hash(kind, text.data, text.size)
    slot = find_symbol(work.rules, hashed, kind, text) if may_be_symbol(work.rules, hashed) else NULL
    if slot == NULL:
        return 0
    add_promotions(work, &slot.promotions)
    return slot.symbol


cdef inline const Text* texts_of(const Work* work, int32_t line) noexcept nogil:
    """The texts of a line lie in the order of SymbolKind."""
    return &work.receipt.lines[line].sku


cdef Probe* sieve(const Work* work, uint32_t column, int32_t begin, int32_t end, Probe* probe) noexcept nogil:
    """Probes of the texts of lines[begin:end] that may be symbols; the filter tells of nearly all that are not."""
    cdef const uint64_t* filter_words = work.rules.filter
    cdef uint64_t mask = <uint64_t>work.rules.summary.filter_mask, hashed
    cdef const Text* text
    cdef int32_t i
    for i in range(begin, end):
        text = texts_of(work, i) + column
        hashed = symbol_hash(column, text.data, text.size)
        probe.hashed = hashed
        probe.place = <uint32_t>i * COLUMNS + column
        probe += passes(filter_words, mask, hashed)
    return probe


cdef inline void give_symbol(Work* work, int32_t group, int32_t column, int32_t symbol) noexcept nogil:
    cdef int32_t place = group % SYMBOLS_BLOCK
    work.groups[group].symbols[column] = symbol
    symbols_in(work, column, group - place)[place] = symbol


cdef void look_up_lines(Work* work) noexcept nogil:
    """Symbols of all groups. The slots of what the filter lets pass are prefetched, so that cache misses overlap."""
    cdef Probe[LOOKAHEAD * COLUMNS + 1] probes
    cdef const Probe* probe
    cdef Probe* last
    cdef const SymbolSlot* slot
    cdef Text text
    cdef int32_t begin = 0, end, count = work.receipt.lines_count
    cdef uint32_t column, line
    memset(work.symbols, 0, <size_t>((work.groups_count + SYMBOLS_BLOCK - 1) // SYMBOLS_BLOCK) * (COLUMNS * SYMBOLS_BLOCK * sizeof(int32_t)))
    while begin < count:
        end = begin + LOOKAHEAD if begin + LOOKAHEAD < count else count
        last = probes
        for column in range(<uint32_t>COLUMNS):
            if work.rules.summary.kinds >> column & 1:
                last = sieve(work, column, begin, end, last)
        probe = probes
        while probe < last:
            prefetch(&work.rules.slots[<int64_t>(probe.hashed & <uint64_t>work.rules.summary.slots_mask)])
            probe += 1
        probe = probes
        while probe < last:
            line, column = probe.place // COLUMNS, probe.place % COLUMNS
            text = texts_of(work, line)[column]
            slot = find_symbol(work.rules, probe.hashed, column, text) if text.size > 0 else NULL
            if slot != NULL:
                give_symbol(work, work.group_of[line], column, slot.symbol)
                add_promotions(work, &slot.promotions)
            probe += 1
        begin = end


cdef bint is_one_of(Text text, const Text* texts, int32_t count) noexcept nogil:
    cdef int32_t i
    for i in range(count):
        if text_equal(text, texts[i]):
            return True
    return False


cdef int32_t* tag_personal(Work* work, const Line* line, int32_t* tag) noexcept nogil:
    """Tags of what is this customer's own: a favourite category, goods of a grant."""
    cdef const GrantFact* grant
    cdef Text favourite
    cdef int32_t i
    if line.group.size > 0 and is_one_of(line.group, work.holdings.favourites, work.holdings.favourites_count):
        favourite.data, favourite.size = FAVOURITES, <int32_t>strlen(FAVOURITES)
        tag[0] = look_up(work, ATTRIBUTE, favourite)
        tag += tag[0] != 0
    for i in range(work.grants_count):
        grant = &work.holdings.grants[i]
        if work.grants[i] != 0 and (is_one_of(line.sku, grant.skus, grant.skus_count) or (
                line.group.size > 0 and is_one_of(line.group, grant.categories, grant.categories_count))):
            tag[0] = work.grants[i]
            tag += 1
    return tag


cdef void look_up_tags(Work* work) noexcept nogil:
    """What else rules may ask of a group: its product's attributes, and whether it is the customer's own."""
    cdef int32_t* tag = work.tags
    cdef const Line* line
    cdef int32_t i, j
    for i in range(work.groups_count):
        line = &work.receipt.lines[work.groups[i].line]
        work.groups[i].tags = tag
        for j in range(line.attributes_count if line.attributes_count < ATTRIBUTES_MAX else ATTRIBUTES_MAX):
            tag[0] = look_up(work, ATTRIBUTE, line.attributes[j])
            tag += tag[0] != 0
        if work.has_customer:
            tag = tag_personal(work, line, tag)
        tag[0] = 0
        tag += 1


cdef void look_up_place(Work* work) noexcept nogil:
    work.place_symbols[0] = look_up(work, STORE_ID, work.place.store_id)
    work.place_symbols[1] = look_up(work, STORE_ID + 1, work.place.region)
    work.place_symbols[2] = look_up(work, STORE_ID + 2, work.place.format)
    work.place_symbols[3] = look_up(work, STORE_ID + 3, work.place.cluster)
    work.register_symbols[0] = look_up(work, REGISTER_ID, work.receipt.register_id)
    work.register_symbols[1] = look_up(work, REGISTER_CHANNEL, work.receipt.channel)


cdef void look_up_customer(Work* work) noexcept nogil:
    cdef int32_t i, symbol
    cdef char digits[24]
    cdef Text text
    work.card_type = work.customer_id = work.segments_count = work.grants_count = work.tier = work.tiers_count = 0
    work.has_customer = work.holdings != NULL and (work.holdings.has_card or work.holdings.customer_id != 0)
    if not work.has_customer:
        return
    work.card_type = look_up(work, CARD_TYPE, work.holdings.card_type)
    if work.rules.summary.kinds >> CUSTOMER_ID & 1 and work.holdings.customer_id != 0:
        text.size = decimal_text(work.holdings.customer_id, digits)
        text.data = digits
        work.customer_id = look_up(work, CUSTOMER_ID, text)
    if work.rules.summary.kinds >> SEGMENT & 1:
        for i in range(work.holdings.segments_count if work.holdings.segments_count < SEGMENTS_MAX else SEGMENTS_MAX):
            symbol = look_up(work, SEGMENT, work.holdings.segments[i])
            if symbol != 0:
                work.segments[work.segments_count] = symbol
                work.segments_count += 1
    if work.rules.summary.kinds & (1 << TIER | 1 << TIER_FROM) and work.holdings.tiers_count > 0:
        look_up_tiers(work)
    if work.rules.summary.kinds >> GRANT & 1:
        look_up_grants(work)


cdef void look_up_tiers(Work* work) noexcept nogil:
    cdef int32_t i
    work.tier = look_up(work, TIER, work.holdings.tiers[0])
    work.tiers_count = work.holdings.tiers_count if work.holdings.tiers_count < TIER_RANK_MAX else TIER_RANK_MAX
    for i in range(work.tiers_count):
        work.tiers[i] = look_up(work, TIER_FROM, work.holdings.tiers[i])


cdef void look_up_grants(Work* work) noexcept nogil:
    cdef int32_t i
    work.grants_count = work.holdings.grants_count if work.holdings.grants_count < GRANTS_MAX else GRANTS_MAX
    for i in range(work.grants_count):
        work.grants[i] = look_up(work, GRANT, work.holdings.grants[i].promotion_id)


cdef void look_up_series(Work* work, int32_t place) noexcept nogil:
    """A code of a series that may be used is known, whether or not a rule names the series."""
    cdef const CouponFact* fact = &work.holdings.coupons[place]
    if fact.series.size > 0 and fact.reason == 0:
        work.series_symbols[place] = look_up(work, COUPON_SERIES, fact.series)
        work.coupon_states[place] = CONDITIONS_NOT_MET


cdef void look_up_coupons(Work* work) noexcept nogil:
    cdef int32_t i, j
    for i in range(work.receipt.coupons_count):
        work.coupon_symbols[i] = look_up(work, COUPON, work.receipt.coupons[i])
        work.series_symbols[i] = 0
        work.coupon_states[i] = CONDITIONS_NOT_MET if work.coupon_symbols[i] != 0 else UNKNOWN_CODE
        if work.holdings != NULL and work.holdings.coupons != NULL:
            look_up_series(work, i)
        work.coupon_rules[i] = -1
        for j in range(i):
            if text_equal(work.receipt.coupons[i], work.receipt.coupons[j]):
                work.coupon_states[i] = ENTERED_BEFORE
                break


cdef void list_candidates(Work* work) noexcept nogil:
    """Bits to numbers in ascending order; leaves the bits clear. A bit of `candidate_words` stands for 64 × 64
    promotions."""
    cdef int32_t words = (work.rules.promotions_count + 4095) >> 12, i, word, promotion
    cdef uint64_t busy, bits
    cdef int32_t count = 0
    for i in range(words):
        busy = work.candidate_words[i]
        if busy == 0:
            continue
        work.candidate_words[i] = 0
        while busy != 0:
            word = (i << 6) + lowest_bit(busy)
            busy &= busy - 1
            bits = work.candidate_bits[word]
            work.candidate_bits[word] = 0
            while bits != 0:
                promotion = (word << 6) + lowest_bit(bits)
                bits &= bits - 1
                work.candidates[count] = promotion
                count += 1
    work.candidates_count = count
    for i in range(count if count < LOOKAHEAD else LOOKAHEAD):
        prefetch(&work.rules.rules[work.rules.promotions[work.candidates[i]].rules_begin])
        prefetch(&work.rules.groups[work.rules.promotions[work.candidates[i]].group])
        if work.rules.promotions[work.candidates[i]].condition >= 0:
            prefetch(&work.rules.conditions[work.rules.promotions[work.candidates[i]].condition])
    for i in range(count if count < LOOKAHEAD else LOOKAHEAD):
        prefetch(&work.rules.sets[work.rules.rules[work.rules.promotions[work.candidates[i]].rules_begin].targets])


cdef void find_candidates(Work* work, bint every) noexcept nogil:
    """Symbols of everything present; candidates by gate, or `every` promotion."""
    cdef int32_t i
    for i in range(<int32_t>work.rules.summary.always_begin, <int32_t>work.rules.summary.always_end):
        add_promotion(work, work.rules.postings[i])
    look_up_lines(work)
    look_up_place(work)
    look_up_customer(work)
    if work.rules.summary.kinds & (1 << ATTRIBUTE | 1 << GRANT):
        look_up_tags(work)
    look_up_coupons(work)
    if every:
        for i in range(work.rules.rates_begin):
            add_promotion(work, i)
    list_candidates(work)
