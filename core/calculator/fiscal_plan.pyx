"""The fiscal plan: each line of the receipt as one or more rows in which price × quantity rounds to the printed sum.

A fiscal register prints a unit price after discounts and refuses a row whose price × quantity is not its sum. Decides
how a line's net is cut into rows, never how much it is. Invariants: the rows of a line add up to its net and its
quantity; the cheapest row is the first; no unit price is below a min_price that the net respects; equal lines get
equal rows, whatever stands beside them.

- Pieces: n units of sum S are (n − S mod n) at ⌊S/n⌋ and (S mod n) one minor unit dearer. Marked goods are one piece a
  row. Lines with a multi-buy that leaves its discount on the free units (ON_FREE) are printed by what each unit costs.
- Measured goods: one row at the largest unit price that makes S, the till's own price when nothing was taken off, else two
  rows at u = ⌊1000·S/q⌋ and u + 1, as little as may be at u + 1. Two always do: of r = 1000·S − u·q thousandths at
  u + 1, or one thousandth fewer, one makes the sum.
"""
from altyn.core.calculator.set_units cimport sort_ranked
from altyn.core.calculator.work cimport Applied, Ranked, Run
from altyn.core.money cimport MILLI, divide, mul_div_floor, mul_mod, price_times
from altyn.core.rules.image cimport MULTI_BUY, ON_FREE, RuleRow


# --- one line


cdef inline void write_row(FiscalRow* row, int64_t qty_milli, int64_t price_minor, int64_t sum_minor) noexcept nogil:
    row.qty_milli = qty_milli
    row.price_minor = price_minor
    row.sum_minor = sum_minor


cdef int32_t plan_pieces(FiscalRow* rows, int64_t pieces, int64_t sum_minor, bint singly) noexcept nogil:
    cdef int64_t dearer = 0, each = sum_minor if pieces == 1 else divide(sum_minor, 1, pieces, &dearer)
    cdef int64_t cheaper = pieces - dearer
    cdef int32_t i
    if singly:
        for i in range(<int32_t>pieces):
            write_row(&rows[i], MILLI, each + (i >= cheaper), each + (i >= cheaper))
        return <int32_t>pieces
    write_row(&rows[0], cheaper * MILLI, each, each * cheaper)
    if dearer == 0:
        return 1
    write_row(&rows[1], dearer * MILLI, each + 1, (each + 1) * dearer)
    return 2


