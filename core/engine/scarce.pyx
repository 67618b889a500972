"""Body of what runs out.

A Reserve takes nothing away: its hold keeps lots, counters and codes for this receipt, and a Commit turns them into postings, counts and
used codes. A Commit is a fact: points or a code that no Reserve kept and no offline allowance covers are not taken, and said so (NOT_RESERVED); what a hold kept and lost by
its time-out is taken again, and what is not there any more becomes a debt. A limit that a promised price passes is an OVERSHOOT.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp, memcpy

from altyn.core.engine.presented cimport coupon_hash
from altyn.core.engine.releases cimport Release
from altyn.core.engine.allowance cimport count_allowance, debt_room, is_within_allowance
from altyn.core.engine.calls cimport add_exception, except_full, string, text_of
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.facts.coupons cimport CODE_BLOCKED, CODE_UNKNOWN, COUPON_UNIQUE, Coupons, CouponSeries, Resolution
from altyn.core.facts.serial_codes cimport serial_of, series_key
from altyn.core.ledger.coupons cimport COUPON_CANCELLED, COUPON_FREE, COUPON_HELD, COUPON_USED, Coupon
from altyn.core.ledger.keys cimport receipt_key as receipt_key_of
from altyn.core.ledger.holds cimport HOLD_EXPIRED, HOLD_PENDING, PART_COUPON, PART_POINTS, Hold, HoldPart
from altyn.core.ledger.serials cimport serial_key
from altyn.core.limits cimport HOLD_PARTS_MAX
from altyn.core.outcome cimport COUPON_APPLIED, CounterUse, PointsPayment
from altyn.core.receipt cimport CouponFact
from altyn.core.rules.image cimport READS_BALANCE
from altyn.core.sha256 cimport SHA256_BYTES
from altyn.core.text cimport Text
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# READ

cdef const Hold* hold_of(Engine engine, Operation operation) except? NULL:
    """What is held for the receipt; a forecast's key is only made when there are holds at all."""
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef bytes receipt_key
    if engine.book.holds.count == 0:
        return NULL
    if operation is not None:
        receipt_key = operation.receipt_key
    else:
        receipt_key = receipt_key_of(engine.tenant, string(wire.store_id), string(wire.register_id), wire.shift_number, wire.receipt_number)
    return engine.book.hold_for(<const uint8_t*>PyBytes_AS_STRING(receipt_key))


cdef int read_scarce(Engine engine, Release release, Operation operation) except -1:
    cdef const Hold* held = hold_of(engine, operation)
    engine.case.holdings.counters = &engine.book.counters
    engine.case.holdings.card_id = engine.case.card_id
    if held != NULL and held.state == HOLD_PENDING:
        engine.case.holdings.own_parts = held.parts
        engine.case.holdings.own_parts_count = held.parts_count
    # A hold that ran out had promised its price.
    engine.case.holdings.limits_waived = held != NULL and held.state == HOLD_EXPIRED and held.parts_count > 0
    if engine.case.account_id != 0:
        read_balances(engine, release, operation, held)
    if engine.case.receipt.coupons_count > 0 and (engine.facts.coupons.series_count > 0 or engine.book.coupons.by_key.count > 0):
        read_coupons(engine, held)
    return 0


cdef int read_balances(Engine engine, Release release, Operation operation, const Hold* held) except -1:
    """By the ruleset's assets. What a hold keeps or kept for this receipt may be spent by it, and offline what may be owed."""
    cdef int32_t i, j
    cdef int64_t* balances
    if release.ruleset.view.payments_count == 0 and not release.ruleset.view.summary.promotion_flags & READS_BALANCE:
        return 0
    balances = <int64_t*>taken(engine, (<size_t>release.ruleset.view.assets_count + 1) * sizeof(int64_t))
    engine.case.holdings.balances = balances
    for i in range(release.ruleset.view.assets_count):
        balances[i] = engine.book.balance(engine.case.account_id, release.asset_nos[i], engine.case.instant_us).active_points
        balances[i] += debt_room(engine, operation, release.asset_nos[i])
        for j in range(held.parts_count if held != NULL and engine.book.leads_to(held.account_id) == engine.case.account_id else 0):
            if held.parts[j].kind == PART_POINTS and held.parts[j].account_id == 0 and held.parts[j].asset_no == release.asset_nos[i]:
                balances[i] += held.parts[j].points
    return 0


