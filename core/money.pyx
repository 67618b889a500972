# cython: cdivision=True
"""Sharing an amount out without losing or making a kopeck: the largest remainder of semantics §6.1.5.

Decides which unit gets the odd kopeck. Invariants: the shares add up to min(total, caps of members with weight), no
share is negative or above its cap, a member of weight 0 gets 0. Must never use binary fractions, nor round anywhere
else.
"""
from libc.stdlib cimport free, malloc


cdef extern from *:
    int leading_zeros "__builtin_clzll"(unsigned long long number) noexcept nogil

cdef enum:
    BUCKET_BITS = 4
    BUCKETS = 16
    # Sums of weights of so many bits are handed out by remainders of one word.
    WEIGHT_BITS_MAX = 62

cdef enum Order:
    BY_REMAINDER
    BY_FILL
    BY_WIDE_REMAINDER


cdef inline bint goes_before(Share* left, Share* right) noexcept nogil:
    """Who gets a spare kopeck first: larger fraction, then larger weight, then lower index."""
    if left.remainder != right.remainder:
        return left.remainder > right.remainder
    if left.weight != right.weight:
        return left.weight > right.weight
    return left < right


cdef inline bint fills_before(Share* left, Share* right) noexcept nogil:
    """Who reaches its cap first as the total grows: smaller cap per weight, then lower index."""
    cdef int order = compare_products(left.cap, right.weight, right.cap, left.weight)
    return order < 0 if order != 0 else left < right


cdef inline bint goes_before_wide(Share* left, Share* right) noexcept nogil:
    """As `goes_before`, by remainders in `extra` and `remainder` and weights `weight` × `cap`."""
    cdef int order
    if left.extra != right.extra:
        return left.extra > right.extra
    if left.remainder != right.remainder:
        return left.remainder > right.remainder
    order = compare_products(left.weight, left.cap, right.weight, right.cap)
    return order > 0 if order != 0 else left < right


cdef inline bint precedes(Share* left, Share* right, Order by) noexcept nogil:
    if by == BY_REMAINDER:
        return goes_before(left, right)
    return fills_before(left, right) if by == BY_FILL else goes_before_wide(left, right)


cdef void sift_down(Share** order, int32_t root, int32_t count, Order by) noexcept nogil:
    cdef Share* moving = order[root]
    cdef int32_t child
    while True:
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and precedes(order[child], order[child + 1], by):
            child += 1
        if not precedes(moving, order[child], by):
            break
        order[root] = order[child]
        root = child
    order[root] = moving


