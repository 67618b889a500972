"""Merges lines into calc groups and cuts them into units.

Decides which lines are one thing to the rules, and the number of every group and unit. Invariants: groups ascend by
their key, units by (line_no, position), the units of a line add up to its gross. Must never look at a rule.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t
from altyn.core.calculator.work cimport CalcGroup, Run, Work
from altyn.core.money cimport MILLI, divide, whole_units
from altyn.core.receipt cimport GIFT, Line, NO_ACCRUAL, NO_DISCOUNT, NO_THRESHOLD, PIECE
from altyn.core.text cimport text_compare

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    /* Eight bytes of a text from `at` on as a big-endian number, zeros beyond its end: they compare as the bytes do. */
    static inline uint64_t altyn_window(const char *data, int32_t size, int32_t at) {
        uint64_t bytes = 0;
        int32_t begin;
        if (size < 8) {
            for (; at < size; size--) bytes = bytes >> 8 | (uint64_t)(unsigned char)data[size - 1] << 56;
            return bytes;
        }
        begin = at < size - 8 ? at : size - 8;
        memcpy(&bytes, data + begin, 8);
        return at - begin < 8 ? __builtin_bswap64(bytes) << 8 * (at - begin) : 0;
    }

    typedef int32_t altyn_four __attribute__((vector_size(16)));

    static inline __attribute__((always_inline))
    void altyn_places_of(const int32_t *ranks, int32_t count, int32_t *places, int32_t fours) {
        altyn_four few, found[8] = {{0}};
        int32_t i, j;
        for (j = 0; j < count; j++) {
            altyn_four one = {ranks[j], ranks[j], ranks[j], ranks[j]};
            for (i = 0; i < fours; i++) {
                memcpy(&few, ranks + 4 * i, 16);
                found[i] -= few > one;
            }
        }
        memcpy(places, found, 16 * fours);
    }

    /* places[i]: how many of the first `count` ranks are below ranks[i]. Both have room for 32. */
    static void altyn_places(const int32_t *ranks, int32_t count, int32_t *places) {
        if (count <= 8) altyn_places_of(ranks, count, places, 2);
        else if (count <= 16) altyn_places_of(ranks, count, places, 4);
        else if (count <= 20) altyn_places_of(ranks, count, places, 5);
        else altyn_places_of(ranks, count, places, 8);
    }
    """
    uint64_t text_window "altyn_window"(const char* data, int32_t size, int32_t at) noexcept nogil
    void find_places "altyn_places"(const int32_t* ranks, int32_t count, int32_t* places) noexcept nogil
    int leading_zeros "__builtin_clzll"(unsigned long long number) noexcept nogil

cdef enum:
    FEW = 32                   # lines up to which comparing all pairs beats sorting
    FEW_BITS = 5


cdef inline int compare_numbers(int64_t left, int64_t right) noexcept nogil:
    return (left > right) - (left < right)


cdef inline bint has_own_discount(const Line* line) noexcept nogil:
    return line.external_minor > 0 or line.manual_ppm > 0 or line.manual_minor > 0


cdef int compare_attributes(const Line* left, const Line* right) noexcept nogil:
    """Order by the calc group key after the sku."""
    cdef int order = compare_numbers(left.price_minor, right.price_minor)
    if order == 0:
        order = compare_numbers(left.unit, right.unit)
    if order == 0:
        order = compare_numbers(left.flags, right.flags)
    if order == 0:
        order = compare_numbers(left.vat_code, right.vat_code)
    if order == 0:
        order = compare_numbers(left.min_price_minor, right.min_price_minor)
    if order == 0:
        order = compare_numbers(left.cost_minor, right.cost_minor)
    if order == 0:
        order = text_compare(left.group, right.group)
    if order == 0:
        order = text_compare(left.brand, right.brand)
    if order == 0:
        order = text_compare(left.supplier, right.supplier)
    return order


cdef int compare_keys(const Work* work, int32_t left, int32_t right) noexcept nogil:
    """Order of two lines by the calc group key alone."""
    cdef int order = text_compare(work.receipt.lines[left].sku, work.receipt.lines[right].sku)
    return order if order != 0 else compare_attributes(&work.receipt.lines[left], &work.receipt.lines[right])


