"""From what a calculation gave to the reply's message."""
from libc.stdint cimport int32_t
from altyn.core.outcome cimport FiscalRow, Outcome
from altyn.core.receipt cimport Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# Fills a cleared message; its texts point into the ruleset and the request. Balances, messages and flags are the engine's.
# 0, or -1 when the arena is full.
cdef int write_outcome(
    const Outcome* outcome, const Receipt* receipt, const pos_v1.Receipt* wire, Ruleset rules, bint explain, pos_v1.Outcome* out,
    Arena* arena
) noexcept nogil
cdef void write_fiscal_line(const FiscalRow* row, int32_t line_no, pos_v1.FiscalLine* out) noexcept nogil
