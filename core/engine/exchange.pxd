"""An exchange: a return and a sale under one receipt number."""
from altyn.core.engine.step cimport Engine
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# Every line comes back, or the receipt names a sale: it is a return, or the return of an exchange.
cdef bint is_return(const pos_v1.Receipt* wire) noexcept nogil
# The part of a receipt that a sale, or with `refunds` a return, is about; the receipt itself, NULL too, when it is one of the two alone.
cdef const pos_v1.Receipt* part_of(Engine engine, const pos_v1.Receipt* wire, bint refunds) except? NULL
