"""What runs out: points, counters of limits and budgets, unique coupons. How a decision reads them, a hold keeps them, a commit takes them."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.releases cimport Release
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.facts.coupons cimport CouponSeries
from altyn.core.ledger.coupons cimport Coupon
from altyn.core.ledger.holds cimport Hold
from altyn.core.outcome cimport Outcome
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# What is held for the receipt, pending or expired, or NULL; `operation` is None for a forecast.
cdef const Hold* hold_of(Engine engine, Operation operation) except? NULL
# Fill the case's holdings from the book, what this receipt's own hold keeps being counted as free. `operation` is None for a forecast.
cdef int read_scarce(Engine engine, Release release, Operation operation) except -1
# Nobody is there to earn: no points, and none of what limits count of them.
cdef void forget_accrual(Outcome* outcome, int32_t lines_count) noexcept nogil
# True when the outcome uses something that a Reserve has to keep until the Commit.
cdef bint is_scarce(Engine engine) noexcept
# What a Reserve keeps for the outcome: the parts of its hold.
cdef int keep_scarce(Engine engine, Release release, journal_v1.HoldChange* change) except -1
# When a code ends, book and series together.
cdef int64_t coupon_end_us(const CouponSeries* series, const Coupon* state) noexcept nogil
# What a Commit takes for good; `held` is the receipt's hold, pending or expired, or NULL. Exceptions go to the operation.
cdef int take_scarce(Engine engine, Operation operation, journal_v1.Effects* effects, const Hold* held) except -1
# Of the case's account, from lots in the order of use; what they do not hold becomes a debt.
cdef int take_points(Engine engine, Operation operation, journal_v1.Effects* effects, int32_t asset_no, int64_t points) except -1
# What the outcome spends without a hold, for a person to decide about: when the operation has that exception.
cdef int unreserved_evidence(Engine engine, Operation operation, const Hold* held, journal_v1.Evidence* evidence) except -1
# One more part of a hold, one more entry of effects; entries before it move.
cdef journal_v1.HoldPart* next_part(journal_v1.HoldChange* change) except NULL
cdef journal_v1.Entry* next_entry(Engine engine, journal_v1.Effects* effects) except NULL
# What new lots pay of their accounts' debts, before anybody can spend them.
cdef int pay_debts(Engine engine, journal_v1.Effects* effects) except -1
# What of it the decision has seen.
cdef int scarce_evidence(Engine engine, Release release, journal_v1.Evidence* evidence) except -1
