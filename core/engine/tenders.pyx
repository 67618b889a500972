"""Body of the means of payment: gift cards and the customer's own money (docs/decisions/0038).

A tender is no stage of the calculation: prices and the sum to pay are made without it, and it then pays some of that sum. What it may pay is
decided from `TenderEvidence` alone, so that a decision can be made again. A Reserve keeps the lots and the card that is sold; a Commit
takes what its hold had kept, never more; what nobody kept is not taken (NOT_RESERVED). Value is not bought with value: a tender pays
nothing of a line that sells a gift card. The state of being sold is that of a unique coupon under the number's hash: a card is sold once.

Number and PIN stay in the request: the journal gets marks and ids. A PIN is looked at by ReserveReceipt alone, which counts the wrong ones in
its record: whoever may guess leaves a trace and is bounded.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.string cimport memcmp, memcpy
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.record cimport LOTS_PER_SEQ
from altyn.core.engine.scarce cimport hold_of, next_entry, next_part
from altyn.core.engine.calls cimport add_exception, except_full, string, text_of
from altyn.core.engine.step cimport taken
from altyn.core.facts.gift_cards cimport GIFT_BLOCKED, GIFT_HAS_PIN, GIFT_HASH_BYTES, GiftCard, GiftCards
from altyn.core.ledger.book cimport Balance
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.coupons cimport COUPON_FREE, COUPON_HELD, COUPON_USED, Coupon
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.ledger.holds cimport HOLD_PENDING, PART_COUPON, PART_POINTS, HoldPart
from altyn.core.limits cimport GIFT_CARDS_MAX, HOLD_PARTS_MAX, LOTS_OPENED_MAX
from altyn.core.text cimport text_equal
from altyn.core.wire.arena cimport arena_take

from altyn.core.engine.identity import gift_card_hash, gift_card_mark, pin_hash

cdef enum:
    # Wrong PINs of one card and day, before it pays nothing more that day.
    PIN_TRIES_MAX = 5

cdef bytes PIN_LIMIT = b"gift-card-pin"


# READ

cdef int read_tenders(Engine engine, Operation operation) except -1:
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef journal_v1.TenderEvidence* evidence
    cdef const Hold* held
    cdef int32_t i
    if engine.case.receipt.tenders_count == 0 and engine.case.receipt.gift_cards_count == 0:
        return 0
    held = hold_of(engine, operation)
    evidence = <journal_v1.TenderEvidence*>taken(engine, sizeof(journal_v1.TenderEvidence))
    engine.case.tenders = evidence
    evidence.tenders = <journal_v1.TenderFacts*>taken(engine, (<size_t>wire.tenders_count + 1) * sizeof(journal_v1.TenderFacts))
    evidence.tenders_count = wire.tenders_count
    for i in range(wire.tenders_count):
        if wire.tenders[i].kind == pos_v1.TENDER_KIND_GIFT_CARD:
            read_gift_card(engine, operation, &wire.tenders[i], &evidence.tenders[i], held)
        else:
            read_money(engine, operation, &wire.tenders[i], &evidence.tenders[i], held)
    read_sold(engine, evidence)
    return 0


cdef object money_of(Engine engine, str name):
    """The asset, when receipts like this one can be paid with it."""
    asset = engine.facts.assets.get(name)
    if asset is None or asset.kind != "MONEY" or asset.scale != engine.case.receipt.exponent:
        return None
    return asset


cdef int64_t kept_points(const HoldPart* parts, int32_t count, int64_t account_id, int32_t asset_no) noexcept nogil:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(count):
        if parts[i].kind == PART_POINTS and parts[i].account_id == account_id and parts[i].asset_no == asset_no:
            total += parts[i].points
    return total


cdef int64_t read_available(Engine engine, Operation operation, journal_v1.TenderFacts* facts, const Hold* held) except -1:
    """What the account has for this receipt; the answer is what its hold keeps or kept. A Commit may spend that and no more."""
    cdef Balance balance = engine.book.balance(facts.account_id, facts.asset_no, engine.case.instant_us)
    cdef int64_t kept = 0
    if held != NULL:
        kept = kept_points(held.parts, held.parts_count, facts.account_id, facts.asset_no)
    facts.balance_minor = balance.active_points
    if held != NULL and held.state == HOLD_PENDING:
        facts.balance_minor += kept
    facts.available_minor = facts.balance_minor
    if operation is not None and operation.kind == pos_v1.OPERATION_KIND_COMMIT:
        facts.available_minor = min(kept, facts.balance_minor)
        if kept == 0 and facts.balance_minor > 0 and facts.reason == pos_v1.REASON_UNSPECIFIED:
            facts.reason = pos_v1.REASON_NOT_RESERVED
    return kept


cdef int read_money(
    Engine engine, Operation operation, const pos_v1.Tender* wire, journal_v1.TenderFacts* facts, const Hold* held
) except -1:
    """The customer's own money. An asset is paid with in one way: points asked for of the same one come first."""
    cdef int32_t i
    asset = money_of(engine, string(wire.asset))
    facts.asset = wire.asset
    if asset is None:
        facts.reason = pos_v1.REASON_NO_PAYMENT_RULE
        return 0
    for i in range(engine.case.receipt.wishes_count):
        if text_equal(engine.case.receipt.wishes[i].asset, wire.asset):
            facts.reason = pos_v1.REASON_NO_PAYMENT_RULE
            return 0
    if engine.case.account_id == 0:
        facts.reason = pos_v1.REASON_CUSTOMER_UNKNOWN
        return 0
    if engine.case.holdings.refused != pos_v1.REASON_UNSPECIFIED:
        facts.reason = engine.case.holdings.refused
        return 0
    facts.account_id = engine.case.account_id
    facts.asset_no = asset.asset_no
    read_available(engine, operation, facts, held)
    return 0


