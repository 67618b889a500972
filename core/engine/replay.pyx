"""Applying journal records again: the way a server starts, a snapshot writer follows, and a proof is made.

`replay` applies effects and never decides. `recalculate` decides again, from the record's request and evidence alone: no fact, no
book, no clock. `same_decision` compares that with the stored reply, byte for byte, in all that the calculator makes; a coupon is
compared by its place, since the reply spells codes as they were typed and the record keeps them resolved.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.edge cimport ReadError, edge_exception, read_receipt
from altyn.core.engine.earlier cimport take_earlier
from altyn.core.engine.no_receipt cimport is_without_receipt
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.record cimport take_line_facts
from altyn.core.engine.returned cimport original_key_of
from altyn.core.engine.scarce cimport forget_accrual
from altyn.core.engine.calls cimport decode_record, except_full, is_explained, is_planned, string
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.engine.tenders cimport pay_tenders, write_tenders
from altyn.core.ledger.counters cimport CounterId, counters_free, counters_set
from altyn.core.ledger.effects cimport apply_effects, id_of_key
from altyn.core.ledger.operations cimport (
    RECEIPT_AWAITED, RECEIPT_COMMITTED, RECEIPT_OWED, RECEIPT_RESERVED, RECEIPT_UNKNOWN, RECEIPT_VOIDED,
)
from altyn.core.limits cimport ARENA_BYTES, REPLY_BYTES_MAX
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport CouponFact, GrantFact, Holdings, Place, Receipt
from altyn.core.rules.image cimport IssueRow
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset, arena_take
from altyn.core.wire.format cimport WireError, path_of
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.core.write_outcome cimport write_outcome

from altyn.core.ledger.keys import natural_key, receipt_key, register_key


def replay(Engine engine, int64_t seq, bytes body):
    """Apply one record. ValueError, EffectsFlawed: the journal is damaged."""
    cdef journal_v1.Record record
    cdef Operation operation
    cdef const uint8_t* key
    arena_reset(&engine.arena)
    decode_record(body, &record, &engine.arena)
    if seq != engine.last_seq + 1 or record.seq != seq:
        raise ValueError(f"record {record.seq} stands at seq {seq} after seq {engine.last_seq}")
    operation = operation_of(engine, &record)
    key = <const uint8_t*>PyBytes_AS_STRING(operation.receipt_key)
    if record.effects != NULL:
        apply_effects(engine.book, record.effects, key, record.instant_us)
    engine.remember(operation, seq, record.instant_us, record.reply.data[:record.reply.size])


cdef Operation operation_of(Engine engine, const journal_v1.Record* record):
    """The keys a record was admitted under."""
    cdef Operation operation = Operation()
    cdef const pos_v1.Receipt* receipt = record.request.receipt if record.request != NULL else NULL
    cdef const pos_v1.CancelReceiptRequest* cancel = record.request.cancel if record.request != NULL else NULL
    operation.kind = record.kind
    operation.op_id = record.op_id.data[:record.op_id.size]
    operation.content = record.content_sha256.data[:record.content_sha256.size]
    operation.register_seq = record.register_seq
    operation.op_no = record.op_no
    operation.receipt_key = bytes(16)
    if receipt != NULL:
        operation.shift_number = receipt.shift_number
        operation.receipt_number = receipt.receipt_number
        name_keys(engine, operation, string(receipt.store_id), string(receipt.register_id))
    elif cancel != NULL:
        operation.shift_number = cancel.shift_number
        operation.receipt_number = cancel.receipt_number
        name_keys(engine, operation, string(cancel.store_id), string(cancel.register_id))
    else:
        operation.natural_key = natural_key(operation.op_id, operation.kind, 0)
    if record.kind == pos_v1.OPERATION_KIND_RETURN and not is_without_receipt(receipt):
        note_return(engine, operation, record)
    elif record.request != NULL and record.request.decision != NULL:
        note_decision(engine, operation, record)
    operation.natural_key_taken = record.natural_key_taken
    operation.receipt_state = state_after(record)
    if record.kind == pos_v1.OPERATION_KIND_CANCEL and record.effects != NULL and record.effects.returned != NULL:
        operation.original_key = operation.receipt_key
        operation.original_state = RECEIPT_VOIDED
    return operation


cdef int note_return(Engine engine, Operation operation, const journal_v1.Record* record) except -1:
    """What a return made of its sale."""
    cdef int32_t i
    operation.original_key = original_key_of(engine, record.request.receipt)
    if record.effects != NULL and record.effects.returned != NULL:
        operation.original_state = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key)).state
        if operation.original_state != RECEIPT_OWED:
            operation.original_state = RECEIPT_COMMITTED
    for i in range(record.exceptions_count):
        if record.exceptions[i] == pos_v1.REASON_ORIGINAL_UNKNOWN:
            operation.original_state = RECEIPT_AWAITED
    return 0


cdef int note_decision(Engine engine, Operation operation, const journal_v1.Record* record) except -1:
    """What was decided about a sale is asked for with it."""
    cdef const journal_v1.ReceiptKey* sale = record.request.decision.receipt
    if record.effects != NULL and record.effects.returned != NULL:
        operation.original_key = receipt_key(engine.tenant, string(sale.store_id), string(sale.register_id), sale.shift_number, sale.receipt_number)
        operation.original_state = engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key)).state
    return 0


cdef int name_keys(Engine engine, Operation operation, str store_id, str register_id) except -1:
    operation.receipt_key = receipt_key(engine.tenant, store_id, register_id, operation.shift_number, operation.receipt_number)
    operation.natural_key = natural_key(operation.receipt_key, operation.kind, operation.op_no)
    operation.register_key = register_key(engine.tenant, store_id, register_id)
    return 0


cdef int state_after(const journal_v1.Record* record) noexcept:
    """What the operation made of its receipt. An exception that closed the way left it as it was."""
    cdef int32_t i
    for i in range(record.exceptions_count):
        if record.exceptions[i] in (pos_v1.REASON_VOID_CONFLICT, pos_v1.REASON_DUPLICATE_NUMBER, pos_v1.REASON_ALREADY_COMMITTED):
            return RECEIPT_UNKNOWN
    if record.kind == pos_v1.OPERATION_KIND_COMMIT:
        return RECEIPT_OWED if record.effects != NULL and record.effects.returned != NULL else RECEIPT_COMMITTED
    if record.kind == pos_v1.OPERATION_KIND_CANCEL:
        if record.evidence != NULL and (record.effects == NULL or record.effects.returned == NULL):
            # A void the book could not take.
            return RECEIPT_UNKNOWN
        return RECEIPT_VOIDED
    if record.kind == pos_v1.OPERATION_KIND_RESERVE and record.effects != NULL and record.effects.holds_count > 0:
        return RECEIPT_RESERVED
    return RECEIPT_UNKNOWN


# DECIDING AGAIN

@cython.final
cdef class Recalculator:
    """The memory of a decision made again; made once, for it is large and only touched where it is used."""

    def __cinit__(self):
        self.calculator = Calculator()
        arena_open(&self.arena, 2 * ARENA_BYTES)
        self.buffer = <uint8_t*>malloc(REPLY_BYTES_MAX)
        if self.buffer == NULL:
            raise MemoryError

    def __dealloc__(self):
        arena_close(&self.arena)
        counters_free(&self.counters)
        free(self.buffer)

    cdef int read(self, bytes body) except -1:
        """The record, and from it all that a decision reads."""
        arena_reset(&self.arena)
        decode_record(body, &self.record, &self.arena)
        return self.read_decoded()

    cdef int read_decoded(self) except -1:
        cdef ReadError error
        if self.record.request == NULL or self.record.request.receipt == NULL or self.record.evidence == NULL:
            raise ValueError(f"record {self.record.seq} decides nothing about a receipt")
        if read_receipt(self.record.request.receipt, &self.receipt, &self.arena, &error) != 0:
            raise edge_exception(&error)
        take_evidence(&self.receipt, &self.place, &self.holdings, self.record.evidence, &self.arena)
        return self.read_scarce()

    cdef int read_scarce(self) except -1:
        """Balances and counters as the decision saw them."""
        cdef const journal_v1.Evidence* evidence = self.record.evidence
        cdef int32_t i
        cdef CounterId id
        if evidence.balances_count > 0:
            self.holdings.balances = <int64_t*>arena_take(&self.arena, <size_t>evidence.balances_count * sizeof(int64_t))
            if self.holdings.balances == NULL:
                except_full()
            for i in range(evidence.balances_count):
                self.holdings.balances[i] = evidence.balances[i].active_points
        counters_free(&self.counters)
        for i in range(evidence.counters_count):
            id = id_of_key(evidence.counters[i].key)
            if not counters_set(&self.counters, &id, [evidence.counters[i].used, evidence.counters[i].held]):
                raise MemoryError
        self.holdings.counters = &self.counters
        return 0

    cdef pos_v1.Outcome* decide(self, Ruleset ruleset, bint told) except NULL:
        """`told`: with the explanation, whether or not the till asked for it."""
        cdef const pos_v1.Want* want = self.record.request.want
        cdef const journal_v1.CustomerFacts* customer = self.record.evidence.customer
        cdef bint explain = told or is_explained(want)
        cdef pos_v1.Outcome* written = <pos_v1.Outcome*>arena_take(&self.arena, sizeof(pos_v1.Outcome))
        if ruleset.version != self.record.evidence.rules_version:
            raise ValueError(f"record {self.record.seq} was decided by rules {self.record.evidence.rules_version}, not {ruleset.version}")
        self.numbers = take_earlier(&self.holdings, self.record.evidence, ruleset, self.numbers, &self.arena)
        self.calculator.calculate(ruleset, &self.receipt, &self.place, &self.holdings, explain, &self.outcome)
        self.calculator.plan(&self.outcome, is_planned(want))
        if customer == NULL or customer.account_id == 0:
            forget_accrual(&self.outcome, self.receipt.lines_count)
        if self.record.request.receipt.mode == pos_v1.MODE_OFFLINE:
            self.outcome.issued_count = 0
        if written == NULL or write_outcome(&self.outcome, &self.receipt, self.record.request.receipt, ruleset, explain, written,
                                            &self.arena) != 0:
            except_full()
        if self.record.evidence.tenders != NULL:
            write_tenders(self.record.request.receipt, pay_tenders(self.record.request.receipt, self.record.evidence.tenders, &self.outcome,
                                                                   &self.arena), written)
        return written

    cdef bint same_issues(self, Ruleset ruleset, const pos_v1.Outcome* stored) noexcept:
        """The coupons wanted are the evidence's, and those it has no reason against the reply's. None are, when nothing was applied,
        and in records older than the evidence of them."""
        cdef const journal_v1.IssueFacts* fact
        cdef const IssueRow* row
        cdef Text series
        cdef int32_t i, place = 0, count = self.record.evidence.issues_count
        if count != 0 and count != self.outcome.issued_count:
            return False
        for i in range(count):
            fact = &self.record.evidence.issues[i]
            row = &ruleset.view.issues[ruleset.view.rules[self.outcome.issued[i].rule].detail]
            series.data = ruleset.view.texts + row.series_begin
            series.size = row.series_size
            if not text_equal(fact.series, series) or not text_equal(fact.promotion_id, ruleset.promotion_text(self.outcome.issued[i].rule)):
                return False
            if fact.reason != pos_v1.REASON_UNSPECIFIED:
                continue
            if (place == stored.issued_coupons_count or stored.issued_coupons[place].expires_at_us != fact.expires_at_us
                    or not text_equal(stored.issued_coupons[place].promotion_id, fact.promotion_id)):
                return False
            place += 1
        return place == stored.issued_coupons_count

    cdef bytes encoded(self, const pos_v1.Outcome* outcome):
        cdef int64_t size = pos_v1.encode_Outcome(outcome, self.buffer, REPLY_BYTES_MAX)
        if size < 0:
            except_full()
        return PyBytes_FromStringAndSize(<char*>self.buffer + REPLY_BYTES_MAX - size, <Py_ssize_t>size)

    cdef bint refuses(self, const int32_t* line_nos, int32_t count) noexcept:
        """These, and no other lines, have a till's sum that is not price times quantity."""
        cdef int32_t i, found = 0
        for i in range(self.receipt.lines_count):
            if self.receipt.lines[i].sum_mismatch:
                if found == count or line_nos[found] != self.receipt.lines[i].line_no:
                    return False
                found += 1
        return found == count


