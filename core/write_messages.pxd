"""From what promotions say to the reply's messages."""
from libc.stdint cimport int32_t
from altyn.core.outcome cimport Outcome, Said
from altyn.core.receipt cimport Receipt
from altyn.core.rules.image cimport Span, TranslationRow
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# What is promised, without texts. 0, or -1 when the arena is full, as below.
cdef int write_gifts(const Outcome* outcome, Ruleset rules, pos_v1.Outcome* out, Arena* arena) noexcept nogil
# Appends every message in each of its languages to `out.messages`, and gives `out.gifts` their texts. Balances are read from `out`, so they stand there
# before. 0, or -1 when the arena is full.
cdef int write_messages(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil
# The same of `out.nudges`.
cdef int write_nudges(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil
# One text with its placeholders filled; `coupon` is the code of an issued coupon, or empty. data is NULL when the arena
# is full.
cdef Text fill_text(
    const Said* said, const TranslationRow* text, Text coupon, const Receipt* receipt, Ruleset rules,
    const pos_v1.Outcome* out, Arena* arena
) noexcept nogil
