"""Short-lived tokens of virtual cards, as an app shows them in a QR code; made by altyn.core.engine.identity.qr_token."""
from libc.stdint cimport int64_t
from altyn.core.sha256 cimport HmacKey
from altyn.core.text cimport Text

cdef enum QrReading:
    QR_NONE = 0                # another text: a card's number, perhaps
    QR_FORGED = 1              # of the form, and nobody here has made it
    QR_GENUINE = 2

cdef struct QrToken:
    int64_t card_id
    int64_t expires_at_us
    int64_t mark               # its own, for what may be done with it once

cdef QrReading qr_token_read(const HmacKey* key, Text text, QrToken* out) noexcept nogil