cdef int read_coupons(Engine engine, const Hold* held) except -1:
    """Which of the entered codes belong to a series, and whether each may be used."""
    cdef Coupons coupons = engine.facts.coupons
    cdef CouponFact* facts = <CouponFact*>taken(engine, <size_t>engine.case.receipt.coupons_count * sizeof(CouponFact))
    cdef uint8_t hashed[SHA256_BYTES]
    cdef bint found = False
    cdef int32_t i
    for i in range(engine.case.receipt.coupons_count):
        coupon_hash(&engine.pepper_key, engine.case.receipt.coupons[i], hashed)
        memcpy(facts[i].key, hashed, 16)
        resolve_code(engine, coupons, &facts[i], engine.case.receipt.coupons[i], held)
        found = found or facts[i].series.size > 0
    if found:
        engine.case.holdings.coupons = facts
    return 0


cdef Resolution resolve_serial(Engine engine, Coupons coupons, Text code, CouponFact* fact) except *:
    """A code that is no listed one: is it the code of a serial? Then its key is that. Wrong codes of one form take equal work."""
    cdef Resolution unknown = [0, 0, CODE_UNKNOWN]
    cdef int32_t series_no = coupons.serials.series_of(code)
    cdef const CouponSeries* series = coupons.find_series(series_no)
    cdef Resolution known
    cdef int64_t serial
    if series == NULL:
        return unknown
    serial = serial_of(series_key(&engine.pepper_key, text_of(engine.tenant_bytes), series_no), series.template, code.data)
    known = coupons.resolve_serial(series_no, serial, engine.case.business_time_us)
    if known.result != CODE_UNKNOWN:
        fact.serial = serial
        serial_key(series_no, serial, fact.key)
    return known


cdef int resolve_code(Engine engine, Coupons coupons, CouponFact* fact, Text code, const Hold* held) except -1:
    cdef Coupon state = engine.book.coupon(fact.key)
    cdef Resolution known = coupons.resolve_code(fact.key, engine.case.business_time_us)
    cdef const CouponSeries* series
    if known.result == CODE_UNKNOWN and not state.issued:
        known = resolve_serial(engine, coupons, code, fact)
        if known.result == CODE_UNKNOWN:
            return 0
        state = engine.book.coupon(fact.key)
    fact.series_no = state.series_no if known.result == CODE_UNKNOWN else known.series_no
    series = coupons.find_series(fact.series_no)
    if series == NULL:
        return 0
    fact.series = series.series
    fact.unique = series.kind == COUPON_UNIQUE
    fact.expires_at_us = state.expires_at_us
    if known.result == CODE_BLOCKED or series.is_blocked:
        fact.reason = pos_v1.REASON_COUPON_BLOCKED
    elif engine.case.business_time_us < series.starts_at_us:
        fact.reason = pos_v1.REASON_COUPON_NOT_YET_VALID
    elif engine.case.business_time_us >= coupon_end_us(series, &state):
        fact.reason = pos_v1.REASON_COUPON_EXPIRED
    elif is_own(held, fact.key):
        # Kept, or once kept, for this very receipt.
        fact.reason = pos_v1.REASON_UNSPECIFIED
    elif state.use == COUPON_USED:
        fact.reason = pos_v1.REASON_COUPON_USED
    elif state.use == COUPON_HELD:
        fact.reason = pos_v1.REASON_COUPON_HELD
    elif state.use == COUPON_CANCELLED:
        fact.reason = pos_v1.REASON_COUPON_BLOCKED
    return 0


