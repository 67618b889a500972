"""Body of the arithmetic of returns. Decides amounts only; where points are taken from is takeback's."""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memset
from altyn.core.engine.calls cimport decode_record, except_full, refused, string
from altyn.core.engine.step cimport Engine
from altyn.core.facts.fraud cimport is_of_fraud
from altyn.core.ledger.keys cimport receipt_key as receipt_key_of
from altyn.core.money cimport Share, mul_div_floor, share_out
from altyn.core.receipt cimport MARKED
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena, arena_take
from altyn.core.wire.format cimport WireError, path_of
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1


cdef bytes original_key_of(Engine engine, const pos_v1.Receipt* wire):
    cdef const pos_v1.OriginalReceipt* original = wire.original
    if original == NULL:
        raise refused("INVALID_ARGUMENT", "FIELD_REQUIRED", "receipt.original", "a return names the receipt of the sale")
    if original.receipt_number == 0 and original.op_id.size > 0:
        return original.op_id.data[:original.op_id.size]
    return receipt_key_of(
        engine.tenant, string(original.store_id if original.store_id.size > 0 else wire.store_id),
        string(original.register_id if original.register_id.size > 0 else wire.register_id), original.shift_number,
        original.receipt_number)


cdef int read_sale(Sale* sale, bytes body, const journal_v1.ReturnState* before, Arena* arena) except -1:
    cdef WireError error
    cdef const uint8_t* reply
    cdef const pos_v1.Receipt* receipt
    cdef SoldLine* line
    cdef int32_t i, j, at = 0
    memset(sale, 0, sizeof(Sale))
    decode_record(body, &sale.record, arena)
    if sale.record.kind != pos_v1.OPERATION_KIND_COMMIT or sale.record.request == NULL or sale.record.request.receipt == NULL \
            or sale.record.evidence == NULL:
        raise ValueError(f"record {sale.record.seq} is no sale")
    reply = <const uint8_t*>sale.record.reply.data
    memset(&error, 0, sizeof(error))
    if pos_v1.decode_CommitReceiptResponse(&sale.reply, reply, reply + sale.record.reply.size, arena, &error) != 0:
        raise ValueError(f"the reply of record {sale.record.seq} cannot be read: {path_of(&error)}")
    receipt = sale.record.request.receipt
    sale.before = before
    sale.lines = <SoldLine*>arena_take(arena, (<size_t>receipt.lines_count + 1) * sizeof(SoldLine))
    if sale.lines == NULL:
        except_full()
    # The reply has the receipt's lines in the receipt's order.
    sale.lines_count = min(receipt.lines_count, sale.reply.outcome.lines_count if sale.reply.outcome != NULL else 0)
    for i in range(sale.lines_count):
        line = &sale.lines[i]
        line.line_no = receipt.lines[i].line_no
        line.qty_milli = receipt.lines[i].qty_milli
        line.outcome = &sale.reply.outcome.lines[i]
        line.wire = &receipt.lines[i]
        line.marked = line.wire.mark_code.size > 0 or (line.wire.flags != NULL and line.wire.flags.marked)
        read_rows(sale, line, &at, arena)
        for j in range(before.lines_count if before != NULL else 0):
            if before.lines[j].line_no == line.line_no:
                line.before_milli = line.after_milli = before.lines[j].qty_milli
                read_rows_back(line, &before.lines[j])
    mark_lines(sale)
    return join_decided(sale, before.decided, arena) if before != NULL and before.decided != NULL else 0


cdef int join_decided(Sale* sale, const journal_v1.DecidedEffects* decided, Arena* arena) except -1:
    """What was decided about the sale afterwards stands after what it did by itself."""
    cdef journal_v1.Effects* did = <journal_v1.Effects*>arena_take(arena, sizeof(journal_v1.Effects))
    cdef const journal_v1.Effects* was = sale.record.effects
    if did == NULL:
        except_full()
    did[0] = was[0]
    did.entries = <journal_v1.Entry*>arena_take(arena, <size_t>(was.entries_count + decided.entries_count + 1) * sizeof(journal_v1.Entry))
    did.coupons = <journal_v1.CouponChange*>arena_take(
        arena, <size_t>(was.coupons_count + decided.coupons_count + 1) * sizeof(journal_v1.CouponChange))
    if did.entries == NULL or did.coupons == NULL:
        except_full()
    memcpy(did.entries, was.entries, <size_t>was.entries_count * sizeof(journal_v1.Entry))
    memcpy(did.entries + was.entries_count, decided.entries, <size_t>decided.entries_count * sizeof(journal_v1.Entry))
    memcpy(did.coupons, was.coupons, <size_t>was.coupons_count * sizeof(journal_v1.CouponChange))
    memcpy(did.coupons + was.coupons_count, decided.coupons, <size_t>decided.coupons_count * sizeof(journal_v1.CouponChange))
    did.entries_count += decided.entries_count
    did.coupons_count += decided.coupons_count
    sale.record.effects = did
    return 0


