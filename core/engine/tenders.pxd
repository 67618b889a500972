"""Means of payment that the server keeps, and gift cards that are sold. What of it a decision reads, holds, takes and gives back."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.ledger.holds cimport Hold
from altyn.core.outcome cimport Outcome
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# Fill the case's `tenders` with what the book and the facts say; NULL when the receipt has no tender and sells no gift card.
cdef int read_tenders(Engine engine, Operation operation) except -1
# What each tender pays of the outcome, from what was read alone: as many as the receipt has, in the arena. NULL: there are none, or
# (with `out` unchanged) the arena is full.
cdef pos_v1.TenderOutcome* pay_tenders(
    const pos_v1.Receipt* wire, const journal_v1.TenderEvidence* evidence, const Outcome* outcome, Arena* arena
) noexcept nogil
# Into the written outcome.
cdef void write_tenders(const pos_v1.Receipt* wire, pos_v1.TenderOutcome* tendered, pos_v1.Outcome* out) noexcept nogil
# They need a Reserve.
cdef bint is_kept(Engine engine) noexcept
# Lines whose gift card cannot be sold, with the first one's reason; UNSPECIFIED when all can.
cdef int32_t refused_cards(Engine engine, int32_t** lines, int32_t* count) except -1
# Why a Reserve is declined on account of them, or UNSPECIFIED.
cdef int32_t refused_tender(Engine engine) noexcept
# A declined Reserve counts the wrong PINs that were entered.
cdef int count_wrong_pins(Engine engine, journal_v1.Effects* effects) except -1
cdef int keep_tenders(Engine engine, journal_v1.HoldChange* change) except -1
# What a Commit takes and loads for good.
cdef int take_tenders(Engine engine, Operation operation, journal_v1.Effects* effects, const Hold* held) except -1
# The receipt's lines and tenders as the journal keeps them: no number, no PIN.
cdef int strip_numbers(Engine engine, pos_v1.Receipt* receipt) except -1

# One entry that pays so much from the facts' account.
cdef int spend(Engine engine, journal_v1.Effects* effects, const journal_v1.TenderFacts* facts, int64_t amount_minor) except -1

# Shared with tenders_back: one more posting of an entry that has room, one more lot, one more state of a card's number.
cdef void put_posting(journal_v1.Entry* entry, int64_t account_id, int32_t asset_no, int64_t points, int64_t lot_id) noexcept nogil
cdef journal_v1.LotOpened* next_lot(Engine engine, journal_v1.Effects* effects) except NULL
cdef int change_card(Engine engine, journal_v1.Effects* effects, Text number_hash, int32_t use) except -1
