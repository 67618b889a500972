"""Body of antifraud at the till (reliability §5.6; docs/decisions/0040).

Rules read and change counters of the book under limits of their own, "fraud:" and the rule. A counter is a number, or an instant in
seconds since 1970 (the last receipt, the first), or the number of a register. Only an applied Commit or Return changes them, and nothing takes that back. In doubt
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
from altyn.core.limits cimport COUNTER_CHANGES_MAX, FRAUD_COUNTERS_MAX, FRAUD_RULES_MAX, HOLD_PARTS_MAX
from altyn.core.siphash cimport SipKey, SipState, sip_end, sip_start, sip_take
from altyn.core.text cimport Text, text_equal
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1


cdef struct Counted:
    journal_v1.CounterKey key
    int64_t was                # before the operation
    int64_t change             # what the operation adds


cdef struct Looked:
    # One rule held against one operation.
    Counted counted[FRAUD_COUNTERS_MAX]
    int32_t counted_count
    int64_t subject
    int64_t reached
    int64_t may_be
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


cdef int64_t digest_of_two(Text first, Text second, int64_t number) noexcept nogil:
    cdef Text parts[2]
    parts[0], parts[1] = first, second
    return digest_of(parts, 2, number)


cdef int64_t seconds_of(int64_t instant_us) noexcept nogil:
    return floor_div(instant_us, 1_000_000)


cdef int64_t goods_minor(Engine engine) noexcept:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(engine.case.receipt.lines_count):
        total += engine.case.receipt.lines[i].gross_minor
    return min(total, points_limit())


cdef int32_t per_person(Engine engine) noexcept:
    """A card; a customer who came without one."""
    return journal_v1.LIMIT_PER_CARD if engine.case.card_id != 0 else journal_v1.LIMIT_PER_CUSTOMER


cdef int64_t person(Engine engine) noexcept:
    return engine.case.card_id if engine.case.card_id != 0 else engine.case.customer_id


cdef Counted* read_counter(
    Engine engine, const FraudRule* rule, int32_t measure, int32_t per, int64_t subject, int32_t window, int64_t day, Looked* out
) noexcept:
    """One more counter of the rule, as it stands."""
    cdef Counted* one = &out.counted[out.counted_count]
    cdef CounterId id
    out.counted_count += 1
    one.key.limit = rule.limit
    one.key.measure = measure
    one.key.per = per
    one.key.subject = subject
    one.key.window = window
    one.key.window_day = window_first_day(window, day)
    id = id_of_key(&one.key)
    one.was = counters_read(&engine.book.counters, &id).used
    return one


cdef void so_many(
    Engine engine, const FraudRule* rule, int32_t measure, int32_t per, int64_t subject, int64_t day, int64_t added, Looked* out
) noexcept:
    """What comes together in the window, this operation included, is more than may be."""
    cdef Counted* together = read_counter(engine, rule, measure, per, subject, rule.window, day, out)
    together.change = added
    out.subject = subject
    out.reached = together.was + added
    out.tripped = added > 0 and out.reached > rule.threshold


cdef void share_of_cashier(Engine engine, const FraudRule* rule, int64_t cashier, int64_t pair, int64_t day, Looked* out) noexcept:
    """Of the cashier's receipts with a card, those of this one: more than may be, and a greater share."""
    cdef Counted* every
    cdef int64_t total, mine
    so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, per_person(engine), pair, day, 1, out)
    every = read_counter(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, journal_v1.LIMIT_PER_UNSPECIFIED, cashier, rule.window, day, out)
    every.change = 1
    total, mine = every.was + 1, out.reached * 100
    out.tripped = out.tripped and mine > rule.share_percent * total
    # Rounded up: what is told is above what may be.
    out.reached = -floor_div(-mine, total)
    out.may_be = rule.share_percent


cdef Counted* first_receipt(Engine engine, const FraudRule* rule, Looked* out) noexcept:
    """When the card came first, by what the rule has seen. The first stays the first."""
    cdef Counted* first = read_counter(
        engine, rule, journal_v1.LIMIT_MEASURE_QUANTITY, per_person(engine), person(engine), journal_v1.LIMIT_WINDOW_ALWAYS, 0, out)
    first.change = seconds_of(engine.case.business_time_us) if first.was == 0 else 0
    return first


cdef void activation(Engine engine, const FraudRule* rule, int64_t cashier, int64_t day, Looked* out) noexcept:
    """The card's first receipt, by the rule and by points: a member from before this window comes first to the rule alone."""
    cdef int64_t begin_us = engine.case.business_time_us - (engine.case.place.wall_us - window_first_day(rule.window, day) * day_us())
    cdef bint is_new = first_receipt(engine, rule, out).was == 0 and not had_points(engine, begin_us)
    so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, journal_v1.LIMIT_PER_UNSPECIFIED, cashier, day, 1 if is_new else 0, out)


