"""Earlier purchases from plain Python values."""
from libc.stdint cimport int64_t
from altyn.core.rules.ruleset cimport Ruleset

# Fill `values`, one per accumulation of the ruleset, for a receipt of this business date and store. ReceiptError names the field.
cdef int fill_accumulations(Ruleset ruleset, list history, int64_t day, bytes store_id, int64_t* values) except -1
