"""Taking a sale back: what ReturnReceipt, a void and a preview share. See returns.pyi for what Python calls."""
from libc.stdint cimport int64_t
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum Finding:
    ASK = 0                    # memory cannot tell, or knows more than the look-up brought
    NOBODY = 1                 # no such sale is stored
    FOUND = 2
    VOIDED = 3

# Read the sale that `operation.original_key` names, from what the journal said.
cdef Finding find_sale(Engine engine, Operation operation, known, Sale* sale) except? ASK
# Whose points the sale moved, today; 0: nobody's.
cdef int64_t account_of(Engine engine, const Sale* sale) noexcept
cdef object asked(Engine engine, Operation operation)
# A void: the whole sale as far as it is not back yet. False: the book cannot take it, and nothing was changed.
cdef bint void_sale(Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects) except -1
# Where and when the return in the case is made, and its receipt as it is kept; `sale` is read when it is FOUND.
cdef journal_v1.Evidence* return_evidence(Engine engine) except NULL
cdef pos_v1.Receipt* kept_receipt(Engine engine, Finding found, const Sale* sale) except NULL
cdef journal_v1.Evidence* original_evidence(Engine engine, const Sale* sale, known) except NULL
# CalculateReceipt of a return: reply bytes, or a Lookup.
cdef object preview_return(Engine engine, const pos_v1.CalculateReceiptRequest* call, scope, int64_t clock_us, known)
cdef bint is_sold(int state) noexcept nogil