cdef void interval(Engine engine, const FraudRule* rule, Looked* out) noexcept:
    """A card cannot be at two registers so soon. Held against the latest receipt, whichever comes first."""
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef int64_t now_s = seconds_of(engine.case.business_time_us)
    # 31 bits: a counter of its own for each card, and nothing hangs on two registers of one number.
    cdef int64_t register_no = digest_of_two(wire.store_id, wire.register_id, 0) >> 32 | 1
    cdef Counted* last = read_counter(
        engine, rule, journal_v1.LIMIT_MEASURE_QUANTITY, per_person(engine), person(engine), journal_v1.LIMIT_WINDOW_ALWAYS, 0, out)
    cdef Counted* where = read_counter(
        engine, rule, journal_v1.LIMIT_MEASURE_TIMES, per_person(engine), person(engine), journal_v1.LIMIT_WINDOW_ALWAYS, 0, out)
    out.subject = last.key.subject
    out.reached = llabs(now_s - last.was)
    out.tripped = last.was != 0 and where.was not in (0, register_no) and out.reached < rule.threshold
    if now_s >= last.was:
        last.change = now_s - last.was
        where.change = register_no - where.was


cdef void new_card_redemption(Engine engine, const FraudRule* rule, Looked* out) noexcept:
    cdef Counted* first = first_receipt(engine, rule, out)
    out.subject = first.key.subject
    out.reached = max(seconds_of(engine.case.business_time_us) - first.was, 0) if first.was != 0 else 0
    out.tripped = (
        engine.case.receipt.wishes_count > 0 and out.reached < rule.threshold
        and may_pay(engine) and not had_points(engine, engine.case.business_time_us - rule.threshold * 1_000_000)
    )


cdef bint looks_at_sale(Engine engine, const FraudRule* rule, Looked* out) noexcept:
    """The rule held against the sale in the case. False: it is none of its business."""
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef int64_t day = floor_div(engine.case.place.wall_us, day_us())
    cdef int64_t cashier, pair
    cdef Text parts[3]
    memset(out, 0, sizeof(Looked))
    out.may_be = rule.threshold
    if rule.kind == journal_v1.FRAUD_KIND_DUPLICATE_SIGN:
        if wire.fiscal == NULL or wire.fiscal.sign.size == 0:
            return False
        parts[0], parts[1], parts[2] = wire.fiscal.drive, wire.fiscal.document, wire.fiscal.sign
        so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, journal_v1.LIMIT_PER_UNSPECIFIED, digest_of(parts, 3, 0), day, 1, out)
    elif engine.case.account_id == 0:
        return False
    elif rule.kind in (journal_v1.FRAUD_KIND_CASHIER_CARD, journal_v1.FRAUD_KIND_CASHIER_CARD_SHARE, journal_v1.FRAUD_KIND_CASHIER_ACTIVATIONS):
        if wire.cashier_id.size == 0:
            return False
        cashier = digest_of_two(wire.store_id, wire.cashier_id, 0)
        pair = digest_of_two(wire.store_id, wire.cashier_id, person(engine))
        if rule.kind == journal_v1.FRAUD_KIND_CASHIER_CARD:
            so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, per_person(engine), pair, day, 1, out)
        elif rule.kind == journal_v1.FRAUD_KIND_CASHIER_CARD_SHARE:
            share_of_cashier(engine, rule, cashier, pair, day, out)
        else:
            activation(engine, rule, cashier, day, out)
    elif rule.kind == journal_v1.FRAUD_KIND_CARD_RECEIPTS:
        so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, per_person(engine), person(engine), day, 1, out)
    elif rule.kind == journal_v1.FRAUD_KIND_CARD_COUPONS:
        so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, per_person(engine), person(engine), day, engine.case.receipt.coupons_count, out)
    elif rule.kind == journal_v1.FRAUD_KIND_CARD_AMOUNT:
        so_many(engine, rule, journal_v1.LIMIT_MEASURE_AMOUNT, per_person(engine), person(engine), day, goods_minor(engine), out)
    elif rule.kind == journal_v1.FRAUD_KIND_RECEIPT_AMOUNT:
        out.subject = person(engine)
        out.reached = goods_minor(engine)
        out.tripped = out.reached > rule.threshold
    elif rule.kind == journal_v1.FRAUD_KIND_CARD_INTERVAL:
        interval(engine, rule, out)
    elif rule.kind == journal_v1.FRAUD_KIND_NEW_CARD_REDEMPTION:
        new_card_redemption(engine, rule, out)
    else:
        return False
    return True


# POINTS OF THE ACCOUNT

