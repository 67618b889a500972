"""From a record's evidence to what a calculation reads; for whoever decides again."""
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# Attributes a receipt's lines got from the catalogue.
cdef void take_line_facts(Receipt* receipt, const journal_v1.Evidence* evidence) noexcept
# All that a decision read of lines, place, customer and codes, into a receipt as it was sent; balances and counters are the caller's,
# for they are by the assets and limits of a ruleset. ValueError: the evidence is of another receipt.
cdef int take_evidence(Receipt* receipt, Place* place, Holdings* holdings, const journal_v1.Evidence* evidence, Arena* arena) except -1
