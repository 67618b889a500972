"""One-time codes of phones, as their owners are sent them; made by altyn.core.engine.identity.one_time_code."""
from libc.stdint cimport int64_t, uint8_t
from altyn.core.sha256 cimport HmacKey
from altyn.core.text cimport Text

cdef enum CodeState:
    CODE_NONE = 0              # nobody told one
    CODE_BELIEVED = 1          # whether it is right is not for this call to say
    CODE_RIGHT = 2
    CODE_WRONG = 3
    CODE_OVER = 4              # right a while ago
    CODE_LOCKED = 5            # wrong ones were told too often

cdef struct OneTimeCode:
    CodeState state
    int64_t mark               # of the phone and the right code's step, for what may be done with it once
    int64_t ends_at_us         # of that step
    int64_t tries_mark         # of the phone and the step that is now
    int64_t tries_end_us

# Whether `code` is the one of the phone with this hash (32 bytes) at this instant.
cdef void one_time_code_read(const HmacKey* key, const uint8_t* phone_hash, Text code, int64_t instant_us, OneTimeCode* out) noexcept nogil