cdef int take_evidence(Receipt* receipt, Place* place, Holdings* holdings, const journal_v1.Evidence* evidence, Arena* arena) except -1:
    take_line_facts(receipt, evidence)
    take_place(place, evidence)
    take_holdings(holdings, evidence.customer)
    take_grants(holdings, evidence.customer, arena)
    holdings.tiers = evidence.tiers
    holdings.tiers_count = evidence.tiers_count
    holdings.input_method = evidence.input_method
    holdings.limits_waived = evidence.limits_waived
    if evidence.identification != NULL:
        holdings.anonymous = evidence.identification.anonymous
        holdings.refused = evidence.identification.refused
    holdings.redemption_denied = evidence.fraud != NULL and evidence.fraud.redemption_denied
    holdings.coupons = take_codes(receipt, evidence, arena)
    return 0


cdef void take_place(Place* place, const journal_v1.Evidence* evidence) noexcept:
    memset(place, 0, sizeof(Place))
    place.wall_us = evidence.store_wall_us
    place.gap_from_wall_us = evidence.store_gap_from_wall_us
    place.gap_us = evidence.store_gap_us
    if evidence.store != NULL:
        place.store_id = evidence.store.store_id
        place.region = evidence.store.region
        place.format = evidence.store.format
        place.cluster = evidence.store.cluster


