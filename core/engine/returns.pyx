"""ReturnReceipt, the returns that waited for their sale, and the preview of a return.

A return is a fact: always stored. What of it cannot be true (more than was sold, an unknown line, a voided sale) moves no account and is an
exception; the preview refuses it. A return whose sale is not stored is PARKED; once the sale is committed it is decided in a record of
its own (docs/decisions/0016). The sale is read from the journal before admission, and looked up again when memory knows of a later
taking than the look-up brought. Never here: amounts (returned.pyx) and where points come from (takeback.pyx).
"""
from cpython.bytes cimport PyBytes_AS_STRING
from hashlib import sha256
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.edge cimport ReadError, check_currency, edge_exception
from altyn.core.engine.case cimport business_time, resolve_place
from altyn.core.engine.exchange cimport part_of
from altyn.core.engine.record cimport SEMANTICS
from altyn.core.engine.no_receipt cimport is_without_receipt, preview_without_receipt, return_without_receipt
from altyn.core.engine.reply cimport add_remarks, fill_balances
from altyn.core.engine.refund_plan cimport open_plan, plan_refund
from altyn.core.engine.returned cimport (
    Sale, SoldLine, find_line, is_applied, is_in_part, original_key_of, part_at, read_sale, refund_of, return_all, take_line, took_part,
)
from altyn.core.engine.antifraud cimport judge_return, tag_record
from altyn.core.engine.calls cimport (
    Exceptions, add_exception, decode_record, except_full, is_planned, malformed, refused, string, text_of,
)
from altyn.core.engine.recall cimport is_certainly_new, lookup, recall
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.engine.takeback cimport take_back
from altyn.core.engine.tenders cimport strip_numbers
from altyn.core.engine.tenders_back cimport is_spent, show_refunds
from altyn.core.facts.stores cimport Store
from altyn.core.ledger.keys cimport receipt_key as receipt_key_of
from altyn.core.ledger.keys cimport register_key as register_key_of
from altyn.core.ledger.operations cimport (
    RECEIPT_AWAITED, RECEIPT_COMMITTED, RECEIPT_OWED, RECEIPT_VOIDED, SeenReceipt,
)
from altyn.core.limits cimport REPLY_BYTES_MAX
from altyn.core.outcome cimport FiscalRow
from altyn.core.text cimport Text
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import Answer, RulesMissing

NO_OPERATION = bytes(16)

cdef struct Judgement:
    # What the register says is returned, held against the sale.
    pos_v1.Outcome* outcome
    int32_t* refused_lines
    int32_t refused_count
    int64_t returned_milli
    Exceptions exceptions


cdef bint is_sold(int state) noexcept nogil:
    return state == RECEIPT_COMMITTED or state == RECEIPT_OWED


# THE SALE

cdef int name_original(Engine engine, Operation operation, const pos_v1.Receipt* wire) except -1:
    operation.original_key = original_key_of(engine, wire)
    if wire.original.op_id.size > 0:
        operation.original_op_id = wire.original.op_id.data[:wire.original.op_id.size]
    return 0


cdef object asked(Engine engine, Operation operation):
    return lookup(engine, operation, 0, operation.op_id is NO_OPERATION or is_certainly_new(engine, operation))


cdef bint is_named_later(Engine engine, Operation operation, known) except -1:
    """Memory knows the operation that is named as the sale, and the journal was asked before that was durable."""
    cdef int64_t seq
    if operation.original_op_id is None:
        return False
    seq = engine.operations.find_operation(<const uint8_t*>PyBytes_AS_STRING(operation.original_op_id)).seq
    return seq > <int64_t>known.after_seq


