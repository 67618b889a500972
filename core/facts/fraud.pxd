"""Rules against fraud at the till (reliability §5.6): what is looked at, from when on it is suspicious, and what follows.

Only the rules; what they count is the book's. Invariants: rules stand in the order of their names; of more than FRAUD_RULES_MAX the first
ones act and `is_overfull` says so; pointers stay valid until the next change. It must never decide about a receipt.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp
from altyn.core.limits cimport FRAUD_RULES_MAX
from altyn.core.text cimport Text

cdef enum FraudAction:
    # Bits.
    FRAUD_TAG = 1
    FRAUD_CASE = 2
    FRAUD_HOLDBACK = 4
    FRAUD_DECLINE_REDEMPTION = 8

cdef enum:
    FRAUD_PREFIX_BYTES = 6

cdef struct FraudRule:
    Text limit                 # "fraud:" and the rule's name: whose counters are its
    int64_t threshold          # times, minor units or coupons; of kinds that look at time, seconds
    int32_t kind               # altyn.journal.v1.FraudKind
    int32_t window             # altyn.journal.v1.LimitWindow
    int32_t actions            # FraudAction bits
    int32_t holdback_days
    int32_t share_percent

@cython.final
cdef class FraudRules:
    cdef FraudRule rules[FRAUD_RULES_MAX]
    cdef readonly int32_t count
    cdef readonly bint is_overfull
    cdef dict _facts             # name → FraudRuleFact
    cdef list _limits            # bytes that the rules' texts point to
    cdef int _order(self) except -1

cdef inline bint is_of_fraud(Text limit) noexcept nogil:
    """The counter is a fraud rule's. No promotion has such a name."""
    return limit.size > FRAUD_PREFIX_BYTES and memcmp(limit.data, b"fraud:", FRAUD_PREFIX_BYTES) == 0

cdef inline Text rule_name(const FraudRule* rule) noexcept nogil:
    cdef Text name
    name.data = rule.limit.data + FRAUD_PREFIX_BYTES
    name.size = rule.limit.size - FRAUD_PREFIX_BYTES
    return name
