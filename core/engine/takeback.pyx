"""Body of taking back (semantics §6.7.4–6, §6.11.26).

Points the sale used are given back first: in reverse order of use, each to the lot it came from, or to a new one when that has expired; a debt of
the account is paid by them before. Then what the returned lines had earned is cancelled: from the sale's own lots, pending before active, then
from the account's other active points, and the rest becomes a debt. In this order any partition of a return leaves the account with the
same points. Sums are returned.pyx's; nothing is rounded here.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.engine.earlier cimport count_return
from altyn.core.engine.readjudicate cimport is_turned_back, readjudicate
from altyn.core.engine.record cimport LOTS_PER_SEQ
from altyn.core.engine.returned cimport (
    Sale, SoldLine, earned_at, is_back, lowered_at, paid_at, paid_with, part_at, promotion_of_code, refund_of, share_payment,
)
from altyn.core.engine.scarce cimport coupon_end_us
from altyn.core.engine.calls cimport add_exception, except_full
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.engine.tenders_back cimport return_tenders
from altyn.core.engine.tiers cimport count_return_tier
from altyn.core.facts.coupons cimport Coupons, CouponSeries
from altyn.core.ledger.accounts cimport Lot
from altyn.core.ledger.coupons cimport COUPON_FREE, COUPON_USED, Coupon
from altyn.core.ledger.effects cimport code_key
from altyn.core.ledger.holds cimport HoldPart
from altyn.core.limits cimport HOLD_PARTS_MAX, LOTS_OPENED_MAX
from altyn.core.text cimport Text, text_equal
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    POSTINGS_PER_ENTRY = 2 * HOLD_PARTS_MAX + 4

cdef struct Taking:
    # One asset of the account, on its way through.
    int64_t account_id
    int32_t asset_no
    int64_t debt_points        # as it will be
    journal_v1.ReturnState* state
    journal_v1.Entry* entry
    # Given back by this operation and free to be cancelled again.
    int64_t given_lots[HOLD_PARTS_MAX]
    int64_t given_points[HOLD_PARTS_MAX]
    int32_t given_count


cdef int take_back(Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects) except -1:
    cdef journal_v1.ReturnState* state = new_state(engine, sale)
    cdef int64_t account_id = sale.record.evidence.customer.account_id if sale.record.evidence.customer != NULL else 0
    cdef int32_t i
    effects.returned = state
    state.readjudicated = readjudicate(engine, operation, sale)
    # Also when the account was merged since: its lots are there, under their ids.
    account_id = engine.book.leads_to(account_id)
    if account_id != 0:
        effects.entries = <journal_v1.Entry*>taken(engine, (2 * <size_t>sale.record.evidence.assets_count + 1) * sizeof(journal_v1.Entry))
        effects.lots = <journal_v1.LotOpened*>taken(engine, LOTS_OPENED_MAX * sizeof(journal_v1.LotOpened))
        for i in range(sale.record.evidence.assets_count):
            take_asset(engine, operation, sale, effects, account_id, i)
    lower_counters(engine, sale, effects)
    free_coupons(engine, operation, sale, effects)
    return_tenders(engine, operation, sale, effects)
    count_return(engine, sale, effects)
    return count_return_tier(engine, sale, effects)


# STATE

cdef journal_v1.ReturnState* new_state(Engine engine, const Sale* sale) except NULL:
    """The state after: its lines, and the lots as they were before."""
    cdef journal_v1.ReturnState* state = <journal_v1.ReturnState*>taken(engine, sizeof(journal_v1.ReturnState))
    cdef size_t room = HOLD_PARTS_MAX
    cdef int32_t i
    state.sale_seq = sale.record.seq
    state.seq = engine.last_seq + 1
    state.decided = sale.before.decided if sale.before != NULL else NULL
    state.lines = <journal_v1.ReturnedLine*>taken(engine, (<size_t>sale.lines_count + 1) * sizeof(journal_v1.ReturnedLine))
    for i in range(sale.lines_count):
        if sale.lines[i].after_milli > 0:
            fill_returned(engine, &sale.lines[i], &state.lines[state.lines_count])
            state.lines_count += 1
    for i in range(sale.record.effects.entries_count):
        room += <size_t>sale.record.effects.entries[i].postings_count
    state.lots = <journal_v1.ReturnedLot*>taken(engine, room * sizeof(journal_v1.ReturnedLot))
    for i in range(sale.before.lots_count if sale.before != NULL else 0):
        state.lots[i] = sale.before.lots[i]
        state.lots_count += 1
    return state


cdef int fill_returned(Engine engine, const SoldLine* line, journal_v1.ReturnedLine* out) except -1:
    cdef int32_t i
    out.line_no = line.line_no
    out.qty_milli = line.after_milli
    out.refund_minor = refund_of(line)
    if line.rows_count > 0:
        out.rows_milli = <int64_t*>taken(engine, <size_t>line.rows_count * sizeof(int64_t))
        out.rows_milli_count = line.rows_count
        for i in range(line.rows_count):
            out.rows_milli[i] = line.rows[i].after_milli
    return 0


cdef journal_v1.ReturnedLot* lot_state(journal_v1.ReturnState* state, int64_t lot_id) noexcept nogil:
    """What is remembered of a lot of the sale; nothing yet: a new row. Lot 0 is the debt the sale was paid by."""
    cdef int32_t i
    for i in range(state.lots_count):
        if state.lots[i].lot_id == lot_id:
            return &state.lots[i]
    memset(&state.lots[state.lots_count], 0, sizeof(journal_v1.ReturnedLot))
    state.lots[state.lots_count].lot_id = lot_id
    state.lots_count += 1
    return &state.lots[state.lots_count - 1]


# POINTS

cdef int take_asset(
    Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects, int64_t account_id, int32_t place
) except -1:
    """One asset of the sale's evidence."""
    cdef Taking taking
    cdef int32_t asset_no = sale.record.evidence.assets[place].asset_no
    cdef const Lot* debt = engine.book.lot(account_id, asset_no, 0)
    cdef int64_t given, cancelled
    memset(&taking, 0, sizeof(taking))
    taking.account_id = account_id
    taking.asset_no = asset_no
    taking.debt_points = -debt.remaining_points if debt != NULL else 0
    taking.state = effects.returned
    if paid_with(sale, asset_no) > 0:
        if share_payment(sale, asset_no, &engine.arena) != 0:
            except_full()
        given = paid_at(sale, True) - paid_at(sale, False)
        if given > 0:
            give_back(engine, sale, effects, &taking, given)
    if has_lots(sale, asset_no):
        cancelled = cancelled_now(sale, effects.returned, place)
        if cancelled > 0:
            cancel_points(engine, operation, sale, effects, &taking, cancelled)
        elif cancelled < 0:
            give_again(engine, sale, effects, &taking, -cancelled)
    return 0


