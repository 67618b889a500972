"""Which account stands for which: the sparse map that merged accounts leave behind.

One step, never a chain: what led to an account that is merged leads to where that one goes. An account that leads elsewhere has no lots,
and costs 64 bytes; a programme without families pays nothing.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset
from altyn.core.ledger.key_table cimport KEY_BYTES, KeySlot, KeyTable, keys_find

cdef struct Forwards:
    KeyTable leads             # account: first is where it leads; value is the next account that leads there, 0: none
    KeyTable heads             # where accounts lead: first is one of them

cdef void forwards_free(Forwards* forwards) noexcept nogil
# Room for one more: `forwards_put` cannot fail then.
cdef bint forwards_room(Forwards* forwards, int64_t account_id, int64_t to_account_id) noexcept nogil
# The account leads nowhere yet, and the other nowhere at all.
cdef bint may_lead(Forwards* forwards, int64_t account_id, int64_t to_account_id) noexcept nogil
# Some account leads to this one.
cdef bint is_led_to(Forwards* forwards, int64_t account_id) noexcept nogil
cdef void forwards_put(Forwards* forwards, int64_t account_id, int64_t to_account_id) noexcept nogil
cdef int64_t forwards_bytes(const Forwards* forwards) noexcept nogil

cdef inline void account_key(int64_t account_id, uint8_t* key) noexcept nogil:
    memset(key, 0, KEY_BYTES)
    memcpy(key, &account_id, sizeof(int64_t))

cdef inline int64_t forward_of(Forwards* forwards, int64_t account_id) noexcept nogil:
    """The account that stands for this one: itself unless it was merged."""
    cdef uint8_t key[KEY_BYTES]
    cdef const KeySlot* slot
    if forwards.leads.count == 0:
        return account_id
    account_key(account_id, key)
    slot = keys_find(&forwards.leads, key)
    return account_id if slot == NULL else <int64_t>slot.first