cdef int32_t plan_in_one(FiscalRow* rows, int64_t qty_milli, int64_t price_minor, int64_t gross_minor, int64_t sum_minor) noexcept nogil:
    cdef int64_t price
    if sum_minor == gross_minor:
        # As the till would print it without us, by its own rounding.
        price = price_minor
    elif sum_minor == 0:
        price = 0
    else:
        # The largest price with price × quantity < sum + 0.5.
        price = mul_div_floor(sum_minor * MILLI + MILLI // 2 - 1, 1, qty_milli)
        price = price if price < price_minor else price_minor
        if price_times(price, qty_milli) != sum_minor:
            return 0
    write_row(rows, qty_milli, price, sum_minor)
    return 1


cdef int64_t reachable_below(int64_t sum_minor, int64_t qty_milli) noexcept nogil:
    return price_times(mul_div_floor(sum_minor, MILLI, qty_milli), qty_milli)


cdef int64_t least_dearer(int64_t price_minor, int64_t qty_milli, int64_t short_milli) noexcept nogil:
    """The smallest quantity that makes the sum when it costs one more; `short_milli`: thousandths of a minor unit that
    are missing at `price_minor`.

    With x at the higher price both rows together are r − x thousandths short, r being `short_milli`; rounding half-up adds 500 to each
    and drops what is left over full units, so the sum is met when the two remainders add up to 1000 − (r − x).
    """
    cdef int64_t x = short_milli - MILLI if short_milli > MILLI else 1, step = mul_mod(price_minor, 1, MILLI)
    cdef int64_t rest = mul_mod(price_minor, qty_milli - x, MILLI) + MILLI // 2
    cdef int64_t added = mul_mod(price_minor + 1, x, MILLI) + MILLI // 2
    rest -= MILLI if rest >= MILLI else 0
    added -= MILLI if added >= MILLI else 0
    while x < short_milli and rest + added != MILLI - short_milli + x:
        x += 1
        rest -= step
        rest += MILLI if rest < 0 else 0
        added += step + 1
        added -= MILLI if added >= MILLI else 0
    return x


cdef int32_t plan_measured(FiscalRow* rows, int64_t qty_milli, int64_t price_minor, int64_t gross_minor, int64_t sum_minor) noexcept nogil:
    cdef int64_t price, dearer, rest
    if plan_in_one(rows, qty_milli, price_minor, gross_minor, sum_minor):
        return 1
    price = mul_div_floor(sum_minor, MILLI, qty_milli)
    dearer = least_dearer(price, qty_milli, sum_minor * MILLI - price * qty_milli)
    rest = price_times(price, qty_milli - dearer)
    write_row(&rows[0], qty_milli - dearer, price, rest)
    write_row(&rows[1], dearer, price + 1, sum_minor - rest)
    return 2


cdef void number_rows(FiscalRow* rows, int32_t count, int32_t line, bint by_unit) noexcept nogil:
    cdef int32_t i
    for i in range(count):
        rows[i].line = line
        rows[i].sub_no = i + 1
        rows[i].by_unit = by_unit


# --- a receipt


cdef bint is_on_free(const Work* work, const Applied* applied) noexcept nogil:
    cdef const RuleRow* rule
    if applied.rule < 0 or applied.amount_minor == 0:
        return False
    rule = &work.rules.rules[applied.rule]
    return rule.kind == MULTI_BUY and work.rules.set_rewards[rule.detail].flags & ON_FREE


cdef int32_t mark_by_unit(Work* work) noexcept nogil:
    """Lines of pieces some of which a multi-buy made free, in `line_marks`; how many."""
    cdef const Applied* applied
    cdef int32_t i, lines = 0
    if not work.rules.summary.rule_kinds >> MULTI_BUY & 1:
        return 0
    for i in range(work.applied_count):
        applied = &work.applied[i]
        if is_on_free(work, applied) and not is_measured(&work.receipt.lines[applied.line]):
            lines += not work.line_marks[applied.line]
            work.line_marks[applied.line] = True
    return lines


cdef int32_t rank_runs(Work* work) noexcept nogil:
    """Runs of the marked lines in `ranking`, by line, then by price; how many."""
    cdef const Run* run
    cdef int32_t i, number, count = 0
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        while number >= 0:
            run = &work.runs[number]
            if work.line_marks[run.line]:
                # The price of a piece has 31 bits at most.
                work.ranking[count].key = <int64_t>run.line << 32 | run.running_minor
                work.ranking[count].place = number
                count += 1
            number = run.next
    sort_ranked(work.ranking, count)
    return count


cdef int32_t plan_by_unit(Work* work, FiscalRow* rows, int32_t begin, int32_t end, bint singly) noexcept nogil:
    """Rows of the runs in ranking[begin:end], the units of one line; equal prices share a row unless `singly`."""
    cdef const Run* run
    cdef int32_t i, j, count = 0
    for i in range(begin, end):
        run = &work.runs[work.ranking[i].place]
        if singly:
            for j in range(run.count):
                write_row(&rows[count], MILLI, run.running_minor, run.running_minor)
                count += 1
        elif count > 0 and rows[count - 1].price_minor == run.running_minor:
            rows[count - 1].qty_milli += <int64_t>run.count * MILLI
            rows[count - 1].sum_minor += run.running_minor * run.count
        else:
            write_row(&rows[count], <int64_t>run.count * MILLI, run.running_minor, run.running_minor * run.count)
            count += 1
    return count


cdef int32_t plan_line(const Work* work, int32_t index, FiscalRow* rows) noexcept nogil:
    cdef const Line* line = &work.receipt.lines[index]
    cdef int64_t net = work.line_results[index].net_minor
    if is_measured(line):
        return plan_measured(rows, line.qty_milli, line.price_minor, line.gross_minor, net)
    return plan_pieces(rows, whole_units(line.qty_milli), net, is_marked(line))


cdef void plan_receipt(Work* work, Outcome* out, bint wanted) noexcept nogil:
    """Write the rows of every line in the receipt's order; unless the plan is wanted, of those printed by unit."""
    cdef FiscalRow* rows
    cdef int32_t i, end, count, ranked = 0, at = 0
    out.fiscal_rows_count = 0
    if mark_by_unit(work) > 0:
        ranked = rank_runs(work)
    elif not wanted:
        return
    for i in range(work.receipt.lines_count):
        rows = &work.fiscal_rows[out.fiscal_rows_count]
        if work.line_marks[i]:
            end = at
            while end < ranked and work.ranking[end].key >> 32 == i:
                end += 1
            count = plan_by_unit(work, rows, at, end, is_marked(&work.receipt.lines[i]))
            at = end
        elif wanted:
            count = plan_line(work, i, rows)
        else:
            continue
        number_rows(rows, count, i, work.line_marks[i])
        out.fiscal_rows_count += count
        work.line_marks[i] = False
