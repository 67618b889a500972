"""The fiscal plan of a return."""
from libc.stdint cimport int64_t
from altyn.core.engine.returned cimport SoldLine
from altyn.core.engine.step cimport Engine
from altyn.core.outcome cimport FiscalRow
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# Room for the rows of a return's lines, in the reply and to write them in.
cdef FiscalRow* open_plan(Engine engine, const pos_v1.Receipt* wire, pos_v1.Outcome* out) except NULL
# Append the rows of one line, of which so much has just been taken back.
cdef void plan_refund(
    pos_v1.Outcome* out, FiscalRow* rows, const SoldLine* line, int64_t taken_milli, const pos_v1.LineOutcome* shown
) noexcept nogil
