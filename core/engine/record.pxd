"""Parts of a journal record, built in the arena. Every function answers NULL or -1 when the arena is full."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.engine.case cimport Case
from altyn.core.facts.zones cimport Zones
from altyn.core.ledger.holds cimport Hold
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    SEMANTICS = 1              # version of the calculation's meaning (docs/semantics.md)
    LOTS_PER_SEQ = 256         # lot_id = seq × 256 + n

# Some rule names the code; False also for a repeat of one that no rule names.
cdef bint is_named_coupon(const Case* case, const Outcome* outcome, int32_t place) noexcept nogil
# The receipt as it may be kept: no identity, and only codes the ruleset itself names; others are replaced by `unknown_codes` (as many
# texts as the receipt has coupons).
cdef pos_v1.Receipt* resolved_receipt(const Case* case, const Outcome* outcome, const Text* unknown_codes, Arena* arena) noexcept nogil
# Attributes a receipt's lines got from the catalogue, out of the evidence.
cdef void take_line_facts(Receipt* receipt, const journal_v1.Evidence* evidence) noexcept nogil
cdef journal_v1.Evidence* new_evidence(
    const Case* case, Ruleset rules, const int32_t* asset_nos, const int32_t* asset_scales, Text sha256, Text document_sha256,
    bint attributed, Arena* arena
) noexcept nogil
# One lot and one entry per accrual of the outcome.
cdef int accrual_effects(
    journal_v1.Effects* effects, const Case* case, const Outcome* outcome, Ruleset rules, const int32_t* asset_nos, Zones zones, int32_t zone,
    int64_t seq, Arena* arena
) noexcept nogil
cdef int adjustment_effects(
    journal_v1.Effects* effects, int64_t account_id, int32_t asset_no, int64_t points, int64_t active_from_us, int64_t expires_at_us,
    bint is_earned, int64_t seq, Arena* arena
) noexcept nogil
# A hold comes into being or ends; `hold_id` must outlive the record.
cdef int hold_effect(
    journal_v1.Effects* effects, Text hold_id, int32_t state, int64_t account_id, int64_t expires_at_us, Text store_id, Text register_id,
    int64_t shift_number, int64_t receipt_number, Arena* arena
) noexcept nogil
