"""Body of returns without a receipt.

Nobody knows what the goods were sold for, so the refund is what the till says, and nothing but money moves: no points, codes or limits of
promotions. What one return and one customer's day may pay back is bounded by the programme; the preview refuses more, a printed return
beyond it is stored with NO_RECEIPT_LIMIT. Strangers share a day's sum at each register. Never here: a sale.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.calls cimport add_exception, except_full, string, text_of
from altyn.core.engine.identified cimport identify
from altyn.core.engine.reply cimport add_remarks
from altyn.core.engine.returns cimport NOBODY, kept_receipt, return_evidence
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.effects cimport id_of_key
from altyn.core.limits cimport REPLY_BYTES_MAX
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1


cdef pos_v1.Outcome* refunded(Engine engine) except NULL:
    """What each line costs by its own word."""
    cdef pos_v1.Outcome* out = <pos_v1.Outcome*>taken(engine, sizeof(pos_v1.Outcome))
    cdef int32_t i
    out.totals = <pos_v1.Totals*>taken(engine, sizeof(pos_v1.Totals))
    out.lines = <pos_v1.LineOutcome*>taken(engine, (<size_t>engine.case.receipt.lines_count + 1) * sizeof(pos_v1.LineOutcome))
    out.lines_count = engine.case.receipt.lines_count
    for i in range(out.lines_count):
        out.lines[i].line_no = engine.case.receipt.lines[i].line_no
        out.lines[i].gross_minor = out.lines[i].net_minor = engine.case.receipt.lines[i].gross_minor
        out.totals.gross_minor += out.lines[i].net_minor
    out.totals.to_pay_minor = out.totals.gross_minor
    if add_remarks(out, &engine.case.remarks, &engine.arena) != 0:
        except_full()
    return out


cdef journal_v1.CounterFacts* day_of(Engine engine) except NULL:
    """What this customer, or of strangers this register, had back today: by the server's day, which no register can set."""
    cdef journal_v1.CounterFacts* facts = <journal_v1.CounterFacts*>taken(engine, sizeof(journal_v1.CounterFacts))
    cdef journal_v1.CounterKey* key = <journal_v1.CounterKey*>taken(engine, sizeof(journal_v1.CounterKey))
    cdef bytes name = b"no-receipt"
    cdef CounterId id
    key.per = journal_v1.LIMIT_PER_CUSTOMER if engine.case.customer_id != 0 else journal_v1.LIMIT_PER_CARD
    key.subject = engine.case.customer_id if engine.case.customer_id != 0 else engine.case.card_id
    if key.subject == 0:
        key.per = journal_v1.LIMIT_PER_PROMOTION
        name = f"no-receipt:{string(engine.case.wire.store_id)}:{string(engine.case.wire.register_id)}".encode()
    engine.kept.append(name)
    key.limit = text_of(name)
    key.measure = journal_v1.LIMIT_MEASURE_AMOUNT
    key.window = journal_v1.LIMIT_WINDOW_DAY
    key.window_day = floor_div(engine.case.instant_us + engine.zones.offset_us(engine.zone, engine.case.instant_us), day_us())
    id = id_of_key(key)
    facts.key = key
    facts.used = engine.book.counter(&id).used
    facts.cap = engine.facts.returns.day_sum_max_minor
    return facts


cdef bint is_beyond(Engine engine, const journal_v1.CounterFacts* day, int64_t sum_minor) except -1:
    return sum_minor > <int64_t>engine.facts.returns.sum_max_minor or sum_minor > day.cap - day.used