cdef Finding find_sale(Engine engine, Operation operation, known, Sale* sale) except? ASK:
    cdef journal_v1.Record* back = NULL
    cdef journal_v1.ReturnState* before = NULL
    cdef const pos_v1.Receipt* sold
    cdef SeenReceipt seen
    cdef int64_t latest
    if known is None:
        return ASK
    if known.sale is None:
        seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key))
        if seen.state == RECEIPT_VOIDED:
            return VOIDED
        return ASK if is_sold(seen.state) or is_named_later(engine, operation, known) else NOBODY
    if known.taken_back is not None:
        back = <journal_v1.Record*>taken(engine, sizeof(journal_v1.Record))
        decode_record(known.taken_back, back, &engine.arena)
        if back.effects == NULL or back.effects.returned == NULL:
            raise ValueError(f"record {back.seq} takes nothing back")
        before = back.effects.returned
    read_sale(sale, known.sale, before, &engine.arena)
    sold = sale.record.request.receipt
    operation.original_key = receipt_key_of(engine.tenant, string(sold.store_id), string(sold.register_id), sold.shift_number,
                                            sold.receipt_number)
    seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key))
    latest = back.seq if back != NULL else sale.record.seq
    if seen.seq > latest:
        return ASK
    return VOIDED if seen.state == RECEIPT_VOIDED or (back != NULL and back.kind == pos_v1.OPERATION_KIND_CANCEL) else FOUND


cdef int judge(Engine engine, Sale* sale, const pos_v1.Receipt* wire, const pos_v1.Want* want, Judgement* out) except -1:
    """Line by line, as far as there is something left to return."""
    cdef const pos_v1.RefundOf* wanted
    cdef FiscalRow* rows = NULL
    cdef pos_v1.LineOutcome* shown
    cdef SoldLine* line
    cdef int64_t taken_milli
    cdef int32_t i, sub_no
    memset(out, 0, sizeof(Judgement))
    out.outcome = <pos_v1.Outcome*>taken(engine, sizeof(pos_v1.Outcome))
    out.outcome.totals = <pos_v1.Totals*>taken(engine, sizeof(pos_v1.Totals))
    out.outcome.lines = <pos_v1.LineOutcome*>taken(engine, (<size_t>wire.lines_count + 1) * sizeof(pos_v1.LineOutcome))
    out.outcome.lines_count = wire.lines_count
    out.outcome.rules_version = sale.record.evidence.rules_version
    out.refused_lines = <int32_t*>taken(engine, (2 * <size_t>wire.lines_count + 1) * sizeof(int32_t))
    if is_planned(want):
        rows = open_plan(engine, wire, out.outcome)
    for i in range(wire.lines_count):
        shown = &out.outcome.lines[i]
        shown.line_no = wire.lines[i].line_no
        wanted = wire.lines[i].refund_of
        line = find_line(sale, wanted.line_no) if wanted != NULL else NULL
        sub_no = wanted.sub_no if line != NULL and wanted.has_sub_no and line.rows_count > 0 else 0
        if line == NULL or sub_no > line.rows_count:
            refuse_line(out, shown.line_no, pos_v1.REASON_RETURN_LINE_UNKNOWN)
            continue
        taken_milli = refund_line(line, sub_no, wanted.qty_milli, shown)
        if taken_milli < wanted.qty_milli:
            refuse_line(out, shown.line_no, pos_v1.REASON_RETURNED_MORE_THAN_SOLD)
        elif is_spent(engine, sale, wanted.line_no):
            refuse_line(out, shown.line_no, pos_v1.REASON_GIFT_CARD_SPENT)
        out.returned_milli += taken_milli
        add_totals(out.outcome.totals, shown)
        if rows != NULL:
            plan_refund(out.outcome, rows, line, taken_milli, shown)
    refuse_parts(sale, wire, out)
    return show_refunds(engine, sale, out.outcome)