cdef bytes hash_of(Engine engine, Text number):
    """The card's key, kept as long as the case is."""
    cdef bytes hashed = gift_card_hash(engine.pepper, string(number))[:GIFT_HASH_BYTES]
    engine.kept.append(hashed)
    return hashed


cdef const GiftCard* find_card(Engine engine, bytes hashed) noexcept:
    return (<GiftCards>engine.facts.gift_cards).find(<const uint8_t*>PyBytes_AS_STRING(hashed))


cdef object series_of(Engine engine, const GiftCard* card):
    """(series, asset) of a card that is worth something on this receipt; None: it is as good as unknown here."""
    series = engine.facts.gift_cards.series(card.series_no)
    if series is None or series.currency != string(engine.case.receipt.currency):
        return None
    asset = money_of(engine, series.asset)
    return None if asset is None else (series, asset)


cdef int read_gift_card(
    Engine engine, Operation operation, const pos_v1.Tender* wire, journal_v1.TenderFacts* facts, const Hold* held
) except -1:
    cdef bytes hashed = hash_of(engine, wire.number)
    cdef const GiftCard* card = find_card(engine, hashed)
    cdef bytes last4, name
    cdef Balance balance
    cdef int64_t kept
    known = series_of(engine, card) if card != NULL else None
    if known is None:
        facts.reason = pos_v1.REASON_GIFT_CARD_UNKNOWN
        return 0
    series, asset = known
    last4, name = card.last4[:card.last4_size], series.asset.encode()
    engine.kept += [last4, name]
    facts.last4, facts.asset = text_of(last4), text_of(name)
    facts.gift_card_id, facts.account_id, facts.asset_no = card.gift_card_id, card.account_id, asset.asset_no
    balance = engine.book.balance(card.account_id, asset.asset_no, engine.case.instant_us)
    if card.flags & GIFT_BLOCKED or series.is_blocked:
        facts.state = pos_v1.GIFT_CARD_STATE_BLOCKED
    elif engine.book.coupon(<const uint8_t*>PyBytes_AS_STRING(hashed)).use != COUPON_USED:
        facts.state = pos_v1.GIFT_CARD_STATE_NEW
    elif balance.active_points + balance.held_points > 0:
        facts.state = pos_v1.GIFT_CARD_STATE_ACTIVE
    else:
        facts.state = pos_v1.GIFT_CARD_STATE_FINISHED
    kept = read_available(engine, operation, facts, held)
    if operation is not None and operation.kind == pos_v1.OPERATION_KIND_COMMIT:
        # What the Reserve looked at was promised.
        return 0
    facts.reason = why_not_usable(engine, operation, wire, card, facts, kept)
    return 0


