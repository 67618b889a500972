"""Body of offline allowances (docs/decisions/0045).

An allowance is bytes that only this server can make: bounds, until when, and a keyed digest over them and the register's key. A register
brings them back in the receipts it made offline. Whatever it says, no more goes through in its name than the allowances of one
day let: receipts and sums are counted in the book, by register and day of issue. Never here: what a receipt spends, which is the calculator's.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport UINT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.calls cimport register_of, store_of, string, text_of
from altyn.core.engine.one_time_code cimport CODE_NONE
from altyn.core.engine.step cimport taken
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.ledger.keys cimport register_key as register_key_of
from altyn.core.outcome cimport PointsPayment
from altyn.core.siphash cimport Digest, SipState, digest_equal, sip_end, sip_start, sip_take
from altyn.core.text cimport Text

cdef struct Allowance:
    int64_t issued_us
    int64_t valid_until_us
    int64_t receipts_max
    int64_t receipt_sum_max_minor
    int64_t sum_max_minor
    int64_t debt_points_max
    uint64_t assets            # bits by their numbers; all: any asset

cdef enum:
    FORMAT = 0x6F              # no calculation token begins so
    SIGNED_BYTES = 57          # the format and an Allowance
    ALLOWANCE_BYTES = 73       # and a Digest
    COUNTERS = 2

# A register's clock may be so far before the server's.
cdef int64_t SKEW_US = 600_000_000


cdef Digest signature(Engine engine, const uint8_t* signed_, bytes register_key) noexcept:
    cdef SipState state
    sip_start(&state, engine.token_key)
    sip_take(&state, signed_, SIGNED_BYTES)
    sip_take(&state, <const uint8_t*>PyBytes_AS_STRING(register_key), 16)
    return sip_end(&state)


# GIVE

cdef pos_v1.OfflineAllowance* new_allowance(Engine engine, scope) except? NULL:
    cdef uint8_t out[ALLOWANCE_BYTES]
    cdef pos_v1.OfflineAllowance* told
    cdef Allowance made
    cdef Digest signed_
    cdef bytes signed_bytes
    limits = engine.facts.offline
    if limits.receipts_max == 0:
        return NULL
    memset(&made, 0, sizeof(made))
    made.issued_us = engine.case.instant_us
    made.valid_until_us = engine.case.instant_us + <int64_t>limits.age_max_s * 1_000_000
    made.receipts_max = limits.receipts_max
    made.receipt_sum_max_minor = limits.receipt_sum_max_minor
    made.sum_max_minor = limits.sum_max_minor
    made.debt_points_max = limits.debt_points_max
    made.assets = assets_of(engine, limits.assets)
    out[0] = FORMAT
    memcpy(out + 1, &made, sizeof(made))
    signed_ = signature(engine, out, register_key_of(engine.tenant, store_of(scope), register_of(scope)))
    memcpy(out + SIGNED_BYTES, &signed_, sizeof(signed_))
    signed_bytes = PyBytes_FromStringAndSize(<char*>out, ALLOWANCE_BYTES)
    engine.kept.append(signed_bytes)
    told = <pos_v1.OfflineAllowance*>taken(engine, sizeof(pos_v1.OfflineAllowance))
    told.signed_ = text_of(signed_bytes)
    told.receipts_max = <int32_t>made.receipts_max
    told.receipt_sum_max_minor = made.receipt_sum_max_minor
    told.sum_max_minor = made.sum_max_minor
    told.valid_until_us = made.valid_until_us
    tell_assets(engine, told, limits.assets)
    return told


cdef uint64_t assets_of(Engine engine, names) except? 0:
    cdef uint64_t mask = 0
    for name in names:
        asset = engine.facts.assets.get(name)
        if asset is not None and asset.asset_no < 64:
            mask |= <uint64_t>1 << <int32_t>asset.asset_no
    return mask if names else UINT64_MAX


cdef int tell_assets(Engine engine, pos_v1.OfflineAllowance* told, names) except -1:
    cdef bytes encoded
    told.assets = <Text*>taken(engine, (<size_t>len(names) + 1) * sizeof(Text))
    for name in names:
        encoded = name.encode()
        engine.kept.append(encoded)
        told.assets[told.assets_count] = text_of(encoded)
        told.assets_count += 1
    return 0


# TAKE BACK

cdef bint read_allowance(Engine engine, Operation operation, Allowance* out) except -1:
    """What the offline receipt in the case brings, when this server gave it to this register and its time was not over."""
    cdef Text brought = engine.case.wire.offline_allowance
    cdef const uint8_t* data = <const uint8_t*>brought.data
    cdef Digest signed_
    if (operation is None or operation.kind != pos_v1.OPERATION_KIND_COMMIT or engine.case.wire.mode != pos_v1.MODE_OFFLINE
            or brought.size != ALLOWANCE_BYTES or data[0] != FORMAT):
        return False
    memcpy(&signed_, data + SIGNED_BYTES, sizeof(signed_))
    if not digest_equal(signed_, signature(engine, data, operation.register_key)):
        return False
    memcpy(out, data + 1, sizeof(Allowance))
    return out.issued_us - SKEW_US <= engine.case.business_time_us < out.valid_until_us


cdef bint is_of(const Allowance* allowance, int32_t asset_no) noexcept nogil:
    return allowance.assets == UINT64_MAX or (asset_no < 64 and allowance.assets >> asset_no & 1)


cdef int64_t debt_room(Engine engine, Operation operation, int32_t asset_no) except -1:
    cdef Allowance allowance
    if not read_allowance(engine, operation, &allowance) or not is_of(&allowance, asset_no):
        return 0
    return max(allowance.debt_points_max - engine.book.balance(engine.case.account_id, asset_no, engine.case.instant_us).debt_points, 0)


cdef int64_t spent_minor(Engine engine) noexcept:
    cdef int64_t sum_minor = 0
    cdef int32_t i
    for i in range(engine.outcome.payments_count):
        sum_minor += engine.outcome.payments[i].amount_minor if engine.outcome.payments[i].points > 0 else 0
    return sum_minor


cdef int64_t used_of(Engine engine, const journal_v1.CounterKey* key) noexcept:
    cdef CounterId id = id_of_key(key)
    return engine.book.counter(&id).used


cdef bint is_within_allowance(Engine engine, Operation operation) except -1:
    cdef Allowance allowance
    cdef const PointsPayment* payment
    cdef int64_t sum_minor = spent_minor(engine)
    cdef int32_t i
    if sum_minor == 0 or engine.case.account_id == 0 or not read_allowance(engine, operation, &allowance):
        return False
    # A token of a virtual card pays once and a one-time code is looked at, both by a Reserve: offline there was none.
    if engine.case.qr.card_id != 0 or engine.case.code.state != CODE_NONE:
        return False
    for i in range(engine.outcome.payments_count):
        payment = &engine.outcome.payments[i]
        if payment.points > 0 and not is_of(&allowance, operation.release.asset_nos[payment.asset]):
            return False
    return (
        sum_minor <= allowance.receipt_sum_max_minor
        and sum_minor <= allowance.sum_max_minor - used_of(engine, key_of(engine, &allowance, journal_v1.LIMIT_MEASURE_AMOUNT))
        and used_of(engine, key_of(engine, &allowance, journal_v1.LIMIT_MEASURE_TIMES)) < allowance.receipts_max
    )


cdef journal_v1.CounterKey* key_of(Engine engine, const Allowance* allowance, int32_t measure) except NULL:
    cdef journal_v1.CounterKey* key = <journal_v1.CounterKey*>taken(engine, sizeof(journal_v1.CounterKey))
    cdef bytes name = f"offline:{string(engine.case.wire.store_id)}:{string(engine.case.wire.register_id)}".encode()
    engine.kept.append(name)
    key.limit = text_of(name)
    key.measure = measure
    key.per = journal_v1.LIMIT_PER_PROMOTION
    key.window = journal_v1.LIMIT_WINDOW_DAY
    key.window_day = floor_div(allowance.issued_us, day_us())
    return key


cdef int count_allowance(Engine engine, Operation operation, journal_v1.Effects* effects) except -1:
    cdef journal_v1.CounterChange* changes
    cdef Allowance allowance
    if not operation.is_allowed or not read_allowance(engine, operation, &allowance):
        return 0
    changes = engine.more_counters(effects, COUNTERS)
    changes[0].key = key_of(engine, &allowance, journal_v1.LIMIT_MEASURE_TIMES)
    changes[0].used = 1
    changes[1].key = key_of(engine, &allowance, journal_v1.LIMIT_MEASURE_AMOUNT)
    changes[1].used = spent_minor(engine)
    effects.counters_count += COUNTERS
    return 0


cdef int allowance_evidence(Engine engine, Operation operation, journal_v1.Evidence* evidence) except -1:
    cdef journal_v1.CounterFacts* facts
    cdef Allowance allowance
    cdef int32_t i
    if not operation.is_allowed or not read_allowance(engine, operation, &allowance):
        return 0
    facts = <journal_v1.CounterFacts*>taken(engine, (<size_t>evidence.counters_count + COUNTERS) * sizeof(journal_v1.CounterFacts))
    if evidence.counters_count > 0:
        memcpy(facts, evidence.counters, <size_t>evidence.counters_count * sizeof(journal_v1.CounterFacts))
    evidence.counters = facts
    for i in range(COUNTERS):
        facts = &evidence.counters[evidence.counters_count]
        evidence.counters_count += 1
        facts.key = key_of(engine, &allowance, journal_v1.LIMIT_MEASURE_TIMES if i == 0 else journal_v1.LIMIT_MEASURE_AMOUNT)
        facts.used = used_of(engine, facts.key)
        facts.cap = allowance.receipts_max if i == 0 else allowance.sum_max_minor
    return 0