cdef int64_t cancelled_now(const Sale* sale, const journal_v1.ReturnState* state, int32_t place) noexcept nogil:
    """Points of an asset this operation cancels; below 0: what is left earns more than what was left before."""
    cdef int32_t asset_no = sale.record.evidence.assets[place].asset_no
    if state.readjudicated == NULL:
        return earned_at(sale, asset_no, True) - earned_at(sale, asset_no, False)
    if sale.before == NULL or sale.before.readjudicated == NULL:
        return state.readjudicated.cancelled_points[place]
    return state.readjudicated.cancelled_points[place] - sale.before.readjudicated.cancelled_points[place]


cdef bint has_lots(const Sale* sale, int32_t asset_no) noexcept nogil:
    cdef int32_t i
    for i in range(sale.record.effects.lots_count):
        if sale.record.effects.lots[i].asset_no == asset_no:
            return True
    return False


cdef int begin_entry(Engine engine, journal_v1.Effects* effects, Taking* taking, int32_t kind) except -1:
    taking.entry = &effects.entries[effects.entries_count]
    effects.entries_count += 1
    taking.entry.kind = kind
    taking.entry.postings = <journal_v1.Posting*>taken(engine, POSTINGS_PER_ENTRY * sizeof(journal_v1.Posting))
    return 0


