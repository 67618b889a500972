"""Effect calls about a receipt: ReserveReceipt, CommitReceipt, CancelReceipt. ReturnReceipt is in returns.pyx.

A Reserve is a request: it may be declined, and a refusal is final for its op_id, so it is journalled too. A Commit and a Cancel are
facts: they are always stored; what cannot be applied is QUARANTINED with its exceptions, and moves no account.
Each function: (engine, request bytes, scope, clock, what the journal knows or None) → Answer, Lookup or RulesWanted; CallRefused.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.calendar cimport day_us
from altyn.core.engine.allowance cimport allowance_evidence
from altyn.core.engine.answers cimport Answer, new_answer
from altyn.core.engine.antifraud cimport count_fraud, hold_back, tag_record
from altyn.core.edge cimport ReadError, check_cancel, edge_exception
from altyn.core.engine.earlier cimport count_sale
from altyn.core.engine.exchange cimport part_of
from altyn.core.engine.identified cimport count_wrong_code, keep_single_use, refused_code, take_single_use
from altyn.core.engine.issued cimport forget_issues, issue_coupons, show_issues, tell_codes, told_reply, write_issued
from altyn.core.engine.readjudicate cimport policy_evidence
from altyn.core.engine.record cimport accrual_effects, hold_effect
from altyn.core.engine.returned cimport Sale, is_applied
from altyn.core.engine.returns cimport ASK, FOUND, VOIDED, Finding, asked, find_sale, is_sold, original_evidence, void_sale
from altyn.core.engine.scarce cimport keep_scarce, take_scarce, unreserved_evidence
from altyn.core.engine.tenders cimport count_wrong_pins, keep_tenders, refused_cards, refused_tender, take_tenders
from altyn.core.engine.tiers cimport count_sale_tier
from altyn.core.siphash cimport digest_equal
from altyn.core.engine.calls cimport add_exception, check_scope, except_full, is_explained, malformed, refused, text_of
from altyn.core.engine.recall cimport recall
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.engine.token cimport Token
from altyn.core.ledger.holds cimport HOLD_EXPIRED, HOLD_PENDING, HOLD_POSTED, HOLD_VOIDED, Hold
from altyn.core.ledger.operations cimport (
    RECEIPT_AWAITED, RECEIPT_COMMITTED, RECEIPT_OWED, RECEIPT_RESERVED, RECEIPT_VOIDED, SeenReceipt,
)
from altyn.core.limits cimport REPLY_BYTES_MAX
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport arena_take
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import RulesWanted


cdef int change_hold(
    Engine engine, journal_v1.Effects* effects, const uint8_t* hold_id, int32_t state, int64_t expires_at_us, Operation operation, Text store_id,
    Text register_id
) except -1:
    cdef Text id_text
    id_text.data = <const char*>hold_id
    id_text.size = 16
    if hold_effect(effects, id_text, state, 0, expires_at_us, store_id, register_id, operation.shift_number, operation.receipt_number,
                   &engine.arena) != 0:
        except_full()
    return 0


cdef Operation opened(
    Engine engine, int kind, Text op_id, int64_t register_seq, int32_t op_no, Text token_text, const pos_v1.Receipt* receipt,
    const pos_v1.Want* want, bytes request, scope, int64_t clock_us, known
):
    """How Reserve and Commit begin: the receipt is read; what was seen before has its `answer`; what was not is decided."""
    cdef Operation operation
    engine.read(part_of(engine, receipt, False), scope, clock_us)
    operation = engine.operation(kind, op_id, register_seq, op_no, token_text, request, scope, receipt.shift_number, receipt.receipt_number)
    if kind == pos_v1.OPERATION_KIND_COMMIT:
        # Returns may have come before it.
        operation.original_key = operation.receipt_key
        operation.original_op_id = operation.op_id
        operation.asks_waiting = True
    operation.answer = recall(engine, operation, known)
    if operation.answer is None and known is None and kind == pos_v1.OPERATION_KIND_COMMIT and may_be_awaited(engine, receipt, clock_us):
        operation.answer = asked(engine, operation)
    if operation.answer is None:
        operation.release = engine.decide(operation, token_text, &operation.token, request, clock_us, is_explained(want))
        if operation.release is None:
            operation.answer = RulesWanted(engine.case.business_time_us)
    return operation


cdef bint may_be_awaited(Engine engine, const pos_v1.Receipt* receipt, int64_t clock_us) noexcept:
    """A return of it may be older than what memory keeps: the sale itself is old."""
    if engine.operations.complete_since_seq <= 1:
        return False
    return receipt.mode == pos_v1.MODE_OFFLINE or (
        receipt.local_time_us != 0 and receipt.local_time_us - <int64_t>receipt.utc_offset_minutes * 60_000_000 < clock_us - day_us()
    )


cdef bint is_awaited(Engine engine, Operation operation, known) except -1:
    """A return of this sale is parked, under the receipt's key or the Commit's op_id."""
    if known is not None and len(known.waiting) > 0:
        return True
    return (
        engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key)).state == RECEIPT_AWAITED
        or engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.op_id)).state == RECEIPT_AWAITED
    )


def reserve_receipt(Engine engine, bytes request, scope, int64_t clock_us, known):
    """Keep what is scarce, and the price, until the hold's time-out."""
    cdef pos_v1.ReserveReceiptRequest call
    cdef pos_v1.ReserveReceiptResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef WireError error
    cdef Operation operation
    cdef bytes reply_bytes
    cdef int32_t mismatched
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_ReserveReceiptRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    operation = opened(engine, pos_v1.OPERATION_KIND_RESERVE, call.op_id, call.register_seq, call.op_no, call.calc_token, call.receipt,
                       call.want, request, scope, clock_us, known)
    if operation.answer is not None:
        return operation.answer
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.seq = engine.last_seq + 1
    mismatched = engine.mismatched_lines(&reply.refused_lines)
    reply.refused_lines_count = mismatched
    reply.reason = refusal_of(engine, operation, mismatched, &operation.token)
    if reply.reason == pos_v1.REASON_UNSPECIFIED:
        reply.reason = refused_cards(engine, &reply.refused_lines, &reply.refused_lines_count)
    reply.status = pos_v1.STATUS_OK if reply.reason == pos_v1.REASON_UNSPECIFIED else pos_v1.STATUS_DECLINED
    effects = engine.new_effects()
    if reply.status == pos_v1.STATUS_OK:
        reply.hold_expires_at_us = engine.case.instant_us + engine.hold_us
        replace_hold(engine, effects, operation, call.receipt, reply.hold_expires_at_us)
        operation.receipt_state = RECEIPT_RESERVED
    else:
        count_wrong_pins(engine, effects)
        count_wrong_code(engine, effects)
    if not engine.is_sound(operation, effects):
        raise refused("UNAVAILABLE", "OVERLOADED", "", "no room for another hold; send the same op_id again")
    if mismatched == 0:
        reply.outcome = engine.shown(operation.release, call.want)
        show_issues(engine, operation.release, reply.outcome)
    reply_bytes = engine.taken(pos_v1.encode_ReserveReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    engine.add_receipt(record, operation.release, call.want)
    return engine.booked(operation, record, reply_bytes)


cdef int32_t refusal_of(Engine engine, Operation operation, int32_t mismatched, const Token* token) except -1:
    """Why a Reserve is declined, or UNSPECIFIED."""
    cdef SeenReceipt seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
    if seen.state == RECEIPT_VOIDED:
        return pos_v1.REASON_VOIDED
    if is_sold(seen.state):
        return pos_v1.REASON_ALREADY_COMMITTED
    if mismatched > 0:
        return pos_v1.REASON_SUM_MISMATCH
    if refused_code(engine) != pos_v1.REASON_UNSPECIFIED:
        return refused_code(engine)
    if token.rules_version != 0 and not digest_equal(token.result, engine.result()):
        return pos_v1.REASON_PRICE_CHANGED
    return refused_tender(engine)


cdef int replace_hold(
    Engine engine, journal_v1.Effects* effects, Operation operation, const pos_v1.Receipt* receipt, int64_t expires_at_us
) except -1:
    """A receipt has one hold: a second Reserve ends the first one's."""
    cdef const Hold* held = engine.book.hold_for(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
    if held != NULL:
        change_hold(engine, effects, held.hold_id, HOLD_VOIDED, 0, operation, receipt.store_id, receipt.register_id)
    change_hold(engine, effects, <const uint8_t*>PyBytes_AS_STRING(operation.op_id), HOLD_PENDING, expires_at_us, operation, receipt.store_id,
                receipt.register_id)
    keep_scarce(engine, operation.release, &effects.holds[effects.holds_count - 1])
    keep_tenders(engine, &effects.holds[effects.holds_count - 1])
    return keep_single_use(engine, effects, &effects.holds[effects.holds_count - 1])


def commit_receipt(Engine engine, bytes request, scope, int64_t clock_us, known):
    """The sale is a fact: book it."""
    cdef pos_v1.CommitReceiptRequest call
    cdef pos_v1.CommitReceiptResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef WireError error
    cdef Operation operation
    cdef Answer answer
    cdef bytes reply_bytes, told = None
    cdef int32_t quarantine
    cdef const Hold* held
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_CommitReceiptRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    operation = opened(engine, pos_v1.OPERATION_KIND_COMMIT, call.op_id, call.register_seq, call.op_no, call.calc_token, call.receipt,
                       call.want, request, scope, clock_us, known)
    if operation.answer is not None:
        return as_told(engine, operation.answer)
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.seq = engine.last_seq + 1
    disagreements(engine, operation, call.receipt, &operation.token)
    effects = engine.new_effects()
    quarantine = why_not_applied(engine, operation)
    if quarantine == pos_v1.REASON_UNSPECIFIED:
        held = engine.book.hold_for(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
        if held != NULL:
            post_hold(engine, effects, operation, call.receipt, held)
        if accrual_effects(effects, &engine.case, &engine.outcome, operation.release.ruleset, operation.release.asset_nos, engine.zones,
                           engine.zone, reply.seq, &engine.arena) != 0:
            except_full()
        hold_back(engine, effects)
        take_scarce(engine, operation, effects, held)
        take_tenders(engine, operation, effects, held)
        take_single_use(engine, effects, held)
        issue_coupons(engine, operation.release, effects, reply.seq)
        count_sale(engine, operation.release, effects)
        count_fraud(engine, effects)
        count_sale_tier(engine, effects)
        operation.receipt_state = RECEIPT_COMMITTED
    else:
        add_exception(&operation.exceptions, quarantine)
    if not engine.is_sound(operation, effects):
        quarantine = pos_v1.REASON_NOT_APPLICABLE
        forget_issues(engine)
    elif quarantine == pos_v1.REASON_UNSPECIFIED and is_awaited(engine, operation, known):
        # Nothing is taken back yet; the returns that waited are decided in records of their own.
        operation.receipt_state = RECEIPT_OWED
        engine.owed.append(operation.receipt_key)
        effects.returned = <journal_v1.ReturnState*>arena_take(&engine.arena, sizeof(journal_v1.ReturnState))
        if effects.returned == NULL:
            except_full()
        effects.returned.sale_seq = reply.seq
    reply.status = pos_v1.STATUS_OK if quarantine == pos_v1.REASON_UNSPECIFIED else pos_v1.STATUS_QUARANTINED
    reply.reason = quarantine
    reply.exceptions = operation.exceptions.reasons
    reply.exceptions_count = operation.exceptions.count
    reply.outcome = engine.shown(operation.release, call.want)
    write_issued(engine, operation.release, reply.outcome)
    reply_bytes = engine.taken(pos_v1.encode_CommitReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    if tell_codes(engine, &reply):
        told = engine.taken(pos_v1.encode_CommitReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    engine.add_receipt(record, operation.release, call.want)
    if quarantine == pos_v1.REASON_UNSPECIFIED:
        policy_evidence(engine, operation.release, record.evidence)
        unreserved_evidence(engine, operation, held, record.evidence)
        allowance_evidence(engine, operation, record.evidence)
    tag_record(engine, operation)
    answer = engine.booked(operation, record, reply_bytes)
    return answer if told is None else new_answer(told, answer.record, answer.seq)


cdef object as_told(Engine engine, answer):
    """A stored answer with the codes it had when it was given."""
    cdef Answer stored
    if not isinstance(answer, Answer):
        return answer
    stored = answer
    return new_answer(told_reply(engine, stored.reply), None, stored.seq)


cdef int disagreements(Engine engine, Operation operation, const pos_v1.Receipt* receipt, const Token* token) except -1:
    """What the server sees otherwise than the till: recorded, never refused."""
    cdef int32_t i
    cdef int64_t paid = 0
    for i in range(engine.case.receipt.lines_count):
        if engine.case.receipt.lines[i].sum_mismatch:
            add_exception(&operation.exceptions, pos_v1.REASON_SUM_MISMATCH)
    if engine.outcome.external_excess_minor > 0:
        add_exception(&operation.exceptions, pos_v1.REASON_EXTERNAL_DISCOUNT_EXCESS)
    for i in range(receipt.payments_count):
        paid += receipt.payments[i].sum_minor
    # Of an exchange the difference is paid.
    if receipt.payments_count > 0 and paid != engine.outcome.to_pay_minor and engine.case.wire.lines_count == receipt.lines_count:
        add_exception(&operation.exceptions, pos_v1.REASON_AMOUNT_DIFFERS)
    elif token.rules_version != 0 and not digest_equal(token.result, engine.result()):
        add_exception(&operation.exceptions, pos_v1.REASON_AMOUNT_DIFFERS)
    return 0


cdef int32_t why_not_applied(Engine engine, Operation operation) except -1:
    """A fact about a receipt that is closed already, or UNSPECIFIED."""
    cdef SeenReceipt seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
    if seen.state == RECEIPT_VOIDED:
        return pos_v1.REASON_VOID_CONFLICT
    if is_sold(seen.state) or operation.natural_key_taken:
        return pos_v1.REASON_DUPLICATE_NUMBER
    return pos_v1.REASON_UNSPECIFIED


cdef int post_hold(
    Engine engine, journal_v1.Effects* effects, Operation operation, const pos_v1.Receipt* receipt, const Hold* held
) except -1:
    """The receipt's hold is posted; one that ran out while it held something is remarked."""
    if held.state == HOLD_EXPIRED and held.parts_count > 0:
        add_exception(&operation.exceptions, pos_v1.REASON_HOLD_EXPIRED)
    change_hold(engine, effects, held.hold_id, HOLD_POSTED, 0, operation, receipt.store_id, receipt.register_id)
    return 0


def cancel_receipt(Engine engine, bytes request, scope, int64_t clock_us, known):
    """The receipt was not printed: whatever it held is free. One that nobody has heard of stays cancelled.

    A committed receipt is voided: all it did is taken back, whatever the rules say of returns.
    """
    cdef pos_v1.CancelReceiptRequest call
    cdef pos_v1.CancelReceiptResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef WireError error
    cdef Operation operation
    cdef SeenReceipt seen
    cdef Finding found
    cdef Sale sale
    cdef const Hold* held
    cdef ReadError wrong
    cdef Text no_token
    cdef bint sound
    cdef bytes reply_bytes
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_CancelReceiptRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_scope(call.store_id, call.register_id, scope, "")
    if check_cancel(&call, &wrong) != 0:
        raise edge_exception(&wrong)
    no_token.data = NULL
    no_token.size = 0
    operation = engine.operation(pos_v1.OPERATION_KIND_CANCEL, call.op_id, call.register_seq, call.op_no, no_token, request, scope, call.shift_number,
                                 call.receipt_number)
    operation.original_key = operation.receipt_key
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
    found = find_sale(engine, operation, known, &sale) if is_sold(seen.state) or known is not None else VOIDED
    if found == ASK:
        return asked(engine, operation)
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.seq = engine.last_seq + 1
    reply.status = pos_v1.STATUS_OK
    effects = engine.new_effects()
    held = engine.book.hold_for(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
    sound = True
    if found == FOUND and is_applied(&sale):
        sound = void_sale(engine, operation, &sale, effects)
    else:
        if operation.natural_key_taken:
            reply.status = pos_v1.STATUS_QUARANTINED
            reply.reason = pos_v1.REASON_DUPLICATE_NUMBER
            add_exception(&operation.exceptions, reply.reason)
        else:
            operation.receipt_state = RECEIPT_VOIDED
            if held != NULL:
                change_hold(engine, effects, held.hold_id, HOLD_VOIDED, 0, operation, call.store_id, call.register_id)
        sound = engine.is_sound(operation, effects)
    if not sound:
        reply.status = pos_v1.STATUS_QUARANTINED
        reply.reason = pos_v1.REASON_NOT_APPLICABLE
    reply.exceptions = operation.exceptions.reasons
    reply.exceptions_count = operation.exceptions.count
    reply_bytes = engine.taken(pos_v1.encode_CancelReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    call.op_id.size = 0
    call.register_seq = 0
    record.request.cancel = &call
    if found == FOUND and is_applied(&sale):
        record.evidence = original_evidence(engine, &sale, known)
    return engine.booked(operation, record, reply_bytes)