cdef void sort_members(Share** order, int32_t count, Order by) noexcept nogil:
    """Insertion sort while it is the fastest, heap sort above: n log n however the receipt is made."""
    cdef int32_t i, j
    cdef Share* moving
    if count <= 16:
        for i in range(1, count):
            moving = order[i]
            j = i
            while j > 0 and precedes(moving, order[j - 1], by):
                order[j] = order[j - 1]
                j -= 1
            order[j] = moving
        return
    for i in range(count // 2 - 1, -1, -1):
        sift_down(order, i, count, by)
    for i in range(count - 1, 0, -1):
        moving = order[0]
        order[0] = order[i]
        order[i] = moving
        sift_down(order, 0, i, by)


cdef struct Buckets:
    # Units by the leading bits of their remainder; remainders are below the sum of weights.
    int32_t[BUCKETS] units
    int32_t shift


cdef inline void open_buckets(Buckets* buckets, int64_t weights) noexcept nogil:
    cdef int32_t i
    cdef int32_t shift = 63 - leading_zeros(<unsigned long long>weights | 1) - (BUCKET_BITS - 1)
    buckets.shift = shift if shift > 0 else 0
    for i in range(BUCKETS):
        buckets.units[i] = 0


cdef inline int64_t floors(int64_t total, int64_t weights, Share* members, int32_t count, bint capped, bint some_fixed,
                           bint narrow, Buckets* buckets) noexcept nogil:
    # One division instead of one per member, wherever products fit 64 bits.
    cdef uint64_t inverse = <uint64_t>-1 // <uint64_t>(weights if narrow else 1)
    cdef int64_t spare = total
    cdef int32_t i
    cdef Share* member
    for i in range(count):
        member = &members[i]
        if some_fixed and member.remainder < 0:
            continue
        if narrow:
            member.amount = divide_by(total, member.weight, weights, inverse, &member.remainder)
        else:
            member.amount = divide(total, member.weight, weights, &member.remainder)
        if capped and member.amount >= member.cap and (member.amount > member.cap or member.remainder > 0):
            return -1
        spare -= member.amount * member.count
        buckets.units[member.remainder >> buckets.shift] += <int32_t>member.count
    return spare


cdef int64_t take_floors(int64_t total, int64_t weights, Share* members, int32_t count, bint capped,
                         bint some_fixed, Buckets* buckets) noexcept nogil:
    """Whole part and remainder of every exact share; what is left over of `total`, -1 as soon as one exceeds its cap.

    With `some_fixed`, members whose remainder is below 0 have their share already.
    """
    cdef bint narrow = weights > 1 and is_narrow(total, weights)
    open_buckets(buckets, weights)
    if some_fixed or not narrow:
        return floors(total, weights, members, count, capped, some_fixed, narrow, buckets)
    # The usual ones: what the loop need not ask is left out by the compiler.
    if capped:
        return floors(total, weights, members, count, True, False, True, buckets)
    return floors(total, weights, members, count, False, False, True, buckets)


cdef int64_t fix_at_caps(int64_t total, int64_t* weights, Share* members, int32_t count,
                         Share** order) noexcept nogil:
    """Fix every member whose share exceeds its cap; the total that is left for the others.

    Members fill in the order of cap per weight, and fixing one only raises the shares of the rest: one pass is
    the same as repeating the rule until nothing exceeds.
    """
    cdef int32_t i, filled = 0
    cdef Share* member
    for i in range(count):
        if members[i].weight > 0:
            order[filled] = &members[i]
            filled += 1
        members[i].remainder = 0
    sort_members(order, filled, BY_FILL)
    for i in range(filled):
        member = order[i]
        if compare_products(total, member.weight, member.cap, weights[0]) <= 0:
            break
        member.amount = member.cap
        member.remainder = -1
        total -= member.cap * member.count
        weights[0] -= member.weight * member.count
    return total


cdef void hand_out(int64_t spare, const Buckets* buckets, Share* members, int32_t count, Share** order) noexcept nogil:
    """Spare kopecks, if any, by larger remainder. Buckets above the last one that gets any are served whole; only its own
    members are put in order."""
    cdef int64_t waiting = 0, low, high, i
    cdef uint64_t width
    cdef int32_t bucket = BUCKETS - 1
    cdef Share* member
    while bucket > 0 and buckets.units[bucket] <= spare:
        spare -= buckets.units[bucket]
        bucket -= 1
    high = <int64_t>(bucket + 1) << buckets.shift
    low = <int64_t>bucket << buckets.shift if bucket > 0 else 1
    width = <uint64_t>(high - low) if spare > 0 else 0
    for i in range(count):
        member = &members[i]
        member.extra = -<int64_t>(member.remainder >= high) & member.count
        order[waiting] = member
        waiting += <uint64_t>(member.remainder - low) < width
    if waiting > 1:
        sort_members(order, <int32_t>waiting, BY_REMAINDER)
    for i in range(waiting):
        order[i].extra = order[i].count if order[i].count < spare else spare
        spare -= order[i].extra


cdef bint share_few(int64_t total, int64_t weights, Share* members, int32_t count, bint capped,
                    Share** order) noexcept nogil:
    """Share more than nothing over up to FEW members, nearly always runs of one line; False when a cap is in the way."""
    cdef int64_t spare = total
    cdef int32_t i, j
    cdef Share* member
    for i in range(count):
        member = &members[i]
        member.amount = divide(total, member.weight, weights, &member.remainder)
        if capped and member.amount >= member.cap and (member.amount > member.cap or member.remainder > 0):
            return False
        spare -= member.amount * member.count
        j = i
        while j > 0 and goes_before(member, order[j - 1]):
            order[j] = order[j - 1]
            j -= 1
        order[j] = member
    for i in range(count):
        member = order[i]
        member.extra = member.count if member.count < spare else spare
        spare -= member.extra
    return True


cdef int64_t share_out(int64_t total, Share* members, int32_t count, bint capped, Share** order) noexcept nogil:
    """Share `total` over the members by weight; what was placed. `order` is scratch for `count` pointers.

    A member is `count` equal units, taken in order of index; without `capped` the caps are not read.
    """
    cdef int64_t weights = 0, room = 0
    cdef int32_t i
    for i in range(count):
        weights += members[i].weight * members[i].count
    if capped:
        for i in range(count):
            room += members[i].cap * members[i].count if members[i].weight > 0 else 0
        total = total if total < room else room
    return share_by(total, weights, members, count, capped, order)


cdef int64_t share_among(int64_t total, int64_t weights, Share* members, int32_t count, bint capped,
                         Share** order) noexcept nogil:
    cdef int64_t spare
    cdef int32_t i
    cdef Buckets buckets
    if total <= 0 or weights <= 0:
        for i in range(count):
            members[i].amount = members[i].extra = 0
        return 0
    spare = take_floors(total, weights, members, count, capped, False, &buckets)
    if spare < 0:
        spare = fix_at_caps(total, &weights, members, count, order)
        spare = take_floors(spare, weights, members, count, False, True, &buckets)
    hand_out(spare, &buckets, members, count, order)
    return total


cdef void share_by_rate(int64_t total, Share* members, int32_t count, Share** order) noexcept nogil:
    cdef wide weights = 0
    cdef int64_t spare = total
    cdef int32_t i
    cdef Share* member
    for i in range(count):
        weights += <wide>members[i].weight * <wide>members[i].cap
    if weights < <wide>1 << WEIGHT_BITS_MAX:
        for i in range(count):
            members[i].weight *= members[i].cap
        share_by(total, <int64_t>weights, members, count, False, order)
        return
    for i in range(count):
        member = &members[i]
        member.amount = divide_wide(
            total, <wide>member.weight * <wide>member.cap, weights, &member.extra, &member.remainder
        )
        spare -= member.amount
        order[i] = member
    sort_members(order, count, BY_WIDE_REMAINDER)
    for i in range(count):
        order[i].extra = i < spare


def largest_remainder(total: int, weights: list[int], caps: list[int] | None = None,
                      counts: list[int] | None = None) -> list[int]:
    """Shares of `total` unit by unit (semantics §6.1.5). `counts` says how many equal units a member stands for.

    Raises ValueError for numbers outside [0, 2^53) and for lists of different lengths.
    """
    cdef int32_t size = <int32_t>len(weights), i
    cdef int64_t j
    if caps is not None and len(caps) != size or counts is not None and len(counts) != size:
        raise ValueError("weights, caps and counts differ in length")
    for number in [total, *weights, *(caps or []), *(counts or [])]:
        if not 0 <= number < 1 << 53:
            raise ValueError(f"{number} is not in [0, 2^53)")
    if sum(weight * many for weight, many in zip(weights, counts or [1] * size)) >= 1 << 53:
        raise ValueError("the sum of weights is not below 2^53")
    cdef Share* members = <Share*>malloc((size + 1) * sizeof(Share))
    cdef Share** order = <Share**>malloc((size + 1) * sizeof(Share*))
    if members == NULL or order == NULL:
        free(members)
        free(order)
        raise MemoryError
    try:
        for i in range(size):
            members[i].weight = weights[i]
            members[i].cap = caps[i] if caps is not None else 0
            members[i].count = counts[i] if counts is not None else 1
        share_out(total, members, size, caps is not None, order)
        return [members[i].amount + (j < members[i].extra) for i in range(size) for j in range(members[i].count)]
    finally:
        free(members)
        free(order)


def share_exactly(total: int, bases: list[int], rates: list[int]) -> list[int]:
    """Shares of `total`, below 2^62, by base × rate: bases below 2^53 in sum, rates below 2^27."""
    cdef int32_t size = <int32_t>len(bases), i
    cdef Share* members = <Share*>malloc((size + 1) * sizeof(Share))
    cdef Share** order = <Share**>malloc((size + 1) * sizeof(Share*))
    if members == NULL or order == NULL:
        free(members)
        free(order)
        raise MemoryError
    try:
        for i in range(size):
            members[i].weight, members[i].cap, members[i].count = bases[i], rates[i], 1
        share_by_rate(total, members, size, order)
        return [members[i].amount + members[i].extra for i in range(size)]
    finally:
        free(members)
        free(order)


def multiply_half_up(amount: int, numerator: int, divisor: int) -> int:
    """amount × numerator ÷ divisor, half-up, all at or above 0."""
    return mul_div_half_up(amount, numerator, divisor)


def multiply_floor(amount: int, numerator: int, divisor: int) -> int:
    """amount × numerator ÷ divisor, rounded down, all at or above 0."""
    return mul_div_floor(amount, numerator, divisor)


def multiply_times(value: int, times: list[int], most: int) -> int:
    """value × every one of `times`, in ten-thousandths, exact and rounded once half-up, at most `most`; up to 16 times of at
    most 1 000 000."""
    cdef int64_t[16] given
    cdef int32_t i
    for i in range(<int32_t>len(times)):
        given[i] = times[i]
    return multiply_exactly(value, given, <int32_t>len(times), most)