cdef void take_holdings(Holdings* holdings, const journal_v1.CustomerFacts* customer) noexcept:
    """A card counts while it is active; who was found by phone needs none."""
    cdef Text active
    memset(holdings, 0, sizeof(Holdings))
    if customer == NULL:
        return
    active.data = b"ACTIVE"
    active.size = 6
    holdings.has_card = text_equal(customer.card_state, active) or (customer.card_id == 0 and customer.customer_id != 0)
    holdings.customer_id = customer.customer_id
    holdings.card_id = customer.card_id
    holdings.card_type = customer.card_type
    holdings.segments = customer.segments
    holdings.segments_count = customer.segments_count
    holdings.birthday = customer.birthday
    holdings.favourites = customer.favourites
    holdings.favourites_count = customer.favourites_count


cdef int take_grants(Holdings* holdings, const journal_v1.CustomerFacts* customer, Arena* arena) except -1:
    cdef const journal_v1.GrantFacts* facts
    cdef int32_t i
    if customer == NULL or customer.grants_count == 0:
        return 0
    holdings.grants = <GrantFact*>arena_take(arena, <size_t>customer.grants_count * sizeof(GrantFact))
    if holdings.grants == NULL:
        except_full()
    holdings.grants_count = customer.grants_count
    for i in range(customer.grants_count):
        facts = &customer.grants[i]
        holdings.grants[i] = GrantFact(facts.promotion_id, facts.skus, facts.categories, facts.skus_count, facts.categories_count)
    return 0


