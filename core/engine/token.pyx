"""The calculation token.

Opaque to registers: format, release, business time, time of issue, digests of what was asked, of what was shown and of
who was identified how, and a keyed digest over them. Who does not hold the key cannot make one. Time-outs and what follows from a token are the engine's decisions.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy
from altyn.core.siphash cimport Digest, SipKey, SipState, digest_equal, sip_end, sip_start, sip_take
from altyn.core.text cimport Text

cdef enum:
    SIGNED_BYTES = 73

cdef Digest signature(const uint8_t* bytes_, SipKey key) noexcept nogil:
    cdef SipState state
    sip_start(&state, key)
    sip_take(&state, bytes_, SIGNED_BYTES)
    return sip_end(&state)

cdef void token_write(const Token* token, SipKey key, uint8_t* out) noexcept nogil:
    cdef Digest signed
    out[0] = TOKEN_FORMAT
    memcpy(out + 1, &token.rules_version, 8)
    memcpy(out + 9, &token.business_time_us, 8)
    memcpy(out + 17, &token.issued_us, 8)
    memcpy(out + 25, &token.content, 16)
    memcpy(out + 41, &token.result, 16)
    memcpy(out + 57, &token.identification, 16)
    signed = signature(out, key)
    memcpy(out + SIGNED_BYTES, &signed, 16)

cdef bint token_read(Text text, SipKey key, Token* token) noexcept nogil:
    cdef Digest signed
    cdef const uint8_t* data = <const uint8_t*>text.data
    if text.size != TOKEN_BYTES or data[0] != TOKEN_FORMAT:
        return False
    memcpy(&signed, data + SIGNED_BYTES, 16)
    if not digest_equal(signed, signature(data, key)):
        return False
    memcpy(&token.rules_version, data + 1, 8)
    memcpy(&token.business_time_us, data + 9, 8)
    memcpy(&token.issued_us, data + 17, 8)
    memcpy(&token.content, data + 25, 16)
    memcpy(&token.result, data + 41, 16)
    memcpy(&token.identification, data + 57, 16)
    return True