cdef int32_t why_not_usable(
    Engine engine, Operation operation, const pos_v1.Tender* wire, const GiftCard* card, const journal_v1.TenderFacts* facts, int64_t kept
) except -1:
    cdef bytes hashed
    cdef CounterId tries
    if facts.state == pos_v1.GIFT_CARD_STATE_NEW:
        return pos_v1.REASON_GIFT_CARD_NOT_ACTIVE
    if facts.state == pos_v1.GIFT_CARD_STATE_BLOCKED and kept == 0:
        return pos_v1.REASON_GIFT_CARD_BLOCKED
    if not card.flags & GIFT_HAS_PIN:
        return pos_v1.REASON_UNSPECIFIED
    tries = id_of_key(tries_key(engine, card.gift_card_id))
    if engine.book.counter(&tries).used >= PIN_TRIES_MAX:
        return pos_v1.REASON_PIN_LOCKED
    if operation is not None:
        hashed = pin_hash(engine.pepper, string(wire.number), string(wire.pin))
        if memcmp(card.pin_hash, PyBytes_AS_STRING(hashed), GIFT_HASH_BYTES) != 0:
            return pos_v1.REASON_PIN_WRONG
    return pos_v1.REASON_UNSPECIFIED


cdef journal_v1.CounterKey* tries_key(Engine engine, int64_t gift_card_id) except NULL:
    """By the server's day, which no register can set."""
    cdef journal_v1.CounterKey* key = <journal_v1.CounterKey*>taken(engine, sizeof(journal_v1.CounterKey))
    key.limit = text_of(PIN_LIMIT)
    key.measure = journal_v1.LIMIT_MEASURE_TIMES
    key.per = journal_v1.LIMIT_PER_CARD
    key.window = journal_v1.LIMIT_WINDOW_DAY
    key.subject = gift_card_id
    key.window_day = floor_div(engine.case.instant_us, day_us())
    return key


cdef bint is_own_card(Engine engine, const uint8_t* key) noexcept:
    cdef const HoldPart* parts = engine.case.holdings.own_parts
    cdef int32_t i
    for i in range(engine.case.holdings.own_parts_count):
        if parts[i].kind == PART_COUPON and memcmp(parts[i].key, key, GIFT_HASH_BYTES) == 0:
            return True
    return False


cdef int read_sold(Engine engine, journal_v1.TenderEvidence* evidence) except -1:
    """The gift cards that lines sell, in the receipt's order."""
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef int32_t i
    if engine.case.receipt.gift_cards_count == 0:
        return 0
    evidence.sold = <journal_v1.GiftCardFacts*>taken(engine, GIFT_CARDS_MAX * sizeof(journal_v1.GiftCardFacts))
    for i in range(wire.lines_count):
        if wire.lines[i].gift_card.size > 0:
            read_sold_card(engine, evidence, &wire.lines[i])
    return 0


