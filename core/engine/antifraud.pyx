"""Body of antifraud at the till (reliability §5.6; docs/decisions/0040).

Rules read and change counters of the book under limits of their own, "fraud:" and the rule. A counter is a number, or an instant in
seconds since 1970 (the last receipt, the first). Only an applied Commit or Return changes them, and nothing takes that back. In doubt
a sale earns and points do not pay: a sale is never refused here, an upload is never declined, and what a Reserve promised stands; more
rules than act, and points pay nowhere. Amounts are what goods cost before discounts: what is to pay would depend on what is declined.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport llabs
from libc.string cimport memset

from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.calls cimport add_exception
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.facts.fraud cimport (
    FRAUD_CASE, FRAUD_DECLINE_REDEMPTION, FRAUD_HOLDBACK, FRAUD_TAG, FraudRule, rule_name,
)
from altyn.core.ledger.accounts cimport AccountSlot, Lot, accounts_find, lot_read
from altyn.core.ledger.book cimport points_limit
from altyn.core.ledger.counters cimport CounterId, counters_read, window_first_day
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.ledger.holds cimport PART_POINTS
from altyn.core.limits cimport COUNTER_CHANGES_MAX, FRAUD_RULES_MAX, HOLD_PARTS_MAX
from altyn.core.siphash cimport SipKey, SipState, sip_end, sip_start, sip_take
from altyn.core.text cimport Text, text_equal
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1


cdef struct Looked:
    # One rule held against one operation.
    journal_v1.CounterKey key
    int64_t was                # the counter before it
    int64_t added              # what the operation adds; of an instant: the instant
    int64_t reached
    bint counts                # the rule has a counter
    bint tripped


# WHAT A RULE COUNTS

cdef int64_t digest_of(const Text* parts, int32_t count, int64_t number) noexcept nogil:
    """One number for what is counted together, above 0. Needs no secret: it is looked up and never shown to a stranger."""
    cdef SipKey key = [0x616C74796E2E6672, 0x6175642E70616972]
    cdef SipState state
    cdef int32_t i
    sip_start(&state, key)
    sip_take(&state, <const uint8_t*>&number, sizeof(number))
    for i in range(count):
        sip_take(&state, <const uint8_t*>&parts[i].size, sizeof(int32_t))
        sip_take(&state, <const uint8_t*>parts[i].data, <uint64_t>parts[i].size)
    return <int64_t>(sip_end(&state).low >> 1)


cdef int64_t seconds_of(int64_t instant_us) noexcept nogil:
    return floor_div(instant_us, 1_000_000)


cdef void of_person(Engine engine, Looked* out) noexcept:
    """A card; a customer who came without one."""
    out.key.per = journal_v1.LIMIT_PER_CARD if engine.case.card_id != 0 else journal_v1.LIMIT_PER_CUSTOMER
    out.key.subject = engine.case.card_id if engine.case.card_id != 0 else engine.case.customer_id


cdef int64_t goods_minor(Engine engine) noexcept:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(engine.case.receipt.lines_count):
        total += engine.case.receipt.lines[i].gross_minor
    return min(total, points_limit())


cdef bint looks_at_sale(Engine engine, const FraudRule* rule, Looked* out) noexcept:
    """What the rule counts of the sale in the case. False: the rule is none of its business."""
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef Text parts[3]
    memset(out, 0, sizeof(Looked))
    out.key.limit = rule.limit
    out.key.measure = journal_v1.LIMIT_MEASURE_TIMES
    out.key.window = rule.window
    out.added = 1
    out.counts = True
    if rule.kind == journal_v1.FRAUD_KIND_DUPLICATE_SIGN:
        if wire.fiscal == NULL or wire.fiscal.sign.size == 0:
            return False
        parts[0], parts[1], parts[2] = wire.fiscal.drive, wire.fiscal.document, wire.fiscal.sign
        out.key.subject = digest_of(parts, 3, 0)
    elif engine.case.account_id == 0:
        return False
    elif rule.kind == journal_v1.FRAUD_KIND_CASHIER_CARD:
        if wire.cashier_id.size == 0:
            return False
        of_person(engine, out)
        parts[0], parts[1] = wire.store_id, wire.cashier_id
        out.key.subject = digest_of(parts, 2, out.key.subject)
    else:
        of_person(engine, out)
        if rule.kind == journal_v1.FRAUD_KIND_RECEIPT_AMOUNT:
            out.added = goods_minor(engine)
            out.counts = False
        elif rule.kind == journal_v1.FRAUD_KIND_CARD_AMOUNT:
            out.key.measure = journal_v1.LIMIT_MEASURE_AMOUNT
            out.added = goods_minor(engine)
        elif rule.kind == journal_v1.FRAUD_KIND_CARD_COUPONS:
            out.added = engine.case.receipt.coupons_count
        elif rule.kind in (journal_v1.FRAUD_KIND_CARD_INTERVAL, journal_v1.FRAUD_KIND_NEW_CARD_REDEMPTION):
            out.key.measure = journal_v1.LIMIT_MEASURE_QUANTITY
            out.key.window = journal_v1.LIMIT_WINDOW_ALWAYS
            out.added = seconds_of(engine.case.business_time_us)
        elif rule.kind != journal_v1.FRAUD_KIND_CARD_RECEIPTS:
            return False
    out.key.window_day = window_first_day(out.key.window, floor_div(engine.case.place.wall_us, day_us()))
    return True


cdef void read_counter(Engine engine, Looked* out) noexcept:
    cdef CounterId id = id_of_key(&out.key)
    out.was = counters_read(&engine.book.counters, &id).used


# JUDGE

cdef bint has_new_points_alone(Engine engine, int64_t since_us) noexcept:
    """The account may pay, and had no points by then: it is new, whether or not the rule is too."""
    cdef AccountSlot* account = accounts_find(engine.book.shards, engine.case.account_id)
    cdef Lot lot
    cdef uint32_t cell
    cdef int i
    cdef bint may_pay = False
    for i in range(2 if account != NULL else 0):
        cell = account.live if i == 0 else account.empty
        while cell != 0:
            lot_read(&engine.book.lots, cell, account.account_id, &lot)
            if lot.lot_id != 0 and lot.active_from_us <= since_us:
                return False
            may_pay = may_pay or (lot.remaining_points > lot.held_points and lot.active_from_us <= engine.case.instant_us)
            cell = lot.next
    return may_pay


cdef void hold_against(Engine engine, const FraudRule* rule, Looked* out) noexcept:
    """Is the rule tripped?"""
    if out.counts:
        read_counter(engine, out)
    if rule.kind == journal_v1.FRAUD_KIND_CARD_INTERVAL:
        out.reached = llabs(out.added - out.was)
        out.tripped = out.was != 0 and out.reached < rule.threshold
    elif rule.kind == journal_v1.FRAUD_KIND_NEW_CARD_REDEMPTION:
        out.reached = max(out.added - out.was, 0) if out.was != 0 else 0
        out.tripped = (
            engine.case.receipt.wishes_count > 0 and out.reached < rule.threshold
            and has_new_points_alone(engine, engine.case.business_time_us - rule.threshold * 1_000_000)
        )
    else:
        out.reached = out.was + out.added
        out.tripped = out.added > 0 and out.reached > rule.threshold


cdef journal_v1.FraudFacts* found(Engine engine) except NULL:
    """The case's facts, made when there is something to say."""
    if engine.case.fraud == NULL:
        engine.case.fraud = <journal_v1.FraudFacts*>taken(engine, sizeof(journal_v1.FraudFacts))
        engine.case.fraud.trips = <journal_v1.FraudTrip*>taken(engine, FRAUD_RULES_MAX * sizeof(journal_v1.FraudTrip))
    return engine.case.fraud