cdef int64_t coupon_end_us(const CouponSeries* series, const Coupon* state) noexcept nogil:
    """When the code ends, the book and the series together."""
    if state.has_grace:
        return state.expires_at_us
    if state.issued and state.expires_at_us != 0:
        return min(state.expires_at_us, series.ends_at_us)
    return series.ends_at_us


cdef bint is_own(const Hold* held, const uint8_t* key) noexcept:
    cdef int32_t i
    for i in range(held.parts_count if held != NULL else 0):
        if held.parts[i].kind == PART_COUPON and memcmp(held.parts[i].key, key, 16) == 0:
            return True
    return False


cdef bint is_taken_code(Engine engine, int32_t place) noexcept:
    """The outcome uses up this code."""
    return (
        engine.outcome.coupons[place].result == COUPON_APPLIED
        and engine.case.holdings.coupons != NULL
        and engine.case.holdings.coupons[place].series.size > 0
        and engine.case.holdings.coupons[place].unique
    )


cdef void forget_issues_of_accrual(Outcome* outcome) noexcept nogil:
    """Coupons of promotions that gave points, and these to nobody."""
    cdef int32_t i, kept = 0
    for i in range(outcome.issued_count):
        if outcome.issued[i].points == 0 or outcome.issued[i].discount_minor > 0:
            outcome.issued[kept] = outcome.issued[i]
            kept += 1
    outcome.issued_count = kept


cdef void forget_accrual(Outcome* outcome, int32_t lines_count) noexcept nogil:
    cdef int32_t i
    outcome.accruals_count = 0
    forget_issues_of_accrual(outcome)
    for i in range(outcome.counters_count):
        if outcome.counters[i].of_accrual:
            outcome.counters[i].taken = 0
    for i in range(lines_count):
        outcome.lines[i].first_accrual = -1


cdef bint is_scarce(Engine engine) noexcept:
    cdef int32_t i
    for i in range(engine.outcome.payments_count):
        if engine.outcome.payments[i].points > 0:
            return True
    for i in range(engine.outcome.counters_count):
        if engine.outcome.counters[i].taken > 0:
            return True
    for i in range(engine.case.receipt.coupons_count):
        if is_taken_code(engine, i):
            return True
    return False


# KEEP

cdef journal_v1.HoldPart* next_part(journal_v1.HoldChange* change) except NULL:
    if change.parts_count == HOLD_PARTS_MAX:
        except_full()
    change.parts_count += 1
    return &change.parts[change.parts_count - 1]


cdef journal_v1.CounterKey* counter_key(Engine engine, const CounterUse* counter) except NULL:
    cdef journal_v1.CounterKey* key = <journal_v1.CounterKey*>taken(engine, sizeof(journal_v1.CounterKey))
    key.limit = counter.limit
    key.measure = counter.measure
    key.per = counter.per
    key.window = counter.id.window
    key.subject = counter.subject
    key.window_day = counter.id.window_day
    return key


cdef int keep_scarce(Engine engine, Release release, journal_v1.HoldChange* change) except -1:
    cdef const PointsPayment* payment
    cdef journal_v1.HoldPart* part
    cdef int32_t i
    if not is_scarce(engine):
        return 0
    change.account_id = engine.case.account_id
    change.parts = <journal_v1.HoldPart*>taken(engine, HOLD_PARTS_MAX * sizeof(journal_v1.HoldPart))
    for i in range(engine.outcome.payments_count):
        payment = &engine.outcome.payments[i]
        if payment.points > 0:
            keep_points(engine, change, release.asset_nos[payment.asset], payment.points)
    for i in range(engine.outcome.counters_count):
        if engine.outcome.counters[i].taken > 0:
            part = next_part(change)
            part.counter = counter_key(engine, &engine.outcome.counters[i])
            part.counted = engine.outcome.counters[i].taken
    for i in range(engine.case.receipt.coupons_count):
        if is_taken_code(engine, i):
            part = next_part(change)
            if engine.case.holdings.coupons[i].serial != 0:
                part.series_no = engine.case.holdings.coupons[i].series_no
                part.serial = engine.case.holdings.coupons[i].serial
            else:
                part.code_hash = key_text(&engine.case.holdings.coupons[i])
    return 0