cdef int read_sold_card(Engine engine, journal_v1.TenderEvidence* evidence, const pos_v1.ReceiptLine* line) except -1:
    cdef journal_v1.GiftCardFacts* facts = &evidence.sold[evidence.sold_count]
    cdef bytes hashed = hash_of(engine, line.gift_card)
    cdef const GiftCard* card = find_card(engine, hashed)
    cdef Coupon state
    cdef int64_t day
    cdef int32_t i
    evidence.sold_count += 1
    facts.line_no = line.line_no
    facts.number_hash = text_of(hashed)
    known = series_of(engine, card) if card != NULL else None
    if known is None:
        facts.reason = pos_v1.REASON_GIFT_CARD_UNKNOWN
        return 0
    series, asset = known
    facts.gift_card_id, facts.account_id, facts.series_no, facts.asset_no = card.gift_card_id, card.account_id, card.series_no, asset.asset_no
    if series.valid_days > 0:
        day = floor_div(engine.case.business_time_us + engine.zones.offset_us(engine.zone, engine.case.business_time_us), day_us())
        facts.expires_at_us = engine.zones.instant_us(engine.zone, (day + series.valid_days + 1) * day_us())
    state = engine.book.coupon(<const uint8_t*>PyBytes_AS_STRING(hashed))
    if card.flags & GIFT_BLOCKED or series.is_blocked:
        facts.reason = pos_v1.REASON_GIFT_CARD_BLOCKED
    elif state.use != COUPON_FREE and not (state.use == COUPON_HELD and is_own_card(engine, <const uint8_t*>PyBytes_AS_STRING(hashed))):
        facts.reason = pos_v1.REASON_GIFT_CARD_NOT_NEW
    for i in range(evidence.sold_count - 1):
        if text_equal(evidence.sold[i].number_hash, facts.number_hash):
            facts.reason = pos_v1.REASON_GIFT_CARD_NOT_NEW
    return 0


# DECIDE

cdef int64_t payable(const pos_v1.Receipt* wire, const Outcome* outcome) noexcept nogil:
    cdef int64_t sum_minor = outcome.to_pay_minor
    cdef int32_t i
    for i in range(wire.lines_count):
        if wire.lines[i].gift_card.size > 0:
            sum_minor -= outcome.lines[i].net_minor
    return sum_minor


cdef void pay(
    const pos_v1.Tender* wish, const journal_v1.TenderEvidence* evidence, int32_t place, int64_t left, pos_v1.TenderOutcome* tendered
) noexcept nogil:
    """One tender, after those before it."""
    cdef const journal_v1.TenderFacts* facts = &evidence.tenders[place]
    cdef pos_v1.TenderOutcome* out = &tendered[place]
    cdef int64_t free_minor = facts.balance_minor, available = facts.available_minor, wanted = 0
    cdef int32_t i
    out.kind, out.state, out.reason = wish.kind, facts.state, facts.reason
    out.last4, out.asset = facts.last4, facts.asset
    if wish.wish_case == pos_v1.Tender_amount_minor:
        wanted = wish.amount_minor
    elif wish.wish_case == pos_v1.Tender_max and wish.max:
        wanted = INT64_MAX
    if facts.reason == pos_v1.REASON_NOT_RESERVED and min(wanted, left) == 0:
        # Nothing had to be.
        out.reason = pos_v1.REASON_UNSPECIFIED
    if out.reason != pos_v1.REASON_UNSPECIFIED:
        return
    for i in range(place):
        if evidence.tenders[i].account_id == facts.account_id and evidence.tenders[i].asset_no == facts.asset_no:
            # What is on an account is paid with by its first tender.
            free_minor -= tendered[i].amount_minor
            available = 0
    out.amount_minor = min(min(wanted, left), available)
    out.left_minor = free_minor - out.amount_minor
    if wanted != INT64_MAX and out.amount_minor < wanted and out.amount_minor < left:
        out.reason = pos_v1.REASON_TENDER_SHORT


cdef pos_v1.TenderOutcome* pay_tenders(
    const pos_v1.Receipt* wire, const journal_v1.TenderEvidence* evidence, const Outcome* outcome, Arena* arena
) noexcept nogil:
    cdef pos_v1.TenderOutcome* tendered
    cdef int64_t left = payable(wire, outcome)
    cdef int32_t i
    if wire.tenders_count == 0:
        return NULL
    tendered = <pos_v1.TenderOutcome*>arena_take(arena, <size_t>wire.tenders_count * sizeof(pos_v1.TenderOutcome))
    if tendered == NULL:
        return NULL
    for i in range(min(wire.tenders_count, evidence.tenders_count)):
        pay(&wire.tenders[i], evidence, i, left, tendered)
        left -= tendered[i].amount_minor
    return tendered