cdef int add_trip(Engine engine, const FraudRule* rule, const Looked* looked) except -1:
    cdef journal_v1.FraudFacts* facts = found(engine)
    cdef journal_v1.FraudTrip* trip = &facts.trips[facts.trips_count]
    facts.trips_count += 1
    trip.rule = rule_name(rule)
    trip.kind = rule.kind
    trip.subject = looked.key.subject
    trip.count = looked.reached
    trip.threshold = rule.threshold
    trip.wants_case = rule.actions & FRAUD_CASE != 0
    engine.case.fraud_tagged |= rule.actions & FRAUD_TAG != 0
    if rule.actions & FRAUD_HOLDBACK:
        facts.holdback_us = max(facts.holdback_us, rule.holdback_days * day_us())
    return 0


cdef bint may_be_denied(Engine engine) noexcept:
    """Not what happened without us, nor what a hold of this receipt has promised."""
    cdef int32_t i
    for i in range(engine.case.holdings.own_parts_count):
        if engine.case.holdings.own_parts[i].kind == PART_POINTS and engine.case.holdings.own_parts[i].account_id == 0:
            return False
    return engine.case.wire.mode != pos_v1.MODE_OFFLINE and not engine.case.holdings.limits_waived


cdef int judge(Engine engine) except -1:
    cdef const FraudRule* rule
    cdef Looked looked
    cdef bint denied = engine.fraud.is_overfull and engine.case.account_id != 0
    cdef int32_t i
    for i in range(engine.fraud.count):
        rule = &engine.fraud.rules[i]
        if not looks_at_sale(engine, rule, &looked):
            continue
        hold_against(engine, rule, &looked)
        if looked.tripped:
            add_trip(engine, rule, &looked)
            denied = denied or rule.actions & FRAUD_DECLINE_REDEMPTION != 0
    if denied and may_be_denied(engine):
        found(engine).redemption_denied = True
        engine.case.holdings.redemption_denied = True
    return 0


