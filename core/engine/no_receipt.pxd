"""Returns without a receipt: money only, within limits of the programme (docs/decisions/0045)."""
from libc.stdint cimport int64_t
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef inline bint is_without_receipt(const pos_v1.Receipt* wire) noexcept nogil:
    return wire != NULL and wire.original != NULL and wire.original.without_receipt

# CalculateReceipt, the receipt being in the case: reply bytes.
cdef bytes preview_without_receipt(Engine engine, int64_t clock_us)
# ReturnReceipt, the receipt being in the case with its place and time: the Answer.
cdef object return_without_receipt(Engine engine, Operation operation, pos_v1.ReturnReceiptRequest* call, int64_t clock_us)