cdef inline bint same_key(const Work* work, int32_t left, int32_t right) noexcept nogil:
    return work.keys[left] == work.keys[right] and compare_keys(work, left, right) == 0


cdef inline bint goes_before(const Work* work, int32_t left, int32_t right) noexcept nogil:
    cdef int order
    if work.keys[left] != work.keys[right]:
        return work.keys[left] < work.keys[right]
    order = compare_keys(work, left, right)
    return order < 0 if order != 0 else work.receipt.lines[left].line_no < work.receipt.lines[right].line_no


cdef void sift_down(const Work* work, int32_t root, int32_t count) noexcept nogil:
    cdef int32_t* order = work.line_order
    cdef int32_t moving = order[root], child
    while True:
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and goes_before(work, order[child], order[child + 1]):
            child += 1
        if not goes_before(work, moving, order[child]):
            break
        order[root] = order[child]
        root = child
    order[root] = moving


cdef inline uint64_t apart_from(const Work* work, int32_t count, int32_t at) noexcept nogil:
    """Bits by which the eight bytes from `at` on of some sku differ from those of the first one."""
    cdef const Line* lines = work.receipt.lines
    cdef uint64_t first = text_window(lines[0].sku.data, lines[0].sku.size, at), apart = 0
    cdef int32_t i
    for i in range(1, count):
        apart |= text_window(lines[i].sku.data, lines[i].sku.size, at) ^ first
    return apart


cdef int32_t common_bits(const Work* work, int32_t count) noexcept nogil:
    """How many bits all skus begin with, looking at 16 bytes of each."""
    cdef uint64_t apart = apart_from(work, count, 0)
    if apart != 0:
        return leading_zeros(apart)
    apart = apart_from(work, count, 8)
    return 64 + leading_zeros(apart) if apart != 0 else 128


cdef bint order_few(const Work* work, int32_t count) noexcept nogil:
    """Each line's place by its key, from comparing all pairs: no branch on texts.

    The key's bits share 31 with the line's index, so all differ. False when some lines differ in nothing but their
    index: those may stand in a wrong order yet, among one another.
    """
    cdef int32_t[FEW] ranks, places, ordered
    cdef int32_t i, ties = 0
    for i in range(count):
        ranks[i] = <int32_t>(work.keys[i] >> (33 + FEW_BITS) << FEW_BITS) | i
    find_places(ranks, count, places)
    ordered[0] = 0
    for i in range(count):
        ordered[places[i]] = ranks[i]
    work.line_order[0] = ordered[0] & (FEW - 1)
    for i in range(1, count):
        work.line_order[i] = ordered[i] & (FEW - 1)
        ties += ordered[i] ^ ordered[i - 1] < FEW
    return ties == 0


cdef bint sort_lines(const Work* work, int32_t count) noexcept nogil:
    """True when it is known by the way that no two lines have the same key."""
    cdef int32_t* order = work.line_order
    cdef const Line* lines = work.receipt.lines
    cdef int32_t i, j, moving, common = common_bits(work, count) if count > 0 else 0
    for i in range(count):
        work.keys[i] = text_window(lines[i].sku.data, lines[i].sku.size, common >> 3) << (common & 7)
    if count <= FEW:
        if order_few(work, count):
            return True
        for i in range(1, count):
            moving = order[i]
            j = i
            while j > 0 and goes_before(work, moving, order[j - 1]):
                order[j] = order[j - 1]
                j -= 1
            order[j] = moving
        return False
    for i in range(count):
        order[i] = i
    for i in range((count >> 1) - 1, -1, -1):
        sift_down(work, i, count)
    for i in range(count - 1, 0, -1):
        moving = order[0]
        order[0] = order[i]
        order[i] = moving
        sift_down(work, 0, i)
    return False


