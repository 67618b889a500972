"""Body of exchanges: goods come back and others are bought, on one printed receipt.

The register sends the receipt to both calls, and each takes its own lines: ReturnReceipt those with `refund_of`, the others those
without. So an exchange is two facts that differ in nothing from a return and a sale: coupons, thresholds and points of the sale see no
goods that come back. What is paid is the difference, so payments say nothing of the return. Never here: an amount.
"""
from libc.stdint cimport int32_t
from altyn.core.engine.calls cimport except_full
from altyn.core.wire.arena cimport arena_take


cdef int32_t refunds_of(const pos_v1.Receipt* wire) noexcept nogil:
    cdef int32_t i, count = 0
    for i in range(wire.lines_count):
        count += wire.lines[i].refund_of != NULL
    return count


cdef bint is_return(const pos_v1.Receipt* wire) noexcept nogil:
    return wire.original != NULL or (wire.lines_count > 0 and refunds_of(wire) == wire.lines_count)


cdef const pos_v1.Receipt* part_of(Engine engine, const pos_v1.Receipt* wire, bint refunds) except? NULL:
    cdef pos_v1.Receipt* part
    cdef int32_t i, count
    if wire == NULL:
        return wire
    count = refunds_of(wire)
    if count == 0 or count == wire.lines_count:
        return wire
    part = <pos_v1.Receipt*>arena_take(&engine.arena, sizeof(pos_v1.Receipt))
    if part == NULL:
        except_full()
    part[0] = wire[0]
    part.lines_count = 0
    part.lines = <pos_v1.ReceiptLine*>arena_take(&engine.arena, <size_t>wire.lines_count * sizeof(pos_v1.ReceiptLine))
    if part.lines == NULL:
        except_full()
    for i in range(wire.lines_count):
        if (wire.lines[i].refund_of != NULL) == refunds:
            part.lines[part.lines_count] = wire.lines[i]
            part.lines_count += 1
    if refunds:
        part.payments_count = 0
    return part