cdef int read_rows(Sale* sale, SoldLine* line, int32_t* at, Arena* arena) except -1:
    """The rows of a line printed by unit; `at` is its place in the sale's fiscal plan, which is in the receipt's order."""
    cdef const pos_v1.Outcome* outcome = sale.reply.outcome
    cdef int32_t begin = at[0], i
    while at[0] < outcome.fiscal_plan_count and outcome.fiscal_plan[at[0]].line_no == line.line_no:
        at[0] += 1
    if at[0] == begin or not outcome.fiscal_plan[begin].by_unit:
        return 0
    line.rows_count = at[0] - begin
    line.rows = <SoldRow*>arena_take(arena, <size_t>line.rows_count * sizeof(SoldRow))
    if line.rows == NULL:
        except_full()
    for i in range(line.rows_count):
        line.rows[i].price_minor = outcome.fiscal_plan[begin + i].price_minor
        line.rows[i].sum_minor = outcome.fiscal_plan[begin + i].sum_minor
        line.rows[i].qty_milli = outcome.fiscal_plan[begin + i].qty_milli
    return 0


cdef int read_rows_back(SoldLine* line, const journal_v1.ReturnedLine* before) except -1:
    cdef int32_t i
    if before.rows_milli_count != line.rows_count:
        raise ValueError(f"line {line.line_no} was printed in {line.rows_count} rows, and {before.rows_milli_count} came back")
    for i in range(line.rows_count):
        line.rows[i].after_milli = before.rows_milli[i]
    return 0


cdef void mark_lines(Sale* sale) noexcept nogil:
    """Goods that the catalogue says are marked; evidence is in the receipt's order."""
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef int32_t i, at = 0
    for i in range(sale.lines_count):
        if at < evidence.lines_count and evidence.lines[at].line_no == sale.lines[i].line_no:
            sale.lines[i].marked = sale.lines[i].marked or evidence.lines[at].flags & MARKED != 0
            at += 1


cdef bint is_applied(const Sale* sale) noexcept nogil:
    return sale.reply.status == pos_v1.STATUS_OK and sale.record.effects != NULL


cdef SoldLine* find_line(const Sale* sale, int32_t line_no) noexcept nogil:
    cdef int32_t i
    for i in range(sale.lines_count):
        if sale.lines[i].line_no == line_no:
            return &sale.lines[i]
    return NULL


cdef void return_all(Sale* sale) noexcept nogil:
    cdef int32_t i
    for i in range(sale.lines_count):
        take_line(&sale.lines[i], 0, sale.lines[i].qty_milli)


cdef int64_t take_line(SoldLine* line, int32_t sub_no, int64_t qty_milli) noexcept nogil:
    cdef SoldRow* row
    cdef int64_t left = min(qty_milli, line.qty_milli - line.after_milli), taken = 0
    cdef int32_t i
    for i in range(line.rows_count):
        row = &line.rows[i]
        row.taken_milli = 0
        if sub_no == 0 or sub_no == i + 1:
            row.taken_milli = min(left, row.qty_milli - row.after_milli)
            row.after_milli += row.taken_milli
            left -= row.taken_milli
            taken += row.taken_milli
    if line.rows_count == 0:
        taken = left
    line.after_milli += taken
    return taken


cdef int64_t refund_of(const SoldLine* line) noexcept nogil:
    cdef int64_t refund = 0
    cdef int32_t i
    if line.rows_count == 0:
        return part_at(line.outcome.net_minor, line.after_milli, line.qty_milli)
    for i in range(line.rows_count):
        refund += part_at(line.rows[i].sum_minor, line.rows[i].after_milli, line.rows[i].qty_milli)
    return refund


cdef int64_t part_at(int64_t whole, int64_t k_milli, int64_t qty_milli) noexcept nogil:
    return mul_div_floor(whole, k_milli, qty_milli)


cdef inline int64_t taken_back(const SoldLine* line, bint after) noexcept nogil:
    return line.after_milli if after else line.before_milli


# POINTS

cdef int64_t earned_at(const Sale* sale, int32_t asset_no, bint after) noexcept nogil:
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef const SoldLine* line
    cdef int64_t total = 0
    cdef int32_t i, place
    for place in range(evidence.assets_count):
        if evidence.assets[place].asset_no == asset_no:
            break
    else:
        return 0
    for i in range(sale.lines_count):
        line = &sale.lines[i]
        total += part_at(earned_on(sale, line, place), taken_back(line, after), line.qty_milli)
    return total


cdef int64_t earned_on(const Sale* sale, const SoldLine* line, int32_t asset) noexcept nogil:
    cdef int64_t earned = 0
    cdef int32_t i
    for i in range(line.outcome.accrual_count):
        if text_equal(line.outcome.accrual[i].asset, sale.record.evidence.assets[asset].asset):
            earned += line.outcome.accrual[i].points
    return earned