cdef int post(Taking* taking, int64_t account_id, int64_t lot_id, int64_t points) except -1:
    """Points of one lot are one posting of an entry."""
    cdef journal_v1.Posting* posting
    cdef int32_t i
    for i in range(taking.entry.postings_count):
        posting = &taking.entry.postings[i]
        if posting.account_id == account_id and posting.lot_id == lot_id:
            posting.points += points
            return 0
    if taking.entry.postings_count == POSTINGS_PER_ENTRY:
        except_full()
    posting = &taking.entry.postings[taking.entry.postings_count]
    taking.entry.postings_count += 1
    posting.account_id = account_id
    posting.asset_no = taking.asset_no
    posting.points = points
    posting.lot_id = lot_id
    return 0


cdef int give_back(Engine engine, const Sale* sale, journal_v1.Effects* effects, Taking* taking, int64_t points) except -1:
    """In reverse order of use."""
    cdef const journal_v1.Entry* entry
    cdef const journal_v1.Posting* used
    cdef journal_v1.ReturnedLot* lot
    cdef int64_t part, left = points
    cdef int32_t i, j
    begin_entry(engine, effects, taking, journal_v1.ENTRY_KIND_RESTORE)
    post(taking, -journal_v1.SYSTEM_ACCOUNT_REDEEMED, 0, -points)
    for i in range(sale.record.effects.entries_count - 1, -1, -1):
        entry = &sale.record.effects.entries[i]
        for j in range(entry.postings_count - 1 if entry.kind == journal_v1.ENTRY_KIND_REDEMPTION else -1, -1, -1):
            used = &entry.postings[j]
            if used.account_id <= 0 or used.asset_no != taking.asset_no or left == 0:
                continue
            lot = lot_state(taking.state, used.lot_id)
            part = min(left, -used.points - lot.restored_points)
            if part > 0:
                lot.restored_points += part
                left -= part
                fill_lot(engine, effects, taking, used.lot_id, part)
    return 0


cdef int fill_lot(Engine engine, journal_v1.Effects* effects, Taking* taking, int64_t lot_id, int64_t points) except -1:
    """What is left after the account's debt goes to the lot; when it is over, to a new one with some days of grace."""
    cdef const Lot* lot
    cdef journal_v1.LotOpened* opened
    cdef int64_t paid = min(points, taking.debt_points)
    if paid > 0:
        taking.debt_points -= paid
        points -= paid
        post(taking, taking.account_id, 0, paid)
    if points == 0:
        return 0
    lot = engine.book.lot(taking.account_id, taking.asset_no, lot_id) if lot_id != 0 else NULL
    if (lot == NULL or lot.remaining_points + points > lot.initial_points
            or (lot.expires_at_us != 0 and lot.expires_at_us <= engine.case.instant_us)):
        if effects.lots_count == LOTS_OPENED_MAX:
            except_full()
        opened = &effects.lots[effects.lots_count]
        opened.lot_id = (engine.last_seq + 1) * LOTS_PER_SEQ + effects.lots_count
        effects.lots_count += 1
        opened.account_id = taking.account_id
        opened.asset_no = taking.asset_no
        opened.points = points
        opened.active_from_us = engine.case.instant_us
        opened.expires_at_us = engine.case.instant_us + grace_us()
        lot_id = opened.lot_id
    post(taking, taking.account_id, lot_id, points)
    if taking.given_count == HOLD_PARTS_MAX:
        except_full()
    taking.given_lots[taking.given_count] = lot_id
    taking.given_points[taking.given_count] = points
    taking.given_count += 1
    return 0


cdef int cancel_points(
    Engine engine, Operation operation, const Sale* sale, journal_v1.Effects* effects, Taking* taking, int64_t points
) except -1:
    cdef int64_t part, left = points
    cdef int32_t i
    begin_entry(engine, effects, taking, journal_v1.ENTRY_KIND_CLAWBACK)
    post(taking, -journal_v1.SYSTEM_ACCOUNT_ISSUED, 0, points)
    left -= cancel_own(engine, sale, taking, left, True)
    left -= cancel_own(engine, sale, taking, left, False)
    for i in range(taking.given_count):
        part = min(left, taking.given_points[i])
        if part > 0:
            post(taking, taking.account_id, taking.given_lots[i], -part)
            left -= part
    left -= cancel_others(engine, taking, left)
    if left > 0:
        post(taking, taking.account_id, 0, -left)
        add_exception(&operation.exceptions, pos_v1.REASON_DEBT_BOOKED)
    return 0


