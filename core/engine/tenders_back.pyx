"""Body of taking payments and sold gift cards back (docs/decisions/0038).

Money goes back to the lots it came from, the last one used first, as the tenders' share of the refund so far less what they had before; a sold
card gives back what is left of its value. Any partition of a return leaves every account with the same money.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.engine.returned cimport SoldLine, refund_of
from altyn.core.engine.scarce cimport next_entry
from altyn.core.engine.calls cimport add_exception
from altyn.core.engine.step cimport taken
from altyn.core.engine.takeback cimport grace_us
from altyn.core.engine.tenders cimport change_card, next_lot, put_posting
from altyn.core.ledger.accounts cimport Lot
from altyn.core.ledger.coupons cimport COUPON_USED
from altyn.core.limits cimport HOLD_PARTS_MAX
from altyn.core.money cimport mul_div_floor
cimport altyn.core.wire.generated.pos_v1 as pos_v1


# GIFT CARDS THAT WERE SOLD

cdef const journal_v1.GiftCardFacts* sold_with(const Sale* sale, int32_t line_no) noexcept nogil:
    """The gift card that this line of the sale loaded, or NULL."""
    cdef const journal_v1.TenderEvidence* evidence = sale.record.evidence.tenders
    cdef int32_t i
    for i in range(evidence.sold_count if evidence != NULL else 0):
        if evidence.sold[i].line_no == line_no and evidence.sold[i].reason == pos_v1.REASON_UNSPECIFIED:
            return &evidence.sold[i]
    return NULL


cdef const journal_v1.LotOpened* lot_of_card(const Sale* sale, const journal_v1.GiftCardFacts* card) noexcept nogil:
    """What the sale put on the card, or NULL."""
    cdef int32_t i
    for i in range(sale.record.effects.lots_count):
        if sale.record.effects.lots[i].account_id == card.account_id and sale.record.effects.lots[i].asset_no == card.asset_no:
            return &sale.record.effects.lots[i]
    return NULL


cdef int64_t free_of(Engine engine, const journal_v1.LotOpened* opened) noexcept:
    cdef const Lot* lot = engine.book.lot(opened.account_id, opened.asset_no, opened.lot_id)
    return lot.remaining_points - lot.held_points if lot != NULL else 0


cdef bint is_spent(Engine engine, const Sale* sale, int32_t line_no) except -1:
    cdef const journal_v1.GiftCardFacts* card = sold_with(sale, line_no)
    cdef const journal_v1.LotOpened* opened = lot_of_card(sale, card) if card != NULL else NULL
    return opened != NULL and free_of(engine, opened) < opened.points


cdef int unload_card(Engine engine, Operation operation, const Sale* sale, journal_v1.Effects* effects, int32_t line_no) except -1:
    """What is left of its value is taken away; a card that was not touched may be sold again."""
    cdef const journal_v1.GiftCardFacts* card = sold_with(sale, line_no)
    cdef const journal_v1.LotOpened* opened
    cdef journal_v1.Entry* entry
    cdef int64_t left
    if card == NULL:
        return 0
    opened = lot_of_card(sale, card)
    left = free_of(engine, opened) if opened != NULL else 0
    if opened == NULL or left == opened.points:
        if engine.book.coupon(<const uint8_t*>card.number_hash.data).use == COUPON_USED:
            change_card(engine, effects, card.number_hash, journal_v1.COUPON_USE_FREE)
    else:
        add_exception(&operation.exceptions, pos_v1.REASON_GIFT_CARD_SPENT)
    if left > 0:
        entry = next_entry(engine, effects)
        entry.kind = journal_v1.ENTRY_KIND_LOAD
        entry.postings = <journal_v1.Posting*>taken(engine, 2 * sizeof(journal_v1.Posting))
        put_posting(entry, card.account_id, card.asset_no, -left, opened.lot_id)
        put_posting(entry, -journal_v1.SYSTEM_ACCOUNT_ISSUED, card.asset_no, left, 0)
    return 0


# MONEY

cdef int64_t spent_minor(const Sale* sale) noexcept nogil:
    cdef const journal_v1.Entry* entry
    cdef int64_t total = 0
    cdef int32_t i, j
    for i in range(sale.record.effects.entries_count):
        entry = &sale.record.effects.entries[i]
        for j in range(entry.postings_count if entry.kind == journal_v1.ENTRY_KIND_SPEND else 0):
            if entry.postings[j].account_id > 0:
                total -= entry.postings[j].points
    return total


cdef int64_t refunded_before(const Sale* sale, const SoldLine* line) noexcept nogil:
    cdef int32_t i
    for i in range(sale.before.lines_count if sale.before != NULL else 0):
        if sale.before.lines[i].line_no == line.line_no:
            return sale.before.lines[i].refund_minor
    return 0


cdef int64_t due_back(const Sale* sale) noexcept nogil:
    """What of the sale's tenders belongs to what is returned now: their share of the refund so far, less what it was before. Rounded
    down in sum, so that parts add up to the whole and a tender never gets more than the refund."""
    cdef const SoldLine* line
    cdef int64_t spent = spent_minor(sale), net = 0, before = 0, after = 0
    cdef int32_t i
    if spent == 0:
        return 0
    for i in range(sale.lines_count):
        line = &sale.lines[i]
        if line.wire.gift_card.size == 0:
            net += line.outcome.net_minor
            before += refunded_before(sale, line)
            after += refund_of(line)
    return mul_div_floor(spent, after, net) - mul_div_floor(spent, before, net)


cdef int64_t restored_to(const journal_v1.ReturnState* state, int64_t lot_id) noexcept nogil:
    cdef int32_t i
    for i in range(state.tenders_count if state != NULL else 0):
        if state.tenders[i].lot_id == lot_id:
            return state.tenders[i].restored_points
    return 0


cdef struct Refund:
    # The next posting of the sale that money goes back to, in reverse order of use.
    int32_t entry
    int32_t posting
    int64_t left_minor
    int64_t part_minor
    const journal_v1.Posting* used


cdef bint next_refund(const Sale* sale, Refund* refund) noexcept nogil:
    """Walk on to it; `refund.entry` starts as the number of entries. False: nothing is left to give back."""
    cdef const journal_v1.Entry* entry
    while refund.left_minor > 0:
        if refund.posting == 0:
            refund.entry -= 1
            if refund.entry < 0:
                return False
            entry = &sale.record.effects.entries[refund.entry]
            refund.posting = entry.postings_count if entry.kind == journal_v1.ENTRY_KIND_SPEND else 0
            continue
        refund.posting -= 1
        refund.used = &sale.record.effects.entries[refund.entry].postings[refund.posting]
        if refund.used.account_id > 0:
            refund.part_minor = min(refund.left_minor, -refund.used.points - restored_to(sale.before, refund.used.lot_id))
            if refund.part_minor > 0:
                refund.left_minor -= refund.part_minor
                return True
    return False


cdef Refund first_refund(const Sale* sale) noexcept nogil:
    cdef Refund refund
    memset(&refund, 0, sizeof(refund))
    refund.entry = sale.record.effects.entries_count
    refund.left_minor = due_back(sale)
    return refund


cdef int show_refunds(Engine engine, const Sale* sale, pos_v1.Outcome* out) except -1:
    """As many as the sale had, in its order; `amount_minor` goes back, `left_minor` is then on it."""
    cdef const journal_v1.TenderEvidence* evidence = sale.record.evidence.tenders
    cdef const pos_v1.Outcome* sold = sale.reply.outcome
    cdef Refund refund = first_refund(sale)
    cdef int32_t i
    if evidence == NULL or sold == NULL or sold.tenders_count == 0 or sold.tenders_count != evidence.tenders_count:
        return 0
    out.tenders = <pos_v1.TenderOutcome*>taken(engine, <size_t>sold.tenders_count * sizeof(pos_v1.TenderOutcome))
    out.tenders_count = sold.tenders_count
    for i in range(sold.tenders_count):
        out.tenders[i].kind = sold.tenders[i].kind
        out.tenders[i].last4 = sold.tenders[i].last4
        out.tenders[i].asset = sold.tenders[i].asset
        if evidence.tenders[i].account_id != 0:
            out.tenders[i].left_minor = engine.book.balance(
                evidence.tenders[i].account_id, evidence.tenders[i].asset_no, engine.case.instant_us).active_points
    while next_refund(sale, &refund):
        out.totals.tendered_minor += refund.part_minor
        for i in range(sold.tenders_count):
            if evidence.tenders[i].account_id == refund.used.account_id and evidence.tenders[i].asset_no == refund.used.asset_no:
                out.tenders[i].amount_minor += refund.part_minor
                out.tenders[i].left_minor += refund.part_minor
                break
    return 0


cdef int return_tenders(Engine engine, Operation operation, const Sale* sale, journal_v1.Effects* effects) except -1:
    cdef journal_v1.ReturnState* state = effects.returned
    cdef Refund refund = first_refund(sale)
    cdef journal_v1.Entry* entry = NULL
    cdef const SoldLine* line
    cdef size_t room = HOLD_PARTS_MAX
    cdef int32_t i
    for i in range(sale.lines_count):
        line = &sale.lines[i]
        if line.wire.gift_card.size > 0 and line.before_milli < line.qty_milli and line.after_milli == line.qty_milli:
            unload_card(engine, operation, sale, effects, line.line_no)
    if refund.left_minor == 0 and (sale.before == NULL or sale.before.tenders_count == 0):
        return 0
    for i in range(sale.record.effects.entries_count):
        room += <size_t>sale.record.effects.entries[i].postings_count
    state.tenders = <journal_v1.ReturnedLot*>taken(engine, room * sizeof(journal_v1.ReturnedLot))
    for i in range(sale.before.tenders_count if sale.before != NULL else 0):
        state.tenders[i] = sale.before.tenders[i]
        state.tenders_count += 1
    while next_refund(sale, &refund):
        give_back(engine, effects, refund.used, refund.part_minor)
        for i in range(state.tenders_count):
            if state.tenders[i].lot_id == refund.used.lot_id:
                state.tenders[i].restored_points += refund.part_minor
                break
        else:
            state.tenders[state.tenders_count].lot_id = refund.used.lot_id
            state.tenders[state.tenders_count].restored_points = refund.part_minor
            state.tenders_count += 1
    return 0


cdef int give_back(Engine engine, journal_v1.Effects* effects, const journal_v1.Posting* used, int64_t points) except -1:
    """To the lot it came from; when that is over, to a new one with some days of grace."""
    # Also when the account was merged since: its lots are there, under their ids.
    cdef int64_t account_id = engine.book.leads_to(used.account_id)
    cdef const Lot* lot = engine.book.lot(account_id, used.asset_no, used.lot_id)
    cdef journal_v1.LotOpened* opened
    cdef journal_v1.Entry* entry
    cdef int64_t lot_id = used.lot_id
    if (lot == NULL or lot.remaining_points + points > lot.initial_points
            or (lot.expires_at_us != 0 and lot.expires_at_us <= engine.case.instant_us)):
        opened = next_lot(engine, effects)
        opened.account_id = account_id
        opened.asset_no = used.asset_no
        opened.points = points
        opened.active_from_us = engine.case.instant_us
        opened.expires_at_us = engine.case.instant_us + grace_us()
        lot_id = opened.lot_id
    entry = next_entry(engine, effects)
    entry.kind = journal_v1.ENTRY_KIND_SPEND
    entry.postings = <journal_v1.Posting*>taken(engine, 2 * sizeof(journal_v1.Posting))
    put_posting(entry, account_id, used.asset_no, points, lot_id)
    put_posting(entry, -journal_v1.SYSTEM_ACCOUNT_REDEEMED, used.asset_no, -points, 0)
    return 0
