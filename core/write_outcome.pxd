"""From what a calculation gave to the reply's message."""
from altyn.core.outcome cimport Outcome
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
