"""Body of the bridge from wire structs to the book's steps. Decides nothing."""
from libc.stdint cimport int64_t, uint8_t

from altyn.core.ledger.book cimport COUNTER_RANGE, COUPON_STATE, FLAWLESS, HOLD_UNKNOWN, POINTS_RANGE, TOO_MANY, Book
from altyn.core.ledger.counters cimport CounterId, counter_id
from altyn.core.ledger.coupons cimport Coupon
from altyn.core.ledger.holds cimport HoldPart as BookPart
from altyn.core.ledger.holds cimport counter_part, coupon_part, points_part
from altyn.core.limits cimport HOLD_PARTS_MAX
from altyn.core.wire.generated.journal_v1 cimport (
    CounterKey, CouponChange, Effects, Entry, HoldChange, HoldPart, LotOpened, Posting,
)

from altyn.core.ledger.view import FLAWS, EffectsFlawed


cdef CounterId id_of_key(const CounterKey* key) noexcept nogil:
    return counter_id(key.limit, key.measure, key.per, key.window, key.subject, key.window_day)


cdef bint take_part(const HoldPart* part, BookPart* out) noexcept nogil:
    """The part as the book keeps it. False: a coupon without a whole hash."""
    cdef CounterId id
    if part.counter != NULL:
        id = id_of_key(part.counter)
        out[0] = counter_part(&id, part.counted)
    elif part.code_hash.size == 0:
        out[0] = points_part(part.points, part.lot_id, part.asset_no)
    elif part.code_hash.size != 16:
        return False
    else:
        out[0] = coupon_part(<const uint8_t*>part.code_hash.data)
    return True


cdef void plan_counters(Book book, const Effects* effects) noexcept nogil:
    cdef CounterId id
    cdef int i
    for i in range(effects.counters_count):
        if effects.counters[i].key == NULL:
            book.plan.flaw = book.plan.flaw or COUNTER_RANGE
            return
        id = id_of_key(effects.counters[i].key)
        book.count(&id, effects.counters[i].used, 0)


cdef void plan_coupons(Book book, const Effects* effects) noexcept nogil:
    cdef const CouponChange* change
    cdef Coupon wanted
    cdef int i
    for i in range(effects.coupons_count):
        change = &effects.coupons[i]
        if change.code_hash.size != 16:
            book.plan.flaw = book.plan.flaw or COUPON_STATE
            return
        wanted = [change.expires_at_us, change.series_no, change.use, change.issued]
        book.coupon_change(<const uint8_t*>change.code_hash.data, &wanted)


cdef int plan_hold(Book book, const HoldChange* change, const uint8_t* receipt_key) noexcept nogil:
    cdef BookPart parts[HOLD_PARTS_MAX]
    cdef int i
    if change.hold_id.size != 16:
        book.plan.flaw = HOLD_UNKNOWN
    elif change.parts_count > HOLD_PARTS_MAX:
        book.plan.flaw = TOO_MANY
    if book.plan.flaw != FLAWLESS:
        return book.plan.flaw
    for i in range(change.parts_count):
        if not take_part(&change.parts[i], &parts[i]):
            book.plan.flaw = POINTS_RANGE
            return POINTS_RANGE
    return book.hold_change(<const uint8_t*>change.hold_id.data, change.state, change.account_id, change.expires_at_us,
                            receipt_key, parts, change.parts_count)


cdef void plan_effects(Book book, const Effects* effects, const uint8_t* receipt_key) noexcept nogil:
    cdef const LotOpened* lot
    cdef const Entry* entry
    cdef const Posting* posting
    cdef int i, j
    for i in range(effects.lots_count):
        lot = &effects.lots[i]
        book.open_lot(lot.lot_id, lot.account_id, lot.asset_no, lot.points, lot.active_from_us, lot.expires_at_us)
    for i in range(effects.entries_count):
        entry = &effects.entries[i]
        book.begin_entry(entry.kind)
        for j in range(entry.postings_count):
            posting = &entry.postings[j]
            book.post(posting.account_id, posting.asset_no, posting.points, posting.lot_id)
        book.end_entry()
    for i in range(effects.holds_count):
        plan_hold(book, &effects.holds[i], receipt_key)
    # After the holds: a coupon is used once its hold has let it go.
    plan_counters(book, effects)
    plan_coupons(book, effects)


cdef int check_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1:
    book.begin(instant_us)
    plan_effects(book, effects, receipt_key)
    return book.check()


cdef int apply_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1:
    cdef int flaw = check_effects(book, effects, receipt_key, instant_us)
    if flaw != FLAWLESS:
        raise EffectsFlawed(FLAWS[flaw])
    return book.write()
