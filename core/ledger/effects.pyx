"""Body of the bridge from wire structs to the book's steps. Decides nothing."""
from libc.stdint cimport int64_t, uint8_t

from altyn.core.ledger.book cimport FLAWLESS, HOLD_UNKNOWN, TOO_MANY, Book
from altyn.core.ledger.holds cimport HoldPart as BookPart
from altyn.core.limits cimport HOLD_PARTS_MAX
from altyn.core.wire.generated.journal_v1 cimport Effects, Entry, HoldChange, LotOpened, Posting

from altyn.core.ledger.view import FLAWS, EffectsFlawed


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
        parts[i] = [change.parts[i].points, change.parts[i].lot_id, change.parts[i].asset_no]
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


cdef int check_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1:
    book.begin(instant_us)
    plan_effects(book, effects, receipt_key)
    return book.check()


cdef int apply_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1:
    cdef int flaw = check_effects(book, effects, receipt_key, instant_us)
    if flaw != FLAWLESS:
        raise EffectsFlawed(FLAWS[flaw])
    return book.write()
