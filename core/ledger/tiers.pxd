"""Tiers of accounts: who has which until when, and what was counted towards one in two periods.

A row is what the engine made of it: which sums make which tier, and what a period is, is not known here. Only accounts that something was
counted for, or that somebody gave a tier, have a row; it costs 40 bytes and its place in a table. Changes are whole rows, planned, checked and written with the book's
plan; a row of zeros is forgotten.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from altyn.core.ledger.forwards cimport account_key
from altyn.core.ledger.key_table cimport KEY_BYTES, KeySlot, KeyTable, keys_find
from altyn.core.limits cimport TIER_CHANGES_MAX

cdef struct TierRow:
    # 40 bytes, without gaps.
    int64_t account_id         # 0: the account has no row
    int64_t counted            # in the period that begins with `period_day`
    int64_t counted_before     # in the one before it
    int32_t period_day         # days since 1970-01-01
    int32_t until_day          # the last day of the tier; 0: there is none
    int16_t rank               # that purchases have made; 0: no tier
    int16_t given_rank         # by hand; 0: none. Images from before there was one have 0 in its place
    int32_t given_until_day

cdef struct Tiers:
    KeyTable places            # account: first is its place in `rows`
    TierRow* rows              # in no order
    uint32_t count
    uint32_t capacity
    TierRow plan[TIER_CHANGES_MAX]
    int32_t plan_count

cdef void tiers_free(Tiers* tiers) noexcept nogil
# A whole row as it is to be. False: out of range, too many, or the account has one in the plan already.
cdef bint tiers_plan(Tiers* tiers, const TierRow* row) noexcept nogil
# False: no memory. Then `tiers_write` cannot fail.
cdef bint tiers_room(Tiers* tiers) noexcept nogil
cdef void tiers_write(Tiers* tiers) noexcept nogil
cdef int64_t tiers_bytes(const Tiers* tiers) noexcept nogil
# By account, for the image; and one row of an image, which comes after those before it. False: it cannot be.
cdef bytes tiers_image(const Tiers* tiers)
cdef bint load_tiers(Tiers* tiers, const uint8_t* data, int64_t size) except -1

cdef inline TierRow tier_row(Tiers* tiers, int64_t account_id) noexcept nogil:
    """Zeros: the account has none."""
    cdef uint8_t key[KEY_BYTES]
    cdef const KeySlot* slot = NULL
    cdef TierRow none = [0, 0, 0, 0, 0, 0, 0, 0]
    if tiers.count > 0:
        account_key(account_id, key)
        slot = keys_find(&tiers.places, key)
    return none if slot == NULL else tiers.rows[slot.first]