cdef void refuse_parts(const Sale* sale, const pos_v1.Receipt* wire, Judgement* out) noexcept nogil:
    """What a promotion with FORBID_PARTIAL gave on comes back together; a line is told once, however many of them refuse it."""
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef const SoldLine* line
    cdef int32_t refused_before = out.refused_count, i, j, k
    for i in range(evidence.return_policies_count):
        if (evidence.return_policies[i].on_return != journal_v1.ON_RETURN_FORBID_PARTIAL
                or not is_in_part(sale, evidence.return_policies[i].promotion_id)):
            continue
        for j in range(wire.lines_count):
            line = find_line(sale, wire.lines[j].refund_of.line_no) if wire.lines[j].refund_of != NULL else NULL
            if line == NULL or not took_part(line, evidence.return_policies[i].promotion_id):
                continue
            for k in range(refused_before, out.refused_count):
                if out.refused_lines[k] == wire.lines[j].line_no:
                    break
            else:
                refuse_line(out, wire.lines[j].line_no, pos_v1.REASON_PARTIAL_RETURN_FORBIDDEN)


cdef void refuse_line(Judgement* out, int32_t line_no, int32_t reason) noexcept nogil:
    add_exception(&out.exceptions, reason)
    out.refused_lines[out.refused_count] = line_no
    out.refused_count += 1


cdef int64_t refund_line(SoldLine* line, int32_t sub_no, int64_t qty_milli, pos_v1.LineOutcome* shown) noexcept nogil:
    """Take back what is left of the quantity, how much: R(k) − R(k − q) of what the line was paid by; gross is their sum."""
    cdef int64_t qty = line.qty_milli, k = line.after_milli, before = refund_of(line), taken = take_line(line, sub_no, qty_milli)
    shown.net_minor = refund_of(line) - before
    shown.discount_minor = part_at(line.outcome.discount_minor, k + taken, qty) - part_at(line.outcome.discount_minor, k, qty)
    shown.points_paid_minor = part_at(line.outcome.points_paid_minor, k + taken, qty) - part_at(line.outcome.points_paid_minor, k, qty)
    shown.gross_minor = shown.net_minor + shown.discount_minor + shown.points_paid_minor
    return taken


cdef void add_totals(pos_v1.Totals* totals, const pos_v1.LineOutcome* line) noexcept nogil:
    totals.gross_minor += line.gross_minor
    totals.discount_minor += line.discount_minor
    totals.points_paid_minor += line.points_paid_minor
    totals.to_pay_minor += line.net_minor


cdef int64_t account_of(Engine engine, const Sale* sale) noexcept:
    return engine.book.leads_to(sale.record.evidence.customer.account_id) if sale.record.evidence.customer != NULL else 0


cdef int fill_reply(Engine engine, const Sale* sale, pos_v1.Outcome* outcome) except -1:
    if add_remarks(outcome, &engine.case.remarks, &engine.arena) != 0:
        except_full()
    if account_of(engine, sale) != 0:
        fill_balances(&outcome.balances, &outcome.balances_count, engine.book, account_of(engine, sale), engine.case.instant_us,
                      engine.asset_names(), &engine.arena)
    return 0


# PREVIEW

cdef object preview_return(Engine engine, const pos_v1.CalculateReceiptRequest* call, scope, int64_t clock_us, known):
    cdef pos_v1.CalculateReceiptResponse reply
    cdef Judgement judged
    cdef Sale sale
    cdef Operation operation = Operation()
    cdef Finding found
    engine.read(part_of(engine, call.receipt, True), scope, clock_us)
    if is_without_receipt(call.receipt):
        return preview_without_receipt(engine, clock_us)
    operation.op_id = NO_OPERATION
    name_original(engine, operation, call.receipt)
    found = find_sale(engine, operation, known, &sale)
    if found == ASK:
        return asked(engine, operation)
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.status = pos_v1.STATUS_DECLINED
    if found == NOBODY:
        reply.reason = pos_v1.REASON_ORIGINAL_UNKNOWN
    elif found == VOIDED:
        reply.reason = pos_v1.REASON_ORIGINAL_VOIDED
    elif not is_applied(&sale):
        reply.reason = pos_v1.REASON_RETURN_NOT_ALLOWED
    else:
        judge(engine, &sale, engine.case.wire, call.want, &judged)
        fill_reply(engine, &sale, judged.outcome)
        reply.outcome = judged.outcome
        reply.refused_lines = judged.refused_lines
        reply.refused_lines_count = judged.refused_count
        if judged.refused_count == 0:
            reply.status = pos_v1.STATUS_OK
        else:
            reply.reason = judged.exceptions.reasons[0]
    return engine.taken(pos_v1.encode_CalculateReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))