cdef bytes preview_without_receipt(Engine engine, int64_t clock_us):
    cdef pos_v1.CalculateReceiptResponse reply
    memset(&reply, 0, sizeof(reply))
    identify(engine, engine.case.wire.identity, None, text_of(b""), clock_us)
    reply.server_time_us = clock_us
    reply.status = pos_v1.STATUS_DECLINED
    reply.refused_lines_count = engine.mismatched_lines(&reply.refused_lines)
    if reply.refused_lines_count > 0:
        reply.reason = pos_v1.REASON_SUM_MISMATCH
    else:
        reply.outcome = refunded(engine)
        if is_beyond(engine, day_of(engine), reply.outcome.totals.to_pay_minor):
            reply.reason = pos_v1.REASON_NO_RECEIPT_LIMIT
        else:
            reply.status = pos_v1.STATUS_OK
    return engine.taken(pos_v1.encode_CalculateReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))


cdef object return_without_receipt(Engine engine, Operation operation, pos_v1.ReturnReceiptRequest* call, int64_t clock_us):
    cdef pos_v1.ReturnReceiptResponse reply
    cdef journal_v1.Evidence* evidence = return_evidence(engine)
    cdef journal_v1.Effects* effects = engine.new_effects()
    cdef journal_v1.Record* record
    cdef bytes reply_bytes
    identify(engine, engine.case.wire.identity, operation, text_of(b""), clock_us)
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.seq = engine.last_seq + 1
    reply.status = pos_v1.STATUS_OK
    reply.outcome = refunded(engine)
    evidence.counters = day_of(engine)
    evidence.counters_count = 1
    evidence.customer = <journal_v1.CustomerFacts*>taken(engine, sizeof(journal_v1.CustomerFacts))
    evidence.customer.customer_id = engine.case.customer_id
    evidence.customer.account_id = engine.case.account_id
    evidence.customer.card_id = engine.case.card_id
    note_exceptions(engine, operation, evidence, reply.outcome.totals.to_pay_minor)
    if operation.natural_key_taken:
        reply.status = pos_v1.STATUS_QUARANTINED
        reply.reason = pos_v1.REASON_DUPLICATE_NUMBER
    else:
        count(engine, effects, evidence.counters, reply.outcome.totals.to_pay_minor)
    if not engine.is_sound(operation, effects):
        reply.status = pos_v1.STATUS_QUARANTINED
        reply.reason = pos_v1.REASON_NOT_APPLICABLE
    reply.exceptions = operation.exceptions.reasons
    reply.exceptions_count = operation.exceptions.count
    reply_bytes = engine.taken(pos_v1.encode_ReturnReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    record.request.receipt = kept_receipt(engine, NOBODY, NULL)
    record.request.want = call.want
    record.evidence = evidence
    return engine.booked(operation, record, reply_bytes)


cdef int note_exceptions(Engine engine, Operation operation, const journal_v1.Evidence* evidence, int64_t sum_minor) except -1:
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef int64_t paid = 0
    cdef int32_t i
    if operation.natural_key_taken:
        add_exception(&operation.exceptions, pos_v1.REASON_DUPLICATE_NUMBER)
    for i in range(engine.case.receipt.lines_count):
        if engine.case.receipt.lines[i].sum_mismatch:
            add_exception(&operation.exceptions, pos_v1.REASON_SUM_MISMATCH)
    for i in range(wire.payments_count):
        paid += wire.payments[i].sum_minor
    if wire.payments_count > 0 and paid != sum_minor:
        add_exception(&operation.exceptions, pos_v1.REASON_AMOUNT_DIFFERS)
    if is_beyond(engine, evidence.counters, sum_minor):
        add_exception(&operation.exceptions, pos_v1.REASON_NO_RECEIPT_LIMIT)
    return 0


cdef int count(Engine engine, journal_v1.Effects* effects, const journal_v1.CounterFacts* day, int64_t sum_minor) except -1:
    if sum_minor == 0:
        return 0
    effects.counters = <journal_v1.CounterChange*>taken(engine, sizeof(journal_v1.CounterChange))
    effects.counters_count = 1
    effects.counters[0].key = day.key
    effects.counters[0].used = sum_minor
    effects.counters[0].overshoot = max(min(day.used + sum_minor - day.cap, sum_minor), 0)
    return 0
