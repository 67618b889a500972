"""The step function: (state, request bytes, scope, clock) → reply bytes and at most one journal record.

It decides by the facts, the ruleset and the book as they stand, applies what follows to the book, and says from which journal seq its
answer depends. Invariants: the instant never goes back; nothing fails between the check of the effects and their writing; a call
that is refused has changed nothing; the same record applied again (`replay`) gives the same book. Never here: a clock, a socket,
or an amount computed outside the calculator.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from collections import deque
from hashlib import blake2b
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from altyn.core.calculator.calculator cimport Calculator
from altyn.core.edge cimport ReadError, check_currency, check_envelope, edge_exception, read_receipt
from altyn.core.engine.answers cimport new_answer, new_row
from altyn.core.engine.antifraud cimport judge
from altyn.core.engine.calls cimport (
    add_exception, check_scope, except_full, is_explained, is_planned, put_key, refused, register_of, store_of, string, taken_from, text_of,
)
from altyn.core.engine.case cimport business_time, remark, resolve_lines, resolve_personal, resolve_place
from altyn.core.engine.earlier cimport counts_attributes, earlier_evidence, read_earlier
from altyn.core.engine.content cimport content_sha256, field_bytes, take_fields
from altyn.core.engine.identified cimport identify, kept_identification, read_single_use
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.record cimport is_named_coupon, new_evidence, resolved_receipt
from altyn.core.engine.reply cimport add_remarks, fill_balances, fill_card_messages, remark_amounts
from altyn.core.sha256 cimport hmac_key
from altyn.core.siphash cimport Digest, SipState, digest_equal, sip_end, sip_start, sip_take
from altyn.core.engine.scarce cimport forget_accrual, is_scarce, read_scarce, scarce_evidence
from altyn.core.engine.tenders cimport is_kept, pay_tenders, read_tenders, strip_numbers, write_tenders
from altyn.core.engine.token cimport TOKEN_BYTES, Token, token_read, token_write
from altyn.core.facts.stores cimport Store
from altyn.core.ledger.effects cimport check_effects
from altyn.core.ledger.keys cimport natural_key as natural_key_of
from altyn.core.ledger.keys cimport receipt_key as receipt_key_of
from altyn.core.ledger.keys cimport register_key as register_key_of
from altyn.core.ledger.operations cimport Operation as SeenOperationRow
from altyn.core.ledger.operations cimport Operations
from altyn.core.limits cimport ARENA_BYTES, REPLY_BYTES_MAX
from altyn.core.outcome cimport Outcome
from altyn.core.rules.image cimport ATTRIBUTE
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset, arena_take
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.core.write_messages cimport write_messages
from altyn.core.write_outcome cimport write_outcome

from altyn.core.engine.identity import coupon_hash

cdef enum:
    RECORD_FORMAT = 1

NO_RECEIPT = bytes(16)


cdef void* taken(Engine engine, size_t size) except NULL:
    return taken_from(&engine.arena, size)


@cython.final
cdef class Operation:
    """One effect call on its way through the engine."""


@cython.final
cdef class Engine:
    """`facts` is an altyn.core.facts.Facts whose zones know `zone`, the programme's. Keys: at least 16 bytes each."""

    def __cinit__(self, *, str tenant, facts, str zone, bytes token_key, bytes pepper, int64_t hold_us=900_000_000,
                  int64_t token_us=900_000_000):
        cdef bytes key = blake2b(token_key, digest_size=16, person=b"calc-token").digest()
        self.tenant = tenant
        self.tenant_bytes = tenant.encode()
        self.facts = facts
        self.catalogue = facts.catalogue
        self.stores = facts.stores
        self.zones = facts.zones
        self.directory = facts.directory
        self.grants = facts.grants
        self.fraud = facts.fraud
        self.tiers = facts.tiers
        self.zone = facts.zones.number(zone)
        self.book = Book()
        self.operations = Operations()
        self.replies = Replies()
        self.calculator = Calculator()
        self.releases = Releases()
        self.kept = []
        self.owed = deque()
        self.names = {}
        self.hold_us = hold_us
        self.token_us = token_us
        self.pepper = pepper
        hmac_key(&self.pepper_key, PyBytes_AS_STRING(pepper), <size_t>len(pepper))
        memcpy(&self.token_key, PyBytes_AS_STRING(key), 16)
        arena_open(&self.arena, ARENA_BYTES)
        self.buffer = <uint8_t*>malloc(REPLY_BYTES_MAX)
        if self.buffer == NULL:
            raise MemoryError

    def __dealloc__(self):
        arena_close(&self.arena)
        free(self.buffer)

    # QUERIES

    @property
    def rules_version(self):
        return self.releases.current.version if self.releases.current is not None else 0

    @property
    def rules_sha256(self):
        return self.releases.current.ruleset.sha256 if self.releases.current is not None else ""

    @property
    def promotions_count(self):
        return self.releases.current.ruleset.promotions_count if self.releases.current is not None else 0

    # COMMANDS

    def restore(self, Book book, Operations operations, int64_t seq, int64_t instant_us):
        """Go on from a snapshot: only before the first call."""
        if self.last_seq != 0:
            raise ValueError("an engine is restored once, before its first record")
        self.book = book
        self.operations = operations
        self.last_seq = seq
        self.last_instant_us = instant_us

    def take_ruleset(self, Ruleset ruleset not None, bytes document_sha256, int64_t effective_at_us, bint emergency=False, follows=None):
        """A verified release joins, in force from `effective_at_us`. `document_sha256`: of the document the image was compiled from.

        `follows`: the version that was in force before it, 0 when none was, -1 when nobody knows; None: the newest one held.
        ValueError: refused, nothing changed.
        """
        self.releases.take(ruleset, document_sha256, self.facts.assets, effective_at_us, emergency, follows)

    def take_past_ruleset(self, Ruleset ruleset, bytes document_sha256, int64_t begin_us, int64_t end_us):
        """What was in force in [begin_us, end_us), for receipts that come late; None: nothing that can be taken.

        ValueError: refused, nothing changed.
        """
        self.releases.take_past(ruleset, document_sha256, self.facts.assets, begin_us, end_us)

    def take_release(self, int64_t version, Ruleset ruleset, bytes document_sha256):
        """A release by which returns of its sales are decided, whenever it was in force; None: it cannot be had.

        ValueError: refused, nothing changed.
        """
        self.releases.take_version(version, ruleset, document_sha256, self.facts.assets)

    def take_counting(self, Ruleset ruleset not None):
        """How all that the book keeps of earlier purchases is measured: made of the names it has. Before anything is decided."""
        cdef Numbers counting = Numbers(ruleset)
        counting.look(self.book)
        if not counting.kept_all:
            raise ValueError("the book keeps numbers of earlier purchases that this does not measure")
        self.counting = counting

    def look(self, int64_t clock_us):
        """Take note of the time, so that the queries above tell what is in force now. CallRefused when nothing is."""
        self.releases.in_force(clock_us)

    cdef Release of_business_time(self, bint may_ask):
        """An offline receipt is judged by the release of its own time. None: it is not held, and may be asked for."""
        cdef bint is_missing
        cdef Release release = self.releases.of_time(self.case.business_time_us, &is_missing)
        if release is not None or (is_missing and may_ask):
            return release
        remark(&self.case.remarks, pos_v1.REASON_RULES_VERSION_UNKNOWN)
        return self.releases.in_force(self.case.instant_us)

    cdef Release honoured(self, Text token_text, int64_t clock_us, Token* token):
        """The release of a token that still keeps its price, or None."""
        if not token_read(token_text, self.token_key, token):
            return None
        if not self.is_timely(token, clock_us):
            return None
        return self.releases.of_version(token.rules_version, clock_us)

    cdef bint is_timely(self, const Token* token, int64_t clock_us) noexcept nogil:
        return token.issued_us - self.token_us <= clock_us <= token.issued_us + self.token_us

    # DECISION

    cdef Digest content(self, bytes request) noexcept:
        """Of what a price was shown for: store, money, customer, goods, coupons, points asked for."""
        cdef SipState state
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(request)
        cdef const uint8_t* receipt = NULL
        cdef int64_t size = field_bytes(start, start + len(request), 4, &receipt)
        sip_start(&state, self.token_key)
        if size > 0:
            take_fields(&state, receipt, receipt + size, 0b111111000000010, False)
        return sip_end(&state)

    cdef Digest result(self) noexcept:
        cdef SipState state
        cdef int32_t i
        sip_start(&state, self.token_key)
        for i in range(self.case.receipt.lines_count):
            sip_take(&state, <const uint8_t*>&self.outcome.lines[i].net_minor, 8)
        for i in range(self.outcome.payments_count):
            sip_take(&state, <const uint8_t*>&self.outcome.payments[i].points, 8)
        for i in range(self.outcome.accruals_count):
            sip_take(&state, <const uint8_t*>&self.outcome.accruals[i].points, 8)
        return sip_end(&state)

    cdef const uint8_t* begin(self, bytes request, WireError* error) noexcept:
        """A call begins: what the one before left in the arena is gone. Where the request's bytes start."""
        arena_reset(&self.arena)
        memset(error, 0, sizeof(WireError))
        return <const uint8_t*>PyBytes_AS_STRING(request)

    cdef void new_case(self, int64_t clock_us) noexcept:
        memset(&self.case, 0, sizeof(Case))
        self.kept.clear()
        self.case.instant_us = max(clock_us, self.last_instant_us)

    cdef int read(self, const pos_v1.Receipt* wire, scope, int64_t clock_us) except -1:
        """The receipt into a new case, every number checked."""
        cdef ReadError error
        if wire == NULL:
            raise refused("INVALID_ARGUMENT", "FIELD_REQUIRED", "receipt", "the receipt is missing")
        check_scope(wire.store_id, wire.register_id, scope, "receipt.")
        self.new_case(clock_us)
        self.case.wire = wire
        if read_receipt(wire, &self.case.receipt, &self.arena, &error) != 0:
            raise edge_exception(&error)
        return 0

    cdef Release decide(self, Operation operation, Text token_text, Token* token, bytes request, int64_t clock_us, bint explain):
        """Resolve what was read and calculate: fills `case` and `outcome`. token.rules_version is 0 when no token keeps the price.

        `operation` is None for a forecast. None: the release of an offline receipt's time is not held; nothing was decided.
        """
        cdef Case* case = &self.case
        cdef const pos_v1.Receipt* wire = case.wire
        cdef Release release
        cdef ReadError error
        cdef const Store* store = self.stores.find(wire.store_id)
        if store != NULL and check_currency(wire, store.currency, store.exponent, &error) != 0:
            raise edge_exception(&error)
        release = self.honoured(token_text, clock_us, token)
        if release is not None and digest_equal(token.content, self.content(request)):
            case.business_time_us = token.business_time_us
        else:
            token.rules_version = 0
            case.business_time_us = business_time(wire, clock_us, &case.remarks)
            release = self.of_business_time(operation is not None) if wire.mode == pos_v1.MODE_OFFLINE else self.releases.in_force(clock_us)
            if release is None:
                return None
        resolve_place(case, self.stores, self.zones, self.zone)
        resolve_lines(case, self.catalogue)
        identify(self, wire.identity, operation, token_text, clock_us)
        if resolve_personal(case, self.directory, self.grants, &release.ruleset.view, &self.arena) != 0:
            except_full()
        read_scarce(self, release, operation)
        read_single_use(self, operation)
        read_tenders(self, operation)
        read_earlier(self, release)
        judge(self)
        self.calculate(release, explain)
        if (operation is not None and operation.kind == pos_v1.OPERATION_KIND_COMMIT and not case.holdings.limits_waived
                and token.rules_version != 0 and self.outcome.counters_count > 0 and not digest_equal(token.result, self.result())):
            # A fact: when only limits that filled up since part it from the price shown, that price stands.
            case.holdings.limits_waived = True
            self.calculate(release, explain)
            if not digest_equal(token.result, self.result()):
                case.holdings.limits_waived = False
                self.calculate(release, explain)
        if case.tenders != NULL and wire.tenders_count > 0:
            case.tendered = pay_tenders(wire, case.tenders, &self.outcome, &self.arena)
            if case.tendered == NULL:
                except_full()
        return release

    cdef int calculate(self, Release release, bint explain) except -1:
        self.calculator.calculate(release.ruleset, &self.case.receipt, &self.case.place, &self.case.holdings, explain, &self.outcome)
        if self.case.account_id == 0:
            forget_accrual(&self.outcome, self.case.receipt.lines_count)
        return 0

    cdef int32_t mismatched_lines(self, int32_t** lines) except -1:
        """Lines whose till sum is not price × quantity."""
        cdef int32_t i, n = 0
        lines[0] = <int32_t*>arena_take(&self.arena, <size_t>self.case.receipt.lines_count * sizeof(int32_t))
        if lines[0] == NULL:
            except_full()
        for i in range(self.case.receipt.lines_count):
            if self.case.receipt.lines[i].sum_mismatch:
                lines[0][n] = self.case.receipt.lines[i].line_no
                n += 1
        return n

    cdef dict asset_names(self):
        """asset_no → (name, scale). Facts only ever add assets, so their number tells whether these are still all."""
        if len(self.names) != len(self.facts.assets):
            self.names = {asset.asset_no: (asset.asset.encode(), asset.scale) for asset in self.facts.assets.values()}
        return self.names

    cdef pos_v1.Outcome* shown(self, Release release, const pos_v1.Want* want) except NULL:
        """The decision just made, as the reply tells it."""
        cdef int32_t i
        cdef pos_v1.Outcome* out = <pos_v1.Outcome*>arena_take(&self.arena, sizeof(pos_v1.Outcome))
        self.calculator.plan(&self.outcome, is_planned(want))
        if out == NULL or write_outcome(&self.outcome, &self.case.receipt, self.case.wire, release.ruleset, is_explained(want), out,
                                        &self.arena) != 0:
            except_full()
        write_tenders(self.case.wire, self.case.tendered, out)
        remark_amounts(&self.outcome, &self.case.remarks)
        for i in range(out.coupons_count):
            if not is_named_coupon(&self.case, &self.outcome, i):
                # Replies are journalled: a code that no rule names is told by its place among the entries, not by its text.
                out.coupons[i].code.size = 0
        if add_remarks(out, &self.case.remarks, &self.arena) != 0:
            except_full()
        if self.case.account_id != 0:
            fill_balances(&out.balances, &out.balances_count, self.book, self.case.account_id, self.case.instant_us, self.asset_names(),
                          &self.arena)
        fill_card_messages(&out.messages, &out.messages_count, &self.case.remarks, &self.arena)
        if write_messages(&self.outcome, &self.case.receipt, release.ruleset, out, &self.arena) != 0:
            except_full()
        out.reserve_required = is_scarce(self) or is_kept(self)
        return out

    cdef bytes new_token(self, Release release, bytes request, int64_t clock_us):
        cdef Token token
        cdef uint8_t out[TOKEN_BYTES]
        token.rules_version = release.version
        token.business_time_us = self.case.business_time_us
        token.issued_us = clock_us
        token.content = self.content(request)
        token.result = self.result()
        token.identification = kept_identification(self)
        token_write(&token, self.token_key, out)
        return PyBytes_FromStringAndSize(<char*>out, TOKEN_BYTES)

    cdef bytes taken(self, int64_t size):
        """The encoded message that ends the buffer."""
        if size < 0:
            except_full()
        return PyBytes_FromStringAndSize(<char*>self.buffer + REPLY_BYTES_MAX - size, <Py_ssize_t>size)

    # MEMORY OF OPERATIONS

    cdef Operation operation(self, int kind, Text op_id, int64_t register_seq, int32_t op_no, Text token_text, bytes request, scope,
                             int64_t shift_number, int64_t receipt_number):
        """The keys of an effect call."""
        cdef ReadError error
        cdef Operation operation = Operation()
        if check_envelope(op_id, register_seq, op_no, token_text, &error) != 0:
            raise edge_exception(&error)
        operation.kind = kind
        operation.op_id = op_id.data[:op_id.size]
        operation.register_seq = register_seq
        operation.op_no = op_no
        operation.shift_number = shift_number
        operation.receipt_number = receipt_number
        operation.receipt_key = receipt_key_of(self.tenant, store_of(scope), register_of(scope), shift_number, receipt_number)
        operation.natural_key = natural_key_of(operation.receipt_key, kind, op_no)
        self.operations.expect(
            <const uint8_t*>PyBytes_AS_STRING(operation.op_id), <const uint8_t*>PyBytes_AS_STRING(operation.natural_key),
            <const uint8_t*>PyBytes_AS_STRING(operation.receipt_key))
        operation.register_key = register_key_of(self.tenant, store_of(scope), register_of(scope))
        operation.content = content_sha256(request)  # while they come
        return operation

    # RECORDS

    cdef journal_v1.Effects* new_effects(self) except NULL:
        cdef journal_v1.Effects* effects = <journal_v1.Effects*>arena_take(&self.arena, sizeof(journal_v1.Effects))
        if effects == NULL:
            except_full()
        return effects

    cdef journal_v1.CounterChange* more_counters(self, journal_v1.Effects* effects, int32_t extra) except NULL:
        """Room for so many more changes of counters: the first free one. Who fills them counts them."""
        cdef journal_v1.CounterChange* changes = <journal_v1.CounterChange*>taken(
            self, (<size_t>effects.counters_count + <size_t>extra) * sizeof(journal_v1.CounterChange))
        if effects.counters_count > 0:
            memcpy(changes, effects.counters, <size_t>effects.counters_count * sizeof(journal_v1.CounterChange))
        effects.counters = changes
        return changes + effects.counters_count

    cdef journal_v1.Record* new_record(self, Operation operation, journal_v1.Effects* effects) except NULL:
        """A record of an operation at the next seq, without its reply."""
        cdef journal_v1.Record* record = <journal_v1.Record*>arena_take(&self.arena, sizeof(journal_v1.Record))
        cdef journal_v1.Request* request = <journal_v1.Request*>arena_take(&self.arena, sizeof(journal_v1.Request))
        if record == NULL or request == NULL:
            except_full()
        record.format = RECORD_FORMAT
        record.seq = self.last_seq + 1
        record.kind = operation.kind
        record.instant_us = self.case.instant_us
        record.op_id = text_of(operation.op_id)
        record.content_sha256 = text_of(operation.content)
        record.register_seq = operation.register_seq
        record.op_no = operation.op_no
        record.tenant = text_of(self.tenant_bytes)
        record.natural_key_taken = operation.natural_key_taken
        record.exceptions = operation.exceptions.reasons
        record.exceptions_count = operation.exceptions.count
        record.request = request
        record.effects = effects
        return record

    cdef int add_receipt(self, journal_v1.Record* record, Release release, const pos_v1.Want* want) except -1:
        """The resolved receipt and the evidence of the decision just made."""
        cdef int32_t i
        cdef bytes code
        cdef Text* unknown = <Text*>arena_take(&self.arena, <size_t>(self.case.receipt.coupons_count + 1) * sizeof(Text))
        if unknown == NULL:
            except_full()
        for i in range(self.case.receipt.coupons_count):
            if not is_named_coupon(&self.case, &self.outcome, i):
                code = coupon_hash(self.pepper, string(self.case.receipt.coupons[i])).encode()
                self.kept.append(code)
                unknown[i] = text_of(code)
        self.case.zone_name = text_of(self.zone_of_store())
        record.request.receipt = resolved_receipt(&self.case, &self.outcome, unknown, &self.arena)
        record.request.want = <pos_v1.Want*>want
        record.evidence = new_evidence(&self.case, release.ruleset, release.asset_nos, release.asset_scales, text_of(release.sha256),
                                       text_of(release.document_sha256),
                                       release.ruleset.view.summary.kinds >> ATTRIBUTE & 1 or counts_attributes(self), &self.arena)
        if record.request.receipt == NULL or record.evidence == NULL:
            except_full()
        record.evidence.tenders = self.case.tenders
        record.evidence.fraud = self.case.fraud
        strip_numbers(self, record.request.receipt)
        earlier_evidence(self, release, record.evidence)
        return scarce_evidence(self, release, record.evidence)

    cdef bytes zone_of_store(self):
        cdef const Store* store = self.stores.find(self.case.wire.store_id)
        return self.zones.name_bytes(store.zone if store != NULL else self.zone)

    cdef bint is_sound(self, Operation operation, journal_v1.Effects* effects) except -1:
        """The book can take these effects. If not, a fact is kept without them, for a person to decide."""
        if check_effects(self.book, effects, <const uint8_t*>PyBytes_AS_STRING(operation.receipt_key), self.case.instant_us) == 0:
            return True
        memset(effects, 0, sizeof(journal_v1.Effects))
        add_exception(&operation.exceptions, pos_v1.REASON_NOT_APPLICABLE)
        check_effects(self.book, effects, <const uint8_t*>PyBytes_AS_STRING(operation.receipt_key), self.case.instant_us)
        return False

    cdef object booked(self, Operation operation, journal_v1.Record* record, bytes reply):
        """Write the checked effects and remember the operation: from here on nothing can fail."""
        cdef bytes body
        cdef bint about_receipt = operation.receipt_key != NO_RECEIPT
        cdef bint has_natural_key = about_receipt and not operation.natural_key_taken
        record.reply = text_of(reply)
        record.exceptions_count = operation.exceptions.count
        body = self.taken(journal_v1.encode_Record(record, self.buffer, REPLY_BYTES_MAX))
        self.book.write()
        self.remember(operation, record.seq, record.instant_us, reply)
        return new_answer(reply, new_row(record.seq, operation.op_id, operation.kind, operation.natural_key if has_natural_key else None,
                                         operation.receipt_key if about_receipt else None, record.instant_us, body,
                                         operation.original_key if operation.original_state else None), record.seq)

    cdef int remember(self, Operation operation, int64_t seq, int64_t instant_us, bytes reply) except -1:
        cdef SeenOperationRow row
        memset(&row, 0, sizeof(row))
        put_key(row.op_id, operation.op_id)
        put_key(row.natural_key, None if operation.natural_key_taken else operation.natural_key)
        put_key(row.receipt_key, operation.receipt_key)
        put_key(row.register_key, operation.register_key)
        put_key(row.original_key, operation.original_key)
        memcpy(&row.content, PyBytes_AS_STRING(operation.content), 8)
        row.seq = seq
        row.instant_us = instant_us
        row.register_seq = operation.register_seq
        row.shift_number = operation.shift_number
        row.receipt_number = operation.receipt_number
        row.receipt_state = operation.receipt_state
        row.original_state = operation.original_state
        self.operations.add(&row)
        self.replies.keep(<const uint8_t*>PyBytes_AS_STRING(operation.op_id), instant_us, <const uint8_t*>PyBytes_AS_STRING(reply), len(reply))
        self.last_seq = seq
        self.last_instant_us = instant_us
        return 0
