"""One decision's worth of facts: what `resolve` gathers and the calculator reads."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.one_time_code cimport OneTimeCode
from altyn.core.engine.qr_token cimport QrToken
from altyn.core.facts.directory cimport Card, Directory
from altyn.core.facts.catalogue cimport Catalogue
from altyn.core.facts.grants cimport Grants
from altyn.core.facts.stores cimport Store, Stores
from altyn.core.facts.zones cimport Zones
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.image cimport RulesView
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    REMARKS_MAX = 16

cdef struct Remarks:
    # Reasons that refuse nothing, each once.
    int32_t reasons[REMARKS_MAX]
    int32_t count

cdef struct Case:
    const pos_v1.Receipt* wire
    Receipt receipt
    Place place
    Holdings holdings
    Text zone_name
    Text card_state
    Text card_last4
    int64_t customer_id        # 0: none
    int64_t account_id         # 0: nobody earns
    int64_t card_id
    QrToken qr                 # what the card was identified by; card_id 0: by its number, or nothing
    OneTimeCode code           # that the phone's owner told
    int64_t business_time_us   # decides schedules, dates, and offline the release
    int64_t instant_us         # the sequencer's
    int32_t unknown_skus
    journal_v1.IssueFacts* issues   # coupons that rules want issued
    int32_t issues_count
    journal_v1.TenderEvidence* tenders  # means of payment and gift cards sold; NULL: the receipt has none
    pos_v1.TenderOutcome* tendered      # as many as the receipt has tenders
    journal_v1.FraudFacts* fraud        # NULL: no rule against fraud found anything
    bint fraud_tagged                   # and one of them wants it on the record
    Remarks remarks

cdef void remark(Remarks* remarks, int32_t reason) noexcept nogil
# Business time from the register's clock (semantics §6.11.27).
cdef int64_t business_time(const pos_v1.Receipt* wire, int64_t clock_us, Remarks* remarks) noexcept nogil
# Attributes the register left out, from the catalogue.
cdef void resolve_lines(Case* case, Catalogue catalogue) noexcept nogil
# The store and its wall clock; a store nobody told us of has no attributes and the programme's zone.
cdef void resolve_place(Case* case, Stores stores, Zones zones, int32_t programme_zone) noexcept nogil
# Who it is, into a new case: whose phone has this keyed hash (32 bytes), whose card it is (NULL: nobody knows it). -1: the arena is full.
cdef int resolve_phone(Case* case, Directory directory, const unsigned char* hash_, Arena* arena) noexcept nogil
cdef int resolve_card(Case* case, Directory directory, const Card* card, Arena* arena) noexcept nogil
# Birthday, favourites and grants of the customer that was found, at the place's wall clock; only what `rules` read. -1: the arena is full.
cdef int resolve_personal(Case* case, Directory directory, Grants grants, const RulesView* rules, Arena* arena) noexcept nogil
