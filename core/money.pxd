"""The only place where an amount is multiplied by a fraction or divided (semantics §6.1).

Products are taken in 128 bits. Everything here is total: callers keep amounts in [0, 2^53), rates and quantities at
or above 0 and divisors above 0; a divisor of 0 gives 0, so that no caller can trap.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    typedef unsigned __int128 altyn_wide;

    static inline int64_t altyn_mul_div_floor(int64_t amount, int64_t numerator, int64_t divisor) {
        altyn_wide product = (altyn_wide)amount * (altyn_wide)numerator;
        if (divisor <= 0) return 0;
        if ((product >> 64) == 0) return (int64_t)((uint64_t)product / (uint64_t)divisor);
        return (int64_t)(product / (altyn_wide)divisor);
    }

    static inline int64_t altyn_mul_div_half_up(int64_t amount, int64_t numerator, int64_t divisor) {
        altyn_wide product;
        if (divisor <= 0) return 0;
        product = (altyn_wide)amount * (altyn_wide)numerator + (altyn_wide)(divisor / 2);
        if ((product >> 64) == 0) return (int64_t)((uint64_t)product / (uint64_t)divisor);
        return (int64_t)(product / (altyn_wide)divisor);
    }

    /* Rounded down and at most `most`; and rounded up, for a result that fits. */
    static inline int64_t altyn_mul_div_most(int64_t amount, int64_t numerator, int64_t divisor, int64_t most) {
        altyn_wide product = (altyn_wide)amount * (altyn_wide)numerator, quotient;
        if (divisor <= 0) return 0;
        quotient = product >> 64 == 0 ? (uint64_t)product / (uint64_t)divisor : product / (altyn_wide)divisor;
        return quotient > (altyn_wide)most ? most : (int64_t)quotient;
    }

    static inline int64_t altyn_mul_div_ceil(int64_t amount, int64_t numerator, int64_t divisor) {
        if (divisor <= 0) return 0;
        return (int64_t)(((altyn_wide)amount * (altyn_wide)numerator + (altyn_wide)(divisor - 1)) / (altyn_wide)divisor);
    }

    static inline int64_t altyn_mul_mod(int64_t amount, int64_t numerator, int64_t divisor) {
        altyn_wide product = (altyn_wide)amount * (altyn_wide)numerator;
        if (divisor <= 0) return 0;
        if ((product >> 64) == 0) return (int64_t)((uint64_t)product % (uint64_t)divisor);
        return (int64_t)(product % (altyn_wide)divisor);
    }

    /* Quotient, and the remainder by the way: one division. */
    static inline int64_t altyn_divide(int64_t amount, int64_t numerator, int64_t divisor, int64_t *remainder) {
        altyn_wide product = (altyn_wide)amount * (altyn_wide)numerator;
        altyn_wide quotient;
        if (divisor <= 1) { *remainder = 0; return divisor == 1 ? (int64_t)product : 0; }
        if ((product >> 64) == 0) {
            uint64_t narrow = (uint64_t)product / (uint64_t)divisor;
            *remainder = (int64_t)((uint64_t)product - narrow * (uint64_t)divisor);
            return (int64_t)narrow;
        }
        quotient = product / (altyn_wide)divisor;
        *remainder = (int64_t)(product - quotient * (altyn_wide)divisor);
        return (int64_t)quotient;
    }

    /* The same with 2^64 / divisor at hand, rounded down: for a product below 2^64 and a divisor above 1. The quotient
       from it is right or one too small, so one more is right or one too large. */
    static inline int64_t altyn_divide_by(int64_t amount, int64_t numerator, int64_t divisor, uint64_t inverse,
                                          int64_t *remainder) {
        uint64_t product = (uint64_t)amount * (uint64_t)numerator;
        int64_t quotient = (int64_t)(((altyn_wide)product * inverse) >> 64) + 1;
        int64_t left = (int64_t)(product - (uint64_t)quotient * (uint64_t)divisor);
        int64_t over = left >> 63;
        *remainder = left + (divisor & over);
        return quotient + over;
    }

    /* What a progressive rate is of `part` of a base: `steps` are pairs (from, rate in millionths, at most a million). */
    static inline int64_t altyn_progressive(const int64_t *steps, int64_t count, int64_t base, int64_t part) {
        altyn_wide total = 0, divisor = (altyn_wide)base * 1000000;
        int64_t upto, i;
        for (i = 0; i < count && steps[2 * i] < base; i++) {
            upto = i + 1 < count && steps[2 * i + 2] < base ? steps[2 * i + 2] : base;
            total += (altyn_wide)(upto - steps[2 * i]) * (altyn_wide)steps[2 * i + 1];
        }
        return base <= 0 ? 0 : (int64_t)((total * (altyn_wide)part + divisor / 2) / divisor);
    }

    /* `value` × times₁ × times₂ × …, each in ten-thousandths, exact and rounded once half-up, at most `most`. Up to 16
       times, each at most 100. Twice the product is kept in words of 32 bits, then divided step by step: the floor
       of floors is the floor of the whole, and half-up is (floor(2x) + 1) / 2. */
    static inline int64_t altyn_multiply_exactly(int64_t value, const int64_t *times, int32_t count, int64_t most) {
        uint32_t words[14] = {0};
        uint64_t carry, kept = (uint64_t)value * 2;
        int32_t i, j;
        words[0] = (uint32_t)kept;
        words[1] = (uint32_t)(kept >> 32);
        for (i = 0; i < count && i < 16; i++) {
            for (carry = 0, j = 0; j < 14; j++) {
                carry += (uint64_t)words[j] * (uint64_t)times[i];
                words[j] = (uint32_t)carry;
                carry >>= 32;
            }
        }
        for (i = 0; i < count && i < 16; i++) {
            for (carry = 0, j = 13; j >= 0; j--) {
                carry = carry << 32 | words[j];
                words[j] = (uint32_t)(carry / 10000);
                carry %= 10000;
            }
        }
        for (j = 2; j < 14; j++) if (words[j]) return most;
        kept = ((uint64_t)words[1] << 32 | words[0]);
        kept = (kept >> 1) + (kept & 1);
        return kept > (uint64_t)most ? most : (int64_t)kept;
    }

    /* total × weight ÷ weights, and the remainder in two parts of 40 bits: of weights beyond 64 bits but below 2^80, in two
       digits of 32 bits. */
    static inline int64_t altyn_divide_wide(int64_t total, altyn_wide weight, altyn_wide weights, int64_t *high, int64_t *low) {
        altyn_wide upper = (altyn_wide)((uint64_t)total >> 32) * weight;
        altyn_wide lower = (upper % weights << 32) + (altyn_wide)((uint64_t)total & 0xFFFFFFFF) * weight;
        altyn_wide rest = lower % weights;
        *high = (int64_t)(rest >> 40);
        *low = (int64_t)(rest & (((altyn_wide)1 << 40) - 1));
        return (int64_t)((upper / weights << 32) + lower / weights);
    }

    static inline int altyn_is_narrow(int64_t amount, int64_t numerator) {
        return ((altyn_wide)amount * (altyn_wide)numerator) >> 64 == 0;
    }

    /* Order of a*b against c*d: below, equal to or above 0. */
    static inline int altyn_compare_products(int64_t a, int64_t b, int64_t c, int64_t d) {
        altyn_wide left = (altyn_wide)a * (altyn_wide)b;
        altyn_wide right = (altyn_wide)c * (altyn_wide)d;
        return (left > right) - (left < right);
    }
    """
    ctypedef unsigned long long wide "altyn_wide"   # of 128 bits
    int64_t divide_wide "altyn_divide_wide"(int64_t total, wide weight, wide weights, int64_t* high, int64_t* low) noexcept nogil
    int64_t mul_div_floor "altyn_mul_div_floor"(int64_t amount, int64_t numerator, int64_t divisor) noexcept nogil
    int64_t mul_div_half_up "altyn_mul_div_half_up"(int64_t amount, int64_t numerator, int64_t divisor) noexcept nogil
    int64_t mul_div_most "altyn_mul_div_most"(int64_t amount, int64_t numerator, int64_t divisor, int64_t most) noexcept nogil
    int64_t mul_div_ceil "altyn_mul_div_ceil"(int64_t amount, int64_t numerator, int64_t divisor) noexcept nogil
    int64_t mul_mod "altyn_mul_mod"(int64_t amount, int64_t numerator, int64_t divisor) noexcept nogil
    int64_t divide "altyn_divide"(int64_t amount, int64_t numerator, int64_t divisor, int64_t* remainder) noexcept nogil
    int64_t divide_by "altyn_divide_by"(int64_t amount, int64_t numerator, int64_t divisor, uint64_t inverse,
                                        int64_t* remainder) noexcept nogil
    int64_t progressive "altyn_progressive"(const int64_t* steps, int64_t count, int64_t base, int64_t part) noexcept nogil
    int64_t multiply_exactly "altyn_multiply_exactly"(int64_t value, const int64_t* times, int32_t count, int64_t most) noexcept nogil
    bint is_narrow "altyn_is_narrow"(int64_t amount, int64_t numerator) noexcept nogil
    int compare_products "altyn_compare_products"(int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil

cdef enum:
    PPM = 1_000_000
    MILLI = 1_000
    TIMES_ONE = 10_000         # of a multiplier

cdef inline int64_t rate_of(int64_t amount, int64_t rate_ppm) noexcept nogil:
    """`rate_ppm` millionths of the amount, half-up."""
    return mul_div_half_up(amount, rate_ppm, PPM)

cdef inline int64_t price_times(int64_t price_minor, int64_t qty_milli) noexcept nogil:
    """An amount per 1.000 of measure, taken for `qty_milli`, half-up."""
    if qty_milli == MILLI:
        return price_minor
    return mul_div_half_up(price_minor, qty_milli, MILLI)

cdef inline int64_t power_of_ten(int32_t exponent) noexcept nogil:
    """10^exponent, of a scale or a currency's exponent: 0…4."""
    cdef int64_t power = 1
    cdef int32_t i
    for i in range(exponent):
        power *= 10
    return power

cdef inline int64_t whole_units(int64_t qty_milli) noexcept nogil:
    """Number of units of a quantity, 0 when it is not whole."""
    if qty_milli == MILLI:
        return 1
    cdef int64_t rest, units = divide(qty_milli, 1, MILLI, &rest)
    return units if rest == 0 else 0

cdef struct Share:
    # One member of a distribution: `count` equal units. `amount` and `extra` are the result: every unit gets `amount`,
    # the first `extra` of them one more.
    int64_t weight
    int64_t cap
    int64_t count
    int64_t amount
    int64_t extra
    int64_t remainder          # scratch; -1 once fixed at the cap

cdef int64_t share_out(int64_t total, Share* members, int32_t count, bint capped, Share** order) noexcept nogil
# The same by weights `weight` × `cap`, base × rate: exact for bases below 2^53 in sum and rates below 2^27. Of members of one unit.
cdef void share_by_rate(int64_t total, Share* members, int32_t count, Share** order) noexcept nogil
cdef enum:
    FEW = 4                    # members that are put in order without more ado

cdef bint share_few(int64_t total, int64_t weights, Share* members, int32_t count, bint capped,
                    Share** order) noexcept nogil
cdef int64_t share_among(int64_t total, int64_t weights, Share* members, int32_t count, bint capped,
                         Share** order) noexcept nogil

cdef inline int64_t share_by(int64_t total, int64_t weights, Share* members, int32_t count, bint capped,
                             Share** order) noexcept nogil:
    """`share_out` for who has added up the weights already; `total` is no more than the caps of members with weight."""
    if count <= FEW and total > 0 and weights > 0 and share_few(total, weights, members, count, capped, order):
        return total
    return share_among(total, weights, members, count, capped, order)
