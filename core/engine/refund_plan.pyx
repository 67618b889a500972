"""The fiscal plan of a return: how each refund is printed (semantics §6.11.26).

Decides rows, never amounts: what is paid back stands before. Pieces come at the unit prices they were sold at, a part of
measured goods by the plan of its refund, a line printed by unit by the rows that come back. A return is never rounded, so
one label may need two rows here.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.fiscal_plan cimport number_rows, plan_measured, plan_pieces
from altyn.core.engine.returned cimport SoldRow, part_at
from altyn.core.engine.calls cimport except_full
from altyn.core.limits cimport FISCAL_ROWS_MAX
from altyn.core.money cimport MILLI, mul_div_floor, price_times, whole_units
from altyn.core.wire.arena cimport arena_take
from altyn.core.write_outcome cimport write_fiscal_line

cdef enum:
    # A line has a row for each piece at most, and two for each of the two rows of the sale it takes a part of.
    ROWS_BESIDE_PIECES = 4


cdef FiscalRow* open_plan(Engine engine, const pos_v1.Receipt* wire, pos_v1.Outcome* out) except NULL:
    cdef FiscalRow* rows
    cdef int64_t room = 0
    cdef int32_t i
    for i in range(wire.lines_count):
        if wire.lines[i].refund_of != NULL:
            room += mul_div_floor(wire.lines[i].refund_of.qty_milli, 1, MILLI)
    # No more pieces come back than a sale has.
    room = min(room, <int64_t>FISCAL_ROWS_MAX) + (wire.lines_count + 1) * <int64_t>ROWS_BESIDE_PIECES
    out.fiscal_plan = <pos_v1.FiscalLine*>arena_take(&engine.arena, <size_t>room * sizeof(pos_v1.FiscalLine))
    rows = <FiscalRow*>arena_take(&engine.arena, <size_t>room * sizeof(FiscalRow))
    if out.fiscal_plan == NULL or rows == NULL:
        except_full()
    return rows


cdef int32_t plan_part(FiscalRow* rows, const SoldLine* line, int64_t qty_milli, int64_t price_minor, int64_t gross_minor, int64_t refund_minor) noexcept nogil:
    cdef int64_t pieces = whole_units(qty_milli) if line.wire.unit <= pos_v1.UNIT_PIECE else 0
    if pieces > 0:
        return plan_pieces(rows, pieces, refund_minor, line.marked)
    return plan_measured(rows, qty_milli, price_minor, gross_minor, refund_minor)


cdef int32_t plan_rows_back(FiscalRow* rows, const SoldLine* line) noexcept nogil:
    """Rows of a line printed by unit."""
    cdef const SoldRow* row
    cdef int64_t refund
    cdef int32_t i, count = 0
    for i in range(line.rows_count):
        row = &line.rows[i]
        if row.taken_milli > 0:
            refund = part_at(row.sum_minor, row.after_milli, row.qty_milli)
            refund -= part_at(row.sum_minor, row.after_milli - row.taken_milli, row.qty_milli)
            count += plan_part(&rows[count], line, row.taken_milli, row.price_minor, price_times(row.price_minor, row.taken_milli), refund)
    return count


cdef void plan_refund(
    pos_v1.Outcome* out, FiscalRow* rows, const SoldLine* line, int64_t taken_milli, const pos_v1.LineOutcome* shown
) noexcept nogil:
    cdef int64_t gross
    cdef int32_t i, count = 0
    if line.rows_count > 0:
        count = plan_rows_back(rows, line)
    elif taken_milli > 0:
        gross = line.outcome.gross_minor if taken_milli == line.qty_milli else price_times(line.wire.price_minor, taken_milli)
        count = plan_part(rows, line, taken_milli, line.wire.price_minor, gross, shown.net_minor)
    number_rows(rows, count, 0, line.rows_count > 0)
    for i in range(count):
        write_fiscal_line(&rows[i], shown.line_no, &out.fiscal_plan[out.fiscal_plan_count])
        out.fiscal_plan_count += 1