cdef inline void open_group(Work* work, CalcGroup* group, const Line* line, int32_t line_index) noexcept nogil:
    group.gross_minor = group.running_minor = group.qty_milli = 0
    group.price_minor = line.price_minor
    group.min_price_minor = line.min_price_minor
    group.symbols[0] = group.symbols[1] = group.symbols[2] = group.symbols[3] = 0
    group.units = group.saved_by = 0
    group.first_run = group.last_run = -1
    group.line = line_index
    group.target = group.counted = group.accrues = True
    if line.flags != 0:
        group.target = not line.flags & (NO_DISCOUNT | GIFT)
        group.counted = not line.flags & (NO_THRESHOLD | GIFT)
        group.accrues = not line.flags & (NO_ACCRUAL | GIFT)
    if line.price_minor < line.min_price_minor and line.gross_minor > 0 and not line.flags & GIFT:
        work.price_below_minimum = True


cdef inline int32_t append_run(Run* runs, int32_t number, CalcGroup* group, int32_t line, int64_t gross, int64_t qty,
                               int64_t count) noexcept nogil:
    """Write run `number`; the number of the next one."""
    cdef Run* run = &runs[number]
    run.gross_minor = run.running_minor = gross
    run.qty_milli = qty
    run.count = <int32_t>count
    run.line = line
    run.next = -1
    run.saved_by = run.used = 0
    if group.last_run < 0:
        group.first_run = number
    else:
        runs[group.last_run].next = number
    group.last_run = number
    return number + 1


cdef int32_t add_single_units(Run* runs, int32_t number, CalcGroup* group, int32_t line, int64_t each, int64_t odd,
                              int64_t count) noexcept nogil:
    """A run for each of the first `count` units, `odd` of which carry one more."""
    cdef int64_t i
    for i in range(count):
        number = append_run(runs, number, group, line, each + 1 if i < odd else each, MILLI, 1)
    return number


cdef int32_t add_pieces(Work* work, int32_t number, CalcGroup* group, const Line* line, int32_t line_index,
                        int64_t units) noexcept nogil:
    """Append several units of one line from run `number` on: equal weights, so the first of them carry the odd kopecks."""
    cdef Run* runs = work.runs
    cdef int64_t odd, each = divide(line.gross_minor, 1, units, &odd)
    if work.by_unit:
        number = add_single_units(runs, number, group, line_index, each, odd, units - 1)
        return append_run(runs, number, group, line_index, each, MILLI, 1)
    if odd > 0:
        number = append_run(runs, number, group, line_index, each + 1, MILLI, odd)
    return append_run(runs, number, group, line_index, each, MILLI, units - odd)


cdef inline int32_t add_line(Work* work, int32_t number, CalcGroup* group, const Line* line,
                             int32_t line_index) noexcept nogil:
    """Append the units of a line from run `number` on."""
    cdef int64_t gross = line.gross_minor, qty = line.qty_milli, units = 1
    if gross == 0 or line.flags & GIFT:
        work.neutral_minor += gross
        return number
    group.qty_milli += qty
    group.gross_minor += gross
    group.running_minor += gross
    if qty != MILLI or line.unit != PIECE:
        units = whole_units(qty) if line.unit == PIECE else 0
        if units > 1:
            group.units += <int32_t>units
            return add_pieces(work, number, group, line, line_index, units)
        work.measured = work.measured or units == 0
    group.units += 1
    return append_run(work.runs, number, group, line_index, gross, qty, 1)


cdef void normalise(Work* work) noexcept nogil:
    cdef const Line* lines = work.receipt.lines
    cdef const Line* line
    cdef int32_t count = work.receipt.lines_count, previous = -1, run = 0, i, line_index
    cdef CalcGroup* next_group = work.groups
    cdef CalcGroup* merged = NULL
    cdef CalcGroup* group
    cdef bint alone, all_differ
    work.neutral_minor = 0
    work.price_below_minimum = work.own_discounts = False
    work.measured = False
    all_differ = sort_lines(work, count)
    for i in range(count):
        line_index = work.line_order[i]
        line = &lines[line_index]
        if all_differ or previous < 0 or not same_key(work, previous, line_index):
            merged = NULL
        alone = has_own_discount(line)
        group = NULL if alone else merged
        if group == NULL:
            group = next_group
            next_group += 1
            open_group(work, group, line, line_index)
            if alone:
                work.own_discounts = True
            else:
                merged = group
        work.group_of[line_index] = <int32_t>(group - work.groups)
        run = add_line(work, run, group, line, line_index)
        previous = line_index
    work.groups_count = <int32_t>(next_group - work.groups)
    work.runs_count = run