cdef void write_tenders(const pos_v1.Receipt* wire, pos_v1.TenderOutcome* tendered, pos_v1.Outcome* out) noexcept nogil:
    cdef int32_t i
    if tendered == NULL:
        return
    out.tenders = tendered
    out.tenders_count = wire.tenders_count
    for i in range(wire.tenders_count):
        out.totals.tendered_minor += tendered[i].amount_minor


cdef bint is_kept(Engine engine) noexcept:
    cdef int32_t i
    for i in range(engine.case.receipt.tenders_count):
        if engine.case.tendered[i].amount_minor > 0:
            return True
    return engine.case.receipt.gift_cards_count > 0


cdef int32_t refused_cards(Engine engine, int32_t** lines, int32_t* count) except -1:
    cdef const journal_v1.TenderEvidence* evidence = engine.case.tenders
    cdef int32_t i, reason = pos_v1.REASON_UNSPECIFIED
    if evidence == NULL or evidence.sold_count == 0:
        return reason
    lines[0] = <int32_t*>taken(engine, <size_t>evidence.sold_count * sizeof(int32_t))
    for i in range(evidence.sold_count):
        if evidence.sold[i].reason != pos_v1.REASON_UNSPECIFIED:
            lines[0][count[0]] = evidence.sold[i].line_no
            count[0] += 1
            if reason == pos_v1.REASON_UNSPECIFIED:
                reason = evidence.sold[i].reason
    return reason


cdef int32_t refused_tender(Engine engine) noexcept:
    cdef int32_t i
    for i in range(engine.case.receipt.tenders_count):
        if engine.case.tendered[i].reason != pos_v1.REASON_UNSPECIFIED:
            return engine.case.tendered[i].reason
    return pos_v1.REASON_UNSPECIFIED


# RESERVE

cdef int count_wrong_pins(Engine engine, journal_v1.Effects* effects) except -1:
    cdef const journal_v1.TenderEvidence* evidence = engine.case.tenders
    cdef journal_v1.CounterChange* change
    cdef int32_t i
    if evidence == NULL or evidence.tenders_count == 0:
        return 0
    effects.counters = <journal_v1.CounterChange*>taken(engine, <size_t>evidence.tenders_count * sizeof(journal_v1.CounterChange))
    for i in range(evidence.tenders_count):
        if evidence.tenders[i].reason == pos_v1.REASON_PIN_WRONG:
            change = &effects.counters[effects.counters_count]
            effects.counters_count += 1
            change.key = tries_key(engine, evidence.tenders[i].gift_card_id)
            change.used = 1
    return 0


cdef int pick_money(Engine engine, const journal_v1.TenderFacts* facts, int64_t points, HoldPart* out) except -1:
    """Lots in the order of use, those the receipt's own pending hold keeps being free again; the answer is how many."""
    cdef const HoldPart* own = engine.case.holdings.own_parts
    cdef int32_t i, count = 0
    for i in range(engine.case.holdings.own_parts_count):
        if own[i].kind == PART_POINTS and own[i].account_id == facts.account_id and own[i].asset_no == facts.asset_no and points > 0:
            out[count] = own[i]
            out[count].points = min(own[i].points, points)
            points -= out[count].points
            count += 1
    if points > 0:
        count += engine.book.pick(facts.account_id, facts.asset_no, points, engine.case.instant_us, &out[count], HOLD_PARTS_MAX - count)
    return count


