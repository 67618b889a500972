"""Parts of a reply that the calculator does not know: balances, remarks, messages. -1 when the arena is full."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.case cimport Case, Remarks
from altyn.core.ledger.book cimport Book
from altyn.core.outcome cimport Outcome
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef int fill_balances(pos_v1.Balance** out, int32_t* count, Book book, int64_t account_id, int64_t instant_us, dict names, Arena* arena) except -1
# What the amounts give to remark on.
cdef void remark_amounts(const Outcome* outcome, Remarks* remarks) noexcept nogil
cdef int add_remarks(pos_v1.Outcome* outcome, const Remarks* remarks, Arena* arena) noexcept nogil
# What a cashier must be told about the card, in English and Russian.
cdef int fill_card_messages(pos_v1.Message** out, int32_t* count, const Remarks* remarks, Arena* arena) except -1
