# cython: cdivision=True
"""Prices of what is left of a sale (semantics §6.7.3, §6.11.26).

Decides nothing: the cash of a sale stands, so points are decided again on what was paid. Invariants: the units of a line add up to its
net, equal weights, as units of a gross do. Must never look at a rule. The divisor is a number of units, at least 1.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport CalcGroup, Run
from altyn.core.money cimport divide, whole_units
from altyn.core.receipt cimport Line, PIECE


cdef inline int64_t units_of(const Line* line) noexcept nogil:
    cdef int64_t units = whole_units(line.qty_milli) if line.unit == PIECE else 0
    return units if units > 0 else 1


cdef void charge(Work* work, const LineRest* lines) noexcept nogil:
    cdef CalcGroup* group
    cdef int32_t number, line
    cdef int64_t each, odd, units, i
    cdef int32_t place
    for line in range(work.receipt.lines_count):
        work.line_paid[line] = lines[line].paid_minor
        work.paid_with_points = work.paid_with_points or lines[line].paid_minor > 0
    for place in range(work.groups_count):
        group = &work.groups[place]
        group.running_minor = work.paid[place] = 0
        number = group.first_run
        while number >= 0:
            line = work.runs[number].line
            units = units_of(&work.receipt.lines[line])
            each = divide(lines[line].net_minor, 1, units, &odd)
            for i in range(units):
                work.runs[number].running_minor = each + 1 if i < odd else each
                number = work.runs[number].next
            group.running_minor += lines[line].net_minor
            work.paid[place] += lines[line].paid_minor
