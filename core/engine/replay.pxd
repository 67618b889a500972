"""From a record's evidence to what a calculation reads; for whoever decides again."""
from altyn.core.receipt cimport CouponFact, Holdings, Place, Receipt
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1

cdef void take_line_facts(Receipt* receipt, const journal_v1.Evidence* evidence) noexcept
cdef void take_place(Place* place, const journal_v1.Evidence* evidence) noexcept
cdef void take_holdings(Holdings* holdings, const journal_v1.CustomerFacts* customer) noexcept
# Codes of series, by the receipt's entries; NULL: there are none. ValueError: of an entry that is not there.
cdef CouponFact* take_codes(const Receipt* receipt, const journal_v1.Evidence* evidence, Arena* arena) except? NULL
