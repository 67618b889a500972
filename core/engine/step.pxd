"""The step function's state. See step.pyi for what Python calls."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.engine.calls cimport Exceptions
from altyn.core.engine.case cimport Case
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.releases cimport Release, Releases
from altyn.core.sha256 cimport HmacKey
from altyn.core.siphash cimport Digest, SipKey
from altyn.core.engine.token cimport Token
from altyn.core.facts.catalogue cimport Catalogue
from altyn.core.facts.directory cimport Directory
from altyn.core.facts.fraud cimport FraudRules
from altyn.core.facts.grants cimport Grants
from altyn.core.facts.stores cimport Stores
from altyn.core.facts.tiers cimport TierTerms
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
    cdef bint is_allowed              # what it spends without a hold is within the register's offline allowance
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
        FraudRules fraud
        TierTerms tiers
        Calculator calculator
        readonly Releases releases
        Numbers counting           # how to measure what the book keeps of earlier purchases; None: it keeps nothing
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
    cdef bint is_timely(self, const Token* token, int64_t clock_us) noexcept nogil
    cdef const uint8_t* begin(self, bytes request, WireError* error) noexcept
    cdef void new_case(self, int64_t clock_us) noexcept
    cdef int read(self, const pos_v1.Receipt* wire, scope, int64_t clock_us) except -1
    cdef Release decide(self, Operation operation, Text token_text, Token* token, bytes request, int64_t clock_us, bint explain)
    cdef int calculate(self, Release release, bint explain) except -1
    cdef Digest content(self, bytes request) noexcept
    cdef Digest result(self) noexcept
    cdef pos_v1.Outcome* shown(self, Release release, const pos_v1.Want* want) except NULL
    cdef int32_t mismatched_lines(self, int32_t** lines) except -1
    cdef bytes new_token(self, Release release, bytes request, int64_t clock_us)
    cdef dict asset_names(self)
    cdef bytes taken(self, int64_t size)
    cdef Operation operation(self, int kind, Text op_id, int64_t register_seq, int32_t op_no, Text token_text, bytes request, scope,
                             int64_t shift_number, int64_t receipt_number)
    cdef journal_v1.Effects* new_effects(self) except NULL
    cdef journal_v1.CounterChange* more_counters(self, journal_v1.Effects* effects, int32_t extra) except NULL
    cdef journal_v1.Record* new_record(self, Operation operation, journal_v1.Effects* effects) except NULL
    cdef int add_receipt(self, journal_v1.Record* record, Release release, const pos_v1.Want* want) except -1
    cdef bytes zone_of_store(self)
    cdef bint is_sound(self, Operation operation, journal_v1.Effects* effects) except -1
    cdef object booked(self, Operation operation, journal_v1.Record* record, bytes reply)
    cdef int remember(self, Operation operation, int64_t seq, int64_t instant_us, bytes reply) except -1

# Of the engine's arena, zeros: gone when the next call begins.
cdef void* taken(Engine engine, size_t size) except NULL