cdef int give_again(Engine engine, const Sale* sale, journal_v1.Effects* effects, Taking* taking, int64_t points) except -1:
    """What had been cancelled and is earned after all: a debt first, then the sale's own lots in reverse order, each up to what it had."""
    cdef const Lot* lot
    cdef journal_v1.ReturnedLot* remembered
    cdef int64_t part, left = points
    cdef int32_t i
    begin_entry(engine, effects, taking, journal_v1.ENTRY_KIND_CLAWBACK)
    post(taking, -journal_v1.SYSTEM_ACCOUNT_ISSUED, 0, -points)
    for i in range(sale.record.effects.lots_count - 1, -1, -1):
        lot = engine.book.lot(taking.account_id, taking.asset_no, sale.record.effects.lots[i].lot_id)
        if lot == NULL or sale.record.effects.lots[i].asset_no != taking.asset_no:
            continue
        part = min(left, lot.initial_points - lot.remaining_points)
        if part > 0:
            remembered = lot_state(taking.state, lot.lot_id)
            remembered.cancelled_points -= min(part, remembered.cancelled_points)
            left -= part
            fill_lot(engine, effects, taking, lot.lot_id, part)
    if left > 0:
        fill_lot(engine, effects, taking, 0, left)
    return 0


cdef int64_t cancel_own(Engine engine, const Sale* sale, Taking* taking, int64_t points, bint pending) except -1:
    """From the lots the sale opened, in their order; what was found."""
    cdef const Lot* lot
    cdef journal_v1.ReturnedLot* remembered
    cdef int64_t part, found = 0
    cdef int32_t i
    for i in range(sale.record.effects.lots_count):
        if found == points or sale.record.effects.lots[i].asset_no != taking.asset_no:
            continue
        lot = engine.book.lot(taking.account_id, taking.asset_no, sale.record.effects.lots[i].lot_id)
        if lot == NULL or (lot.active_from_us > engine.case.instant_us) != pending:
            continue
        part = min(points - found, lot.remaining_points - lot.held_points)
        if part > 0:
            remembered = lot_state(taking.state, lot.lot_id)
            remembered.cancelled_points += part
            post(taking, taking.account_id, lot.lot_id, -part)
            found += part
    return found


cdef int64_t cancel_others(Engine engine, Taking* taking, int64_t points) except -1:
    """From what is active, in the order of use; what was found. The book does not know yet what this entry takes."""
    cdef HoldPart picked[HOLD_PARTS_MAX]
    cdef int64_t part, planned = 0, found = 0
    cdef int32_t i, j, count
    if points == 0:
        return 0
    for j in range(taking.entry.postings_count):
        if taking.entry.postings[j].account_id > 0:
            planned -= taking.entry.postings[j].points
    count = engine.book.pick(taking.account_id, taking.asset_no, points + planned, engine.case.instant_us, picked, HOLD_PARTS_MAX)
    for i in range(count):
        part = picked[i].points
        for j in range(taking.entry.postings_count):
            if taking.entry.postings[j].account_id > 0 and taking.entry.postings[j].lot_id == picked[i].lot_id:
                part += taking.entry.postings[j].points
        for j in range(taking.given_count):
            if taking.given_lots[j] == picked[i].lot_id:
                # Given back by this operation and taken again already.
                part += taking.given_points[j]
        part = min(part, points - found)
        if part > 0:
            post(taking, taking.account_id, picked[i].lot_id, -part)
            found += part
    return found


# LIMITS AND CODES

cdef int lower_counters(Engine engine, const Sale* sale, journal_v1.Effects* effects) except -1:
    cdef const journal_v1.CounterChange* raised
    cdef journal_v1.CounterChange* change
    cdef int32_t i
    cdef int64_t lowered
    effects.counters = <journal_v1.CounterChange*>taken(
        engine, (<size_t>sale.record.effects.counters_count + 1) * sizeof(journal_v1.CounterChange))
    for i in range(sale.record.effects.counters_count):
        raised = &sale.record.effects.counters[i]
        lowered = lowered_now(sale, effects.returned, i)
        if lowered != 0:
            change = &effects.counters[effects.counters_count]
            effects.counters_count += 1
            change.key = raised.key
            change.used = -lowered
    return 0


