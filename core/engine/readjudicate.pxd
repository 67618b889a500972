"""Points, counters and coupons of a sale decided again on what a return leaves of it."""
from libc.stdint cimport int32_t
from altyn.core.engine.releases cimport Release
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.text cimport Text
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# The sale's promotion has this policy.
cdef bint has_policy(const Sale* sale, Text promotion_id, int32_t on_return) noexcept nogil
# What the promotions that gave something in the decision just made say of returns, into its evidence.
cdef int policy_evidence(Engine engine, Release release, journal_v1.Evidence* evidence) except -1
# The code at that place of the sale's effects is given back or cancelled; `state` may be NULL.
cdef bint is_turned_back(const journal_v1.Readjudicated* state, int32_t place) noexcept nogil
# All that is to be taken back once the sale is in its state after; NULL: shares alone tell it. RulesMissing: the sale's rules are to be
# brought first.
cdef journal_v1.Readjudicated* readjudicate(Engine engine, Operation operation, Sale* sale) except? NULL