cdef bint had_points(Engine engine, int64_t by_us) noexcept:
    """The account had points by then: it is not new, whether or not the rule is."""
    cdef AccountSlot* account = accounts_find(engine.book.shards, engine.case.account_id)
    cdef Lot lot
    cdef uint32_t cell
    cdef int i
    for i in range(2 if account != NULL else 0):
        cell = account.live if i == 0 else account.empty
        while cell != 0:
            lot_read(&engine.book.lots, cell, account.account_id, &lot)
            if lot.lot_id != 0 and lot.active_from_us <= by_us:
                return True
            cell = lot.next
    return False


cdef bint may_pay(Engine engine) noexcept:
    cdef AccountSlot* account = accounts_find(engine.book.shards, engine.case.account_id)
    cdef Lot lot
    cdef uint32_t cell = account.live if account != NULL else 0
    while cell != 0:
        lot_read(&engine.book.lots, cell, account.account_id, &lot)
        if lot.remaining_points > lot.held_points and lot.active_from_us <= engine.case.instant_us:
            return True
        cell = lot.next
    return False


# JUDGE

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
    trip.subject = looked.subject
    trip.count = looked.reached
    trip.threshold = looked.may_be
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
        if looks_at_sale(engine, rule, &looked) and looked.tripped:
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


cdef int add_changes(Engine engine, const Looked* looked, journal_v1.Effects* effects) except -1:
    cdef journal_v1.CounterChange* change
    cdef int32_t i
    for i in range(looked.counted_count):
        if looked.counted[i].change != 0:
            change = &effects.counters[effects.counters_count]
            effects.counters_count += 1
            change.key = <journal_v1.CounterKey*>taken(engine, sizeof(journal_v1.CounterKey))
            change.key[0] = looked.counted[i].key
            change.used = looked.counted[i].change
    return 0


cdef int count_fraud(Engine engine, journal_v1.Effects* effects) except -1:
    cdef const FraudRule* rule
    cdef Looked looked
    cdef int32_t i
    # A plan has room for so many counters, those of a hold included; a sale is never refused for the sake of these.
    if engine.fraud.count == 0 or effects.counters_count + HOLD_PARTS_MAX + FRAUD_RULES_MAX * FRAUD_COUNTERS_MAX > COUNTER_CHANGES_MAX:
        return 0
    engine.more_counters(effects, engine.fraud.count * FRAUD_COUNTERS_MAX)
    for i in range(engine.fraud.count):
        rule = &engine.fraud.rules[i]
        if looks_at_sale(engine, rule, &looked):
            add_changes(engine, &looked, effects)
    return 0


# RETURNS

cdef bint looks_at_return(Engine engine, const FraudRule* rule, const Sale* sale, const journal_v1.Evidence* evidence, Looked* out) noexcept:
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef const pos_v1.Receipt* sold = sale.record.request.receipt
    memset(out, 0, sizeof(Looked))
    out.may_be = rule.threshold
    if wire.cashier_id.size == 0:
        return False
    out.subject = digest_of_two(wire.store_id, wire.cashier_id, 0)
    if rule.kind == journal_v1.FRAUD_KIND_FAST_RETURN:
        out.reached = max(seconds_of(evidence.business_time_us - sale.record.evidence.business_time_us), 0)
        out.tripped = (
            text_equal(wire.cashier_id, sold.cashier_id) and text_equal(wire.store_id, sold.store_id) and out.reached < rule.threshold
        )
        return True
    if rule.kind != journal_v1.FRAUD_KIND_CASHIER_RETURNS:
        return False
    so_many(engine, rule, journal_v1.LIMIT_MEASURE_TIMES, journal_v1.LIMIT_PER_UNSPECIFIED, out.subject,
            floor_div(evidence.store_wall_us, day_us()), 1, out)
    return True


cdef int judge_return(Engine engine, const Sale* sale, journal_v1.Effects* effects, journal_v1.Evidence* evidence) except -1:
    cdef const FraudRule* rule
    cdef Looked looked
    cdef int32_t i
    cdef bint counts = effects.counters_count + engine.fraud.count * FRAUD_COUNTERS_MAX <= COUNTER_CHANGES_MAX
    if engine.fraud.count == 0:
        return 0
    engine.more_counters(effects, engine.fraud.count * FRAUD_COUNTERS_MAX)
    for i in range(engine.fraud.count):
        rule = &engine.fraud.rules[i]
        if not looks_at_return(engine, rule, sale, evidence, &looked):
            continue
        if looked.tripped:
            add_trip(engine, rule, &looked)
        if counts:
            add_changes(engine, &looked, effects)
    evidence.fraud = engine.case.fraud
    return 0


cdef void tag_record(Engine engine, Operation operation) noexcept:
    if engine.case.fraud_tagged:
        add_exception(&operation.exceptions, pos_v1.REASON_FRAUD_SUSPECTED)
