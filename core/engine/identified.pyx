"""Body of identification: card number, phone, phone with a one-time code, or the short-lived token of a virtual card.

A token identifies while it lives, at one register as long as a calculation token stands for it, and for facts always: what was sold was
sold. It pays once: the Reserve that keeps something counts it, under its own mark, by the day of its expiry; the receipt whose hold names
the mark goes on paying with it. The number of a virtual card by itself identifies nobody.

A phone identifies; its one-time code proves it, which is another way of identification. A code is looked at by ReserveReceipt alone, which
declines a wrong one and counts it in its record: whoever may guess leaves a trace and is bounded. Forecasts believe it. A fact with a code
spends when its hold kept something. Never here: what rules say of ways of identification.
"""
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcmp, memset
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.calls cimport except_full, text_of
from altyn.core.engine.case cimport remark, resolve_card, resolve_phone
from altyn.core.engine.one_time_code cimport (
    CODE_BELIEVED, CODE_LOCKED, CODE_NONE, CODE_OVER, CODE_RIGHT, CODE_WRONG, one_time_code_read,
)
from altyn.core.engine.presented cimport card_hash, phone_hash
from altyn.core.engine.qr_token cimport QR_FORGED, QR_GENUINE, QrReading, qr_token_read
from altyn.core.engine.scarce cimport hold_of, next_part
from altyn.core.engine.tiers cimport read_tier
from altyn.core.engine.token cimport Token, token_read
from altyn.core.facts.directory cimport Card, is_virtual
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.ledger.holds cimport PART_COUNTER, PART_POINTS, Hold
from altyn.core.sha256 cimport SHA256_BYTES
from altyn.core.siphash cimport SipState, digest_equal, sip_end, sip_start, sip_take
from altyn.core.wire.arena cimport arena_take

cdef enum:
    # Wrong codes of one phone in a step of five minutes, before none is taken any more in it.
    CODE_TRIES_MAX = 5

cdef bytes QR_LIMIT = b"qr-token"
cdef bytes CODE_LIMIT = b"one-time-code"
cdef bytes TRIES_LIMIT = b"one-time-code-tries"

cdef inline int64_t skew_us() noexcept nogil:
    """How far apart the clocks of the back office and of the server may be."""
    return 10_000_000


cdef bint is_fact(Operation operation) noexcept:
    return operation is not None and operation.kind != pos_v1.OPERATION_KIND_RESERVE


cdef int32_t method_told(const pos_v1.Identity* identity) noexcept nogil:
    """A till's word proves no phone."""
    if identity.input_method == pos_v1.INPUT_METHOD_PHONE_CODE:
        return pos_v1.INPUT_METHOD_PHONE
    return identity.input_method


cdef int identify(Engine engine, const pos_v1.Identity* identity, Operation operation, Text token_text, int64_t clock_us) except -1:
    cdef uint8_t hashed[SHA256_BYTES]
    cdef QrReading reading
    cdef const Card* card
    cdef int found = 0
    if identity == NULL or identity.value.size == 0:
        return 0
    engine.case.holdings.input_method = method_told(identity)
    if identity.kind == pos_v1.TOKEN_KIND_PHONE:
        phone_hash(&engine.pepper_key, identity.value, hashed)
        found = resolve_phone(&engine.case, engine.directory, hashed, &engine.arena)
        look_at_code(engine, identity, operation, hashed)
    else:
        reading = qr_token_read(&engine.pepper_key, identity.value, &engine.case.qr)
        if reading == QR_GENUINE:
            found = identify_virtual(engine, identity.value, token_text, is_fact(operation), clock_us)
        elif reading == QR_FORGED and identity.kind == pos_v1.TOKEN_KIND_QR:
            remark(&engine.case.remarks, pos_v1.REASON_TOKEN_INVALID)
        else:
            card_hash(&engine.pepper_key, identity.value, hashed)
            card = engine.directory.find_card(hashed)
            if card != NULL and is_virtual(card):
                remark(&engine.case.remarks, pos_v1.REASON_TOKEN_INVALID)
            else:
                found = resolve_card(&engine.case, engine.directory, card, &engine.arena)
    if found != 0:
        except_full()
    engine.case.account_id = engine.book.leads_to(engine.case.account_id)
    return read_tier(engine)