cdef int64_t paid_with(const Sale* sale, int32_t asset_no) noexcept nogil:
    cdef const journal_v1.Entry* entry
    cdef int64_t total = 0
    cdef int32_t i, j
    for i in range(sale.record.effects.entries_count):
        entry = &sale.record.effects.entries[i]
        if entry.kind != journal_v1.ENTRY_KIND_REDEMPTION:
            continue
        for j in range(entry.postings_count):
            if entry.postings[j].account_id > 0 and entry.postings[j].asset_no == asset_no:
                total -= entry.postings[j].points
    return total


cdef int share_payment(Sale* sale, int32_t asset_no, Arena* arena) noexcept nogil:
    cdef int64_t points = paid_with(sale, asset_no)
    cdef Share* members = <Share*>arena_take(arena, (<size_t>sale.lines_count + 1) * sizeof(Share))
    cdef Share** order = <Share**>arena_take(arena, (<size_t>sale.lines_count + 1) * sizeof(Share*))
    cdef int32_t i
    if members == NULL or order == NULL:
        return -1
    for i in range(sale.lines_count):
        members[i].weight = sale.lines[i].outcome.points_paid_minor
        members[i].count = 1
    share_out(points, members, sale.lines_count, False, order)
    for i in range(sale.lines_count):
        sale.lines[i].paid_points = members[i].amount + members[i].extra
    return 0


cdef int64_t paid_at(const Sale* sale, bint after) noexcept nogil:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(sale.lines_count):
        total += part_at(sale.lines[i].paid_points, taken_back(&sale.lines[i], after), sale.lines[i].qty_milli)
    return total


# WHAT RULES COUNTED

cdef int64_t given_on(const SoldLine* line, Text promotion_id) noexcept nogil:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(line.outcome.discounts_count):
        if text_equal(line.outcome.discounts[i].promotion_id, promotion_id):
            total += line.outcome.discounts[i].amount_minor
    return total


cdef bint touches_lines(const Sale* sale, Text promotion_id) noexcept nogil:
    cdef int32_t i
    for i in range(sale.lines_count):
        if given_on(&sale.lines[i], promotion_id) > 0:
            return True
    return False


cdef bint is_all_back(const Sale* sale, bint after) noexcept nogil:
    cdef int32_t i
    for i in range(sale.lines_count):
        if taken_back(&sale.lines[i], after) < sale.lines[i].qty_milli:
            return False
    return True


cdef int64_t lowered_at(const Sale* sale, const journal_v1.CounterChange* counter, bint after) noexcept nogil:
    """By what the promotion gave on the lines that are back; of a limit that gave none by itself, by their price.
    What rules against fraud counted happened, whatever comes back."""
    cdef int64_t weight, total = 0, back = 0
    cdef bint by_discount
    cdef int32_t i
    if is_of_fraud(counter.key.limit):
        return 0
    if is_all_back(sale, after):
        return counter.used
    if counter.key.measure == journal_v1.LIMIT_MEASURE_TIMES:
        return 0
    by_discount = touches_lines(sale, counter.key.limit)
    for i in range(sale.lines_count):
        weight = given_on(&sale.lines[i], counter.key.limit) if by_discount else sale.lines[i].outcome.gross_minor
        total += weight
        back += part_at(weight, taken_back(&sale.lines[i], after), sale.lines[i].qty_milli)
    return mul_div_floor(counter.used, back, total)


cdef bint is_back(const Sale* sale, Text promotion_id, bint after) noexcept nogil:
    cdef int32_t i
    if promotion_id.size == 0 or not touches_lines(sale, promotion_id):
        return is_all_back(sale, after)
    for i in range(sale.lines_count):
        if given_on(&sale.lines[i], promotion_id) > 0 and taken_back(&sale.lines[i], after) < sale.lines[i].qty_milli:
            return False
    return True


cdef Text promotion_of_code(const Sale* sale, const journal_v1.CouponChange* change) noexcept nogil:
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef const journal_v1.CouponFacts* fact
    cdef Text none = [NULL, 0]
    cdef int32_t i
    for i in range(evidence.coupons_count):
        fact = &evidence.coupons[i]
        if (text_equal(fact.code_hash, change.code_hash) and fact.serial == change.serial
                and (fact.serial == 0 or fact.series_no == change.series_no) and fact.place < sale.reply.outcome.coupons_count):
            return sale.reply.outcome.coupons[fact.place].promotion_id
    return none


cdef bint took_part(const SoldLine* line, Text promotion_id) noexcept nogil:
    cdef int32_t i
    for i in range(line.outcome.participates_as_count):
        if text_equal(line.outcome.participates_as[i].promotion_id, promotion_id):
            return True
    return given_on(line, promotion_id) > 0


cdef bint is_in_part(const Sale* sale, Text promotion_id) noexcept nogil:
    """This operation brings back some of what the promotion stands on, and not the last of it."""
    cdef const SoldLine* line
    cdef bint moved = False, whole = True
    cdef int32_t i
    for i in range(sale.lines_count):
        line = &sale.lines[i]
        if took_part(line, promotion_id):
            moved = moved or line.after_milli > line.before_milli
            whole = whole and line.after_milli == line.qty_milli
    return moved and not whole