# RETURN

def return_receipt(Engine engine, bytes request, scope, int64_t clock_us, known):
    """What was given back to a customer is a fact: book it."""
    cdef pos_v1.ReturnReceiptRequest call
    cdef journal_v1.Evidence* evidence
    cdef const Store* store
    cdef ReadError wrong
    cdef WireError error
    cdef Operation operation
    cdef Finding found
    cdef Sale sale
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_ReturnReceiptRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    engine.read(part_of(engine, call.receipt, True), scope, clock_us)
    store = engine.stores.find(call.receipt.store_id)
    if store != NULL and check_currency(call.receipt, store.currency, store.exponent, &wrong) != 0:
        raise edge_exception(&wrong)
    operation = engine.operation(pos_v1.OPERATION_KIND_RETURN, call.op_id, call.register_seq, call.op_no, call.calc_token, request, scope,
                                 call.receipt.shift_number, call.receipt.receipt_number)
    if not is_without_receipt(call.receipt):
        name_original(engine, operation, call.receipt)
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    found = find_sale(engine, operation, known, &sale) if operation.original_key is not None else NOBODY
    if found == ASK:
        return asked(engine, operation)
    engine.case.business_time_us = business_time(call.receipt, clock_us, &engine.case.remarks)
    resolve_place(&engine.case, engine.stores, engine.zones, engine.zone)
    if operation.original_key is None:
        return return_without_receipt(engine, operation, &call, clock_us)
    evidence = return_evidence(engine)
    try:
        return decided(engine, operation, found, &sale, evidence, known, call.want, clock_us, False)
    except RulesMissing as missing:
        return missing.wanted


cdef object decided(
    Engine engine, Operation operation, Finding found, Sale* sale, journal_v1.Evidence* evidence, known, pos_v1.Want* want,
    int64_t clock_us, bint has_waited
):
    """The record of a return about the receipt in `case.wire`."""
    cdef pos_v1.ReturnReceiptResponse reply
    cdef journal_v1.Effects* effects = engine.new_effects()
    cdef journal_v1.Record* record
    cdef bytes reply_bytes
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.seq = engine.last_seq + 1
    reply.reason = why_not_applied(operation, found, sale, has_waited)
    if reply.reason == pos_v1.REASON_UNSPECIFIED:
        apply_return(engine, operation, sale, effects, evidence, want, &reply)
    else:
        reply.status = pos_v1.STATUS_QUARANTINED
        add_exception(&operation.exceptions, reply.reason)
        engine.is_sound(operation, effects)
    if reply.reason == pos_v1.REASON_ORIGINAL_UNKNOWN:
        reply.status = pos_v1.STATUS_PARKED
        operation.original_state = RECEIPT_AWAITED
    reply.exceptions = operation.exceptions.reasons
    reply.exceptions_count = operation.exceptions.count
    reply_bytes = engine.taken(pos_v1.encode_ReturnReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    record.request.receipt = kept_receipt(engine, found, sale)
    record.request.want = want
    record.evidence = evidence
    if found == FOUND:
        add_original(engine, evidence, sale, known)
    tag_record(engine, operation)
    return engine.booked(operation, record, reply_bytes)


cdef int32_t why_not_applied(Operation operation, Finding found, const Sale* sale, bint has_waited) noexcept:
    if operation.natural_key_taken and not has_waited:
        return pos_v1.REASON_DUPLICATE_NUMBER
    if found == NOBODY:
        return pos_v1.REASON_ORIGINAL_UNKNOWN
    if found == VOIDED:
        return pos_v1.REASON_ORIGINAL_VOIDED
    return pos_v1.REASON_UNSPECIFIED if is_applied(sale) else pos_v1.REASON_RETURN_NOT_ALLOWED


cdef int apply_return(
    Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects, journal_v1.Evidence* evidence, const pos_v1.Want* want,
    pos_v1.ReturnReceiptResponse* reply
) except -1:
    cdef Judgement judged
    cdef SeenReceipt seen = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key))
    cdef int32_t i
    judge(engine, sale, engine.case.wire, want, &judged)
    for i in range(judged.exceptions.count):
        add_exception(&operation.exceptions, judged.exceptions.reasons[i])
    if judged.returned_milli > 0:
        take_back(engine, operation, sale, effects)
        judge_return(engine, sale, effects, evidence)
        disagreements(engine, operation, judged.outcome.totals.to_pay_minor)
    reply.outcome = judged.outcome
    fill_reply(engine, sale, judged.outcome)
    if engine.is_sound(operation, effects) and judged.returned_milli > 0:
        reply.status = pos_v1.STATUS_OK
        operation.original_state = RECEIPT_OWED if seen.state == RECEIPT_OWED else RECEIPT_COMMITTED
    else:
        reply.status = pos_v1.STATUS_QUARANTINED
        reply.reason = pos_v1.REASON_NOT_APPLICABLE
        if judged.returned_milli == 0 and judged.exceptions.count > 0:
            reply.reason = judged.exceptions.reasons[0]
    return 0