cdef int identify_virtual(Engine engine, Text value, Text token_text, bint has_happened, int64_t clock_us) except? -2:
    if not has_happened and clock_us > engine.case.qr.expires_at_us + skew_us() and not is_kept(engine, value, token_text, clock_us):
        remark(&engine.case.remarks, pos_v1.REASON_TOKEN_EXPIRED)
        engine.case.qr.card_id = 0
        return 0
    return resolve_card(&engine.case, engine.directory, engine.directory.find_virtual(engine.case.qr.card_id), &engine.arena)


# BY A ONE-TIME CODE

cdef void look_at_code(Engine engine, const pos_v1.Identity* identity, Operation operation, const uint8_t* phone_hashed) noexcept:
    """Whether the phone is proven; without it, it is but told."""
    if identity.code.size > 0 and engine.case.account_id != 0:
        one_time_code_read(&engine.pepper_key, phone_hashed, identity.code, engine.case.instant_us, &engine.case.code)
        if operation is None or is_fact(operation):
            engine.case.code.state = CODE_BELIEVED
    if engine.case.code.state == CODE_BELIEVED or engine.case.code.state == CODE_RIGHT:
        engine.case.holdings.input_method = pos_v1.INPUT_METHOD_PHONE_CODE


cdef bint has_kept(Engine engine, const Hold* held) noexcept:
    """Points or money of the customer's account."""
    cdef int32_t i
    if engine.book.leads_to(held.account_id) != engine.case.account_id:
        return False
    for i in range(held.parts_count):
        if held.parts[i].kind == PART_POINTS and (held.parts[i].account_id == 0 or held.parts[i].account_id == engine.case.account_id):
            return True
    return False


cdef int read_code(Engine engine, Operation operation) except -1:
    """What stands against paying with it, used or not."""
    cdef CounterId tries
    cdef const Hold* held
    if engine.case.code.state == CODE_NONE:
        return 0
    if is_fact(operation):
        held = hold_of(engine, operation)
        if held != NULL and not has_kept(engine, held):
            engine.case.holdings.refused = pos_v1.REASON_NOT_RESERVED
        return 0
    tries = id_of_key(key_of(engine, TRIES_LIMIT, engine.case.code.tries_mark, engine.case.code.tries_end_us))
    if engine.book.counter(&tries).used >= CODE_TRIES_MAX:
        engine.case.code.state = CODE_LOCKED
    if engine.case.code.state == CODE_WRONG:
        engine.case.holdings.refused = pos_v1.REASON_CODE_WRONG
    elif engine.case.code.state == CODE_OVER or engine.case.code.state == CODE_LOCKED:
        engine.case.holdings.refused = pos_v1.REASON_CODE_EXPIRED
    return 0


cdef int32_t refused_code(Engine engine) noexcept:
    return engine.case.holdings.refused if engine.case.code.state >= CODE_WRONG else pos_v1.REASON_UNSPECIFIED


cdef int count_wrong_code(Engine engine, journal_v1.Effects* effects) except -1:
    if engine.case.code.state != CODE_WRONG and engine.case.code.state != CODE_OVER:
        return 0
    return count_use(engine, effects, key_of(engine, TRIES_LIMIT, engine.case.code.tries_mark, engine.case.code.tries_end_us))


# BY A CALCULATION TOKEN

cdef Digest digest_of(Engine engine, Text value) noexcept:
    """Of the text and of the register it was presented at."""
    cdef SipState state
    cdef const pos_v1.Receipt* wire = engine.case.wire
    sip_start(&state, engine.token_key)
    sip_take(&state, <const uint8_t*>&wire.store_id.size, 4)
    sip_take(&state, <const uint8_t*>wire.store_id.data, <size_t>wire.store_id.size)
    sip_take(&state, <const uint8_t*>&wire.register_id.size, 4)
    sip_take(&state, <const uint8_t*>wire.register_id.data, <size_t>wire.register_id.size)
    sip_take(&state, <const uint8_t*>value.data, <size_t>value.size)
    return sip_end(&state)


cdef bint is_kept(Engine engine, Text value, Text token_text, int64_t clock_us) noexcept:
    cdef Token token
    if engine.case.wire == NULL or not token_read(token_text, engine.token_key, &token) or not engine.is_timely(&token, clock_us):
        return False
    return digest_equal(token.identification, digest_of(engine, value))


