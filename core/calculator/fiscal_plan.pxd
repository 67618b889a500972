"""What the fiscal receipt prints: rows whose price × quantity rounds to their sum."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.money cimport whole_units
from altyn.core.outcome cimport FiscalRow, Outcome
from altyn.core.receipt cimport Line, MARKED, PIECE

cdef inline bint is_measured(const Line* line) noexcept nogil:
    """One unit that cannot be cut: anything but pieces in a whole number."""
    return line.unit != PIECE or whole_units(line.qty_milli) == 0

cdef inline bint is_marked(const Line* line) noexcept nogil:
    return line.flags & MARKED or line.mark_code.size > 0

cdef inline bint is_one_label(const Line* line) noexcept nogil:
    """One row of the fiscal receipt, if it is measured."""
    return line.no_split or line.flags & MARKED

# Pieces that add up to `sum_minor`, cheapest first; each on its own row when `singly`. Rows written: at most two, else
# as many as pieces.
cdef int32_t plan_pieces(FiscalRow* rows, int64_t pieces, int64_t sum_minor, bint singly) noexcept nogil
# Measured goods of one sum: one row, or two at adjacent prices. `gross_minor` is what the till makes of price × quantity.
cdef int32_t plan_measured(FiscalRow* rows, int64_t qty_milli, int64_t price_minor, int64_t gross_minor, int64_t sum_minor) noexcept nogil
# The same sum in one row, or 0 rows: no price gives it.
cdef int32_t plan_in_one(FiscalRow* rows, int64_t qty_milli, int64_t price_minor, int64_t gross_minor, int64_t sum_minor) noexcept nogil
# The largest sum not above `sum_minor` that one row can have.
cdef int64_t reachable_below(int64_t sum_minor, int64_t qty_milli) noexcept nogil
# Number the rows of a line.
cdef void number_rows(FiscalRow* rows, int32_t count, int32_t line, bint by_unit) noexcept nogil

cdef void plan_receipt(Work* work, Outcome* out, bint wanted) noexcept nogil