cdef int disagreements(Engine engine, Operation operation, int64_t refund_minor) except -1:
    cdef const pos_v1.Receipt* wire = engine.case.wire
    cdef int64_t paid = 0
    cdef int32_t i
    for i in range(wire.payments_count):
        paid += wire.payments[i].sum_minor
    if wire.payments_count > 0 and paid != refund_minor:
        add_exception(&operation.exceptions, pos_v1.REASON_AMOUNT_DIFFERS)
    return 0


# VOID

cdef bint void_sale(Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects) except -1:
    return_all(sale)
    take_back(engine, operation, sale, effects)
    if not engine.is_sound(operation, effects):
        return False
    operation.original_state = operation.receipt_state = RECEIPT_VOIDED
    return True


# RECORDS

cdef pos_v1.Receipt* kept_receipt(Engine engine, Finding found, const Sale* sale) except NULL:
    """Without who was there and what was entered: a return uses no codes and no points. The original by its five parts."""
    cdef pos_v1.Receipt* receipt = <pos_v1.Receipt*>taken(engine, sizeof(pos_v1.Receipt))
    cdef pos_v1.OriginalReceipt* original = <pos_v1.OriginalReceipt*>taken(engine, sizeof(pos_v1.OriginalReceipt))
    receipt[0] = engine.case.wire[0]
    receipt.identity = NULL
    receipt.coupons_count = receipt.points_count = receipt.tenders_count = 0
    strip_numbers(engine, receipt)
    receipt.original = original
    original[0] = engine.case.wire.original[0]
    if found == FOUND:
        original.store_id = sale.record.request.receipt.store_id
        original.register_id = sale.record.request.receipt.register_id
        original.shift_number = sale.record.request.receipt.shift_number
        original.receipt_number = sale.record.request.receipt.receipt_number
    return receipt