cdef Digest kept_identification(Engine engine) noexcept:
    cdef Digest nothing
    if engine.case.qr.card_id == 0:
        memset(&nothing, 0, sizeof(nothing))
        return nothing
    return digest_of(engine, engine.case.wire.identity.value)


# ONCE

cdef bint is_once(Engine engine) noexcept:
    return engine.case.qr.card_id != 0 or engine.case.code.state == CODE_RIGHT


cdef journal_v1.CounterKey* single_use(Engine engine) except NULL:
    if engine.case.qr.card_id != 0:
        return key_of(engine, QR_LIMIT, engine.case.qr.mark, engine.case.qr.expires_at_us)
    return key_of(engine, CODE_LIMIT, engine.case.code.mark, engine.case.code.ends_at_us)


cdef journal_v1.CounterKey* key_of(Engine engine, bytes limit, int64_t mark, int64_t end_us) except NULL:
    """By the mark, in the day the marked thing ends."""
    cdef journal_v1.CounterKey* key = <journal_v1.CounterKey*>arena_take(&engine.arena, sizeof(journal_v1.CounterKey))
    if key == NULL:
        except_full()
    key.limit = text_of(limit)
    key.measure = journal_v1.LIMIT_MEASURE_TIMES
    key.per = journal_v1.LIMIT_PER_CARD
    key.window = journal_v1.LIMIT_WINDOW_DAY
    key.subject = mark
    key.window_day = floor_div(end_us, day_us())
    return key


cdef bint is_own(const Hold* held, const CounterId* id) noexcept nogil:
    """The receipt's hold, pending or expired, names the mark."""
    cdef int32_t i
    for i in range(held.parts_count if held != NULL else 0):
        if held.parts[i].kind == PART_COUNTER and memcmp(held.parts[i].key, id.key, 16) == 0:
            return True
    return False


cdef int read_single_use(Engine engine, Operation operation) except -1:
    cdef CounterId id
    cdef const Hold* held
    read_code(engine, operation)
    if not is_once(engine):
        return 0
    id = id_of_key(single_use(engine))
    if engine.book.counter(&id).used == 0:
        return 0
    held = hold_of(engine, operation) if engine.case.wire != NULL else NULL
    if held == NULL and operation is not None and operation.kind == pos_v1.OPERATION_KIND_COMMIT:
        # A fact that nothing was kept for takes nothing, and says NOT_RESERVED.
        return 0
    if not is_own(held, &id):
        engine.case.holdings.refused = pos_v1.REASON_TOKEN_USED
    return 0


cdef bint is_spending(Engine engine) noexcept:
    """The outcome keeps points or money of the customer's account."""
    cdef int32_t i
    for i in range(engine.outcome.payments_count):
        if engine.outcome.payments[i].points > 0:
            return True
    for i in range(engine.case.receipt.tenders_count):
        if engine.case.wire.tenders[i].kind == pos_v1.TENDER_KIND_STORED_VALUE and engine.case.tendered[i].amount_minor > 0:
            return True
    return False


cdef int count_use(Engine engine, journal_v1.Effects* effects, journal_v1.CounterKey* key) except -1:
    cdef journal_v1.CounterChange* change = engine.more_counters(effects, 1)
    change.key = key
    change.used = 1
    effects.counters_count += 1
    return 0


cdef int keep_single_use(Engine engine, journal_v1.Effects* effects, journal_v1.HoldChange* change) except -1:
    cdef journal_v1.HoldPart* part
    cdef CounterId id
    if not is_once(engine) or not is_spending(engine):
        return 0
    part = next_part(change)
    part.counter = single_use(engine)
    part.counted = 1
    id = id_of_key(part.counter)
    return count_use(engine, effects, part.counter) if engine.book.counter(&id).used == 0 else 0


cdef int take_single_use(Engine engine, journal_v1.Effects* effects, const Hold* held) except -1:
    cdef CounterId id
    if not is_once(engine) or held == NULL or not is_spending(engine):
        return 0
    id = id_of_key(single_use(engine))
    return count_use(engine, effects, single_use(engine)) if engine.book.counter(&id).used == 0 else 0