cdef int keep_tenders(Engine engine, journal_v1.HoldChange* change) except -1:
    cdef HoldPart picked[HOLD_PARTS_MAX]
    cdef journal_v1.HoldPart* part
    cdef const journal_v1.TenderFacts* facts
    cdef int32_t i, j, first, count
    if not is_kept(engine):
        return 0
    if change.parts == NULL:
        change.parts = <journal_v1.HoldPart*>taken(engine, HOLD_PARTS_MAX * sizeof(journal_v1.HoldPart))
    for i in range(engine.case.receipt.tenders_count):
        facts = &engine.case.tenders.tenders[i]
        first = change.parts_count
        count = pick_money(engine, facts, engine.case.tendered[i].amount_minor, picked) if engine.case.tendered[i].amount_minor > 0 else 0
        for j in range(count):
            part = part_of_lot(change, first, picked[j].lot_id)
            part.asset_no = facts.asset_no
            part.account_id = facts.account_id
            part.lot_id = picked[j].lot_id
            part.points += picked[j].points
    for i in range(engine.case.tenders.sold_count):
        if engine.case.tenders.sold[i].reason == pos_v1.REASON_UNSPECIFIED:
            part = next_part(change)
            part.code_hash = engine.case.tenders.sold[i].number_hash
    return 0


cdef journal_v1.HoldPart* part_of_lot(journal_v1.HoldChange* change, int32_t first, int64_t lot_id) except NULL:
    """A lot picked from the former hold and from what is free is one part."""
    cdef int32_t i
    for i in range(first, change.parts_count):
        if change.parts[i].lot_id == lot_id:
            return &change.parts[i]
    return next_part(change)


# COMMIT

cdef int take_tenders(Engine engine, Operation operation, journal_v1.Effects* effects, const Hold* held) except -1:
    cdef const journal_v1.TenderEvidence* evidence = engine.case.tenders
    cdef const journal_v1.TenderFacts* facts
    cdef int32_t i, line = 0
    if evidence == NULL:
        return 0
    for i in range(evidence.tenders_count):
        facts = &evidence.tenders[i]
        if engine.case.tendered[i].reason != pos_v1.REASON_UNSPECIFIED:
            add_exception(&operation.exceptions, engine.case.tendered[i].reason)
        elif held != NULL and kept_points(held.parts, held.parts_count, facts.account_id, facts.asset_no) > facts.available_minor:
            add_exception(&operation.exceptions, pos_v1.REASON_TENDER_SHORT)
        if engine.case.tendered[i].amount_minor > 0:
            spend(engine, effects, facts, engine.case.tendered[i].amount_minor)
    for i in range(evidence.sold_count):
        while engine.case.wire.lines[line].line_no != evidence.sold[i].line_no:
            line += 1
        if evidence.sold[i].reason != pos_v1.REASON_UNSPECIFIED:
            add_exception(&operation.exceptions, evidence.sold[i].reason)
        else:
            load_card(engine, effects, &evidence.sold[i], engine.outcome.lines[line].net_minor)
    return 0


cdef void put_posting(journal_v1.Entry* entry, int64_t account_id, int32_t asset_no, int64_t points, int64_t lot_id) noexcept nogil:
    cdef journal_v1.Posting* posting = &entry.postings[entry.postings_count]
    entry.postings_count += 1
    posting.account_id = account_id
    posting.asset_no = asset_no
    posting.points = points
    posting.lot_id = lot_id


cdef int spend(Engine engine, journal_v1.Effects* effects, const journal_v1.TenderFacts* facts, int64_t amount_minor) except -1:
    cdef HoldPart picked[HOLD_PARTS_MAX]
    cdef int32_t i, count = pick_money(engine, facts, amount_minor, picked)
    cdef journal_v1.Entry* entry = next_entry(engine, effects)
    entry.kind = journal_v1.ENTRY_KIND_SPEND
    entry.postings = <journal_v1.Posting*>taken(engine, (<size_t>count + 1) * sizeof(journal_v1.Posting))
    for i in range(count):
        put_posting(entry, facts.account_id, facts.asset_no, -picked[i].points, picked[i].lot_id)
    put_posting(entry, -journal_v1.SYSTEM_ACCOUNT_REDEEMED, facts.asset_no, amount_minor, 0)
    return 0