cdef Text key_text(const CouponFact* fact) noexcept:
    """The hash of a code; empty: it is known by its serial."""
    cdef Text text
    text.data = <const char*>fact.key
    text.size = 16 if fact.serial == 0 else 0
    return text


cdef int pick_points(Engine engine, int32_t asset_no, int64_t points, HoldPart* out) except -1:
    """Lots in the order of use, those the receipt's own pending hold keeps being free again; the answer is how many."""
    cdef int32_t i, count = 0
    cdef int64_t own
    for i in range(engine.case.holdings.own_parts_count):
        if (engine.case.holdings.own_parts[i].kind != PART_POINTS or engine.case.holdings.own_parts[i].account_id != 0
                or engine.case.holdings.own_parts[i].asset_no != asset_no or points == 0):
            continue
        out[count] = engine.case.holdings.own_parts[i]
        own = min(out[count].points, points)
        out[count].points = own
        points -= own
        count += 1
    if points > 0:
        count += engine.book.pick(engine.case.account_id, asset_no, points, engine.case.instant_us, &out[count], HOLD_PARTS_MAX - count)
    return count


cdef int keep_points(Engine engine, journal_v1.HoldChange* change, int32_t asset_no, int64_t points) except -1:
    cdef HoldPart picked[HOLD_PARTS_MAX]
    cdef journal_v1.HoldPart* part
    cdef int32_t i, j, count = pick_points(engine, asset_no, points, picked)
    for i in range(count):
        for j in range(change.parts_count):
            # A lot picked from the former hold and from what is free is one part.
            if change.parts[j].lot_id == picked[i].lot_id and change.parts[j].asset_no == asset_no and change.parts[j].account_id == 0:
                change.parts[j].points += picked[i].points
                break
        else:
            part = next_part(change)
            part.asset_no = asset_no
            part.points = picked[i].points
            part.lot_id = picked[i].lot_id
    return 0


# TAKE

cdef int take_scarce(Engine engine, Operation operation, journal_v1.Effects* effects, const Hold* held) except -1:
    cdef int32_t i
    operation.is_allowed = held == NULL and is_within_allowance(engine, operation)
    for i in range(engine.outcome.payments_count):
        if engine.outcome.payments[i].points > 0:
            if held == NULL and not operation.is_allowed:
                add_exception(&operation.exceptions, pos_v1.REASON_NOT_RESERVED)
            else:
                take_points(engine, operation, effects, operation.release.asset_nos[engine.outcome.payments[i].asset],
                            engine.outcome.payments[i].points)
    take_counters(engine, operation, effects)
    count_allowance(engine, operation, effects)
    take_coupons(engine, operation, effects, held)
    return pay_debts(engine, effects)


cdef journal_v1.Entry* next_entry(Engine engine, journal_v1.Effects* effects) except NULL:
    """One more entry; those before it move."""
    cdef journal_v1.Entry* entries = <journal_v1.Entry*>taken(engine, (<size_t>effects.entries_count + 1) * sizeof(journal_v1.Entry))
    if effects.entries_count > 0:
        memcpy(entries, effects.entries, <size_t>effects.entries_count * sizeof(journal_v1.Entry))
    effects.entries = entries
    effects.entries_count += 1
    return &entries[effects.entries_count - 1]


