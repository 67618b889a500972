"""The step function's state. See step.pyi for what Python calls."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp
from libc.string cimport memcpy
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.engine.case cimport Case
from altyn.core.engine.releases cimport Release, Releases
from altyn.core.sha256 cimport HmacKey
from altyn.core.siphash cimport Digest, SipKey
from altyn.core.engine.token cimport Token
from altyn.core.facts.catalogue cimport Catalogue
from altyn.core.facts.directory cimport Directory
from altyn.core.facts.grants cimport Grants
from altyn.core.facts.stores cimport Stores
from altyn.core.facts.zones cimport Zones
from altyn.core.ledger.book cimport Book
from altyn.core.ledger.operations cimport Operations
from altyn.core.ledger.replies cimport Replies
from altyn.core.outcome cimport Outcome
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from cpython.bytes cimport PyBytes_AS_STRING

cdef enum:
    EXCEPTIONS_MAX = 8

cdef struct Exceptions:
    int32_t reasons[EXCEPTIONS_MAX]
    int32_t count

@cython.final
cdef class Operation:
    # One effect call on its way: who says it, its keys, and what is to become of it.
    cdef int kind                     # altyn.pos.v1.OperationKind
    cdef bytes op_id
    cdef bytes content                # SHA-256
    cdef bytes receipt_key
    cdef bytes natural_key            # None: there is none
    cdef bytes register_key
    cdef bint natural_key_taken
    cdef int64_t register_seq
    cdef int32_t op_no
    cdef int64_t shift_number
    cdef int64_t receipt_number
    cdef int receipt_state            # RECEIPT_UNKNOWN: as before
    # Of what takes a sale back: its receipt key and its Commit's op_id, and the state it leaves the sale in (RECEIPT_UNKNOWN: as before).
    cdef bytes original_key
    cdef bytes original_op_id
    cdef bint asks_waiting            # its look-up asks for the returns that came before the sale
    cdef int original_state
    cdef Exceptions exceptions
    # Of Reserve and Commit: what memory or the journal answers at once, else the decision's release and the token that kept its price.
    cdef object answer
    cdef Release release
    cdef Token token

@cython.final
cdef class Engine:
    cdef:
        readonly object facts
        readonly Book book
        readonly Operations operations
        readonly Replies replies
        readonly int64_t last_seq
        readonly int64_t last_instant_us
        readonly str tenant
        readonly object owed       # deque of receipt keys: sales committed after a return that waits for them
        Catalogue catalogue
        Stores stores
        Zones zones
        Directory directory
        Grants grants
        Calculator calculator
        readonly Releases releases
        int32_t zone               # the programme's
        bytes tenant_bytes
        int64_t hold_us
        int64_t token_us
        bytes pepper
        HmacKey pepper_key
        SipKey token_key
        Arena arena
        uint8_t* buffer
        Case case
        Outcome outcome
        list kept                  # Python bytes whose memory the case points to
        dict names                 # of the assets, as last asked for

    cdef Release of_business_time(self, bint may_ask)
    cdef Release honoured(self, Text token_text, int64_t clock_us, Token* token)
    cdef const uint8_t* begin(self, bytes request, WireError* error) noexcept
    cdef void new_case(self, int64_t clock_us) noexcept
    cdef int read(self, const pos_v1.Receipt* wire, scope, int64_t clock_us) except -1
    cdef Release decide(self, Operation operation, Text token_text, Token* token, bytes request, int64_t clock_us, bint explain)
    cdef int calculate(self, Release release, bint explain) except -1
    cdef int identify(self, const pos_v1.Identity* identity) except -1
    cdef Digest content(self, bytes request) noexcept
    cdef Digest result(self) noexcept
    cdef pos_v1.Outcome* shown(self, Release release, const pos_v1.Want* want) except NULL
    cdef int32_t mismatched_lines(self, int32_t** lines) except -1
    cdef bytes new_token(self, Release release, bytes request, int64_t clock_us)
    cdef dict asset_names(self)
    cdef bytes taken(self, int64_t size)
    cdef Operation operation(self, int kind, Text op_id, int64_t register_seq, int32_t op_no, Text token_text, bytes request, scope,
                             int64_t shift_number, int64_t receipt_number)
    cdef object recall(self, Operation operation, known)
    cdef object recall_receipt(self, Operation operation, bytes body)
    cdef object lookup(self, Operation operation, int64_t after_seq, bint is_new)
    cdef bint is_certainly_new(self, Operation operation) except -1
    cdef object stored(self, Operation operation, bytes body, int64_t seq)
    cdef object conflict(self, int kind, int64_t seq)
    cdef bytes stored_reply(self, bytes op_id)
    cdef journal_v1.Effects* new_effects(self) except NULL
    cdef journal_v1.Record* new_record(self, Operation operation, journal_v1.Effects* effects) except NULL
    cdef int add_receipt(self, journal_v1.Record* record, Release release, const pos_v1.Want* want) except -1
    cdef bytes zone_of_store(self)
    cdef bint is_sound(self, Operation operation, journal_v1.Effects* effects) except -1
    cdef object booked(self, Operation operation, journal_v1.Record* record, bytes reply)
    cdef int remember(self, Operation operation, int64_t seq, int64_t instant_us, bytes reply) except -1

# What the acts (reads, receipts, accounts, replay) share.
cdef object malformed(WireError* error)
cdef object refused(str code, str reason, str field, str message)
cdef int except_full() except -1
cdef int check_op_id(Text op_id) except -1
cdef int check_scope(Text store_id, Text register_id, scope, str prefix) except -1
cdef int decode_record(bytes body, journal_v1.Record* record, Arena* arena) except -1

cdef inline bint is_explained(const pos_v1.Want* want) noexcept nogil:
    return want != NULL and want.explain

cdef inline bint is_planned(const pos_v1.Want* want) noexcept nogil:
    return want != NULL and want.fiscal_plan

cdef inline void put_key(uint8_t* to, bytes key) noexcept:
    """None leaves the zeros that stand for no key."""
    if key is not None:
        memcpy(to, PyBytes_AS_STRING(key), 16)

cdef inline str string(Text text):
    return text.data[:text.size].decode() if text.size > 0 else ""

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(str text, Py_ssize_t* size) except NULL

cdef inline bint is_text(Text text, str value) except -1:
    """Said without making a str of it."""
    cdef Py_ssize_t size = 0
    cdef const char* data = PyUnicode_AsUTF8AndSize(value, &size)
    return size == text.size and memcmp(data, text.data, <size_t>size) == 0

# Of an altyn.core.engine.types.Scope, a tuple: (tenant, store_id, register_id).
cdef inline str store_of(scope):
    return <str?>(<tuple>scope)[1]

cdef inline str register_of(scope):
    return <str?>(<tuple>scope)[2]

cdef inline Text text_of(bytes value):
    """Valid as long as the bytes are."""
    cdef Text text
    text.data = PyBytes_AS_STRING(value)
    text.size = <int32_t>len(value)
    return text

cdef inline void add_exception(Exceptions* exceptions, int32_t reason) noexcept nogil:
    cdef int32_t i
    for i in range(exceptions.count):
        if exceptions.reasons[i] == reason:
            return
    if exceptions.count < EXCEPTIONS_MAX:
        exceptions.reasons[exceptions.count] = reason
        exceptions.count += 1
