"""Body of the bridge from wire structs to the book's steps. Decides nothing."""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from altyn.core.ledger.accumulators cimport COUNTING, AccumulatorChange, accumulators_plan, read_name
from altyn.core.ledger.book cimport Book
from altyn.core.ledger.counters cimport CounterId, counter_id
from altyn.core.ledger.coupons cimport Coupon
from altyn.core.ledger.flaws cimport ACCUMULATOR_RANGE, COUNTER_RANGE, COUPON_STATE, FLAWLESS, HOLD_UNKNOWN, POINTS_RANGE, TIER_RANGE, TOO_MANY
from altyn.core.ledger.holds cimport HoldPart as BookPart
from altyn.core.ledger.holds cimport counter_part, coupon_part, points_part
from altyn.core.ledger.serials cimport serial_key, serial_of_key
from altyn.core.ledger.tiers cimport TierRow, tiers_plan
from altyn.core.limits cimport HOLD_PARTS_MAX
from altyn.core.text cimport Text
from altyn.core.wire.generated.journal_v1 cimport AccumulatorChange as WireAccumulatorChange
from altyn.core.wire.generated.journal_v1 cimport (
    CounterKey, CouponChange, Effects, Entry, HoldChange, HoldPart, LotOpened, Posting, TierChange,
)

from altyn.core.ledger.view import FLAWS, EffectsFlawed


cdef CounterId id_of_key(const CounterKey* key) noexcept nogil:
    return counter_id(key.limit, key.measure, key.per, key.window, key.subject, key.window_day)


cdef bint code_key(Text code_hash, int32_t series_no, int64_t serial, uint8_t* key) noexcept nogil:
    cdef int32_t told = 0
    if code_hash.size == 16 and serial == 0:
        memcpy(key, code_hash.data, 16)
        return True
    serial_key(series_no, serial, key)
    return code_hash.size == 0 and serial_of_key(key, &told) != 0


cdef bint take_part(const HoldPart* part, BookPart* out) noexcept nogil:
    """The part as the book keeps it. False: a coupon without a whole hash, or a serial that cannot be."""
    cdef CounterId id
    cdef uint8_t key[16]
    if part.counter != NULL:
        id = id_of_key(part.counter)
        out[0] = counter_part(&id, part.counted)
    elif part.code_hash.size == 0 and part.serial == 0:
        out[0] = points_part(part.points, part.lot_id, part.asset_no)
        out.account_id = part.account_id
    elif not code_key(part.code_hash, part.series_no, part.serial, key):
        return False
    else:
        out[0] = coupon_part(key)
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
    cdef uint8_t key[16]
    cdef int i
    for i in range(effects.coupons_count):
        change = &effects.coupons[i]
        if not code_key(change.code_hash, change.series_no, change.serial, key):
            book.plan.flaw = book.plan.flaw or COUPON_STATE
            return
        wanted = [change.expires_at_us, change.series_no, change.use, change.issued, False]
        book.coupon_change(key, &wanted)


cdef void plan_tiers(Book book, const Effects* effects) noexcept nogil:
    cdef const TierChange* change
    cdef TierRow row
    cdef int i
    for i in range(effects.tiers_count if book.plan.flaw == FLAWLESS else 0):
        change = &effects.tiers[i]
        row = [change.account_id, change.counted, change.counted_before, change.period_day, change.until_day, <int16_t>change.rank,
               <int16_t>change.given_rank, change.given_until_day]
        # A row's ranks are narrower than what is told.
        if row.rank != change.rank or row.given_rank != change.given_rank or not tiers_plan(&book.tiers, &row):
            book.plan.flaw = TIER_RANGE
            break


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
    for i in range(effects.lots_count):
        if effects.lots[i].from_account_id != 0:
            book.close_lot(effects.lots[i].from_account_id, effects.lots[i].asset_no, effects.lots[i].from_lot_id)
    for i in range(effects.holds_count):
        plan_hold(book, &effects.holds[i], receipt_key)
    # After the holds: a coupon is used once its hold has let it go.
    plan_counters(book, effects)
    plan_coupons(book, effects)
    plan_tiers(book, effects)
    if effects.forward != NULL:
        book.forward(effects.forward.account_id, effects.forward.to_account_id)


cdef int plan_accumulators(Book book, const Effects* effects) except -1:
    cdef const WireAccumulatorChange* wire
    cdef AccumulatorChange change
    cdef int i
    for i in range(effects.accumulators_count if book.plan.flaw == FLAWLESS else 0):
        wire = &effects.accumulators[i]
        memset(&change, 0, sizeof(change))
        change.account_id = wire.account_id
        change.number = wire.accumulation_no
        change.state = wire.state
        change.day = wire.day
        change.difference = wire.difference
        change.store_no = <uint32_t>max(wire.store_no, 0)
        change.from_seq = wire.from_seq
        change.counted_seq = wire.counted_seq
        change.text = wire.name if wire.name.size > 0 else wire.store_id
        is_whole = wire.account_id >= 0 and wire.store_no >= 0
        if wire.name.size > 0:
            is_whole = is_whole and wire.state == COUNTING and read_name(wire.name, &change.made)
        if not is_whole or not accumulators_plan(&book.accumulators, &change):
            book.plan.flaw = ACCUMULATOR_RANGE
            break
    return 0


cdef int check_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1:
    book.begin(instant_us)
    plan_effects(book, effects, receipt_key)
    plan_accumulators(book, effects)
    return book.check()


cdef int apply_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1:
    cdef int flaw = check_effects(book, effects, receipt_key, instant_us)
    if flaw != FLAWLESS:
        raise EffectsFlawed(FLAWS[flaw])
    return book.write()