cdef journal_v1.LotOpened* next_lot(Engine engine, journal_v1.Effects* effects) except NULL:
    """One more lot; those before it move."""
    cdef journal_v1.LotOpened* lots = <journal_v1.LotOpened*>taken(engine, (<size_t>effects.lots_count + 1) * sizeof(journal_v1.LotOpened))
    if effects.lots_count == LOTS_OPENED_MAX:
        except_full()
    if effects.lots_count > 0:
        memcpy(lots, effects.lots, <size_t>effects.lots_count * sizeof(journal_v1.LotOpened))
    effects.lots = lots
    lots[effects.lots_count].lot_id = (engine.last_seq + 1) * LOTS_PER_SEQ + effects.lots_count
    effects.lots_count += 1
    return &lots[effects.lots_count - 1]


cdef int change_card(Engine engine, journal_v1.Effects* effects, Text number_hash, int32_t use) except -1:
    cdef journal_v1.CouponChange* changes = <journal_v1.CouponChange*>taken(
        engine, (<size_t>effects.coupons_count + 1) * sizeof(journal_v1.CouponChange))
    if effects.coupons_count > 0:
        memcpy(changes, effects.coupons, <size_t>effects.coupons_count * sizeof(journal_v1.CouponChange))
    effects.coupons = changes
    changes[effects.coupons_count].code_hash = number_hash
    changes[effects.coupons_count].use = use
    effects.coupons_count += 1
    return 0


cdef int load_card(Engine engine, journal_v1.Effects* effects, const journal_v1.GiftCardFacts* facts, int64_t value_minor) except -1:
    """The card is sold: its value is one lot."""
    cdef journal_v1.LotOpened* lot
    cdef journal_v1.Entry* entry
    change_card(engine, effects, facts.number_hash, journal_v1.COUPON_USE_USED)
    if value_minor == 0:
        return 0
    lot = next_lot(engine, effects)
    lot.account_id = facts.account_id
    lot.asset_no = facts.asset_no
    lot.points = value_minor
    lot.active_from_us = engine.case.instant_us
    lot.expires_at_us = facts.expires_at_us
    entry = next_entry(engine, effects)
    entry.kind = journal_v1.ENTRY_KIND_LOAD
    entry.postings = <journal_v1.Posting*>taken(engine, 2 * sizeof(journal_v1.Posting))
    put_posting(entry, facts.account_id, facts.asset_no, value_minor, lot.lot_id)
    put_posting(entry, -journal_v1.SYSTEM_ACCOUNT_ISSUED, facts.asset_no, -value_minor, 0)
    return 0


# RECORD

cdef Text marked(Engine engine, Text number) except *:
    cdef bytes mark = gift_card_mark(gift_card_hash(engine.pepper, string(number))).encode()
    engine.kept.append(mark)
    return text_of(mark)


cdef int strip_numbers(Engine engine, pos_v1.Receipt* receipt) except -1:
    cdef pos_v1.ReceiptLine* lines
    cdef pos_v1.Tender* tenders
    cdef int32_t i
    if engine.case.receipt.gift_cards_count > 0:
        lines = <pos_v1.ReceiptLine*>taken(engine, <size_t>receipt.lines_count * sizeof(pos_v1.ReceiptLine))
        memcpy(lines, receipt.lines, <size_t>receipt.lines_count * sizeof(pos_v1.ReceiptLine))
        for i in range(receipt.lines_count):
            if lines[i].gift_card.size > 0:
                lines[i].gift_card = marked(engine, lines[i].gift_card)
        receipt.lines = lines
    if receipt.tenders_count == 0:
        return 0
    tenders = <pos_v1.Tender*>taken(engine, <size_t>receipt.tenders_count * sizeof(pos_v1.Tender))
    memcpy(tenders, receipt.tenders, <size_t>receipt.tenders_count * sizeof(pos_v1.Tender))
    for i in range(receipt.tenders_count):
        tenders[i].pin.size = 0
        if tenders[i].number.size > 0:
            tenders[i].number = marked(engine, tenders[i].number)
    receipt.tenders = tenders
    return 0
