"""A person's decision about what a sale spent without a hold (NOT_RESERVED): it is taken after all, or never is.

Decided once, for the operation's id follows from the sale's record and the exception. What is taken is from then on a part of what the
sale did (`ReturnState.decided`): a return gives it back like the rest. Once something of the sale has come back it is too late to take
anything. What is declined is not journalled. Never here: amounts; the sale's record tells them.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from hashlib import sha256
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.engine.accounts cimport check_said, ordered
from altyn.core.engine.calls cimport add_exception, malformed, refused, string, text_of
from altyn.core.engine.content cimport order_sha256
from altyn.core.engine.recall cimport recall
from altyn.core.engine.returned cimport Sale, is_applied
from altyn.core.engine.returns cimport ASK, FOUND, VOIDED, Finding, account_of, asked, find_sale, original_evidence
from altyn.core.engine.scarce cimport take_points
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.engine.tenders cimport spend
from altyn.core.ledger.coupons cimport COUPON_FREE
from altyn.core.ledger.effects cimport code_key
from altyn.core.ledger.keys cimport receipt_key as receipt_key_of
from altyn.core.ledger.operations cimport RECEIPT_COMMITTED, RECEIPT_OWED, SeenReceipt
from altyn.core.limits cimport REPLY_BYTES_MAX
from altyn.core.text cimport Text
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import Answer


cdef int check_decision(const ops_v1.DecideExceptionRequest* call) except -1:
    if call.seq <= 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "seq", "a record's number is above 0")
    if call.exception.size == 0 or call.exception.size > 64:
        raise refused("INVALID_ARGUMENT", "FIELD_REQUIRED", "exception", "a decision names the exception")
    if call.has_sum_max_minor and call.sum_max_minor < 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "sum_max_minor", "a sum is 0 or more")
    return check_said(call.note, call.actor)


def decide_exception(Engine engine, bytes request, scope, int64_t clock_us, known):
    """Apply or reject, for good."""
    cdef ops_v1.DecideExceptionRequest call
    cdef ops_v1.DecideExceptionResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef WireError error
    cdef Operation operation
    cdef Finding found
    cdef Sale sale
    cdef bytes name, reply_bytes
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_DecideExceptionRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_decision(&call)
    name = sha256(b"decision" + engine.tenant_bytes + b" %d " % call.seq + string(call.exception).encode()).digest()
    operation = ordered(pos_v1.OPERATION_KIND_DECIDE, name[:16], order_sha256(request))
    operation.original_key = receipt_key_of(engine.tenant, string(call.store_id), string(call.register_id), call.shift_number, call.receipt_number)
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    found = find_sale(engine, operation, known, &sale)
    if found == ASK:
        return asked(engine, operation)
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    effects = engine.new_effects()
    reply.reason = text_of(decided(engine, operation, &call, found, &sale, effects, &reply.sum_minor))
    if reply.reason.size > 0:
        return Answer(engine.taken(ops_v1.encode_DecideExceptionResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
    reply.applied = True
    reply.seq = engine.last_seq + 1
    reply_bytes = engine.taken(ops_v1.encode_DecideExceptionResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    record.request.decision = said_of(engine, &call)
    record.evidence = original_evidence(engine, &sale, known)
    return engine.booked(operation, record, reply_bytes)


cdef journal_v1.Decision* said_of(Engine engine, const ops_v1.DecideExceptionRequest* call) except NULL:
    cdef journal_v1.Decision* said = <journal_v1.Decision*>taken(engine, sizeof(journal_v1.Decision))
    said.receipt = <journal_v1.ReceiptKey*>taken(engine, sizeof(journal_v1.ReceiptKey))
    said.seq = call.seq
    said.receipt.store_id = call.store_id
    said.receipt.register_id = call.register_id
    said.receipt.shift_number = call.shift_number
    said.receipt.receipt_number = call.receipt_number
    said.exception = pos_v1.REASON_NOT_RESERVED
    said.apply = call.apply
    said.note = call.note
    said.actor = call.actor
    return said


cdef bytes decided(
    Engine engine, Operation operation, const ops_v1.DecideExceptionRequest* call, Finding found, const Sale* sale,
    journal_v1.Effects* effects, int64_t* sum_minor
):
    """Why not, or nothing: then `effects` are checked."""
    cdef SeenReceipt seen
    if found == VOIDED:
        return b"SALE_TAKEN_BACK"
    if found != FOUND or sale.record.seq != call.seq or not waits(sale, string(call.exception)):
        return b"NOTHING_TO_DECIDE"
    sum_minor[0] = sum_of(engine, sale)
    if call.apply:
        if sale.before != NULL:
            return b"SALE_TAKEN_BACK"
        if call.has_sum_max_minor and sum_minor[0] > call.sum_max_minor:
            return b"DECISION_BEYOND_LIMIT"
        take(engine, operation, sale, effects)
        seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key))
        operation.original_state = RECEIPT_OWED if seen.state == RECEIPT_OWED else RECEIPT_COMMITTED
    return b"" if engine.is_sound(operation, effects) else b"NOT_APPLICABLE"


cdef bint waits(const Sale* sale, str exception) except -1:
    """The sale has this exception, and of the kind that somebody decides about."""
    cdef int32_t i
    if exception != "NOT_RESERVED" or not is_applied(sale):
        return False
    for i in range(sale.record.exceptions_count):
        if sale.record.exceptions[i] == pos_v1.REASON_NOT_RESERVED:
            return sale.record.evidence.unreserved != NULL or waiting_tender(sale, 0) >= 0
    return False


# WHAT WAITS

cdef int32_t waiting_tender(const Sale* sale, int32_t place) noexcept nogil:
    """The next means of payment that was not kept, -1: none. What is on one account is paid with by its first tender."""
    cdef const journal_v1.TenderEvidence* evidence = sale.record.evidence.tenders
    cdef const pos_v1.Outcome* outcome = sale.reply.outcome
    cdef int32_t i, j
    if evidence == NULL or outcome == NULL:
        return -1
    for i in range(place, min(evidence.tenders_count, outcome.tenders_count)):
        if outcome.tenders[i].reason != pos_v1.REASON_NOT_RESERVED:
            continue
        for j in range(i):
            if evidence.tenders[j].account_id == evidence.tenders[i].account_id and evidence.tenders[j].asset_no == evidence.tenders[i].asset_no:
                break
        else:
            return i
    return -1


cdef int64_t left_to_pay(const Sale* sale) noexcept nogil:
    """Of the sale, that no tender has paid. A gift card is not paid with another."""
    cdef const pos_v1.Totals* totals = sale.reply.outcome.totals
    cdef int64_t left = totals.to_pay_minor - totals.tendered_minor if totals != NULL else 0
    cdef int32_t i
    for i in range(sale.lines_count):
        if sale.lines[i].wire.gift_card.size > 0:
            left -= sale.lines[i].outcome.net_minor
    return left


cdef int64_t tender_minor(Engine engine, const Sale* sale, int32_t place, int64_t left_minor) noexcept:
    """As the register wished, as far as it is there now."""
    cdef const journal_v1.TenderFacts* facts = &sale.record.evidence.tenders.tenders[place]
    cdef const pos_v1.Tender* wish = &sale.record.request.receipt.tenders[place]
    cdef int64_t there = engine.book.balance(engine.book.leads_to(facts.account_id), facts.asset_no, engine.case.instant_us).active_points
    cdef int64_t wanted = wish.amount_minor if wish.wish_case == pos_v1.Tender_amount_minor else INT64_MAX
    return max(min(min(wanted, left_minor), there), 0)


cdef int64_t sum_of(Engine engine, const Sale* sale) noexcept:
    cdef const journal_v1.Unreserved* waiting = sale.record.evidence.unreserved
    cdef int64_t sum_minor = 0, left = left_to_pay(sale), part
    cdef int32_t i, place = waiting_tender(sale, 0)
    for i in range(waiting.points_count if waiting != NULL else 0):
        sum_minor += waiting.points[i].amount_minor
    while place >= 0:
        part = tender_minor(engine, sale, place, left)
        sum_minor += part
        left -= part
        place = waiting_tender(sale, place + 1)
    return sum_minor


# TAKING IT

cdef int take(Engine engine, Operation operation, const Sale* sale, journal_v1.Effects* effects) except -1:
    cdef const journal_v1.Unreserved* waiting = sale.record.evidence.unreserved
    cdef int32_t i
    engine.case.account_id = account_of(engine, sale)
    for i in range(waiting.points_count if waiting != NULL and engine.case.account_id != 0 else 0):
        take_points(engine, operation, effects, waiting.points[i].asset_no, waiting.points[i].points)
    for i in range(waiting.codes_count if waiting != NULL else 0):
        use_code(engine, operation, sale, waiting.codes[i], effects)
    spend_tenders(engine, sale, effects)
    effects.returned = <journal_v1.ReturnState*>taken(engine, sizeof(journal_v1.ReturnState))
    effects.returned.sale_seq = sale.record.seq
    effects.returned.seq = engine.last_seq + 1
    effects.returned.decided = <journal_v1.DecidedEffects*>taken(engine, sizeof(journal_v1.DecidedEffects))
    effects.returned.decided.entries = effects.entries
    effects.returned.decided.entries_count = effects.entries_count
    effects.returned.decided.coupons = effects.coupons
    effects.returned.decided.coupons_count = effects.coupons_count
    return 0


cdef int use_code(Engine engine, Operation operation, const Sale* sale, int32_t place, journal_v1.Effects* effects) except -1:
    """Unless somebody was quicker."""
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef const journal_v1.CouponFacts* fact
    cdef journal_v1.CouponChange* change
    cdef uint8_t key[16]
    cdef int32_t i
    if effects.coupons == NULL:
        effects.coupons = <journal_v1.CouponChange*>taken(engine, <size_t>evidence.unreserved.codes_count * sizeof(journal_v1.CouponChange))
    for i in range(evidence.coupons_count):
        fact = &evidence.coupons[i]
        if fact.place != place or not code_key(fact.code_hash, fact.series_no, fact.serial, key):
            continue
        if engine.book.coupon(key).use != COUPON_FREE:
            add_exception(&operation.exceptions, pos_v1.REASON_COUPON_USED)
            continue
        change = &effects.coupons[effects.coupons_count]
        effects.coupons_count += 1
        change.code_hash = fact.code_hash
        change.series_no = fact.series_no
        change.serial = fact.serial
        change.use = journal_v1.COUPON_USE_USED
    return 0


cdef int spend_tenders(Engine engine, const Sale* sale, journal_v1.Effects* effects) except -1:
    cdef journal_v1.TenderFacts facts
    cdef int64_t left = left_to_pay(sale), part
    cdef int32_t place = waiting_tender(sale, 0)
    while place >= 0:
        part = tender_minor(engine, sale, place, left)
        if part > 0:
            facts = sale.record.evidence.tenders.tenders[place]
            facts.account_id = engine.book.leads_to(facts.account_id)
            spend(engine, effects, &facts, part)
            left -= part
        place = waiting_tender(sale, place + 1)
    return 0
