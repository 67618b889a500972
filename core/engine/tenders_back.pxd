"""What a return or a void gives back to means of payment, and takes off gift cards that were sold."""
from libc.stdint cimport int32_t
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# A sold gift card, of which something was used, is to be taken back with this line.
cdef bint is_spent(Engine engine, const Sale* sale, int32_t line_no) except -1
# What goes back to means of payment, told in the answer to a return.
cdef int show_refunds(Engine engine, const Sale* sale, pos_v1.Outcome* out) except -1
# Give it back, and take the value of returned gift cards away.
cdef int return_tenders(Engine engine, Operation operation, const Sale* sale, journal_v1.Effects* effects) except -1