cdef CouponFact* take_codes(const Receipt* receipt, const journal_v1.Evidence* evidence, Arena* arena) except? NULL:
    cdef int32_t i
    cdef CouponFact* facts
    if evidence.coupons_count == 0:
        return NULL
    facts = <CouponFact*>arena_take(arena, <size_t>receipt.coupons_count * sizeof(CouponFact))
    if facts == NULL:
        except_full()
    for i in range(evidence.coupons_count):
        if not 0 <= evidence.coupons[i].place < receipt.coupons_count:
            raise ValueError("there is evidence of a coupon that was not entered")
        facts[evidence.coupons[i].place].series = evidence.coupons[i].series
        facts[evidence.coupons[i].place].reason = evidence.coupons[i].reason
    return facts


cdef void keep_calculated(pos_v1.Outcome* outcome) noexcept:
    """Leave what the calculator makes."""
    cdef int32_t i
    outcome.balances_count = outcome.messages_count = outcome.flags_count = outcome.issued_coupons_count = 0
    outcome.reserve_required = False
    for i in range(outcome.coupons_count):
        outcome.coupons[i].code.size = 0
    for i in range(outcome.gifts_count):
        outcome.gifts[i].messages_count = 0


# Used with the interpreter's lock held from end to end, so one is enough.
cdef Recalculator again = Recalculator()


cdef Recalculator sale_again(const journal_v1.Record* sale):
    arena_reset(&again.arena)
    again.record = sale[0]
    again.read_decoded()
    return again


def recalculate(bytes record_body not None, Ruleset ruleset not None, bint explain=False):
    """The pos.v1.Outcome of a Reserve or Commit, decided again: as the reply has it, but without balances, messages and flags.
    `explain`: with the explanation, whether or not the till asked for it.

    ValueError, CallRefused: the record or the ruleset is not the one of the decision.
    """
    again.read(record_body)
    return again.encoded(again.decide(ruleset, explain))


def same_decision(bytes record_body not None, Ruleset ruleset not None):
    """Deciding again gives what the stored reply says. Errors as of `recalculate`, and a reply that cannot be read."""
    cdef pos_v1.CommitReceiptResponse committed
    cdef pos_v1.ReserveReceiptResponse reserved
    cdef pos_v1.Outcome* stored
    cdef pos_v1.Outcome* decided
    cdef const uint8_t* start
    cdef WireError error
    cdef int failed
    again.read(record_body)
    start = <const uint8_t*>again.record.reply.data
    memset(&error, 0, sizeof(error))
    memset(&reserved, 0, sizeof(reserved))
    if again.record.kind == pos_v1.OPERATION_KIND_RESERVE:
        failed = pos_v1.decode_ReserveReceiptResponse(&reserved, start, start + again.record.reply.size, &again.arena, &error)
        stored = reserved.outcome
    else:
        failed = pos_v1.decode_CommitReceiptResponse(&committed, start, start + again.record.reply.size, &again.arena, &error)
        stored = committed.outcome
    if failed != 0:
        raise ValueError(f"the reply of record {again.record.seq} cannot be read: {path_of(&error)}")
    if stored == NULL:
        return reserved.refused_lines_count > 0 and again.refuses(reserved.refused_lines, reserved.refused_lines_count)
    decided = again.decide(ruleset, False)
    if not again.same_issues(ruleset, stored):
        return False
    keep_calculated(stored)
    keep_calculated(decided)
    return again.encoded(stored) == again.encoded(decided)