cdef journal_v1.Evidence* return_evidence(Engine engine) except NULL:
    """Where and when; a return reads no rules."""
    cdef journal_v1.Evidence* evidence = <journal_v1.Evidence*>taken(engine, sizeof(journal_v1.Evidence))
    cdef journal_v1.StoreFacts* store = <journal_v1.StoreFacts*>taken(engine, sizeof(journal_v1.StoreFacts))
    cdef bytes zone = engine.zone_of_store()
    engine.kept.append(zone)
    evidence.semantics = SEMANTICS
    evidence.business_time_us = engine.case.business_time_us
    evidence.store_wall_us = engine.case.place.wall_us
    evidence.store = store
    store.store_id = engine.case.place.store_id
    store.zone = text_of(zone)
    store.region = engine.case.place.region
    store.format = engine.case.place.format
    store.cluster = engine.case.place.cluster
    store.currency = engine.case.wire.currency
    store.exponent = engine.case.wire.exponent
    return evidence


cdef int add_original(Engine engine, journal_v1.Evidence* evidence, const Sale* sale, known) except -1:
    evidence.original = <journal_v1.OriginalFacts*>taken(engine, sizeof(journal_v1.OriginalFacts))
    evidence.original.seq = sale.record.seq
    evidence.original.sale = text_of(known.sale)
    evidence.original.before = <journal_v1.ReturnState*>sale.before
    evidence.customer = sale.record.evidence.customer
    evidence.rules_version = sale.record.evidence.rules_version
    return 0


cdef journal_v1.Evidence* original_evidence(Engine engine, const Sale* sale, known) except NULL:
    cdef journal_v1.Evidence* evidence = <journal_v1.Evidence*>taken(engine, sizeof(journal_v1.Evidence))
    evidence.semantics = SEMANTICS
    evidence.business_time_us = engine.case.instant_us
    add_original(engine, evidence, sale, known)
    return evidence


# RETURNS THAT CAME BEFORE THEIR SALE

def find_owed(Engine engine):
    """After recovery: the sales whose returns may still wait."""
    engine.owed.extend(engine.operations.read_owed())


def settle_waiting(Engine engine, int64_t clock_us, known):
    """Decide one return that had waited for the sale first in `engine.owed`.

    A Lookup: the journal has to be asked. RulesWanted: those of the sale are to be brought. None: nothing waits any more for that
    sale, or for any.
    """
    cdef journal_v1.Record record
    cdef WireError error
    cdef Operation operation
    cdef Finding found
    cdef Sale sale
    engine.begin(b"", &error)
    if len(engine.owed) == 0:
        return None
    operation = Operation()
    operation.op_id = NO_OPERATION
    operation.original_key = engine.owed[0]
    operation.asks_waiting = True
    found = find_sale(engine, operation, known, &sale)
    if found == ASK:
        return asked(engine, operation)
    for body in known.waiting if found != NOBODY else ():
        decode_record(body, &record, &engine.arena)
        operation.op_id = sha256(b"waiting-return" + record.op_id.data[:16]).digest()[:16]
        if engine.operations.find_operation(<const uint8_t*>PyBytes_AS_STRING(operation.op_id)).seq == 0:
            try:
                return settled(engine, operation, &record, found, &sale, known, clock_us)
            except RulesMissing as missing:
                return missing.wanted
    engine.owed.popleft()
    return None


cdef object settled(Engine engine, Operation operation, journal_v1.Record* parked, Finding found, Sale* sale, known, int64_t clock_us):
    """As if the parked return came now: its own record, under an op_id that follows from the parked one's, so that it happens once."""
    cdef const pos_v1.Receipt* wire = parked.request.receipt
    engine.new_case(clock_us)
    engine.case.wire = wire
    operation.kind = pos_v1.OPERATION_KIND_RETURN
    operation.content = parked.content_sha256.data[:parked.content_sha256.size]
    operation.shift_number = wire.shift_number
    operation.receipt_number = wire.receipt_number
    operation.receipt_key = receipt_key_of(engine.tenant, string(wire.store_id), string(wire.register_id), wire.shift_number,
                                           wire.receipt_number)
    operation.register_key = register_key_of(engine.tenant, string(wire.store_id), string(wire.register_id))
    # The parked record has the natural key.
    operation.natural_key_taken = True
    return decided(engine, operation, found, sale, parked.evidence, known, parked.request.want, clock_us, True)