cdef int take_points(Engine engine, Operation operation, journal_v1.Effects* effects, int32_t asset_no, int64_t points) except -1:
    cdef HoldPart picked[HOLD_PARTS_MAX]
    cdef int32_t i, count = pick_points(engine, asset_no, points, picked)
    cdef journal_v1.Entry* entry = next_entry(engine, effects)
    cdef int64_t left = points
    entry.kind = journal_v1.ENTRY_KIND_REDEMPTION
    entry.postings = <journal_v1.Posting*>taken(engine, (<size_t>count + 2) * sizeof(journal_v1.Posting))
    for i in range(count):
        entry.postings[i].account_id = engine.case.account_id
        entry.postings[i].asset_no = asset_no
        entry.postings[i].points = -picked[i].points
        entry.postings[i].lot_id = picked[i].lot_id
        left -= picked[i].points
    if left > 0:
        entry.postings[count].account_id = engine.case.account_id
        entry.postings[count].asset_no = asset_no
        entry.postings[count].points = -left
        count += 1
        add_exception(&operation.exceptions, pos_v1.REASON_DEBT_BOOKED)
    entry.postings[count].account_id = -journal_v1.SYSTEM_ACCOUNT_REDEEMED
    entry.postings[count].asset_no = asset_no
    entry.postings[count].points = points
    entry.postings_count = count + 1
    return 0


cdef int pay_debts(Engine engine, journal_v1.Effects* effects) except -1:
    cdef const journal_v1.LotOpened* lot
    cdef journal_v1.Entry* entry
    cdef int32_t i, j
    cdef int64_t debt
    for i in range(effects.lots_count):
        lot = &effects.lots[i]
        debt = engine.book.balance(lot.account_id, lot.asset_no, engine.case.instant_us).debt_points
        for j in range(i):
            if effects.lots[j].account_id == lot.account_id and effects.lots[j].asset_no == lot.asset_no:
                debt -= min(effects.lots[j].points, debt)
        if debt == 0:
            continue
        entry = next_entry(engine, effects)
        entry.kind = journal_v1.ENTRY_KIND_CLAWBACK
        entry.postings = <journal_v1.Posting*>taken(engine, 2 * sizeof(journal_v1.Posting))
        entry.postings_count = 2
        entry.postings[0].account_id = lot.account_id
        entry.postings[0].asset_no = lot.asset_no
        entry.postings[0].points = -min(debt, lot.points)
        entry.postings[0].lot_id = lot.lot_id
        entry.postings[1] = entry.postings[0]
        entry.postings[1].points = -entry.postings[0].points
        entry.postings[1].lot_id = 0
    return 0


cdef int take_counters(Engine engine, Operation operation, journal_v1.Effects* effects) except -1:
    cdef const CounterUse* counter
    cdef journal_v1.CounterChange* change
    cdef int32_t i
    cdef int64_t over
    if engine.outcome.counters_count == 0:
        return 0
    effects.counters = <journal_v1.CounterChange*>taken(engine, <size_t>engine.outcome.counters_count * sizeof(journal_v1.CounterChange))
    for i in range(engine.outcome.counters_count):
        counter = &engine.outcome.counters[i]
        if counter.taken == 0:
            continue
        change = &effects.counters[effects.counters_count]
        effects.counters_count += 1
        change.key = counter_key(engine, counter)
        change.used = counter.taken
        over = counter.used + counter.held + counter.taken - counter.cap
        if over > 0:
            change.overshoot = min(over, counter.taken)
            add_exception(&operation.exceptions, pos_v1.REASON_OVERSHOOT)
    return 0


cdef int take_coupons(Engine engine, Operation operation, journal_v1.Effects* effects, const Hold* held) except -1:
    cdef const CouponFact* fact
    cdef journal_v1.CouponChange* change
    cdef Coupon state
    cdef int32_t i
    for i in range(engine.case.receipt.coupons_count):
        if not is_taken_code(engine, i):
            continue
        fact = &engine.case.holdings.coupons[i]
        state = engine.book.coupon(fact.key)
        if not is_own(held, fact.key):
            add_exception(&operation.exceptions, pos_v1.REASON_NOT_RESERVED)
            continue
        if state.use == COUPON_USED or (state.use == COUPON_HELD and held.state != HOLD_PENDING):
            # The hold ran out and another receipt was quicker.
            add_exception(&operation.exceptions, pos_v1.REASON_COUPON_USED)
            continue
        if effects.coupons == NULL:
            effects.coupons = <journal_v1.CouponChange*>taken(engine, <size_t>engine.case.receipt.coupons_count * sizeof(journal_v1.CouponChange))
        change = &effects.coupons[effects.coupons_count]
        effects.coupons_count += 1
        change.code_hash = key_text(fact)
        change.serial = fact.serial
        change.series_no = fact.series_no
        change.use = journal_v1.COUPON_USE_USED
    return 0


