"""The core's edge: wire structs to the core's own receipt.

Readers give 0, or an ErrorReason with the field's path and what it should have been. Paths begin at the request: receipt.lines[3].qty_milli.
"""
from libc.stdint cimport int64_t
from altyn.core.receipt cimport Receipt
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef struct ReadError:
    WireError at               # code: altyn.pos.v1.ErrorReason
    int64_t value              # what came: the number, the size or the count
    int64_t low                # what may come
    int64_t high
    const char* form           # in words, for forms that are no range; else NULL

# A receipt in range, texts pointing into the wire's. A gross that differs from price × quantity is marked, not refused.
cdef int read_receipt(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil
# The receipt's money is the store's.
cdef int check_currency(const pos_v1.Receipt* wire, Text currency, int64_t exponent, ReadError* error) noexcept nogil
# Fields 1, 2, 3 and op_no of an effect call.
cdef int check_envelope(Text op_id, int64_t register_seq, int64_t op_no, Text calc_token, ReadError* error) noexcept nogil
cdef int check_cancel(const pos_v1.CancelReceiptRequest* wire, ReadError* error) noexcept nogil
cdef int check_authorize(const pos_v1.AuthorizeCustomerRequest* wire, ReadError* error) noexcept nogil
cdef int check_reconcile(const pos_v1.ReconcileShiftRequest* wire, ReadError* error) noexcept nogil
# CallRefused, INVALID_ARGUMENT.
cdef object edge_exception(const ReadError* error)