cdef int64_t lowered_now(const Sale* sale, const journal_v1.ReturnState* state, int32_t place) noexcept nogil:
    cdef const journal_v1.CounterChange* raised = &sale.record.effects.counters[place]
    if state.readjudicated == NULL:
        return lowered_at(sale, raised, True) - lowered_at(sale, raised, False)
    if sale.before == NULL or sale.before.readjudicated == NULL:
        return state.readjudicated.lowered[place]
    return state.readjudicated.lowered[place] - sale.before.readjudicated.lowered[place]


cdef int free_coupons(Engine engine, Operation operation, const Sale* sale, journal_v1.Effects* effects) except -1:
    """Codes the sale used may be used again, unless their series says otherwise; codes it issued may not be used any more."""
    cdef Coupons coupons = engine.facts.coupons
    cdef const journal_v1.CouponChange* was
    cdef journal_v1.CouponChange* change
    cdef const CouponSeries* series
    cdef Coupon state
    cdef uint8_t key[16]
    cdef int32_t i, use
    effects.coupons = <journal_v1.CouponChange*>taken(
        engine, (<size_t>sale.record.effects.coupons_count + 1) * sizeof(journal_v1.CouponChange))
    for i in range(sale.record.effects.coupons_count):
        was = &sale.record.effects.coupons[i]
        if not turns_back(sale, effects.returned, i) or is_gift_card(sale, was.code_hash):
            continue
        if not code_key(was.code_hash, was.series_no, was.serial, key):
            continue
        series = coupons.find_series(was.series_no)
        # A void undoes the sale, whatever the policy.
        if series != NULL and series.keeps_used and not was.issued and operation.kind == pos_v1.OPERATION_KIND_RETURN:
            continue
        state = engine.book.coupon(key)
        use = journal_v1.COUPON_USE_CANCELLED if was.issued else journal_v1.COUPON_USE_FREE
        if state.use != <int32_t>(COUPON_FREE if was.issued else COUPON_USED):
            if was.issued:
                add_exception(&operation.exceptions, pos_v1.REASON_ISSUED_COUPON_USED)
            continue
        change = &effects.coupons[effects.coupons_count]
        effects.coupons_count += 1
        change.code_hash = was.code_hash
        change.serial = was.serial
        change.series_no = was.series_no
        change.use = use
        if series != NULL and not was.issued:
            change.expires_at_us = with_grace(series, &state, engine.case.instant_us)
    return 0


cdef bint is_gift_card(const Sale* sale, Text number_hash) noexcept nogil:
    """Sold by the sale: tenders' matter."""
    cdef const journal_v1.TenderEvidence* evidence = sale.record.evidence.tenders
    cdef int32_t i
    for i in range(evidence.sold_count if evidence != NULL else 0):
        if text_equal(evidence.sold[i].number_hash, number_hash):
            return True
    return False


cdef int64_t with_grace(const CouponSeries* series, const Coupon* state, int64_t instant_us) noexcept nogil:
    """Until when a code that is let go is good, when that is later than it would be; else 0."""
    cdef int64_t least_us = instant_us + <int64_t>series.grace_days * 86_400 * 1_000_000
    return least_us if series.grace_days > 0 and coupon_end_us(series, state) < least_us else 0


cdef bint turns_back(const Sale* sale, const journal_v1.ReturnState* state, int32_t place) noexcept:
    """This operation brings back the last of what the code belongs to; an issued one belongs to the whole receipt."""
    cdef const journal_v1.CouponChange* change = &sale.record.effects.coupons[place]
    cdef Text promotion_id = [NULL, 0]
    if state.readjudicated != NULL:
        return is_turned_back(state.readjudicated, place) and not (
            sale.before != NULL and is_turned_back(sale.before.readjudicated, place))
    if not change.issued:
        promotion_id = promotion_of_code(sale, change)
    return is_back(sale, promotion_id, True) and not is_back(sale, promotion_id, False)
