"""Body of the map of merged accounts. No function raises.

The accounts that lead to one place are a chain through the table, so that a merge finds them without looking at all others.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t

from altyn.core.ledger.key_table cimport (
    KEY_BYTES, KeySlot, keys_bytes, keys_find, keys_free, keys_put, keys_remove, keys_reserve, slot_value,
)


cdef void forwards_free(Forwards* forwards) noexcept nogil:
    keys_free(&forwards.leads)
    keys_free(&forwards.heads)


cdef bint forwards_room(Forwards* forwards, int64_t account_id, int64_t to_account_id) noexcept nogil:
    cdef uint8_t key[KEY_BYTES]
    account_key(account_id, key)
    if not keys_reserve(&forwards.leads, key, 1):
        return False
    account_key(to_account_id, key)
    return keys_reserve(&forwards.heads, key, 1)


cdef bint may_lead(Forwards* forwards, int64_t account_id, int64_t to_account_id) noexcept nogil:
    return (account_id > 0 and to_account_id > 0 and account_id != to_account_id
            and forward_of(forwards, account_id) == account_id and forward_of(forwards, to_account_id) == to_account_id)


cdef bint is_led_to(Forwards* forwards, int64_t account_id) noexcept nogil:
    cdef uint8_t key[KEY_BYTES]
    account_key(account_id, key)
    return keys_find(&forwards.heads, key) != NULL


cdef void forwards_put(Forwards* forwards, int64_t account_id, int64_t to_account_id) noexcept nogil:
    """The account and whatever led to it lead to the other from now on."""
    cdef uint8_t key[KEY_BYTES]
    cdef uint8_t home[KEY_BYTES]
    cdef KeySlot* slot
    cdef uint64_t led = 0      # the first that led to the account
    cdef uint64_t others = 0   # the first that leads to the other already
    account_key(account_id, key)
    slot = keys_find(&forwards.heads, key)
    if slot != NULL:
        led = slot.first
        keys_remove(&forwards.heads, key)
    account_key(to_account_id, home)
    slot = keys_find(&forwards.heads, home)
    if slot != NULL:
        others = slot.first
    keys_put(&forwards.heads, home, <uint64_t>account_id, 0)
    keys_put(&forwards.leads, key, <uint64_t>to_account_id, led if led != 0 else others)
    while led != 0:
        account_key(<int64_t>led, key)
        slot = keys_find(&forwards.leads, key)
        led = slot_value(slot)
        keys_put(&forwards.leads, key, <uint64_t>to_account_id, led if led != 0 else others)


cdef int64_t forwards_bytes(const Forwards* forwards) noexcept nogil:
    return keys_bytes(&forwards.leads) + keys_bytes(&forwards.heads)