# COUNT

cdef void hold_back(Engine engine, journal_v1.Effects* effects) noexcept nogil:
    """All lots there are yet: those of the accrual. Their life is not cut short by it."""
    cdef int64_t longer_us = engine.case.fraud.holdback_us if engine.case.fraud != NULL else 0
    cdef int32_t i
    for i in range(effects.lots_count):
        effects.lots[i].active_from_us += longer_us
        if effects.lots[i].expires_at_us != 0:
            effects.lots[i].expires_at_us += longer_us


cdef int add_change(Engine engine, const Looked* looked, int64_t used, journal_v1.Effects* effects) except -1:
    cdef journal_v1.CounterChange* change
    if used == 0:
        return 0
    change = &effects.counters[effects.counters_count]
    effects.counters_count += 1
    change.key = <journal_v1.CounterKey*>taken(engine, sizeof(journal_v1.CounterKey))
    change.key[0] = looked.key
    change.used = used
    return 0


cdef int64_t difference(const FraudRule* rule, const Looked* looked) noexcept nogil:
    """The first receipt stays the first; the last is the latest by its own time."""
    if rule.kind == journal_v1.FRAUD_KIND_NEW_CARD_REDEMPTION:
        return looked.added if looked.was == 0 else 0
    if rule.kind == journal_v1.FRAUD_KIND_CARD_INTERVAL:
        return max(looked.added - looked.was, 0)
    return looked.added


cdef int count_fraud(Engine engine, journal_v1.Effects* effects) except -1:
    cdef const FraudRule* rule
    cdef Looked looked
    cdef int32_t i
    # A plan has room for so many counters, those of a hold included; a sale is never refused for the sake of these.
    if engine.fraud.count == 0 or effects.counters_count + HOLD_PARTS_MAX + FRAUD_RULES_MAX > COUNTER_CHANGES_MAX:
        return 0
    engine.more_counters(effects, engine.fraud.count)
    for i in range(engine.fraud.count):
        rule = &engine.fraud.rules[i]
        if looks_at_sale(engine, rule, &looked) and looked.counts:
            read_counter(engine, &looked)
            add_change(engine, &looked, difference(rule, &looked), effects)
    return 0


# RETURNS

cdef bint looks_at_return(Engine engine, const FraudRule* rule, const Sale* sale, const journal_v1.Evidence* evidence, Looked* out) noexcept:
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef const pos_v1.Receipt* sold = sale.record.request.receipt
    cdef Text parts[2]
    memset(out, 0, sizeof(Looked))
    if wire.cashier_id.size == 0:
        return False
    parts[0], parts[1] = wire.store_id, wire.cashier_id
    out.key.subject = digest_of(parts, 2, 0)
    if rule.kind == journal_v1.FRAUD_KIND_FAST_RETURN:
        out.reached = max(seconds_of(evidence.business_time_us - sale.record.evidence.business_time_us), 0)
        out.tripped = (
            text_equal(wire.cashier_id, sold.cashier_id) and text_equal(wire.store_id, sold.store_id) and out.reached < rule.threshold
        )
        return True
    if rule.kind != journal_v1.FRAUD_KIND_CASHIER_RETURNS:
        return False
    out.key.limit = rule.limit
    out.key.measure = journal_v1.LIMIT_MEASURE_TIMES
    out.key.window = rule.window
    out.key.window_day = window_first_day(rule.window, floor_div(evidence.store_wall_us, day_us()))
    out.added = 1
    out.counts = True
    hold_against(engine, rule, out)
    return True


cdef int judge_return(Engine engine, const Sale* sale, journal_v1.Effects* effects, journal_v1.Evidence* evidence) except -1:
    cdef const FraudRule* rule
    cdef Looked looked
    cdef int32_t i
    cdef bint counts = effects.counters_count + engine.fraud.count <= COUNTER_CHANGES_MAX
    if engine.fraud.count == 0:
        return 0
    engine.more_counters(effects, engine.fraud.count)
    for i in range(engine.fraud.count):
        rule = &engine.fraud.rules[i]
        if not looks_at_return(engine, rule, sale, evidence, &looked):
            continue
        if looked.tripped:
            add_trip(engine, rule, &looked)
        if looked.counts and counts:
            add_change(engine, &looked, looked.added, effects)
    evidence.fraud = engine.case.fraud
    return 0


cdef void tag_record(Engine engine, Operation operation) noexcept:
    if engine.case.fraud_tagged:
        add_exception(&operation.exceptions, pos_v1.REASON_FRAUD_SUSPECTED)
