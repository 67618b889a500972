"""Tiers of customers: what a decision reads, what a sale and a return change, what a merge makes of two, what ends with a period.

A tier rises at once, with the operation whose sum reaches it, and holds to the end of so many periods after the one that made it. It falls
only when it is over: then the period that has just ended decides. That is read from the row whatever the day, so nobody's tier depends
on when the sweep writes it down. Beside it an account may have one by hand until a day: the better of the two is the customer's.
"""
from libc.stdint cimport int64_t
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine
from altyn.core.facts.tiers cimport TierTerms
from altyn.core.ledger.tiers cimport TierRow
from altyn.core.text cimport Text
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1

# Fill the case's holdings with the customer's tier and the lower ones.
cdef int read_tier(Engine engine) except -1
# The case's customer's tier; empty: none.
cdef Text tier_name(Engine engine) noexcept
# What the decided sale counts; after its lots are in the effects.
cdef int count_sale_tier(Engine engine, journal_v1.Effects* effects) except -1
# What came back counts no more, in the sale's own period; after the entries that take its points.
cdef int count_return_tier(Engine engine, const Sale* sale, journal_v1.Effects* effects) except -1
# One account's sums go to the other, which has the better tier of the two from then on.
cdef int merge_tiers(Engine engine, int64_t account_id, int64_t into, journal_v1.Effects* effects) except -1
# What the sweep writes down: True when the row is another on the day than it was written; the row is that one then.
cdef bint is_over(TierTerms terms, TierRow* row, int64_t today) noexcept nogil
# The row as it stands on the day.
cdef void end_tier(TierTerms terms, TierRow* row, int64_t day) noexcept nogil
cdef int open_changes(Engine engine, journal_v1.Effects* effects, size_t room) except -1
cdef void put_change(journal_v1.Effects* effects, const TierRow* row) noexcept
cdef int64_t programme_day(Engine engine, int64_t instant_us) noexcept
# What the back office sees of an account; NULL: it has none, and nothing was counted.
cdef ops_v1.AccountTier* shown_tier(Engine engine, int64_t account_id, int64_t instant_us) except? NULL