# EVIDENCE

cdef int unreserved_evidence(Engine engine, Operation operation, const Hold* held, journal_v1.Evidence* evidence) except -1:
    cdef journal_v1.Unreserved* out
    cdef const PointsPayment* payment
    cdef int32_t i
    for i in range(operation.exceptions.count):
        if operation.exceptions.reasons[i] == pos_v1.REASON_NOT_RESERVED:
            break
    else:
        return 0
    out = <journal_v1.Unreserved*>taken(engine, sizeof(journal_v1.Unreserved))
    out.points = <journal_v1.UnreservedPoints*>taken(engine, (<size_t>engine.outcome.payments_count + 1) * sizeof(journal_v1.UnreservedPoints))
    out.codes = <int32_t*>taken(engine, (<size_t>engine.case.receipt.coupons_count + 1) * sizeof(int32_t))
    for i in range(engine.outcome.payments_count if held == NULL and not operation.is_allowed else 0):
        payment = &engine.outcome.payments[i]
        if payment.points > 0:
            out.points[out.points_count].asset_no = operation.release.asset_nos[payment.asset]
            out.points[out.points_count].points = payment.points
            out.points[out.points_count].amount_minor = payment.amount_minor
            out.points_count += 1
    for i in range(engine.case.receipt.coupons_count):
        if is_taken_code(engine, i) and not is_own(held, engine.case.holdings.coupons[i].key):
            out.codes[out.codes_count] = i
            out.codes_count += 1
    if out.points_count > 0 or out.codes_count > 0:
        evidence.unreserved = out
    return 0


cdef int scarce_evidence(Engine engine, Release release, journal_v1.Evidence* evidence) except -1:
    cdef const CouponFact* fact
    cdef journal_v1.CouponFacts* shown
    cdef int32_t i
    evidence.input_method = engine.case.holdings.input_method
    evidence.limits_waived = engine.case.holdings.limits_waived
    evidence.issues = engine.case.issues
    evidence.issues_count = engine.case.issues_count
    if engine.case.holdings.balances != NULL:
        evidence.balances = <journal_v1.BalanceFacts*>taken(engine, (<size_t>release.ruleset.view.assets_count + 1) * sizeof(journal_v1.BalanceFacts))
        evidence.balances_count = release.ruleset.view.assets_count
        for i in range(evidence.balances_count):
            evidence.balances[i].asset_no = release.asset_nos[i]
            evidence.balances[i].active_points = engine.case.holdings.balances[i]
    if engine.outcome.counters_count > 0:
        evidence.counters = <journal_v1.CounterFacts*>taken(engine, <size_t>engine.outcome.counters_count * sizeof(journal_v1.CounterFacts))
        evidence.counters_count = engine.outcome.counters_count
        for i in range(evidence.counters_count):
            evidence.counters[i].key = counter_key(engine, &engine.outcome.counters[i])
            evidence.counters[i].used = engine.outcome.counters[i].used
            evidence.counters[i].held = engine.outcome.counters[i].held
            evidence.counters[i].cap = engine.outcome.counters[i].cap
    if engine.case.holdings.coupons == NULL:
        return 0
    evidence.coupons = <journal_v1.CouponFacts*>taken(engine, <size_t>engine.case.receipt.coupons_count * sizeof(journal_v1.CouponFacts))
    for i in range(engine.case.receipt.coupons_count):
        fact = &engine.case.holdings.coupons[i]
        if fact.series.size == 0:
            continue
        shown = &evidence.coupons[evidence.coupons_count]
        evidence.coupons_count += 1
        shown.place = i
        shown.series = fact.series
        shown.series_no = fact.series_no
        shown.code_hash = key_text(fact)
        shown.serial = fact.serial
        shown.reason = fact.reason
        shown.expires_at_us = fact.expires_at_us
    return 0
